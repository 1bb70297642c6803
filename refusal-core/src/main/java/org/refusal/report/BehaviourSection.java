package org.refusal.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.refusal.collected.CollectReport;
import org.refusal.collected.CollectReport.Rate;
import org.refusal.collected.RefusalRates;

/** Which prompts the model refuses, and by what that is told. */
public final class BehaviourSection implements Section {
  @Override
  public String title() {
    return "Who refuses what";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.COLLECT);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    CollectReport collect = sources.need(Source.COLLECT);
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
}
