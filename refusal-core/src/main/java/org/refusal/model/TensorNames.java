package org.refusal.model;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.refusal.model.DecoderForm.HeadNorm;

/** The tensors of a checkpoint, as transformers names them. */
final class TensorNames {
  static final String EMBEDDING = "model.embed_tokens.weight";
  static final String FINAL_NORM = "model.norm.weight";
  static final String HEAD = "lm_head.weight";
  static final String OUTPUT = "self_attn.o_proj";
  static final String DOWN = "mlp.down_proj";
  static final String QUERY_NORM = "self_attn.q_norm.weight";
  static final String KEY_NORM = "self_attn.k_norm.weight";

  /** Tables that older versions saved and every version computes anew, and the value head of a reward trainer. */
  private static final Pattern WITHOUT_EFFECT =
      Pattern.compile(
          "(model\\.)?(layers\\.\\d+\\.self_attn\\.)?rotary_emb\\.(inv_freq|cos_cached|sin_cached)|v_head\\..+");

  private TensorNames() {}

  /** What stands before the names of a layer. */
  static String layer(int layer) {
    return "model.layers." + layer + ".";
  }

  /** Rows of queries, keys and values, or of gate and up: one number for each tensor that they are stored in. */
  static long[] rows(List<String> names, long... parts) {
    return names.size() == parts.length ? parts : new long[] {Arrays.stream(parts).sum()};
  }

  /**
   * Those that a model of this config computes with, and their shapes; a tied head may be there or not and is not among
   * them.
   */
  static Map<String, long[]> of(ModelConfig config) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    long d = config.dModel();
    shapes.put(EMBEDDING, new long[] {config.vocabSize(), d});
    for (int layer = 0; layer < config.layers(); layer++) {
      addLayer(shapes, layer(layer), config);
    }
    shapes.put(FINAL_NORM, new long[] {d});
    if (!config.tiedEmbeddings()) {
      shapes.put(HEAD, new long[] {config.vocabSize(), d});
    }
    return shapes;
  }

  private static void addLayer(Map<String, long[]> shapes, String prefix, ModelConfig config) {
    LayerTensors names = config.family().tensors();
    long d = config.dModel();
    long q = (long) config.heads() * config.headDim();
    long kv = (long) config.kvHeads() * config.headDim();
    long hidden = config.intermediate();
    for (Optional<String> norm :
        List.of(
            names.normBeforeAttention(), names.normAfterAttention(), names.normBeforeMlp(), names.normAfterMlp())) {
      norm.ifPresent(name -> shapes.put(prefix + name + ".weight", new long[] {d}));
    }
    if (config.form().headNorm() != HeadNorm.NONE) {
      boolean full = config.form().headNorm() == HeadNorm.FULL_WIDTH;
      shapes.put(prefix + QUERY_NORM, new long[] {full ? q : config.headDim()});
      shapes.put(prefix + KEY_NORM, new long[] {full ? kv : config.headDim()});
    }
    add(shapes, prefix, names.queriesKeysValues(), rows(names.queriesKeysValues(), q, kv, kv), d,
        config.biases().queriesKeysValues());
    add(shapes, prefix, List.of(OUTPUT), new long[] {d}, q, config.biases().output());
    add(shapes, prefix, names.gateAndUp(), rows(names.gateAndUp(), hidden, hidden), d, config.biases().mlp());
    add(shapes, prefix, List.of(DOWN), new long[] {d}, hidden, config.biases().mlp());
  }

  private static void add(
      Map<String, long[]> shapes, String prefix, List<String> projections, long[] rows, long columns, boolean bias) {
    for (int i = 0; i < rows.length; i++) {
      shapes.put(prefix + projections.get(i) + ".weight", new long[] {rows[i], columns});
      if (bias) {
        shapes.put(prefix + projections.get(i) + ".bias", new long[] {rows[i]});
      }
    }
  }

  static boolean isWithoutEffect(String name) {
    return WITHOUT_EFFECT.matcher(name).matches();
  }
}
