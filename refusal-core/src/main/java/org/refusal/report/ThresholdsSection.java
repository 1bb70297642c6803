package org.refusal.report;

import java.util.ArrayList;
import java.util.List;

/** Every threshold of the verdict. */
public final class ThresholdsSection implements Section {
  @Override
  public String title() {
    return "Thresholds";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.STATS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    VerdictFigures stats = VerdictFigures.of(sources.need(Source.STATS));
    page.text().paragraph("Every threshold of the verdict, as used; they are set under `verdict:` of stats.");
    List<List<String>> rows = new ArrayList<>();
    stats.verdict().path("thresholds").fields().forEachRemaining(
        field -> rows.add(
            List.of(
                "`" + field.getKey() + "`",
                field.getValue().isValueNode() ? field.getValue().asText() : field.getValue().toString())));
    page.text().table(List.of("threshold", "value"), rows);
  }
}
