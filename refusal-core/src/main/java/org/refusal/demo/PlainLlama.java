package org.refusal.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;

/**
 * The forward pass of a small Llama in float64 and plain loops, one prompt at a time, written from the formulas of the
 * architecture and sharing nothing with the engine: the witness that a planted checkpoint does what was planted, whoever
 * runs it. O(T d_model (d_model + d_ff + T)) for each layer.
 */
final class PlainLlama {
  /** Changes the output of a decoder layer in place, before the next one reads it. */
  @FunctionalInterface
  interface Change {
    void apply(int layer, double[][] residuals); // [pos, d_model]
  }

  /** Logits at the last position, and the output of every decoder layer, changes included. */
  record Run(double[] logits, double[][][] residuals) {} // [vocab], [layer, pos, d_model]

  private record Matrix(double[] values, int rows, int columns) {
    /** x Wᵀ */
    double[] times(double[] x) {
      double[] y = new double[rows];
      for (int i = 0; i < rows; i++) {
        double sum = 0;
        for (int j = 0; j < columns; j++) {
          sum += values[i * columns + j] * x[j];
        }
        y[i] = sum;
      }
      return y;
    }
  }

  private final Map<String, Matrix> weights = new HashMap<>();
  private final int layers;
  private final int heads;
  private final int headDim;
  private final double epsilon;
  private final double theta;

  PlainLlama(Path folder) {
    JsonNode config = Json.read(folder.resolve("config.json"));
    layers = config.get("num_hidden_layers").asInt();
    heads = config.get("num_attention_heads").asInt();
    headDim = config.get("hidden_size").asInt() / heads;
    epsilon = config.get("rms_norm_eps").asDouble();
    theta = config.get("rope_theta").asDouble();
    try (Safetensors file = Safetensors.open(folder.resolve("model.safetensors"))) {
      file.entries().forEach((name, entry) -> {
        long[] shape = entry.shape();
        int columns = (int) shape[shape.length - 1];
        weights.put(name, new Matrix(file.doubles(name), (int) (entry.elements() / columns), columns));
      });
    }
  }

  Run run(int[] tokens, Change change) {
    Matrix embedding = weights.get("model.embed_tokens.weight");
    double[][] x = new double[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      int from = tokens[t] * embedding.columns();
      x[t] = Arrays.copyOfRange(embedding.values(), from, from + embedding.columns());
    }
    double[][][] residuals = new double[layers][tokens.length][];
    double[] logits =
        above(-1, x, (layer, here) -> {
          change.apply(layer, here);
          for (int t = 0; t < tokens.length; t++) {
            residuals[layer][t] = here[t].clone();
          }
        });
    return new Run(logits, residuals);
  }

  /** Logits at the last position, from the output of a layer on, -1 for the embeddings; {@code x} is used up. */
  double[] above(int below, double[][] x, Change change) {
    for (int layer = below + 1; layer < layers; layer++) {
      attention(layer, x);
      feedForward(layer, x);
      change.apply(layer, x);
    }
    return weights.get("lm_head.weight").times(norm(x[x.length - 1], weights.get("model.norm.weight")));
  }

  /** Log-odds of one token against all others. */
  static double logOdds(double[] logits, int token) {
    double most = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < logits.length; v++) {
      most = v == token ? most : Math.max(most, logits[v]);
    }
    double sum = 0;
    for (int v = 0; v < logits.length; v++) {
      sum += v == token ? 0 : Math.exp(logits[v] - most);
    }
    return logits[token] - most - Math.log(sum);
  }

  private void attention(int layer, double[][] x) {
    String prefix = "model.layers." + layer + ".";
    int length = x.length;
    double[][] q = new double[length][];
    double[][] k = new double[length][];
    double[][] v = new double[length][];
    for (int t = 0; t < length; t++) {
      double[] normed = norm(x[t], weights.get(prefix + "input_layernorm.weight"));
      q[t] = turned(weights.get(prefix + "self_attn.q_proj.weight").times(normed), t);
      k[t] = turned(weights.get(prefix + "self_attn.k_proj.weight").times(normed), t);
      v[t] = weights.get(prefix + "self_attn.v_proj.weight").times(normed);
    }
    for (int t = 0; t < length; t++) {
      double[] mixed = new double[heads * headDim];
      for (int head = 0; head < heads; head++) {
        double[] attention = softmax(scores(q[t], k, t, head * headDim));
        for (int source = 0; source <= t; source++) {
          for (int d = head * headDim; d < (head + 1) * headDim; d++) {
            mixed[d] += attention[source] * v[source][d];
          }
        }
      }
      add(x[t], weights.get(prefix + "self_attn.o_proj.weight").times(mixed));
    }
  }

  /** Scaled scores of the positions up to {@code t}. */
  private double[] scores(double[] query, double[][] keys, int t, int from) {
    double[] scores = new double[t + 1];
    for (int source = 0; source <= t; source++) {
      for (int d = from; d < from + headDim; d++) {
        scores[source] += query[d] * keys[source][d];
      }
      scores[source] /= Math.sqrt(headDim);
    }
    return scores;
  }

  private void feedForward(int layer, double[][] x) {
    String prefix = "model.layers." + layer + ".";
    for (double[] row : x) {
      double[] normed = norm(row, weights.get(prefix + "post_attention_layernorm.weight"));
      double[] gate = weights.get(prefix + "mlp.gate_proj.weight").times(normed);
      double[] up = weights.get(prefix + "mlp.up_proj.weight").times(normed);
      for (int i = 0; i < gate.length; i++) {
        up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
      }
      add(row, weights.get(prefix + "mlp.down_proj.weight").times(up));
    }
  }

  /** Rotary position: coordinate i of a head turns with coordinate i + headDim / 2. */
  private double[] turned(double[] vector, int position) {
    double[] turned = new double[vector.length];
    int half = headDim / 2;
    for (int from = 0; from < vector.length; from += headDim) {
      for (int i = 0; i < half; i++) {
        double angle = position * Math.pow(theta, -2.0 * i / headDim);
        double a = vector[from + i];
        double b = vector[from + half + i];
        turned[from + i] = a * Math.cos(angle) - b * Math.sin(angle);
        turned[from + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return turned;
  }

  private double[] norm(double[] x, Matrix weight) {
    double squares = 0;
    for (double value : x) {
      squares += value * value;
    }
    double scale = 1 / Math.sqrt(squares / x.length + epsilon);
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] * scale * weight.values()[i];
    }
    return y;
  }

  private static double[] softmax(double[] scores) {
    double most = Arrays.stream(scores).max().orElseThrow();
    double[] weights = Arrays.stream(scores).map(score -> Math.exp(score - most)).toArray();
    double sum = Arrays.stream(weights).sum();
    return Arrays.stream(weights).map(weight -> weight / sum).toArray();
  }

  private static void add(double[] into, double[] values) {
    for (int i = 0; i < into.length; i++) {
      into[i] += values[i];
    }
  }
}
