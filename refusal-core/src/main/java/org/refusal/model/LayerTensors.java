package org.refusal.model;

import java.util.List;
import java.util.Optional;

/**
 * How a family names and packs the tensors of a layer, below {@code model.layers.N}. Tensors of one list lie below each
 * other in the order of the list: a fused matrix is a list of one.
 *
 * @param normBeforeAttention and the three others: those that the family has
 * @param queriesKeysValues projections of the attention's input, without {@code .weight}
 * @param gateAndUp projections of the MLP's input, without {@code .weight}
 */
public record LayerTensors(
    Optional<String> normBeforeAttention,
    Optional<String> normAfterAttention,
    Optional<String> normBeforeMlp,
    Optional<String> normAfterMlp,
    List<String> queriesKeysValues,
    List<String> gateAndUp) {

  private static final List<String> QKV = List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj");
  private static final List<String> GATE_UP = List.of("mlp.gate_proj", "mlp.up_proj");

  /** Norms before attention and MLP. */
  static final LayerTensors LLAMA =
      new LayerTensors(
          Optional.of("input_layernorm"), Optional.empty(), Optional.of("post_attention_layernorm"), Optional.empty(),
          QKV, GATE_UP);

  /** The same with fused projections. */
  static final LayerTensors FUSED =
      new LayerTensors(
          LLAMA.normBeforeAttention, LLAMA.normAfterAttention, LLAMA.normBeforeMlp, LLAMA.normAfterMlp,
          List.of("self_attn.qkv_proj"), List.of("mlp.gate_up_proj"));

  /** Norms before and after attention and MLP. */
  static final LayerTensors NORMS_ON_BOTH_SIDES =
      new LayerTensors(
          Optional.of("input_layernorm"), Optional.of("post_attention_layernorm"),
          Optional.of("pre_feedforward_layernorm"), Optional.of("post_feedforward_layernorm"), QKV, GATE_UP);

  /** Norms after attention and MLP only. */
  static final LayerTensors NORMS_AFTER =
      new LayerTensors(
          Optional.empty(), Optional.of("post_attention_layernorm"), Optional.empty(),
          Optional.of("post_feedforward_layernorm"), QKV, GATE_UP);
}
