package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.io.Safetensors.Tensor;

/**
 * The models of {@link TinyFamily} once more, on arrays, one token and one head after the other, from config.json and the
 * tensors alone: what the families do is written down here independently of {@link Family} and {@link DecoderScript}.
 */
final class PlainDecoder {
  private final JsonNode config;
  private final Map<String, Tensor> tensors;
  private final String type;
  private final boolean gemma;
  private final int d;
  private final int heads;
  private final int kvHeads;
  private final int width;
  private final int hidden;

  /** Residual stream after each layer {@code [layer][pos][d]}. */
  final List<double[][]> residuals = new ArrayList<>();

  final double[][] embedded;
  final double[][] logits;

  PlainDecoder(JsonNode config, Map<String, Tensor> tensors, int[] tokens) {
    this.config = config;
    this.tensors = tensors;
    this.type = config.path("model_type").asText();
    this.gemma = type.startsWith("gemma");
    this.d = config.path("hidden_size").asInt();
    this.heads = config.path("num_attention_heads").asInt();
    this.kvHeads = config.path("num_key_value_heads").asInt();
    this.width = config.path("head_dim").asInt(d / heads);
    this.hidden = config.path("intermediate_size").asInt();
    embedded = new double[tokens.length][d];
    for (int t = 0; t < tokens.length; t++) {
      for (int j = 0; j < d; j++) {
        embedded[t][j] = value("model.embed_tokens.weight", tokens[t] * d + j) * (gemma ? Math.sqrt(d) : 1);
      }
    }
    double[][] x = embedded;
    for (int layer = 0; layer < config.path("num_hidden_layers").asInt(); layer++) {
      String prefix = "model.layers." + layer + ".";
      boolean after = tensors.containsKey(prefix + "post_feedforward_layernorm.weight");
      boolean before = tensors.containsKey(prefix + "input_layernorm.weight");
      double[][] a = attention(before ? normed(x, prefix + "input_layernorm.weight") : x, prefix + "self_attn.", layer);
      x = sum(x, after ? normed(a, prefix + "post_attention_layernorm.weight") : a);
      String beforeMlp = prefix + (after ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight");
      double[][] m = mlp(before ? normed(x, beforeMlp) : x, prefix + "mlp.");
      x = sum(x, after ? normed(m, prefix + "post_feedforward_layernorm.weight") : m);
      residuals.add(x);
    }
    double[][] z =
        times(
            normed(x, "model.norm.weight"), gemma ? "model.embed_tokens" : "lm_head", 0,
            config.path("vocab_size").asInt());
    double cap = config.path("final_logit_softcapping").asDouble(0);
    for (double[] row : z) {
      for (int i = 0; cap > 0 && i < row.length; i++) {
        row[i] = cap * Math.tanh(row[i] / cap);
      }
    }
    logits = z;
  }

  private double value(String name, int i) {
    return tensors.get(name).data().getFloat(i * Float.BYTES);
  }

  /** Rows {@code from .. from + count - 1} of a projection, with its bias where it has one. */
  private double[][] times(double[][] x, String name, int from, int count) {
    int columns = x[0].length;
    double[][] y = new double[x.length][count];
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < count; i++) {
        double sum = tensors.containsKey(name + ".bias") ? value(name + ".bias", from + i) : 0;
        for (int j = 0; j < columns; j++) {
          sum += x[t][j] * value(name + ".weight", (from + i) * columns + j);
        }
        y[t][i] = sum;
      }
    }
    return y;
  }

  private double[] normed(double[] x, String weight) {
    double square = 0;
    for (double value : x) {
      square += value * value / x.length;
    }
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] / Math.sqrt(square + config.path("rms_norm_eps").asDouble()) * (value(weight, i) + (gemma ? 1 : 0));
    }
    return y;
  }

  private double[][] normed(double[][] x, String weight) {
    double[][] y = new double[x.length][];
    for (int t = 0; t < x.length; t++) {
      y[t] = normed(x[t], weight);
    }
    return y;
  }

  private static double[][] sum(double[][] x, double[][] y) {
    double[][] z = new double[x.length][x[0].length];
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < x[t].length; i++) {
        z[t][i] = x[t][i] + y[t][i];
      }
    }
    return z;
  }

  private double[][] attention(double[][] h, String prefix, int layer) {
    int n = h.length;
    boolean fused = type.equals("phi3");
    double[][] q = times(h, prefix + (fused ? "qkv_proj" : "q_proj"), 0, heads * width);
    double[][] k = times(h, prefix + (fused ? "qkv_proj" : "k_proj"), fused ? heads * width : 0, kvHeads * width);
    double[][] v = times(h, prefix + (fused ? "qkv_proj" : "v_proj"), fused ? (heads + kvHeads) * width : 0, kvHeads * width);
    if (type.equals("olmo2")) {
      q = normed(q, prefix + "q_norm.weight");
      k = normed(k, prefix + "k_norm.weight");
    }
    double scale = 1 / Math.sqrt(config.path("query_pre_attn_scalar").asDouble(width));
    double cap = type.equals("gemma2") ? config.path("attn_logit_softcapping").asDouble() : 0;
    int window = window(layer);
    double[][] out = new double[n][heads * width];
    for (int head = 0; head < heads; head++) {
      int kvHead = head / (heads / kvHeads);
      for (int t = 0; t < n; t++) {
        double[] query = turned(head(q[t], head, prefix + "q_norm.weight"), t, layer);
        int first = window > 0 ? Math.max(0, t - window + 1) : 0;
        double[] weights = new double[t - first + 1];
        double total = 0;
        for (int s = first; s <= t; s++) {
          double[] key = turned(head(k[s], kvHead, prefix + "k_norm.weight"), s, layer);
          double score = 0;
          for (int i = 0; i < width; i++) {
            score += query[i] * key[i] * scale;
          }
          weights[s - first] = Math.exp(cap > 0 ? cap * Math.tanh(score / cap) : score);
          total += weights[s - first];
        }
        for (int s = first; s <= t; s++) {
          for (int i = 0; i < width; i++) {
            out[t][head * width + i] += weights[s - first] / total * v[s][kvHead * width + i];
          }
        }
      }
    }
    return times(out, prefix + "o_proj", 0, d);
  }

  /** The components of one head, with its norm where heads have one. */
  private double[] head(double[] all, int head, String norm) {
    double[] own = Arrays.copyOfRange(all, head * width, (head + 1) * width);
    return Set.of("qwen3", "gemma3_text").contains(type) ? normed(own, norm) : own;
  }

  private int window(int layer) {
    int window = config.path("sliding_window").asInt(0);
    boolean slides =
        switch (type) {
          case "qwen2" -> layer >= config.path("max_window_layers").asInt();
          case "gemma2" -> layer % 2 == 0;
          case "gemma3_text" -> (layer + 1) % config.path("sliding_window_pattern").asInt() != 0;
          default -> true;
        };
    return slides ? window : 0;
  }

  private double[] turned(double[] x, int position, int layer) {
    boolean local = type.equals("gemma3_text") && window(layer) > 0;
    double theta = config.path(local ? "rope_local_base_freq" : "rope_theta").asDouble();
    int part = (int) (width * config.path("partial_rotary_factor").asDouble(1));
    double amplitude = 1;
    double[] y = x.clone();
    for (int i = 0; i < part / 2; i++) {
      double frequency = Math.pow(theta, -2.0 * i / part);
      if (type.equals("phi3")) { // always beyond the original length here
        frequency /= config.path("rope_scaling").path("long_factor").path(i).asDouble();
        double original = config.path("original_max_position_embeddings").asDouble();
        double longer = config.path("max_position_embeddings").asDouble() / original;
        amplitude = Math.sqrt(1 + Math.log(longer) / Math.log(original));
      }
      double cos = amplitude * Math.cos(position * frequency);
      double sin = amplitude * Math.sin(position * frequency);
      y[i] = x[i] * cos - x[i + part / 2] * sin;
      y[i + part / 2] = x[i + part / 2] * cos + x[i] * sin;
    }
    return y;
  }

  private double[][] mlp(double[][] h, String prefix) {
    boolean fused = type.equals("phi3");
    double[][] gate = times(h, prefix + (fused ? "gate_up_proj" : "gate_proj"), 0, hidden);
    double[][] up = times(h, prefix + (fused ? "gate_up_proj" : "up_proj"), fused ? hidden : 0, hidden);
    for (int t = 0; t < h.length; t++) {
      for (int i = 0; i < hidden; i++) {
        double x = gate[t][i];
        double gelu = x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + .044715 * x * x * x)));
        gate[t][i] = (gemma ? gelu : x / (1 + Math.exp(-x))) * up[t][i];
      }
    }
    return times(gate, prefix + "down_proj", 0, d);
  }
}
