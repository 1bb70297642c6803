package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** The answer, what it rests on, and, where there is none, what would settle it. */
public final class HeadlineSection implements Section {
  private static final String COMMAND = ": refusal ";

  @Override
  public String title() {
    return "Verdict";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.STATS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    VerdictFigures stats = VerdictFigures.of(sources.need(Source.STATS));
    String headline = stats.verdict().path("headline").asText();
    page.text().quote("**%s**%s".formatted(stats.answer(), Markdown.escape(headline.substring(stats.answer().length()))), stats.texts("facts"));
    List<String> also = new ArrayList<>();
    if (Double.isFinite(VerdictFigures.figure(stats.verdict().path("shared_part")).value())) {
      also.add("Shared part, 1 - D of the effect form: %s".formatted(VerdictFigures.figure(stats.verdict().path("shared_part")).text()));
      also.add(
          "Mean S of the effect vectors over pairs of categories, which describes and does not decide: %s"
              .formatted(VerdictFigures.figure(stats.verdict().path("similarity")).text()));
    }
    stats.verdict().path("left_out").properties().forEach(entry ->
        also.add("Left out: %s (%s)".formatted(Markdown.escape(entry.getKey()), Markdown.escape(entry.getValue().asText()))));
    if (!stats.verdict().path("remark").asText().isEmpty()) {
      also.add("Remark: " + Markdown.escape(stats.verdict().path("remark").asText()));
    }
    if (!also.isEmpty()) {
      page.text().list(also);
    }
    if (stats.answer().equals("INCONCLUSIVE")) {
      page.text().heading(3, "What is still possible");
      page.text().paragraph(stats.texts("possible").isEmpty() ? "Nothing is known." : String.join(", ", stats.texts("possible")) + ".");
      page.text().heading(3, "Why it is not settled");
      page.text().list(stats.texts("reasons"));
      if (!stats.verdict().path("next_steps").isEmpty()) {
        page.text().heading(3, "What would settle it, the cheapest first");
        List<String> steps = new ArrayList<>();
        stats.verdict().path("next_steps").forEach(step -> steps.add(withCommand(step.asText())));
        page.text().list(steps);
      }
    }
    checks(stats, page);
  }

  /** It stands right below the report's own title. */
  @Override
  public boolean hasHeading() {
    return false;
  }

  @Override
  public void writeWithout(ReportPage page) {
    page.text().quote("**No verdict yet.** The statistics have not been run.", List.of());
  }

  /** A command line ends the text after a colon. */
  private static String withCommand(String step) {
    int at = step.lastIndexOf(COMMAND);
    return at < 0
        ? Markdown.escape(step)
        : "%s: `%s`".formatted(Markdown.escape(step.substring(0, at)), step.substring(at + 2));
  }

  private static void checks(VerdictFigures stats, ReportPage page) {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode check : stats.verdict().path("checks")) {
      JsonNode holds = check.path("holds");
      rows.add(
          List.of(
              Markdown.escape(check.path("name").asText()), Markdown.escape(check.path("value").asText()),
              holds.isBoolean() ? holds.asBoolean() ? "yes" : "**no**" : "–"));
    }
    if (!rows.isEmpty()) {
      page.text().heading(3, "What was checked");
      page.text().table(List.of("check", "value", "met"), rows);
      page.text().paragraph("[low, high] is an interval of 95 %, here and below. –: only reported, or not measured.");
    }
  }
}
