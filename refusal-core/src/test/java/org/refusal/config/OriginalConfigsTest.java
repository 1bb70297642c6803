package org.refusal.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;

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
              min_toxic_ratio_warning: 0.1
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
            model: {name: "meta-llama/Llama-2-7b-chat-hf"}
            sae:
              hidden_dim: 8192
              sparsity_coeff: 0.0
              k_percent: 0.05
            training:
              epochs: 50
              batch_size: 512
              max_samples: null
              balance_safe_toxic: true
              use_category_weights: true
              learning_rate: 0.001
            output:
              save_dir: "results/saes"
              save_history: true
            """);
    assertThat(config.sae().hiddenDim()).isEqualTo(8192);
    assertThat(config.sae().kPercent()).isEqualTo(.05);
    assertThat(config.training().maxSamples()).isZero();
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
