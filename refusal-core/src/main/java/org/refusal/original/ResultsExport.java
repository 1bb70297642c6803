package org.refusal.original;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.refusal.activation.ActivationExport;
import org.refusal.activation.ActivationStore;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.collected.Collected;
import org.refusal.run.ResultLayout;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeExport;

/** Parts of a results folder in the forms of other tools. */
public final class ResultsExport {
  private final ResultLayout layout;
  private final String model;
  private final Path output;

  public ResultsExport(Path results, String model, Path output) {
    this.layout = new ResultLayout(results);
    this.model = model;
    this.output = output;
  }

  /**
   * @param names hook points, or empty for all that have an autoencoder
   * @return one line per autoencoder
   */
  public List<String> autoencoders(List<String> names, String format) {
    SaeExport layoutOf = SaeExport.of(format);
    Path parent = layout.sae(model, HookPoint.residuals(0)).getParent();
    List<HookPoint> there = new ArrayList<>();
    if (Files.isDirectory(parent)) {
      try (Stream<Path> folders = Files.list(parent)) {
        folders.filter(folder -> Files.isRegularFile(folder.resolve(SaeCheckpoint.CONFIG)))
            .forEach(folder -> there.add(HookPoint.parse(folder.getFileName().toString())));
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(parent, e);
      }
    }
    List<HookPoint> asked = HookPoint.parseAll(names, there);
    List<HookPoint> points = (asked.isEmpty() ? there : asked).stream().sorted().toList();
    if (points.isEmpty()) {
      throw UserException.badData(parent + ": no autoencoder", "run train-saes or import first");
    }
    for (HookPoint at : points) {
      if (!there.contains(at)) {
        throw UserException.badData("%s: no autoencoder for %s; there are %s".formatted(parent, at, there));
      }
    }
    return points.stream()
        .map(at -> {
          SaeCheckpoint sae = SaeCheckpoint.read(layout.sae(model, at));
          Path folder = layoutOf.write(sae, at, output);
          return "%s: %s".formatted(folder, sae.weights().summary());
        })
        .toList();
  }

  /** @return one line per file */
  public List<String> activations(List<String> names, List<String> categories, String format) {
    Collected collected = Collected.open(layout, model, categories);
    List<String> lines = new ArrayList<>();
    try (ActivationStore store = collected.activations()) {
      List<HookPoint> asked = HookPoint.parseAll(names, store.hookPoints());
      for (String category : collected.categories()) {
        ActivationExport.write(store, asked.isEmpty() ? store.hookPoints() : asked, category, format, output)
            .forEach(file -> lines.add(file.toString()));
      }
    }
    return lines;
  }

  /**
   * As the original project writes them. It knows no error nodes: they and their edges are left out, and counted.
   *
   * @return one line per circuit
   */
  public List<String> circuits(String format) {
    if (!format.equals("original")) {
      throw UserException.usage("no format '%s' for circuits".formatted(format), "only original");
    }
    List<Path> files =
        layout.filesOf(model, layout.circuitsFolder()).stream()
            .filter(file -> file.getFileName().toString().endsWith("_circuit.json"))
            .toList();
    if (files.isEmpty()) {
      throw UserException.badData(
          "%s: no circuit of %s".formatted(layout.circuitsFolder(), model), "run discover first");
    }
    List<String> lines = new ArrayList<>();
    for (Path file : files) {
      Circuit whole = CircuitJson.read(file).circuit();
      Circuit known = latents(file, whole);
      Path to = output.resolve(file.getFileName().toString());
      AtomicFiles.writeString(to, CircuitJson.originalText(known));
      lines.add(
          "%s: %d nodes, %d edges; %d error nodes left out"
              .formatted(
                  to, known.nodes().size(), known.edges().size(), whole.nodes().size() - known.nodes().size()));
    }
    return lines;
  }

  private static Circuit latents(Path file, Circuit circuit) {
    for (Circuit.ScoredNode scored : circuit.nodes()) {
      if (scored.node().at().site() != HookPoint.Site.RESID_POST) {
        throw UserException.badData(
            "%s: node %s: the original's node names cannot tell %s from the residual stream"
                .formatted(file, CircuitJson.id(scored.node()), scored.node().at()));
      }
    }
    List<Circuit.ScoredNode> nodes =
        circuit.nodes().stream().filter(scored -> scored.node() instanceof LatentNode).toList();
    Set<Node> kept = nodes.stream().map(Circuit.ScoredNode::node).collect(Collectors.toSet());
    return new Circuit(
        nodes,
        circuit.edges().stream()
            .filter(edge -> kept.contains(edge.upstream()) && kept.contains(edge.downstream()))
            .toList());
  }
}
