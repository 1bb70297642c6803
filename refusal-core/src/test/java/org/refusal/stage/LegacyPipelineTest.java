package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.StatsConfig;
import org.refusal.config.TrainSaesConfig;
import org.refusal.run.Pipeline;

/** The shipped pipelines of the original's workflow ask for its definitions in every stage. */
class LegacyPipelineTest {

  @ParameterizedTest
  @ValueSource(strings = {"legacy_llama2_7b", "legacy_mistral_7b", "legacy_planted"})
  void everyStageIsLegacy(String name) {
    List<Pipeline.Step<?>> steps =
        Stages.pipeline().plan(
            Path.of("..", "configs", "pipeline", name + ".yaml"), Map.of("--model", "some/model"), List.of(), Map.of());
    assertThat(steps).hasSize(Stages.all().size());
    for (Pipeline.Step<?> step : steps) {
      if (step.config() instanceof TrainSaesConfig config) {
        assertThat(config.sae().variant()).isEqualTo("legacy");
      } else if (step.config() instanceof DiscoverConfig config) {
        assertThat(config.circuit().attributionMethod()).isEqualTo("stats");
        assertThat(config.circuit().edges()).isEqualTo("legacy");
        assertThat(config.analysis().equalizeCircuits()).isTrue();
      } else if (step.config() instanceof EvaluateConfig config) {
        assertThat(config.evaluation().legacy()).isTrue();
      } else if (step.config() instanceof StatsConfig config) {
        assertThat(config.stats().legacy()).isTrue();
      }
    }
  }
}
