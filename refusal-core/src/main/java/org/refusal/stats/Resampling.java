package org.refusal.stats;

import java.util.SplittableRandom;
import org.refusal.base.Seeds;

/**
 * How often to draw, from which seed, on how many threads. Draw k uses a stream that depends on the seed and on k only.
 *
 * @param draws permutations or bootstrap resamples, at least 1
 * @param seed of the whole family of draws; derive one per statistic
 * @param threads at least 1; never changes a result
 */
public record Resampling(int draws, long seed, int threads) {
  public Resampling {
    if (draws < 1 || threads < 1) {
      throw new IllegalArgumentException("draws " + draws + " and threads " + threads + " must be at least 1");
    }
  }

  /** The same number of draws from a stream of that name. */
  public Resampling named(String... names) {
    return new Resampling(draws, Seeds.derive(seed, names), threads);
  }

  /** The same stream with another number of draws. */
  public Resampling draws(int other) {
    return new Resampling(other, seed, threads);
  }

  public SplittableRandom stream(int draw) {
    return Seeds.random(seed, Integer.toString(draw));
  }
}
