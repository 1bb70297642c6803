package org.refusal.subject;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;

/**
 * Gives every prompt a partner (docs/attribution.md): one of the {@value #NEAREST} answered safe prompts that are nearest in
 * token length, or of more where several are as near as the eighth. All of these are equally likely: the one with the lowest hash
 * of (seed, prompt, candidate) is taken. The hashes are those of token ids, so that the choice depends on what the prompts
 * say, not on their order, on batches or on what their categories are called. A prompt of equal text is nobody's partner.
 */
public final class Partners {
  /** So many nearest prompts are candidates; ties with the last of them are candidates too. */
  public static final int NEAREST = 8;

  private static final Comparator<PromptTokens> BY_ID =
      Comparator.comparing(PromptTokens::category).thenComparingLong(PromptTokens::index);

  /** Where partners come from; written in lower case. */
  public enum Source {
    /** From the prompt's own category. */
    MATCHED,
    /** From all categories. */
    POOL;

    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final List<PromptTokens> pool;
  private final Source source;
  private final long seed;
  private final Map<String, Buckets> byCategory = new LinkedHashMap<>(); // "" holds all

  /** Partners from all categories; see {@link #of(Source, List, long)}. */
  public Partners(List<PromptTokens> pool, long seed) {
    this(Source.POOL, pool, seed);
  }

  private Partners(Source source, List<PromptTokens> pool, long seed) {
    this.pool = pool.stream().filter(prompt -> prompt.userTokens() > 0).sorted(BY_ID).toList();
    this.source = source;
    this.seed = seed;
    if (this.pool.isEmpty()) {
      throw UserException.badData(
          "no safe discovery prompt that the model answered: there is nothing to take a baseline from",
          "collect more safe prompts, or use circuit.baseline: zero");
    }
    Map<String, List<PromptTokens>> prompts = new LinkedHashMap<>();
    this.pool.forEach(prompt -> prompts.computeIfAbsent(key(prompt), key -> new ArrayList<>()).add(prompt));
    prompts.forEach((key, ofKey) -> byCategory.put(key, new Buckets(ofKey, seed)));
  }

  /**
   * O(pool log pool).
   *
   * @param pool the safe discovery prompts that the model answered, all categories
   */
  public static Partners of(Source source, List<PromptTokens> pool, long seed) {
    return new Partners(source, pool, seed);
  }

  public Source source() {
    return source;
  }

  /** All prompts that can be partners, of all categories, by category and index. */
  public List<PromptTokens> pool() {
    return pool;
  }

  /** The partner; O(log pool + candidates). */
  public PromptTokens of(PromptTokens prompt) {
    Buckets buckets = byCategory.get(key(prompt));
    if (buckets == null) {
      throw UserException.badData(
          "category %s has no safe discovery prompt that the model answered, and prompt %s no partner"
              .formatted(prompt.category(), prompt.id()),
          "discover with circuit.partners: pool, or collect more safe prompts of the category");
    }
    PromptTokens partner = buckets.draw(prompt, Seeds.derive(seed, "partner", tokens(prompt)));
    if (partner == null) {
      throw UserException.badData(
          "prompt %s is the only answered safe prompt and has no partner".formatted(prompt.id()),
          source == Source.MATCHED
              ? "discover with circuit.partners: pool, or collect more safe prompts of category " + prompt.category()
              : "collect more safe prompts");
    }
    return partner;
  }

  public List<PromptTokens> of(List<PromptTokens> prompts) {
    return prompts.stream().map(this::of).toList();
  }

  private String key(PromptTokens prompt) {
    return source == Source.MATCHED ? prompt.category() : "";
  }

  private static String tokens(PromptTokens prompt) {
    return Arrays.toString(prompt.ids());
  }

  /** Prompts by length, each with its hash; of prompts of one text only one, whatever it is called. */
  private static final class Buckets {
    private record Candidate(PromptTokens prompt, long hash) {}

    private final int[] lengths; // ascending
    private final List<List<Candidate>> byLength;

    Buckets(List<PromptTokens> prompts, long seed) {
      Map<String, PromptTokens> distinct = new LinkedHashMap<>();
      prompts.forEach(
          prompt -> distinct.merge(prompt.text(), prompt, (a, b) -> tokens(a).compareTo(tokens(b)) <= 0 ? a : b));
      TreeMap<Integer, List<Candidate>> buckets = new TreeMap<>();
      distinct.forEach(
          (text, prompt) ->
              buckets
                  .computeIfAbsent(prompt.length(), length -> new ArrayList<>())
                  .add(new Candidate(prompt, Seeds.derive(seed, "candidate", tokens(prompt)))));
      lengths = buckets.keySet().stream().mapToInt(Integer::intValue).toArray();
      byLength = List.copyOf(buckets.values());
    }

    /** Null without a candidate. */
    PromptTokens draw(PromptTokens prompt, long hash) {
      int above = Arrays.binarySearch(lengths, prompt.length());
      above = above < 0 ? -above - 1 : above;
      int below = above - 1;
      Lowest lowest = new Lowest(prompt, hash);
      while (lowest.candidates < NEAREST && (below >= 0 || above < lengths.length)) {
        int distance = Math.min(distance(below, prompt), distance(above, prompt));
        if (distance(below, prompt) == distance) {
          byLength.get(below--).forEach(lowest::add);
        }
        if (distance(above, prompt) == distance) {
          byLength.get(above++).forEach(lowest::add);
        }
      }
      return lowest.best;
    }

    private int distance(int bucket, PromptTokens prompt) {
      return bucket < 0 || bucket >= lengths.length
          ? Integer.MAX_VALUE
          : Math.abs(lengths[bucket] - prompt.length());
    }

    private static final class Lowest {
      private final PromptTokens prompt;
      private final long hash;
      private int candidates;
      private long least;
      private PromptTokens best;

      Lowest(PromptTokens prompt, long hash) {
        this.prompt = prompt;
        this.hash = hash;
      }

      void add(Candidate candidate) {
        if (candidate.prompt().text().equals(prompt.text())) {
          return;
        }
        candidates++;
        long mixed = new SplittableRandom(hash ^ candidate.hash()).nextLong();
        if (best == null || mixed < least) {
          best = candidate.prompt();
          least = mixed;
        }
      }
    }
  }
}
