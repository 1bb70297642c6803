package org.refusal.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.data.Category;
import org.refusal.data.Label;
import org.refusal.data.OrBench;

/**
 * Prompts for a planted model. Toxic: trigger words of the category with words of harmful intent. Safe, a third each:
 * trigger words with benign intent, harmful intent without trigger, neither. Hard: many trigger words, benign intent.
 */
final class PlantedPrompts {
  private static final int SHORTEST = 12;
  private static final int LONGEST = 25;
  private static final int HARD_PER_CATEGORY = 4;

  private final PlantedSpec spec;
  private final PlantedWords words;

  PlantedPrompts(PlantedSpec spec, PlantedWords words) {
    this.spec = spec;
    this.words = words;
  }

  /** One text of the kind that its file's label promises. */
  private String text(int category, Label label, int number, SplittableRandom random) {
    List<String> chosen = new ArrayList<>();
    boolean trigger = label != Label.SAFE || number % 3 == 0;
    boolean intent = label == Label.TOXIC || label == Label.SAFE && number % 3 == 1;
    if (trigger) {
      draw(words.triggers(category), label == Label.HARD ? 4 : 2 + random.nextInt(2), random, chosen);
    }
    draw(intent ? words.harmful() : words.benign(), 1 + random.nextInt(2), random, chosen);
    int length = SHORTEST + random.nextInt(LONGEST - SHORTEST + 1);
    draw(words.filler(), length - chosen.size(), random, chosen);
    int[] order = Seeds.permutation(chosen.size(), random);
    List<String> shuffled = new ArrayList<>();
    for (int i : order) {
      shuffled.add(chosen.get(i));
    }
    return String.join(" ", shuffled);
  }

  private SplittableRandom random(int category, Label label, int number) {
    return Seeds.random(
        spec.seed(), "planted prompt", label.text().toLowerCase(Locale.ROOT), spec.categories().get(category).name(),
        Integer.toString(number));
  }

  /** A text that is what its label says, however many of its file are not. */
  String example(int category, Label label, int number) {
    return text(category, label, number, random(category, label, number));
  }

  private static void draw(List<String> pool, int count, SplittableRandom random, List<String> into) {
    int[] order = Seeds.permutation(pool.size(), random);
    for (int i = 0; i < count; i++) {
      into.add(pool.get(order[i]));
    }
  }

  /** A file in OR-Bench layout; texts hold no commas and no quotes. */
  String csv(Label label) {
    StringBuilder csv = new StringBuilder("prompt,category\n");
    List<Integer> sizes = switch (label) {
      case TOXIC -> spec.toxicSizes();
      case SAFE -> spec.safeSizes();
      case HARD -> Collections.nCopies(spec.categories().size(), HARD_PER_CATEGORY);
    };
    for (int number = 0; number < Collections.max(sizes); number++) {
      for (int category = 0; category < spec.categories().size(); category++) {
        if (number >= sizes.get(category)) {
          continue;
        }
        Category name = spec.categories().get(category);
        SplittableRandom random = random(category, label, number);
        boolean harmless = label == Label.TOXIC && random.nextDouble() < spec.mislabelled();
        csv.append(text(category, harmless ? Label.SAFE : label, number, random)).append(',').append(name).append('\n');
      }
    }
    return csv.toString();
  }

  static String file(Label label) {
    return OrBench.FILES.get(label);
  }
}
