package org.refusal.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What lies in configs/ binds, and its READMEs say what the records say. */
class ShippedConfigsTest {
  private static final Path CONFIGS = Path.of("..", "configs");
  private static final Map<String, Class<? extends Record>> TYPES =
      Map.of(
          "data", AnalyzeDataConfig.class, "models", CollectConfig.class, "sae", TrainSaesConfig.class, "circuits",
          DiscoverConfig.class);

  static Stream<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(CONFIGS)) {
      return files
          .filter(file -> file.toString().endsWith(".yaml"))
          .filter(file -> !file.getParent().endsWith("pipeline"))
          .sorted()
          .toList()
          .stream();
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void everyFileBinds(Path file) {
    Class<? extends Record> type = TYPES.get(file.getParent().getFileName().toString());

    assertThat(Binder.bind(type, Binder.file(file), Map.<String, String>of()::get)).isInstanceOf(type);
  }

  @Test
  void everyKindOfConfigIsThere() throws IOException {
    assertThat(files().map(file -> file.getParent().getFileName().toString()).distinct())
        .containsExactlyInAnyOrderElementsOf(TYPES.keySet());
  }

  /** {@code -Drefusal.rewrite=true} writes the pages anew. */
  @Test
  void theReadmesSayWhatTheRecordsSay() throws IOException {
    page("data", "Data configs", "For `refusal analyze-data`: which prompts, and what is reported of them.");
    page("models", "Model configs", "For `refusal collect`: which model runs on which prompts, and what is kept of it.");
    page("sae", "Autoencoder configs", "For `refusal train-saes`: one sparse autoencoder per hook point.");
    page("circuits", "Circuit configs",
        "For `refusal discover` and `refusal analyze`: attribution, selection and comparison of circuits.");
    check(
        CONFIGS.resolve("pipeline/README.md"),
        """
        # Pipeline configs

        For `refusal run`: one key per stage, holding a file (relative to this one) or the keys themselves, and what all
        stages share: `seed`, and `seeds`, a list, for several sets of autoencoders (default: one, trained with `seed`). What
        `collect` says under `model` (name, device, hook points) holds for the later stages
        unless they say otherwise. The keys of `analyze-data`, `collect`, `train-saes`, `discover` and
        `analyze` stand in the READMEs of [data](../data/README.md), [models](../models/README.md),
        [sae](../sae/README.md) and [circuits](../circuits/README.md); those of the last three stages here.

        """
            + KeyDocs.markdown("`evaluate`", "Causal evaluation on held-out prompts.", EvaluateConfig.class)
                .replaceFirst("# ", "## ")
            + "\n"
            + KeyDocs.markdown("`stats`", "Statistics over what was stored, and the verdict.", StatsConfig.class)
                .replaceFirst("# ", "## ")
            + "\n"
            + KeyDocs.markdown("`report`", "The report.", ReportConfig.class).replaceFirst("# ", "## "));
  }

  private static void page(String folder, String title, String introduction) throws IOException {
    check(CONFIGS.resolve(folder).resolve("README.md"), KeyDocs.markdown(title, introduction, TYPES.get(folder)));
  }

  private static void check(Path file, String expected) throws IOException {
    if (Boolean.getBoolean("refusal.rewrite")) {
      Files.writeString(file, expected);
    }
    assertThat(file).content().as("run the test with -Drefusal.rewrite=true").isEqualToNormalizingNewlines(expected);
  }
}
