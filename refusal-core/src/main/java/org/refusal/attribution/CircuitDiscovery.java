package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.Edge;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.Node;
import org.refusal.config.DiscoverConfig;
import org.refusal.io.Json;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.TokenBatch;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.subject.Captures;
import org.refusal.subject.Partners;
import org.refusal.subject.Precision;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.OutOfMemory;

/**
 * From the discovery prompts of a category to its circuits: effects of every prompt, written to disk as they come; their
 * means; the nodes that carry most; the edges between them. Per batch of prompts and hook point this costs the estimator's
 * passes (joint ig: N forward and N backward passes above it; separate: 2N; atp: one of each for all hook points), one more
 * joint path for the effect form unless the estimator's own serves, and one forward pass for the completeness; edges cost
 * one backward pass between two hook points per downstream node. Categories are independent of each other, so that a stage can
 * go on after the last one that was finished; only the read-out needs all of them.
 */
public final class CircuitDiscovery {
  /** So many batches are sorted by length together; bounds both padding and memory. */
  private static final int BATCHES_PER_WINDOW = 8;

  private final StudiedModel model;
  private final Partners partners;
  private final DiscoverySettings settings;

  /** @param partners for the refusal gap, whatever the baseline; null if there is no answered safe prompt */
  public CircuitDiscovery(StudiedModel model, Partners partners, DiscoverySettings settings) {
    this.model = model;
    this.partners = partners;
    this.settings = settings;
  }

  /**
   * Where a category's results go.
   *
   * @param attributions the attribution file
   * @param moments the category's gradient moments, for {@link #readouts}; a file of the work folder
   * @param scratch folder for spool files; empty again at the end
   */
  public record Files(Path attributions, Path moments, Path scratch) {}

  /**
   * @param circuits by file suffix: empty, {@code _safe} or {@code _toxic}
   * @param metadata of the circuit files, by the same suffix: how the circuit was found, and its attribution check
   * @param checks one per hook point, over the toxic prompts
   */
  public record CategoryResult(
      String category, Map<String, Circuit> circuits, Map<String, ObjectNode> metadata, List<AttributionCheck> checks) {}

  /**
   * Attributes the prompts of one category and builds its circuits. Writes both files, each whole or not at all.
   *
   * @param prompts discovery prompts of one category, toxic and safe
   * @param attributed told after every window how many prompts are done
   */
  public CategoryResult category(
      String modelName, String category, List<PromptTokens> prompts, Files files, LongConsumer attributed) {
    if (prompts.stream().noneMatch(PromptTokens::harmful)) {
      throw UserException.badData(
          "category %s has no toxic discovery prompt to find a circuit on".formatted(category),
          "leave it out of discovery.categories, or choose discovery.label_source: dataset");
    }
    Map<String, Predicate<PromptTokens>> groups = groups(prompts);
    Map<HookPoint, Integer> widths = new TreeMap<>();
    model.saes().forEach((at, sae) -> widths.put(at, sae.dSae()));
    Map<String, MeanEffects> means = new LinkedHashMap<>();
    groups.keySet().forEach(suffix -> means.put(suffix, new MeanEffects(widths)));
    Map<HookPoint, AttributionCheck.Collector> collectors = new TreeMap<>();
    widths.keySet().forEach(at -> collectors.put(at, new AttributionCheck.Collector()));
    int dModel = model.saes().values().iterator().next().dIn();
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("model", modelName);
    metadata.put("category", category);
    metadata.put("estimator", settings.estimator().name());
    metadata.put("baseline", model.baseline().name());
    if (partners != null) {
      metadata.put("partners", partners.source().text());
    }

    try (AttributionWriter writer =
            new AttributionWriter(
                files.attributions(), files.scratch(), widths, dModel, settings.estimator().splitsSides(), metadata);
        GradientMoments moments = new GradientMoments(model.lm().manager(), model.hookPoints(), dModel)) {
      long done = 0;
      for (List<Integer> window : windows(prompts)) {
        for (PromptAttribution attribution : attributeWindow(prompts, window, moments)) {
          writer.append(attribution);
          groups.forEach(
              (suffix, belongs) -> {
                if (belongs.test(attribution.prompt())) {
                  means.get(suffix).add(attribution);
                }
              });
          if (attribution.prompt().harmful()) {
            attribution.byPoint().forEach((at, point) -> collectors.get(at).add(attribution, point));
          }
        }
        done += window.size();
        attributed.accept(done);
      }
      moments.write(files.moments());
      writer.commit();
    }
    List<AttributionCheck> checks = new ArrayList<>();
    collectors.forEach(
        (at, collector) -> checks.add(collector.check(category, at, settings.estimator().name(), settings.seed())));
    Map<String, Circuit> circuits = new LinkedHashMap<>();
    Map<String, ObjectNode> provenance = new LinkedHashMap<>();
    groups.forEach(
        (suffix, belongs) -> {
          List<PromptTokens> ofGroup = prompts.stream().filter(belongs).toList();
          circuits.put(suffix, circuit(means.get(suffix), ofGroup));
          provenance.put(suffix, metadata(metadata, ofGroup.size(), checks));
        });
    return new CategoryResult(category, circuits, provenance, checks);
  }

  /**
   * The causal read-out of every hook point from the gradients of all categories' refused toxic prompts
   * (docs/evaluation.md).
   *
   * @param attributions files by category
   * @param momentFiles in the same order
   * @param circuit what the pooled read-out keeps, and how many prompts make a category count for the reproducible one;
   *     where less than two categories have as many, all count
   */
  public static Map<HookPoint, Readout> readouts(
      Map<String, Path> attributions, List<Path> momentFiles, DiscoverConfig.CircuitSection circuit, long seed) {
    Map<HookPoint, Readout> readouts = new LinkedHashMap<>();
    List<String> categories = List.copyOf(attributions.keySet());
    for (HookPoint at : GradientMoments.hookPoints(momentFiles.get(0))) {
      EffectVectors vectors = EffectVectors.read(attributions, at, (store, category) -> store.refusedHarmful());
      readouts.put(
          at,
          new Readout(
              categories,
              ReproducibleReadout.of(
                  vectors.gradients(), vectors.differences(), vectors.labels(circuit.readoutMinPrompts()), categories.size(),
                  Seeds.random(seed, "readout", at.name())),
              PooledReadout.of(
                  GradientMoments.scaled(momentFiles, at), circuit.readoutEnergy(), circuit.maxReadoutRank())));
    }
    return readouts;
  }

  private Map<String, Predicate<PromptTokens>> groups(List<PromptTokens> prompts) {
    Map<String, Predicate<PromptTokens>> groups = new LinkedHashMap<>();
    if (!settings.separate()) {
      groups.put("", prompt -> true);
      return groups;
    }
    groups.put("_toxic", PromptTokens::harmful);
    if (prompts.stream().anyMatch(prompt -> !prompt.harmful())) {
      groups.put("_safe", prompt -> !prompt.harmful());
    }
    return groups;
  }

  private List<List<Integer>> windows(List<PromptTokens> prompts) {
    List<Integer> all = IntStream.range(0, prompts.size()).boxed().toList();
    int size = settings.batchSize() * BATCHES_PER_WINDOW;
    List<List<Integer>> windows = new ArrayList<>();
    for (int from = 0; from < all.size(); from += size) {
      windows.add(all.subList(from, Math.min(all.size(), from + size)));
    }
    return windows;
  }

  /** Batches of about equal length; results in the order of the window. */
  private List<PromptAttribution> attributeWindow(
      List<PromptTokens> prompts, List<Integer> window, GradientMoments moments) {
    List<PromptTokens> sorted =
        window.stream().map(prompts::get).sorted(Comparator.comparingInt(PromptTokens::length)).toList();
    Map<PromptTokens, PromptAttribution> results = new LinkedHashMap<>();
    for (int from = 0; from < sorted.size(); from += settings.batchSize()) {
      List<PromptTokens> batch = sorted.subList(from, Math.min(sorted.size(), from + settings.batchSize()));
      OutOfMemory.halving(batch, part -> attribute(part, moments)).forEach(a -> results.put(a.prompt(), a));
    }
    return window.stream().map(i -> results.get(prompts.get(i))).toList();
  }

  private List<PromptAttribution> attribute(List<PromptTokens> prompts, GradientMoments moments) {
    int n = prompts.size();
    List<Map<HookPoint, PromptAttribution.AtPoint>> points = new ArrayList<>();
    prompts.forEach(prompt -> points.add(new TreeMap<>()));
    try (Memory.Scope scope = Memory.scope();
        AttributedBatch batch = new AttributedBatch(model, prompts)) {
      Map<HookPoint, NDArray> products = new TreeMap<>();
      for (HookPoint at : model.hookPoints()) {
        try (Memory.Scope inner = Memory.scope();
            HookedBatch hooked = batch.at(at)) {
          List<NodeEffects> effects = settings.estimator().estimate(hooked);
          double[] baselineMetric = hooked.baselineMetric();
          List<NDArray> gradients =
              hooked.averageGradients(StraightPath.JOINT, settings.steps(), settings.rule());
          NDArray product = null;
          for (int r = 0; r < n; r++) {
            HookedBatch.Row row = hooked.rows().get(r);
            points
                .get(r)
                .put(
                    at,
                    new PromptAttribution.AtPoint(
                        effects.get(r), EffectForm.of(gradients.get(r), row), baselineMetric[r], row.sinks()));
            if (prompts.get(r).harmful()) {
              NDArray rows = EffectForm.rows(gradients.get(r), row);
              NDArray ofRow = rows.transpose().matMul(rows); // [d_model, d_model]
              product = product == null ? ofRow : product.add(ofRow);
            }
          }
          if (product != null) {
            products.put(at, inner.keep(product));
          }
        }
      }
      double[] metric = batch.metric();
      double[] partnerMetric = partnerMetric(prompts);
      List<PromptAttribution> attributions = new ArrayList<>();
      for (int r = 0; r < n; r++) {
        attributions.add(new PromptAttribution(prompts.get(r), metric[r], partnerMetric[r], points.get(r)));
      }
      moments.add(products, prompts.stream().filter(PromptTokens::harmful).count());
      return attributions;
    }
  }

  private double[] partnerMetric(List<PromptTokens> prompts) {
    if (partners == null) {
      double[] none = new double[prompts.size()];
      java.util.Arrays.fill(none, Double.NaN);
      return none;
    }
    try (Memory.Scope scope = Memory.scope()) {
      TokenBatch tokens = Captures.batch(partners.of(prompts), model.padId());
      return AttributedBatch.doubles(
          model.metric().apply(model.lm().forward(tokens, Hooks.none(), LogitsAt.LAST)));
    }
  }

  private Circuit circuit(MeanEffects means, List<PromptTokens> prompts) {
    List<ScoredNode> nodes = settings.selection().select(means);
    return new Circuit(
        nodes,
        switch (settings.edges()) {
          case CAUSAL -> causalEdges(nodes, prompts);
          case LEGACY ->
              LegacyDiscovery.edges(
                  features(model, prompts, settings.aggregation(), settings.batchSize()),
                  nodes,
                  settings.edgeThreshold());
          case NONE -> List.of();
        });
  }

  private List<Edge> causalEdges(List<ScoredNode> nodes, List<PromptTokens> prompts) {
    List<EdgeEstimator> estimators = new ArrayList<>();
    List<HookPoint> points = model.hookPoints();
    for (int u = 0; u + 1 < points.size(); u++) {
      List<Node> sources = nodesAt(nodes, points.get(u));
      List<Node> targets = nodesAt(nodes, points.get(u + 1));
      if (!sources.isEmpty() && !targets.isEmpty()) {
        estimators.add(new EdgeEstimator(sources, targets));
      }
    }
    if (estimators.isEmpty()) {
      return List.of();
    }
    List<double[][]> means = meanWeights(estimators, prompts);
    List<Edge> all = new ArrayList<>();
    for (int e = 0; e < means.size(); e++) {
      EdgeEstimator estimator = estimators.get(e);
      for (int i = 0; i < estimator.sources().size(); i++) {
        for (int j = 0; j < estimator.targets().size(); j++) {
          all.add(new Edge(estimator.sources().get(i), estimator.targets().get(j), means.get(e)[i][j]));
        }
      }
    }
    double largest = all.stream().mapToDouble(edge -> Math.abs(edge.weight())).max().orElse(0);
    return all.stream()
        .filter(edge -> edge.weight() != 0 && Math.abs(edge.weight()) >= settings.edgeThreshold() * largest)
        .toList();
  }

  private List<double[][]> meanWeights(List<EdgeEstimator> estimators, List<PromptTokens> prompts) {
    List<double[][]> means = new ArrayList<>();
    estimators.forEach(e -> means.add(new double[e.sources().size()][e.targets().size()]));
    List<PromptTokens> sorted = prompts.stream().sorted(Comparator.comparingInt(PromptTokens::length)).toList();
    for (int from = 0; from < sorted.size(); from += settings.batchSize()) {
      List<PromptTokens> batch = sorted.subList(from, Math.min(sorted.size(), from + settings.batchSize()));
      for (List<double[][]> ofPrompt : OutOfMemory.halving(batch, part -> edgeWeights(estimators, part))) {
        for (int e = 0; e < means.size(); e++) {
          double[][] mean = means.get(e);
          for (int i = 0; i < mean.length; i++) {
            for (int j = 0; j < mean[i].length; j++) {
              mean[i][j] += ofPrompt.get(e)[i][j] / prompts.size();
            }
          }
        }
      }
    }
    return means;
  }

  /** @return for every prompt the weights {@code [sources][targets]} of every estimator */
  private List<List<double[][]>> edgeWeights(List<EdgeEstimator> estimators, List<PromptTokens> prompts) {
    List<List<double[][]>> perPrompt = new ArrayList<>();
    prompts.forEach(prompt -> perPrompt.add(new ArrayList<>()));
    try (Memory.Scope scope = Memory.scope();
        AttributedBatch batch = new AttributedBatch(model, prompts)) {
      for (EdgeEstimator estimator : estimators) {
        double[][][] weights = estimator.weights(batch);
        for (int r = 0; r < weights.length; r++) {
          perPrompt.get(r).add(weights[r]);
        }
      }
    }
    return perPrompt;
  }

  private static List<Node> nodesAt(List<ScoredNode> nodes, HookPoint at) {
    return nodes.stream().map(ScoredNode::node).filter(node -> node.at().equals(at)).toList();
  }

  /**
   * Latents aggregated over the positions of each prompt, for the legacy definitions.
   *
   * @return for every hook point {@code [prompts][d_sae]}
   */
  public static SortedMap<HookPoint, LegacyDiscovery.Features> features(
      StudiedModel model, List<PromptTokens> prompts, Aggregation aggregation, int batchSize) {
    SortedMap<HookPoint, LegacyDiscovery.Features> features = new TreeMap<>();
    model.hookPoints().forEach(at -> features.put(at, new LegacyDiscovery.Features(new float[prompts.size()][])));
    for (int from = 0; from < prompts.size(); from += batchSize) {
      List<PromptTokens> batch = prompts.subList(from, Math.min(prompts.size(), from + batchSize));
      try (Memory.Scope scope = Memory.scope();
          Captures captures =
              Captures.of(model.lm(), Captures.batch(batch, model.padId()), model.saes().keySet())) {
        for (int r = 0; r < batch.size(); r++) {
          for (Map.Entry<HookPoint, SparseAutoencoder> entry : model.saes().entrySet()) {
            NDArray latents =
                entry.getValue().encodeDense(Precision.toWorking(captures.row(entry.getKey(), r))); // [T, d_sae]
            NDArray single = org.refusal.torch.TorchOps.cast(latents, ai.djl.ndarray.types.DataType.FLOAT32);
            features.get(entry.getKey()).values()[from + r] =
                aggregation.apply(single.toFloatArray(), entry.getValue().dSae());
          }
        }
      }
    }
    return features;
  }

  private ObjectNode metadata(Map<String, String> common, int prompts, List<AttributionCheck> checks) {
    ObjectNode metadata = Json.mapper().createObjectNode();
    common.forEach(metadata::put);
    metadata.put("prompts", prompts);
    metadata.put("selection", settings.topN() ? "top_n" : "relative");
    metadata.put("node_threshold", settings.nodeThreshold());
    metadata.put("top_n_per_layer", settings.perPoint());
    metadata.put("errors", settings.errors().key());
    metadata.put("edges", settings.edges().name().toLowerCase(java.util.Locale.ROOT));
    metadata.put("edge_threshold", settings.edgeThreshold());
    if (settings.estimator() instanceof IntegratedGradients ig) {
      metadata.put("ig_steps", ig.steps());
      metadata.put("ig_rule", ig.rule().name().toLowerCase(java.util.Locale.ROOT));
      metadata.put("ig_path", ig.joint() ? "joint" : "separate");
    }
    ObjectNode completeness = metadata.putObject("completeness");
    ObjectNode intervals = metadata.putObject("completeness_interval"); // 95 %
    ObjectNode sinks = metadata.putObject("sinks");
    for (AttributionCheck check : checks) {
      if (Double.isFinite(check.completeness())) {
        completeness.put(check.at().name(), check.completeness());
      } else {
        completeness.put(check.at().name(), Double.toString(check.completeness()));
      }
      if (Double.isFinite(check.low()) && Double.isFinite(check.high())) {
        intervals.putArray(check.at().name()).add(check.low()).add(check.high());
      }
      sinks.put(check.at().name(), check.sinks());
    }
    return metadata;
  }
}
