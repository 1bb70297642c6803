package org.refusal.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.DisattenuatedSimilarity;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.SparseRows;

/**
 * How alike groups of prompts are by their effect vectors, through the statistics of docs/statistics.md: what stats says of the same
 * prompts, without its intervals.
 *
 * @param disattenuated S by hook point and {@link SimilarityFile#POOLED}, {@code [groups][groups]}
 * @param cosine of the groups' means, likewise
 */
record EffectSimilarity(Map<String, double[][]> disattenuated, Map<String, double[][]> cosine) {

  /**
   * O(hook points * prompts * entries); one matrix of inner products per hook point is in memory.
   *
   * @param groups of every hook point, the vectors of each group, the same prompts everywhere
   */
  static EffectSimilarity of(Map<HookPoint, List<SparseRows>> groups, int threads) {
    Map<String, double[][]> disattenuated = new LinkedHashMap<>();
    Map<String, double[][]> cosine = new LinkedHashMap<>();
    List<GramMatrix> grams = new ArrayList<>();
    int[] labels = labels(groups.values().iterator().next());
    int count = groups.values().iterator().next().size();
    groups.forEach((at, rows) -> {
      GramMatrix gram = GramMatrix.ofSparse(SparseRows.stacked(rows), threads);
      grams.add(gram);
      disattenuated.put(at.name(), DisattenuatedSimilarity.similarity(gram, labels, count));
      cosine.put(at.name(), DisattenuatedSimilarity.cosines(gram, labels, count));
    });
    GramMatrix pooled = GramMatrix.pooled(grams);
    disattenuated.put(SimilarityFile.POOLED, DisattenuatedSimilarity.similarity(pooled, labels, count));
    cosine.put(SimilarityFile.POOLED, DisattenuatedSimilarity.cosines(pooled, labels, count));
    return new EffectSimilarity(disattenuated, cosine);
  }

  private static int[] labels(List<SparseRows> groups) {
    int[] labels = new int[groups.stream().mapToInt(SparseRows::rows).sum()];
    int from = 0;
    for (int group = 0; group < groups.size(); group++) {
      Arrays.fill(labels, from, from + groups.get(group).rows(), group);
      from += groups.get(group).rows();
    }
    return labels;
  }
}
