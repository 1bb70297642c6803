package org.refusal.original;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.StoredPrompt;
import org.refusal.attribution.Aggregation;
import org.refusal.attribution.AttributionCheck;
import org.refusal.attribution.LegacyDiscovery;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.Collected;
import org.refusal.collected.OriginalOutputs;
import org.refusal.config.DiscoverConfig;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.RunningModel;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchOps;
import org.refusal.torch.TorchRuntime;

/**
 * {@code circuit.attribution_method: stats}: circuits by correlation, from the stored activations, as the original
 * project made them. The model is not run, and no effect is estimated: there is nothing from which transfer or a verdict
 * could be had.
 */
public final class LegacyCircuits {
  /** What every output says that carries such circuits. */
  static final String SAID =
      "circuit.attribution_method: stats (the original project's correlations; no effects, hence no transfer and no verdict)";

  private static final int ROWS_AT_ONCE = 512;

  private final DiscoverConfig config;
  private final Collected collected;
  private final StageContext context;

  public LegacyCircuits(DiscoverConfig config, Collected collected, StageContext context) {
    this.config = config;
    this.collected = collected;
    this.context = context;
  }

  public static boolean wanted(DiscoverConfig config) {
    return config.circuit().attributionMethod().equals("stats");
  }

  /** What the circuits are made from. */
  public static List<Path> inputs(DiscoverConfig config, Collected collected) {
    List<Path> inputs = new ArrayList<>(collected.outputFiles());
    inputs.addAll(collected.activationFiles());
    for (HookPoint at : RunningModel.points(config.model(), collected)) {
      Path folder = collected.layout().sae(collected.model(), at);
      inputs.add(folder.resolve(SaeCheckpoint.CONFIG));
      inputs.add(folder.resolve(SaeCheckpoint.WEIGHTS));
    }
    return inputs;
  }

  public StageResult run() {
    if (config.circuit().edges().equals("causal")) {
      throw UserException.badConfig(
          "circuit.edges: causal needs effects, which circuit.attribution_method: stats does not estimate",
          "use auto, legacy or none");
    }
    if (config.discovery().labelSource().equals("behaviour") && collected.imported()) {
      for (String category : collected.categories()) {
        if (!OriginalOutputs.read(collected.layout(), collected.model(), category).named()) {
          throw UserException.badConfig(
              "discovery.label_source: behaviour: no answers of the model were kept for " + category, "use dataset");
        }
      }
    }
    TorchRuntime.start();
    TorchRuntime.setThreads(context.threads());
    List<Path> outputs = new ArrayList<>();
    List<String> summary = new ArrayList<>(List.of(SAID));
    List<HookPoint> points = RunningModel.points(config.model(), collected);
    forgetAttributions();
    try (ActivationStore store = collected.activations();
        NDManager manager = Devices.manager(Device.cpu()).newSubManager();
        var task = context.progress().task("correlate", collected.categories().size())) {
      points.forEach(store::require);
      for (String category : collected.categories()) {
        List<PromptTokens> prompts = RunningModel.discoveryPrompts(config, collected, category);
        SortedMap<HookPoint, LegacyDiscovery.Features> features = features(store, manager, points, category, prompts);
        for (Map.Entry<String, Predicate<PromptTokens>> group : groups(prompts).entrySet()) {
          Circuit circuit = circuit(features, prompts, group.getValue());
          long of = prompts.stream().filter(group.getValue()).count();
          Path file =
              collected.layout().circuitsFolder(config.output().circuitsDir())
                  .resolve(ResultLayout.circuitFile(collected.model(), category, group.getKey()));
          CircuitJson.write(file, circuit, metadata(category, of));
          outputs.add(file);
          summary.add(
              "%-30s %d nodes, %d edges from %d prompts"
                  .formatted(category + group.getKey(), circuit.nodes().size(), circuit.edges().size(), of));
        }
        task.advance(1);
      }
    }
    Path check = collected.layout().attributionCheck(collected.model());
    AttributionCheck.write(check, List.of());
    outputs.add(check);
    return new StageResult(outputs, summary);
  }

  /** An earlier run's attributions do not belong to these circuits; later stages would take them for theirs. */
  private void forgetAttributions() {
    ResultLayout layout = collected.layout();
    List<Path> stale = new ArrayList<>(List.of(layout.readout(collected.model())));
    collected.categories().forEach(category -> stale.add(layout.attributions(collected.model(), category)));
    for (Path file : stale) {
      try {
        if (Files.deleteIfExists(file)) {
          context.progress().note("removed " + file + ", which an earlier discover made by another method");
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private Map<String, Predicate<PromptTokens>> groups(List<PromptTokens> prompts) {
    Map<String, Predicate<PromptTokens>> groups = new LinkedHashMap<>();
    if (!config.discovery().separateSafeToxic()) {
      groups.put("", prompt -> true);
      return groups;
    }
    if (prompts.stream().anyMatch(PromptTokens::harmful)) {
      groups.put("_toxic", PromptTokens::harmful);
    }
    if (prompts.stream().anyMatch(prompt -> !prompt.harmful())) {
      groups.put("_safe", prompt -> !prompt.harmful());
    }
    return groups;
  }

  private Circuit circuit(
      SortedMap<HookPoint, LegacyDiscovery.Features> features, List<PromptTokens> prompts,
      Predicate<PromptTokens> belongs) {
    int[] rows = java.util.stream.IntStream.range(0, prompts.size()).filter(i -> belongs.test(prompts.get(i))).toArray();
    boolean[] harmful = new boolean[rows.length];
    for (int i = 0; i < rows.length; i++) {
      harmful[i] = prompts.get(rows[i]).harmful();
    }
    SortedMap<HookPoint, LegacyDiscovery.Features> ofGroup = new TreeMap<>();
    features.forEach((at, all) -> {
      float[][] values = new float[rows.length][];
      for (int i = 0; i < rows.length; i++) {
        values[i] = all.values()[rows[i]];
      }
      ofGroup.put(at, new LegacyDiscovery.Features(values));
    });
    DiscoverConfig.CircuitSection circuit = config.circuit();
    Circuit found =
        new LegacyDiscovery(circuit.nodeThreshold(), circuit.edgeThreshold(), circuit.topNPerLayer())
            .discover(ofGroup, harmful);
    return circuit.edges().equals("none") ? new Circuit(found.nodes(), List.of()) : found;
  }

  /** Every stored token of a prompt is encoded, then one value per latent is taken over them. */
  private SortedMap<HookPoint, LegacyDiscovery.Features> features(
      ActivationStore store, NDManager manager, List<HookPoint> points, String category, List<PromptTokens> prompts) {
    List<StoredPrompt> stored = new ArrayList<>();
    for (PromptTokens prompt : prompts) {
      stored.add(
          store.find(category, prompt.index())
              .filter(found -> found.tokens() > 0)
              .orElseThrow(() -> UserException.badData(
                  "prompt %s/%d has no stored activation".formatted(category, prompt.index()), "run collect again")));
    }
    Aggregation aggregation = Aggregation.of(config.circuit().aggregationMethod());
    SortedMap<HookPoint, LegacyDiscovery.Features> features = new TreeMap<>();
    for (HookPoint at : points) {
      float[][] values = new float[stored.size()][];
      Path folder = collected.layout().sae(collected.model(), at);
      try (NDManager scope = manager.newSubManager();
          SparseAutoencoder sae = SaeCheckpoint.load(folder, scope, DataType.FLOAT32)) {
        if (sae.dIn() != store.dModel()) {
          throw UserException.badData(
              "%s: takes %d values, a row of the activations has %d".formatted(folder, sae.dIn(), store.dModel()),
              "an autoencoder of several tokens at once cannot be used on one");
        }
        for (int from = 0; from < stored.size(); ) {
          int to = from;
          int rows = 0;
          while (to < stored.size() && (rows == 0 || rows + stored.get(to).tokens() <= ROWS_AT_ONCE)) {
            rows += stored.get(to++).tokens();
          }
          encode(store, scope, sae, at, stored.subList(from, to), aggregation, values, from);
          from = to;
        }
      }
      features.put(at, new LegacyDiscovery.Features(values));
    }
    return features;
  }

  private static void encode(
      ActivationStore store, NDManager manager, SparseAutoencoder sae, HookPoint at, List<StoredPrompt> prompts,
      Aggregation aggregation, float[][] values, int first) {
    int width = store.dModel();
    int tokens = prompts.stream().mapToInt(StoredPrompt::tokens).sum();
    float[] x = new float[tokens * width];
    int at0 = 0;
    for (StoredPrompt prompt : prompts) {
      float[] rows = store.rows(prompt, at);
      System.arraycopy(rows, 0, x, at0, rows.length);
      at0 += rows.length;
    }
    float[] latents;
    try (NDManager scope = manager.newSubManager()) {
      NDArray input = scope.create(x, new Shape(tokens, width)); // [tokens, d_model]
      NDArray dense = sae.encodeDense(input); // [tokens, d_sae]
      dense.attach(scope);
      latents = TorchOps.cast(dense, DataType.FLOAT32).toFloatArray();
    }
    int from = 0;
    for (int p = 0; p < prompts.size(); p++) {
      int size = prompts.get(p).tokens() * sae.dSae();
      values[first + p] =
          aggregation.apply(java.util.Arrays.copyOfRange(latents, from, from + size), sae.dSae());
      from += size;
    }
  }

  private ObjectNode metadata(String category, long prompts) {
    DiscoverConfig.CircuitSection circuit = config.circuit();
    ObjectNode metadata = Json.mapper().createObjectNode();
    metadata.put("model", collected.model());
    metadata.put("category", category);
    metadata.put("definition", "legacy");
    metadata.put("estimator", "stats");
    metadata.put("prompts", prompts);
    metadata.put("aggregation_method", circuit.aggregationMethod());
    metadata.put("node_threshold", circuit.nodeThreshold());
    metadata.put("top_n_per_layer", circuit.topNPerLayer());
    metadata.put("edges", circuit.edges().equals("none") ? "none" : "legacy");
    metadata.put("edge_threshold", circuit.edgeThreshold());
    return metadata;
  }
}
