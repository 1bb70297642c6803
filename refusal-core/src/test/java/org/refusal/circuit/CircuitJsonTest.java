package org.refusal.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.io.Json;

class CircuitJsonTest {
  @TempDir Path folder;

  private static final Node LATENT = new LatentNode(HookPoint.residuals(2), 31);
  private static final Node MLP = new LatentNode(HookPoint.mlp(3), 7);
  private static final Node ERROR = new ErrorNode(HookPoint.residuals(3));
  private static final Circuit CIRCUIT =
      new Circuit(
          List.of(new ScoredNode(LATENT, -1.5, 1.5), new ScoredNode(MLP, .25, .25), new ScoredNode(ERROR, -.5, .5)),
          List.of(new Edge(LATENT, MLP, -.125), new Edge(MLP, ERROR, .5)));

  @Test
  void whatIsWrittenIsReadAgain() {
    Path file = folder.resolve("toy_hate_circuit.json");
    ObjectNode metadata = Json.mapper().createObjectNode().put("category", "hate");
    CircuitJson.write(file, CIRCUIT, metadata);
    CircuitJson.CircuitFile read = CircuitJson.read(file);
    assertThat(read.circuit()).isEqualTo(CIRCUIT);
    assertThat(read.metadata().path("category").asText()).isEqualTo("hate");
    assertThat(read.metadata().path("version").asInt()).isEqualTo(1);
  }

  @Test
  void nodesHaveTheFormThatEarlierToolsKnow() {
    JsonNode json = CircuitJson.toJson(CIRCUIT, Json.mapper().createObjectNode());
    JsonNode node = json.path("nodes").path("sae_feature_2_0_31");
    assertThat(node.path("feature_id").isTextual()).isTrue();
    assertThat(node.path("feature_id").asText()).isEqualTo("31");
    assertThat(node.path("layer").isInt()).isTrue();
    assertThat(node.path("position").intValue()).isZero();
    assertThat(node.path("importance").doubleValue()).isEqualTo(1.5);
    assertThat(node.path("type").asText()).isEqualTo("sae_feature");
    assertThat(json.path("nodes").has("sae_feature_mlp_3_0_7")).isTrue();
    assertThat(json.path("nodes").path("sae_error_3_0").path("feature_id").asText()).isEqualTo("error");
    JsonNode edge = json.path("edges").path("sae_feature_2_0_31_sae_feature_mlp_3_0_7");
    assertThat(edge.path("source").asText()).isEqualTo("sae_feature_2_0_31");
    assertThat(edge.path("importance").doubleValue()).isEqualTo(.125);
    assertThat(edge.path("weight").doubleValue()).isEqualTo(-.125);
  }

  @Test
  void aFileOfTheEarlierProjectLoads() throws Exception {
    Path file = folder.resolve("old.json");
    Files.writeString(
        file,
        """
        {"nodes": {"sae_feature_2_0_5": {"feature_id": "5", "layer": 2, "position": 0, "importance": 1.0,
                                         "type": "sae_feature"},
                   "sae_feature_3_0_6": {"feature_id": "6", "layer": 3, "position": 0, "importance": 0.5,
                                         "type": "sae_feature"}},
         "edges": {"sae_feature_2_0_5_sae_feature_3_0_6": {"source": "sae_feature_2_0_5",
                   "target": "sae_feature_3_0_6", "importance": 0.3}}}
        """);
    Circuit circuit = CircuitJson.read(file).circuit();
    assertThat(circuit.nodes().get(0).node()).isEqualTo(new LatentNode(HookPoint.residuals(2), 5));
    assertThat(circuit.nodes().get(0).effect()).isNaN();
    assertThat(circuit.edges().get(0).weight()).isEqualTo(.3);
  }

  @Test
  void whatDoesNotFitIsNamedWithFileAndNode() throws Exception {
    Path file = folder.resolve("broken.json");
    Files.writeString(
        file, "{\"nodes\": {\"x\": {\"feature_id\": \"five\", \"layer\": 2, \"importance\": 1, \"type\": \"sae_feature\"}}, \"edges\": {}}");
    assertThatThrownBy(() -> CircuitJson.read(file))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("broken.json")
        .hasMessageContaining("node x")
        .hasMessageContaining("five");
    Files.writeString(file, "{\"nodes\": {}, \"edges\": {\"a_b\": {\"source\": \"a\", \"target\": \"b\", \"importance\": 1}}}");
    assertThatThrownBy(() -> CircuitJson.read(file)).hasMessageContaining("edge a_b").hasMessageContaining("\"a\"");
    assertThatThrownBy(
            () ->
                CircuitJson.toJson(
                    new Circuit(List.of(new ScoredNode(LATENT, 1, Double.NaN)), List.of()),
                    Json.mapper().createObjectNode()))
        .hasMessageContaining("sae_feature_2_0_31");
  }
}
