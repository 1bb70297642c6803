package org.refusal.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * A Hugging Face model folder: config.json, tokenizer files, and weights in {@code model.safetensors} or in shards
 * listed by {@code model.safetensors.index.json}. Opening it reads the configuration and checks that the files are
 * there, with the tensors that this model has and no others; weights are read by {@link CausalLm#load}.
 *
 * @param tensors where each tensor is
 * @param fileRemarks what is known to be odd from names alone
 */
public record CheckpointFolder(
    Path folder, ModelConfig config, Map<String, TensorPlace> tensors, List<String> fileRemarks) {
  private static final List<String> SMALL_FILES =
      List.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json");
  private static final String MORE_TEMPLATES = "additional_chat_templates";

  /**
   * @param folder the model's folder
   * @param name how the user named the model; goes into results
   */
  public static CheckpointFolder open(Path folder, String name) {
    if (!Files.isDirectory(folder)) {
      throw UserException.badData(folder + ": no such folder");
    }
    refuseAdapter(folder);
    ModelConfig config = ModelConfig.read(folder, name);
    WeightFiles weights = WeightFiles.find(folder);
    weights.requireFit(folder, config);
    List<String> remarks = new ArrayList<>(weights.remarks());
    if (config.endTokens().isEmpty()) {
      remarks.add(
          "%s: no eos_token_id%s: answers end at max_new_tokens only, as in transformers"
              .formatted(folder, Files.exists(folder.resolve("generation_config.json")) ? " in generation_config.json" : ""));
    }
    return new CheckpointFolder(folder, config, weights.tensors(), List.copyOf(remarks));
  }

  /** The files that decide what the model answers: configuration, tokenizer, weights; in a fixed order. */
  public List<Path> files() {
    return Stream.of(
            SMALL_FILES.stream().map(folder::resolve).filter(Files::isRegularFile),
            moreTemplates().stream(),
            weightFiles().stream())
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
    return tensors.values().stream().map(TensorPlace::file).distinct().sorted().toList();
  }

  /**
   * Whether the head is another matrix than the embedding although config.json ties them. transformers 5 then keeps
   * both, and so does {@link CausalLm#load}. Reads both tensors.
   */
  boolean headDiffers() {
    TensorPlace embedding = tensors.get(TensorNames.EMBEDDING);
    TensorPlace head = tensors.get(TensorNames.HEAD);
    return config.tiedEmbeddings() && embedding != null && head != null && !WeightFiles.equal(embedding, head);
  }

  /** What a user should know of these files, one line each; reads tensors where one has to be compared. */
  public List<String> remarks() {
    if (!headDiffers()) {
      return fileRemarks;
    }
    List<String> all = new ArrayList<>(fileRemarks);
    all.add(
        "%s: tie_word_embeddings is true, but lm_head.weight differs from the embedding: it is used, as by transformers 5"
            .formatted(folder.resolve("config.json")));
    return all;
  }

  /** @throws UserException if the folder holds an adapter, which transformers would load over its base model */
  static void refuseAdapter(Path folder) {
    Path file = folder.resolve("adapter_config.json");
    if (!Files.isRegularFile(file)) {
      return;
    }
    String base = Json.readPython(file).path("base_model_name_or_path").asText("");
    throw UserException.badData(
        "%s: holds an adapter (LoRA)%s, which is not read".formatted(folder, base.isEmpty() ? "" : " of " + base),
        "merge it with its base model (peft: merge_and_unload, then save_pretrained) and give the folder of the merged model");
  }
}
