package org.refusal.model;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a decoder is, as its config.json says (spelling of transformers 4 or 5). A key that is left out has the value that
 * transformers' class of that model gives it; a key that is neither obeyed here nor known to be without effect is an
 * error, never ignored ({@link ConfigKeys}).
 *
 * @param name how the user named the model
 * @param family which of {@link Families}
 * @param layers decoder layers
 * @param dModel width of the residual stream
 * @param maxPositions longest context
 * @param intermediate width of the MLP
 * @param heads query heads
 * @param kvHeads key-value heads; a divisor of {@code heads}
 * @param rotaries rotary positions of every layer
 * @param slidingWindows for every layer how many positions, itself included, a position sees; 0 means all before it
 * @param form what the blocks compute
 * @param tiedEmbeddings the unembedding is the embedding
 * @param storedType {@code torch_dtype}, or empty if the file does not say
 * @param endTokens ids that end a generation: generation_config.json's if there is one, else config.json's
 * @param repetitionPenalty of generation_config.json, as {@link Generator} applies it; 1 for none
 * @param beginToken bos_token_id, if any
 * @param padToken pad_token_id, if any
 */
public record ModelConfig(
    String name,
    Family family,
    int layers,
    int dModel,
    int vocabSize,
    int maxPositions,
    int intermediate,
    int heads,
    int kvHeads,
    int headDim,
    double rmsNormEps,
    List<Rotary> rotaries,
    List<Integer> slidingWindows,
    DecoderForm form,
    Biases biases,
    boolean tiedEmbeddings,
    String storedType,
    List<Integer> endTokens,
    double repetitionPenalty,
    Optional<Integer> beginToken,
    Optional<Integer> padToken) {

  public ModelConfig {
    rotaries = List.copyOf(rotaries);
    slidingWindows = List.copyOf(slidingWindows);
    endTokens = List.copyOf(endTokens);
  }

  /** {@code model_type} of config.json. */
  public String modelType() {
    return family.modelType();
  }

  /** Tokens beyond which a text has other rotary positions than a shorter one; the largest int where there is no such. */
  int rotaryBoundary() {
    return rotaries.stream().mapToInt(rotary -> rotary.scaling().boundary()).min().orElseThrow();
  }

  /** Reads {@code config.json} and, where there is one, {@code generation_config.json}. */
  public static ModelConfig read(Path folder, String name) {
    return ModelConfigReader.read(folder, name);
  }
}
