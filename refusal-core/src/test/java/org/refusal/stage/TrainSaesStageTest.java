package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.Digests;
import org.refusal.base.Progress;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.config.TrainSaesConfig;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;

class TrainSaesStageTest {
  private static final String MEASURING = "model with autoencoders";

  @TempDir Path folder;

  private static <C extends Record> C bind(Class<C> type, String... sets) {
    Binder.Draft draft = Binder.empty();
    for (String set : sets) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return Binder.bind(type, draft, name -> null);
  }

  private TrainSaesConfig config(Path model, Path results, String save) {
    return bind(
        TrainSaesConfig.class, "model.name=" + model, "output.result_dir=" + results, "output.save_dir=" + folder.resolve(save),
        "sae.hidden_dim=24", "sae.k=4", "training.max_steps=20", "training.batch_size=32", "training.learning_rate=1e-3",
        "training.ce_prompts=3", "training.hook_points_at_once=2");
  }

  private static Map<String, String> digests(Path folder) throws IOException {
    Map<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      files.filter(Files::isRegularFile)
          .forEach(file -> digests.put(folder.relativize(file).toString(), Digests.sha256(file)));
    }
    return digests;
  }

  /** Dies after so many hook points were measured in the model. */
  private static Progress dies(int after) {
    return new Progress() {
      @Override
      public Task task(String name, long steps) {
        Task shown = Progress.none().task(name, steps);
        int[] done = {0};
        return new Task() {
          @Override
          public void advance(long count) {
            if (name.equals(MEASURING)) {
              assertThat(steps).as("hook points are measured one by one").isEqualTo(3);
              done[0] += count;
              if (done[0] == after) {
                throw new IllegalStateException("killed");
              }
            }
          }

          @Override
          public void figure(String text) {
            shown.figure(text);
          }

          @Override
          public void close() {
            shown.close();
          }
        };
      }

      @Override
      public void note(String line) {}
    };
  }

  /** Weights are safe before the model runs with them; whatever kills it then, it ends in the same bytes. */
  @Test
  void autoencodersAreWrittenBeforeTheyAreMeasured() throws IOException {
    Path model = folder.resolve("planted");
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MODULAR, 5, 0, Category.OR_BENCH.subList(0, 2), 9, 9, 0.01, 0), model);
    Path results = folder.resolve("results");
    new CollectStage()
        .run(
            bind(
                CollectConfig.class, "model.name=" + model, "data.path=" + model, "output.result_dir=" + results,
                "model.activation_layers=[residuals_1,residuals_2,residuals_3]", "data.heldout_fraction=0.4",
                "inference.max_new_tokens=4"),
            new StageContext(Progress.none(), folder.resolve("collect-work"), 1));
    new TrainSaesStage()
        .run(config(model, results, "whole"), new StageContext(Progress.none(), folder.resolve("whole-work"), 1));
    assertThat(
            Json.read(ResultLayout.saeMetrics(folder.resolve("whole/planted/residuals_2"))).at("/in_model/kl").isNumber())
        .isTrue();

    Path killed = folder.resolve("killed/planted");
    for (int after = 1; after <= 2; after++) {
      int measured = after;
      assertThatThrownBy(
              () ->
                  new TrainSaesStage()
                      .run(
                          config(model, results, "killed"),
                          new StageContext(dies(measured), folder.resolve("killed-work"), 1)))
          .hasMessage("killed");
      for (String at : new String[] {"residuals_1", "residuals_2", "residuals_3"}) {
        assertThat(killed.resolve(at).resolve("sae_weights.safetensors")).exists();
        assertThat(killed.resolve(at).resolve("metrics.json")).doesNotExist();
      }
    }
    new TrainSaesStage()
        .run(config(model, results, "killed"), new StageContext(Progress.none(), folder.resolve("killed-work"), 1));
    assertThat(digests(killed)).isEqualTo(digests(folder.resolve("whole/planted"))).hasSizeGreaterThanOrEqualTo(9);
  }
}
