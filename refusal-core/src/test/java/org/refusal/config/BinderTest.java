package org.refusal.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

class BinderTest {
  @TempDir Path folder;

  private Path yaml(String text) throws Exception {
    return Files.writeString(folder.resolve("c.yaml"), text);
  }

  private TrainSaesConfig bind(String text, Binder.Override... overrides) throws Exception {
    Binder.Draft draft = Binder.file(yaml(text));
    for (Binder.Override override : overrides) {
      draft = draft.with(override);
    }
    return Binder.bind(TrainSaesConfig.class, draft, Map.of("SCRATCH", "/scratch/me")::get);
  }

  @Test
  void readsValuesAndFillsInDefaults() throws Exception {
    TrainSaesConfig config =
        bind("model: {name: m, activation_layers: [residuals_2, mlp_3]}\nsae:\n  hidden_dim: 2_304\n  k: 32\n");

    assertThat(config.model().activationLayers()).containsExactly("residuals_2", "mlp_3");
    assertThat(config.sae().hiddenDim()).isEqualTo(2304);
    assertThat(config.sae().k()).isEqualTo(32);
    assertThat(config.sae().kPercent()).isEqualTo(.05);
    assertThat(config.training().learningRate()).isEqualTo("auto");
    assertThat(config.output().saveDir()).isNull();
    assertThat(config.seed()).isEqualTo(42);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model: {name: m}\\nsae:\\n  hiden_dim: 3 | c.yaml:3:3: unknown key 'sae.hiden_dim'; did you mean hidden_dim?",
        "model: {name: m}\\nsae: {k: many} | c.yaml:2:10: 'sae.k' must be a whole number, not 'many'",
        "model: {name: m}\\nsae: {k: 2.5} | c.yaml:2:10: 'sae.k' must be a whole number, not '2.5'",
        "model: {name: m}\\nsae: 3 | c.yaml:2:6: 'sae' must hold keys, not a single value",
        "model: {name: m}\\nsae: {variant: topkk} | c.yaml:2:16: 'topkk' is not a value of 'sae.variant'; did you mean topk?",
        "model: {name: m}\\nmodel: {name: n} | c.yaml:2:1: key 'model' stands here a second time; the first is at",
        "sae: {k: 3} | c.yaml:1:1: key 'model.name' is missing",
        "model: {name: m}\\noutput: {save_dir: $NOWHERE/x} | c.yaml:2:20: 'output.save_dir': the variable $NOWHERE is not set",
        "model: {name: m}\\n  sae: [ | c.yaml:2:3: not valid YAML",
        "[a, b] | c.yaml:1:1: a config file holds keys",
        "sae: {hidden_dmi: 8} | c.yaml:1:7: unknown key 'sae.hidden_dmi'; did you mean hidden_dim?",
        "sae: {hidden_dim: many} | c.yaml:1:19: 'sae.hidden_dim' must be a whole number, not 'many'",
        "model: {name: m}\\ntraining: {balance_safe_toxic: maybe} | must be true or false, not 'maybe'",
        "model: {name: m}\\nsae: {k_percent: .nan} | must be a number, not '.nan'",
        "model: {name: m}\\nsae: {hidden_dim: 8, k: 9} | c.yaml:2:25: sae.k: 9 is not a whole number from 1 to hidden_dim, 8",
        "model: {name: m}\\ntraining: {batch_size: 0} | c.yaml:2:24: training.batch_size: 0 is not a whole number of at least 2",
        "model: {name: m}\\ntraining: {learning_rate: fast} | c.yaml:2:27: training.learning_rate: fast is not auto or a number above 0",
        "model: {name: m}\\nsae: {k_percent: 1.5} | c.yaml:2:18: sae.k_percent: 1.5 is not a share above 0, up to 1",
      })
  void whatDoesNotFitIsOneLineWithItsPlace(String text, String message) {
    assertThatThrownBy(() -> bind(text.replace("\\n", "\n")))
        .isInstanceOfSatisfying(
            UserException.class,
            e -> {
              assertThat(e.getMessage()).contains(message).doesNotContain("\n");
              assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_CONFIG);
            });
  }

  @Test
  void overridesWinAndAreNamedWhenTheyAreWrong() throws Exception {
    String text = "model: {name: m}\nsae: {k: 3}\noutput: {save_dir: \"${SCRATCH}/saes\"}\n";
    TrainSaesConfig config =
        bind(text, new Binder.Override("sae.k", "64", false, "--set sae.k=64"),
            new Binder.Override("model.activation_layers", "[residuals_1, residuals_2]", false, "--set"));

    assertThat(config.sae().k()).isEqualTo(64);
    assertThat(config.output().saveDir()).isEqualTo("/scratch/me/saes");
    assertThat(config.model().activationLayers()).hasSize(2);
    assertThatThrownBy(() -> bind(text, new Binder.Override("sae.kk", "1", false, "--set sae.kk=1")))
        .hasMessage("--set sae.kk=1: unknown key 'sae.kk'; did you mean k?");
  }

  @Test
  void theEnvironmentSpeaksUpperCase() {
    assertThat(Binder.environment(TrainSaesConfig.class, Map.of("REFUSAL_SAE_HIDDEN_DIM", "77", "REFUSAL_X", "1")))
        .containsExactly(new Binder.Override("sae.hidden_dim", "77", false, "$REFUSAL_SAE_HIDDEN_DIM"));
  }

  @Test
  void neutralKeysAreNoPartOfWhatAKeyIsMadeFrom() throws Exception {
    TrainSaesConfig config = bind("model: {name: m, device: cuda}\n");

    assertThat(Binder.toMap(config, true).get("model").toString()).contains("device=cuda");
    assertThat(Binder.toMap(config, false).get("model").toString()).doesNotContain("device");
  }

  @Test
  void everyKeyOfEveryRecordHasItsDocumentation() {
    for (Class<? extends Record> type :
        List.of(AnalyzeDataConfig.class, CollectConfig.class, TrainSaesConfig.class, DiscoverConfig.class,
            EvaluateConfig.class, StatsConfig.class, ReportConfig.class)) {
      assertThat(Keys.of(type)).isNotEmpty().allSatisfy(key -> assertThat(key.doc()).endsWith("."));
    }
  }
}
