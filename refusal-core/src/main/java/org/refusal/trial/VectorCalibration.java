package org.refusal.trial;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.refusal.base.Progress;
import org.refusal.config.StatsConfig;
import org.refusal.trial.Calibration.Answers;
import org.refusal.trial.Calibration.Coverage;
import org.refusal.trial.Calibration.Options;
import org.refusal.trial.Calibration.Uniformity;

/**
 * {@link Calibration} with the prompts of a real model: its differences and gradients at one hook point, drawn with
 * replacement into categories of which the truth is known (docs/calibration.md). Drops are linear.
 *
 * @param prompts of each category that are drawn from
 * @param uniformity p-values where all categories are one of the model's
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record VectorCalibration(
    String model,
    String hookPoint,
    List<String> categories,
    int[] prompts,
    Options options,
    List<Uniformity> uniformity,
    List<Coverage> coverage,
    List<Answers> errors) {

  private static final int DISCOVERY = 30;
  private static final int HELDOUT = 12;
  private static final double[] COMMON = {0, 0.2, 0.4, 0.6, 0.8, 1};

  /**
   * Refused discovery prompts of a model at one hook point.
   *
   * @param gradients g_p {@code [n][d]}
   * @param differences v_p {@code [n][d]}
   * @param gaps m less m of the partner {@code [n]}
   * @param categoryOf number of each prompt's category {@code [n]}
   */
  public record Vectors(
      String model,
      String hookPoint,
      List<String> categories,
      double[][] gradients,
      double[][] differences,
      double[] gaps,
      int[] categoryOf) {
    private LinearTransfer.Prompts prompts() {
      return new LinearTransfer.Prompts(gradients, differences, gaps, categoryOf, categories.size());
    }
  }

  /** O(simulations * rows) measurements of some 200 vectors. */
  public static VectorCalibration run(
      Vectors vectors, Options options, StatsConfig.Verdict thresholds, Progress progress) {
    LinearTransfer.Prompts prompts = vectors.prompts();
    int k = vectors.categories().size();
    List<Uniformity> uniformity = new ArrayList<>();
    List<Coverage> coverage = new ArrayList<>();
    List<Answers> errors = new ArrayList<>();
    try (Progress.Task task = progress.task("real vectors", k + COMMON.length)) {
      for (int c = 0; c < k; c++) {
        String name = "only " + vectors.categories().get(c);
        PromptMixture same =
            PromptMixture.same(prompts, c, Calibration.CATEGORIES, DISCOVERY, HELDOUT, Simulation.RESAMPLES);
        uniformity.addAll(
            WorldTables.uniformity(
                ", " + name, DISCOVERY, Calibration.CATEGORIES, random -> same.draw(DISCOVERY, random).differences(),
                options));
        coverage.addAll(WorldTables.coverage(name, same, options));
        errors.add(WorldTables.answers(name, same, options, thresholds));
        task.advance(1);
      }
      for (double common : COMMON) {
        String name = String.format(Locale.ROOT, "%.0f %% from all", 100 * common);
        PromptMixture mixed = PromptMixture.mixed(prompts, common, DISCOVERY, HELDOUT, Simulation.RESAMPLES);
        coverage.addAll(WorldTables.coverage(name, mixed, options));
        errors.add(WorldTables.answers(name, mixed, options, thresholds));
        task.advance(1);
      }
    }
    return new VectorCalibration(
        vectors.model(),
        vectors.hookPoint(),
        vectors.categories(),
        IntStream.range(0, k).map(c -> prompts.rows(c).length).toArray(),
        options,
        uniformity,
        coverage,
        errors);
  }

  /** The tables as Markdown. */
  public String markdown() {
    StringBuilder text = new StringBuilder("%s at %s: ".formatted(model, hookPoint));
    for (int c = 0; c < prompts.length; c++) {
      text.append(c == 0 ? "" : ", ").append(categories.get(c)).append(' ').append(prompts[c]);
    }
    text.append(" refused discovery prompts\n\n");
    Calibration.uniformity(text, uniformity);
    Calibration.coverage(text, coverage);
    Calibration.answers(text, "Answers of the verdict by truth", errors);
    return text.toString();
  }
}
