package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;

/** Reads config.json into a {@link ModelConfig}. */
final class ModelConfigReader {
  private final ConfigObject root;
  private final Family family;
  private final FamilyDefaults defaults;

  private ModelConfigReader(ConfigObject root, Family family) {
    this.root = root;
    this.family = family;
    this.defaults = family.defaults();
  }

  static ModelConfig read(Path folder, String name) {
    Path file = folder.resolve("config.json");
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(
          file + ": " + AtomicFiles.missing(file), "a model folder holds config.json, tokenizer.json and *.safetensors");
    }
    ConfigObject root = ConfigObject.read(file);
    return new ModelConfigReader(root, Families.of(root)).read(name, folder.resolve("generation_config.json"));
  }

  private ModelConfig read(String name, Path generationFile) {
    checkArchitecture();
    ConfigKeys.check(root, family);
    int layers = root.positive("num_hidden_layers", defaults.layers());
    int dModel = root.positive("hidden_size", defaults.hidden());
    int heads = root.positive("num_attention_heads", defaults.heads());
    int kvHeads = kvHeads(heads);
    int headDim = headDim(dModel, heads);
    int maxPositions = root.positive("max_position_embeddings", defaults.maxPositions());
    List<Rotary> rotaries = family.rotaries(new RotaryConfig(root, headDim, maxPositions), layers);
    GenerationDefaults generation = GenerationDefaults.read(root, generationFile);
    return new ModelConfig(
        name,
        family,
        layers,
        dModel,
        root.positive("vocab_size", defaults.vocabSize()),
        maxPositions,
        root.positive("intermediate_size", defaults.intermediate()),
        heads,
        kvHeads,
        headDim,
        root.number("rms_norm_eps", defaults.rmsNormEps()),
        rotaries,
        family.slidingWindows(root, layers),
        form(dModel, headDim, rotaries),
        family.biases(root),
        root.flag("tie_word_embeddings", defaults.tiedEmbeddings()),
        root.get("torch_dtype").asText(root.get("dtype").asText("")),
        generation.endTokens(),
        generation.repetitionPenalty(),
        id("bos_token_id", defaults.begin()),
        id("pad_token_id", defaults.pad()));
  }

  private DecoderForm form(int dModel, int headDim, List<Rotary> rotaries) {
    LayerTensors tensors = family.tensors();
    return family
        .form(root, dModel, headDim)
        .with(family.activation(root))
        .withNorms(tensors.normBeforeAttention().isPresent(), tensors.normAfterAttention().isPresent())
        .rotatingPart(rotaries.stream().anyMatch(rotary -> rotary.width() < headDim));
  }

  private void checkArchitecture() {
    JsonNode architectures = root.get("architectures");
    boolean none = architectures.isArray() && architectures.isEmpty();
    if (root.has("architectures")
        && !none
        && !(architectures.size() == 1 && architectures.get(0).asText().equals(family.architecture()))) {
      throw root.bad("architectures", "is not [" + family.architecture() + "]");
    }
  }

  /** Null stands for as many as query heads, a missing key for the default of the class. */
  private int kvHeads(int heads) {
    boolean absent = root.get("num_key_value_heads").isMissingNode();
    int kvHeads = absent && defaults.kvHeads() > 0 ? defaults.kvHeads() : root.positive("num_key_value_heads", heads);
    if (heads % kvHeads != 0) {
      throw absent
          ? UserException.badData(
              "%s: num_key_value_heads is missing, and the default of %s, %d, does not divide num_attention_heads %d"
                  .formatted(root.file(), family.modelType(), kvHeads, heads))
          : root.bad("num_key_value_heads", "does not divide num_attention_heads " + heads);
    }
    return kvHeads;
  }

  private int headDim(int dModel, int heads) {
    boolean divided = !root.has("head_dim") && defaults.headDim() == 0;
    if (divided && dModel % heads != 0) {
      throw root.bad("num_attention_heads", "does not divide hidden_size " + dModel);
    }
    int headDim = root.positive("head_dim", divided ? dModel / heads : defaults.headDim());
    if (headDim % 2 != 0) {
      throw UserException.badData(
          root.file() + ": head_dim " + headDim + " is odd, which rotary positions do not allow");
    }
    return headDim;
  }

  private Optional<Integer> id(String key, Optional<Integer> byDefault) {
    JsonNode node = root.get(key);
    if (node.isMissingNode()) {
      return byDefault;
    }
    return node.isInt() && node.intValue() >= 0 ? Optional.of(node.intValue()) : Optional.empty();
  }
}
