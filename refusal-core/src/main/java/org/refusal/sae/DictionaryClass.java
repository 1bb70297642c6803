package org.refusal.sae;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.refusal.base.UserException;

/** The classes of dictionary_learning: how each names its tensors, and whether the bias is subtracted before encoding. */
enum DictionaryClass {
  /** TopK(ReLU(W (x - b_dec) + b)). */
  TOP_K("AutoEncoderTopK", "TopKTrainer", true, true, "encoder.bias", "b_dec", Set.of("k", "threshold")),
  /** What of ReLU(W (x - b_dec) + b) exceeds the threshold. */
  BATCH_TOP_K("BatchTopKSAE", "BatchTopKTrainer", true, true, "encoder.bias", "b_dec", Set.of("k", "threshold")),
  /** The same of the whole dictionary, all groups. */
  MATRYOSHKA(
      "MatryoshkaBatchTopKSAE", "MatryoshkaBatchTopKTrainer", false, true, "b_enc", "b_dec",
      Set.of("k", "threshold", "group_sizes")),
  /** JumpReLU of W x + b. */
  JUMP_RELU("JumpReluAutoEncoder", "JumpReluTrainer", false, false, "b_enc", "b_dec", Set.of("threshold")),
  GATED("GatedAutoEncoder", "GatedSAETrainer", true, true, "gate_bias", "decoder_bias", Set.of("r_mag", "mag_bias")),
  /** ReLU(W (x - bias) + b). */
  RELU("AutoEncoder", "StandardTrainer", true, true, "encoder.bias", "bias", Set.of());

  private final String name;
  private final String trainer;
  private final boolean linear;
  private final boolean subtractsBias;
  private final String encoderBias;
  private final String decoderBias;
  private final Set<String> own;

  DictionaryClass(
      String name, String trainer, boolean linear, boolean subtractsBias, String encoderBias, String decoderBias,
      Set<String> own) {
    this.name = name;
    this.trainer = trainer;
    this.linear = linear;
    this.subtractsBias = subtractsBias;
    this.encoderBias = encoderBias;
    this.decoderBias = decoderBias;
    this.own = own;
  }

  /** As the config says, else as the tensors tell; TOP_K where k alone stands there. */
  static DictionaryClass of(Path configFile, JsonNode trainer, Collection<String> tensors) {
    for (String key : new String[] {"dict_class", "trainer_class"}) {
      if (trainer.has(key)) {
        String said = trainer.path(key).asText();
        return Arrays.stream(values())
            .filter(kind -> said.equals(key.equals("dict_class") ? kind.name : kind.trainer))
            .findFirst()
            .orElseThrow(
                () -> UserException.badData(
                    "%s: %s '%s' cannot be read".formatted(configFile, key, said),
                    "what can: " + Arrays.stream(values()).map(kind -> kind.name).collect(Collectors.joining(", "))));
      }
    }
    if (tensors.contains("group_sizes")) {
      return MATRYOSHKA;
    }
    if (tensors.contains("r_mag")) {
      return GATED;
    }
    if (tensors.contains("W_enc")) {
      return JUMP_RELU;
    }
    return tensors.contains("bias") ? RELU : TOP_K;
  }

  /** The class that computes the same; BatchTopK is a JumpReLU with one threshold, as its k is not known here. */
  static DictionaryClass of(Architecture architecture) {
    if (architecture instanceof TopK) {
      return TOP_K;
    }
    if (architecture instanceof Gated) {
      return GATED;
    }
    if (architecture instanceof Relu) {
      return RELU;
    }
    if (architecture instanceof JumpRelu || architecture instanceof BatchTopK) {
      return JUMP_RELU;
    }
    throw UserException.badData(
        "an autoencoder of architecture '%s' cannot be exported as dictionary_learning"
            .formatted(architecture.form().name()),
        "export it as saelens");
  }

  String className() {
    return name;
  }

  String trainerName() {
    return trainer;
  }

  /** Whether the matrices are those of linear layers, with one row per output. */
  boolean linear() {
    return linear;
  }

  boolean subtractsBias() {
    return subtractsBias;
  }

  String encoder() {
    return linear ? "encoder.weight" : "W_enc";
  }

  String decoder() {
    return linear ? "decoder.weight" : "W_dec";
  }

  String encoderBias() {
    return encoderBias;
  }

  String decoderBias() {
    return decoderBias;
  }

  Set<String> tensors() {
    Set<String> tensors = new HashSet<>(own);
    tensors.addAll(Set.of(encoder(), decoder(), encoderBias, decoderBias));
    return tensors;
  }
}
