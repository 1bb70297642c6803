package org.refusal.subject;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.Collected;
import org.refusal.collected.Gate;
import org.refusal.config.ModelSection;
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

/**
 * What a study is of: a model, its autoencoders and hook points, and what was collected with it: prompts with behaviour and
 * labels, R, the pool of partners. Every file is read once. A stage that runs the model loads it ({@link #load}), once; one that
 * does not has everything but the model, the metric, autoencoders and thresholds. Closed once, by whoever made it.
 */
public final class Subject implements AutoCloseable {
  private final ModelSection section;
  private final Collected collected;
  private final Map<String, List<ModelOutput>> everyOutput = new HashMap<>();
  private CollectReport report;
  private List<HookPoint> hookPoints;
  private Loaded loaded;
  private final List<AutoCloseable> means = new ArrayList<>();

  /** What runs. */
  private record Loaded(
      CausalLm lm, CheckpointFolder checkpoint, Map<HookPoint, SparseAutoencoder> saes, SinkThresholds thresholds,
      RefusalMetric metric) {}

  private Subject(ModelSection section, Collected collected) {
    this.section = section;
    this.collected = collected;
  }

  /** @param categories to study; empty means all that were collected */
  public static Subject of(Path resultDir, ModelSection model, List<String> categories) {
    return new Subject(model, Collected.open(new ResultLayout(resultDir), Models.name(model), categories));
  }

  /**
   * Loads the model and its autoencoders.
   *
   * @throws UserException bad data, where an autoencoder or the prompts' tokens are missing
   */
  public Subject load(int threads) {
    if (loaded != null) {
      throw new IllegalStateException(model() + " is loaded already");
    }
    collected.requireTokens();
    CheckpointFolder checkpoint = Models.checkpoint(section);
    List<HookPoint> points = hookPoints();
    RefusalMetric metric = new RefusalMetric(report().refusalTokenIds());
    CausalLm lm = Models.load(section, checkpoint, threads);
    try {
      Map<HookPoint, SparseAutoencoder> saes = new TreeMap<>();
      Map<HookPoint, Double> thresholds = new TreeMap<>();
      DataType type = Precision.working(lm.dataType());
      for (HookPoint point : points) {
        saes.put(point, SaeCheckpoint.load(sae(point), lm.manager(), type));
        thresholds.put(point, threshold(sae(point)));
      }
      loaded = new Loaded(lm, checkpoint, saes, new SinkThresholds(thresholds), metric);
      return this;
    } catch (RuntimeException e) {
      lm.close();
      throw e;
    }
  }

  private static double threshold(Path sae) {
    JsonNode threshold = Json.read(ResultLayout.saeMetrics(sae)).path("sinks").path("threshold");
    boolean none = threshold.asText().equals("Infinity"); // sae.variant: legacy leaves no token out
    if (!threshold.isNumber() && !none) {
      throw UserException.badData(ResultLayout.saeMetrics(sae) + ": sinks.threshold is missing");
    }
    return none ? Double.POSITIVE_INFINITY : threshold.asDouble();
  }

  private Path sae(HookPoint point) {
    return layout().sae(model(), point);
  }

  /** Configuration and weights of every autoencoder. */
  public List<Path> autoencoderFiles() {
    return hookPoints().stream()
        .map(this::sae)
        .flatMap(folder -> List.of(folder.resolve(SaeCheckpoint.CONFIG), folder.resolve(SaeCheckpoint.WEIGHTS)).stream())
        .toList();
  }

  /** The files that a stage reads which runs the model. */
  public List<Path> files() {
    List<Path> files = new ArrayList<>(collected.outputFiles());
    for (HookPoint point : hookPoints()) {
      Path folder = sae(point);
      files.addAll(
          List.of(
              folder.resolve(SaeCheckpoint.CONFIG), folder.resolve(SaeCheckpoint.WEIGHTS),
              ResultLayout.saeMetrics(folder)));
    }
    files.addAll(Models.checkpoint(section).files());
    return files;
  }

  public Collected collected() {
    return collected;
  }

  public ResultLayout layout() {
    return collected.layout();
  }

  /** Its name. */
  public String model() {
    return collected.model();
  }

  public List<String> categories() {
    return collected.categories();
  }

  public CollectReport report() {
    if (report == null) {
      report = collected.report();
    }
    return report;
  }

  /** The prompts of a category that the stages after collect use. */
  public List<ModelOutput> outputs(String category) {
    return everyOutput(category).stream().filter(ModelOutput::kept).toList();
  }

  /** The prompts of a category that were run, those that {@code data.keep} leaves out among them. */
  public List<ModelOutput> everyOutput(String category) {
    return everyOutput.computeIfAbsent(category, collected::everyOutput);
  }

  /** The same with all categories that were collected, whichever are studied: where partners come from. */
  public List<String> everyCategory() {
    return Collected.open(layout(), model(), List.of()).categories();
  }

  /** The answered safe discovery prompts of all categories that were collected. */
  public List<PromptTokens> answeredSafe() {
    List<PromptTokens> pool = new ArrayList<>();
    for (String category : everyCategory()) {
      outputs(category).stream()
          .filter(output -> output.split() == Split.Side.DISCOVERY && output.answeredSafe())
          .forEach(output -> pool.add(PromptTokens.of(category, output, false)));
    }
    return pool;
  }

  /** Why nothing can be attributed or evaluated, if so ({@link Gate}). */
  public Optional<String> nothingToDo(boolean force) {
    return Gate.closed(categories(), everyCategory(), this::outputs, report(), force);
  }

  /**
   * In forward order: those of the config, or all that have an autoencoder: those of the latest training and imported ones,
   * where any is known to be that; leftovers of an earlier training with other layers do not count.
   */
  public List<HookPoint> hookPoints() {
    if (hookPoints == null) {
      hookPoints = findHookPoints();
    }
    return hookPoints;
  }

  /** Every category at every hook point, fit for file names: {@code privacy_residuals_14}. */
  public List<String> units() {
    return categories().stream()
        .flatMap(category -> hookPoints().stream().map(at -> ResultLayout.categoryName(category) + "_" + at.name()))
        .toList();
  }

  private List<HookPoint> findHookPoints() {
    List<HookPoint> trained = new ArrayList<>();
    Path parent = sae(HookPoint.residuals(0)).getParent();
    java.io.File[] found = parent.toFile().listFiles(java.io.File::isDirectory);
    for (java.io.File each : found == null ? new java.io.File[0] : found) {
      trained.add(HookPoint.parse(each.getName()));
    }
    List<HookPoint> asked = HookPoint.parseAll(section.activationLayers(), trained);
    List<HookPoint> points = (asked.isEmpty() ? latest(trained) : asked).stream().sorted().toList();
    for (HookPoint point : points) {
      if (!Files.isRegularFile(sae(point).resolve(SaeCheckpoint.CONFIG))) {
        throw UserException.badData(sae(point) + ": no autoencoder for " + point, "run train-saes first");
      }
    }
    if (points.isEmpty()) {
      throw UserException.badData(parent + ": no autoencoder", "run train-saes first");
    }
    return points;
  }

  private List<HookPoint> latest(List<HookPoint> trained) {
    Lineage lineage = collected.lineage();
    Function<HookPoint, Path> config = at -> sae(at).resolve(SaeCheckpoint.CONFIG);
    if (trained.stream().map(config).noneMatch(lineage::knows)) {
      return trained;
    }
    return trained.stream()
        .filter(at -> lineage.knows(config.apply(at)) && !lineage.isLeftOver(config.apply(at)))
        .toList();
  }

  private Loaded loaded() {
    if (loaded == null) {
      throw new IllegalStateException(model() + " is not loaded");
    }
    return loaded;
  }

  public CausalLm lm() {
    return loaded().lm;
  }

  public Map<HookPoint, SparseAutoencoder> saes() {
    return loaded().saes;
  }

  /** Fills a batch up. */
  public int padId() {
    return loaded().checkpoint.config().padToken().orElse(0);
  }

  /** The model with what stands in for what is replaced. */
  public StudiedModel studied(Baseline baseline) {
    Loaded all = loaded();
    return new StudiedModel(all.lm, all.metric, padId(), all.saes, baseline, all.thresholds);
  }

  /** @param baseline paired, mean or zero */
  public StudiedModel studied(String baseline, Partners partners, int batchSize) {
    return studied(baseline(baseline, partners, batchSize));
  }

  private Baseline baseline(String name, Partners partners, int batchSize) {
    Loaded all = loaded();
    return switch (name) {
      case "paired" -> new PairedBaseline(all.lm, padId(), partners, all.saes, all.thresholds);
      case "mean" -> {
        Map<HookPoint, GroupMeans> groups =
            GroupMeans.over(all.lm, padId(), all.saes, partners.pool(), all.thresholds, batchSize);
        means.addAll(groups.values());
        yield new MeanBaseline(groups, all.saes);
      }
      default -> new ZeroBaseline(all.saes);
    };
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
    means.clear();
    if (loaded != null) {
      loaded.saes.values().forEach(SparseAutoencoder::close);
      loaded.lm.close();
      loaded = null;
    }
  }
}
