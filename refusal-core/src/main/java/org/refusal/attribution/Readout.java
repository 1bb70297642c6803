package org.refusal.attribution;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;

/**
 * The causal read-out of a hook point (docs/evaluation.md, effect form): the directions along which m reacts to the activation
 * there, on average over the path from the prompts to their baselines.
 *
 * @param basis orthonormal rows {@code [rank][d_model]}, strongest first
 * @param energy share of the gradients' energy along each {@code [rank]}
 * @param totalEnergy of the mean moment of the categories, each scaled to 1; 0 where there are no gradients
 */
public record Readout(double[][] basis, double[] energy, double totalEnergy) {
  static final String FORMAT = "refusal-readout";
  static final String VERSION = "1";

  public int rank() {
    return basis.length;
  }

  /** B Bᵀ v: the part of a vector that the model reads {@code [d_model]}. */
  public double[] project(float[] vector) {
    double[] projected = new double[vector.length];
    for (double[] direction : basis) {
      double dot = 0;
      for (int i = 0; i < vector.length; i++) {
        dot += direction[i] * vector[i];
      }
      for (int i = 0; i < vector.length; i++) {
        projected[i] += dot * direction[i];
      }
    }
    return projected;
  }

  /**
   * The leading eigenvectors of the mean of the categories' moments. A direction belongs to the read-out when it carries at
   * least the share {@code least / categories} of the mean's energy: had it that energy from one category alone, it would
   * be the share {@code least} of that category's. (A cut at 99 % of the pooled energy would depend on the number of
   * categories, and where most of everyone's gradient lies along one direction it would drop what is read for one only.)
   *
   * @param moments of each category, scaled to unit trace, each {@code [d_model * d_model]}
   * @param maxRank at most so many directions
   */
  static Readout of(List<double[]> moments, double least, int maxRank) {
    if (moments.isEmpty()) {
      return new Readout(new double[0][], new double[0], 0);
    }
    int n = (int) Math.round(Math.sqrt(moments.get(0).length));
    double[] mean = new double[n * n];
    for (double[] moment : moments) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += moment[i] / moments.size();
      }
    }
    LeadingEigenvectors.Result leading = LeadingEigenvectors.of(mean, n, Math.min(maxRank, n));
    int rank =
        (int) Arrays.stream(leading.values()).filter(energy -> energy >= least / moments.size()).count();
    return new Readout(Arrays.copyOf(leading.vectors(), rank), Arrays.copyOf(leading.values(), rank), 1);
  }

  public static void write(Path path, String model, Map<HookPoint, Readout> readouts) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    readouts.forEach((at, readout) -> {
      tensors.put(at.name() + ".energy", Tensor.of(readout.energy(), readout.rank()));
      tensors.put(at.name() + ".total_energy", Tensor.of(new double[] {readout.totalEnergy()}, 1));
    });
    readouts.forEach((at, readout) -> {
      int width = readout.rank() == 0 ? 0 : readout.basis()[0].length;
      float[] flat = new float[readout.rank() * width];
      for (int r = 0; r < readout.rank(); r++) {
        for (int i = 0; i < width; i++) {
          flat[r * width + i] = (float) readout.basis()[r][i];
        }
      }
      tensors.put(at.name() + ".basis", Tensor.of(flat, readout.rank(), width));
    });
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", FORMAT);
    metadata.put("version", VERSION);
    metadata.put("model", model);
    metadata.put(
        "hook_points", readouts.keySet().stream().map(HookPoint::name).collect(Collectors.joining(",")));
    Safetensors.write(path, tensors, metadata);
  }

  /** In forward order. */
  public static Map<HookPoint, Readout> read(Path path) {
    try (Safetensors file = Safetensors.open(path)) {
      if (!FORMAT.equals(file.metadata().get("format")) || !VERSION.equals(file.metadata().get("version"))) {
        throw UserException.badData("%s: is no %s file of version %s".formatted(path, FORMAT, VERSION));
      }
      Map<HookPoint, Readout> readouts = new LinkedHashMap<>();
      for (HookPoint at : HookPoint.parseAll(Arrays.asList(file.metadata().get("hook_points").split(",")))) {
        long[] shape = file.entry(at.name() + ".basis").shape();
        double[] flat = file.doubles(at.name() + ".basis");
        double[][] basis = new double[(int) shape[0]][];
        for (int r = 0; r < basis.length; r++) {
          basis[r] = Arrays.copyOfRange(flat, r * (int) shape[1], (r + 1) * (int) shape[1]);
        }
        readouts.put(
            at, new Readout(basis, file.doubles(at.name() + ".energy"), file.doubles(at.name() + ".total_energy")[0]));
      }
      return readouts;
    }
  }
}
