package org.refusal;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.io.Json;

/** The benchmarks under scripts/bench compile against this build, and each runs (startup: in .ci/run). */
@Tag("slow")
class BenchmarksTest {
  @TempDir static Path folder;
  private record Ran(int code, String out, String err) {}

  @BeforeAll
  static void compile() throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "-proc:none", "-Xlint:all,-processing,-serial,-options,-try", "-Werror", "-cp",
                System.getProperty("java.class.path"), "-d", folder.toString()));
    try (Stream<Path> files = Files.walk(Path.of("../scripts/bench/java"))) {
      files.map(Path::toString).filter(name -> name.endsWith(".java")).forEach(arguments::add);
    }
    int code = ToolProvider.getSystemJavaCompiler().run(null, null, System.err, arguments.toArray(String[]::new));
    assertThat(code).as("javac").isZero();
  }

  /** In a process of its own: a native library belongs to one class loader. */
  private static Ran run(String... words) throws IOException, InterruptedException {
    Path err = folder.resolve("stderr.txt");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g", "-cp",
                folder + java.io.File.pathSeparator + System.getProperty("java.class.path"), "org.refusal.bench.Main"));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectError(err.toFile()).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ran(process.waitFor(), out, Files.readString(err));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "prefill --prompts 8 --batch 4 --repeats 1",
        "collect --prompts 6 --batch 3 --new-tokens 3 --hook-points 2 --baseline-prompts 2",
        "sae --d-in 24 --d-sae 48 --k 3 --batch 16 --steps 2",
        "discover --prompts 8 --batch 4 --hook-points 2 --ig-steps 2 --d-sae 32 --k 2 --baseline-prompts 1",
        "stats --permutations 20 --bootstrap 20 --categories 3 --prompts 6 --layers 2 --d-sae 64 --active 8",
        "evaluate --prompts 8 --interventions 2 --latents 2 --d-sae 32 --k 2 --baseline-prompts 1"
      })
  void runsAndWritesJson(String line) throws IOException, InterruptedException {
    Path file = folder.resolve("result.json");
    List<String> words = new ArrayList<>(List.of(line.split(" ")));
    words.addAll(List.of("--threads", "2", "--json", file.toString()));
    Ran ran = run(words.toArray(String[]::new));
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode rows = Json.read(file);
    assertThat(rows.isArray()).isTrue();
    assertThat(rows).isNotEmpty();
    for (JsonNode row : rows) {
      assertThat(row.fieldNames()).toIterable().containsExactly("metric", "ours", "baseline", "ratio", "unit");
      assertThat(row.path("ours").asDouble()).isPositive().isFinite();
      assertThat(row.path("baseline").asDouble()).isPositive().isFinite();
      double times = row.path("baseline").asDouble() / row.path("ours").asDouble();
      boolean rate = row.path("unit").asText().endsWith("/s") || row.path("unit").asText().equals("share");
      assertThat(row.path("ratio").asDouble()).isCloseTo(rate ? 1 / times : times, org.assertj.core.data.Offset.offset(1e-9 / times + 1e-6 * times));
      assertThat(ran.out()).contains(row.path("metric").asText());
    }
  }

  @Test
  void mistakesAreOneLine() throws IOException, InterruptedException {
    assertThat(run("colect")).isEqualTo(
        new Ran(
            2, "",
            "bench: error: no benchmark 'colect'; did you mean collect?\n"
                + "one of: startup, prefill, collect, sae, discover, stats, evaluate\n"));
    assertThat(run("sae", "--k", "0").err()).startsWith("bench: error: --k: 0 is less than 1\n");
    assertThat(run("sae", "--d-sae", "8", "--k", "9").code()).isEqualTo(2);
    assertThat(run("--help").out()).contains("startup", "evaluate");
    assertThat(run("collect", "--help").out()).contains("--model", "--prompts", "--batch", "--new-tokens");
  }
}
