package org.refusal.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.config.Binder;
import org.refusal.config.StatsConfig;
import org.refusal.config.TrainSaesConfig;
import org.refusal.stage.Stages;

class SaeSeedsTest {
  @TempDir Path folder;

  private List<Pipeline.Step<?>> plan(String yaml, String... sets) throws IOException {
    Path file = folder.resolve("pipeline.yaml");
    Files.writeString(file, "collect: {model: {name: some/model, activation_layers: [residuals_1]}}\n" + yaml);
    return Stages.pipeline().plan(file, Map.of("--results-dir", "results"), List.of(sets), Map.of());
  }

  private static <C extends Record> C config(List<Pipeline.Step<?>> steps, String title, Class<C> type) {
    return type.cast(steps.stream().filter(step -> step.title().equals(title)).findFirst().orElseThrow().config());
  }

  @Test
  void everyFurtherSeedRepeatsWhatDependsOnAutoencoders() throws IOException {
    List<Pipeline.Step<?>> steps = plan("seed: 42\nseeds: [5, 6, 7]\ntrain-saes: {output: {save_dir: elsewhere}}\n");

    assertThat(steps).extracting(Pipeline.Step::title)
        .containsExactly(
            "analyze-data", "collect", "train-saes", "discover", "analyze", "evaluate",
            "train-saes (SAE seed 6)", "discover (SAE seed 6)", "evaluate (SAE seed 6)", "stats (SAE seed 6)",
            "train-saes (SAE seed 7)", "discover (SAE seed 7)", "evaluate (SAE seed 7)", "stats (SAE seed 7)",
            "stats", "report");
    assertThat(config(steps, "train-saes", TrainSaesConfig.class).seed()).isEqualTo(5);
    TrainSaesConfig second = config(steps, "train-saes (SAE seed 6)", TrainSaesConfig.class);
    assertThat(second.seed()).isEqualTo(6);
    assertThat(second.output().resultDir()).isEqualTo("results/sae_seeds/6");
    assertThat(second.output().saveDir()).as("one seed's autoencoders must not overwrite another's").isNull();
    StatsConfig last = config(steps, "stats", StatsConfig.class);
    assertThat(last.seed()).isEqualTo(42);
    assertThat(last.stats().saeSeeds()).containsExactly(5L, 6L, 7L);
    assertThat(config(steps, "stats (SAE seed 6)", StatsConfig.class).stats().saeSeeds()).isEmpty();
    assertThat(Binder.toMap(config(steps, "discover (SAE seed 6)", org.refusal.config.DiscoverConfig.class), true))
        .containsEntry("seed", 42L);
  }

  @Test
  void seedsCanBeSetFromOutside() throws IOException {
    assertThat(plan("seeds: [1]\n", "seeds=[8, 9]")).extracting(Pipeline.Step::title).contains("stats (SAE seed 9)");
    assertThat(plan("seeds: 3\n")).hasSize(8);
    assertThat(plan("")).hasSize(8);
    assertThatThrownBy(() -> plan("seeds: [4, 4]\n"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("pipeline.yaml:2:1: 'seeds' names a seed twice");
    assertThatThrownBy(() -> plan("seeds: [four]\n"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("'seeds' must be a whole number, not 'four'");
  }

  @Test
  void whatWasCollectedIsSharedAndKeptInStep() throws IOException {
    ResultLayout from = new ResultLayout(folder.resolve("results"));
    ResultLayout to = from.saeSeed(6);
    Path outputs = from.root().resolve("model_outputs");
    Files.createDirectories(outputs);
    Files.writeString(outputs.resolve("a.json"), "1");
    Files.writeString(outputs.resolve("b.json"), "2");
    Files.writeString(from.splits(), "split");

    SaeSeeds.share(from, to);
    SaeSeeds.share(from, to);

    assertThat(to.root().resolve("model_outputs/a.json")).hasContent("1");
    assertThat(to.splits()).hasContent("split");

    Files.delete(outputs.resolve("a.json"));
    Files.writeString(from.root().resolve("fresh"), "3");
    Files.move(from.root().resolve("fresh"), outputs.resolve("b.json"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    SaeSeeds.share(from, to);

    assertThat(to.root().resolve("model_outputs/a.json")).doesNotExist();
    assertThat(to.root().resolve("model_outputs/b.json")).hasContent("3");
  }
}
