package org.refusal.model;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;

/** For every family a model of three layers with random weights, in whose config.json what is special of it matters. */
final class TinyFamily {
  static final int VOCABULARY = 16;

  /** Of config.json, beyond what all have, by model_type. */
  private static final Map<String, Map<String, Object>> SPECIAL =
      Map.of(
          "llama", Map.of("attention_bias", true, "mlp_bias", true),
          "mistral", Map.of("head_dim", 6, "sliding_window", 3),
          "qwen2", Map.of("use_sliding_window", true, "sliding_window", 3, "max_window_layers", 1),
          "qwen3", Map.of("head_dim", 6),
          "gemma", Map.of("head_dim", 6, "hidden_act", "gelu_pytorch_tanh", "hidden_activation", "gelu_pytorch_tanh"),
          "gemma2",
              Map.of(
                  "head_dim", 6, "hidden_activation", "gelu_pytorch_tanh", "sliding_window", 3, "sliding_window_size", 3,
                  "query_pre_attn_scalar", 9, "attn_logit_softcapping", 2.0, "final_logit_softcapping", 5.0),
          "gemma3_text",
              Map.of(
                  "head_dim", 6, "hidden_activation", "gelu_pytorch_tanh", "sliding_window", 3,
                  "sliding_window_pattern", 2, "query_pre_attn_scalar", 9, "final_logit_softcapping", 5.0,
                  "rope_theta", 5000.0, "rope_local_base_freq", 100.0),
          "phi3",
              Map.of(
                  "sliding_window", 3, "partial_rotary_factor", .5, "original_max_position_embeddings", 2,
                  "rope_scaling",
                  Map.of("type", "longrope", "short_factor", List.of(1.0), "long_factor", List.of(3.0))),
          "olmo2", Map.of("attention_bias", false));

  /** Another value of each key that only some families read. */
  private static final Map<String, Object> CHANGED =
      Map.of(
          "hidden_activation", "relu",
          "query_pre_attn_scalar", 16,
          "attn_logit_softcapping", 3.0,
          "final_logit_softcapping", 7.0,
          "sliding_window_pattern", 3,
          "sliding_window_size", 5,
          "rope_local_base_freq", 50.0,
          "partial_rotary_factor", 1.0);

  private TinyFamily() {}

  static boolean isThere(Family family) {
    return SPECIAL.containsKey(family.modelType());
  }

  static int count() {
    return SPECIAL.size();
  }

  static Object changed(String key) {
    return CHANGED.get(key);
  }

  static Map<String, Object> config(Family family) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of(family.architecture()));
    config.put("model_type", family.modelType());
    config.put("torch_dtype", "float32");
    config.put("vocab_size", VOCABULARY);
    config.put("hidden_size", 16);
    config.put("intermediate_size", 10);
    config.put("num_hidden_layers", 3);
    config.put("num_attention_heads", 4);
    config.put("num_key_value_heads", 2);
    config.put("max_position_embeddings", 64);
    config.put("rope_theta", 1000.0);
    config.put("rms_norm_eps", 1e-5);
    config.putAll(SPECIAL.get(family.modelType()));
    return config;
  }

  /** Normal weights of standard deviation .4, norms around what leaves everything as it is. */
  static Map<String, Tensor> write(Path folder, Map<String, Object> config, long seed) {
    Json.write(folder.resolve("config.json"), config);
    ModelConfig read = ModelConfig.read(folder, "tiny");
    Random random = new Random(seed);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    TensorNames.of(read)
        .forEach(
            (name, shape) -> {
              float[] values = new float[Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b))];
              boolean norm = name.contains("norm");
              boolean onePlus = read.form().norm() == DecoderForm.Norm.ONE_PLUS_WEIGHT;
              for (int i = 0; i < values.length; i++) {
                values[i] = (float) (.4 * random.nextGaussian() + (norm && !onePlus ? 1 : 0));
              }
              tensors.put(name, Tensor.of(values, shape));
            });
    Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
    return tensors;
  }
}
