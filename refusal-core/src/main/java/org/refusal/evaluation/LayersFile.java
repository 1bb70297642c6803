package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.refusal.base.UserException;
import org.refusal.collected.CollectReport;
import org.refusal.collected.MetricSeparation;
import org.refusal.collected.MetricTokens;
import org.refusal.io.Json;

/**
 * {@code decision/{model}_layers.json}: what {@code collect --find-layers} found.
 *
 * @param definitions what the numbers mean, by key
 * @param refusalTokens the set R
 * @param auc of m, refused against complied prompts of this run
 * @param rates by category
 * @param prompts measured ones by category, in the order of the drops
 * @param profile decided at every residuals_N, in forward order
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LayersFile(
    String format,
    int version,
    Map<String, String> definitions,
    String model,
    String template,
    long seed,
    List<CollectReport.RefusalToken> refusalTokens,
    boolean calibrated,
    double auc,
    Map<String, Rate> rates,
    Map<String, List<Pair>> prompts,
    List<LayerDecision> profile,
    LayerProposal proposal) {
  private static final String FORMAT = "refusal-layers";
  private static final int VERSION = 1;
  private static final int BAR = 20;

  /** Prompts that were run, and how many of them were refused. */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Rate(int toxic, int toxicRefused, int safe, int safeRefused) {}

  /**
   * @param promptIndex number of the prompt within its category, as in collect's outputs
   * @param partner category and number of its partner
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Pair(long promptIndex, String partner) {}

  public static LayersFile of(
      String model, String template, long seed, MetricTokens tokens, double auc, Map<String, Rate> rates,
      Map<String, List<Pair>> prompts, List<LayerDecision> profile, LayerProposal proposal) {
    return new LayersFile(
        FORMAT, VERSION, texts(), model, template, seed, tokens.tokens(), tokens.calibrated(), auc, rates, prompts,
        profile, proposal);
  }

  private static Map<String, String> texts() {
    Map<String, String> definitions = new LinkedHashMap<>();
    definitions.put(
        "drops",
        "m less m with the post-instruction positions at the hook point set to the partner's values, attention sinks left"
            + " alone; nats; [category][prompt]");
    definitions.put("gap", "m less the partner's m; nats; [category][prompt]");
    definitions.put("decided", "mean over categories of mean drop over mean gap");
    definitions.put("low, high", "95 % percentile interval, prompts resampled within categories");
    definitions.put(
        "proposal",
        "the first residuals_N with decided of at least %.1f, the layer below it, and residuals_mid_N where decided jumps from below %.1f to above %.1f within layer N"
            .formatted(LayerProposal.DECIDED, LayerProposal.BEFORE_JUMP, LayerProposal.AFTER_JUMP));
    return definitions;
  }

  public static LayersFile read(Path file) {
    LayersFile read = Json.read(file, LayersFile.class);
    if (!FORMAT.equals(read.format) || read.version != VERSION) {
      throw UserException.badData("%s: is no %s file of version %d".formatted(file, FORMAT, VERSION));
    }
    return read;
  }

  /** The option for {@code collect} and the stages after it; null where nothing is proposed. */
  public String option() {
    return proposal.decisionLayer() == null
        ? null
        : "--set model.activation_layers=[%s]".formatted(String.join(",", proposal.hookPoints()));
  }

  /** For a person: what was run, the profile, the proposal, the option to paste. */
  public List<String> lines(Path file) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: %d of %d toxic and %d of %d safe prompts refused; refusal tokens R (%s): %s; AUC of m %.3f%s"
            .formatted(
                model, sum(Rate::toxicRefused), sum(Rate::toxic), sum(Rate::safeRefused), sum(Rate::safe),
                calibrated ? "calibrated on these" : "from the config",
                refusalTokens.stream().map(token -> "'" + token.piece() + "'").collect(Collectors.joining(", ")), auc,
                auc < MetricSeparation.GOOD_AUC ? " (warning: below .8, the profile says little)" : ""));
    String without =
        rates.keySet().stream()
            .filter(category -> !prompts.containsKey(category))
            .map(category ->
                "%s (%d of %d)".formatted(category, rates.get(category).toxicRefused(), rates.get(category).toxic()))
            .collect(Collectors.joining(", "));
    if (!without.isEmpty()) {
      lines.add("left out, too few refusals: " + without);
    }
    lines.add(
        "decided, with 95 %% interval (%d refused prompts of %d categories):"
            .formatted(prompts.values().stream().mapToInt(List::size).sum(), prompts.size()));
    for (LayerDecision at : profile) {
      lines.add(line(at));
    }
    lines.addAll(proposal.reasons());
    earlier().ifPresent(lines::add);
    if (option() != null) {
      lines.add("to capture them: " + option());
    }
    lines.add("written to " + file);
    return lines;
  }

  /** Whether a layer before the decision layer may have decided already, as far as its interval tells. */
  private Optional<String> earlier() {
    for (LayerDecision at : profile) {
      if (at.hookPoint().equals(proposal.decisionLayer())) {
        return Optional.empty();
      }
      if (proposal.decisionLayer() != null && at.high() >= LayerProposal.DECIDED) {
        return Optional.of(
            "not certain: the interval of %s reaches %.1f; more prompts would tell"
                .formatted(at.hookPoint(), LayerProposal.DECIDED));
      }
    }
    return Optional.empty();
  }

  private int sum(ToIntFunction<Rate> which) {
    return rates.values().stream().mapToInt(which).sum();
  }

  private String line(LayerDecision at) {
    String mark =
        at.hookPoint().equals(proposal.decisionLayer())
            ? "  decision layer"
            : proposal.hookPoints().contains(at.hookPoint()) ? "  to capture" : "";
    int filled =
        Double.isNaN(at.decided()) ? 0 : (int) Math.round(BAR * Math.max(0, Math.min(1, at.decided())));
    return "  %-12s %5s  %-15s |%s%s|%s"
        .formatted(
            at.hookPoint(), number(at.decided()), "[%s, %s]".formatted(number(at.low()), number(at.high())),
            "#".repeat(filled), " ".repeat(BAR - filled), mark)
        .stripTrailing();
  }

  /** Without the sign of what rounds to nothing. */
  private static String number(double value) {
    String text = "%.2f".formatted(value);
    return text.equals("-0.00") ? "0.00" : text;
  }
}
