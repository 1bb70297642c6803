package org.refusal.collected;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.data.Behaviour;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;

/**
 * What the original project kept of one category's prompts: {@code {model}_{category}_outputs.json} (an object with
 * {@code prompts}, {@code outputs} and {@code refusal_labels}, one entry per prompt) and {@code
 * {model}_{category}_refusal.json} (a list of truth values, true for a toxic prompt). Entry i of either and row i of the
 * activations belong to the same prompt. There are no token ids and no split.
 *
 * @param toxic one value per prompt
 * @param prompts texts, or empty when only the labels are there
 * @param completions what the model answered, or empty when only the labels are there
 * @param file where they come from
 */
public record OriginalOutputs(List<Boolean> toxic, List<String> prompts, List<String> completions, Path file) {
  /** What outputs of the original have in place of a chat template. */
  public static final String TEMPLATE = "none (imported from the original project)";

  /** Whether the folder looks like results of the original project. */
  public static boolean isResults(Path folder) {
    return Stream.of("activations", "saes", "circuits", "model_outputs").anyMatch(name ->
        Files.isDirectory(folder.resolve(name)));
  }

  /** Both files where they are there; they must tell the same of the same number of prompts. */
  public static OriginalOutputs read(ResultLayout layout, String model, String category) {
    Path outputs = layout.outputs(model, category);
    Path labels = layout.refusalLabels(model, category);
    if (!Files.isRegularFile(outputs) && !Files.isRegularFile(labels)) {
      throw UserException.badData(
          "%s: no such file, and no %s".formatted(outputs, labels),
          "without one of them nothing tells which prompt a row of the activations belongs to");
    }
    if (!Files.isRegularFile(outputs)) {
      return labels(labels);
    }
    OriginalOutputs read = outputs(outputs);
    if (Files.isRegularFile(labels)) {
      List<Boolean> beside = labels(labels).toxic();
      if (!beside.equals(read.toxic())) {
        throw UserException.badData(
            "%s: its %d labels are not the %d of %s".formatted(labels, beside.size(), read.toxic().size(), outputs),
            "the two files come from different runs");
      }
    }
    return read;
  }

  /** A file of either form. */
  public static OriginalOutputs of(Path file) {
    return startsWith(file, '[') ? labels(file) : outputs(file);
  }

  /** Whether the file has the original's form: ours is an array. */
  static boolean isOriginal(Path outputs) {
    return Files.isRegularFile(outputs) && startsWith(outputs, '{');
  }

  private static boolean startsWith(Path file, char first) {
    try (InputStream in = Files.newInputStream(file)) {
      int next = in.read();
      while (next >= 0 && Character.isWhitespace(next)) {
        next = in.read();
      }
      return next == first;
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
  }

  private static OriginalOutputs outputs(Path file) {
    JsonNode json = Json.readPython(file);
    List<String> prompts = texts(file, json, "prompts");
    List<String> completions = texts(file, json, "outputs");
    List<Boolean> toxic = truths(file, json.path("refusal_labels"), "refusal_labels");
    if (prompts.size() != completions.size() || prompts.size() != toxic.size()) {
      throw UserException.badData(
          "%s: %d prompts, %d outputs and %d refusal_labels"
              .formatted(file, prompts.size(), completions.size(), toxic.size()));
    }
    return new OriginalOutputs(toxic, prompts, completions, file);
  }

  private static OriginalOutputs labels(Path file) {
    return new OriginalOutputs(truths(file, Json.readPython(file), "its entries"), List.of(), List.of(), file);
  }

  private static List<String> texts(Path file, JsonNode json, String key) {
    List<String> texts = new ArrayList<>();
    if (!json.path(key).isArray()) {
      throw UserException.badData("%s: no list '%s'".formatted(file, key));
    }
    json.path(key).forEach(text -> texts.add(text.asText()));
    return texts;
  }

  private static List<Boolean> truths(Path file, JsonNode list, String what) {
    if (!list.isArray() || list.isEmpty()) {
      throw UserException.badData("%s: no list of labels".formatted(file));
    }
    List<Boolean> truths = new ArrayList<>();
    for (JsonNode each : list) {
      if (!each.isBoolean()) {
        throw UserException.badData("%s: %s must be true or false, not %s".formatted(file, what, each));
      }
      truths.add(each.booleanValue());
    }
    return truths;
  }

  public boolean named() {
    return !prompts.isEmpty();
  }

  /**
   * As collect would have written them, without token ids: all on the discovery side. Behaviour is read off the answers
   * by the original's keyword list; where only labels are there it follows the label, as the original has it.
   */
  public List<ModelOutput> asOutputs() {
    RefusalDetector detector = RefusalDetector.of("legacy");
    List<ModelOutput> outputs = new ArrayList<>();
    for (int i = 0; i < toxic.size(); i++) {
      Behaviour behaviour = toxic.get(i) ? Behaviour.REFUSAL : Behaviour.COMPLIANCE;
      if (named()) {
        behaviour = detector.detect(completions.get(i)).behaviour();
      }
      outputs.add(
          new ModelOutput(
              i, named() ? prompts.get(i) : "", "%s:%d".formatted(file.getFileName(), i + 1),
              toxic.get(i) ? Label.TOXIC : Label.SAFE, new int[0], 0, 0, new int[0], false,
              named() ? completions.get(i) : "", behaviour, Double.NaN, Split.Side.DISCOVERY, true));
    }
    return outputs;
  }
}
