package org.refusal.report;

import java.util.ArrayList;
import java.util.List;
import org.refusal.attribution.AttributionCheck;

/** Whether the effects of a hook point add up to what setting all of it to the baseline does. */
public final class CompletenessSection implements Section {
  @Override
  public String title() {
    return "Do the attributions add up?";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.CHECKS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    List<AttributionCheck> checks = sources.need(Source.CHECKS);
    if (checks.isEmpty()) {
      return;
    }
    page.text().paragraph(
        ("Completeness is the sum of all effects over the effect of setting everything to the baseline; outside [%s, %s] the"
                + " attribution is called unreliable there, and no verdict rests on it. The prompt side is what the prompt"
                + " has and its partner lacks; it depends on how the autoencoder splits what it sees, and only describes.")
            .formatted(Numbers.of(AttributionCheck.LOWEST, 1), Numbers.of(AttributionCheck.HIGHEST, 1)));
    List<List<String>> rows = new ArrayList<>();
    for (AttributionCheck check : checks) {
      rows.add(
          List.of(
              check.category(),
              check.at().name(),
              Numbers.of(check.completeness(), check.low(), check.high()),
              Numbers.of(check.promptSideOfGap()),
              Numbers.of(check.errorShare()),
              "%d of %d".formatted(check.sinks(), check.tokens()),
              Integer.toString(check.prompts()),
              check.reliable() ? "yes" : "no"));
    }
    page.text()
        .table(
            List.of(
                "category", "hook point", "completeness", "prompt side / gap", "error share", "sinks", "prompts",
                "reliable"),
            rows);
  }
}
