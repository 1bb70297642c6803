package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.CollectReport.Rate;
import org.refusal.collected.RefusalRates;
import org.refusal.run.RunManifest;

/** What everything else rests on: behaviour of the model, quality of the autoencoders, methods, provenance. */
public final class ReportBasis {
  private final ReportPage page;

  public ReportBasis(ReportPage page) {
    this.page = page;
  }

  public void behaviour(CollectReport collect) {
    page.text().heading(2, "Who refuses what");
    page.text().paragraph(
        "Share of prompts that the model refused, fully or in part, by the refusal detector on its own greedy answers.");
    page.figure("report_refusal_rates", "Refusal rates with 95 % Wilson intervals", RefusalRates.figure(collect));
    boolean hard = collect.categories().values().stream().anyMatch(sides -> sides.hard() != null);
    List<List<String>> rows = new ArrayList<>();
    collect.categories().forEach((category, sides) -> {
      List<String> row = new ArrayList<>(List.of(category));
      add(row, sides.toxic());
      if (hard) {
        add(row, sides.hard());
      }
      add(row, sides.safe());
      rows.add(row);
    });
    List<String> header = new ArrayList<>(List.of("category", "toxic", "refused"));
    if (hard) {
      header.addAll(List.of("hard", "refused"));
    }
    header.addAll(List.of("safe", "refused"));
    page.text().table(header, rows);
    List<String> facts = new ArrayList<>();
    facts.add(
        "Refusal tokens R (%s): %s"
            .formatted(
                collect.calibrated() ? "calibrated on discovery prompts" : "from the config",
                collect.refusalTokens().isEmpty()
                    ? "none"
                    : collect.refusalTokens().stream()
                        .map(token -> "“" + Markdown.escape(token.piece()) + "”")
                        .collect(Collectors.joining(", "))));
    CollectReport.Separation separation = collect.separation();
    facts.add(
        !separation.judged()
            ? "The metric m cannot be judged: " + separation.unknown()
            : "The metric m tells refused from answered held-out prompts with AUC %s (%d refused, %d answered)"
                .formatted(
                    Numbers.of(separation.auc(), separation.low(), separation.high()),
                    separation.refused(), separation.complied()));
    CollectReport.DefaultRefusal byDefault = collect.defaultRefusal();
    if (byDefault != null) {
      facts.add(
          "Refusal by default: %d of %d prompts that ask for nothing (words, greetings, numbers) were refused, %s"
              .formatted(
                  byDefault.refused(), byDefault.prompts(),
                  Numbers.of(byDefault.rate(), byDefault.low(), byDefault.high())));
    }
    facts.add("Chat template: " + Markdown.escape(collect.template()));
    if (!collect.legacy().isEmpty()) {
      facts.add("Legacy definitions of the original project were on: " + Markdown.escape(String.join(", ", collect.legacy())));
    }
    if (!collect.overLength().isEmpty()) {
      facts.add("Prompts left out because they do not fit the model's context: " + collect.overLength().size());
    }
    if (!collect.missing().isEmpty()) {
      facts.add("Prompts left out because they could not be run: " + collect.missing().size());
    }
    page.text().list(facts);
  }

  private static void add(List<String> row, Rate rate) {
    row.add(rate == null ? "–" : Integer.toString(rate.prompts()));
    row.add(rate == null ? "–" : Numbers.of(rate.rate(), rate.low(), rate.high()));
  }

  public void autoencoders(Map<HookPoint, JsonNode> metrics) {
    page.text().heading(2, "The autoencoders");
    page.text().paragraph(
        "FVU: fraction of variance unexplained about the mean, sinks left out. Dead: latents that no token activates. CE"
            + " score: of the cross-entropy that zeroing the hook point costs, the share that its reconstruction recovers; KL"
            + " of the next-token distributions, in nats, model against model with the reconstruction; both on held-out"
            + " prompts. A sink is a token with more than ten times the median norm.");
    List<List<String>> rows = new ArrayList<>();
    List<String> warnings = new ArrayList<>();
    metrics.forEach((at, json) -> {
      JsonNode train = json.path("train");
      JsonNode heldOut = json.path("held_out");
      rows.add(
          List.of(
              at.name(),
              Numbers.of(Measured.number(train.path("fvu")), 3),
              Numbers.of(Measured.number(heldOut.path("fvu")), 3),
              Numbers.of(Measured.number(heldOut.path("explained_variance")), 3),
              Numbers.of(Measured.number(train.path("l0")), 1),
              Numbers.percent(Measured.number(train.path("dead_share"))),
              Numbers.of(Measured.number(heldOut.path("cosine")), 3),
              Numbers.of(Measured.number(json.path("in_model").path("ce_score")), 3),
              Numbers.of(Measured.number(json.path("in_model").path("kl")), 3),
              "%d of %d".formatted(json.path("sinks").path("count").asLong(), json.path("sinks").path("tokens").asLong())));
      json.path("warnings").forEach(
          warning -> warnings.add(at.name() + ": " + Markdown.escape(warning.asText())));
    });
    page.text()
        .table(
            List.of(
                "hook point", "FVU train", "FVU held out", "explained, held out", "L0", "dead", "cosine, held out",
                "CE score", "KL", "sinks"),
            rows);
    if (!warnings.isEmpty()) {
      page.text().list(warnings);
    }
  }

  public void methods(ReportSources sources) {
    page.text().heading(2, "Methods");
    page.text().paragraph(
        "Prompts are split once into discovery and held-out sets. On discovery prompts, latents of one top-k sparse"
            + " autoencoder per hook point (Gao et al. 2024) are attributed by their indirect effect on m, the log-odds of"
            + " beginning a refusal, against a matched safe prompt that the model answered (integrated gradients; Marks et"
            + " al. 2024, Hanna et al. 2024). The read-out of a hook point is what the later layers read there: the directions of"
            + " the categories' mean gradients that come back in other prompts of the category. "
            + taken(sources)
            + " The verdict is made from this transfer at the first layer at which the positions after the user's text carry the"
            + " decision; intervals resample prompts. Every term is defined in docs/definitions.md.");
    page.text().paragraph("Model: " + Markdown.escape(sources.model()) + ".");
  }

  /** How the effect form intervenes ({@code transfer.amount}). */
  private static String taken(ReportSources sources) {
    boolean own = sources.transfer().map(transfer -> transfer.amount().equals("own")).orElse(true);
    return own
        ? "From held-out prompts of every category as much as they have of their own evidence is taken along each"
            + " category's direction in it, and the drop of m is measured."
        : "On held-out prompts of every category the component along each category's direction in it is set to the"
            + " partner's, and the drop of m is measured (a common part of s comes out as s squared at most).";
  }

  /**
   * Times and memory stay in the manifests: the same results give the same report.
   *
   * @param stages whose last run counts, in the order of the table
   */
  public void provenance(List<RunManifest> history, List<String> stages) {
    Map<String, RunManifest> latest = new LinkedHashMap<>();
    stages.forEach(
        stage -> history.stream()
            .filter(run -> run.stage().equals(stage))
            .reduce((before, after) -> after)
            .ifPresent(run -> latest.put(stage, run)));
    if (latest.isEmpty()) {
      return;
    }
    page.text().heading(2, "Provenance");
    List<List<String>> rows = new ArrayList<>();
    Map<String, List<String>> versions = new LinkedHashMap<>();
    latest.forEach((stage, run) -> {
      rows.add(
          List.of(
              stage,
              "`" + run.key() + "`",
              Integer.toString(run.stageVersion()),
              Long.toString(run.seed()),
              Integer.toString(run.inputs().size()),
              Integer.toString(run.outputs().size())));
      run.versions().forEach((name, value) -> {
        List<String> seen = versions.computeIfAbsent(name, key -> new ArrayList<>());
        if (!seen.contains(value)) {
          seen.add(value);
        }
      });
    });
    page.text().table(List.of("stage", "key", "version", "seed", "files read", "files written"), rows);
    List<String> lines = new ArrayList<>();
    versions.forEach((name, seen) -> lines.add("%s: %s".formatted(name, Markdown.escape(String.join("; ", seen)))));
    page.text().list(lines);
    page.text().paragraph(
        "Resolved configs, digests of all files, times and memory: `manifests/STAGE-KEY.json` in the results folder.");
  }
}
