package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.Discovered;
import org.refusal.attribution.EffectRows;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.collected.Collected;
import org.refusal.compare.CircuitComparison;
import org.refusal.compare.ComparedSide;
import org.refusal.compare.RandomCircuits;
import org.refusal.compare.SimilarityFile;
import org.refusal.compare.SimilarityFile.Group;
import org.refusal.config.DiscoverConfig;
import org.refusal.data.ModelOutput;
import org.refusal.original.LegacyCircuits;
import org.refusal.report.Numbers;
import org.refusal.report.SimilarityFigures;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeWeights;
import org.refusal.stats.SparseRows;
import org.refusal.subject.Subject;

/**
 * How alike the categories' circuits are (docs/stages.md). Descriptive: overlap and decoder-space measures of circuits,
 * cosines of effect vectors, and the earlier project's similarity beside them. The verdict rests on none of it alone.
 */
public final class AnalyzeStage implements Stage<DiscoverConfig> {

  private static final int CHANCE_DRAWS = 100;

  @Override
  public String name() {
    return "analyze";
  }

  @Override
  public String summary() {
    return "How alike are the circuits? Similarity of categories, clustering, heatmaps.";
  }

  @Override
  public int version() {
    return 3;
  }

  @Override
  public Class<DiscoverConfig> configType() {
    return DiscoverConfig.class;
  }

  @Override
  public Path resultDir(DiscoverConfig config) {
    return Path.of(config.output().resultDir());
  }

  private Subject subject(DiscoverConfig config) {
    return Subject.of(resultDir(config), config.model(), config.discovery().categories());
  }

  /** Circuits of a side and the prompts that they came from. */
  private enum Side {
    TOXIC("toxic", "_toxic"),
    SAFE("safe", "_safe"),
    BOTH("both", "");

    private final String title;
    private final String suffix;

    Side(String title, String suffix) {
      this.title = title;
      this.suffix = suffix;
    }

    /** Rows of the prompts that the side's similarity of effects is about: where toxic ones count, those that were refused. */
    int[] prompts(AttributionStore store, List<ModelOutput> outputs) {
      return this == SAFE ? EffectRows.harmless(store, outputs) : EffectRows.refusedToxic(store, outputs);
    }
  }

  private static Path circuit(DiscoverConfig config, Subject subject, String category, Side side) {
    return subject.layout().circuitsFolder(config.output().circuitsDir())
        .resolve(ResultLayout.circuitFile(subject.model(), category, side.suffix));
  }

  /** Circuits that an earlier run of discover has left over beside the latest one's do not count. */
  private static List<Path> circuits(DiscoverConfig config, Subject subject) {
    Lineage lineage = subject.collected().lineage();
    List<Path> files = new ArrayList<>();
    for (String category : subject.categories()) {
      for (Side side : Side.values()) {
        Path file = circuit(config, subject, category, side);
        if (Collected.isCurrent(config.output().circuitsDir(), lineage, file)) {
          files.add(file);
        }
      }
    }
    return files;
  }

  @Override
  public List<Path> inputs(DiscoverConfig config) {
    Subject subject = subject(config);
    List<Path> inputs = new ArrayList<>();
    inputs.add(new Discovered(subject).check());
    if (nothingToDo(config, subject).isPresent()) {
      return inputs;
    }
    inputs.addAll(circuits(config, subject));
    new Discovered(subject).attributions().forEach((category, file) -> {
      inputs.add(file);
      inputs.add(subject.layout().outputs(subject.model(), category));
    });
    if (circuitsOnly(subject)) {
      return inputs;
    }
    inputs.addAll(subject.autoencoderFiles());
    return inputs;
  }

  /** Whether circuits were imported without the autoencoders that their latents are of. */
  private static boolean circuitsOnly(Subject subject) {
    Path saes = subject.layout().sae(subject.model(), HookPoint.residuals(0)).getParent();
    return !Files.isDirectory(saes) && new Discovered(subject).attributions().isEmpty();
  }

  private static List<Path> leftOver(DiscoverConfig config, Subject subject, Set<Path> known) {
    return subject.categories().stream()
        .flatMap(category -> Arrays.stream(Side.values()).map(side -> circuit(config, subject, category, side)))
        .filter(file -> Files.isRegularFile(file) && !known.contains(file))
        .toList();
  }

  private static List<HookPoint> points(DiscoverConfig config, Subject subject) {
    if (!circuitsOnly(subject)) {
      return subject.hookPoints();
    }
    TreeSet<HookPoint> named = new TreeSet<>();
    circuits(config, subject).forEach(
        file -> CircuitJson.read(file).circuit().nodes().forEach(node -> named.add(node.node().at())));
    List<HookPoint> asked = HookPoint.parseAll(config.model().activationLayers(), List.copyOf(named));
    return (asked.isEmpty() ? named : new TreeSet<>(asked)).stream().toList();
  }

  /** Files of an earlier run may still lie about; the check tells whether discover found anything this time. */
  private static Optional<String> nothingToDo(DiscoverConfig config, Subject subject) {
    if (!config.analysis().compareCategories()) {
      return Optional.of("analysis.compare_categories is false");
    }
    Discovered discovered = new Discovered(subject);
    Path check = discovered.check();
    if (!Files.isRegularFile(check)) {
      throw UserException.badData(check + ": no such file", "run discover first");
    }
    Optional<String> undiscovered =
        LegacyCircuits.wanted(config)
                || subject.collected().imported() // its circuits are the original's, whatever the model refused
                || !Files.isRegularFile(subject.layout().collectReport(subject.model()))
            ? Optional.empty()
            : discovered.nothing(config.discovery().force());
    if (undiscovered.isPresent()) {
      return undiscovered;
    }
    return circuits(config, subject).isEmpty() ? Optional.of("discover wrote no circuits") : Optional.empty();
  }

  @Override
  public StageResult run(DiscoverConfig config, StageContext context) {
    Subject subject = subject(config); // nothing of it is loaded
    ResultLayout layout = subject.layout();
    Path file = layout.similarity(subject.model());
    if (config.output().reportsDir() != null) {
      file = Path.of(config.output().reportsDir()).resolve(file.getFileName());
    }
    Optional<String> nothing = nothingToDo(config, subject);
    if (nothing.isPresent()) {
      SimilarityFile.nothing(subject.model(), nothing.get()).write(file);
      return new StageResult(List.of(file), List.of("nothing to compare: " + nothing.get()));
    }
    List<HookPoint> points = points(config, subject);
    if (circuitsOnly(subject)) {
      context.progress().note(
          "warning: %s: no autoencoders: similarity in decoder space and by chance is left out"
              .formatted(layout.sae(subject.model(), HookPoint.residuals(0)).getParent()));
    }
    Attributions attributions = Attributions.read(subject, points);
    Set<Path> known = Set.copyOf(circuits(config, subject));
    leftOver(config, subject, known).forEach(
        old ->
            context.progress().note(
                "warning: %s: left out, as an earlier run of discover has left it over".formatted(old)));
    Map<Side, ComparedSide> sides = new LinkedHashMap<>();
    for (Side side : Side.values()) {
      Map<String, Circuit> circuits = new LinkedHashMap<>();
      for (String category : subject.categories()) {
        Path circuit = circuit(config, subject, category, side);
        if (known.contains(circuit)) {
          circuits.put(category, CircuitJson.read(circuit).circuit());
        }
      }
      if (!circuits.isEmpty()) {
        sides.put(side, new ComparedSide(side.title, circuits, attributions.of(side, circuits.keySet())));
      }
    }
    SimilarityFile similarity = compare(config, subject, points, sides, attributions.kind(), context.threads());
    similarity.write(file);
    List<Path> outputs = new ArrayList<>(List.of(file));
    if (config.analysis().generateVisualizations()) {
      Path folder =
          config.output().visualizationsDir() == null
              ? layout.visualizations(subject.model())
              : Path.of(config.output().visualizationsDir());
      outputs.addAll(SimilarityFigures.write(similarity, folder));
    }
    return new StageResult(outputs, summary(similarity));
  }

  private static SimilarityFile compare(
      DiscoverConfig config,
      Subject subject,
      List<HookPoint> points,
      Map<Side, ComparedSide> sides,
      String effectVectors,
      int threads) {
    CircuitComparison comparison =
        new CircuitComparison(
            points,
            circuitsOnly(subject) ? Optional.empty() : Optional.of(dictionaries(config, subject, points, sides)),
            List.copyOf(sides.values()),
            config.analysis().equalizeCircuits(),
            threads);
    Map<String, Group> groups = new LinkedHashMap<>();
    ComparedSide toxic = sides.get(Side.TOXIC);
    ComparedSide safe = sides.get(Side.SAFE);
    if (toxic != null) {
      groups.put("toxic_toxic", comparison.within(toxic));
    }
    if (safe != null) {
      groups.put("safe_safe", comparison.within(safe));
    }
    if (toxic != null && safe != null) {
      groups.put("safe_toxic", comparison.across(safe, toxic));
    }
    if (sides.containsKey(Side.BOTH)) {
      groups.put("both", comparison.within(sides.get(Side.BOTH)));
    }
    return new SimilarityFile(
        SimilarityFile.FORMAT,
        SimilarityFile.VERSION,
        subject.model(),
        null,
        effectVectors,
        comparison.equalizedTo(),
        points.stream().map(HookPoint::name).toList(),
        CircuitComparison.definitions(),
        groups);
  }

  /** Only the rows that the circuits need: one autoencoder is in memory at a time. */
  private static CircuitComparison.Dictionaries dictionaries(
      DiscoverConfig config, Subject subject, List<HookPoint> points, Map<Side, ComparedSide> sides) {
    Map<HookPoint, Integer> latents = new TreeMap<>();
    Map<HookPoint, Map<Integer, float[]>> decoders = new TreeMap<>();
    for (HookPoint at : points) {
      Path folder = subject.layout().sae(subject.model(), at);
      SaeWeights weights = SaeCheckpoint.read(folder).weights();
      latents.put(at, weights.dSae());
      Map<Integer, float[]> rows = new TreeMap<>();
      for (ComparedSide side : sides.values()) {
        for (Map.Entry<String, Circuit> entry : side.circuits().entrySet()) {
          for (ScoredNode scored : entry.getValue().nodes()) {
            if (scored.node() instanceof LatentNode latent && latent.at().equals(at)) {
              rows.computeIfAbsent(latent.latent(), row -> decoderRow(weights, row, folder, entry.getKey()));
            }
          }
        }
      }
      decoders.put(at, rows);
    }
    return new CircuitComparison.Dictionaries(decoders, new RandomCircuits(latents, CHANCE_DRAWS, config.seed()));
  }

  private static float[] decoderRow(SaeWeights weights, int latent, Path folder, String category) {
    if (latent >= weights.dSae()) {
      throw UserException.badData(
          "%s: has %d latents, but the circuit of %s names latent %d"
              .formatted(folder, weights.dSae(), category, latent),
          "run discover again with these autoencoders");
    }
    return Arrays.copyOfRange(weights.wDec(), latent * weights.dIn(), (latent + 1) * weights.dIn());
  }

  private static List<String> summary(SimilarityFile similarity) {
    List<String> lines = new ArrayList<>();
    similarity.groups().forEach((name, group) -> {
      List<String> parts = new ArrayList<>();
      for (String measure :
          List.of(
              CircuitComparison.DISATTENUATED,
              CircuitComparison.WEIGHTED_JACCARD,
              CircuitComparison.DECODER,
              CircuitComparison.LEGACY)) {
        if (group.means().containsKey(measure)) {
          String chance =
              group.chance().containsKey(measure)
                  ? " (by chance %s)".formatted(Numbers.of(group.chance().get(measure).mean()))
                  : "";
          parts.add(
              "%s %s%s"
                  .formatted(
                      measure.replace('_', ' '),
                      Numbers.of(group.means().get(measure).get(SimilarityFile.POOLED).between()),
                      chance));
        }
      }
      lines.add(
          "%-12s %d categories, mean over pairs: %s"
              .formatted(name.replace('_', '-'), group.rows().size(), String.join(", ", parts)));
    });
    return lines;
  }

  /** Per-prompt effect vectors of the categories that have any, by side, hook point and category. */
  private record Attributions(Map<Side, Map<HookPoint, Map<String, SparseRows>>> bySide, String kind) {

    static Attributions read(Subject subject, List<HookPoint> points) {
      Map<Side, Map<HookPoint, Map<String, SparseRows>>> bySide = new EnumMap<>(Side.class);
      String kind = null;
      for (Map.Entry<String, Path> file : new Discovered(subject).attributions().entrySet()) {
        List<ModelOutput> outputs = subject.outputs(file.getKey());
        try (AttributionStore store = AttributionStore.open(file.getValue(), file.getKey())) {
          for (HookPoint at : points) {
            if (EffectRows.known(store, at)) {
              kind = EffectRows.kind(store);
              for (Side side : Side.values()) {
                bySide.computeIfAbsent(side, key -> new LinkedHashMap<>())
                    .computeIfAbsent(at, key -> new LinkedHashMap<>())
                    .put(file.getKey(), EffectRows.rows(store, at, side.prompts(store, outputs)));
              }
            }
          }
        }
      }
      return new Attributions(bySide, kind);
    }

    /** Empty unless all the categories have vectors at all hook points that have any. */
    Map<HookPoint, Map<String, SparseRows>> of(Side side, Set<String> categories) {
      Map<HookPoint, Map<String, SparseRows>> here = bySide.getOrDefault(side, Map.of());
      return here.values().stream().allMatch(byCategory -> byCategory.keySet().containsAll(categories)) ? here : Map.of();
    }
  }
}
