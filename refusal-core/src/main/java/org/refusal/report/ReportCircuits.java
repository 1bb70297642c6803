package org.refusal.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.refusal.attribution.AttributionCheck;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.compare.CircuitComparison;
import org.refusal.compare.SimilarityFile;
import org.refusal.compare.SimilarityFile.Group;

/** The circuits, whether their effects add up, and how alike they are. */
public final class ReportCircuits {
  private final ReportPage page;

  public ReportCircuits(ReportPage page) {
    this.page = page;
  }

  /** @param circuits by file suffix, then by category */
  public void circuits(Map<String, Map<String, Circuit>> circuits) {
    page.text().heading(2, "The circuits");
    if (circuits.isEmpty()) {
      page.text().paragraph("No circuits were found.");
      return;
    }
    page.text().paragraph(
        "Nodes per hook point, `e` where the SAE error is one of them. A latent's effect is the change of m when it is set to"
            + " its baseline: negative drives refusal.");
    circuits.forEach((suffix, byCategory) -> {
      page.text().heading(3, suffix.isEmpty() ? "From all prompts" : "From " + suffix.substring(1) + " prompts");
      TreeSet<HookPoint> points = new TreeSet<>();
      byCategory.values().forEach(circuit -> circuit.nodes().forEach(scored -> points.add(scored.node().at())));
      List<String> header = new ArrayList<>(List.of("category"));
      points.forEach(point -> header.add(point.name()));
      header.addAll(List.of("nodes", "edges", "driving"));
      List<List<String>> rows = new ArrayList<>();
      byCategory.forEach((category, circuit) -> {
        List<String> row = new ArrayList<>(List.of(category));
        points.forEach(point -> row.add(count(circuit, point)));
        row.add(Integer.toString(circuit.nodes().size()));
        row.add(Integer.toString(circuit.edges().size()));
        row.add(Long.toString(circuit.nodes().stream().filter(scored -> scored.effect() < 0).count()));
        rows.add(row);
      });
      page.text().table(header, rows);
    });
  }

  private static String count(Circuit circuit, HookPoint at) {
    long nodes = circuit.nodes().stream().filter(scored -> scored.node().at().equals(at)).count();
    boolean error =
        circuit.nodes().stream()
            .anyMatch(scored -> scored.node() instanceof ErrorNode && scored.node().at().equals(at));
    return nodes + (error ? " e" : "");
  }

  public void check(List<AttributionCheck> checks) {
    if (checks.isEmpty()) {
      return;
    }
    page.text().heading(2, "Do the attributions add up?");
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

  public void similarity(SimilarityFile similarity) {
    page.text().heading(2, "How alike are the circuits?");
    if (similarity.nothing() != null) {
      page.text().paragraph("Nothing was compared: " + similarity.nothing() + ".");
      return;
    }
    page.text().paragraph(
        "Descriptive measures of the circuits, over all hook points together; the verdict rests on effects where the model"
            + " decides, not on these. Overlap of latents cannot see that one direction is split over several latents;"
            + " similarity in decoder space can.");
    List<List<String>> rows = new ArrayList<>();
    for (String measure : similarity.definitions().keySet()) {
      List<String> row = new ArrayList<>(List.of(measure.replace('_', ' ')));
      similarity.groups().forEach((name, group) -> {
        var means = group.means().getOrDefault(measure, Map.of()).get(SimilarityFile.POOLED);
        row.add(means == null ? "–" : Numbers.of(means.between()));
        if (!group.symmetric()) {
          row.add(means == null ? "–" : Numbers.of(means.sameCategory()));
        }
      });
      if (similarity.groups().values().stream().anyMatch(group -> group.means().containsKey(measure))) {
        rows.add(row);
      }
    }
    List<String> header = new ArrayList<>(List.of("mean over pairs"));
    similarity.groups().forEach((name, group) -> {
      header.add(name.replace('_', '-'));
      if (!group.symmetric()) {
        header.add("same category");
      }
    });
    page.text().table(header, rows);
    String name =
        similarity.groups().containsKey("toxic_toxic")
            ? "toxic_toxic"
            : similarity.groups().keySet().iterator().next();
    Group shown = similarity.groups().get(name);
    for (String measure : List.of(CircuitComparison.DECODER, CircuitComparison.LEGACY)) {
      if (!shown.measures().containsKey(measure)) {
        continue;
      }
      page.figure(
          "report_similarity_" + measure,
          measure.equals(CircuitComparison.LEGACY)
              ? "The earlier project's similarity. Do not conclude from it: it does not separate one cause from several"
              : "Similarity in decoder space",
          SimilarityFigures.heatmap(name, shown, measure));
    }
  }
}
