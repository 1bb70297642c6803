package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;

/** On a machine where libtorch does not start (a build for GPUs on a node without a driver), as processes of their own. */
@Tag("slow")
class NoLibtorchTest {
  @TempDir Path folder;

  private record Ended(int code, String output) {}

  private Ended refusal(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx1g", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PYTORCH_LIBRARY_PATH", folder.resolve("nowhere").toString());
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }

  @Test
  void whatNeedsNoTensorsRunsAndTheRestSaysWhy() throws Exception {
    Path model = folder.resolve("planted");
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MODULAR, 3, 0, Category.OR_BENCH.subList(0, 2), 4, 4, 0.01, 0),
        model);
    String data = model.toString();
    String results = folder.resolve("results").toString();

    Ended version = refusal("--version");
    assertThat(version.code()).as(version.output()).isZero();
    assertThat(version.output()).contains("libtorch  none: $PYTORCH_LIBRARY_PATH").contains("device    none: ");

    Ended analysis = refusal("analyze-data", "--dataset-dir", data, "--results-dir", results, "-q");
    assertThat(analysis.code()).as(analysis.output()).isZero();

    Ended collect =
        refusal(
            "collect", "--model", data, "--dataset-dir", data, "--results-dir", results, "--set",
            "model.activation_layers=residuals_2", "-q");
    assertThat(collect.code()).as(collect.output()).isEqualTo(69);
    assertThat(collect.output())
        .startsWith("refusal: error: $PYTORCH_LIBRARY_PATH: there is no libtorch in ")
        .doesNotContain("\tat ");

    Ended doctor = refusal("doctor", "--results-dir", results);
    assertThat(doctor.code()).as(doctor.output()).isEqualTo(69);
    assertThat(doctor.output()).contains("BAD  device").contains("ok   disk");
  }
}
