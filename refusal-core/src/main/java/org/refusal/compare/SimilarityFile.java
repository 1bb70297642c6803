package org.refusal.compare;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.stats.AverageLinkage;

/**
 * {@code {model}_similarity.json}, version 1: how alike the categories' circuits are. Numbers that are undefined are the
 * text {@code "NaN"}.
 *
 * @param nothing why there is nothing to compare, or null
 * @param effectVectors what the effect vectors hold: {@code prompt_side}, the prompt side of the indirect effects over the
 *     latents; null where there are none, so that disattenuated and plain cosine are left out
 * @param equalizedTo nodes to which circuits were cut before the legacy similarity, or -1
 * @param hookPoints in forward order
 * @param definitions what each measure is
 * @param groups by {@code toxic_toxic}, {@code safe_safe}, {@code safe_toxic} (rows safe, columns toxic) and {@code
 *     both} (circuits made from both sides); those whose circuits exist
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SimilarityFile(
    String format,
    int version,
    String model,
    String nothing,
    String effectVectors,
    int equalizedTo,
    List<String> hookPoints,
    Map<String, String> definitions,
    Map<String, Group> groups) {
  public static final String FORMAT = "refusal-similarity";
  public static final int VERSION = 1;
  /** The place of a measure over all hook points together. */
  public static final String POOLED = "pooled";

  /**
   * Two sides compared, category by category.
   *
   * @param symmetric whether rows and columns are the same circuits
   * @param nodes number of nodes of each row's circuit
   * @param measures by measure, then by place (hook point or {@value #POOLED}): {@code [rows][columns]}
   * @param means by measure, then by place
   * @param chance by measure: the mean over pairs, pooled, of random circuits of the same sizes
   * @param tree average linkage on the pooled disattenuated cosine (the weighted Jaccard where there are no effect
   *     vectors); null for a cross matrix or fewer than two categories
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Group(
      List<String> rows,
      List<String> columns,
      boolean symmetric,
      int[] nodes,
      Map<String, Map<String, double[][]>> measures,
      Map<String, Map<String, Means>> means,
      Map<String, RandomCircuits.Chance> chance,
      Tree tree) {

    public double[][] pooled(String measure) {
      return measures.getOrDefault(measure, Map.of()).get(POOLED);
    }
  }

  /**
   * Over the pairs at which the measure is defined; NaN without any.
   *
   * @param between mean over pairs of different categories
   * @param sameCategory mean over equal categories: of a cross matrix, how alike the two sides of one category are
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Means(double between, double sameCategory) {}

  /**
   * @param measure what it was made from
   * @param order rows as leaves from left to right
   */
  public record Tree(String measure, List<String> order, List<AverageLinkage.Merge> merges) {}

  public static SimilarityFile nothing(String model, String why) {
    return new SimilarityFile(FORMAT, VERSION, model, why, null, -1, List.of(), Map.of(), Map.of());
  }

  public void write(Path file) {
    Json.write(file, this);
  }

  public static SimilarityFile read(Path file) {
    SimilarityFile read = Json.read(file, SimilarityFile.class);
    if (!FORMAT.equals(read.format) || read.version != VERSION) {
      throw UserException.badData("%s: is no %s file of version %d".formatted(file, FORMAT, VERSION));
    }
    return read;
  }
}
