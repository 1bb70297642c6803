package org.refusal.subject;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.Collected;
import org.refusal.collected.MetricSeparation;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.ModelSection;
import org.refusal.data.Behaviour;
import org.refusal.data.EqualTexts;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.io.Json;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Models;
import org.refusal.model.RefusalMetric;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SparseAutoencoder;

/** A model with its autoencoders and what was collected with it: what discover and evaluate work with. */
public final class RunningModel implements AutoCloseable {
  private final CausalLm lm;
  private final CheckpointFolder checkpoint;
  private final Collected collected;
  private final Map<HookPoint, SparseAutoencoder> saes = new TreeMap<>();
  private final SinkThresholds thresholds;
  private final RefusalMetric metric;
  private final List<AutoCloseable> means = new ArrayList<>();

  private RunningModel(
      CausalLm lm, CheckpointFolder checkpoint, Collected collected, List<HookPoint> points, RefusalMetric metric) {
    this.lm = lm;
    this.checkpoint = checkpoint;
    this.collected = collected;
    this.metric = metric;
    Map<HookPoint, Double> thresholdByPoint = new TreeMap<>();
    DataType type = Precision.working(lm.dataType());
    for (HookPoint point : points) {
      Path folder = collected.layout().sae(collected.model(), point);
      saes.put(point, SaeCheckpoint.load(folder, lm.manager(), type));
      JsonNode threshold = Json.read(ResultLayout.saeMetrics(folder)).path("sinks").path("threshold");
      boolean none = threshold.asText().equals("Infinity"); // sae.variant: legacy leaves no token out
      if (!threshold.isNumber() && !none) {
        throw UserException.badData(ResultLayout.saeMetrics(folder) + ": sinks.threshold is missing");
      }
      thresholdByPoint.put(point, none ? Double.POSITIVE_INFINITY : threshold.asDouble());
    }
    this.thresholds = new SinkThresholds(thresholdByPoint);
  }

  public static RunningModel open(ModelSection model, Collected collected, int threads) {
    collected.requireTokens();
    CheckpointFolder checkpoint = Models.checkpoint(model);
    List<HookPoint> points = points(model, collected);
    int[] refusalTokens = collected.report().refusalTokenIds();
    CausalLm lm = Models.load(model, checkpoint, threads);
    try {
      return new RunningModel(lm, checkpoint, collected, points, new RefusalMetric(refusalTokens));
    } catch (RuntimeException e) {
      lm.close();
      throw e;
    }
  }

  /** The files that {@link #open} reads. */
  public static List<Path> files(ModelSection model, Collected collected) {
    List<Path> files = new ArrayList<>(collected.outputFiles());
    for (HookPoint point : points(model, collected)) {
      Path folder = collected.layout().sae(collected.model(), point);
      files.add(folder.resolve(SaeCheckpoint.CONFIG));
      files.add(folder.resolve(SaeCheckpoint.WEIGHTS));
      files.add(ResultLayout.saeMetrics(folder));
    }
    files.addAll(Models.checkpoint(model).files());
    return files;
  }

  /**
   * The hook points of the config, or all that have an autoencoder: those of the latest training and imported ones, where
   * any is known to be that; leftovers of an earlier training with other layers do not count.
   */
  public static List<HookPoint> points(ModelSection model, Collected collected) {
    List<HookPoint> trained = new ArrayList<>();
    Path parent = collected.layout().sae(collected.model(), HookPoint.residuals(0)).getParent();
    java.io.File[] found = parent.toFile().listFiles(java.io.File::isDirectory);
    for (java.io.File each : found == null ? new java.io.File[0] : found) {
      trained.add(HookPoint.parse(each.getName()));
    }
    List<HookPoint> asked = HookPoint.parseAll(model.activationLayers(), trained);
    List<HookPoint> points = (asked.isEmpty() ? latest(trained, collected) : asked).stream().sorted().toList();
    for (HookPoint point : points) {
      Path folder = collected.layout().sae(collected.model(), point);
      if (!Files.isRegularFile(folder.resolve(SaeCheckpoint.CONFIG))) {
        throw UserException.badData(folder + ": no autoencoder for " + point, "run train-saes first");
      }
    }
    if (points.isEmpty()) {
      throw UserException.badData(
          collected.layout().sae(collected.model(), HookPoint.residuals(0)).getParent() + ": no autoencoder",
          "run train-saes first");
    }
    return points;
  }

  private static List<HookPoint> latest(List<HookPoint> trained, Collected collected) {
    Lineage lineage = collected.lineage();
    Function<HookPoint, Path> config =
        at -> collected.layout().sae(collected.model(), at).resolve(SaeCheckpoint.CONFIG);
    if (trained.stream().map(config).noneMatch(lineage::knows)) {
      return trained;
    }
    return trained.stream()
        .filter(at -> lineage.knows(config.apply(at)) && !lineage.isLeftOver(config.apply(at)))
        .toList();
  }

  public CausalLm lm() {
    return lm;
  }

  public int padId() {
    return checkpoint.config().padToken().orElse(0);
  }

  public RefusalMetric metric() {
    return metric;
  }

  public Map<HookPoint, SparseAutoencoder> saes() {
    return saes;
  }

  public SinkThresholds thresholds() {
    return thresholds;
  }

  public List<HookPoint> hookPoints() {
    return List.copyOf(saes.keySet());
  }

  /** @param byBehaviour whether refused prompts count as harmful instead of those labelled toxic */
  public static PromptTokens tokens(String category, ModelOutput output, boolean byBehaviour) {
    boolean refused = output.behaviour().refused();
    return new PromptTokens(
        category,
        output.promptIndex(),
        byBehaviour ? refused : output.label().toxic(),
        refused,
        output.promptIds(),
        output.userFrom(),
        output.userTo(),
        EqualTexts.key(output.prompt()));
  }

  public static boolean isAnsweredSafe(ModelOutput output) {
    return !output.label().toxic() && output.behaviour() == Behaviour.COMPLIANCE;
  }

  /** The answered safe discovery prompts of all categories that were collected: where partners come from. */
  public static List<PromptTokens> answeredSafe(Collected collected) {
    Collected all = Collected.open(collected.layout(), collected.model(), List.of());
    List<PromptTokens> pool = new ArrayList<>();
    for (String category : all.categories()) {
      for (ModelOutput output : all.outputs(category)) {
        if (output.split() == Split.Side.DISCOVERY && isAnsweredSafe(output)) {
          pool.add(tokens(category, output, false));
        }
      }
    }
    return pool;
  }

  /** @param name paired, mean or zero */
  public Baseline baseline(String name, Partners partners, int batchSize) {
    return switch (name) {
      case "paired" -> new PairedBaseline(lm, padId(), partners, saes, thresholds);
      case "mean" -> {
        Map<HookPoint, GroupMeans> groups =
            GroupMeans.over(lm, padId(), saes, partners.pool(), thresholds, batchSize);
        means.addAll(groups.values());
        yield new MeanBaseline(groups, saes);
      }
      default -> new ZeroBaseline(saes);
    };
  }

  /** Of prompts of one text the first: twice the same prompt is one observation. */
  public static List<PromptTokens> distinct(List<PromptTokens> prompts) {
    Map<String, PromptTokens> byText = new LinkedHashMap<>();
    prompts.forEach(prompt -> byText.putIfAbsent(prompt.text(), prompt));
    return List.copyOf(byText.values());
  }

  /** The prompts of a category that effects are sought of: those that count as refused, then the others where they are asked for. */
  public static List<PromptTokens> discoveryPrompts(DiscoverConfig config, Collected collected, String category) {
    boolean byBehaviour = config.discovery().labelSource().equals("behaviour");
    List<PromptTokens> all =
        collected.outputs(category).stream()
            .filter(output -> output.split() == Split.Side.DISCOVERY)
            .map(output -> tokens(category, output, byBehaviour))
            .toList();
    int most = config.discovery().maxPromptsPerCategory();
    List<PromptTokens> chosen = new ArrayList<>();
    for (boolean harmful : config.discovery().safePrompts() ? new boolean[] {true, false} : new boolean[] {true}) {
      chosen.addAll(
          atMost(
              all.stream().filter(prompt -> prompt.harmful() == harmful).toList(),
              most, config.seed(), "discovery prompts"));
    }
    return chosen;
  }

  /** At most so many of the prompts (0: all), drawn by a hash of seed, names and text, in their order. */
  public static List<PromptTokens> atMost(List<PromptTokens> prompts, int most, long seed, String... names) {
    if (most <= 0 || prompts.size() <= most) {
      return prompts;
    }
    long draw = Seeds.derive(seed, names);
    return Seeds.lowest(prompts.size(), most, i -> Seeds.derive(draw, prompts.get(i).text()))
        .mapToObj(prompts::get)
        .toList();
  }

  /** Why nothing can be attributed or evaluated, if so: the later stages then say INCONCLUSIVE for this reason. */
  public static Optional<String> nothingToDo(Collected collected, boolean force) {
    CollectReport report = collected.report();
    if (report.refusalTokens().isEmpty()) {
      return Optional.of("the model refused none of the discovery prompts");
    }
    List<String> without =
        collected.categories().stream()
            .filter(category ->
                collected.outputs(category).stream()
                    .noneMatch(output -> output.split() == Split.Side.DISCOVERY && output.label().toxic()))
            .toList();
    if (!without.isEmpty()) {
      return Optional.of(
          "no toxic discovery prompt is left in %s (data.keep: behaviour_consistent keeps those that the model refused)"
              .formatted(String.join(", ", without)));
    }
    if (answeredSafe(collected).size() < 2) {
      return Optional.of("the model answered fewer than 2 safe discovery prompts, so that there are no partners");
    }
    CollectReport.Separation separation = report.separation();
    if (!separation.judged() && !force) {
      return Optional.of(
          "the metric m cannot be judged, since %s (discovery.force: true goes on all the same)"
              .formatted(separation.unknown()));
    }
    if (separation.auc() < MetricSeparation.LEAST_AUC && !force) {
      return Optional.of(
          "the metric m does not separate refused from answered held-out prompts (AUC %.3f, below .6; discovery.force: true goes on all the same)"
              .formatted(separation.auc()));
    }
    return Optional.empty();
  }

  @Override
  public void close() {
    means.forEach(each -> {
      try {
        each.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    });
    saes.values().forEach(SparseAutoencoder::close);
    lm.close();
  }
}
