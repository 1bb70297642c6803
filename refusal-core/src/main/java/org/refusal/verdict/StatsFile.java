package org.refusal.verdict;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.config.StatsConfig;
import org.refusal.io.Json;

/** {@code {model}_stats.json}: the verdict and every statistic that it rests on; see the package's description. */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record StatsFile(
    String format,
    int version,
    String model,
    long seed,
    int permutations,
    int bootstrap,
    Map<String, String> definitions,
    Verdict verdict,
    SharingMeasures tests,
    @JsonInclude(JsonInclude.Include.NON_NULL) Map<Long, Verdict> bySaeSeed,
    @JsonInclude(JsonInclude.Include.NON_NULL) Object legacy) {

  public static final String FORMAT = "refusal-stats";
  public static final int VERSION = 2;

  public static StatsFile of(SharingEvidence evidence, SharingMeasures tests, Verdict verdict, StatsConfig config) {
    return new StatsFile(
        FORMAT,
        VERSION,
        evidence.model(),
        config.seed(),
        config.stats().permutations(),
        config.stats().bootstrap(),
        definitionTexts(),
        verdict,
        tests,
        null,
        null);
  }

  /** The verdict alone of a file that was written. */
  public static Verdict verdict(Path file) {
    JsonNode read = Json.read(file);
    if (!FORMAT.equals(read.path("format").asText()) || read.path("version").asInt() != VERSION) {
      throw UserException.badData("%s: is no %s file of version %d".formatted(file, FORMAT, VERSION));
    }
    try {
      return Json.mapper().treeToValue(read.path("verdict"), Verdict.class);
    } catch (JsonProcessingException e) {
      throw UserException.badData(file + ": " + Json.reason(e));
    }
  }

  /**
   * The same with the verdicts of several autoencoder seeds, and their common verdict in place of this one's.
   *
   * @param bySeed in the order of the seeds, at least one
   */
  public StatsFile withSeeds(Map<Long, Verdict> bySeed) {
    return new StatsFile(
        format, version, model, seed, permutations, bootstrap, definitions, Verdict.acrossSeeds(bySeed), tests, bySeed,
        legacy);
  }

  /** @param numbers of the original project's significance, marked as such ({@code stats.legacy}) */
  public StatsFile withLegacy(Object numbers) {
    return new StatsFile(
        format, version, model, seed, permutations, bootstrap, definitions, verdict, tests, bySaeSeed, numbers);
  }

  public void write(Path file) {
    Json.write(file, this);
  }

  private static Map<String, String> definitionTexts() {
    Map<String, String> text = new LinkedHashMap<>();
    text.put("reliability", "U / V: mean inner product over pairs of distinct prompts / squared norm of the mean vector");
    text.put("split_half", "cosine of the means of two random halves, Spearman-Brown corrected, mean over 100 halvings");
    text.put("similarity", "S_ij = <mean_i, mean_j> / sqrt(U_i U_j); intervals by the bias-corrected jackknife over prompts");
    text.put(
        "separation",
        "mean cosine of pairs of prompts within categories less between; labels permuted within terciles of length;"
            + " p = (b + 1) / (B + 1); never decides");
    text.put("separation_split_half", "cosines of half means: mean diagonal less mean off-diagonal");
    text.put("permanova", "pseudo-F on d = sqrt(2 (1 - cos)) (Anderson 2001)");
    text.put("permdisp", "F of distances to spatial centroids (Anderson 2006), residuals permuted");
    text.put("topic", "Mantel correlation with the topic distance (1 - TF-IDF cosine); partial: category held constant");
    text.put("decided", "drop / Delta with only the post-instruction positions set to the partner's values");
    text.put("own_drop", "mean over i of drop_ii; drop_ij = mean drop of m on j's held-out prompts, i's part removed / Delta_j");
    text.put("distinctness", "D = 1 - mean of drop_ij over i != j / mean of drop_ii");
    text.put("completeness", "sum of indirect effects / effect of setting everything at the hook point to the baseline");
    text.put("prompt_share", "- sum of the latents' prompt-side effects / sum of the refusal gaps, discovery prompts");
    text.put(
        "auc",
        "probability that m of a refused held-out prompt exceeds m of a complied one; interval by DeLong's and Hanley and"
            + " McNeil's variances at each value");
    text.put(
        "transfer",
        "t_ij = (drop_ij + drop_ji) / (drop_ii + drop_jj): how much of each other's refusal two categories' parts carry");
    text.put("shared_part", "1 - D of the effect form at the decision layer; similarity: mean S of its vectors, describes only");
    text.put(
        "readout",
        "spectrum: eigenvalues of the categories' gradients over pairs of distinct prompts; floor: size of the most negative"
            + " eigenvalue between halves of the prompts; distinct: eigenvalues of more than twice that");
    return text;
  }
}
