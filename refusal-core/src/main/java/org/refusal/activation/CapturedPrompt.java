package org.refusal.activation;

import java.nio.ByteBuffer;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;

/**
 * What one prompt left behind, before it is on disk.
 *
 * @param tokenIds of the kept tokens {@code [tokens]}
 * @param positions of the kept tokens, 0-based in the prompt {@code [tokens]}
 * @param positionGroups of the kept tokens {@code [tokens]}
 * @param activations per hook point {@code [tokens, d_model]}, little endian, in the store's dtype
 * @param lastLogits at the last prompt position {@code [vocab]}
 * @param generatedIds greedy continuation, without the end token
 */
public record CapturedPrompt(
    PromptKey key,
    int[] tokenIds,
    int[] positions,
    int[] positionGroups,
    Map<HookPoint, ByteBuffer> activations,
    float[] lastLogits,
    int[] generatedIds) {

  public CapturedPrompt {
    if (positions.length != tokenIds.length || positionGroups.length != tokenIds.length) {
      throw new IllegalArgumentException(
          "prompt %s: %d token ids, %d positions, %d groups"
              .formatted(key, tokenIds.length, positions.length, positionGroups.length));
    }
    activations = Map.copyOf(activations);
  }
}
