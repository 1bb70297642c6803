package org.refusal.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.refusal.torch.Memory;
import org.refusal.torch.ScriptModule.Tensors;
import org.refusal.torch.TorchOps;

/**
 * Cosines and sines of position times frequency for every kind of rotary positions that a model has, computed in float64
 * and kept in the model's type for as many positions as were asked for.
 */
final class RotaryTables implements AutoCloseable {
  private static final int FEWEST_POSITIONS = 256;

  /** @param cosines and sines {@code [positions, width]} */
  private record Table(NDArray cosines, NDArray sines) {}

  private final NDManager manager;
  private final DataType type;
  private final int maxPositions;
  private final List<Rotary> kinds;
  private final int[] kindOfLayer;
  private final List<NDArray> owned = new ArrayList<>();
  private final List<List<Table>> tables = new ArrayList<>(List.of(List.of(), List.of())); // within and beyond the boundary

  RotaryTables(ModelConfig config, NDManager manager, DataType type) {
    this.manager = manager;
    this.type = type;
    this.maxPositions = config.maxPositions();
    this.kinds = config.rotaries().stream().distinct().toList();
    this.kindOfLayer = config.rotaries().stream().mapToInt(kinds::indexOf).toArray();
  }

  /** Which of {@link #rotations} a layer uses. */
  int kind(int layer) {
    return kindOfLayer[layer];
  }

  /**
   * Cosines and sines {@code [batch, 1, pos, width]} of every kind.
   *
   * @param positions {@code [batch, pos]}
   * @param count above the largest of them
   * @param beyond see {@link RopeScaling#boundary}
   */
  List<Tensors> rotations(NDArray positions, int count, boolean beyond) {
    List<Tensors> rotations = new ArrayList<>();
    for (Table table : reserve(count, beyond)) {
      try (NDArray cos = DecoderScript.SCRIPT.tensor("rotation", table.cosines, positions);
          NDArray sin = DecoderScript.SCRIPT.tensor("rotation", table.sines, positions)) {
        rotations.add(Tensors.of(List.of(cos, sin)));
      }
    }
    return rotations;
  }

  private synchronized List<Table> reserve(int positions, boolean beyond) {
    int which = beyond ? 1 : 0;
    List<Table> found = tables.get(which);
    if (found.isEmpty() || found.get(0).cosines.getShape().get(0) < positions) {
      int rows = Math.min(maxPositions, Math.max(FEWEST_POSITIONS, 2 * Integer.highestOneBit(positions)));
      found = kinds.stream().map(rotary -> table(rotary, rows, beyond)).toList();
      tables.set(which, found);
    }
    return found;
  }

  private Table table(Rotary rotary, int rows, boolean beyond) {
    double[] frequencies = rotary.frequencies(beyond);
    double amplitude = rotary.scaling().amplitude();
    int width = rotary.width();
    double[] cos = new double[rows * width];
    double[] sin = new double[rows * width];
    for (int i = 0; i < frequencies.length; i++) {
      for (int position = 0; position < rows; position++) {
        for (int at : new int[] {position * width + i, position * width + i + width / 2}) {
          cos[at] = amplitude * Math.cos(position * frequencies[i]);
          sin[at] = amplitude * Math.sin(position * frequencies[i]);
        }
      }
    }
    return new Table(own(cos, rows, width), own(sin, rows, width));
  }

  private NDArray own(double[] values, int rows, int width) {
    try (NDArray array = manager.create(values, new Shape(rows, width))) {
      NDArray table = TorchOps.cast(array, type);
      owned.add(table);
      return Memory.own(table);
    }
  }

  @Override
  public void close() {
    owned.forEach(NDArray::close);
    owned.clear();
  }
}
