package org.refusal.attribution;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.refusal.circuit.HookPoint;

/**
 * Differences and gradients of the refused toxic discovery prompts of all categories at one hook point: what the effect
 * form of transfer is made of (docs/evaluation.md).
 *
 * @param differences v_p {@code [n][d_model]}, categories one after the other
 * @param gradients {@code [n][d_model]}
 * @param categories of each, by the order of the files
 */
public record EffectVectors(double[][] differences, double[][] gradients, int[] categories, int count) {

  /**
   * @param files attribution files by category
   * @param chosen rows of a category's file that count
   */
  public static EffectVectors read(
      Map<String, Path> files, HookPoint at, BiFunction<AttributionStore, String, int[]> chosen) {
    List<double[]> differences = new ArrayList<>();
    List<double[]> gradients = new ArrayList<>();
    List<Integer> categories = new ArrayList<>();
    int category = 0;
    for (Map.Entry<String, Path> file : files.entrySet()) {
      try (AttributionStore store = AttributionStore.open(file.getValue(), file.getKey())) {
        int[] rows = chosen.apply(store, file.getKey());
        differences.addAll(Arrays.asList(store.effect(at, rows)));
        gradients.addAll(Arrays.asList(store.gradient(at, rows)));
        for (int i = 0; i < rows.length; i++) {
          categories.add(category);
        }
      }
      category++;
    }
    return new EffectVectors(
        differences.toArray(double[][]::new),
        gradients.toArray(double[][]::new),
        categories.stream().mapToInt(Integer::intValue).toArray(),
        category);
  }

  /**
   * The category of each prompt, or -1 in categories with fewer than {@code least} prompts; of all where less than two
   * categories have as many.
   */
  public int[] labels(int least) {
    int[] prompts = new int[count];
    for (int category : categories) {
      prompts[category]++;
    }
    boolean any = IntStream.of(prompts).filter(n -> n >= least).count() >= 2;
    return IntStream.of(categories).map(category -> any && prompts[category] < least ? -1 : category).toArray();
  }

  /** Rows of one category. */
  public int[] rows(int category) {
    return IntStream.range(0, categories.length).filter(p -> categories[p] == category).toArray();
  }
}
