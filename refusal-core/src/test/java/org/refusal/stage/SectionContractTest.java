package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.base.Digests;
import org.refusal.report.ProvenanceSection;
import org.refusal.report.Readings;
import org.refusal.report.Report;
import org.refusal.report.ReportPage;
import org.refusal.report.ReportSources;
import org.refusal.report.Section;
import org.refusal.report.Source;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.RunManifest;

/** What every section of the report must keep to, over the list of them. */
class SectionContractTest {
  @TempDir Path folder;
  private Path model;
  private ResultLayout layout;

  @BeforeEach
  void everySource() throws IOException {
    model = Files.createDirectories(folder.resolve("planted/tiny"));
    layout = new ResultLayout(folder.resolve("results"));
    new ReportFolders(layout, model).everySource();
  }

  static List<Section> sections() {
    return Sections.all();
  }

  private ReportSources sources() {
    return new ReportSources(layout, "tiny", model, Lineage.of(layout));
  }

  /** The section alone, as it stands in the report, pictures included. */
  private String written(Section section) throws IOException {
    Path figures = folder.resolve("figures");
    ReportPage page = new ReportPage(folder, figures);
    new Report(List.of(section)).write("Title", sources(), page);
    StringBuilder all = new StringBuilder(page.markdown());
    for (Path file : page.drawn()) {
      all.append(file.getFileName()).append(' ').append(Digests.sha256(file)).append('\n');
    }
    return all.toString();
  }

  /** What it reads without saying so would be missed. */
  @ParameterizedTest
  @MethodSource("sections")
  void readsNoFileThatItHasNotDeclared(Section section) throws IOException {
    String whole = written(section);
    List<Path> declared = new Report(List.of(section)).files(sources());
    List<Path> others = new ArrayList<>();
    try (Stream<Path> files = Stream.concat(Files.walk(layout.root()), Files.walk(model))) {
      files.filter(Files::isRegularFile).filter(file -> !declared.contains(file)).forEach(others::add);
    }
    for (Path file : others) {
      Files.delete(file);
    }

    assertThat(written(section)).as("declared: %s", declared).isEqualTo(whole);
  }

  @ParameterizedTest
  @MethodSource("sections")
  void isInTheReportUnderItsTitle(Section section) throws IOException {
    String text = written(section);
    if (section instanceof ProvenanceSection) {
      assertThat(RunManifest.all(layout)).as("no run made these files").isEmpty();
      assertThat(text).isEqualTo("# Title\n");
    } else if (section.hasHeading()) {
      assertThat(text).startsWith("# Title\n\n## " + section.title() + "\n\n").doesNotContain("What is missing");
    } else {
      assertThat(text.lines().count()).isGreaterThan(2);
    }
    assertThat(text.lines().filter(line -> line.startsWith("## ")).count()).isLessThanOrEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("sections")
  void ofTheSameFilesItIsTheSameToTheByte(Section section) throws IOException {
    assertThat(written(section)).isEqualTo(written(section));
  }

  @ParameterizedTest
  @MethodSource("sections")
  void withoutWhatItNeedsItSaysWhatIsMissingOrNothing(Section section) throws IOException {
    for (Path file : new Report(List.of(section)).files(sources())) {
      Files.delete(file);
    }

    String text = written(section);

    if (!section.needs().isEmpty()) {
      assertThat(text).contains("## What is missing\n\n- ").doesNotContain("## " + section.title());
    }
  }

  @Test
  void aSectionThatReadsWhatItHasNotDeclaredStops() {
    Section careless =
        new Section() {
          @Override
          public String title() {
            return "Careless";
          }

          @Override
          public List<Source<?>> needs() {
            return List.of(Source.STATS);
          }

          @Override
          public void write(Readings sources, ReportPage page) {
            sources.get(Source.TRANSFER);
          }
        };
    assertThatThrownBy(() -> written(careless))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("section 'Careless' reads the transfer file without declaring it");
  }

  /** Both ways: whoever writes a section and forgets the list is told its name. */
  @Test
  void everySectionIsInTheListOnceAndTitlesDiffer() {
    List<String> written =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("org.refusal").stream()
                .filter(type -> type.isAssignableTo(Section.class) && !type.isInterface())
                .filter(type -> !type.getModifiers().contains(JavaModifier.ABSTRACT))
                .map(JavaClass::getName)
                .toList();
    assertThat(sections().stream().map(section -> section.getClass().getName()))
        .as("stage/Sections")
        .containsExactlyInAnyOrderElementsOf(written);
    assertThat(sections().stream().map(Section::title)).doesNotHaveDuplicates().noneMatch(String::isBlank);
  }
}
