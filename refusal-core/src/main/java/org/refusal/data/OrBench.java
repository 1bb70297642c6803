package org.refusal.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;

/** Prompts in OR-Bench layout (package description), of any categories. */
public final class OrBench {
  /** One file per label. */
  public static final Map<Label, String> FILES =
      Map.of(
          Label.SAFE, "or-bench-80k.csv", Label.HARD, "or-bench-hard-1k.csv", Label.TOXIC, "or-bench-toxic.csv");

  private final List<Prompt> prompts;
  private final List<Category> categories;

  private final List<String> warnings;

  private OrBench(List<Prompt> prompts, List<Category> categories, List<String> warnings) {
    this.warnings = List.copyOf(warnings);
    this.prompts = List.copyOf(prompts);
    this.categories = List.copyOf(categories);
  }

  /** All categories that the files hold, by name. */
  public static OrBench load(Path folder) {
    return load(folder, List.of());
  }

  /**
   * Time and memory grow with the files.
   *
   * @param wanted categories in the order wanted; empty means all
   * @throws UserException a file is missing, empty or damaged, a prompt or category is empty, a wanted category is in
   *     no file; with file, line and record
   */
  public static OrBench load(Path folder, List<String> wanted) {
    if (!Files.isDirectory(folder)) {
      throw UserException.badData(
          folder + ": no such folder", "it must hold " + String.join(", ", new TreeSet<>(FILES.values())));
    }
    Map<Label, Path> files = new EnumMap<>(Label.class);
    FILES.forEach((label, name) -> files.put(label, folder.resolve(name)));
    for (Path file : files.values()) {
      if (!Files.isRegularFile(file)) {
        throw UserException.badData(
            file + ": " + AtomicFiles.missing(file), "the folder must hold " + String.join(", ", new TreeSet<>(FILES.values())));
      }
    }
    List<Prompt> all = new ArrayList<>();
    files.forEach((label, file) -> {
      int before = all.size();
      for (PromptCsv.Row row : PromptCsv.read(file)) {
        all.add(prompt(file, label, row));
      }
      if (label != Label.HARD && all.size() == before) {
        throw UserException.badData(file + ": no prompts, only a header");
      }
    });
    TreeSet<Category> found = all.stream().map(Prompt::category).collect(Collectors.toCollection(TreeSet::new));
    List<Category> chosen = choose(folder, found, wanted);
    return new OrBench(all.stream().filter(prompt -> chosen.contains(prompt.category())).toList(), chosen, Category.spellings(found));
  }

  /**
   * @param found by name
   * @param wanted in the order wanted; empty means all
   * @throws UserException a wanted category is not there, or asked for twice
   */
  static List<Category> choose(Path folder, Collection<Category> found, List<String> wanted) {
    if (wanted.isEmpty()) {
      return List.copyOf(found);
    }
    List<Category> chosen = new ArrayList<>();
    for (String name : wanted) {
      Category category = found.stream().filter(c -> c.name().equals(name)).findFirst().orElse(null);
      if (category == null) {
        throw unknown(folder, name, found);
      }
      if (chosen.contains(category)) {
        throw UserException.badConfig("category " + name + " is asked for twice");
      }
      chosen.add(category);
    }
    return chosen;
  }

  /** In file order: safe, then hard, then toxic. */
  public List<Prompt> prompts() {
    return prompts;
  }

  public List<Category> categories() {
    return categories;
  }

  /** What the user should know of all categories of the files, one line each. */
  public List<String> warnings() {
    return warnings;
  }

  private static Prompt prompt(Path file, Label label, PromptCsv.Row row) {
    if (row.prompt().isBlank()) {
      throw UserException.badData(
          "%s:%d: record %d has an empty prompt".formatted(file, row.line(), row.record()));
    }
    if (row.category().isBlank()) {
      throw UserException.badData(
          "%s:%d: record %d has no category".formatted(file, row.line(), row.record()));
    }
    Category category = new Category(row.category().strip());
    if (Category.isGarbled(category.name())) {
      throw garbled(file, row);
    }
    return new Prompt(row.prompt(), category, label, file.getFileName().toString(), row.record());
  }

  static UserException garbled(Path file, PromptCsv.Row row) {
    return UserException.badData(
        "%s:%d: record %d: the category holds a line end or a control character".formatted(file, row.line(), row.record()),
        "is a quote missing, or one too many?");
  }

  private static UserException unknown(Path folder, String name, Collection<Category> found) {
    List<String> names = found.stream().map(Category::name).toList();
    return UserException.badConfig(
        "category %s is not in %s%s".formatted(name, folder, Suggestions.didYouMean(name, names)),
        "its categories: " + String.join(", ", names));
  }
}
