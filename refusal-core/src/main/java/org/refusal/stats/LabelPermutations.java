package org.refusal.stats;

import java.util.function.IntFunction;

/**
 * The labellings of a permutation test, each made when it is asked for.
 *
 * @param labels observed group of each item
 * @param count number of groups
 * @param order permutation of the items in a draw
 */
record LabelPermutations(int[] labels, int count, IntFunction<int[]> order) {

  /**
   * Labels permuted at random within strata.
   *
   * @param strata stratum of each item; null for one stratum
   */
  static LabelPermutations random(int[] labels, int count, int[] strata, Resampling resampling) {
    Grouping members = Grouping.of(strata == null ? new int[labels.length] : strata);
    return new LabelPermutations(labels, count, draw -> Permutations.within(members, resampling.stream(draw)));
  }

  Grouping observed() {
    return Grouping.of(labels, count);
  }

  Grouping draw(int draw) {
    return Grouping.of(Permutations.apply(labels, order.apply(draw)), count);
  }

  /** Draws {@code from .. from + size - 1}. */
  Grouping[] draws(int from, int size) {
    Grouping[] draws = new Grouping[size];
    for (int i = 0; i < size; i++) {
      draws[i] = draw(from + i);
    }
    return draws;
  }
}
