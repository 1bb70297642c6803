package org.refusal.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;

/** Which truth is planted. */
public enum PlantedKind {
  /** One direction of refusal evidence for all categories. */
  MONOLITHIC("MONOLITHIC"),
  /** One direction for each category. */
  MODULAR("MODULAR"),
  /** One direction for each of two clusters of categories. */
  MIXED("MIXED"),
  /** A direction that all categories share, and one for each; {@link PlantedSpec#share} says how much is shared. */
  GRADED("GRADED"),
  /** The model never refuses. */
  NONE("INCONCLUSIVE");

  private final String verdict;

  PlantedKind(String verdict) {
    this.verdict = verdict;
  }

  /** The answer that is right; of a graded model with the usual share ({@link PlantedSpec#verdict} for any). */
  public String verdict() {
    return verdict;
  }

  /** In lower case, as on the command line. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** @param text a kind, or {@code all} */
  public static List<PlantedKind> parse(String text) {
    if (text.equals("all")) {
      return List.of(values());
    }
    List<String> names = Stream.of(values()).map(PlantedKind::text).toList();
    return Stream.of(values())
        .filter(kind -> kind.text().equals(text))
        .findFirst()
        .map(List::of)
        .orElseThrow(() -> new UserException(
            org.refusal.base.ExitCode.USAGE,
            "--kind: '" + text + "' is no kind" + Suggestions.didYouMean(text, names),
            "one of: " + String.join(", ", names) + ", all"));
  }

  /** Which categories share a direction of their own; every category alone, all together, or two halves. */
  List<List<Integer>> clusters(int categories) {
    List<List<Integer>> clusters = new ArrayList<>();
    int count = switch (this) {
      case MONOLITHIC, NONE -> 1;
      case MIXED -> Math.min(2, categories);
      case MODULAR, GRADED -> categories;
    };
    for (int cluster = 0; cluster < count; cluster++) {
      clusters.add(new ArrayList<>());
    }
    for (int category = 0; category < categories; category++) {
      clusters.get(category * count / categories).add(category);
    }
    return clusters;
  }
}
