package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** What the documents name exists: files, commands, options. */
class DocumentationTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#\\s]+)(#[^)]*)?\\)");
  private static final Pattern COMMAND =
      Pattern.compile("(?:^|`|\\s)(?:\\./)?(?:scripts/|bin/)?refusal ([a-z][a-z-]*)((?: [^`\\n|]*)?)");
  private static final Pattern OPTION = Pattern.compile("(?<= )--[a-z][a-z_-]+");
  private static final Pattern CONFIG = Pattern.compile("configs/[a-z0-9_/]+\\.yaml");

  static Stream<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>();
    for (String folder : List.of("", "docs", "configs/data", "configs/models", "configs/sae", "configs/circuits",
        "configs/pipeline", "data", "environment")) {
      try (Stream<Path> files = Files.list(ROOT.resolve(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
      }
    }
    return documents.stream();
  }

  private static CommandLine commands() {
    return CommandTree.of(
        new Console(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()), false, Map.of()));
  }

  @Test
  void documentsAreSeen() throws IOException {
    assertThat(documents()).hasSizeGreaterThan(12);
  }

  @Test
  void everyLibraryHasItsLicence() throws IOException {
    List<String> listed =
        Files.readAllLines(ROOT.resolve("docs").resolve("licences.md")).stream()
            .filter(line -> line.startsWith("| ") && line.split("\\|").length == 5)
            .flatMap(line -> Stream.of(line.split("\\|")[4].split(",")))
            .map(String::strip)
            .toList();
    List<String> jars =
        Stream.of(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
            .map(path -> Path.of(path).getFileName().toString())
            .filter(name -> name.endsWith(".jar"))
            .filter(name -> !name.matches("(refusal-|junit-|opentest4j|apiguardian|assertj|byte-buddy|surefire).*"))
            .toList();

    assertThat(jars).hasSizeGreaterThan(50);
    assertThat(jars).allSatisfy(jar -> assertThat(listed).anyMatch(jar::startsWith));
  }

  /** The javadoc tool ends with an error there. */
  @Test
  void javadocHasNoBareAmpersand() throws IOException {
    List<String> bare = new ArrayList<>();
    for (String module : List.of("refusal-core", "refusal-cli")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
        for (Path file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
          Files.readAllLines(file).stream()
              .filter(line -> line.strip().matches("(/\\*\\*|\\* ).* & .*"))
              .forEach(line -> bare.add(file.getFileName() + ": " + line));
        }
      }
    }
    assertThat(bare).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("documents")
  void linksLeadToFiles(Path document) throws IOException {
    Matcher link = LINK.matcher(Files.readString(document));
    while (link.find()) {
      if (!link.group(1).matches("[a-z]+://.*")) {
        assertThat(document.resolveSibling(link.group(1)).normalize()).as(document + ": " + link.group()).exists();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("documents")
  void commandsAndOptionsExist(Path document) throws IOException {
    Map<String, CommandLine> commands = commands().getSubcommands();
    String text = Files.readString(document).replaceAll("\\\\\\n\\s*", " ");
    Matcher command = COMMAND.matcher(text);
    while (command.find()) {
      String name = command.group(1);
      String start = text.substring(text.lastIndexOf('\n', command.start()) + 1, command.end());
      if (!commands.containsKey(name)) {
        assertThat(start) // prose: "refusal tokens", "refusal rate, ..."
            .as("%s: no command %s", document, name)
            .doesNotMatch("(?s)(.*`|.*scripts/|.*bin/)refusal " + name + ".*");
        continue;
      }
      TreeSet<String> known = new TreeSet<>();
      commands.get(name).getCommandSpec().options().forEach(option -> known.addAll(List.of(option.names())));
      Matcher option = OPTION.matcher(command.group(2));
      while (option.find()) {
        assertThat(known).as("%s: refusal %s", document, name).contains(option.group());
      }
    }
    Matcher config = CONFIG.matcher(text);
    while (config.find()) {
      assertThat(ROOT.resolve(config.group())).as(document.toString()).exists();
    }
  }
}
