package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;

/**
 * Which keys of a config.json are obeyed, which have no effect on what a model computes, and which may only have the value
 * that switches them off. Every other key is refused by name. Source: the configuration and model classes of transformers
 * 5.24 (those of {@link Families}, PreTrainedConfig) and the keys that training programs leave behind.
 */
final class ConfigKeys {
  /** Read by {@link ModelConfigReader}, {@link GenerationDefaults} or several families. */
  private static final Set<String> OBEYED =
      Set.of(
          "model_type", "architectures", "hidden_act", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
          "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps", "rope_theta",
          "rope_scaling", "rope_parameters", "original_max_position_embeddings", "tie_word_embeddings", "torch_dtype", "dtype",
          "bos_token_id", "eos_token_id", "pad_token_id", "sliding_window", "use_sliding_window", "max_window_layers",
          "layer_types", "attention_bias", "mlp_bias");

  /** Of training, of saving, of other heads, of speed and memory: the forward pass does not read them. */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "transformers_version", "transformers.js_config", "auto_map", "name_or_path", "model_name", "model_id", "base_model",
          "license", "tokenizer_class", "tokenizer_name", "tokenizer_model_max_length", "tokenizer_padding_side",
          "model_max_length", "max_sequence_length", "max_seq_len", "max_seq_length", "seq_length", "seq_len",
          "unk_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "decoder_start_token_id",
          "initializer_range", "initializer_factor", "init_std", "pretraining_tp", "tensor_parallel", "use_cache",
          "attention_dropout", "attn_dropout", "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob",
          "resid_pdrop", "embd_pdrop", "attn_pdrop", "dropout", "embedding_dropout", "classifier_dropout", "mlp_dropout",
          "summary_first_dropout", "gradient_checkpointing", "use_gradient_checkpointing", "neftune_noise_alpha",
          "output_attentions", "output_hidden_states", "output_router_logits", "return_dict", "use_return_dict",
          "torchscript", "use_bfloat16", "chunk_size_feed_forward", "attn_implementation", "use_flash_attn",
          "use_flash_attention", "use_flash_attention_2", "flash_attention", "use_memory_efficient_attention",
          "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "task_specific_params", "prefix",
          "is_decoder", "is_llama_config", "tf_legacy_loss", "tie_last_hidden_states",
          "unsloth_version", "unsloth_fixed", "unsloth_training", "freeze_layers", "lr", "learning_rate", "wandb_project");

  /** May stand there when it says what these models do anyway. */
  private static final Map<String, Set<String>> ONLY_AS =
      Map.ofEntries(
          Map.entry("partial_rotary_factor", Set.of("1", "1.0")),
          Map.entry("rotary_pct", Set.of("1", "1.0")),
          Map.entry("embedding_multiplier", Set.of("1", "1.0")),
          Map.entry("residual_multiplier", Set.of("1", "1.0")),
          Map.entry("logits_scaling", Set.of("1", "1.0")),
          Map.entry("logit_scale", Set.of("1", "1.0")),
          Map.entry("hidden_activation", Set.of("\"silu\"", "\"swish\"")),
          Map.entry("is_causal", Set.of("true")),
          Map.entry("use_bidirectional_attention", Set.of("false")),
          Map.entry("is_encoder_decoder", Set.of("false")),
          Map.entry("add_cross_attention", Set.of("false")),
          Map.entry("tie_encoder_decoder", Set.of("false")),
          Map.entry("pruned_heads", Set.of("{}")),
          Map.entry("rope_interleaved", Set.of("false")),
          Map.entry("use_rope", Set.of("true")),
          Map.entry("use_mrope", Set.of("false")),
          Map.entry("use_qk_norm", Set.of("false")),
          Map.entry("qk_norm", Set.of("false")),
          Map.entry("qk_layernorm", Set.of("false")),
          Map.entry("bias", Set.of("false")),
          Map.entry("qkv_bias", Set.of("false")),
          Map.entry("lm_head_bias", Set.of("false")),
          Map.entry("full_attn_mod", Set.of("1")),
          Map.entry("interpolate_factor", Set.of("1", "1.0")),
          Map.entry("no_bias", Set.of("true")),
          Map.entry("no_rope_layers", Set.of("[]", "false")),
          Map.entry("quantization_config", Set.of("false")),
          Map.entry("final_logit_softcapping", Set.of("false")),
          Map.entry("attn_logit_softcapping", Set.of("false")),
          Map.entry("attention_multiplier", Set.of("false")),
          Map.entry("query_pre_attn_scalar", Set.of("false")),
          Map.entry("clip_qkv", Set.of("false")),
          Map.entry("num_local_experts", Set.of("false", "0", "1")),
          Map.entry("num_experts", Set.of("false", "0", "1")));

  /** Bookkeeping of programs that saved the model, by how the key begins. */
  private static final List<String> PREFIXES_WITHOUT_EFFECT = List.of("_", "unsloth_", "wandb_", "training_", "train_");

  private ConfigKeys() {}

  /** @throws UserException naming a key that is not known to be obeyed or without effect */
  static void check(ConfigObject config, Family family) {
    for (Iterator<String> keys = config.keys(); keys.hasNext(); ) {
      String key = keys.next();
      if (!config.has(key)
          || OBEYED.contains(key)
          || family.ownKeys().contains(key)
          || WITHOUT_EFFECT.contains(key)
          || GenerationDefaults.isKey(key)
          || PREFIXES_WITHOUT_EFFECT.stream().anyMatch(key::startsWith)) {
        continue;
      }
      Set<String> allowed = ONLY_AS.get(key);
      if (allowed == null) {
        throw UserException.badData(
            config.bad(key, "is not known: it may change what the model computes").getMessage(),
            "a %s model of transformers reads no such key: if it has no effect, take it out of config.json".formatted(family.modelType()));
      }
      if (!allowed.contains(config.get(key).toString())) {
        throw refused(config, key);
      }
    }
  }

  private static UserException refused(ConfigObject config, String key) {
    JsonNode value = config.get(key);
    if (key.equals("quantization_config")) {
      String method = value.path("quant_method").asText(value.isTextual() ? value.asText() : "unknown");
      return UserException.badData(
          "%s: quantization_config: weights quantized by %s are not read".formatted(config.file(), method),
          "take the model in bfloat16, float16 or float32, from which it was quantized");
    }
    return config.bad(key, "is not supported");
  }
}
