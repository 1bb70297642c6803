package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.refusal.stats.Interval;
import org.refusal.stats.Wilson;

/**
 * A share of prompts with its 95 % Wilson interval; NaN where there are none.
 *
 * @param prompts how many it is a share of
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Share(double value, double low, double high, int prompts) {

  static Share of(boolean[] each) {
    return of(List.of(each));
  }

  /** All prompts of several groups together. */
  static Share of(Collection<boolean[]> groups) {
    int prompts = 0;
    int count = 0;
    for (boolean[] group : groups) {
      prompts += group.length;
      for (boolean yes : group) {
        count += yes ? 1 : 0;
      }
    }
    Interval interval = Wilson.interval(count, prompts, Resampled.LEVEL);
    return new Share(prompts == 0 ? Double.NaN : (double) count / prompts, interval.low(), interval.high(), prompts);
  }

  static Share[] each(boolean[][] groups) {
    return Arrays.stream(groups).map(Share::of).toArray(Share[]::new);
  }
}
