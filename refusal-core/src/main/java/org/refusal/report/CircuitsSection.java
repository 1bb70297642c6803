package org.refusal.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;

/** Sizes of the circuits, hook point by hook point. */
public final class CircuitsSection implements Section {
  @Override
  public String title() {
    return "The circuits";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.CHECKS);
  }

  @Override
  public List<Source<?>> mayRead() {
    return List.of(Source.CIRCUITS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    Map<String, Map<String, Circuit>> circuits = sources.get(Source.CIRCUITS).orElse(Map.of());
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
}
