package org.refusal.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;

/** Config files of the original Python project bind unchanged: every key that it documents, as its users wrote them. */
class OriginalConfigsTest {
  @TempDir Path folder;

  private <C extends Record> C bind(Class<C> type, String yaml) throws Exception {
    Binder.Draft draft = Binder.file(Files.writeString(folder.resolve("c.yaml"), yaml));
    return Binder.bind(type, draft, Map.<String, String>of()::get);
  }

  @Test
  void data() throws Exception {
    AnalyzeDataConfig config =
        bind(
            AnalyzeDataConfig.class,
            """
            dataset:
              path: "data/or-bench"
              categories: ["deception", "self-harm", "violence"]
              shuffle: false
            analysis:
              min_toxic_ratio_warning: 10.0  # percent
              generate_plots: true
              plots:
                figsize: [12, 8]
                dpi: 300
                style: "seaborn-v0_8"
            output:
              dir: "results/data_analysis"
              save_statistics: true
              save_plots: true
            """);
    assertThat(config.dataset().categories()).containsExactly("deception", "self-harm", "violence");
    assertThat(config.dataset().shuffle()).isFalse();
    assertThat(config.analysis().minToxicRatioWarning()).isEqualTo(.1);
    assertThat(config.analysis().plots().figsize()).containsExactly(12.0, 8.0);
    assertThat(config.analysis().plots().dpi()).isEqualTo(300);
    assertThat(config.output().dir()).isEqualTo("results/data_analysis");
  }

  @Test
  void balancedData() throws Exception {
    AnalyzeDataConfig config =
        bind(
            AnalyzeDataConfig.class,
            """
            dataset:
              path: "data/raw/or-bench"
              categories: []
              category_balance_strategy: "equalize"
              shuffle: true
            output:
              dir: "data/processed"
            """);
    assertThat(config.dataset().path()).isEqualTo("data/raw/or-bench");
    assertThat(config.dataset().categoryBalanceStrategy()).isEqualTo("equalize");
    assertThat(config.output().dir()).isEqualTo("data/processed");
  }

  @Test
  void aSmallToxicRatioIsAShareAndALargeOneAPercentage() throws Exception {
    for (String[] pair : new String[][] {{"0.1", "0.1"}, {"10.0", "0.1"}, {"1", "1"}, {"100", "1"}}) {
      AnalyzeDataConfig config =
          bind(AnalyzeDataConfig.class, "analysis: {min_toxic_ratio_warning: " + pair[0] + "}\n");
      assertThat(config.analysis().minToxicRatioWarning()).as(pair[0]).isEqualTo(Double.parseDouble(pair[1]));
    }
    assertThatThrownBy(() -> bind(AnalyzeDataConfig.class, "analysis: {min_toxic_ratio_warning: 101}\n"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("min_toxic_ratio_warning");
  }

  @Test
  void everyWayToNameLayers() {
    List<HookPoint> every =
        List.of(
            HookPoint.mlp(0), HookPoint.residuals(0), HookPoint.attention(1), HookPoint.mlp(1), HookPoint.residuals(1));
    assertThat(HookPoint.parseAll(List.of("all"), every))
        .containsExactly(HookPoint.residuals(0), HookPoint.residuals(1));
    assertThat(HookPoint.parseAll(List.of("residuals_0-1", "mlp_all", "attention_1"), every))
        .containsExactly(
            HookPoint.residuals(0), HookPoint.residuals(1), HookPoint.mlp(0), HookPoint.mlp(1), HookPoint.attention(1));
    assertThatThrownBy(() -> HookPoint.parseAll(List.of("all", "residuals_1"), every))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("residuals_1 is listed twice");
  }

  @Test
  void model() throws Exception {
    CollectConfig config =
        bind(
            CollectConfig.class,
            """
            model:
              name: "meta-llama/Llama-2-7b-chat-hf"
              device: "cuda"
              torch_dtype: "float16"
              trust_remote_code: false
              cache_dir: null
              activation_layers:
                - "residuals_21"
                - "residuals_22"
                - "mlp_23"
            inference:
              batch_size: 8
              max_new_tokens: 20
              save_activations: true
            data:
              path: "data/or-bench"
              categories: null
              category_balance_strategy: "use_all"
            output:
              result_dir: "results"
            """);
    assertThat(config.model().device()).isEqualTo("cuda");
    assertThat(config.model().torchDtype()).isEqualTo("float16");
    assertThat(config.model().cacheDir()).isNull();
    assertThat(config.model().activationLayers()).containsExactly("residuals_21", "residuals_22", "mlp_23");
    assertThat(config.inference().batchSize()).isEqualTo(8);
    assertThat(config.data().categories()).isEmpty();
    assertThat(config.output().resultDir()).isEqualTo("results");
  }

  @Test
  void autoencoders() throws Exception {
    TrainSaesConfig config =
        bind(
            TrainSaesConfig.class,
            """
            model:
              name: "meta-llama/Llama-2-7b-chat-hf"
              activation_layers: []
            data:
              categories: ["violence", "deception"]
            sae:
              hidden_dim: 8192
              sparsity_coeff: 0.0
              k_percent: 0.05
            training:
              epochs: 50
              batch_size: 512
              max_samples: 100000
              balance_safe_toxic: true
              use_category_weights: true
              learning_rate: 1e-3
            output:
              save_dir: "results/saes"
              save_history: true
            """);
    assertThat(config.sae().hiddenDim()).isEqualTo(8192);
    assertThat(config.sae().kPercent()).isEqualTo(.05);
    assertThat(config.data().categories()).containsExactly("violence", "deception");
    assertThat(config.model().activationLayers()).isEmpty();
    assertThat(config.training().maxSamples()).isEqualTo(100_000);
    assertThat(Double.parseDouble(config.training().learningRate())).isEqualTo(.001);
    assertThat(config.training().useCategoryWeights()).isTrue();
    assertThat(config.output().saveDir()).isEqualTo("results/saes");
  }

  @Test
  void circuits() throws Exception {
    DiscoverConfig config =
        bind(
            DiscoverConfig.class,
            """
            model: {name: "meta-llama/Llama-2-7b-chat-hf"}
            circuit:
              node_threshold: 0.1
              edge_threshold: 0.01
              top_n_per_layer: 50
              aggregation_method: "mean"
              attribution_method: "stats"
            discovery:
              separate_safe_toxic: true
              categories: []
            analysis:
              equalize_circuits: true
              compare_categories: true
              generate_visualizations: true
            output:
              circuits_dir: "results/circuits"
              visualizations_dir: "results/visualizations"
              reports_dir: "results/reports"
            """);
    assertThat(config.circuit().topNPerLayer()).isEqualTo(50);
    assertThat(config.circuit().attributionMethod()).isEqualTo("stats");
    assertThat(config.circuit().edges()).as("correlations, as attribution_method is stats").isEqualTo("auto");
    assertThat(config.analysis().equalizeCircuits()).isTrue();
    assertThat(config.output().reportsDir()).isEqualTo("results/reports");
  }

  @Test
  void anUnknownKeyIsStillAnError() {
    assertThatThrownBy(() -> bind(DiscoverConfig.class, "model: {name: m}\ncircuit: {node_treshold: 0.1}\n"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("did you mean node_threshold?");
  }
}
