package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.refusal.io.CsvReader;

/** No library with a known hole, as far as environment/vulnerabilities.csv knows: the versions on the class path against its ranges. */
class DependencyCheckTest {
  private static final Path LIST = Path.of("..", "environment", "vulnerabilities.csv");

  private static final Pattern JAR = Pattern.compile("(.+?)-(\\d.*)\\.jar");

  /** @param before the first version without the hole; empty in a line that says that none is known */
  private record Known(String artifact, String id, String from, String before, String what, String accepted) {
    boolean names(String library) {
      return artifact.endsWith("*") ? library.startsWith(artifact.substring(0, artifact.length() - 1)) : artifact.equals(library);
    }

    boolean affects(String version) {
      return !before.isEmpty() && compare(version, from) >= 0 && compare(version, before) < 0;
    }
  }

  private static List<Known> known() throws IOException {
    List<Known> known = new ArrayList<>();
    try (CsvReader csv = new CsvReader(LIST.toString(), Files.newInputStream(LIST))) {
      CsvReader.Row header = csv.next();
      assertThat(header.cells()).containsExactly("artifact", "id", "from", "before", "what", "accepted");
      for (CsvReader.Row row = csv.next(); row != null; row = csv.next()) {
        csv.requireWidth(row, header);
        List<String> cells = row.cells();
        known.add(new Known(cells.get(0), cells.get(1), cells.get(2), cells.get(3), cells.get(4), cells.get(5)));
      }
    }
    return known;
  }

  private record Library(String artifact, String version) {}

  /** From names like {@code snakeyaml-2.7.jar}. */
  private static List<Library> libraries() {
    List<Library> libraries = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Matcher name = JAR.matcher(Path.of(entry).getFileName().toString());
      if (name.matches() && !name.group(1).matches("refusal-.*|surefire-.*")) {
        libraries.add(new Library(name.group(1), name.group(2)));
      }
    }
    return libraries;
  }

  /** Numbers by value, one after the other; what follows them (jre, Final) does not count. */
  private static int compare(String a, String b) {
    String[] left = a.split("[.-]");
    String[] right = b.split("[.-]");
    for (int i = 0; i < Math.max(left.length, right.length); i++) {
      int difference = Integer.compare(number(left, i), number(right, i));
      if (difference != 0) {
        return difference;
      }
    }
    return 0;
  }

  private static int number(String[] parts, int i) {
    return i < parts.length && parts[i].matches("\\d{1,9}") ? Integer.parseInt(parts[i]) : 0;
  }

  @Test
  void noLibraryHasAKnownHoleThatIsNotAccepted() throws IOException {
    List<Library> libraries = libraries();
    assertThat(libraries).as("libraries seen").hasSizeGreaterThan(40)
        .extracting(Library::artifact).contains("snakeyaml", "jackson-databind");
    List<Known> known = known();
    TreeSet<String> wrong = new TreeSet<>();
    libraries.forEach(
        library -> {
          String version = library.version();
          List<Known> ofIt = known.stream().filter(each -> each.names(library.artifact())).toList();
          if (ofIt.isEmpty()) {
            wrong.add(library.artifact() + " " + version + ": not in the list; look for its known holes and add a line");
          }
          ofIt.stream()
              .filter(each -> each.affects(version) && each.accepted().isEmpty())
              .forEach(each -> wrong.add("%s %s: %s, %s; before %s".formatted(library.artifact(), version, each.id(), each.what(), each.before())));
        });
    assertThat(wrong).isEmpty();
  }

  @Test
  void versionsCompareByNumber() {
    assertThat(compare("2.7", "2.10")).isNegative();
    assertThat(compare("33.5.0-jre", "32.0.0")).isPositive();
    assertThat(compare("2.0", "2.0.0")).isZero();
    assertThat(compare("1.5.34", "1.5.19")).isPositive();
    Known hole = new Known("a", "CVE-1", "1.2", "1.4", "", "");
    assertThat(List.of("1.1.9", "1.2", "1.3.9", "1.4", "1.10").stream().map(hole::affects))
        .containsExactly(false, true, true, false, false);
  }
}
