package org.refusal.baseline;

import java.util.Comparator;
import java.util.List;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;

/**
 * Gives every prompt a partner (docs/attribution.md): one of the {@value #NEAREST} prompts of a pool that are nearest in token
 * length, drawn by a random stream of the prompt's own. The choice depends on seed, prompt and pool, not on their order
 * or on batches. A prompt is never its own partner.
 */
public final class Partners {
  /** Candidates among which the partner is drawn. */
  public static final int NEAREST = 8;

  private static final Comparator<PromptTokens> BY_ID =
      Comparator.comparing(PromptTokens::category).thenComparingLong(PromptTokens::index);

  private final List<PromptTokens> pool;
  private final long seed;

  /** @param pool the safe discovery prompts that the model answered, all categories */
  public Partners(List<PromptTokens> pool, long seed) {
    this.pool = pool.stream().filter(prompt -> prompt.userTokens() > 0).sorted(BY_ID).toList();
    this.seed = seed;
    if (this.pool.isEmpty()) {
      throw UserException.badData(
          "no safe discovery prompt that the model answered: there is nothing to take a baseline from",
          "collect more safe prompts, or use circuit.baseline: zero");
    }
  }

  public List<PromptTokens> pool() {
    return pool;
  }

  /** The partner; O(pool log pool). */
  public PromptTokens of(PromptTokens prompt) {
    List<PromptTokens> nearest =
        pool.stream()
            .filter(candidate -> !candidate.id().equals(prompt.id()))
            .sorted(Comparator.comparingInt(c -> Math.abs(c.length() - prompt.length())))
            .limit(NEAREST)
            .toList();
    if (nearest.isEmpty()) {
      throw UserException.badData("prompt %s is the only answered safe prompt and has no partner".formatted(prompt.id()));
    }
    return nearest.get(Seeds.random(seed, "partner", prompt.category(), Long.toString(prompt.index())).nextInt(nearest.size()));
  }

  public List<PromptTokens> of(List<PromptTokens> prompts) {
    return prompts.stream().map(this::of).toList();
  }
}
