package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;

/**
 * A Hugging Face model folder: config.json, tokenizer files, and weights in {@code model.safetensors} or in shards
 * listed by {@code model.safetensors.index.json}. Opening it reads the configuration and checks that the files are
 * there; weights are read by {@link CausalLm#load}.
 *
 * @param tensorFiles which file holds each tensor
 */
public record CheckpointFolder(Path folder, ModelConfig config, Map<String, Path> tensorFiles) {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final List<String> SMALL_FILES =
      List.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "chat_template.jinja",
          "chat_template.json",
          INDEX);
  private static final String MORE_TEMPLATES = "additional_chat_templates";

  /**
   * @param folder the model's folder
   * @param name how the user named the model; goes into results
   */
  public static CheckpointFolder open(Path folder, String name) {
    if (!Files.isDirectory(folder)) {
      throw UserException.badData(folder + ": no such folder");
    }
    ModelConfig config = ModelConfig.read(folder, name);
    return new CheckpointFolder(folder, config, tensorFiles(folder));
  }

  /** The files that decide what the model answers: configuration, tokenizer, weights; in a fixed order. */
  public List<Path> files() {
    return Stream.of(
            SMALL_FILES.stream().map(folder::resolve).filter(Files::isRegularFile),
            moreTemplates().stream(),
            tensorFiles.values().stream().distinct().sorted())
        .flatMap(files -> files)
        .toList();
  }

  private List<Path> moreTemplates() {
    Path several = folder.resolve(MORE_TEMPLATES);
    if (!Files.isDirectory(several)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(several)) {
      return files.filter(file -> file.toString().endsWith(".jinja")).sorted().toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(several, e);
    }
  }

  /** The safetensors files. */
  public List<Path> weightFiles() {
    return tensorFiles.values().stream().distinct().sorted().toList();
  }

  /** Bad data if the tokenizer has ids that the model has no embedding for. */
  void checkTokenizer() {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) {
      return; // whoever needs a tokenizer says so
    }
    JsonNode root = Json.read(file);
    JsonNode vocabulary = root.path("model").path("vocab");
    int largest = vocabulary.isArray() ? vocabulary.size() - 1 : -1;
    if (vocabulary.isObject()) {
      for (JsonNode id : vocabulary) {
        largest = Math.max(largest, id.asInt());
      }
    }
    for (JsonNode token : root.path("added_tokens")) {
      largest = Math.max(largest, token.path("id").asInt());
    }
    if (largest >= config.vocabSize()) {
      throw UserException.badData(
          "%s: holds token id %d, but config.json gives vocab_size %d".formatted(file, largest, config.vocabSize()),
          "tokenizer and weights are not of the same model");
    }
  }

  private static Map<String, Path> tensorFiles(Path folder) {
    Path index = folder.resolve(INDEX);
    if (Files.isRegularFile(index)) {
      return shards(folder, index);
    }
    Path single = folder.resolve(SINGLE);
    if (!Files.isRegularFile(single)) {
      boolean pickled = Files.isRegularFile(folder.resolve("pytorch_model.bin"));
      throw UserException.badData(
          folder + ": holds neither " + SINGLE + " nor " + INDEX,
          pickled ? "pytorch_model.bin is not read: convert it to safetensors" : "fetch the weights of the model");
    }
    Map<String, Path> files = new LinkedHashMap<>();
    try (Safetensors tensors = Safetensors.open(single)) {
      tensors.entries().keySet().forEach(name -> files.put(name, single));
    }
    return Map.copyOf(files);
  }

  private static Map<String, Path> shards(Path folder, Path index) {
    JsonNode map = Json.read(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw UserException.badData(index + ": weight_map is no object");
    }
    Map<String, Path> files = new TreeMap<>();
    map.fields()
        .forEachRemaining(
            entry -> {
              String file = entry.getValue().asText();
              if (!entry.getValue().isTextual() || !Path.of(file).getFileName().toString().equals(file)) {
                throw UserException.badData("%s: '%s': %s is no file name".formatted(index, entry.getKey(), entry.getValue()));
              }
              files.put(entry.getKey(), folder.resolve(file));
            });
    for (Path file : files.values().stream().distinct().toList()) {
      if (!Files.isRegularFile(file)) {
        throw UserException.badData(file + ": no such file, though " + index.getFileName() + " lists it");
      }
    }
    return Map.copyOf(files);
  }
}
