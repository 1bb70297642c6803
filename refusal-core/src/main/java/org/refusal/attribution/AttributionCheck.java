package org.refusal.attribution;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;

/**
 * Whether the effects at a hook point add up (docs/attribution.md), over the toxic discovery prompts of a category. Shares are
 * ratios of means over prompts; all are of changes of m, so that 1 means: all of it.
 *
 * @param completeness sum of the effects of all nodes over (m with everything at its baseline - m)
 * @param low lower end of its 95 % interval, percentile bootstrap over prompts
 * @param high upper end
 * @param promptSide prompt side of the latents' effects over the full effect; NaN where sides cannot be told apart
 * @param partnerSide the rest of the latents' effects over the full effect
 * @param errorShare effect of the error node over the full effect
 * @param fullEffect mean of m with everything at its baseline less m
 * @param refusalGap mean of m less mean of m of the partners; NaN without partners
 * @param promptSideOfGap - mean prompt side / refusal gap
 * @param sinks tokens left alone
 * @param tokens all tokens of the prompts
 * @param prompts n
 */
public record AttributionCheck(
    String category,
    HookPoint at,
    String estimator,
    double completeness,
    double low,
    double high,
    double promptSide,
    double partnerSide,
    double errorShare,
    double fullEffect,
    double refusalGap,
    double promptSideOfGap,
    long sinks,
    long tokens,
    int prompts) {
  /** Outside, the attribution is called unreliable. */
  public static final double LOWEST = .5;

  public static final double HIGHEST = 1.5;
  private static final int RESAMPLES = 1000;
  private static final List<String> NUMBERS =
      List.of(
          "completeness", "completeness_low", "completeness_high", "prompt_side", "partner_side", "error_share",
          "full_effect", "refusal_gap", "prompt_side_of_gap");

  public boolean reliable() {
    return completeness >= LOWEST && completeness <= HIGHEST;
  }

  /** Sums per prompt from which a check is made; a few numbers for each. */
  static final class Collector {
    private final List<double[]> rows = new ArrayList<>(); // nodes, full, prompt side, error, gap
    private long sinks;
    private long tokens;
    private boolean sides = true;

    void add(PromptAttribution attribution, PromptAttribution.AtPoint point) {
      NodeEffects nodes = point.nodes();
      sides &= nodes.promptSide().isPresent();
      double promptSide = nodes.promptSide().map(values -> Arrays.stream(values).sum()).orElse(Double.NaN);
      rows.add(
          new double[] {
            nodes.sum(),
            point.baselineMetric() - attribution.metric(),
            promptSide,
            nodes.error(),
            attribution.metric() - attribution.partnerMetric()
          });
      sinks += point.sinks();
      tokens += attribution.prompt().length();
    }

    AttributionCheck check(String category, HookPoint at, String estimator, long seed) {
      int n = rows.size();
      double[] means = new double[5];
      for (double[] row : rows) {
        for (int i = 0; i < means.length; i++) {
          means[i] += row[i] / n;
        }
      }
      double full = means[1];
      double[] interval = interval(Seeds.random(seed, "attribution-check", category, at.name()));
      double latents = means[0] - means[3];
      return new AttributionCheck(
          category,
          at,
          estimator,
          means[0] / full,
          interval[0],
          interval[1],
          sides ? means[2] / full : Double.NaN,
          sides ? (latents - means[2]) / full : Double.NaN,
          means[3] / full,
          full,
          means[4],
          sides ? -means[2] / means[4] : Double.NaN,
          sinks,
          tokens,
          n);
    }

    private double[] interval(SplittableRandom random) {
      int n = rows.size();
      double[] ratios = new double[RESAMPLES];
      for (int b = 0; b < RESAMPLES; b++) {
        double effects = 0;
        double full = 0;
        for (int i = 0; i < n; i++) {
          double[] row = rows.get(random.nextInt(n));
          effects += row[0];
          full += row[1];
        }
        ratios[b] = effects / full;
      }
      Arrays.sort(ratios);
      return new double[] {ratios[(int) (.025 * RESAMPLES)], ratios[RESAMPLES - 1 - (int) (.025 * RESAMPLES)]};
    }
  }

  /** Writes {@code {"checks": [...]}}; numbers that are not finite as strings. */
  public static void write(Path file, List<AttributionCheck> checks) {
    write(file, Json.mapper().createObjectNode(), checks);
  }

  /** The same with {@code "partners"}: where partners come from, and why. */
  public static void writeWithPartners(Path file, ObjectNode partners, List<AttributionCheck> checks) {
    write(file, Json.mapper().createObjectNode().set("partners", partners), checks);
  }

  private static void write(Path file, ObjectNode root, List<AttributionCheck> checks) {
    ArrayNode list = root.putArray("checks");
    for (AttributionCheck check : checks) {
      ObjectNode json = list.addObject();
      json.put("category", check.category);
      json.put("hook_point", check.at.name());
      json.put("estimator", check.estimator);
      double[] values = {
        check.completeness, check.low, check.high, check.promptSide, check.partnerSide, check.errorShare,
        check.fullEffect, check.refusalGap, check.promptSideOfGap
      };
      for (int i = 0; i < values.length; i++) {
        if (Double.isFinite(values[i])) {
          json.put(NUMBERS.get(i), values[i]);
        } else {
          json.put(NUMBERS.get(i), Double.toString(values[i]));
        }
      }
      json.put("reliable", check.reliable());
      json.put("sinks", check.sinks);
      json.put("tokens", check.tokens);
      json.put("prompts", check.prompts);
    }
    Json.write(file, root);
  }

  public static List<AttributionCheck> read(Path file) {
    List<AttributionCheck> checks = new ArrayList<>();
    JsonNode list = Json.read(file).path("checks");
    if (!list.isArray()) {
      throw UserException.badData(file + ": holds no list 'checks'");
    }
    for (int c = 0; c < list.size(); c++) {
      JsonNode json = list.get(c);
      double[] values = new double[NUMBERS.size()];
      for (int i = 0; i < values.length; i++) {
        JsonNode value = json.path(NUMBERS.get(i));
        if (!value.isNumber() && !List.of("NaN", "Infinity", "-Infinity").contains(value.asText())) {
          throw UserException.badData("%s: check %d: %s is no number: %s".formatted(file, c, NUMBERS.get(i), value));
        }
        values[i] = value.isNumber() ? value.doubleValue() : Double.parseDouble(value.asText());
      }
      checks.add(
          new AttributionCheck(
              json.path("category").asText(),
              HookPoint.parse(json.path("hook_point").asText()),
              json.path("estimator").asText(),
              values[0],
              values[1],
              values[2],
              values[3],
              values[4],
              values[5],
              values[6],
              values[7],
              values[8],
              json.path("sinks").asLong(),
              json.path("tokens").asLong(),
              json.path("prompts").asInt()));
    }
    return checks;
  }
}
