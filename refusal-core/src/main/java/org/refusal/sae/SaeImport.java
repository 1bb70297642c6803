package org.refusal.sae;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.io.TorchFile;

/**
 * Autoencoders that other tools saved, brought into the form of {@link SparseAutoencoder} without changing the function
 * they compute. Which tool it was is seen from the files:
 *
 * <table>
 * <caption>Layouts</caption>
 * <tr><th>tool</th><th>files</th><th>function</th></tr>
 * <tr><td>SAELens</td><td>cfg.json, sae_weights.safetensors</td><td>see {@link SaeCheckpoint}</td></tr>
 * <tr><td>sparsify</td><td>cfg.json, sae.safetensors</td><td>TopK(ReLU(W (x - b_dec) + b))</td></tr>
 * <tr><td>dictionary_learning</td><td>ae.pt, config.json</td><td>TopK(ReLU(W (x - b_dec) + b))</td></tr>
 * <tr><td>the original project</td><td>a .pt file with encoder and decoder</td>
 *     <td>TopK(ReLU(W x + b)): b takes up W b_dec</td></tr>
 * </table>
 */
public final class SaeImport {
  private SaeImport() {}

  /**
   * @param path a folder, or a {@code .pt} file of the original project
   * @param k active latents per token, for files that do not say; null if not known
   */
  public static SaeCheckpoint read(Path path, SaeSource source, Integer k) {
    if (Files.isRegularFile(path)) {
      return original(path, source, k);
    }
    if (Files.exists(path.resolve(SaeCheckpoint.WEIGHTS))) {
      return SaeCheckpoint.read(path);
    }
    if (Files.exists(path.resolve("sae.safetensors"))) {
      return sparsify(path, source);
    }
    if (Files.exists(path.resolve("ae.pt"))) {
      return dictionaryLearning(path, source, k);
    }
    throw UserException.badData(
        path + ": no autoencoder here",
        "expected sae_weights.safetensors (SAELens), sae.safetensors (sparsify), ae.pt (dictionary_learning) or a .pt file");
  }

  private static SaeCheckpoint sparsify(Path folder, SaeSource source) {
    Path configFile = folder.resolve("cfg.json");
    JsonNode config = Json.read(configFile);
    for (String key : new String[] {"transcode", "skip_connection"}) {
      if (config.path(key).asBoolean(false)) {
        throw UserException.badData(configFile + ": " + key + " is set: not an autoencoder of this form");
      }
    }
    String activation = config.path("activation").asText("topk");
    if (!activation.equals("topk")) {
      throw UserException.badData(configFile + ": activation '" + activation + "' cannot be read, only topk can");
    }
    Path weights = folder.resolve("sae.safetensors");
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(weights)) {
      for (String name : new String[] {"encoder.weight", "encoder.bias", "W_dec", "b_dec"}) {
        tensors.put(name, Tensor.of(file.floats(name), file.entry(name).shape()));
      }
    }
    Matrix encoder = Matrix.of(weights, tensors, "encoder.weight");
    Matrix decoder = Matrix.of(weights, tensors, "W_dec");
    return build(
        weights, source, positive(configFile, config.path("k")), encoder.transposed(),
        vector(weights, tensors, "encoder.bias"), decoder, vector(weights, tensors, "b_dec"));
  }

  private static SaeCheckpoint dictionaryLearning(Path folder, SaeSource source, Integer k) {
    Path file = folder.resolve("ae.pt");
    Map<String, Tensor> tensors = dictionary(file, TorchFile.read(file));
    Path configFile = folder.resolve("config.json");
    JsonNode config = Files.exists(configFile) ? Json.read(configFile) : Json.mapper().createObjectNode();
    String kind = config.path("trainer").path("dict_class").asText("AutoEncoderTopK");
    if (!kind.equals("AutoEncoderTopK")) {
      throw UserException.badData(configFile + ": dict_class '" + kind + "' cannot be read, only AutoEncoderTopK can");
    }
    int active =
        tensors.containsKey("k")
            ? (int) tensors.get("k").floats()[0]
            : config.path("trainer").has("k") ? positive(configFile, config.path("trainer").path("k")) : given(file, k);
    Matrix encoder = Matrix.of(file, tensors, "encoder.weight");
    Matrix decoder = Matrix.of(file, tensors, "decoder.weight").transposed();
    return build(
        file, source, active, encoder.transposed(), vector(file, tensors, "encoder.bias"), decoder,
        vector(file, tensors, "b_dec"));
  }

  /** Beside the weights, the original keeps hidden_dim and k_percent: k = max(1, int(hidden_dim * k_percent)). */
  private static SaeCheckpoint original(Path file, SaeSource source, Integer k) {
    Object content = TorchFile.read(file);
    Map<String, Tensor> tensors = dictionary(file, content);
    Integer active = k;
    if (content instanceof Map<?, ?> map && map.get("k_percent") instanceof Number share) {
      int own = (int) Math.max(1, Math.floor(tensor(file, tensors, "encoder.weight").shape()[0] * share.doubleValue()));
      if (k != null && k != own) {
        throw UserException.badData(
            "%s: its k_percent %s means k %d, not %d".formatted(file, share, own, k), "leave --k away");
      }
      active = own;
    }
    Matrix encoder = Matrix.of(file, tensors, "encoder.weight");
    Matrix decoder = Matrix.of(file, tensors, "decoder.weight").transposed();
    float[] bias = vector(file, tensors, "decoder.bias");
    float[] encoderBias = vector(file, tensors, "encoder.bias").clone();
    for (int latent = 0; latent < encoderBias.length; latent++) {
      double sum = encoderBias[latent];
      for (int j = 0; j < bias.length; j++) {
        sum += (double) encoder.values()[latent * bias.length + j] * bias[j];
      }
      encoderBias[latent] = (float) sum;
    }
    return build(file, source, given(file, active), encoder.transposed(), encoderBias, decoder, bias);
  }

  /** @param wEnc {@code [d_in, d_sae]} @param wDec {@code [d_sae, d_in]} */
  private static SaeCheckpoint build(
      Path file, SaeSource source, int k, Matrix wEnc, float[] bEnc, Matrix wDec, float[] bDec) {
    int dIn = wEnc.rows();
    int dSae = wEnc.columns();
    if (wDec.rows() != dSae || wDec.columns() != dIn || bEnc.length != dSae || bDec.length != dIn) {
      throw UserException.badData(
          "%s: shapes do not fit: encoder %d to %d, decoder %d to %d, biases %d and %d"
              .formatted(file, dIn, dSae, wDec.rows(), wDec.columns(), bEnc.length, bDec.length));
    }
    if (k > dSae) {
      throw UserException.badData("%s: k %d is larger than d_sae %d".formatted(file, k, dSae));
    }
    return new SaeCheckpoint(
        new SaeWeights(dIn, dSae, k, wEnc.values(), bEnc, wDec.values(), bDec), source);
  }

  /** The tensors of a state_dict, also when it lies in another dictionary (a training checkpoint). */
  private static Map<String, Tensor> dictionary(Path file, Object read) {
    Object content = read;
    if (content instanceof Map<?, ?> outer) {
      for (String name : new String[] {"model_state_dict", "state_dict", "sae_state_dict"}) {
        if (outer.get(name) instanceof Map<?, ?> inner) {
          content = inner;
        }
      }
    }
    if (!(content instanceof Map<?, ?> map)) {
      throw UserException.badData(file + ": holds no dictionary of tensors");
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    map.forEach((name, value) -> {
      if (value instanceof Tensor tensor) {
        tensors.put(name.toString(), tensor);
      }
    });
    return tensors;
  }

  private static int given(Path file, Integer k) {
    if (k == null) {
      throw UserException.badData(file + ": does not say how many latents are active", "give --k");
    }
    return k;
  }

  private static int positive(Path file, JsonNode value) {
    if (!value.isInt() || value.asInt() < 1) {
      throw UserException.badData(file + ": k must be a positive whole number");
    }
    return value.asInt();
  }

  private static Tensor tensor(Path file, Map<String, Tensor> tensors, String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw UserException.badData(file + ": tensor '" + name + "' is missing; it has " + tensors.keySet());
    }
    return tensor;
  }

  private static float[] vector(Path file, Map<String, Tensor> tensors, String name) {
    return finite(file, name, tensor(file, tensors, name).floats());
  }

  private static float[] finite(Path file, String name, float[] values) {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw UserException.badData("%s: %s, element %d: %s".formatted(file, name, i, values[i]));
      }
    }
    return values;
  }

  /** Row major. */
  private record Matrix(int rows, int columns, float[] values) {
    static Matrix of(Path file, Map<String, Tensor> tensors, String name) {
      Tensor tensor = tensor(file, tensors, name);
      if (tensor.shape().length != 2) {
        throw UserException.badData("%s: %s has shape %s".formatted(file, name, Arrays.toString(tensor.shape())));
      }
      return new Matrix(
          (int) tensor.shape()[0], (int) tensor.shape()[1], finite(file, name, tensor.floats()));
    }

    Matrix transposed() {
      float[] turned = new float[values.length];
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          turned[column * rows + row] = values[row * columns + column];
        }
      }
      return new Matrix(columns, rows, turned);
    }
  }
}
