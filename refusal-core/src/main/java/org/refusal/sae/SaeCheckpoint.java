package org.refusal.sae;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.NamePrefix;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;

/**
 * An autoencoder as a folder in the layout of SAELens 6: {@value #CONFIG} and {@value #WEIGHTS} (see the package
 * description). Folders made elsewhere are read too, in every variant that is a top-k autoencoder of the form of
 * {@link SparseAutoencoder}; whatever changes the function otherwise is refused by name.
 */
public record SaeCheckpoint(SaeWeights weights, SaeSource source) {
  public static final String CONFIG = "cfg.json";
  public static final String WEIGHTS = "sae_weights.safetensors";
  static final String SAE_LENS_VERSION = "6.18.0";

  /** What is known of an autoencoder's origin and training, and has no part in its function. */
  private static final Set<String> METADATA_KEYS =
      Set.of(
          "model_name", "model_class_name", "hook_name", "hook_layer", "prepend_bos", "context_size", "dataset_path",
          "dataset_trust_remote_code", "sae_lens_version", "sae_lens_training_version", "model_from_pretrained_kwargs",
          "neuronpedia_id", "seqpos_slice", "exclude_special_tokens", "sequence_separator_token",
          "disable_concat_sequences", "release", "sae_id", "name", "hf_repo_name", "training_tokens", "l0");

  private static final Map<String, Set<String>> METADATA_ONLY_AS =
      Map.of("hook_head_index", Set.of(), "hook_name_out", Set.of(), "hook_layer_out", Set.of());

  /** Beside the function's own keys; before version 6 the origin's stood among them. */
  private static final Map<String, Set<String>> ONLY_AS =
      Map.of(
          "hook_head_index", Set.of(), "finetuning_scaling_factor", Set.of(), "normalize_activations", Set.of(),
          "reshape_activations", Set.of(), "activation_fn", Set.of("topk", "relu"), "activation_fn_str", Set.of("topk", "relu"));

  private static final Set<String> KEYS = keys();

  private static Set<String> keys() {
    Set<String> keys = new HashSet<>(METADATA_KEYS);
    keys.addAll(
        Set.of(
            "architecture", "d_in", "d_sae", "k", "dtype", "device", "apply_b_dec_to_input", "rescale_acts_by_decoder_norm",
            "metadata", "activation_fn_kwargs", "sparsity", "mse_loss_normalization"));
    return Set.copyOf(keys);
  }

  /** Writes both files, each whole or not at all, the config last. */
  public void write(Path folder) {
    int dIn = weights.dIn();
    int dSae = weights.dSae();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_dec", Tensor.of(weights.wDec(), dSae, dIn));
    tensors.put("W_enc", Tensor.of(weights.wEnc(), dIn, dSae));
    tensors.put("b_dec", Tensor.of(weights.bDec(), dIn));
    tensors.put("b_enc", Tensor.of(weights.bEnc(), dSae));
    Safetensors.write(folder.resolve(WEIGHTS), tensors, Map.of());

    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("model_name", source.modelName());
    metadata.put("hook_name", source.hookName());
    metadata.put("prepend_bos", source.prependBos());
    metadata.put("sae_lens_version", SAE_LENS_VERSION);
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architecture", "topk");
    config.put("d_in", dIn);
    config.put("d_sae", dSae);
    config.put("k", weights.k());
    config.put("dtype", "float32");
    config.put("device", "cpu");
    config.put("apply_b_dec_to_input", true);
    config.put("normalize_activations", "none");
    config.put("reshape_activations", "none");
    config.put("rescale_acts_by_decoder_norm", false);
    config.put("metadata", metadata);
    Json.write(folder.resolve(CONFIG), config);
  }

  /**
   * Reads a folder. Where {@code apply_b_dec_to_input} is false, b_enc takes up W_enc^T b_dec; where
   * {@code rescale_acts_by_decoder_norm} is true, the decoder's row norms move into the encoder: the latents and the
   * reconstruction are those that SAELens computes.
   */
  public static SaeCheckpoint read(Path folder) {
    Path configFile = folder.resolve(CONFIG);
    JsonNode config = Json.readPython(configFile);
    refuseOtherForms(configFile, config);
    int dIn = size(configFile, config, "d_in");
    int dSae = size(configFile, config, "d_sae");
    JsonNode kwargs = config.path("activation_fn_kwargs");
    int k = size(configFile, config.has("k") ? config : kwargs, "k");
    if (kwargs.has("k") && size(configFile, kwargs, "k") != k) {
      throw UserException.badData("%s: k %d, but activation_fn_kwargs.k %s".formatted(configFile, k, kwargs.path("k")));
    }
    if (k > dSae) {
      throw UserException.badData("%s: k %d is larger than d_sae %d".formatted(configFile, k, dSae));
    }
    try (Safetensors file = Safetensors.open(folder.resolve(WEIGHTS))) {
      String prefix = NamePrefix.common(file.entries().keySet());
      SaeKeys.checkTensors(
          file.file(), file.entries().keySet().stream().map(name -> name.substring(prefix.length())).toList(),
          Set.of("W_enc", "b_enc", "W_dec", "b_dec"));
      float[] wEnc = tensor(file, prefix + "W_enc", dIn, dSae);
      float[] bEnc = tensor(file, prefix + "b_enc", dSae);
      float[] wDec = tensor(file, prefix + "W_dec", dSae, dIn);
      float[] bDec = tensor(file, prefix + "b_dec", dIn);
      if (!config.path("apply_b_dec_to_input").asBoolean(true)) {
        foldInputBias(wEnc, bEnc, bDec);
      }
      if (config.path("rescale_acts_by_decoder_norm").asBoolean(false)) {
        foldDecoderNorms(wEnc, bEnc, wDec);
      }
      JsonNode metadata = config.has("metadata") ? config.path("metadata") : config;
      return new SaeCheckpoint(
          new SaeWeights(dIn, dSae, k, wEnc, bEnc, wDec, bDec),
          new SaeSource(
              metadata.path("model_name").asText(""),
              metadata.path("hook_name").asText(""),
              metadata.path("prepend_bos").asBoolean(true)));
    }
  }

  /** Reads a folder to the manager's device, in float32 or float64. */
  public static SparseAutoencoder load(Path folder, NDManager manager, DataType dtype) {
    return TopKAutoencoder.of(read(folder).weights(), manager, dtype);
  }

  private static void refuseOtherForms(Path file, JsonNode config) {
    String architecture = config.path("architecture").asText("missing");
    boolean topK =
        architecture.equals("topk")
            || architecture.equals("standard") && config.path("activation_fn_str").asText().equals("topk");
    if (!topK) {
      throw UserException.badData(
          file + ": architecture '" + architecture + "' cannot be read", "only top-k autoencoders (topk) can");
    }
    SaeKeys.check(file, config, KEYS, ONLY_AS);
    SaeKeys.check(file, config.path("activation_fn_kwargs"), Set.of("k"), Map.of());
    SaeKeys.check(file, config.path("metadata"), METADATA_KEYS, METADATA_ONLY_AS);
  }

  private static int size(Path file, JsonNode config, String key) {
    JsonNode value = config.path(key);
    if (!value.isInt() || value.asInt() < 1) {
      throw UserException.badData(
          "%s: %s must be a positive whole number, not %s".formatted(file, key, value.isMissingNode() ? "missing" : value));
    }
    return value.asInt();
  }

  private static float[] tensor(Safetensors file, String name, long... shape) {
    long[] found = file.entry(name).shape();
    if (!Arrays.equals(found, shape)) {
      throw UserException.badData(
          "%s: %s has shape %s; cfg.json says %s"
              .formatted(file.file(), name, Arrays.toString(found), Arrays.toString(shape)));
    }
    float[] values = file.floats(name);
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw UserException.badData("%s: %s, element %d: %s".formatted(file.file(), name, i, values[i]));
      }
    }
    return values;
  }

  /** b_enc += W_enc^T b_dec: an encoder of x becomes one of x - b_dec. */
  public static void foldInputBias(float[] wEnc, float[] bEnc, float[] bDec) {
    for (int i = 0; i < bEnc.length; i++) {
      double sum = bEnc[i];
      for (int j = 0; j < bDec.length; j++) {
        sum += (double) wEnc[j * bEnc.length + i] * bDec[j];
      }
      bEnc[i] = (float) sum;
    }
  }

  private static void foldDecoderNorms(float[] wEnc, float[] bEnc, float[] wDec) {
    int dSae = bEnc.length;
    int dIn = wDec.length / dSae;
    for (int i = 0; i < dSae; i++) {
      double squares = 0;
      for (int j = 0; j < dIn; j++) {
        squares += (double) wDec[i * dIn + j] * wDec[i * dIn + j];
      }
      float norm = (float) Math.sqrt(squares);
      if (norm == 0) {
        throw UserException.badData(WEIGHTS + ": decoder row " + i + " is zero, but latents are rescaled by its norm");
      }
      bEnc[i] *= norm;
      for (int j = 0; j < dIn; j++) {
        wDec[i * dIn + j] /= norm;
        wEnc[j * dSae + i] *= norm;
      }
    }
  }
}
