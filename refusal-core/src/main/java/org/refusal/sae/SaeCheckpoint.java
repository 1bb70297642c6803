package org.refusal.sae;

import static java.util.stream.Collectors.joining;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.NamePrefix;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;

/**
 * An autoencoder as a folder in the layout of SAELens 6: {@value #CONFIG} and {@value #WEIGHTS} (see the package
 * description). Folders made elsewhere are read too, in every variant that is one of {@link Architectures}; whatever changes
 * the function otherwise is refused by name.
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
          "neuronpedia_id", "architecture", "seqpos_slice", "exclude_special_tokens", "sequence_separator_token",
          "disable_concat_sequences", "release", "sae_id", "name", "hf_repo_name", "training_tokens", "l0");

  private static final Map<String, Set<String>> METADATA_ONLY_AS =
      Map.of("hook_head_index", Set.of(), "hook_name_out", Set.of(), "hook_layer_out", Set.of());

  /** Beside the function's own keys; before version 6 the origin's stood among them. */
  private static final Map<String, Set<String>> ONLY_AS =
      Map.of(
          "hook_head_index", Set.of(), "finetuning_scaling_factor", Set.of(), "normalize_activations", Set.of("expected_average_only_in"),
          "reshape_activations", Set.of(), "activation_fn", Set.of("topk", "relu"), "activation_fn_str", Set.of("topk", "relu"));

  private static final Set<String> KEYS = keys();

  private static Set<String> keys() {
    Set<String> keys = new HashSet<>(METADATA_KEYS);
    keys.addAll(
        Set.of(
            "architecture", "d_in", "d_sae", "dtype", "device", "apply_b_dec_to_input", "rescale_acts_by_decoder_norm",
            "metadata", "activation_fn_kwargs", "sparsity", "mse_loss_normalization"));
    return Set.copyOf(keys);
  }

  /** Writes both files, each whole or not at all, the config last. */
  public void write(Path folder) {
    int dIn = weights.dIn();
    int dSae = weights.dSae();
    Architecture architecture = weights.architecture();
    Architecture.Form form = architecture.form();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_dec", Tensor.of(weights.wDec(), dSae, dIn));
    tensors.put("W_enc", Tensor.of(weights.wEnc(), dIn, dSae));
    tensors.put("b_dec", Tensor.of(weights.bDec(), dIn));
    tensors.put(form.encoderBias(), Tensor.of(weights.bEnc(), dSae));
    architecture.parameters().forEach((name, values) -> tensors.put(name, Tensor.of(Parameters.full(values, dSae), dSae)));
    Safetensors.write(folder.resolve(WEIGHTS), tensors, Map.of());

    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("model_name", source.modelName());
    metadata.put("hook_name", source.hookName());
    metadata.put("prepend_bos", source.prependBos());
    metadata.put("sae_lens_version", SAE_LENS_VERSION);
    if (!form.ownSaeLensName()) {
      metadata.put("architecture", form.name());
    }
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architecture", form.saeLens());
    config.put("d_in", dIn);
    config.put("d_sae", dSae);
    config.putAll(architecture.settings());
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
    Architecture.Form form = form(configFile, config);
    refuseOtherFunctions(configFile, config, form);
    int dIn = size(configFile, config, "d_in");
    int dSae = size(configFile, config, "d_sae");
    try (Safetensors file = Safetensors.open(folder.resolve(WEIGHTS))) {
      Given given = new Given(configFile, config, file, NamePrefix.common(file.entries().keySet()), dSae);
      Set<String> known = new HashSet<>(form.tensors());
      known.addAll(List.of("W_enc", form.encoderBias(), "W_dec", "b_dec"));
      SaeKeys.checkTensors(
          file.file(), file.entries().keySet().stream().map(name -> name.substring(given.prefix().length())).toList(), known);
      Architecture architecture = form.reader().read(given);
      try {
        architecture.check(dSae);
      } catch (IllegalArgumentException e) {
        throw UserException.badData(configFile + ": " + e.getMessage());
      }
      SaeWeights weights =
          new SaeWeights(
              dIn, dSae, architecture, given.tensor("W_enc", dIn, dSae), given.tensor(form.encoderBias(), dSae),
              given.tensor("W_dec", dSae, dIn), given.tensor("b_dec", dIn));
      if (!config.path("apply_b_dec_to_input").asBoolean(true)) {
        weights = weights.withInputBias();
      }
      if (config.path("rescale_acts_by_decoder_norm").asBoolean(false)) {
        weights = weights.withDecoderNorms(WEIGHTS);
      }
      JsonNode metadata = config.has("metadata") ? config.path("metadata") : config;
      return new SaeCheckpoint(
          weights,
          new SaeSource(
              metadata.path("model_name").asText(""),
              metadata.path("hook_name").asText(""),
              metadata.path("prepend_bos").asBoolean(true)));
    }
  }

  /** Reads a folder to the manager's device, in float32 or float64. */
  public static SparseAutoencoder load(Path folder, NDManager manager, DataType dtype) {
    return TensorAutoencoder.of(read(folder).weights(), manager, dtype);
  }

  /** What the config calls it, in the spellings of all versions of SAELens. */
  private static Architecture.Form form(Path file, JsonNode config) {
    String architecture = config.path("architecture").asText("missing");
    String function = config.path("activation_fn").asText(config.path("activation_fn_str").asText("relu"));
    String own = config.path("metadata").path("architecture").asText("");
    String saeLens = architecture.equals("standard") && function.equals("topk") ? "topk" : architecture;
    List<Architecture.Form> forms =
        Architectures.all().stream().filter(form -> form.saeLens().equals(saeLens)).toList();
    List<Architecture.Form> named = forms.stream().filter(form -> form.name().equals(own)).toList();
    if (forms.isEmpty() || !own.isEmpty() && named.isEmpty()) {
      throw UserException.badData(
          file + ": architecture '" + (forms.isEmpty() ? architecture : own) + "' cannot be read",
          "what can: " + Architectures.all().stream().map(Architecture.Form::saeLens).distinct().collect(joining(", ")));
    }
    return named.isEmpty()
        ? forms.stream().filter(form -> form.name().equals(saeLens)).findFirst().orElse(forms.get(0))
        : named.get(0);
  }

  private static void refuseOtherFunctions(Path file, JsonNode config, Architecture.Form form) {
    Set<String> known = new HashSet<>(KEYS);
    known.addAll(form.settings());
    SaeKeys.check(file, config, known, ONLY_AS);
    SaeKeys.check(file, config.path("activation_fn_kwargs"), form.settings(), Map.of());
    SaeKeys.check(file, config.path("metadata"), METADATA_KEYS, METADATA_ONLY_AS);
    if (config.path("rescale_acts_by_decoder_norm").asBoolean(false) && !form.equals(TopK.FORM)) {
      throw UserException.badData(
          "%s: rescale_acts_by_decoder_norm is set for architecture '%s': SAELens has it for topk only"
              .formatted(file, form.saeLens()));
    }
  }

  /** What the two files say. */
  private record Given(Path configFile, JsonNode config, Safetensors file, String prefix, int dSae)
      implements Architecture.Given {

    @Override
    public int count(String setting) {
      JsonNode kwargs = config.path("activation_fn_kwargs");
      int count = size(configFile, config.has(setting) ? config : kwargs, setting);
      if (kwargs.has(setting) && size(configFile, kwargs, setting) != count) {
        throw wrong("%s %d, but activation_fn_kwargs.%s %s".formatted(setting, count, setting, kwargs.path(setting)));
      }
      return count;
    }

    @Override
    public float[] vector(String tensor) {
      return tensor(tensor, dSae);
    }

    @Override
    public UserException wrong(String what) {
      return UserException.badData(configFile + ": " + what);
    }

    float[] tensor(String name, long... shape) {
      return SaeCheckpoint.tensor(file, prefix + name, shape);
    }
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
}
