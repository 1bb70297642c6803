package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.SafetensorsWriter;
import org.refusal.io.SafetensorsWriter.Declaration;
import org.refusal.torch.Memory;

/**
 * Second moment of the path-averaged gradient rows of one category at every hook point: sum over prompts and tokens of g
 * gᵀ, float64. Memory O(d_model²) per hook point, whatever the number of prompts.
 */
final class GradientMoments implements AutoCloseable {
  private final Map<HookPoint, NDArray> byPoint = new TreeMap<>(); // [d_model, d_model] float64
  private final int dModel;
  private long prompts;

  GradientMoments(NDManager manager, List<HookPoint> points, int dModel) {
    this.dModel = dModel;
    points.forEach(
        at -> byPoint.put(at, Memory.own(manager.zeros(new Shape(dModel, dModel), DataType.FLOAT64))));
  }

  /**
   * @param products sum over the tokens of some prompts of g gᵀ at every hook point {@code [d_model, d_model]} float64
   * @param count how many prompts
   */
  void add(Map<HookPoint, NDArray> products, long count) {
    products.forEach((at, product) -> byPoint.get(at).addi(product));
    prompts += count;
  }

  /** {@code {hook}.moment} F64 [d_model, d_model] and {@code prompts} I64 [1]. */
  void write(Path file) {
    java.util.ArrayList<Declaration> declarations = new java.util.ArrayList<>();
    declarations.add(new Declaration("prompts", DType.I64, 1));
    byPoint.keySet().forEach(at -> declarations.add(new Declaration(at.name() + ".moment", DType.F64, dModel, dModel)));
    String points = byPoint.keySet().stream().map(HookPoint::name).collect(Collectors.joining(","));
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, declarations, Map.of("hook_points", points))) {
      writer.append("prompts", Safetensors.Tensor.of(new long[] {prompts}, 1).data());
      byPoint.forEach(
          (at, moment) -> {
            for (int i = 0; i < dModel; i++) {
              try (Memory.Scope scope = Memory.scope()) {
                writer.append(at.name() + ".moment", Safetensors.Tensor.of(moment.get(i).toDoubleArray(), dModel).data());
              }
            }
          });
      writer.commit();
    }
  }

  /** Hook points of a file, in forward order. */
  static List<HookPoint> hookPoints(Path file) {
    try (Safetensors moments = Safetensors.open(file)) {
      return HookPoint.parseAll(Arrays.asList(moments.metadata().get("hook_points").split(",")));
    }
  }

  /** The categories' moments at one hook point, each scaled to unit trace {@code [d_model * d_model]}. */
  static List<double[]> scaled(List<Path> files, HookPoint at) {
    List<double[]> scaled = new java.util.ArrayList<>();
    for (Path file : files) {
      try (Safetensors moments = Safetensors.open(file)) {
        double[] moment = moments.doubles(at.name() + ".moment");
        double energy = trace(moment);
        if (moments.longs("prompts")[0] > 0 && energy > 0) {
          for (int i = 0; i < moment.length; i++) {
            moment[i] /= energy;
          }
          scaled.add(moment);
        }
      }
    }
    if (scaled.isEmpty()) {
      throw org.refusal.base.UserException.badData(
          "no toxic discovery prompt at all: the causal read-out of %s has nothing to rest on".formatted(at.name()));
    }
    return scaled;
  }

  private static double trace(double[] moment) {
    int n = (int) Math.round(Math.sqrt(moment.length));
    double trace = 0;
    for (int i = 0; i < n; i++) {
      trace += moment[i * n + i];
    }
    return trace;
  }

  @Override
  public void close() {
    byPoint.values().forEach(NDArray::close);
  }
}
