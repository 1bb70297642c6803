package org.refusal.sae;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.NamePrefix;
import org.refusal.io.NumpyArchive;
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
 * <tr><td>dictionary_learning</td><td>ae.pt, config.json; a trainer's checkpoint .pt</td><td>see {@link DictionaryClass}</td></tr>
 * <tr><td>Gemma Scope</td><td>params.npz</td><td>JumpReLU of W x + b: b takes up W b_dec</td></tr>
 * <tr><td>the original project</td><td>a .pt file with encoder and decoder</td>
 *     <td>TopK(ReLU(W x + b)): b takes up W b_dec</td></tr>
 * </table>
 */
public final class SaeImport {
  private static final Set<String> SPARSIFY_KEYS =
      Set.of("expansion_factor", "normalize_decoder", "num_latents", "k", "multi_topk", "d_in");
  private static final Map<String, Set<String>> SPARSIFY_ONLY_AS =
      Map.of("activation", Set.of("topk"), "transcode", Set.of(), "skip_connection", Set.of(), "signed", Set.of());

  /** Of its trainers: sizes, names, and how it was trained. */
  private static final Set<String> TRAINER_KEYS =
      Set.of(
          "trainer_class", "dict_class", "lr", "steps", "auxk_alpha", "warmup_steps", "decay_start", "threshold_beta",
          "threshold_start_step", "k_anneal_steps", "seed", "activation_dim", "dict_size", "k", "device", "layer", "lm_name",
          "wandb_name", "submodule_name", "top_k_aux", "dead_feature_threshold", "dtype", "l1_penalty", "resample_steps",
          "sparsity_warmup_steps", "sparsity_penalty", "bandwidth", "target_l0", "group_fractions", "group_weights");

  private SaeImport() {}

  /**
   * @param path a folder, or a {@code .pt} file of the original project or of a trainer
   * @param source its hook name, if not empty, overrules what the files say
   * @param k active latents per token, for files that do not say; null if not known
   */
  public static SaeCheckpoint read(Path path, SaeSource source, Integer k) {
    if (Files.isRegularFile(path)) {
      if (path.getFileName().toString().endsWith(".npz")) {
        return gemmaScope(path, source);
      }
      return torchFile(path, source, k);
    }
    if (Files.exists(path.resolve(SaeCheckpoint.WEIGHTS))) {
      return SaeCheckpoint.read(path);
    }
    if (Files.exists(path.resolve("sae.safetensors"))) {
      return sparsify(path, source);
    }
    if (Files.exists(path.resolve("ae.pt"))) {
      Path file = path.resolve("ae.pt");
      return dictionaryLearning(file, StateDict.find(file, TorchFile.read(file)), source, k);
    }
    if (Files.exists(path.resolve("params.npz"))) {
      return gemmaScope(path.resolve("params.npz"), source);
    }
    throw UserException.badData(
        path + ": no autoencoder here",
        "expected sae_weights.safetensors (SAELens), sae.safetensors (sparsify), ae.pt (dictionary_learning), params.npz (Gemma"
            + " Scope) or a .pt file");
  }

  /** JumpReLU of x, from which b_dec is not subtracted (Lieberum et al. 2024). */
  private static SaeCheckpoint gemmaScope(Path file, SaeSource source) {
    Map<String, Tensor> arrays = NumpyArchive.read(file);
    SaeKeys.checkTensors(file, arrays.keySet(), Set.of("W_enc", "b_enc", "W_dec", "b_dec", "threshold"));
    SaeWeights weights =
        weights(
            file, new JumpRelu(vector(file, arrays, "threshold")), Matrix.of(file, arrays, "W_enc"),
            vector(file, arrays, "b_enc"), Matrix.of(file, arrays, "W_dec"), vector(file, arrays, "b_dec"));
    return new SaeCheckpoint(weights.withInputBias(), source);
  }

  private static SaeCheckpoint sparsify(Path folder, SaeSource source) {
    Path configFile = folder.resolve("cfg.json");
    JsonNode config = Json.readPython(configFile);
    SaeKeys.check(configFile, config, SPARSIFY_KEYS, SPARSIFY_ONLY_AS);
    Path weights = folder.resolve("sae.safetensors");
    Map<String, Tensor> tensors = safetensors(weights);
    SaeKeys.checkTensors(weights, tensors.keySet(), Set.of("encoder.weight", "encoder.bias", "W_dec", "b_dec"));
    Matrix encoder = Matrix.of(weights, tensors, "encoder.weight");
    Matrix decoder = Matrix.of(weights, tensors, "W_dec");
    int expansion = config.has("expansion_factor") ? positive(configFile, config, "expansion_factor") : 32;
    int latents = config.path("num_latents").asInt(0);
    requireSize(configFile, "d_in", config.path("d_in"), encoder.columns());
    if (latents > 0 ? latents != encoder.rows() : (long) encoder.columns() * expansion != encoder.rows()) {
      throw UserException.badData(
          "%s: num_latents %d and expansion_factor %d, but the encoder has %d latents of width %d"
              .formatted(configFile, latents, expansion, encoder.rows(), encoder.columns()));
    }
    String module = folder.toAbsolutePath().normalize().getFileName().toString();
    return build(
        weights, at(source, HookNames.ofModule(module)), config.has("k") ? positive(configFile, config, "k") : 32,
        encoder.transposed(), vector(weights, tensors, "encoder.bias"), decoder, vector(weights, tensors, "b_dec"));
  }

  private static Map<String, Tensor> safetensors(Path path) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(path)) {
      for (String name : file.entries().keySet()) {
        tensors.put(name, Tensor.of(file.floats(name), file.entry(name).shape()));
      }
    }
    return NamePrefix.strip(tensors);
  }

  /** What the source says of the hook point counts, else what the files say. */
  private static SaeSource at(SaeSource source, Optional<HookPoint> found) {
    return !source.hookName().isEmpty() || found.isEmpty()
        ? source
        : new SaeSource(source.modelName(), found.get().transformerLensName(), source.prependBos());
  }

  private static void requireSize(Path file, String key, JsonNode value, int found) {
    if (!value.isMissingNode() && !value.isNull() && !(value.isInt() && value.intValue() == found)) {
      throw UserException.badData("%s: %s %s, but the weights have %d".formatted(file, key, value, found));
    }
  }

  /** A file of {@code torch.save}: which of the two tools wrote it is seen from the bias of its decoder. */
  private static SaeCheckpoint torchFile(Path file, SaeSource source, Integer k) {
    Object content = TorchFile.read(file);
    StateDict state = StateDict.find(file, content);
    return !state.tensors().containsKey("decoder.bias")
        ? dictionaryLearning(file, state, source, k)
        : original(file, state, source, k);
  }

  /** The config of an {@code ae.pt} lies beside it, that of a trainer's {@code checkpoints/ae_1000.pt} a folder above. */
  private static Path configFile(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    Path beside = folder.resolve("config.json");
    boolean checkpoint = folder.getFileName() != null && folder.getFileName().toString().equals("checkpoints");
    return checkpoint && !Files.exists(beside) ? folder.resolveSibling("config.json") : beside;
  }

  private static SaeCheckpoint dictionaryLearning(Path file, StateDict state, SaeSource source, Integer k) {
    Map<String, Tensor> tensors = state.tensors();
    Path configFile = configFile(file);
    JsonNode config = Files.exists(configFile) ? Json.readPython(configFile) : Json.mapper().createObjectNode();
    JsonNode trainer = config.path("trainer");
    DictionaryClass kind = DictionaryClass.of(configFile, trainer, tensors.keySet());
    if (!trainer.isMissingNode()) {
      SaeKeys.check(configFile, trainer, TRAINER_KEYS, Map.of());
    }
    SaeKeys.checkTensors(file, tensors.keySet(), kind.tensors());
    if (kind == DictionaryClass.TOP_K && tensors.containsKey("threshold") && !trainer.has("dict_class")
        && scalar(file, tensors, "threshold") >= 0) {
      throw UserException.badData(
          "%s: a threshold of %s stands beside k: BatchTopKSAE keeps what exceeds it, AutoEncoderTopK does not use it"
              .formatted(file, scalar(file, tensors, "threshold")),
          "put its config.json beside it, whose trainer.dict_class says which it is");
    }
    Integer active = tensors.containsKey("k") ? wholeNumber(file, scalar(file, tensors, "k")) : null;
    if (trainer.has("k")) {
      int said = positive(configFile, trainer, "k");
      if (active != null && active != said) {
        throw UserException.badData("%s: k %d, but %s holds k %d".formatted(configFile, said, file.getFileName(), active));
      }
      active = said;
    }
    Matrix encoder = Matrix.of(file, tensors, kind.encoder());
    Matrix decoder = Matrix.of(file, tensors, kind.decoder());
    if (kind.linear()) {
      encoder = encoder.transposed();
      decoder = decoder.transposed();
    }
    requireSize(configFile, "activation_dim", trainer.path("activation_dim"), encoder.rows());
    requireSize(configFile, "dict_size", trainer.path("dict_size"), encoder.columns());
    Architecture architecture =
        switch (kind) {
          case TOP_K -> new TopK(given(file, active == null ? k : active));
          case BATCH_TOP_K, MATRYOSHKA -> new BatchTopK(threshold(file, tensors));
          case JUMP_RELU -> new JumpRelu(vector(file, tensors, "threshold"));
          case GATED -> new Gated(vector(file, tensors, "r_mag"), vector(file, tensors, "mag_bias"));
          case RELU -> new Relu();
        };
    SaeWeights weights =
        weights(
            file, architecture, encoder, vector(file, tensors, kind.encoderBias()), decoder,
            vector(file, tensors, kind.decoderBias()));
    return new SaeCheckpoint(
        kind.subtractsBias() ? weights : weights.withInputBias(), at(source, hookPoint(configFile, trainer)));
  }

  /** Set during training; below 0 it was never set, and everything positive would count. */
  private static float threshold(Path file, Map<String, Tensor> tensors) {
    tensor(file, tensors, "threshold");
    float threshold = scalar(file, tensors, "threshold");
    if (!(threshold >= 0)) {
      throw UserException.badData(
          "%s: the threshold is %s: training ended before one was measured".formatted(file, threshold),
          "use a later checkpoint");
    }
    return threshold;
  }

  /** {@code submodule_name} as its scripts write it ({@code resid_post_layer_1}) or as the export here does. */
  private static Optional<HookPoint> hookPoint(Path configFile, JsonNode trainer) {
    String name = trainer.path("submodule_name").asText("");
    if (name.isEmpty()) {
      return Optional.empty();
    }
    Optional<HookPoint> found =
        name.matches("(residuals|residuals_mid|mlp|attention)_\\d{1,4}")
            ? Optional.of(HookPoint.parse(name))
            : HookNames.ofModule(name);
    JsonNode layer = trainer.path("layer");
    if (found.isPresent() && layer.isInt() && layer.intValue() != found.get().layer()) {
      throw UserException.badData(
          "%s: trainer.layer %d, but submodule_name '%s'".formatted(configFile, layer.intValue(), name),
          "give --hook-point with a copy that says one thing");
    }
    return found;
  }

  /** Beside the weights, the original keeps hidden_dim and k_percent: k = max(1, int(hidden_dim * k_percent)). */
  private static SaeCheckpoint original(Path file, StateDict state, SaeSource source, Integer k) {
    Map<String, Tensor> tensors = state.tensors();
    SaeKeys.checkTensors(
        file, tensors.keySet(), Set.of("encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"));
    Integer active = k;
    if (state.beside().get("k_percent") instanceof Number share) {
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
    return new SaeCheckpoint(weights(file, new TopK(k), wEnc, bEnc, wDec, bDec), source);
  }

  private static SaeWeights weights(
      Path file, Architecture architecture, Matrix wEnc, float[] bEnc, Matrix wDec, float[] bDec) {
    int dIn = wEnc.rows();
    int dSae = wEnc.columns();
    if (wDec.rows() != dSae || wDec.columns() != dIn || bEnc.length != dSae || bDec.length != dIn) {
      throw UserException.badData(
          "%s: shapes do not fit: encoder %d to %d, decoder %d to %d, biases %d and %d"
              .formatted(file, dIn, dSae, wDec.rows(), wDec.columns(), bEnc.length, bDec.length));
    }
    try {
      architecture.check(dSae);
    } catch (IllegalArgumentException e) {
      throw UserException.badData(file + ": " + e.getMessage());
    }
    return new SaeWeights(dIn, dSae, architecture, wEnc.values(), bEnc, wDec.values(), bDec);
  }

  private static int given(Path file, Integer k) {
    if (k == null) {
      throw UserException.badData(file + ": does not say how many latents are active", "give --k");
    }
    return k;
  }

  private static int positive(Path file, JsonNode config, String key) {
    JsonNode value = config.path(key);
    if (!value.isInt() || value.asInt() < 1) {
      throw UserException.badData(file + ": " + key + " must be a positive whole number");
    }
    return value.asInt();
  }

  private static float scalar(Path file, Map<String, Tensor> tensors, String name) {
    float[] values = tensors.get(name).dtype() == Safetensors.DType.OTHER ? new float[0] : tensors.get(name).floats();
    if (values.length != 1) {
      throw UserException.badData(file + ": " + name + " is not one number");
    }
    return values[0];
  }

  private static int wholeNumber(Path file, double value) {
    if (value < 1 || value != Math.rint(value) || value > Integer.MAX_VALUE) {
      throw UserException.badData("%s: k is %s, no whole number from 1".formatted(file, value));
    }
    return (int) value;
  }

  private static Tensor tensor(Path file, Map<String, Tensor> tensors, String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw UserException.badData(file + ": tensor '" + name + "' is missing; it has " + tensors.keySet());
    }
    return tensor;
  }

  private static float[] vector(Path file, Map<String, Tensor> tensors, String name) {
    return finite(file, name, floats(file, name, tensor(file, tensors, name)));
  }

  private static float[] floats(Path file, String name, Tensor tensor) {
    if (tensor.dtype() == Safetensors.DType.OTHER) {
      throw UserException.badData("%s: tensor '%s' is of a type that is not read".formatted(file, name));
    }
    return tensor.floats();
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
          (int) tensor.shape()[0], (int) tensor.shape()[1], finite(file, name, floats(file, name, tensor)));
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
