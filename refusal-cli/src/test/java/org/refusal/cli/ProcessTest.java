package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.base.AtomicFiles;

/** What only a process of its own can show: signals, a full disk, no memory. */
@Tag("slow")
@EnabledOnOs(OS.LINUX)
class ProcessTest {
  @TempDir Path folder;
  private Path model;
  private Path results;

  @BeforeEach
  void model() {
    model = Cli.smallModel(folder.resolve("small"));
    results = folder.resolve("results");
  }

  private record Ended(int code, List<String> err) {}

  private static Ended end(Process process) throws IOException, InterruptedException {
    List<String> err;
    try (BufferedReader reader = process.errorReader()) {
      err = reader.lines().collect(Collectors.toCollection(ArrayList::new));
    }
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    return new Ended(process.exitValue(), err);
  }

  private ProcessBuilder process(List<String> command) {
    return new ProcessBuilder(command).redirectOutput(folder.resolve("out").toFile());
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "USR1"})
  void aSignalSavesProgressAndTheNextRunGoesOn(String signal) throws Exception {
    Process process = process(Cli.process(List.of("-Xmx1g"), Cli.pipeline(model, results))).start();
    BufferedReader err = process.errorReader();
    List<String> lines = new ArrayList<>();
    for (String line = err.readLine(); line != null; line = err.readLine()) {
      lines.add(line);
      if (line.startsWith("collect deception:")) {
        assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor()).isZero();
      }
    }
    assertThat(process.waitFor()).as(String.join("\n", lines)).isEqualTo(75);
    assertThat(lines).contains(
        "refusal: error: interrupted", "run the same command again: it goes on where it stopped");
    assertThat(results.resolve("manifests")).isDirectoryNotContaining("glob:**report-*");

    Cli again = Cli.run(Map.of(), Cli.pipeline(model, results));
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.err()).contains("analyze-data: up to date");
    assertThat(again.out()).contains("verdict: INCONCLUSIVE", "too few prompts");
  }

  /** The kernel refuses what is beyond a file size limit, wherever the program writes it: libraries are no exception. */
  @ParameterizedTest
  @CsvSource({"collect, 24", "analyze-data, 1"})
  void aDiskThatTakesNoMoreIsOneLineAndLeavesNothingHalfWritten(String stage, int kibibytes) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of(stage, "--dataset-dir", model.toString(), "--results-dir", results.toString()));
    if (stage.equals("collect")) {
      arguments.addAll(
          List.of("--model", model.toString(), "--set", "model.activation_layers=[residuals_1-4]"));
    }
    List<String> command = new ArrayList<>(List.of("bash", "-c", "ulimit -f " + kibibytes + "; exec \"$@\"", "bash"));
    command.addAll(Cli.process(List.of("-Xmx1g", "-XX:-UsePerfData", "-Xlog:disable"), arguments));

    Ended ended = end(process(command).start());

    List<String> complaint =
        ended.err().stream().dropWhile(line -> !line.startsWith("refusal: error: ")).toList();
    assertThat(ended.code()).as(String.join("\n", ended.err())).isEqualTo(69);
    assertThat(complaint).hasSize(2);
    assertThat(complaint.get(0)).contains(results.toString(), ": cannot be written: ");
    assertThat(complaint.get(1)).contains("space left");
    try (Stream<Path> left = Files.walk(results)) {
      assertThat(left.map(Path::toString))
          .noneMatch(file -> file.endsWith(AtomicFiles.PARTIAL_SUFFIX))
          .noneMatch(file -> file.endsWith(".safetensors") && file.contains("/activations/"));
    }
    assertThat(results.resolve("manifests").resolve(stage)).doesNotExist();
  }

  @Test
  void aHeapThatIsTooSmallIsSaidWithAdvice() throws Exception {
    Path data = Files.createDirectories(folder.resolve("data"));
    StringBuilder rows = new StringBuilder("prompt,category\n");
    for (int i = 0; i < 40_000; i++) {
      rows.append('"').append(i).append(' ').append("words to fill a small heap ".repeat(40)).append("\",violence\n");
    }
    Files.writeString(data.resolve("or-bench-80k.csv"), rows);
    Files.writeString(data.resolve("or-bench-toxic.csv"), "prompt,category\nhow,violence\n");
    Files.writeString(data.resolve("or-bench-hard-1k.csv"), "prompt,category\n");

    Ended ended =
        end(process(
                Cli.process(
                    List.of("-Xmx24m"),
                    List.of("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results.toString())))
            .start());

    assertThat(ended.code()).as(String.join("\n", ended.err())).isEqualTo(69);
    assertThat(ended.err().get(0)).isEqualTo("refusal: error: out of memory: Java heap space");
    assertThat(ended.err().get(1)).contains("REFUSAL_JAVA_OPTS=-Xmx");
    assertThat(ended.err()).hasSize(2);
    assertThat(results.resolve("data_analysis")).doesNotExist();
  }
}
