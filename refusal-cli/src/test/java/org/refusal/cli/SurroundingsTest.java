package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

/** Strange machines: what does not work there ends with 69 and one line, and what needs it not works. */
class SurroundingsTest {
  @TempDir Path folder;

  @Test
  void namesThatTheLocaleCannotSpellAreRefused() {
    assertThatThrownBy(() -> Surroundings.requireNames(List.of("collect", "donn\uFFFD\uFFFDes"), "ANSI_X3.4-1968"))
        .hasMessageContaining("cannot be used in this locale")
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.ENVIRONMENT))
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("LC_ALL=C.UTF-8"));
    assertThatCode(() -> Surroundings.requireNames(List.of("donn\u00e9es"), "UTF-8")).doesNotThrowAnyException();
    assertThatCode(() -> Surroundings.requireNames(List.of("donnees"), "ANSI_X3.4-1968")).doesNotThrowAnyException();
  }

  @Test
  void theLanguageOfTheMachineIsLeftOutOfEverything() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      Cli ran = Cli.run("doctor");
      assertThat(ran.out()).containsPattern("heap up to [0-9]+\\.[0-9] GiB");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void aNameThatNoFileCanHaveIsAConfigsMistake() {
    Cli ran = Cli.run("analyze-data", "--dataset-dir", "a\0b", "--results-dir", folder.toString());
    assertThat(ran.code()).as(ran.err()).isEqualTo(78);
    assertThat(ran.err()).contains("'a\uFFFDb/or-bench-80k.csv' cannot be the name of a file").doesNotContain("Exception", "\tat ");
  }

  private record Ended(int code, String output) {}

  private Ended run(Map<String, String> environment, List<String> javaOptions, String... arguments) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(Cli.process(javaOptions, List.of(arguments))).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }

  @Test
  @Tag("slow")
  @EnabledOnOs(OS.LINUX)
  void withoutATemporaryFolderOneLineNamesIt() throws Exception {
    Path model = Cli.smallModel(folder.resolve("small"));
    String[] collect = {
      "collect", "--model", model.toString(), "--dataset-dir", model.toString(), "--results-dir",
      folder.resolve("results").toString(), "--set", "model.activation_layers=residuals_1"
    };

    Ended ended = run(Map.of(), List.of("-Djava.io.tmpdir=" + folder.resolve("none")), collect);
    assertThat(ended.code()).as(ended.output()).isEqualTo(69);
    assertThat(ended.output().lines()).hasSize(2).first().asString().contains("the temporary folder", "none", "no such folder");

    Ended both = run(Map.of("DJL_CACHE_DIR", "/proc/none/djl"), List.of("-Djava.io.tmpdir=" + folder.resolve("none")), collect);
    assertThat(both.code()).as(both.output()).isEqualTo(69);
    assertThat(both.output().lines()).hasSize(2).first().asString().contains("the temporary folder", "/proc/none/djl", "$DJL_CACHE_DIR");

    Ended cache = run(Map.of("DJL_CACHE_DIR", "/proc/none/djl"), List.of(), collect);
    assertThat(cache.code()).as(cache.output()).isEqualTo(69);
    assertThat(cache.output().lines().filter(line -> line.startsWith("refusal: error: "))).singleElement().asString()
        .contains("/proc/none/djl");
    assertThat(cache.output()).contains("$DJL_CACHE_DIR").doesNotContain("\tat ");

    Ended variable = run(Map.of("PYTORCH_VERSION", "2.4.0"), List.of(), collect);
    assertThat(variable.code()).as(variable.output()).isEqualTo(69);
    assertThat(variable.output().lines().filter(line -> line.startsWith("refusal: error: "))).singleElement().asString()
        .contains("$PYTORCH_VERSION is set (2.4.0)");
    assertThat(folder.resolve("results").resolve("activations")).doesNotExist();
  }
}
