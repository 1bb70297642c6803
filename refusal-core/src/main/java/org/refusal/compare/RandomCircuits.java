package org.refusal.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.ToDoubleBiFunction;
import org.refusal.base.Seeds;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.stats.Summary;

/**
 * How alike circuits are by their sizes alone: every circuit is replaced by one with as many latents at every hook point,
 * drawn at random, and the same importances there.
 *
 * @param latents d_sae of every hook point
 * @param draws how often all circuits are replaced, at least 1
 */
public record RandomCircuits(Map<HookPoint, Integer> latents, int draws, long seed) {

  /**
   * Of the mean similarity over pairs of different categories.
   *
   * @param low 2.5 % quantile over the draws
   * @param high 97.5 % quantile
   */
  public record Chance(double mean, double low, double high, int draws) {}

  /**
   * Of each measure. O(draws * pairs * the measure's cost).
   *
   * @param rows circuits by category
   * @param columns likewise; the same map for the pairs of one side
   */
  public Map<String, Chance> similarity(
      Map<String, Circuit> rows,
      Map<String, Circuit> columns,
      Map<String, ToDoubleBiFunction<Circuit, Circuit>> measures) {
    Map<String, double[]> values = new LinkedHashMap<>();
    measures.keySet().forEach(name -> values.put(name, new double[draws]));
    for (int draw = 0; draw < draws; draw++) {
      SplittableRandom random = Seeds.random(seed, "random circuits", Integer.toString(draw));
      Map<String, Circuit> left = randomised(rows, random);
      Map<String, Circuit> right = columns == rows ? left : randomised(columns, random);
      for (Map.Entry<String, ToDoubleBiFunction<Circuit, Circuit>> measure : measures.entrySet()) {
        values.get(measure.getKey())[draw] = meanBetween(left, right, columns == rows, measure.getValue());
      }
    }
    Map<String, Chance> chances = new LinkedHashMap<>();
    values.forEach((name, drawn) -> {
      double[] sorted = Summary.finiteSorted(drawn);
      chances.put(
          name,
          new Chance(
              sorted.length == 0 ? Double.NaN : Summary.mean(sorted),
              Summary.quantile(sorted, 0.025),
              Summary.quantile(sorted, 0.975),
              sorted.length));
    });
    return chances;
  }

  private static double meanBetween(
      Map<String, Circuit> rows,
      Map<String, Circuit> columns,
      boolean symmetric,
      ToDoubleBiFunction<Circuit, Circuit> measure) {
    List<Double> between = new ArrayList<>();
    rows.forEach((category, circuit) -> columns.forEach((other, against) -> {
      boolean counted = symmetric ? category.compareTo(other) < 0 : !category.equals(other);
      if (counted) {
        double value = measure.applyAsDouble(circuit, against);
        if (Double.isFinite(value)) {
          between.add(value);
        }
      }
    }));
    return between.isEmpty()
        ? Double.NaN
        : Summary.mean(between.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private Map<String, Circuit> randomised(Map<String, Circuit> circuits, SplittableRandom random) {
    Map<String, Circuit> drawn = new LinkedHashMap<>();
    circuits.forEach((category, circuit) -> drawn.put(category, of(circuit, random)));
    return drawn;
  }

  /** Latents only, without edges; importances keep their hook point. */
  Circuit of(Circuit circuit, SplittableRandom random) {
    Map<HookPoint, List<ScoredNode>> byPoint = new TreeMap<>();
    for (ScoredNode scored : circuit.nodes()) {
      if (scored.node() instanceof LatentNode latent) {
        byPoint.computeIfAbsent(latent.at(), at -> new ArrayList<>()).add(scored);
      }
    }
    List<ScoredNode> nodes = new ArrayList<>();
    byPoint.forEach((at, here) -> {
      int[] chosen = distinct(here.size(), latents.get(at), random);
      for (int i = 0; i < chosen.length; i++) {
        nodes.add(new ScoredNode(new LatentNode(at, chosen[i]), here.get(i).effect(), here.get(i).importance()));
      }
    });
    return new Circuit(nodes, List.of());
  }

  private static int[] distinct(int count, int of, SplittableRandom random) {
    if (2 * count > of) {
      return Arrays.copyOf(Seeds.permutation(of, random), Math.min(count, of));
    }
    Set<Integer> chosen = new LinkedHashSet<>();
    while (chosen.size() < count) {
      chosen.add(random.nextInt(of));
    }
    return chosen.stream().mapToInt(Integer::intValue).toArray();
  }
}
