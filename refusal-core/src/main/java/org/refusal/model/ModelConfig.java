package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * What a decoder of the Llama family is, as its config.json says (spelling of transformers 4 or 5). A key that would
 * change the result and is not understood is an error, never ignored.
 *
 * @param name how the user named the model
 * @param modelType {@code llama}, {@code mistral} or {@code qwen2}
 * @param layers decoder layers
 * @param dModel width of the residual stream
 * @param maxPositions longest context
 * @param intermediate width of the MLP
 * @param heads query heads
 * @param kvHeads key-value heads; a divisor of {@code heads}
 * @param slidingWindows for every layer how many positions, itself included, a position sees; 0 means all before it
 * @param qkvBias biases on the query, key and value projections
 * @param outputBias bias on the attention's output projection
 * @param tiedEmbeddings the unembedding is the embedding
 * @param storedType {@code torch_dtype}, or empty if the file does not say
 * @param endTokens ids that end a generation: generation_config.json's if there is one, else config.json's
 * @param beginToken bos_token_id, if any
 * @param padToken pad_token_id, if any
 */
public record ModelConfig(
    String name,
    String modelType,
    int layers,
    int dModel,
    int vocabSize,
    int maxPositions,
    int intermediate,
    int heads,
    int kvHeads,
    int headDim,
    double rmsNormEps,
    double ropeTheta,
    Optional<RopeScaling> ropeScaling,
    List<Integer> slidingWindows,
    boolean qkvBias,
    boolean outputBias,
    boolean mlpBias,
    boolean tiedEmbeddings,
    String storedType,
    List<Integer> endTokens,
    Optional<Integer> beginToken,
    Optional<Integer> padToken) {

  private static final Map<String, String> ARCHITECTURES =
      Map.of("llama", "LlamaForCausalLM", "mistral", "MistralForCausalLM", "qwen2", "Qwen2ForCausalLM");
  private static final Map<String, Double> NEUTRAL =
      Map.of(
          "partial_rotary_factor", 1.0,
          "embedding_multiplier", 1.0,
          "residual_multiplier", 1.0,
          "logits_scaling", 1.0,
          "logit_scale", 1.0);
  private static final List<String> MUST_BE_ABSENT =
      List.of(
          "quantization_config",
          "rope_interleaved",
          "final_logit_softcapping",
          "attn_logit_softcapping",
          "attention_multiplier",
          "query_pre_attn_scalar",
          "clip_qkv",
          "num_local_experts",
          "no_rope_layers");

  public ModelConfig {
    slidingWindows = List.copyOf(slidingWindows);
    endTokens = List.copyOf(endTokens);
  }

  /** Reads {@code config.json} and, where there is one, {@code generation_config.json}. */
  public static ModelConfig read(Path folder, String name) {
    Path file = folder.resolve("config.json");
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(
          file + ": no such file", "a model folder holds config.json, tokenizer.json and *.safetensors");
    }
    return new Reader(file, Json.read(file)).read(name, folder.resolve("generation_config.json"));
  }

  private record Reader(Path file, JsonNode root) {
    ModelConfig read(String name, Path generationFile) {
      if (!root.isObject()) {
        throw UserException.badData(file + ": not a JSON object");
      }
      String type = checkArchitecture();
      checkNothingElse();
      int layers = positive("num_hidden_layers");
      int dModel = positive("hidden_size");
      int heads = positive("num_attention_heads");
      int kvHeads = absent(root, "num_key_value_heads") ? heads : positive("num_key_value_heads");
      if (heads % kvHeads != 0) {
        throw bad("num_key_value_heads", "does not divide num_attention_heads " + heads);
      }
      if (absent(root, "head_dim") && dModel % heads != 0) {
        throw bad("num_attention_heads", "does not divide hidden_size " + dModel);
      }
      int headDim = absent(root, "head_dim") ? dModel / heads : positive("head_dim");
      if (headDim % 2 != 0) {
        throw UserException.badData(file + ": head_dim " + headDim + " is odd, which rotary positions do not allow");
      }
      JsonNode rope = absent(root, "rope_parameters") ? root.path("rope_scaling") : root.path("rope_parameters");
      boolean qwen = type.equals("qwen2");
      boolean attentionBias = flag("attention_bias", false);
      return new ModelConfig(
          name,
          type,
          layers,
          dModel,
          positive("vocab_size"),
          positive("max_position_embeddings"),
          positive("intermediate_size"),
          heads,
          kvHeads,
          headDim,
          number(root, "rms_norm_eps", 1e-6),
          number(rope, "rope_theta", number(root, "rope_theta", 10000)),
          ropeScaling(rope),
          slidingWindows(type, layers),
          qwen || attentionBias,
          !qwen && attentionBias,
          flag("mlp_bias", false),
          flag("tie_word_embeddings", false),
          root.path("torch_dtype").asText(root.path("dtype").asText("")),
          endTokens(generationFile),
          id("bos_token_id"),
          id("pad_token_id"));
    }

    private String checkArchitecture() {
      String type = root.path("model_type").asText("");
      if (!ARCHITECTURES.containsKey(type)) {
        throw bad("model_type", "is none of " + ARCHITECTURES.keySet().stream().sorted().toList());
      }
      JsonNode architectures = root.path("architectures");
      if (!architectures.isMissingNode()
          && !architectures.isNull()
          && !(architectures.size() == 1 && architectures.get(0).asText().equals(ARCHITECTURES.get(type)))) {
        throw bad("architectures", "is not [" + ARCHITECTURES.get(type) + "]");
      }
      String activation = root.path("hidden_act").asText("silu");
      if (!activation.equals("silu")) {
        throw bad("hidden_act", "is not silu");
      }
      return type;
    }

    private void checkNothingElse() {
      for (String key : MUST_BE_ABSENT) {
        if (!absent(root, key) && !root.path(key).equals(com.fasterxml.jackson.databind.node.BooleanNode.FALSE)) {
          throw bad(key, "is not supported");
        }
      }
      NEUTRAL.forEach(
          (key, value) -> {
            if (number(root, key, value) != value) {
              throw bad(key, "is not supported");
            }
          });
    }

    private Optional<RopeScaling> ropeScaling(JsonNode rope) {
      if (rope.isMissingNode() || rope.isNull()) {
        return Optional.empty();
      }
      String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
      if (number(rope, "partial_rotary_factor", 1) != 1) {
        throw UserException.badData(file + ": partial_rotary_factor " + rope.path("partial_rotary_factor") + " is not supported");
      }
      return switch (type) {
        case "default" -> Optional.empty();
        case "llama3" ->
            Optional.of(
                new RopeScaling(
                    required(rope, "factor"),
                    required(rope, "low_freq_factor"),
                    required(rope, "high_freq_factor"),
                    (int) required(rope, "original_max_position_embeddings")));
        default ->
            throw UserException.badData(
                "%s: rope_type \"%s\" is none of default, llama3".formatted(file, type));
      };
    }

    /** Mistral: all layers. Qwen2: those from max_window_layers on, if use_sliding_window. layer_types overrules. */
    private List<Integer> slidingWindows(String type, int layers) {
      List<Integer> windows = new ArrayList<>(Collections.nCopies(layers, 0));
      if (type.equals("llama") || absent(root, "sliding_window")) {
        return windows;
      }
      if (type.equals("qwen2") && !flag("use_sliding_window", false)) {
        return windows;
      }
      int window = positive("sliding_window");
      JsonNode types = root.path("layer_types");
      int first = type.equals("qwen2") && !absent(root, "max_window_layers") ? root.path("max_window_layers").asInt() : 0;
      for (int layer = 0; layer < layers; layer++) {
        boolean sliding = layer >= first;
        if (types.isArray()) {
          String layerType = types.path(layer).asText();
          if (!layerType.equals("sliding_attention") && !layerType.equals("full_attention")) {
            throw bad("layer_types", "does not say sliding_attention or full_attention for layer " + layer);
          }
          sliding = layerType.equals("sliding_attention");
        }
        windows.set(layer, sliding ? window : 0);
      }
      return windows;
    }

    private List<Integer> endTokens(Path generationFile) {
      JsonNode node = root.path("eos_token_id");
      Path from = file;
      if (Files.isRegularFile(generationFile)) {
        JsonNode generation = Json.read(generationFile);
        if (!absent(generation, "eos_token_id")) {
          node = generation.path("eos_token_id");
          from = generationFile;
        }
      }
      if (node.isMissingNode() || node.isNull()) {
        return List.of();
      }
      List<Integer> ids = new ArrayList<>();
      for (JsonNode id : node.isArray() ? node : List.of(node)) {
        if (!id.canConvertToInt() || id.asInt() < 0) {
          throw UserException.badData("%s: eos_token_id %s is no token id".formatted(from, node));
        }
        ids.add(id.asInt());
      }
      return ids;
    }

    private Optional<Integer> id(String key) {
      JsonNode node = root.path(key);
      return node.isInt() && node.intValue() >= 0 ? Optional.of(node.intValue()) : Optional.empty();
    }

    private int positive(String key) {
      JsonNode node = root.path(key);
      if (node.isMissingNode()) {
        throw UserException.badData(file + ": " + key + " is missing");
      }
      if (!node.isInt() || node.intValue() < 1) {
        throw bad(key, "is no whole number from 1");
      }
      return node.intValue();
    }

    private boolean flag(String key, boolean byDefault) {
      if (absent(root, key)) {
        return byDefault;
      }
      if (!root.path(key).isBoolean()) {
        throw bad(key, "is neither true nor false");
      }
      return root.path(key).booleanValue();
    }

    private double required(JsonNode object, String key) {
      if (absent(object, key)) {
        throw UserException.badData(file + ": rope scaling lacks " + key);
      }
      return number(object, key, 0);
    }

    private double number(JsonNode object, String key, double byDefault) {
      if (absent(object, key)) {
        return byDefault;
      }
      if (!object.path(key).isNumber()) {
        throw UserException.badData("%s: %s %s is no number".formatted(file, key, object.path(key)));
      }
      return object.path(key).doubleValue();
    }

    private UserException bad(String key, String what) {
      JsonNode value = root.path(key);
      return UserException.badData(
          "%s: %s %s %s".formatted(file, key, value.isMissingNode() ? "(missing)" : value.toString(), what));
    }

    private static boolean absent(JsonNode object, String key) {
      return object.path(key).isMissingNode() || object.path(key).isNull();
    }
  }
}
