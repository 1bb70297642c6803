package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.attribution.AttributionCheck;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.Discovered;
import org.refusal.attribution.EffectRows;
import org.refusal.attribution.Readout;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.MetricSeparation;
import org.refusal.config.TransferForm;
import org.refusal.data.ModelOutput;
import org.refusal.data.PromptKey;
import org.refusal.data.TopicDistances;
import org.refusal.evaluation.RefusalGap;
import org.refusal.evaluation.TransferFile;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.SparseRows;
import org.refusal.stats.TransferDrops;
import org.refusal.stats.Vectors;
import org.refusal.subject.Subject;
import org.refusal.verdict.SharingEvidence;
import org.refusal.verdict.StatsMemory;

/** Reads what earlier stages wrote into the form in which the statistics take it. */
final class EvidenceGathering {
  /** Of inner products at each hook point: effects and latents. */
  private static final int MATRICES = 2;

  private final StageContext context;
  private final Subject subject;
  private final ResultLayout layout;
  private final TransferFile transfer;
  private final Map<String, List<ModelOutput>> outputs = new LinkedHashMap<>();
  private final Map<String, AttributionStore> stores = new LinkedHashMap<>();
  /** Rows of the refused toxic prompts in each category's attribution file. */
  private final Map<String, int[]> rows = new LinkedHashMap<>();

  EvidenceGathering(StageContext context, Subject subject) {
    this.context = context;
    this.subject = subject;
    this.layout = subject.layout();
    Path transferFile = layout.transfer(subject.model());
    this.transfer = Files.isRegularFile(transferFile) ? TransferFile.read(transferFile) : null;
  }

  SharingEvidence evidence() {
    List<String> categories = subject.categories();
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
        Map<HookPoint, Readout> readouts = Readout.read(layout.readout(subject.model()));
        for (HookPoint at : hookPoints) {
          points.add(at(at, readouts.get(at), categories));
        }
      }
      MetricSeparation metric = metrics();
      return new SharingEvidence(
          subject.model(),
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
    boolean attributed = new Discovered(subject).isAttributed();
    for (String category : categories) {
      outputs.put(category, subject.outputs(category));
      Path file = layout.attributions(subject.model(), category);
      if (attributed && Files.isRegularFile(file)) {
        AttributionStore store = AttributionStore.open(file, category);
        stores.put(category, store);
        rows.put(category, EffectRows.refusedToxic(store, outputs.get(category)));
      }
    }
  }

  private void gatherPrompts(
      int number, String category, List<Integer> promptCategory, List<Integer> promptTokens, List<String> texts) {
    AttributionStore store = stores.get(category);
    Map<PromptKey, ModelOutput> byKey = PromptKey.byKey(outputs.get(category), output -> output.key(store.category()));
    int[] tokens = store.tokens();
    for (int row : rows.get(category)) {
      promptCategory.add(number);
      promptTokens.add(tokens[row]);
      texts.add(byKey.get(store.prompts().get(row)).prompt());
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
    CollectReport.DefaultRefusal asked = subject.report().defaultRefusal();
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
        subject.categories().stream().flatMap(category -> subject.everyOutput(category).stream()).toList());
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  private static double[] doubles(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
