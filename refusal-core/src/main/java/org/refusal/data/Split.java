package org.refusal.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;

/**
 * Which prompts discovery may see and which are held out for evaluation (docs/definitions.md): a seeded shuffle of every
 * category and label by itself, in which prompts of equal text ({@link EqualTexts#key}) form a group that stays on one
 * side, whatever their categories and labels. The order of the shuffle is that of a hash of seed and text, so that neither
 * the order of the files nor the name of a category matters; the side of a prompt depends on the seed and on the prompts of
 * its own category and label only, and on others where a text stands there too.
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

  private record StratumKey(Category category, Label label) {
    StratumKey(Prompt prompt) {
      this(prompt.category(), prompt.label());
    }
  }

  /** Prompts of one text, with their numbers per stratum. */
  private record Group(String text, long rank, Map<StratumKey, Integer> sizes) {
    int size() {
      return sizes.values().stream().mapToInt(Integer::intValue).sum();
    }
  }

  /** A category and label on its way: how many of its prompts are assigned, and how many of these are held out. */
  private static final class Stratum {
    private final List<Group> own = new ArrayList<>(); // groups that lie in this stratum alone
    private int prompts;
    private int assigned;
    private int heldout;
  }

  public Split {
    sides = List.copyOf(sides);
  }

  /**
   * Groups that lie in several strata come first, in the shuffled order, each to the side that leaves the shares of its
   * strata nearest to the fraction. Then every stratum is filled up to the number nearest to its own that its groups can
   * make, the lower one of two: exactly its own wherever enough texts stand once.
   *
   * <p>O(n log n), and for every stratum one bit per repeated text and held-out prompt.
   *
   * @param heldoutFraction share of every category and label that is held out, rounded half up; both sides of a stratum of
   *     two texts or more are not empty unless the fraction is 0
   */
  public static Split of(List<Prompt> prompts, double heldoutFraction, long seed) {
    if (!(heldoutFraction >= 0 && heldoutFraction < 1)) {
      throw UserException.badConfig("held-out fraction must be at least 0 and below 1, not " + heldoutFraction);
    }
    List<Group> groups = groups(prompts, seed);
    Map<StratumKey, Stratum> strata = new LinkedHashMap<>();
    Map<String, Side> sides = new HashMap<>();
    for (Group group : groups) {
      group.sizes().forEach(
          (key, size) -> {
            Stratum stratum = strata.computeIfAbsent(key, each -> new Stratum());
            stratum.prompts += size;
            if (group.sizes().size() == 1) {
              stratum.own.add(group);
            }
          });
    }
    for (Group group : groups) {
      if (group.sizes().size() > 1) {
        boolean out = heldoutIsNearer(group, strata, heldoutFraction);
        group.sizes().forEach(
            (key, size) -> {
              strata.get(key).assigned += size;
              strata.get(key).heldout += out ? size : 0;
            });
        sides.put(group.text(), out ? Side.HELDOUT : Side.DISCOVERY);
      }
    }
    strata.values().forEach(stratum -> fill(stratum, heldoutFraction, sides));
    return new Split(prompts.stream().map(prompt -> sides.get(EqualTexts.key(prompt.text()))).toList());
  }

  /** In the shuffled order. */
  private static List<Group> groups(List<Prompt> prompts, long seed) {
    List<Group> groups = new ArrayList<>();
    EqualTexts.group(prompts).forEach(
        (text, same) -> {
          Map<StratumKey, Integer> sizes = new LinkedHashMap<>();
          same.forEach(prompt -> sizes.merge(new StratumKey(prompt), 1, Integer::sum));
          groups.add(new Group(text, Seeds.derive(seed, "split", text), sizes));
        });
    groups.sort(Comparator.comparingLong(Group::rank).thenComparing(Group::text));
    return groups;
  }

  private static boolean heldoutIsNearer(Group group, Map<StratumKey, Stratum> strata, double fraction) {
    double ifOut = 0;
    double ifIn = 0;
    for (Map.Entry<StratumKey, Integer> entry : group.sizes().entrySet()) {
      Stratum stratum = strata.get(entry.getKey());
      double wanted = fraction * (stratum.assigned + entry.getValue());
      ifOut += Math.abs(stratum.heldout + entry.getValue() - wanted);
      ifIn += Math.abs(stratum.heldout - wanted);
    }
    return ifOut < ifIn;
  }

  /** Assigns the stratum's own groups: in the shuffled order, a group is held out where the number can still be met. */
  private static void fill(Stratum stratum, double fraction, Map<String, Side> sides) {
    int wanted = (int) Math.floor(stratum.prompts * fraction + 0.5);
    if (fraction > 0 && stratum.prompts >= 2) {
      wanted = Math.max(1, Math.min(stratum.prompts - 1, wanted));
    }
    int[] sizes = stratum.own.stream().mapToInt(Group::size).toArray();
    int nearest = Math.max(0, wanted - stratum.heldout) + IntStream.of(sizes).max().orElse(0);
    Sums sums = Sums.of(sizes, nearest);
    int missing = best(stratum, sums, nearest, wanted, fraction > 0);
    for (int i = 0; i < stratum.own.size(); i++) {
      Group group = stratum.own.get(i);
      boolean out = group.size() <= missing && sums.reaches(i + 1, missing - group.size());
      missing -= out ? group.size() : 0;
      sides.put(group.text(), out ? Side.HELDOUT : Side.DISCOVERY);
    }
  }

  /** How many of its own prompts the stratum holds out: as near as can be, no side empty if that can be avoided. */
  private static int best(Stratum stratum, Sums sums, int most, int wanted, boolean bothSides) {
    return IntStream.rangeClosed(0, most)
        .filter(sum -> sums.reaches(0, sum))
        .boxed()
        .min(
            Comparator.<Integer, Boolean>comparing(
                    sum -> bothSides && (stratum.heldout + sum == 0 || stratum.heldout + sum == stratum.prompts))
                .thenComparing(sum -> Math.abs(stratum.heldout + sum - wanted))
                .thenComparing(sum -> sum))
        .orElseThrow();
  }

  /**
   * Which numbers can be made of some of the sizes from place i on. Sizes of 1 make every number up to their count, so that
   * only the others take a set of bits each.
   *
   * @param larger by place, the sums of the sizes above 1 from there on
   * @param ones by place, the sizes of 1 from there on
   */
  private record Sums(BitSet[] larger, int[] ones) {
    static Sums of(int[] sizes, int most) {
      BitSet[] larger = new BitSet[sizes.length + 1];
      int[] ones = new int[sizes.length + 1];
      larger[sizes.length] = new BitSet();
      larger[sizes.length].set(0);
      for (int i = sizes.length - 1; i >= 0; i--) {
        ones[i] = ones[i + 1];
        larger[i] = larger[i + 1];
        if (sizes[i] == 1) {
          ones[i]++;
        } else {
          larger[i] = shifted(larger[i + 1], sizes[i], most);
          larger[i].or(larger[i + 1]);
        }
      }
      return new Sums(larger, ones);
    }

    private static BitSet shifted(BitSet bits, int by, int most) {
      BitSet shifted = new BitSet();
      bits.stream().takeWhile(bit -> bit + by <= most).forEach(bit -> shifted.set(bit + by));
      return shifted;
    }

    boolean reaches(int from, int sum) {
      int least = larger[from].nextSetBit(Math.max(0, sum - ones[from]));
      return least >= 0 && least <= sum;
    }
  }

  /** Indices of the prompts on this side, ascending. */
  public int[] indices(Side side) {
    return IntStream.range(0, sides.size()).filter(i -> sides.get(i) == side).toArray();
  }
}
