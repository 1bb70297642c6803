package org.refusal.activation;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.refusal.data.PromptKey;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;

/**
 * What the model answered to the prompts of one finished category, read from the work folder one prompt at a time:
 * logits are there until the refusal tokens are known.
 */
public final class CollectedOutputs {
  private CollectedOutputs() {}

  /**
   * @param lastLogits at the last prompt position {@code [vocab]}
   * @param generatedIds greedy continuation, without the end token
   */
  public record Output(PromptKey key, float[] lastLogits, int[] generatedIds) {}

  /**
   * Hands over every prompt in dataset order; memory does not grow with their number.
   *
   * @param category whose prompts lie under the stem
   */
  public static void forEach(Path work, String category, String stem, Consumer<Output> consumer) {
    JsonNode finished = Json.read(ActivationWriter.finishedFile(work, stem));
    for (int shard = 1; shard <= finished.path("shards").asInt(); shard++) {
      try (Safetensors file = Safetensors.open(ActivationWriter.outputsFile(work, stem, shard))) {
        long[] prompts = file.longs("prompt_index");
        long[] offsets = file.longs("generated_offsets");
        int[] ids = file.ints("generated_ids");
        int vocab = (int) file.entry("logits").shape()[1];
        for (int i = 0; i < prompts.length; i++) {
          int[] generated = Arrays.copyOfRange(ids, (int) offsets[i], (int) offsets[i + 1]);
          consumer.accept(
              new Output(
                  new PromptKey(category, prompts[i]), file.floats("logits", (long) i * vocab, vocab), generated));
        }
      }
    }
  }
}
