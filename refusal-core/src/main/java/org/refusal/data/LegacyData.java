package org.refusal.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.refusal.base.UserException;

/**
 * The original project's reading and balancing, quirks included, for comparison with its results; {@link OrBench} and
 * {@link Balancer} are the sound ones. Cells that look like missing values become the prompt {@code nan}, texts are
 * stripped of every Unicode blank, balanced sets use the safe file only and leave a category with too few safe prompts
 * uneven, and equalize hands back the full toxic counts.
 */
public final class LegacyData {
  private static final Set<String> MISSING =
      Set.of(
          "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
          "NA", "NULL", "NaN", "None", "n/a", "nan", "null");

  private final Path folder;
  private final Map<Label, List<Prompt>> prompts;

  private LegacyData(Path folder, Map<Label, List<Prompt>> prompts) {
    this.folder = folder;
    this.prompts = prompts;
  }

  /** @throws UserException a file is missing or damaged, or a category is a missing value; with file, line and record */
  public static LegacyData load(Path folder) {
    Map<Label, List<Prompt>> prompts = new EnumMap<>(Label.class);
    for (Label label : Label.values()) {
      Path file = folder.resolve(OrBench.FILES.get(label));
      List<Prompt> read = new ArrayList<>();
      for (PromptCsv.Row row : PromptCsv.read(file)) {
        String text = MISSING.contains(row.prompt()) ? "nan" : strip(row.prompt());
        read.add(new Prompt(text, category(file, row), label, file.getFileName().toString(), row.record()));
      }
      prompts.put(label, read);
    }
    return new LegacyData(folder, prompts);
  }

  /** A category that the original would have read as a missing value is refused: what came of it is not known. */
  private static Category category(Path file, PromptCsv.Row row) {
    String name = strip(row.category());
    if (name.isEmpty() || MISSING.contains(row.category())) {
      throw UserException.badData(
          "%s:%d: record %d: the category \"%s\" is a missing value to the original"
              .formatted(file, row.line(), row.record(), row.category()),
          "give it a name, or use data.variant: default");
    }
    if (Category.isGarbled(name)) {
      throw OrBench.garbled(file, row);
    }
    return new Category(name);
  }

  /** Of all three files, by name. */
  public List<Category> categories() {
    TreeSet<Category> categories = new TreeSet<>();
    prompts.values().forEach(list -> list.forEach(prompt -> categories.add(prompt.category())));
    return List.copyOf(categories);
  }

  /** @param labels whose files are counted together */
  public Map<Category, Integer> counts(List<Category> categories, Label... labels) {
    Map<Category, Integer> counts = new LinkedHashMap<>();
    for (Category category : categories) {
      int count = 0;
      for (Label label : labels) {
        count += of(category, label).size();
      }
      counts.put(category, count);
    }
    return counts;
  }

  /** In file order, which is what the original does without shuffling: per category safe prompts, then toxic ones. */
  public Map<Category, List<Prompt>> balance(List<Category> categories, Balancer.Strategy strategy) {
    int smallest = categories.stream().mapToInt(category -> of(category, Label.TOXIC).size()).min().orElse(0);
    Map<Category, List<Prompt>> balanced = new LinkedHashMap<>();
    for (Category category : categories) {
      List<Prompt> toxic = of(category, Label.TOXIC);
      List<Prompt> safe = of(category, Label.SAFE);
      int target = strategy == Balancer.Strategy.EQUALIZE ? smallest : toxic.size();
      List<Prompt> chosen = new ArrayList<>(safe.subList(0, Math.min(target, safe.size())));
      chosen.addAll(toxic.subList(0, Math.min(target, toxic.size())));
      balanced.put(category, chosen);
    }
    return balanced;
  }

  /**
   * {@link #balance} in the form of {@link Balancer#balance}, with the original's order (safe prompts first).
   *
   * @param wanted categories in the order wanted; empty means all
   * @throws UserException a wanted category is in no file, or a category has no toxic prompt
   */
  public Balancer.Balanced balanced(List<String> wanted, Balancer.Strategy strategy) {
    List<Category> chosen = OrBench.choose(folder, categories(), wanted);
    Map<Category, Integer> toxic = counts(chosen, Label.TOXIC);
    chosen.forEach(category -> Balancer.requireSome(category, toxic.get(category), "toxic"));
    List<Prompt> all = new ArrayList<>();
    Map<Category, Balancer.Sides> sides = new LinkedHashMap<>();
    List<String> warnings = new ArrayList<>(Category.spellings(categories()));
    balance(chosen, strategy).forEach((category, taken) -> {
      int toxicTaken = (int) taken.stream().filter(prompt -> prompt.label().toxic()).count();
      int safeTaken = taken.size() - toxicTaken;
      if (safeTaken < toxicTaken) {
        warnings.add(
            "category %s has only %d safe prompts for %d toxic ones, and the legacy balancing leaves it uneven"
                .formatted(category, safeTaken, toxicTaken));
      }
      all.addAll(taken);
      sides.put(category, new Balancer.Sides(toxicTaken, safeTaken));
    });
    return new Balancer.Balanced(List.copyOf(all), sides, List.copyOf(warnings));
  }

  private List<Prompt> of(Category category, Label label) {
    return prompts.get(label).stream().filter(prompt -> prompt.category().equals(category)).toList();
  }

  /** Python's str.strip. */
  private static String strip(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isSpace(text.charAt(from))) {
      from++;
    }
    while (to > from && isSpace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isSpace(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }
}
