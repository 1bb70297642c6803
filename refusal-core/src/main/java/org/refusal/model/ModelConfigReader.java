package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;

/** Reads config.json into a {@link ModelConfig}. */
final class ModelConfigReader {

  /**
   * What transformers takes for keys that are not there.
   *
   * @param kvHeads 0: as many as query heads
   * @param slidingWindow 0: none
   * @param begin bos_token_id; 0: none
   * @param end eos_token_id, where no generation_config.json overrules it; 0: none
   */
  private record Defaults(
      String architecture, int vocabSize, int intermediate, int kvHeads, int maxPositions, int slidingWindow,
      int begin, int end) {}

  /** LlamaConfig, MistralConfig and Qwen2Config of transformers 5.24. */
  private static final Map<String, Defaults> CLASSES =
      Map.of(
          "llama", new Defaults("LlamaForCausalLM", 32000, 11008, 0, 2048, 0, 1, 2),
          "mistral", new Defaults("MistralForCausalLM", 32000, 14336, 8, 131072, 4096, 1, 2),
          "qwen2", new Defaults("Qwen2ForCausalLM", 151936, 22016, 32, 32768, 4096, 0, 0));

  private static final int WIDTH = 4096;
  private static final int LAYERS = 32;
  private static final int HEADS = 32;
  private static final int MAX_WINDOW_LAYERS = 28;

  private final ConfigObject root;
  private final String type;
  private final Defaults defaults;

  private ModelConfigReader(ConfigObject root, String type) {
    this.root = root;
    this.type = type;
    this.defaults = CLASSES.get(type);
  }

  static ModelConfig read(Path folder, String name) {
    Path file = folder.resolve("config.json");
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(
          file + ": " + AtomicFiles.missing(file), "a model folder holds config.json, tokenizer.json and *.safetensors");
    }
    ConfigObject root = ConfigObject.read(file);
    String type = root.get("model_type").asText("");
    if (!CLASSES.containsKey(type)) {
      throw root.bad("model_type", "is none of " + CLASSES.keySet().stream().sorted().toList());
    }
    return new ModelConfigReader(root, type).read(name, folder.resolve("generation_config.json"));
  }

  private ModelConfig read(String name, Path generationFile) {
    checkArchitecture();
    ConfigKeys.check(root, type);
    int layers = root.positive("num_hidden_layers", LAYERS);
    int dModel = root.positive("hidden_size", WIDTH);
    int heads = root.positive("num_attention_heads", HEADS);
    int kvHeads = kvHeads(heads);
    int headDim = headDim(dModel, heads);
    int maxPositions = root.positive("max_position_embeddings", defaults.maxPositions());
    RotaryConfig rotary = RotaryConfig.read(root, maxPositions);
    boolean llama = type.equals("llama");
    boolean attentionBias = ofLlama("attention_bias");
    GenerationDefaults generation = GenerationDefaults.read(root, generationFile, token(defaults.end()));
    return new ModelConfig(
        name,
        type,
        layers,
        dModel,
        root.positive("vocab_size", defaults.vocabSize()),
        maxPositions,
        root.positive("intermediate_size", defaults.intermediate()),
        heads,
        kvHeads,
        headDim,
        root.number("rms_norm_eps", 1e-6),
        rotary.theta(),
        rotary.scaling(),
        slidingWindows(layers),
        type.equals("qwen2") || attentionBias,
        llama && attentionBias,
        ofLlama("mlp_bias"),
        root.flag("tie_word_embeddings", false),
        root.get("torch_dtype").asText(root.get("dtype").asText("")),
        generation.endTokens(),
        generation.repetitionPenalty(),
        id("bos_token_id", token(defaults.begin())),
        id("pad_token_id", Optional.empty()));
  }

  private static Optional<Integer> token(int id) {
    return id > 0 ? Optional.of(id) : Optional.empty();
  }

  private void checkArchitecture() {
    JsonNode architectures = root.get("architectures");
    boolean none = architectures.isArray() && architectures.isEmpty();
    if (root.has("architectures")
        && !none
        && !(architectures.size() == 1 && architectures.get(0).asText().equals(defaults.architecture()))) {
      throw root.bad("architectures", "is not [" + defaults.architecture() + "]");
    }
    if (root.has("hidden_act") && !Set.of("silu", "swish").contains(root.get("hidden_act").asText())) {
      throw root.bad("hidden_act", "is not silu");
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
                  .formatted(root.file(), type, kvHeads, heads))
          : root.bad("num_key_value_heads", "does not divide num_attention_heads " + heads);
    }
    return kvHeads;
  }

  private int headDim(int dModel, int heads) {
    if (!root.has("head_dim") && dModel % heads != 0) {
      throw root.bad("num_attention_heads", "does not divide hidden_size " + dModel);
    }
    int headDim = root.positive("head_dim", dModel / heads);
    if (headDim % 2 != 0) {
      throw UserException.badData(
          root.file() + ": head_dim " + headDim + " is odd, which rotary positions do not allow");
    }
    return headDim;
  }

  /** Only Llama has these switches; transformers ignores them in the others, which then contradict themselves. */
  private boolean ofLlama(String key) {
    boolean on = root.flag(key, false);
    if (on && type.equals("mistral") || on && type.equals("qwen2") && key.equals("mlp_bias")) {
      throw root.bad(key, "is not supported: " + type + " models of transformers have no such bias");
    }
    return on;
  }

  /** Mistral: all layers. Qwen2: those from max_window_layers on, if use_sliding_window; layer_types overrules. */
  private List<Integer> slidingWindows(int layers) {
    List<Integer> windows = new ArrayList<>(Collections.nCopies(layers, 0));
    if (type.equals("llama")) {
      return windows;
    }
    int window = window();
    int first = type.equals("qwen2") ? wholeNumber("max_window_layers", MAX_WINDOW_LAYERS) : 0;
    boolean listed = root.has("layer_types");
    if (listed && root.get("layer_types").size() != layers) {
      throw root.bad("layer_types", "does not name one kind for each of " + layers + " layers");
    }
    for (int layer = 0; layer < layers; layer++) {
      boolean byDefault = window > 0 && layer >= first;
      boolean sliding = listed ? isSliding(layer) : byDefault;
      if (sliding && window == 0) {
        throw root.bad("layer_types", "gives layer " + layer + " a sliding window, and the config has none");
      }
      if (type.equals("mistral") && sliding != byDefault) {
        throw root.bad(
            "layer_types", "differs from layer to layer: mistral models of transformers have one window, or none, for all");
      }
      windows.set(layer, sliding ? window : 0);
    }
    return windows;
  }

  private boolean isSliding(int layer) {
    String kind = root.get("layer_types").path(layer).asText();
    if (!kind.equals("sliding_attention") && !kind.equals("full_attention")) {
      throw root.bad("layer_types", "does not say sliding_attention or full_attention for layer " + layer);
    }
    return kind.equals("sliding_attention");
  }

  /** 0 for none. A missing key has the default of the class, null means none. */
  private int window() {
    if (type.equals("qwen2") && !root.flag("use_sliding_window", false)) {
      return 0;
    }
    boolean absent = root.get("sliding_window").isMissingNode();
    return absent ? defaults.slidingWindow() : root.positive("sliding_window", 0);
  }

  private int wholeNumber(String key, int byDefault) {
    if (!root.has(key)) {
      return byDefault;
    }
    if (!root.get(key).isInt() || root.get(key).intValue() < 0) {
      throw root.bad(key, "is no whole number from 0");
    }
    return root.get(key).intValue();
  }

  private Optional<Integer> id(String key, Optional<Integer> byDefault) {
    JsonNode node = root.get(key);
    if (node.isMissingNode()) {
      return byDefault;
    }
    return node.isInt() && node.intValue() >= 0 ? Optional.of(node.intValue()) : Optional.empty();
  }
}
