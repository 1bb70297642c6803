package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.refusal.evaluation.BehaviourTransfer;
import org.refusal.evaluation.Share;
import org.refusal.evaluation.TransferFile;
import org.refusal.plot.ColorScale;
import org.refusal.plot.Heatmap;
import org.refusal.plot.Theme;

/**
 * Transfer between categories. D and what is weak come from the statistics file alone; the matrices shown are those of the
 * decision layer, of the last hook point where there is none.
 */
public final class TransferSection implements Section {
  @Override
  public String title() {
    return "Causal transfer between categories";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.TRANSFER);
  }

  @Override
  public List<Source<?>> mayRead() {
    return List.of(Source.STATS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    TransferFile transfer = sources.need(Source.TRANSFER);
    JsonNode stats = sources.get(Source.STATS).orElse(MissingNode.getInstance());
    Optional<String> decision = VerdictFigures.of(stats).decisionPoint();
    TransferFigures statistics = TransferFigures.of(stats.path("tests"));
    if (transfer.hookPoints().isEmpty()) {
      page.text().paragraph("Nothing was evaluated.");
      return;
    }
    String at =
        decision
            .filter(transfer.hookPoints()::containsKey)
            .orElseGet(() -> List.copyOf(transfer.hookPoints().keySet()).get(transfer.hookPoints().size() - 1));
    page.text().paragraph(
        ("What serves refusal in one category (row) is set to an answered prompt's values, and the drop of m is measured on"
                + " the held-out refused prompts of another (column), in units of that category's refusal gap. D is 1 less"
                + " the mean drop across categories over the mean drop within. Matrices are those at `%s`.")
            .formatted(at));
    List<List<String>> rows = new ArrayList<>();
    for (TransferFigures.Form form : statistics.forms()) {
      rows.add(form.row());
      if (form.hookPoint().equals(at)) {
        page.figure(
            "report_transfer_" + form.key(),
            form.caption(),
            heatmap(
                "Transfer, %s form, at %s".formatted(form.name(), at), statistics.categories(), form.drop(),
                ColorScale.diverging(1), "drop / refusal gap"));
      }
    }
    page.text()
        .table(List.of("hook point", "form", "own drop", "random parts", "D", "weak because"), rows);
    if (transfer.refusals() != null) {
      behaviour(transfer, at, page);
    }
  }

  private static void behaviour(TransferFile transfer, String at, ReportPage page) {
    page.text().heading(3, "Transfer by behaviour");
    int prompts = Arrays.stream(transfer.refusals().rate()).mapToInt(Share::prompts).sum();
    page.text().paragraph(
        ("The same parts, and what the model then writes: the share of held-out prompts still refused, by the refusal"
                + " detector on up to %d new tokens, with 95 %% Wilson intervals. %d prompts, of which %s are refused without"
                + " intervention. Own part: that of the prompt's category; others' part: all other categories together. D is 1"
                + " less the mean share of refusals lost across categories over that lost within; its interval resamples"
                + " prompts.")
            .formatted(
                transfer.refusals().newTokens(), prompts,
                Numbers.percent(
                    Arrays.stream(transfer.refusals().rate()).mapToDouble(rate -> rate.value() * rate.prompts()).sum()
                        / prompts)));
    transfer.hookPoints().get(at).behaviour().forEach((form, seen) -> {
      String name = form.replace('_', ' ');
      page.figure(
          "report_behaviour_" + form,
          "Share of prompts still refused at %s, %s form: own part %s, others' part %s"
              .formatted(at, name, Numbers.of(seen.own().value()), Numbers.of(seen.other().value())),
          heatmap(
              "Still refused, %s form, at %s".formatted(name, at),
              transfer.categories(),
              Arrays.stream(seen.rate())
                  .map(row -> Arrays.stream(row).mapToDouble(Share::value).toArray())
                  .toArray(double[][]::new),
              ColorScale.sequential(0, 1),
              "share refused"));
    });
    List<List<String>> rows = new ArrayList<>();
    transfer.hookPoints().forEach(
        (point, here) -> here.behaviour().forEach((form, seen) -> rows.add(row(point, form, seen))));
    page.text()
        .table(
            List.of("hook point", "form", "own part", "others' part", "random part", "D", "weak because"), rows);
  }

  private static List<String> row(String point, String form, BehaviourTransfer seen) {
    return List.of(
        point,
        form.replace('_', ' '),
        Numbers.of(seen.own()),
        Numbers.of(seen.other()),
        Numbers.of(seen.control()),
        seen.weak() == null ? Numbers.of(seen.distinctness()) : "–",
        seen.weak() == null ? "" : Markdown.escape(seen.weak()));
  }

  /** @param values {@code [part of][on prompts of]} */
  private static Heatmap heatmap(
      String title, List<String> categories, double[][] values, ColorScale colors, String unit) {
    return new Heatmap(
        title, "part of", "on prompts of", categories, categories, values, colors, unit, Theme.LIGHT);
  }
}
