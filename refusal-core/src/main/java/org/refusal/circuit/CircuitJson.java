package org.refusal.circuit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.io.Json;

/** Reads and writes circuit files; the format is described with the package. */
public final class CircuitJson {
  public static final String FORMAT = "refusal-circuit";
  public static final int VERSION = 1;

  private static final String LATENT_TYPE = "sae_feature";
  private static final String ERROR_TYPE = "sae_error";
  private static final String ERROR_FEATURE = "error";

  private CircuitJson() {}

  /** A circuit and what made it. {@code metadata} is empty for files of the earlier project. */
  public record CircuitFile(Circuit circuit, ObjectNode metadata) {}

  /** How a node is called in circuit files: {@code sae_feature_2_0_31}. */
  public static String id(Node node) {
    HookPoint at = node.at();
    String place = at.site() == HookPoint.Site.RESID_POST ? Integer.toString(at.layer()) : at.name();
    if (node instanceof LatentNode latent) {
      return "%s_%s_0_%d".formatted(LATENT_TYPE, place, latent.latent());
    }
    return "%s_%s_0".formatted(ERROR_TYPE, place);
  }

  /** Writes the file whole or not at all; format and version are added to the metadata. */
  public static void write(Path file, Circuit circuit, ObjectNode metadata) {
    Json.write(file, toJson(circuit, metadata));
  }

  public static ObjectNode toJson(Circuit circuit, ObjectNode metadata) {
    ObjectNode root = Json.mapper().createObjectNode();
    ObjectNode nodes = root.putObject("nodes");
    for (ScoredNode scored : circuit.nodes()) {
      Node node = scored.node();
      ObjectNode json = nodes.putObject(id(node));
      json.put("feature_id", node instanceof LatentNode latent ? Integer.toString(latent.latent()) : ERROR_FEATURE);
      json.put("layer", node.at().layer());
      json.put("position", 0);
      json.put("importance", finite(scored.importance(), node));
      json.put("type", node instanceof LatentNode ? LATENT_TYPE : ERROR_TYPE);
      json.put("hook_point", node.at().name());
      if (!Double.isNaN(scored.effect())) {
        json.put("effect", finite(scored.effect(), node));
      }
    }
    ObjectNode edges = root.putObject("edges");
    for (Edge edge : circuit.edges()) {
      String source = id(edge.upstream());
      String target = id(edge.downstream());
      ObjectNode json = edges.putObject(source + "_" + target);
      json.put("source", source);
      json.put("target", target);
      json.put("importance", Math.abs(finite(edge.weight(), edge.upstream())));
      json.put("weight", edge.weight());
    }
    ObjectNode provenance = root.putObject("metadata");
    provenance.put("format", FORMAT);
    provenance.put("version", VERSION);
    metadata.fields().forEachRemaining(field -> {
      if (!provenance.has(field.getKey())) {
        provenance.set(field.getKey(), field.getValue());
      }
    });
    return root;
  }

  /**
   * The file as the original project writes it, to the last byte: its keys only, two blanks of indent, no line feed at the
   * end, numbers as Python prints them. It knows latents of the residual stream alone.
   *
   * @throws IllegalArgumentException for an error node or another hook point
   */
  public static String originalText(Circuit circuit) {
    StringBuilder text = new StringBuilder("{\n  \"nodes\": {");
    String between = "\n";
    for (ScoredNode scored : circuit.nodes()) {
      if (!(scored.node() instanceof LatentNode latent) || latent.at().site() != HookPoint.Site.RESID_POST) {
        throw new IllegalArgumentException("the original's circuit files hold no node " + id(scored.node()));
      }
      text.append(between)
          .append("    \"%s\": {\n      \"feature_id\": \"%d\",\n".formatted(id(latent), latent.latent()))
          .append("      \"layer\": %d,\n      \"position\": 0,\n".formatted(latent.at().layer()))
          .append("      \"importance\": %s,\n".formatted(pythonNumber(finite(scored.importance(), latent))))
          .append("      \"type\": \"%s\"\n    }".formatted(LATENT_TYPE));
      between = ",\n";
    }
    text.append(circuit.nodes().isEmpty() ? "},\n  \"edges\": {" : "\n  },\n  \"edges\": {");
    between = "\n";
    for (Edge edge : circuit.edges()) {
      String source = id(edge.upstream());
      String target = id(edge.downstream());
      text.append(between)
          .append("    \"%s_%s\": {\n      \"source\": \"%s\",\n".formatted(source, target, source))
          .append("      \"target\": \"%s\",\n".formatted(target))
          .append("      \"importance\": %s\n    }"
              .formatted(pythonNumber(Math.abs(finite(edge.weight(), edge.upstream())))));
      between = ",\n";
    }
    return text.append(circuit.edges().isEmpty() ? "}\n}" : "\n  }\n}").toString();
  }

  /** Python's repr of a float: the fewest digits that give the number back; an exponent below 1e-4 and from 1e16 on. */
  static String pythonNumber(double value) {
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 17; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.doubleValue() == value) {
        break;
      }
    }
    shortest = shortest.stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      return shortest.scale() <= 0 ? shortest.toPlainString() + ".0" : shortest.toPlainString();
    }
    String digits = shortest.unscaledValue().abs().toString();
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    return "%s%se%s%02d".formatted(value < 0 ? "-" : "", mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  private static double finite(double value, Node node) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("node " + id(node) + " has value " + value);
    }
    return value;
  }

  /** Reads a file of this project or of the earlier one; what does not fit is named with file and node. */
  public static CircuitFile read(Path file) {
    JsonNode root = Json.readPython(file);
    JsonNode nodes = object(root.get("nodes"), file, "nodes");
    JsonNode edges = object(root.get("edges"), file, "edges");
    JsonNode metadata = root.path("metadata");
    if (metadata.has("format")
        && (!FORMAT.equals(metadata.path("format").asText()) || metadata.path("version").asInt() != VERSION)) {
      throw UserException.badData(
          "%s: format %s version %s is not %s version %d"
              .formatted(file, metadata.path("format"), metadata.path("version"), FORMAT, VERSION));
    }
    Map<String, Node> byId = new LinkedHashMap<>();
    List<ScoredNode> scored = new ArrayList<>();
    nodes.fields().forEachRemaining(field -> {
      String where = "%s: node %s: ".formatted(file, field.getKey());
      JsonNode json = object(field.getValue(), file, "node " + field.getKey());
      Node node = node(json, where);
      byId.put(field.getKey(), node);
      double effect = json.has("effect") ? number(json, "effect", where) : Double.NaN;
      scored.add(new ScoredNode(node, effect, number(json, "importance", where)));
    });
    List<Edge> read = new ArrayList<>();
    edges.fields().forEachRemaining(field -> {
      String where = "%s: edge %s: ".formatted(file, field.getKey());
      JsonNode json = object(field.getValue(), file, "edge " + field.getKey());
      read.add(
          new Edge(
              end(json, "source", byId, where),
              end(json, "target", byId, where),
              number(json, json.has("weight") ? "weight" : "importance", where)));
    });
    ObjectNode provenance = metadata.isObject() ? (ObjectNode) metadata : Json.mapper().createObjectNode();
    return new CircuitFile(new Circuit(scored, read), provenance);
  }

  private static Node node(JsonNode json, String where) {
    HookPoint at;
    if (json.has("hook_point")) {
      try {
        at = HookPoint.parse(json.path("hook_point").asText());
      } catch (UserException e) {
        throw UserException.badData(where + e.getMessage());
      }
    } else {
      JsonNode layer = json.path("layer");
      if (!layer.canConvertToInt() || layer.intValue() < 0) {
        throw UserException.badData(where + "layer " + layer + " is no layer number");
      }
      at = HookPoint.residuals(layer.intValue());
    }
    String type = json.path("type").asText();
    if (type.equals(ERROR_TYPE)) {
      return new ErrorNode(at);
    }
    if (!type.equals(LATENT_TYPE)) {
      throw UserException.badData(
          "%stype %s is neither %s nor %s".formatted(where, json.path("type"), LATENT_TYPE, ERROR_TYPE));
    }
    String feature = json.path("feature_id").asText();
    if (!feature.matches("\\d{1,9}")) {
      throw UserException.badData(where + "feature_id " + json.path("feature_id") + " is no latent's number");
    }
    return new LatentNode(at, Integer.parseInt(feature));
  }

  private static Node end(JsonNode json, String key, Map<String, Node> byId, String where) {
    Node node = byId.get(json.path(key).asText());
    if (node == null) {
      throw UserException.badData(where + key + " " + json.path(key) + " is none of the file's nodes");
    }
    return node;
  }

  private static double number(JsonNode json, String key, String where) {
    JsonNode value = json.path(key);
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw UserException.badData(where + key + " is no number: " + value);
    }
    return value.doubleValue();
  }

  private static JsonNode object(JsonNode node, Path file, String what) {
    if (node == null || !node.isObject()) {
      throw UserException.badData("%s: %s is not an object".formatted(file, what));
    }
    return node;
  }
}
