package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.refusal.attribution.AttributionCheck;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.EffectRows;
import org.refusal.attribution.Readout;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.Collected;
import org.refusal.collected.MetricSeparation;
import org.refusal.config.StatsConfig;
import org.refusal.config.TransferForm;
import org.refusal.data.ModelOutput;
import org.refusal.data.TopicDistances;
import org.refusal.evaluation.RefusalGap;
import org.refusal.evaluation.TransferFile;
import org.refusal.model.Models;
import org.refusal.original.LegacyStats;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.SparseRows;
import org.refusal.stats.TransferDrops;
import org.refusal.stats.Vectors;
import org.refusal.verdict.SharingEvidence;
import org.refusal.verdict.SharingMeasures;
import org.refusal.verdict.StatsFile;
import org.refusal.verdict.StatsMemory;
import org.refusal.verdict.Verdict;

/** How sure all that is: the statistics over stored attributions and transfer, and the verdict. */
public final class StatsStage implements Stage<StatsConfig> {
  /** Of inner products at each hook point: effects and latents. */
  private static final int MATRICES = 2;

  @Override
  public String name() {
    return "stats";
  }

  @Override
  public String summary() {
    return "How sure is it? Similarity with intervals, tests, and the verdict with its reasons.";
  }

  @Override
  public int version() {
    return 3;
  }

  @Override
  public Class<StatsConfig> configType() {
    return StatsConfig.class;
  }

  @Override
  public Path resultDir(StatsConfig config) {
    return Path.of(config.output().resultDir());
  }

  private Collected collected(StatsConfig config) {
    return Collected.open(
        new ResultLayout(resultDir(config)), Models.name(config.model()), config.stats().categories());
  }

  @Override
  public List<Path> inputs(StatsConfig config) {
    Collected collected = collected(config);
    List<Path> inputs = new ArrayList<>(collected.outputFiles());
    ResultLayout layout = collected.layout();
    inputs.add(layout.attributionCheck(collected.model()));
    List<Path> optional = new ArrayList<>();
    if (isAttributed(collected)) {
      Lineage lineage = collected.lineage();
      collected.categories().forEach(category -> optional.add(collected.attributions(category, lineage)));
      optional.add(layout.readout(collected.model()));
    }
    optional.add(layout.transfer(collected.model()));
    if (config.stats().legacy()) {
      inputs.addAll(LegacyStats.inputs(collected));
    }
    otherSeeds(config).forEach(seed -> inputs.add(layout.saeSeed(seed).stats(collected.model())));
    optional.stream().filter(Files::isRegularFile).forEach(inputs::add);
    return inputs;
  }

  /** An empty check says that nothing was attributed: files of an earlier or an unfinished run do not count. */
  private static boolean isAttributed(Collected collected) {
    Path check = collected.layout().attributionCheck(collected.model());
    return Files.isRegularFile(check) && !AttributionCheck.read(check).isEmpty();
  }

  /** The first seed's results are those of this folder. */
  private static List<Long> otherSeeds(StatsConfig config) {
    List<Long> seeds = config.stats().saeSeeds();
    return seeds.subList(Math.min(1, seeds.size()), seeds.size());
  }

  @Override
  public StageResult run(StatsConfig config, StageContext context) {
    Collected collected = collected(config);
    SharingEvidence evidence = new Gathering(context, collected).evidence();
    SharingMeasures tests = SharingMeasures.run(evidence, config, context.threads());
    Verdict verdict = Verdict.decide(tests, config.verdict());
    Path file =
        config.output().dir() == null
            ? collected.layout().stats(collected.model())
            : Path.of(config.output().dir())
                .resolve(collected.layout().stats(collected.model()).getFileName());
    StatsFile written = StatsFile.of(evidence, tests, verdict, config);
    if (!otherSeeds(config).isEmpty()) {
      Map<Long, Verdict> bySeed = new LinkedHashMap<>();
      bySeed.put(config.stats().saeSeeds().get(0), verdict);
      otherSeeds(config).forEach(seed ->
          bySeed.put(seed, StatsFile.verdict(collected.layout().saeSeed(seed).stats(collected.model()))));
      written = written.withSeeds(bySeed);
      verdict = written.verdict();
    }
    List<String> summary = new ArrayList<>(verdict.text().lines().toList());
    if (config.stats().legacy()) {
      LegacyStats legacy = LegacyStats.measure(collected, config);
      written = written.withLegacy(legacy.json());
      summary.addAll(legacy.lines());
    }
    written.write(file);
    return new StageResult(List.of(file), summary);
  }

  /** Reads what earlier stages wrote into the form in which the statistics take it. */
  private static final class Gathering {
    private final StageContext context;
    private final Collected collected;
    private final ResultLayout layout;
    private final TransferFile transfer;
    private final Map<String, List<ModelOutput>> outputs = new LinkedHashMap<>();
    private final Map<String, AttributionStore> stores = new LinkedHashMap<>();
    /** Rows of the refused toxic prompts in each category's attribution file. */
    private final Map<String, int[]> rows = new LinkedHashMap<>();

    Gathering(StageContext context, Collected collected) {
      this.context = context;
      this.collected = collected;
      this.layout = collected.layout();
      Path transferFile = layout.transfer(collected.model());
      this.transfer = Files.isRegularFile(transferFile) ? TransferFile.read(transferFile) : null;
    }

    SharingEvidence evidence() {
      List<String> categories = collected.categories();
      if (transfer == null) {
        context.progress().note("warning: evaluate has not run: the verdict does without causal transfer");
      }
      try {
        open(categories);
        List<Integer> promptCategory = new ArrayList<>();
        List<Integer> promptTokens = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (String category : rows.keySet()) {
          gatherPrompts(categories.indexOf(category), category, promptCategory, promptTokens, texts);
        }
        List<SharingEvidence.AtHookPoint> points = new ArrayList<>();
        if (!rows.isEmpty()) {
          List<HookPoint> hookPoints = stores.values().iterator().next().hookPoints();
          StatsMemory.require(
              promptCategory.size(), rows.size(), hookPoints.size(), MATRICES, Runtime.getRuntime().maxMemory());
          Map<HookPoint, Readout> readouts = Readout.read(layout.readout(collected.model()));
          for (HookPoint at : hookPoints) {
            points.add(at(at, readouts.get(at), categories));
          }
        }
        MetricSeparation metric = metrics();
        return new SharingEvidence(
            collected.model(),
            categories,
            ints(promptCategory),
            ints(promptTokens),
            metric.refused(),
            metric.complied(),
            categories.stream().map(this::heldoutGap).toArray(double[][]::new),
            texts.isEmpty() ? null : TopicDistances.of(texts),
            points,
            layers(categories),
            byDefault(),
            stores.isEmpty() ? null : stores.values().iterator().next().partners());
      } finally {
        stores.values().forEach(AttributionStore::close);
      }
    }

    private void open(List<String> categories) {
      boolean attributed = isAttributed(collected);
      for (String category : categories) {
        outputs.put(category, collected.outputs(category));
        Path file = layout.attributions(collected.model(), category);
        if (attributed && Files.isRegularFile(file)) {
          AttributionStore store = AttributionStore.open(file);
          stores.put(category, store);
          rows.put(category, EffectRows.refusedToxic(store, outputs.get(category)));
        }
      }
    }

    private Map<Long, ModelOutput> byIndex(String category) {
      Map<Long, ModelOutput> byIndex = new TreeMap<>();
      outputs.get(category).forEach(output -> byIndex.put(output.promptIndex(), output));
      return byIndex;
    }

    private void gatherPrompts(
        int number, String category, List<Integer> promptCategory, List<Integer> promptTokens, List<String> texts) {
      AttributionStore store = stores.get(category);
      Map<Long, ModelOutput> byIndex = byIndex(category);
      int[] tokens = store.tokens();
      long[] indices = store.promptIndex();
      for (int row : rows.get(category)) {
        promptCategory.add(number);
        promptTokens.add(tokens[row]);
        texts.add(byIndex.get(indices[row]).prompt());
      }
    }

    private SharingEvidence.AtHookPoint at(HookPoint at, Readout readout, List<String> categories) {
      List<double[]> effects = new ArrayList<>();
      List<SparseRows> vectors = new ArrayList<>();
      List<Double> sums = new ArrayList<>();
      List<Double> sides = new ArrayList<>();
      List<Double> baselines = new ArrayList<>();
      List<Double> gaps = new ArrayList<>();
      boolean known = true;
      double[][] basis =
          readout.basis(transfer == null ? Readout.Kind.REPRODUCIBLE : Readout.Kind.of(transfer.effect()));
      for (Map.Entry<String, int[]> entry : rows.entrySet()) {
        AttributionStore store = stores.get(entry.getKey());
        for (double[] vector : store.effect(at, entry.getValue())) {
          effects.add(Vectors.project(basis, vector));
        }
        AttributionStore.SparseRows total = store.total(at).select(entry.getValue());
        known &= EffectRows.known(store, at);
        if (known) {
          vectors.add(EffectRows.rows(store, at, entry.getValue()));
        }
        AttributionStore.SparseRows side =
            store.hasPromptSide(at) ? store.promptSide(at).select(entry.getValue()) : null;
        double[] error = store.error(at);
        double[] metric = store.metric();
        double[] partner = store.partnerMetric();
        double[] baseline = store.baselineMetric(at);
        for (int i = 0; i < entry.getValue().length; i++) {
          int row = entry.getValue()[i];
          sums.add(sum(total, i) + error[row]);
          sides.add(side == null ? Double.NaN : sum(side, i));
          baselines.add(baseline[row] - metric[row]);
          gaps.add(metric[row] - partner[row]);
        }
      }
      TransferFile.AtPoint measured = transfer == null ? null : transfer.hookPoints().get(at.name());
      return new SharingEvidence.AtHookPoint(
          at,
          GramMatrix.ofDense(effects.toArray(double[][]::new), context.threads()),
          SharingEvidence.ReadoutSummary.of(readout.reproducible()),
          known ? GramMatrix.ofSparse(SparseRows.stacked(vectors), context.threads()) : null,
          new SharingEvidence.AttributionCheck(doubles(sums), doubles(sides), doubles(baselines), doubles(gaps)),
          decidedDrops(measured, categories),
          forms(measured, categories));
    }

    private static double sum(AttributionStore.SparseRows rows, int row) {
      double sum = 0;
      for (long at = rows.offsets()[row]; at < rows.offsets()[row + 1]; at++) {
        sum += rows.values()[(int) at];
      }
      return sum;
    }

    /** What of a category was held out and refused; empty when it was not evaluated. */
    private double[] heldoutGap(String category) {
      RefusalGap gap = transfer == null ? null : transfer.gaps().get(category);
      if (gap == null) {
        return new double[0];
      }
      return IntStream.range(0, gap.metric().length)
          .mapToDouble(i -> gap.metric()[i] - gap.partnerMetric()[i])
          .toArray();
    }

    private SharingEvidence.DefaultRefusal byDefault() {
      CollectReport.DefaultRefusal asked = collected.report().defaultRefusal();
      return asked == null
          ? null
          : new SharingEvidence.DefaultRefusal(asked.prompts(), asked.refused(), asked.low(), asked.high());
    }

    private List<SharingEvidence.AtLayer> layers(List<String> categories) {
      return transfer == null
          ? List.of()
          : transfer.decisionProfile().stream()
              .map(layer ->
                  new SharingEvidence.AtLayer(
                      HookPoint.parse(layer.hookPoint()), byCategory(layer.drops(), categories),
                      byCategory(layer.gap(), categories)))
              .toList();
    }

    /** Rows in the order of all categories; none for those that were not evaluated. */
    private double[][] byCategory(double[][] rows, List<String> categories) {
      return categories.stream()
          .map(category -> {
            int at = transfer.categories().indexOf(category);
            return at < 0 ? new double[0] : rows[at];
          })
          .toArray(double[][]::new);
    }

    private double[][] decidedDrops(TransferFile.AtPoint measured, List<String> categories) {
      return measured == null
          ? new double[categories.size()][0]
          : byCategory(measured.decision().drops(), categories);
    }

    private static TransferForm form(String key) {
      return TransferForm.named(key)
          .orElseThrow(() -> new IllegalArgumentException("'" + key + "' names no transfer form"));
    }

    private Map<TransferForm, TransferDrops> forms(TransferFile.AtPoint measured, List<String> categories) {
      Map<TransferForm, TransferDrops> forms = new EnumMap<>(TransferForm.class);
      if (measured != null) {
        measured.forms().forEach((key, matrix) -> forms.put(form(key), drops(matrix.raw(), categories)));
      }
      return forms;
    }

    /** Rows and columns in the order of all categories; those that were not evaluated have no numbers. */
    private TransferDrops drops(TransferDrops matrix, List<String> categories) {
      return new TransferDrops(
          square(matrix.drops(), categories),
          Arrays.stream(matrix.controls()).map(control -> row(control, categories)).toArray(double[][][]::new),
          Arrays.stream(matrix.resamples()).map(each -> square(each, categories)).toArray(double[][][][]::new));
    }

    private double[][][] square(double[][][] drops, List<String> categories) {
      return categories.stream()
          .map(category -> {
            int i = transfer.categories().indexOf(category);
            return row(i < 0 ? null : drops[i], categories);
          })
          .toArray(double[][][]::new);
    }

    private double[][] row(double[][] drops, List<String> categories) {
      return categories.stream()
          .map(category -> {
            int j = transfer.categories().indexOf(category);
            double[] none = new double[heldoutGap(category).length];
            Arrays.fill(none, Double.NaN);
            return drops == null || j < 0 ? none : drops[j];
          })
          .toArray(double[][]::new);
    }

    private MetricSeparation metrics() {
      return MetricSeparation.of(
          collected.categories().stream().flatMap(category -> collected.everyOutput(category).stream()).toList());
    }

    private static int[] ints(List<Integer> values) {
      return values.stream().mapToInt(Integer::intValue).toArray();
    }

    private static double[] doubles(List<Double> values) {
      return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
  }
}
