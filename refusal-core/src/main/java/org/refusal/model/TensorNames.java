package org.refusal.model;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The tensors of a checkpoint of the Llama family, as transformers names them. */
final class TensorNames {
  static final String EMBEDDING = "model.embed_tokens.weight";
  static final String HEAD = "lm_head.weight";

  /** Tables that older versions saved and every version computes anew, and the value head of a reward trainer. */
  private static final Pattern WITHOUT_EFFECT =
      Pattern.compile(
          "(model\\.)?(layers\\.\\d+\\.self_attn\\.)?rotary_emb\\.(inv_freq|cos_cached|sin_cached)|v_head\\..+");

  private TensorNames() {}

  /** Those that a model of this config computes with; a tied head may be there or not and is not among them. */
  static Set<String> of(ModelConfig config) {
    Set<String> names = new LinkedHashSet<>();
    names.add(EMBEDDING);
    for (int layer = 0; layer < config.layers(); layer++) {
      String prefix = "model.layers." + layer + ".";
      for (String norm : List.of("input_layernorm", "post_attention_layernorm")) {
        names.add(prefix + norm + ".weight");
      }
      for (String projection : List.of("q_proj", "k_proj", "v_proj")) {
        add(names, prefix + "self_attn." + projection, config.qkvBias());
      }
      add(names, prefix + "self_attn.o_proj", config.outputBias());
      for (String projection : List.of("gate_proj", "up_proj", "down_proj")) {
        add(names, prefix + "mlp." + projection, config.mlpBias());
      }
    }
    names.add("model.norm.weight");
    if (!config.tiedEmbeddings()) {
      names.add(HEAD);
    }
    return names;
  }

  private static void add(Set<String> names, String projection, boolean bias) {
    names.add(projection + ".weight");
    if (bias) {
      names.add(projection + ".bias");
    }
  }

  static boolean isWithoutEffect(String name) {
    return WITHOUT_EFFECT.matcher(name).matches();
  }
}
