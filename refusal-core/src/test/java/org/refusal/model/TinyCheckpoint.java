package org.refusal.model;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;

/** A Llama of two layers, width 8, vocabulary 16, with random weights. */
final class TinyCheckpoint {
  private TinyCheckpoint() {}

  static Map<String, Tensor> tensors() {
    Random random = new Random(11);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("model.embed_tokens.weight", normal(random, 16, 8));
    for (int layer = 0; layer < 2; layer++) {
      String prefix = "model.layers." + layer + ".";
      tensors.put(prefix + "input_layernorm.weight", normal(random, 8));
      tensors.put(prefix + "self_attn.q_proj.weight", normal(random, 8, 8));
      tensors.put(prefix + "self_attn.k_proj.weight", normal(random, 4, 8));
      tensors.put(prefix + "self_attn.v_proj.weight", normal(random, 4, 8));
      tensors.put(prefix + "self_attn.o_proj.weight", normal(random, 8, 8));
      tensors.put(prefix + "post_attention_layernorm.weight", normal(random, 8));
      tensors.put(prefix + "mlp.gate_proj.weight", normal(random, 12, 8));
      tensors.put(prefix + "mlp.up_proj.weight", normal(random, 12, 8));
      tensors.put(prefix + "mlp.down_proj.weight", normal(random, 8, 12));
    }
    tensors.put("model.norm.weight", normal(random, 8));
    tensors.put("lm_head.weight", normal(random, 16, 8));
    return tensors;
  }

  static void write(Path folder, Map<String, Tensor> tensors) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("LlamaForCausalLM"));
    config.put("model_type", "llama");
    config.put("torch_dtype", "float32");
    config.put("vocab_size", 16);
    config.put("hidden_size", 8);
    config.put("intermediate_size", 12);
    config.put("num_hidden_layers", 2);
    config.put("num_attention_heads", 4);
    config.put("num_key_value_heads", 2);
    config.put("max_position_embeddings", 64);
    config.put("rope_theta", 10000.0);
    config.put("rms_norm_eps", 1e-5);
    config.put("hidden_act", "silu");
    config.put("eos_token_id", 2);
    Json.write(folder.resolve("config.json"), config);
    Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
  }

  private static Tensor normal(Random random, long... shape) {
    int n = 1;
    for (long extent : shape) {
      n *= (int) extent;
    }
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, shape);
  }
}
