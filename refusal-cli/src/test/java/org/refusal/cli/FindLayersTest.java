package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.io.Json;

class FindLayersTest {
  private static final List<Category> TWO = Category.OR_BENCH.subList(0, 2);

  @TempDir static Path shared;
  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void plant() {
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MONOLITHIC, 5, 0, TWO, 20, 20, 0.01, 0), shared.resolve("planted"));
    PlantedModel.write(new PlantedSpec(PlantedKind.NONE, 5, 0, TWO, 20, 20, 0.01, 0), shared.resolve("silent"));
  }

  private int collect(String model, String... more) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    String planted = shared.resolve(model).toString();
    String[] first = {
      "collect", "--model", planted, "--dataset-dir", planted, "--results-dir", folder.toString(), "--find-layers", "-q"
    };
    return Main.run(
        new PrintWriter(out, true), new PrintWriter(err, true), Map.of(),
        Stream.concat(Stream.of(first), Stream.of(more)).toArray(String[]::new));
  }

  @Test
  void theOptionToPasteIsTheOneThatCollectTakes() {
    assertThat(collect("planted")).as(err.toString()).isZero();

    String line = out.toString().lines().filter(each -> each.startsWith("to capture them: ")).findFirst().orElseThrow();
    String[] option = line.substring("to capture them: ".length()).split(" ");
    assertThat(option).hasSize(2).startsWith("--set");
    assertThat(out.toString()).contains("decided, with 95 % interval (16 refused prompts of 2 categories):");
    JsonNode file = Json.read(folder.resolve("decision").resolve("planted_layers.json"));
    assertThat(file.path("format").asText()).isEqualTo("refusal-layers");
    assertThat(file.path("definitions").path("decided").asText()).isEqualTo("mean over categories of mean drop over mean gap");
    assertThat(file.path("proposal").path("decision_layer").asText()).isEqualTo("residuals_2");

    assertThat(collect("planted", "--dry-run", option[0], option[1])).as(err.toString()).isZero();
    assertThat(out.toString()).contains("residuals_1", "residuals_2");
    assertThat(err.toString()).contains("and write " + folder.resolve("decision").resolve("planted_layers.json"));
  }

  @Test
  void tooFewRefusalsAreBadData() {
    assertThat(collect("silent")).isEqualTo(65);
    assertThat(err.toString()).startsWith("refusal: error: too few refusals to find layers: 0 of 24 toxic prompts were refused");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void explainHasNothingToSay() {
    assertThat(collect("planted", "--explain")).isEqualTo(2);
    assertThat(err.toString()).contains("--explain says nothing of --find-layers");
  }
}
