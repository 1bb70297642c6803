package org.refusal;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.elements.GivenClassesConjunction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * A package may use the packages of the levels before its own in {@link #LEVELS}, and nothing of its own level but itself; those
 * above the subject use what {@link #ALLOWED} names and nothing else.
 */
class ArchitectureTest {
  private static final List<List<String>> LEVELS =
      List.of(
          List.of("base"),
          List.of("io", "config", "stats", "torch", "plot"),
          List.of("circuit", "data", "text"),
          List.of("model", "behaviour", "run", "compare", "verdict", "demo"),
          List.of("activation"),
          List.of("collected", "sae"),
          List.of("subject", "train"),
          List.of("attribution"),
          List.of("evaluation"),
          List.of("report", "doctor"),
          List.of("trial", "original"),
          List.of("stage"));
  /** From here up nearly everything lies below: a new arrow is an edited line. */
  private static final Map<String, String> ALLOWED =
      Map.of(
          "attribution", "base circuit collected config data io model run sae stats subject torch",
          "evaluation", "attribution base circuit collected config data io model run sae stats subject torch",
          "report", "attribution base circuit collected compare evaluation io plot run stats",
          "doctor", "base behaviour collected config data evaluation io model plot run text torch",
          "trial", "attribution base circuit config demo io plot report run stats verdict",
          "original",
          "activation attribution base circuit collected compare config data evaluation io model report run sae stats subject"
              + " torch",
          "stage",
          "activation attribution base behaviour circuit collected compare config data evaluation io model original plot"
              + " report run sae stats subject text torch train verdict");

  private static final int FIRST_ALLOWED = 7;
  /** Where tensors may appear; everywhere else the code is plain Java. */
  private static final List<String> TENSORS =
      List.of(
          "torch", "model", "activation", "sae", "subject", "train", "attribution", "evaluation", "doctor", "original", "stage");
  private static final int LEAST_CLASSES = 200;

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_JARS)
            .importPackages("org.refusal");
  }

  private static String name(JavaClass type) {
    return type.getPackageName().split("\\.")[2];
  }

  /** The other packages that each package uses. */
  private static Map<String, TreeSet<String>> uses() {
    Map<String, TreeSet<String>> uses = new TreeMap<>();
    for (JavaClass type : classes) {
      type.getDirectDependenciesFromSelf().stream()
          .map(dependency -> dependency.getTargetClass())
          .filter(target -> target.getPackageName().startsWith("org.refusal."))
          .filter(target -> !name(target).equals(name(type)))
          .forEach(target -> uses.computeIfAbsent(name(type), key -> new TreeSet<>()).add(name(target)));
    }
    return uses;
  }

  @Test
  void everyPackageHasItsLevel() {
    assertThat(classes.size()).as("classes seen").isGreaterThan(LEAST_CLASSES);
    TreeSet<String> packages = new TreeSet<>();
    classes.forEach(type -> packages.add(name(type)));
    assertThat(packages).isSubsetOf(LEVELS.stream().flatMap(List::stream).toList());
  }

  @Test
  void packagesUseOnlyWhatIsAboveThem() {
    Map<String, Integer> level = new LinkedHashMap<>();
    for (int i = 0; i < LEVELS.size(); i++) {
      for (String each : LEVELS.get(i)) {
        level.put(each, i);
      }
    }
    List<String> wrong = new ArrayList<>();
    for (JavaClass type : classes) {
      String from = name(type);
      type.getDirectDependenciesFromSelf().stream()
          .map(dependency -> dependency.getTargetClass())
          .filter(target -> target.getPackageName().startsWith("org.refusal."))
          .filter(target -> !name(target).equals(from) && level.get(name(target)) >= level.get(from))
          .forEach(target -> wrong.add(type.getName() + " uses " + target.getName()));
    }
    assertThat(new TreeSet<>(wrong)).isEmpty();
  }

  /** What a package no longer uses is struck off, too. */
  @Test
  void upperPackagesUseWhatTheListAllows() {
    assertThat(ALLOWED.keySet())
        .containsExactlyInAnyOrderElementsOf(
            LEVELS.subList(FIRST_ALLOWED, LEVELS.size()).stream().flatMap(List::stream).toList());
    Map<String, TreeSet<String>> uses = uses();
    ALLOWED.forEach((from, targets) ->
        assertThat(String.join(" ", uses.get(from))).as("%s uses; the list is ALLOWED in this class", from).isEqualTo(targets));
  }

  /** The stages call it where a config asks for the original project's numbers. */
  @Test
  void nothingSoundUsesTheOriginalProject() {
    assertThat(uses().entrySet().stream().filter(entry -> entry.getValue().contains("original")).map(Map.Entry::getKey))
        .containsExactly("stage");
  }

  /** {@code -Drefusal.rewrite=true} draws the picture anew. */
  @Test
  void thePictureInTheDocumentsIsWhatTheClassesSay() throws IOException {
    Map<String, TreeSet<String>> uses = uses();
    StringBuilder picture = new StringBuilder("```mermaid\ngraph BT\n");
    uses.forEach((from, targets) -> targets.stream()
        .filter(to -> targets.stream().noneMatch(between -> reaches(between, to, uses)))
        .forEach(to -> picture.append("  ").append(from).append(" --> ").append(to).append('\n')));
    picture.append("```");

    Path file = Path.of("..", "docs", "architecture.md");
    String page = Files.readString(file);
    int begin = page.indexOf("```mermaid");
    int end = page.indexOf("```", begin + 3) + 3;
    if (Boolean.getBoolean("refusal.rewrite")) {
      Files.writeString(file, page.substring(0, begin) + picture + page.substring(end));
      return;
    }
    assertThat(page.substring(begin, end))
        .as("run the test with -Drefusal.rewrite=true")
        .isEqualToNormalizingNewlines(picture.toString());
    for (int level = 0; level < LEVELS.size(); level++) {
      String row = "| " + (level + 1) + " | `" + String.join("`, `", LEVELS.get(level)) + "` |";
      assertThat(page).contains(row);
    }
  }

  private static boolean reaches(String from, String to, Map<String, TreeSet<String>> uses) {
    TreeSet<String> targets = uses.getOrDefault(from, new TreeSet<>());
    return targets.contains(to) || targets.stream().anyMatch(next -> reaches(next, to, uses));
  }

  @Test
  void tensorsStayWhereTheyBelong() {
    List<String> others =
        LEVELS.stream().flatMap(List::stream).filter(each -> !TENSORS.contains(each)).toList();
    for (String each : others) {
      noClasses()
          .that(resideInAPackage("org.refusal." + each + ".."))
          .should()
          .dependOnClassesThat(
              resideInAPackage("ai.djl..")
                  .and(com.tngtech.archunit.base.DescribedPredicate.not(resideInAPackage("ai.djl.huggingface.tokenizers.."))))
          .because("tensors belong to " + TENSORS)
          .check(classes);
    }
  }

  @Test
  void coreWritesToNoStandardStream() {
    noClasses()
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .orShould()
        .callMethod(System.class, "exit", int.class)
        .check(classes);
  }

  @Test
  void coreKnowsNoCommandLine() {
    GivenClassesConjunction core = noClasses().that(resideInAPackage("org.refusal.."));
    core.should().dependOnClassesThat(resideInAPackage("picocli..")).check(classes);
  }
}
