package org.refusal.sae;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.io.TorchFileWriter;

/**
 * Autoencoders in the layouts of other tools, the reverse of {@link SaeImport}; the function stays the same. sparsify has
 * top-k autoencoders only.
 */
public enum SaeExport {
  /** {@code residuals_2/{cfg.json,sae_weights.safetensors}}. */
  SAELENS("saelens") {
    @Override
    Path folder(Path parent, HookPoint at) {
      return parent.resolve(at.name());
    }

    @Override
    void save(SaeCheckpoint sae, HookPoint at, Path folder) {
      sae.write(folder);
    }
  },
  /** {@code layers.2/{cfg.json,sae.safetensors}}, folders named by the module whose output is encoded. */
  SPARSIFY("sparsify") {
    @Override
    Path folder(Path parent, HookPoint at) {
      return parent.resolve(module(at));
    }

    @Override
    void save(SaeCheckpoint sae, HookPoint at, Path folder) {
      SaeWeights weights = sae.weights();
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("W_dec", Tensor.of(weights.wDec(), weights.dSae(), weights.dIn()));
      tensors.put("b_dec", Tensor.of(weights.bDec(), weights.dIn()));
      tensors.put("encoder.bias", Tensor.of(weights.bEnc(), weights.dSae()));
      tensors.put(
          "encoder.weight",
          Tensor.of(turned(weights.wEnc(), weights.dIn(), weights.dSae()), weights.dSae(), weights.dIn()));
      Safetensors.write(folder.resolve("sae.safetensors"), tensors, Map.of("format", "pt"));
      Map<String, Object> config = new LinkedHashMap<>();
      config.put("activation", "topk");
      config.put("expansion_factor", Math.max(1, weights.dSae() / weights.dIn()));
      config.put("normalize_decoder", false);
      config.put("num_latents", weights.dSae());
      config.put("k", k(weights, at, this));
      config.put("multi_topk", false);
      config.put("skip_connection", false);
      config.put("transcode", false);
      config.put("d_in", weights.dIn());
      Json.write(folder.resolve("cfg.json"), config);
    }
  },
  /** {@code residuals_2/{ae.pt,config.json}} for the class that computes the same. */
  DICTIONARY_LEARNING("dictionary_learning") {
    @Override
    Path folder(Path parent, HookPoint at) {
      return parent.resolve(at.name());
    }

    @Override
    void save(SaeCheckpoint sae, HookPoint at, Path folder) {
      SaeWeights weights = sae.weights();
      DictionaryClass kind = DictionaryClass.of(weights.architecture());
      int dIn = weights.dIn();
      int dSae = weights.dSae();
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put(kind.decoderBias(), Tensor.of(weights.bDec(), dIn));
      tensors.putAll(parameters(weights));
      tensors.put(kind.decoder(), matrix(weights.wDec(), dSae, dIn, kind.linear()));
      tensors.put(kind.encoder(), matrix(weights.wEnc(), dIn, dSae, kind.linear()));
      float[] bias = weights.bEnc().clone();
      if (!kind.subtractsBias()) {
        float[] shifts = weights.inputShifts();
        for (int i = 0; i < dSae; i++) {
          bias[i] -= shifts[i];
        }
      }
      tensors.put(kind.encoderBias(), Tensor.of(bias, dSae));
      TorchFileWriter.write(folder.resolve("ae.pt"), tensors);
      Map<String, Object> trainer = new LinkedHashMap<>();
      trainer.put("trainer_class", kind.trainerName());
      trainer.put("dict_class", kind.className());
      trainer.put("activation_dim", weights.dIn());
      trainer.put("dict_size", weights.dSae());
      trainer.putAll(weights.architecture().settings());
      trainer.put("layer", at.layer());
      trainer.put("lm_name", sae.source().modelName());
      trainer.put("submodule_name", at.name());
      Json.write(folder.resolve("config.json"), Map.of("trainer", trainer));
    }
  };

  private final String text;

  SaeExport(String text) {
    this.text = text;
  }

  public static SaeExport of(String text) {
    for (SaeExport format : values()) {
      if (format.text.equals(text)) {
        return format;
      }
    }
    List<String> names = List.of(SAELENS.text, SPARSIFY.text, DICTIONARY_LEARNING.text);
    throw UserException.usage(
        "no layout '%s' for autoencoders%s".formatted(text, Suggestions.didYouMean(text, names)),
        "one of " + String.join(", ", names));
  }

  /** @return the folder that was written */
  public Path write(SaeCheckpoint sae, HookPoint at, Path parent) {
    Path folder = folder(parent, at);
    save(sae, at, folder);
    return folder;
  }

  abstract Path folder(Path parent, HookPoint at);

  abstract void save(SaeCheckpoint sae, HookPoint at, Path folder);

  /** The module of a Llama-like model in transformers' names, below {@code model.}. */
  private static String module(HookPoint at) {
    return switch (at.site()) {
      case RESID_POST -> "layers." + at.layer();
      case RESID_MID -> throw UserException.badData(
          at.name() + ": no module of a Llama-like model puts out the residual stream between attention and MLP",
          "export it as saelens or dictionary_learning, or leave it out (--hook-points)");
      case MLP_OUT -> "layers." + at.layer() + ".mlp";
      case ATTN_OUT -> "layers." + at.layer() + ".self_attn";
    };
  }

  /** Of a top-k autoencoder, which alone the layout has. */
  private static int k(SaeWeights weights, HookPoint at, SaeExport layout) {
    if (weights.architecture() instanceof TopK topK) {
      return topK.k();
    }
    throw UserException.badData(
        "%s: an autoencoder of architecture '%s' cannot be exported as %s"
            .formatted(at.name(), weights.architecture().form().name(), layout.text),
        "export it as saelens, or leave it out (--hook-points)");
  }

  /** In the names of dictionary_learning; a threshold for all latents becomes one for each. */
  private static Map<String, Tensor> parameters(SaeWeights weights) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    int dSae = weights.dSae();
    if (weights.architecture() instanceof TopK topK) {
      tensors.put("k", Tensor.of(new int[] {topK.k()}));
      tensors.put("threshold", Tensor.of(new float[] {-1}));
    } else {
      weights.architecture().parameters().forEach(
          (name, values) ->
              tensors.put(name.equals("b_mag") ? "mag_bias" : name, Tensor.of(Parameters.full(values, dSae), dSae)));
    }
    return tensors;
  }

  /** @param linear whether as the weight of a linear layer, one row per output */
  private static Tensor matrix(float[] values, int rows, int columns, boolean linear) {
    return linear ? Tensor.of(turned(values, rows, columns), columns, rows) : Tensor.of(values, rows, columns);
  }

  private static float[] turned(float[] values, int rows, int columns) {
    float[] turned = new float[values.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        turned[column * rows + row] = values[row * columns + column];
      }
    }
    return turned;
  }
}
