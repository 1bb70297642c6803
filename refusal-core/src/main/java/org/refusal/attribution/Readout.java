package org.refusal.attribution;

import com.fasterxml.jackson.core.type.TypeReference;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.stats.ReproducibleReadout;

/**
 * The causal read-out of a hook point (docs/evaluation.md, effect form), in both definitions.
 *
 * @param categories in the order of what the read-out holds of each
 */
public record Readout(List<String> categories, ReproducibleReadout reproducible, PooledReadout pooled) {
  static final String FORMAT = "refusal-readout";
  static final String VERSION = "2";

  /** Which definition: {@code transfer.effect}. */
  public enum Kind {
    REPRODUCIBLE,
    POOLED;

    public static Kind of(String key) {
      return valueOf(key.toUpperCase(java.util.Locale.ROOT));
    }

    public String key() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** Orthonormal rows {@code [rank][d_model]}. */
  public double[][] basis(Kind kind) {
    return kind == Kind.POOLED ? pooled.basis() : reproducible.basis();
  }

  public static void write(Path path, String model, Map<HookPoint, Readout> readouts) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    readouts.forEach((at, readout) -> { // eight-byte tensors first keeps every tensor aligned to its element
      ReproducibleReadout known = readout.reproducible();
      tensors.put(at.name() + ".distinct", Tensor.of(new long[] {known.distinct()}, 1));
      tensors.put(at.name() + ".spectrum", Tensor.of(known.spectrum(), known.spectrum().length));
      tensors.put(at.name() + ".floor", Tensor.of(new double[] {known.floor()}, 1));
      tensors.put(at.name() + ".held", Tensor.of(known.held(), known.held().length));
      tensors.put(at.name() + ".pooled_energy", Tensor.of(readout.pooled().energy(), readout.pooled().rank()));
    });
    readouts.forEach((at, readout) -> {
      tensors.put(at.name() + ".basis", rows(readout.reproducible().basis()));
      tensors.put(at.name() + ".pooled_basis", rows(readout.pooled().basis()));
    });
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", FORMAT);
    metadata.put("version", VERSION);
    metadata.put("model", model);
    metadata.put("hook_points", readouts.keySet().stream().map(HookPoint::name).collect(Collectors.joining(",")));
    metadata.put("categories", Json.toText(readouts.values().iterator().next().categories()));
    Safetensors.write(path, tensors, metadata);
  }

  private static Tensor rows(double[][] basis) {
    int width = basis.length == 0 ? 0 : basis[0].length;
    float[] flat = new float[basis.length * width];
    for (int r = 0; r < basis.length; r++) {
      for (int i = 0; i < width; i++) {
        flat[r * width + i] = (float) basis[r][i];
      }
    }
    return Tensor.of(flat, basis.length, width);
  }

  /** In forward order. */
  public static Map<HookPoint, Readout> read(Path path) {
    try (Safetensors file = Safetensors.open(path)) {
      if (!FORMAT.equals(file.metadata().get("format")) || !VERSION.equals(file.metadata().get("version"))) {
        throw UserException.badData(
            "%s: is no %s file of version %s".formatted(path, FORMAT, VERSION), "run 'refusal discover' again");
      }
      List<String> categories = categories(file, path);
      Map<HookPoint, Readout> readouts = new LinkedHashMap<>();
      for (HookPoint at : HookPoint.parseAll(Arrays.asList(file.metadata().get("hook_points").split(",")))) {
        readouts.put(
            at,
            new Readout(
                categories,
                new ReproducibleReadout(
                    rows(file, at.name() + ".basis"),
                    (int) file.longs(at.name() + ".distinct")[0],
                    file.doubles(at.name() + ".spectrum"),
                    file.doubles(at.name() + ".floor")[0],
                    file.doubles(at.name() + ".held")),
                new PooledReadout(
                    rows(file, at.name() + ".pooled_basis"), file.doubles(at.name() + ".pooled_energy"))));
      }
      return readouts;
    }
  }

  private static List<String> categories(Safetensors file, Path path) {
    try {
      return Json.mapper().readValue(file.metadata().get("categories"), new TypeReference<>() {});
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw UserException.badData(path + ": metadata 'categories' is no list: " + Json.reason(e));
    }
  }

  private static double[][] rows(Safetensors file, String name) {
    long[] shape = file.entry(name).shape();
    double[] flat = file.doubles(name);
    double[][] rows = new double[(int) shape[0]][];
    for (int r = 0; r < rows.length; r++) {
      rows[r] = Arrays.copyOfRange(flat, r * (int) shape[1], (r + 1) * (int) shape[1]);
    }
    return rows;
  }
}
