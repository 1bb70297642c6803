package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.activation.ActivationStore;
import org.refusal.attribution.AttributionStore;
import org.refusal.base.Digests;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.Collected;
import org.refusal.config.AnalyzeDataConfig;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.TrainSaesConfig;
import org.refusal.data.Balancer;
import org.refusal.data.Category;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.OrBench;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.evaluation.LayerDecision;
import org.refusal.evaluation.TransferFile;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;

/**
 * What each config key does, stage by stage, on a planted model of two categories (9 and 6 toxic prompts, some of them
 * harmless). A key that could be ignored without any of these tests failing has no business in a config.
 */
class KeyEffectsTest {
  private static final List<Category> TWO = Category.OR_BENCH.subList(0, 2);
  private static final String FIRST = TWO.get(0).name();
  private static final String SECOND = TWO.get(1).name();

  @TempDir static Path shared;
  private static Path model;
  /** Results of collect at residuals_2 and residuals_3, and legacy autoencoders, from which single tests branch off. */
  private static Path base;
  /** The same with held-out prompts and top-k autoencoders. */
  private static Path causal;
  @TempDir Path folder;

  @BeforeAll
  static void plantAndCollect() {
    model = shared.resolve("planted");
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MODULAR, 5, 0, TWO, 9, 14, 0.01, 0.3).withSizes(List.of(9, 6), List.of(14, 12)), model);
    base = shared.resolve("base");
    new CollectStage().run(collect(base), context(base));
    new TrainSaesStage().run(sae(base, "sae.variant=legacy"), context(base));
    causal = shared.resolve("causal");
    new CollectStage().run(collect(causal, "data.heldout_fraction=0.3"), context(causal));
    new TrainSaesStage().run(sae(causal), context(causal));
  }

  private static StageContext context(Path results) {
    return new StageContext(Progress.none(), results.resolve(".work"), 1);
  }

  private static <C extends Record> C bind(Class<C> type, List<String> defaults, String... sets) {
    Binder.Draft draft = Binder.empty();
    for (String set : Stream.concat(defaults.stream(), Stream.of(sets)).toList()) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return Binder.bind(type, draft, name -> null);
  }

  private static CollectConfig collect(Path results, String... sets) {
    return bind(
        CollectConfig.class,
        List.of(
            "model.name=" + model, "model.activation_layers=[residuals_2,residuals_3]", "data.path=" + model,
            "data.heldout_fraction=0", "inference.max_new_tokens=4", "output.result_dir=" + results),
        sets);
  }

  private static TrainSaesConfig sae(Path results, String... sets) {
    return bind(
        TrainSaesConfig.class,
        List.of(
            "model.name=" + model, "output.result_dir=" + results, "sae.hidden_dim=24", "sae.k=4", "training.epochs=2",
            "training.batch_size=32", "training.learning_rate=1e-3", "training.ce_prompts=0"),
        sets);
  }

  private static DiscoverConfig circuits(Path results, String... sets) {
    return bind(
        DiscoverConfig.class,
        List.of(
            "model.name=" + model, "output.result_dir=" + results, "circuit.attribution_method=stats",
            "circuit.top_n_per_layer=6", "circuit.edge_threshold=0.3"),
        sets);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
      }
    }
  }

  private static Set<String> names(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return Set.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).map(file -> file.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  // analyze-data

  private static AnalyzeDataConfig data(Path results, String... sets) {
    return bind(
        AnalyzeDataConfig.class, List.of("dataset.path=" + model, "output.result_dir=" + results), sets);
  }

  private Path analyzed(String name, String... sets) {
    Path results = folder.resolve(name);
    new AnalyzeDataStage().run(data(results, sets), context(results));
    return results.resolve("data_analysis");
  }

  @Test
  void analyzeData() throws IOException {
    Path plain = analyzed("plain", "analysis.plots.dpi=40");
    JsonNode statistics = Json.read(plain.resolve("data_statistics.json"));
    assertThat(statistics.path("by_category")).hasSize(2);
    assertThat(statistics.path("warnings").toString()).doesNotContain("less than the ratio");

    Path one = analyzed("one", "dataset.categories=[" + FIRST + "]", "analysis.generate_plots=false");
    assertThat(Json.read(one.resolve("data_statistics.json")).path("by_category").has(SECOND)).isFalse();
    assertThat(names(one)).as("analysis.generate_plots").containsExactly("data_statistics.json");
    Path warned = analyzed("warned", "analysis.min_toxic_ratio_warning=0.9", "output.save_plots=false");
    assertThat(Json.read(warned.resolve("data_statistics.json")).path("warnings").toString())
        .contains("less than the ratio of 0.9");
    assertThat(names(warned)).as("output.save_plots").containsExactly("data_statistics.json");
    assertThat(names(analyzed("silent", "output.save_statistics=false")))
        .as("output.save_statistics").doesNotContain("data_statistics.json").isNotEmpty();
    Path elsewhere = folder.resolve("elsewhere");
    analyzed("moved", "output.dir=" + elsewhere, "analysis.generate_plots=false");
    assertThat(names(elsewhere)).as("output.dir").containsExactly("data_statistics.json");

    String chart = "prompts_by_category.png";
    BufferedImage small = ImageIO.read(plain.resolve(chart).toFile());
    BufferedImage fine = ImageIO.read(analyzed("fine", "analysis.plots.dpi=80").resolve(chart).toFile());
    BufferedImage wide =
        ImageIO.read(
            analyzed("wide", "analysis.plots.dpi=40", "analysis.plots.figsize=[24, 16]").resolve(chart).toFile());
    BufferedImage dark =
        ImageIO.read(analyzed("dark", "analysis.plots.dpi=40", "analysis.plots.style=dark").resolve(chart).toFile());
    assertThat(fine.getWidth()).as("dpi").isEqualTo(2 * small.getWidth());
    assertThat(wide.getWidth()).as("figsize").isEqualTo(2 * small.getWidth());
    assertThat(wide.getHeight()).isEqualTo(2 * small.getHeight());
    assertThat(dark.getRGB(1, 1)).as("style").isNotEqualTo(small.getRGB(1, 1));
  }

  @Test
  void shuffleDrawsInsteadOfTakingTheFirst() {
    OrBench read = OrBench.load(model, List.of());
    List<Integer> first = safe(read, false);
    List<Integer> drawn = safe(read, true);
    assertThat(first).isSorted().hasSameSizeAs(drawn);
    assertThat(drawn).isNotEqualTo(first);
  }

  private static List<Integer> safe(OrBench data, boolean shuffle) {
    return Balancer.balance(
            data.prompts(), data.categories(),
            new Balancer.Options(Balancer.Strategy.USE_ALL, false, 0, shuffle, 42))
        .prompts().stream()
        .filter(prompt -> prompt.label() == Label.SAFE && prompt.category().name().equals(SECOND))
        .map(prompt -> Integer.parseInt(prompt.source().substring(prompt.source().lastIndexOf(':') + 1)))
        .toList();
  }

  // collect

  private Collected collected(String name, String... sets) {
    Path results = folder.resolve(name);
    new CollectStage().run(collect(results, sets), context(results));
    return Collected.open(new ResultLayout(results), "planted", List.of());
  }

  @Test
  void collectKeys() throws IOException {
    Collected plain = Collected.open(new ResultLayout(base), "planted", List.of());
    assertThat(plain.outputs(FIRST)).hasSize(18);
    Collected changed =
        collected(
            "changed", "model.torch_dtype=float64", "model.activation_layers=[residuals_all]",
            "inference.max_new_tokens=2", "inference.positions=last_prompt", "inference.chat_template=none",
            "data.category_balance_strategy=equalize");
    try (ActivationStore before = plain.activations(); ActivationStore after = changed.activations()) {
      assertThat(before.dtype()).isEqualTo(Safetensors.DType.F32);
      assertThat(after.dtype()).as("model.torch_dtype").isEqualTo(Safetensors.DType.F64);
      assertThat(before.hookPoints()).containsExactly(HookPoint.residuals(2), HookPoint.residuals(3));
      assertThat(after.hookPoints()).as("model.activation_layers").hasSizeGreaterThan(2);
      assertThat(after.find(FIRST, 0).orElseThrow().tokens()).as("inference.positions").isEqualTo(1);
    }
    assertThat(changed.outputs(FIRST)).as("data.category_balance_strategy").hasSize(12);
    assertThat(changed.outputs(FIRST)).allMatch(output -> output.generatedIds().length <= 2);
    assertThat(plain.outputs(FIRST)).anyMatch(output -> output.generatedIds().length > 2);
    assertThat(changed.report().template()).as("inference.chat_template").isNotEqualTo(plain.report().template());
    assertThat(changed.report().legacy()).containsExactly("inference.chat_template: none");
    assertThat(changed.outputs(FIRST).get(0).promptIds().length)
        .isLessThan(plain.outputs(FIRST).get(0).promptIds().length);

    Collected bare =
        collected("bare", "inference.save_activations=false", "data.categories=[" + SECOND + "]");
    assertThat(bare.categories()).as("data.categories").containsExactly(SECOND);
    assertThat(names(folder.resolve("bare").resolve("activations"))).as("inference.save_activations").isEmpty();
  }

  @Test
  void legacyDataKeepsTheFirstPromptsInTheOriginalsOrder() {
    List<ModelOutput> sound = Collected.open(new ResultLayout(base), "planted", List.of()).outputs(FIRST);
    Collected collected = collected("legacy", "data.variant=legacy", "inference.save_activations=false");
    List<ModelOutput> legacy = collected.outputs(FIRST);
    assertThat(sound.get(0).label()).isEqualTo(Label.TOXIC);
    assertThat(legacy.get(0).label()).as("data.variant").isEqualTo(Label.SAFE);
    assertThat(sources(legacy)).isNotEqualTo(sources(sound)).isSorted().hasSize(9);
    assertThat(collected.report().legacy()).containsExactly("data.variant: legacy");
    assertThatThrownBy(() -> collected("x", "data.variant=legacy", "data.include_hard=true"))
        .isInstanceOf(UserException.class).hasMessageContaining("include_hard: true is not possible with variant legacy");
  }

  private static List<Integer> sources(List<ModelOutput> outputs) {
    return outputs.stream()
        .filter(output -> output.label() == Label.SAFE)
        .map(output -> Integer.parseInt(output.source().substring(output.source().lastIndexOf(':') + 1)))
        .toList();
  }

  @Test
  void systemPromptAndBatchSize() {
    Collected plain = Collected.open(new ResultLayout(base), "planted", List.of());
    Collected system =
        collected("system", "inference.system_prompt=harmless", "inference.save_activations=false");
    assertThat(system.outputs(FIRST).get(0).promptIds().length)
        .as("inference.system_prompt").isGreaterThan(plain.outputs(FIRST).get(0).promptIds().length);
    assertThat(largestBatch("ones", "inference.batch_size=1")).isEqualTo(1);
    assertThat(largestBatch("fours", "inference.batch_size=4")).as("inference.batch_size").isEqualTo(4);
    assertThat(Collected.open(new ResultLayout(folder.resolve("ones")), "planted", List.of()).outputs(FIRST))
        .extracting(ModelOutput::completion)
        .isEqualTo(plain.outputs(FIRST).stream().map(ModelOutput::completion).toList());
  }

  /** Most prompts that collect counts off at once. */
  private long largestBatch(String name, String set) {
    long[] largest = {0};
    Progress watched =
        new Progress() {
          @Override
          public Task task(String task, long steps) {
            return new Task() {
              @Override
              public void advance(long count) {
                largest[0] = Math.max(largest[0], count);
              }

              @Override
              public void figure(String text) {}

              @Override
              public void close() {}
            };
          }

          @Override
          public void note(String line) {}
        };
    Path results = folder.resolve(name);
    new CollectStage().run(
        collect(results, set, "inference.save_activations=false"), new StageContext(watched, results.resolve(".work"), 1));
    return largest[0];
  }

  @Test
  void whereAndHowTheModelRunsIsObeyedOrRefused() {
    assertThatThrownBy(() -> collected("x", "model.trust_remote_code=true"))
        .isInstanceOf(UserException.class).hasMessageContaining("trust_remote_code: true is refused");
    assertThatThrownBy(() -> collected("x", "model.device=abacus"))
        .isInstanceOf(UserException.class).hasMessageContaining("abacus");
    Path cache = folder.resolve("cache");
    assertThatThrownBy(() -> collected("x", "model.name=some/model", "model.cache_dir=" + cache))
        .isInstanceOf(UserException.class).hasMessageContaining(cache.toString());
  }

  // train-saes

  private JsonNode trained(String name, String... sets) throws IOException {
    Path results = folder.resolve(name);
    copy(base.resolve("activations"), results.resolve("activations"));
    copy(base.resolve("model_outputs"), results.resolve("model_outputs"));
    Files.copy(base.resolve("splits.json"), results.resolve("splits.json"));
    Files.copy(base.resolve("category_weights.json"), results.resolve("category_weights.json"));
    String[] all = Stream.concat(Stream.of("model.activation_layers=[residuals_2]"), Stream.of(sets)).toArray(String[]::new);
    new TrainSaesStage().run(sae(results, all), context(results));
    Path metrics = results.resolve("saes/planted/residuals_2/metrics.json");
    return Files.isRegularFile(metrics) ? Json.read(metrics) : Json.mapper().createObjectNode();
  }

  private String weights(String name) {
    return Digests.sha256(folder.resolve(name).resolve("saes/planted/residuals_2/sae_weights.safetensors"));
  }

  private int config(String name, String key) {
    return Json.read(folder.resolve(name).resolve("saes/planted/residuals_2/cfg.json")).path(key).asInt();
  }

  @Test
  void trainSaesKeys() throws IOException {
    JsonNode plain = trained("plain");
    trained("sizes", "sae.hidden_dim=40", "sae.k=null", "sae.k_percent=0.1");
    assertThat(config("sizes", "d_sae")).as("sae.hidden_dim").isEqualTo(40);
    assertThat(config("sizes", "k")).as("sae.k_percent").isEqualTo(4);
    trained("k", "sae.k=7");
    assertThat(config("k", "k")).as("sae.k").isEqualTo(7);
    assertThat(trained("variant", "sae.variant=legacy").path("variant").asText()).isEqualTo("legacy");
    assertThat(trained("epochs", "training.epochs=4").path("steps").asInt())
        .as("training.epochs").isGreaterThan(plain.path("steps").asInt());
    assertThat(trained("batch", "training.batch_size=16").path("steps").asInt())
        .as("training.batch_size").isGreaterThan(plain.path("steps").asInt());
    assertThat(trained("few", "training.max_samples=40").path("training_tokens").asInt())
        .as("training.max_samples").isLessThanOrEqualTo(40).isLessThan(plain.path("training_tokens").asInt());
    for (String change :
        List.of(
            "sae.sparsity_coeff=5.0", "training.learning_rate=1e-2", "training.balance_safe_toxic=false",
            "training.use_category_weights=true")) {
      String name = change.substring(0, change.indexOf('='));
      trained(name, change);
      assertThat(weights(name)).as(change).isNotEqualTo(weights("plain"));
    }
    trained("one", "data.categories=[" + FIRST + "]");
    assertThat(weights("one")).as("data.categories").isNotEqualTo(weights("plain"));
    Path moved = folder.resolve("moved");
    trained("history", "output.save_history=false", "output.save_dir=" + moved);
    assertThat(names(folder.resolve("plain").resolve("saes"))).contains("training_history.json");
    assertThat(names(moved)).as("output.save_dir, output.save_history")
        .contains("cfg.json").doesNotContain("training_history.json");
  }

  // discover (by correlation) and analyze

  private Path discovered(String name, String... sets) throws IOException {
    Path results = folder.resolve(name);
    copy(base, results);
    new DiscoverStage().run(circuits(results, sets), context(results));
    return results.resolve("circuits");
  }

  private static Circuit circuit(Path circuits, String suffix) {
    return CircuitJson.read(circuits.resolve("planted_" + FIRST + suffix + "_circuit.json")).circuit();
  }

  @Test
  void discoverKeys() throws IOException {
    Path plain = discovered("plain");
    assertThat(names(plain)).contains("planted_" + FIRST + "_toxic_circuit.json", "planted_" + SECOND + "_safe_circuit.json");
    assertThat(circuit(plain, "_toxic").nodes()).as("top_n_per_layer").hasSize(12);
    assertThat(circuit(discovered("top", "circuit.top_n_per_layer=2"), "_toxic").nodes()).hasSize(4);
    Path both = discovered("both", "discovery.separate_safe_toxic=false", "circuit.node_threshold=0.1");
    assertThat(names(both)).as("separate_safe_toxic").contains("planted_" + FIRST + "_circuit.json")
        .doesNotContain("planted_" + FIRST + "_toxic_circuit.json");
    Path strict = discovered("strict", "discovery.separate_safe_toxic=false", "circuit.node_threshold=0.9");
    assertThat(circuit(strict, "").nodes().size()).as("node_threshold").isLessThan(circuit(both, "").nodes().size());
    assertThat(circuit(discovered("edges", "circuit.edge_threshold=0.9"), "_toxic").edges().size())
        .as("edge_threshold").isLessThan(circuit(plain, "_toxic").edges().size());
    assertThat(circuit(discovered("max", "circuit.aggregation_method=max"), "_toxic").nodes())
        .as("aggregation_method").isNotEqualTo(circuit(plain, "_toxic").nodes());
    assertThat(circuit(discovered("behaviour", "discovery.label_source=behaviour"), "_toxic").nodes())
        .as("label_source").isNotEqualTo(circuit(plain, "_toxic").nodes());
    assertThat(names(discovered("one", "discovery.categories=[" + SECOND + "]")))
        .as("categories").containsExactly("planted_" + SECOND + "_safe_circuit.json", "planted_" + SECOND + "_toxic_circuit.json");
    Path elsewhere = folder.resolve("elsewhere");
    discovered("moved", "output.circuits_dir=" + elsewhere);
    assertThat(names(elsewhere)).as("circuits_dir").hasSize(4);
  }

  private Circuit effects(String name, String... sets) throws IOException {
    Path results = folder.resolve(name);
    copy(causal, results);
    List<String> defaults =
        List.of(
            "model.name=" + model, "output.result_dir=" + results, "circuit.ig_steps=4", "circuit.edges=none",
            "circuit.node_threshold=0", "discovery.safe_prompts=false", "discovery.force=true");
    new DiscoverStage().run(bind(DiscoverConfig.class, defaults, sets), context(results));
    return circuit(results.resolve("circuits"), "_toxic");
  }

  private static List<Double> strengths(Circuit circuit) {
    return circuit.nodes().stream().map(Circuit.ScoredNode::effect).toList();
  }

  @Test
  void causalDiscoverKeys() throws IOException {
    Circuit plain = effects("plain");
    assertThat(plain.nodes()).isNotEmpty().anyMatch(node -> node.node() instanceof ErrorNode);
    assertThat(strengths(effects("again"))).isEqualTo(strengths(plain));
    for (String change :
        List.of(
            "circuit.attribution_method=atp", "circuit.attribution_method=exact", "circuit.baseline=mean",
            "circuit.baseline=zero", "circuit.ig_steps=1", "circuit.ig_rule=left", "circuit.ig_path=joint")) {
      assertThat(strengths(effects(change, change))).as(change).isNotEqualTo(strengths(plain));
    }
    for (String errors : List.of("keep", "ablate")) {
      assertThat(effects(errors, "circuit.errors=" + errors).nodes())
          .as("circuit.errors").isNotEmpty().noneMatch(node -> node.node() instanceof ErrorNode);
    }
    Circuit top = effects("top", "circuit.selection=top_n", "circuit.top_n_per_layer=3");
    assertThat(top.nodes()).as("circuit.selection").hasSize(6);
  }

  /** Too few safe prompts to match by themselves; when told to, evaluate follows. */
  @Test
  void partnersAreThoseOfTheConfigAndEvaluateTakesDiscoversOwn() throws IOException {
    Circuit auto = effects("auto");
    assertThat(partners("auto")).isEqualTo("pool");
    JsonNode why = Json.read(folder.resolve("auto/attributions/planted_check.json")).path("partners");
    assertThat(why.path("source").asText()).isEqualTo("pool");
    assertThat(why.path("reason").asText()).contains("answered safe discovery prompts, fewer than 20");
    assertThat(why.at("/topic_membership/" + FIRST + "/chance").doubleValue()).isEqualTo(.5);
    assertThat(Json.read(folder.resolve("auto/circuits/planted_" + FIRST + "_toxic_circuit.json"))
        .at("/metadata/partners").asText()).isEqualTo("pool");
    assertThat(strengths(effects("pool", "circuit.partners=pool"))).isEqualTo(strengths(auto));

    assertThat(strengths(effects("matched", "circuit.partners=matched"))).isNotEqualTo(strengths(auto));
    assertThat(partners("matched")).isEqualTo("matched");
    treatment("pool");
    treatment("matched");
    JsonNode pool = Json.read(folder.resolve("pool/evaluation/planted_transfer.json")).path("gaps");
    JsonNode matched = Json.read(folder.resolve("matched/evaluation/planted_transfer.json")).path("gaps");
    assertThat(matched.at("/" + FIRST + "/prompt_index")).isNotEmpty().isEqualTo(pool.at("/" + FIRST + "/prompt_index"));
    assertThat(matched).as("other partners of held-out prompts").isNotEqualTo(pool);
  }

  /** The first category by name becomes the last; the autoencoders stay, as their training is in the order of the files. */
  @Test
  void renamingACategoryChangesNoEffect() throws IOException {
    Circuit before = effects("before");
    Path data = Files.createDirectories(folder.resolve("renamed data"));
    for (String file : List.of("or-bench-80k.csv", "or-bench-hard-1k.csv", "or-bench-toxic.csv")) {
      Files.writeString(
          data.resolve(file), Files.readString(model.resolve(file)).replaceAll("(?m)," + FIRST + "$", ",zeal"));
    }
    Path results = folder.resolve("renamed");
    new CollectStage().run(
        collect(results, "data.heldout_fraction=0.3", "data.path=" + data), context(results));
    copy(causal.resolve("saes"), results.resolve("saes"));
    List<String> defaults =
        List.of(
            "model.name=" + model, "output.result_dir=" + results, "circuit.ig_steps=4", "circuit.edges=none",
            "circuit.node_threshold=0", "discovery.safe_prompts=false", "discovery.force=true");
    new DiscoverStage().run(bind(DiscoverConfig.class, defaults), context(results));
    Circuit after = CircuitJson.read(results.resolve("circuits/planted_zeal_toxic_circuit.json")).circuit();
    assertThat(after.nodes()).extracting(Circuit.ScoredNode::node)
        .isEqualTo(before.nodes().stream().map(Circuit.ScoredNode::node).toList());
    for (int i = 0; i < before.nodes().size(); i++) {
      assertThat(after.nodes().get(i).effect()).isCloseTo(before.nodes().get(i).effect(), within(1e-4));
    }
  }

  private String partners(String name) {
    try (AttributionStore store =
        AttributionStore.open(new ResultLayout(folder.resolve(name)).attributions("planted", FIRST))) {
      return store.partners();
    }
  }

  /** Faithfulness moves with the baseline; drops are from the partners' values, which they are said to be. */
  @Test
  void transferTakesPartnersWhateverTheBaselineOfTheCurves() throws IOException {
    effects("paired");
    copy(folder.resolve("paired"), folder.resolve("mean"));
    treatment("paired");
    treatment("mean", "evaluation.baseline=mean");
    String metrics = "evaluation/planted_" + FIRST + "_metrics.json";
    assertThat(Json.read(folder.resolve("mean").resolve(metrics)).path("curve"))
        .isNotEmpty().isNotEqualTo(Json.read(folder.resolve("paired").resolve(metrics)).path("curve"));
    String transfer = "evaluation/planted_transfer.json";
    assertThat(Json.read(folder.resolve("mean").resolve(transfer)))
        .isEqualTo(Json.read(folder.resolve("paired").resolve(transfer)));
  }

  /** Without a treatment of its own evaluate takes the one that the circuits were made for. */
  @Test
  void errorsOfTheCircuitAreThoseOfItsEvaluation() throws IOException {
    effects("keep", "circuit.errors=keep");
    assertThat(treatment("keep")).isEqualTo("keep");
    effects("told", "circuit.errors=keep");
    assertThat(treatment("told", "evaluation.errors=ablate")).isEqualTo("ablate");
  }

  @Test
  void decidedAtEveryLayer() throws IOException {
    effects("layers");
    treatment("layers", "evaluation.decision_prompts=1");
    Path results = folder.resolve("layers");
    TransferFile few = TransferFile.read(results.resolve("evaluation/planted_transfer.json"));
    assertThat(few.decisionProfile().stream().map(LayerDecision::hookPoint))
        .as("captured are residuals_2 and residuals_3")
        .containsExactly("residuals_0", "residuals_1", "residuals_2", "residuals_3", "residuals_4", "residuals_5");
    assertThat(few.decisionProfile()).allSatisfy(at -> {
      assertThat(at.drops().length).isEqualTo(few.categories().size());
      assertThat(at.drops()[0]).hasSize(1);
      assertThat(at.gap()[0]).hasSize(1);
    });
    Path work = results.resolve(".work/decision-profile.json");
    assertThat(work).isRegularFile();
    Json.write(work, few.decisionProfile().subList(0, 2));
    treatment("layers", "evaluation.decision_prompts=1");
    assertThat(TransferFile.read(results.resolve("evaluation/planted_transfer.json")).decisionProfile())
        .as("what an interrupted run has measured is not measured again").hasSize(2);
    Files.delete(work);
    treatment("layers", "evaluation.decision_prompts=0");
    assertThat(TransferFile.read(results.resolve("evaluation/planted_transfer.json")).decisionProfile()).isEmpty();
    assertThat(work).doesNotExist();
  }

  private String treatment(String name, String... sets) {
    Path results = folder.resolve(name);
    List<String> defaults =
        List.of(
            "model.name=" + model, "output.result_dir=" + results, "evaluation.curve_sizes=2",
            "evaluation.random_circuits=0", "evaluation.bootstrap=10", "transfer.controls=0",
            "transfer.direction_resamples=0");
    new EvaluateStage().run(bind(EvaluateConfig.class, defaults, sets), context(results));
    return Json.read(results.resolve("evaluation/planted_" + FIRST + "_metrics.json")).path("errors").asText();
  }

  @Test
  void analyzeKeys() throws IOException {
    Path results = discovered("results", "circuit.top_n_per_layer=6").getParent();
    Path similarity = results.resolve("similarity/planted_similarity.json");
    new AnalyzeStage().run(circuits(results, "analysis.equalize_circuits=true"), context(results));
    assertThat(Json.read(similarity).path("equalized_to").asInt()).as("equalize_circuits").isEqualTo(12);
    assertThat(names(results.resolve("visualizations"))).as("generate_visualizations")
        .anyMatch(name -> name.startsWith("similarity"));
    Path pictures = folder.resolve("pictures");
    Path reports = folder.resolve("reports");
    new AnalyzeStage().run(
        circuits(
            results, "analysis.equalize_circuits=false", "output.visualizations_dir=" + pictures,
            "output.reports_dir=" + reports),
        context(results));
    assertThat(names(pictures)).as("visualizations_dir").isNotEmpty();
    assertThat(Json.read(reports.resolve("planted_similarity.json")).path("equalized_to").asInt())
        .as("reports_dir").isEqualTo(-1);
    Path none = folder.resolve("none");
    new AnalyzeStage().run(
        circuits(results, "analysis.generate_visualizations=false", "output.visualizations_dir=" + none), context(results));
    assertThat(names(none)).isEmpty();
    new AnalyzeStage().run(circuits(results, "analysis.compare_categories=false"), context(results));
    assertThat(Json.read(similarity).path("nothing").asText()).contains("compare_categories is false");
  }
}
