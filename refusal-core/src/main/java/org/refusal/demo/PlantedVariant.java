package org.refusal.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.refusal.base.ExitCode;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;

/** What makes a planted model harder to read than the plain one. */
public enum PlantedVariant {
  /** As {@code demo} plants it: {@link PlantedSpec#of} apart from the sizes. */
  PLAIN("as the demo plants it"),
  /** The category's own evidence accompanies refusal to the template positions, four times as strong as by default. */
  LEAK("category evidence accompanies refusal to the template positions, strength 4"),
  /** Noise on every weight matrix, three times the default. */
  NOISE("noise of 3 % of its own standard deviation on every weight matrix"),
  /** Categories of different sizes: the last has twice as many prompts as the first. */
  UNEQUAL("prompts per category rise evenly to twice the number"),
  /** Every tenth prompt of the toxic file is harmless; a quarter more prompts make up for them. */
  MISLABELLED("10 % of the toxic file's prompts are harmless; a quarter more prompts"),
  /** Twenty prompts per category: too few for an answer. */
  FEW("20 prompts per category: too few, INCONCLUSIVE is right");

  private static final int FEW_PROMPTS = 20;

  private final String meaning;

  PlantedVariant(String meaning) {
    this.meaning = meaning;
  }

  public String meaning() {
    return meaning;
  }

  /** In lower case, as on the command line. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** @param text a variant, or {@code all} */
  public static List<PlantedVariant> parse(String text) {
    if (text.equals("all")) {
      return List.of(values());
    }
    List<String> names = Stream.of(values()).map(PlantedVariant::text).toList();
    return Stream.of(values())
        .filter(variant -> variant.text().equals(text))
        .findFirst()
        .map(List::of)
        .orElseThrow(() -> new UserException(
            ExitCode.USAGE,
            "--variants: '" + text + "' is no variant" + Suggestions.didYouMean(text, names),
            "some of: " + String.join(", ", names) + "; or all"));
  }

  /** The answer that is right for what is planted so. */
  public String expected(PlantedSpec spec) {
    return this == FEW ? PlantedKind.NONE.verdict() : spec.verdict();
  }

  /** The plain spec made harder. */
  public PlantedSpec of(PlantedSpec plain) {
    return switch (this) {
      case PLAIN -> plain;
      case LEAK -> plain.withLeak(4);
      case NOISE -> plain.withWeightNoise(0.03);
      case UNEQUAL -> plain.withSizes(rising(plain.toxicSizes()), rising(plain.safeSizes()));
      case MISLABELLED -> plain.withSizes(quarterMore(plain.toxicSizes()), quarterMore(plain.safeSizes())).withMislabelled(0.1);
      case FEW -> plain.withPrompts(FEW_PROMPTS, FEW_PROMPTS);
    };
  }

  private static List<Integer> rising(List<Integer> sizes) {
    List<Integer> rising = new ArrayList<>();
    for (int i = 0; i < sizes.size(); i++) {
      rising.add(sizes.get(i) + sizes.get(i) * i / Math.max(1, sizes.size() - 1));
    }
    return rising;
  }

  private static List<Integer> quarterMore(List<Integer> sizes) {
    return sizes.stream().map(size -> size + (size + 3) / 4).toList();
  }
}
