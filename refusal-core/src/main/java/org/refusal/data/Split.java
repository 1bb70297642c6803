package org.refusal.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;

/**
 * Which prompts discovery may see and which are held out for evaluation (docs/definitions.md): a seeded shuffle of every
 * category and label by itself. The side of a prompt depends on the seed and on the prompts of its own category and
 * label only.
 *
 * @param sides one per prompt, in the prompts' order
 */
public record Split(List<Side> sides) {
  /** Written as {@code discovery} and {@code heldout}. */
  public enum Side {
    DISCOVERY,
    HELDOUT;

    @JsonValue
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    @JsonCreator
    public static Side of(String text) {
      return valueOf(text.toUpperCase(Locale.ROOT));
    }
  }

  private record Stratum(Category category, Label label) {}

  public Split {
    sides = List.copyOf(sides);
  }

  /**
   * @param heldoutFraction share of every category and label that is held out, rounded half up; both sides of a pair of
   *     prompts or more are never empty unless the fraction is 0
   */
  public static Split of(List<Prompt> prompts, double heldoutFraction, long seed) {
    if (!(heldoutFraction >= 0 && heldoutFraction < 1)) {
      throw UserException.badConfig("held-out fraction must be at least 0 and below 1, not " + heldoutFraction);
    }
    Map<Stratum, List<Integer>> strata = new LinkedHashMap<>();
    for (int i = 0; i < prompts.size(); i++) {
      Stratum stratum = new Stratum(prompts.get(i).category(), prompts.get(i).label());
      strata.computeIfAbsent(stratum, key -> new ArrayList<>()).add(i);
    }
    Side[] sides = new Side[prompts.size()];
    strata.forEach((stratum, members) -> {
      int n = members.size();
      int heldout = (int) Math.floor(n * heldoutFraction + 0.5);
      if (heldoutFraction > 0 && n >= 2) {
        heldout = Math.max(1, Math.min(n - 1, heldout));
      }
      int[] order =
          Seeds.permutation(n, Seeds.random(seed, "split", stratum.category().name(), stratum.label().text()));
      for (int rank = 0; rank < n; rank++) {
        sides[members.get(order[rank])] = rank < heldout ? Side.HELDOUT : Side.DISCOVERY;
      }
    });
    return new Split(List.of(sides));
  }

  /** Indices of the prompts on this side, ascending. */
  public int[] indices(Side side) {
    return IntStream.range(0, sides.size()).filter(i -> sides.get(i) == side).toArray();
  }
}
