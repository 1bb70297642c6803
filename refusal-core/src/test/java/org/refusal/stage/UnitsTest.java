package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.Progress;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.StatsConfig;
import org.refusal.config.TrainSaesConfig;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.run.StageContext;

class UnitsTest {
  @TempDir Path folder;

  private <C extends Record> C bind(Class<C> type, String... sets) {
    Binder.Draft draft = Binder.empty();
    for (String set : sets) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return Binder.bind(type, draft, name -> null);
  }

  private StageContext context(String work) {
    return new StageContext(Progress.none(), folder.resolve(work), 1);
  }

  @Test
  void aStageSaysWhichPartsOfItAreIndependent() {
    Path model = folder.resolve("planted");
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MODULAR, 5, 0, Category.OR_BENCH.subList(0, 2), 9, 9, 0.01, 0), model);
    String name = "model.name=" + model;
    String results = "output.result_dir=" + folder.resolve("results");
    CollectConfig collect =
        bind(
            CollectConfig.class, name, results, "data.path=" + model,
            "model.activation_layers=[residuals_1,residuals_2,residuals_3]", "data.heldout_fraction=0.4",
            "inference.max_new_tokens=4");
    assertThat(new CollectStage().units(collect)).containsExactly("deception", "harassment");

    new CollectStage().run(collect, context("collect"));
    TrainSaesConfig train =
        bind(
            TrainSaesConfig.class, name, results, "model.activation_layers=[residuals_2,residuals_3]", "sae.hidden_dim=24",
            "sae.k=4", "training.max_steps=20", "training.batch_size=32", "training.ce_prompts=0", "seed=7");
    assertThat(new TrainSaesStage().units(train)).containsExactly("residuals_2_seed_7", "residuals_3_seed_7");
    assertThat(new TrainSaesStage().units(bind(TrainSaesConfig.class, name, results)))
        .as("all that was collected").hasSize(3);

    new TrainSaesStage().run(train, context("train"));
    List<String> both =
        List.of(
            "deception_residuals_2", "deception_residuals_3", "harassment_residuals_2", "harassment_residuals_3");
    assertThat(new DiscoverStage().units(bind(DiscoverConfig.class, name, results))).isEqualTo(both);
    assertThat(new EvaluateStage().units(bind(EvaluateConfig.class, name, results))).isEqualTo(both);
    assertThat(
            new DiscoverStage()
                .units(
                    bind(
                        DiscoverConfig.class, name, results, "discovery.categories=[harassment]",
                        "model.activation_layers=[residuals_3]")))
        .containsExactly("harassment_residuals_3");
    assertThat(new StatsStage().units(bind(StatsConfig.class, name, results))).as("not divided").containsExactly("stats");
  }
}
