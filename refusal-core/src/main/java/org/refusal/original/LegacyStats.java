package org.refusal.original;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.refusal.base.Seeds;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.collected.Collected;
import org.refusal.compare.LegacyCircuit;
import org.refusal.compare.LegacyCircuitSignificance;
import org.refusal.config.StatsConfig;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.stats.LegacySignificance;

/** {@code stats.legacy}: the original project's significance of every circuit, under its own field names. */
public record LegacyStats(ObjectNode json, List<String> lines) {
  private static final double TARGET_THRESHOLD = 1e-4;
  private static final String REMARK =
      "significance of the original project: the observed value is itself drawn from the null; draw no conclusions";

  public static List<Path> inputs(Collected collected) {
    List<Path> inputs = new ArrayList<>();
    collected.categories().forEach(category -> {
      Path file = circuit(collected, category);
      if (Files.isRegularFile(file)) {
        inputs.add(file);
      }
    });
    return inputs;
  }

  private static Path circuit(Collected collected, String category) {
    Path folder = collected.layout().circuitsFolder();
    Path toxic = folder.resolve(ResultLayout.circuitFile(collected.model(), category, "_toxic"));
    return Files.isRegularFile(toxic)
        ? toxic
        : folder.resolve(ResultLayout.circuitFile(collected.model(), category, ""));
  }

  public static LegacyStats measure(Collected collected, StatsConfig config) {
    ObjectNode json = Json.mapper().createObjectNode();
    List<String> lines = new ArrayList<>(List.of("stats.legacy (" + REMARK + "):"));
    json.put("definition", "legacy");
    json.put("remark", REMARK);
    json.put("target_threshold", TARGET_THRESHOLD);
    json.put("n_permutations", config.stats().permutations());
    ObjectNode byCategory = json.putObject("stats_by_category");
    for (String category : collected.categories()) {
      Path file = circuit(collected, category);
      if (!Files.isRegularFile(file)) {
        lines.add("%-14s legacy: no circuit".formatted(category));
        continue;
      }
      Circuit whole = CircuitJson.read(file).circuit();
      Circuit kept = aboveThreshold(whole);
      if (kept.nodes().isEmpty()) {
        lines.add("%-14s legacy: an empty circuit".formatted(category));
        continue;
      }
      Map<HookPoint, Integer> perPoint = LegacyCircuitSignificance.perPoint(kept);
      LegacySignificance found =
          LegacyCircuitSignificance.of(
              LegacyCircuit.of(kept), perPoint, latents(collected, perPoint.keySet().iterator().next()),
              config.stats().permutations(), Seeds.random(config.seed(), "legacy significance", category));
      byCategory.set(category, fields(found, category, collected.model(), file, kept, whole));
      lines.add("%-14s legacy: observed %.4f, p %.4f".formatted(category, found.observed(), found.pValue()));
    }
    json.put("n_categories", byCategory.size());
    return new LegacyStats(json, lines);
  }

  /** Latents only: the original knew no error nodes. */
  private static Circuit aboveThreshold(Circuit circuit) {
    List<ScoredNode> nodes =
        circuit.nodes().stream()
            .filter(scored -> scored.node() instanceof LatentNode && scored.importance() >= TARGET_THRESHOLD)
            .toList();
    Set<org.refusal.circuit.Node> kept = nodes.stream().map(ScoredNode::node).collect(Collectors.toSet());
    return new Circuit(
        nodes,
        circuit.edges().stream()
            .filter(edge -> kept.contains(edge.upstream()) && kept.contains(edge.downstream()))
            .toList());
  }

  private static int latents(Collected collected, HookPoint at) {
    JsonNode config = Json.read(collected.layout().sae(collected.model(), at).resolve(SaeCheckpoint.CONFIG));
    return config.path("d_sae").asInt();
  }

  private static ObjectNode fields(
      LegacySignificance found, String category, String model, Path file, Circuit kept, Circuit whole) {
    ObjectNode fields = Json.mapper().createObjectNode();
    fields.put("observed", found.observed());
    fields.put("random_mean", found.randomMean());
    fields.put("random_std", found.randomStd());
    fields.put("z_score", found.zScore());
    fields.put("p_value", found.pValue());
    fields.put("p_value_empirical", found.pValueEmpirical());
    fields.put("p_value_normal", found.pValueNormal());
    fields.put("n_permutations", found.permutations());
    fields.put("ci_lower", found.low());
    fields.put("ci_upper", found.high());
    fields.put("test_type", found.twoSided() ? "two_sided" : "one_sided");
    fields.put(found.twoSided() ? "p_value_two_sided" : "p_value_one_sided", found.pValue());
    fields.put("category", category);
    fields.put("model_name", model);
    fields.put("circuit_file", file.getFileName().toString());
    fields.put("target_threshold", TARGET_THRESHOLD);
    fields.put("n_nodes_in_circuit", kept.nodes().size());
    fields.put("n_nodes_in_full_circuit", whole.nodes().size());
    return fields;
  }
}
