package org.refusal.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.refusal.compare.CircuitComparison;
import org.refusal.compare.SimilarityFile;
import org.refusal.compare.SimilarityFile.Group;

/** How alike the circuits are. */
public final class SimilaritySection implements Section {
  @Override
  public String title() {
    return "How alike are the circuits?";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.SIMILARITY);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    SimilarityFile similarity = sources.need(Source.SIMILARITY);
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
