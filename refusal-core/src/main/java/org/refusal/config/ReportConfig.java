package org.refusal.config;

/** The report. */
public record ReportConfig(
    @Key(doc = "The model.") ModelSection model,
    @Key(doc = "What the report looks like.") Report report,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code report:} */
  public record Report(
      @Key(doc = "markdown, html, pdf or all.", def = "all", choices = {"markdown", "html", "pdf", "all"},
              options = "--format")
          String format,
      @Key(doc = "Title; empty for a plain one.", def = "", mayBeEmpty = true) String title,
      @Key(doc = "Leave the figures out.", def = "false", options = "--no-visualizations") boolean noVisualizations) {}

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results", options = {"--results-dir", "--result-dir"}, neutral = true)
          String resultDir,
      @Key(doc = "Folder or file of the report; default {result_dir}/reports.", def = Key.EMPTY,
              options = {"--output", "--output-dir"}, neutral = true)
          String file) {}
}
