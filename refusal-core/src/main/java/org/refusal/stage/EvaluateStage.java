package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.refusal.attribution.Aggregation;
import org.refusal.attribution.AttributionModel;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.CircuitDiscovery;
import org.refusal.attribution.LegacyDiscovery;
import org.refusal.attribution.Readout;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.baseline.Partners;
import org.refusal.baseline.PromptTokens;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.ModelSection;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.evaluation.Behaviour;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.CircuitInterventions;
import org.refusal.evaluation.DecisionProfile;
import org.refusal.evaluation.DiscoveryMeans;
import org.refusal.evaluation.DrivingLatents;
import org.refusal.evaluation.EvaluationModel;
import org.refusal.evaluation.FaithfulnessCurve;
import org.refusal.evaluation.Intervention;
import org.refusal.evaluation.PatchedRuns;
import org.refusal.evaluation.RefusalGap;
import org.refusal.evaluation.Replacement;
import org.refusal.evaluation.SideEffects;
import org.refusal.evaluation.TransferFile;
import org.refusal.evaluation.TransferForm;
import org.refusal.evaluation.TransferMatrix;
import org.refusal.evaluation.TransferPart;
import org.refusal.evaluation.TransferParts;
import org.refusal.io.Json;
import org.refusal.model.Generator;
import org.refusal.plot.BarChart;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.run.ResultLayout;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.text.RefusalDetector;
import org.refusal.text.Tokenizer;

/** Whether the circuits do what they should, on held-out prompts: faithfulness, transfer, and where the model decides. */
public final class EvaluateStage implements Stage<EvaluateConfig> {
  private static final int DPI = 150;
  private static final int NEW_TOKENS = 20;

  @Override
  public String name() {
    return "evaluate";
  }

  @Override
  public String summary() {
    return "Do the circuits work on prompts never seen, and in other categories? Faithfulness and transfer.";
  }

  @Override
  public int version() {
    return 2;
  }

  @Override
  public Class<EvaluateConfig> configType() {
    return EvaluateConfig.class;
  }

  @Override
  public Path resultDir(EvaluateConfig config) {
    return Path.of(config.output().resultDir());
  }

  private Collected collected(EvaluateConfig config) {
    return Collected.open(
        new ResultLayout(resultDir(config)), Models.name(config.model()), config.evaluation().categories());
  }

  @Override
  public List<Path> inputs(EvaluateConfig config) {
    Collected collected = collected(config);
    List<Path> inputs = new ArrayList<>(RunningModel.files(config.model(), collected));
    ResultLayout layout = collected.layout();
    inputs.add(layout.attributionCheck(collected.model()));
    if (Files.isRegularFile(layout.readout(collected.model()))) {
      inputs.add(layout.readout(collected.model()));
      collected.categories().forEach(category -> inputs.add(layout.attributions(collected.model(), category)));
    }
    collected.categories().forEach(category -> circuit(config, collected, category).ifPresent(inputs::add));
    if (config.evaluation().legacy()) {
      inputs.addAll(collected.activationFiles());
    }
    return inputs;
  }

  static Optional<Path> circuit(EvaluateConfig config, Collected collected, String category) {
    Path folder = DiscoverStage.circuitsFolder(config.output().circuitsDir(), collected.layout());
    for (String suffix : new String[] {"_toxic", ""}) {
      Path file = folder.resolve(ResultLayout.circuitFile(collected.model(), category, suffix));
      if (Files.isRegularFile(file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  @Override
  public Optional<ModelSection> modelRun(EvaluateConfig config) {
    return Optional.of(config.model());
  }

  @Override
  public StageResult run(EvaluateConfig config, StageContext context) {
    Collected collected = collected(config);
    ResultLayout layout = collected.layout();
    Path transferFile = layout.transfer(collected.model());
    OriginalFiles.keep(transferFile.getParent(), context.progress());
    Optional<String> nothing = nothingToDo(collected);
    if (nothing.isPresent()) {
      TransferFile.of(
              collected.model(), List.of(), config.seed(), config.evaluation().bootstrap(), Map.of(), Map.of())
          .write(transferFile);
      context.progress().note("warning: nothing is evaluated: " + nothing.get());
      List<Path> written = new ArrayList<>(List.of(transferFile));
      List<String> summary = new ArrayList<>(List.of("not evaluated: " + nothing.get()));
      if (config.evaluation().legacy()) {
        if (collected.report().refusalTokens().isEmpty()) {
          summary.add("evaluation.legacy: no scores, as there are no refusal tokens");
        } else {
          try (RunningModel model = RunningModel.open(config.model(), collected, context.threads())) {
            add(new LegacyEvaluation(config, context, collected, model).run(), written, summary);
          }
        }
      }
      return new StageResult(written, summary);
    }
    try (RunningModel model = RunningModel.open(config.model(), collected, context.threads())) {
      StageResult sound = new Evaluation(config, context, collected, model).run(transferFile);
      if (!config.evaluation().legacy()) {
        return sound;
      }
      List<Path> written = new ArrayList<>(sound.outputs());
      List<String> summary = new ArrayList<>(sound.summary());
      add(new LegacyEvaluation(config, context, collected, model).run(), written, summary);
      return new StageResult(written, summary);
    }
  }

  private static void add(StageResult legacy, List<Path> written, List<String> summary) {
    written.addAll(legacy.outputs());
    summary.addAll(legacy.summary());
  }

  private static Optional<String> nothingToDo(Collected collected) {
    Optional<String> nothing = RunningModel.nothingToDo(collected, true);
    if (nothing.isPresent()) {
      return nothing;
    }
    return Files.isRegularFile(collected.layout().readout(collected.model()))
        ? Optional.empty()
        : Optional.of(
            "discover estimated no effects (circuit.attribution_method: stats does not); transfer and faithfulness"
                + " curves need ig, atp or exact");
  }

  /** One evaluation under way. */
  private static final class Evaluation {
    private final EvaluateConfig config;
    private final StageContext context;
    private final Collected collected;
    private final ResultLayout layout;
    private final RunningModel model;
    private final Partners partners;
    private final PatchedRuns runs;
    private final Map<String, List<ModelOutput>> outputs = new LinkedHashMap<>();
    private final Map<String, List<PromptTokens>> heldout = new LinkedHashMap<>();
    private final Map<String, List<PromptTokens>> discovery = new LinkedHashMap<>();
    private final Map<String, RefusalGap> gaps = new LinkedHashMap<>();

    Evaluation(EvaluateConfig config, StageContext context, Collected collected, RunningModel model) {
      this.config = config;
      this.context = context;
      this.collected = collected;
      this.layout = collected.layout();
      this.model = model;
      this.partners = new Partners(RunningModel.answeredSafe(collected), config.seed());
      EvaluationModel evaluated =
          new EvaluationModel(
              model.lm(), model.metric(), model.padId(), model.saes(),
              model.baseline(config.evaluation().baseline(), partners, config.evaluation().batchSize()),
              model.thresholds());
      this.runs = new PatchedRuns(evaluated, config.evaluation().batchSize());
    }

    StageResult run(Path transferFile) {
      List<String> lacking = choosePrompts();
      lacking.forEach(line -> context.progress().note("warning: " + line));
      List<String> categories = List.copyOf(heldout.keySet());
      heldout.forEach((category, prompts) -> gaps.put(category, RefusalGap.measure(runs, prompts, partners)));
      List<Path> written = new ArrayList<>();
      Map<String, TransferFile.AtPoint> points = new LinkedHashMap<>();
      if (!categories.isEmpty()) {
        Map<String, Map<HookPoint, DiscoveryMeans>> means = new LinkedHashMap<>();
        discovery.forEach(
            (category, prompts) -> means.put(category, DiscoveryMeans.over(runs, prompts, model.hookPoints())));
        Map<HookPoint, DiscoveryMeans> answered = DiscoveryMeans.over(runs, partners.pool(), model.hookPoints());
        Map<HookPoint, Readout> readouts = Readout.read(layout.readout(collected.model()));
        try (Progress.Task task = context.progress().task("transfer", model.hookPoints().size())) {
          for (HookPoint at : model.hookPoints()) {
            points.put(at.name(), transfer(at, categories, readouts.get(at), means, answered));
            task.advance(1);
          }
        }
        try (Progress.Task task = context.progress().task("faithfulness", categories.size())) {
          for (String category : categories) {
            written.addAll(faithfulness(category, answered, means.get(category)));
            task.advance(1);
          }
        }
      }
      TransferFile transfer =
          TransferFile.of(
              collected.model(), categories, config.seed(), config.evaluation().bootstrap(), gaps, points);
      transfer.write(transferFile);
      written.add(transferFile);
      if (config.output().generateVisualizations() && !points.isEmpty()) {
        written.addAll(decisionChart(transfer));
      }
      List<String> summary = new ArrayList<>(lacking);
      points.forEach((at, point) -> summary.add(line(at, point)));
      return new StageResult(written, summary);
    }

    /** Refused toxic prompts: held out ones to measure on, discovery ones to make parts of. */
    private List<String> choosePrompts() {
      List<String> lacking = new ArrayList<>();
      for (String category : collected.categories()) {
        List<ModelOutput> all = collected.outputs(category);
        outputs.put(category, all);
        List<PromptTokens> held =
            RunningModel.atMost(
                refused(category, all, Split.Side.HELDOUT),
                config.evaluation().maxPromptsPerCategory(), config.seed(), "held-out prompts", category);
        List<PromptTokens> known = attributed(category, refused(category, all, Split.Side.DISCOVERY));
        if (held.isEmpty() || known.size() < 2) {
          lacking.add(
              "category %s is not evaluated: %d refused held-out and %d refused discovery prompts"
                  .formatted(category, held.size(), known.size()));
          continue;
        }
        heldout.put(category, held);
        discovery.put(category, known);
      }
      return lacking;
    }

    private static List<PromptTokens> refused(String category, List<ModelOutput> all, Split.Side side) {
      return all.stream()
          .filter(output -> output.split() == side && output.label().toxic() && output.behaviour().refused())
          .map(output -> RunningModel.tokens(category, output, false))
          .toList();
    }

    private List<PromptTokens> attributed(String category, List<PromptTokens> prompts) {
      try (AttributionStore store = AttributionStore.open(layout.attributions(collected.model(), category))) {
        List<Long> indices = Arrays.stream(store.promptIndex()).boxed().toList();
        return prompts.stream().filter(prompt -> indices.contains(prompt.index())).toList();
      }
    }

    private int[] rows(AttributionStore store, String category) {
      List<Long> wanted = discovery.get(category).stream().map(PromptTokens::index).toList();
      long[] indices = store.promptIndex();
      return IntStream.range(0, indices.length).filter(row -> wanted.contains(indices[row])).toArray();
    }

    private TransferFile.AtPoint transfer(
        HookPoint at, List<String> categories, Readout readout, Map<String, Map<HookPoint, DiscoveryMeans>> means,
        Map<HookPoint, DiscoveryMeans> answered) {
      Path done = context.work().resolve("transfer-" + at.name() + ".json");
      if (Files.exists(done)) {
        return Json.read(done, TransferFile.AtPoint.class);
      }
      List<List<PromptTokens>> prompts = categories.stream().map(heldout::get).toList();
      List<RefusalGap> ofCategories = categories.stream().map(gaps::get).toList();
      int bootstrap = config.evaluation().bootstrap();
      DecisionProfile decision =
          DecisionProfile.measure(
              runs, at, prompts, ofCategories, bootstrap, Seeds.random(config.seed(), "decision", at.name()));
      Map<TransferForm, List<TransferPart>> parts = new LinkedHashMap<>();
      config.transfer().forms().forEach(form -> parts.put(TransferForm.of(form), new ArrayList<>()));
      for (String category : categories) {
        parts(at, category, readout, means.get(category).get(at), answered.get(at), parts);
      }
      Map<String, TransferMatrix> forms = new LinkedHashMap<>();
      TransferMatrix.measure(
              runs, at, prompts, ofCategories, parts, bootstrap,
              form -> Seeds.random(config.seed(), "transfer", form.key(), at.name()))
          .forEach((form, matrix) -> forms.put(form.key(), matrix));
      TransferFile.AtPoint point = new TransferFile.AtPoint(decision, readout.rank(), forms);
      Json.write(done, point);
      return Json.read(done, TransferFile.AtPoint.class);
    }

    private void parts(
        HookPoint at, String category, Readout readout, DiscoveryMeans refused, DiscoveryMeans answered,
        Map<TransferForm, List<TransferPart>> parts) {
      TransferParts make = new TransferParts(config.transfer(), config.seed(), category, at);
      SparseAutoencoder sae = model.saes().get(at);
      try (AttributionStore store = AttributionStore.open(layout.attributions(collected.model(), category))) {
        int[] rows = rows(store, category);
        DrivingLatents driving =
            store.hasPromptSide(at)
                ? DrivingLatents.of(
                    store.promptSide(at).select(rows).mean(), config.transfer().share(), config.transfer().maxLatents())
                : new DrivingLatents(new int[0], new double[0], 0);
        parts.forEach((form, list) -> list.add(switch (form) {
          case EFFECT -> {
            float[][] vectors = store.effect(at);
            yield make.effect(
                Arrays.stream(rows).mapToObj(row -> readout.project(vectors[row])).toArray(double[][]::new));
          }
          case LATENT -> make.latent(driving, refused.activity());
          case DIRECTION -> make.direction(driving, decoderRows(sae, driving.latents()), sae.dIn());
          case DIFFERENCE_OF_MEANS -> make.differenceOfMeans(refused, answered);
        }));
      }
    }

    private static double[][] decoderRows(SparseAutoencoder sae, int[] latents) {
      double[][] rows = new double[latents.length][];
      for (int i = 0; i < latents.length; i++) {
        try (var row = sae.wDec().get(latents[i]); var wide = row.toType(ai.djl.ndarray.types.DataType.FLOAT64, true)) {
          rows[i] = wide.toDoubleArray();
        }
      }
      return rows;
    }

    private List<Path> faithfulness(
        String category, Map<HookPoint, DiscoveryMeans> answered, Map<HookPoint, DiscoveryMeans> refused) {
      Path file =
          config.output().dir() == null
              ? layout.evaluation(collected.model(), category)
              : Path.of(config.output().dir()).resolve(layout.evaluation(collected.model(), category).getFileName());
      Path done = context.work().resolve("faithfulness-" + category + ".done");
      if (!Files.exists(done) || !Files.exists(file)) {
        measureFaithfulness(category, answered, refused).write(file);
        org.refusal.base.AtomicFiles.writeString(done, "");
      }
      List<Path> files = new ArrayList<>(List.of(file));
      if (config.output().generateVisualizations()) {
        files.addAll(curveChart(CategoryMetrics.read(file), file.getParent()));
      }
      return files;
    }

    private CategoryMetrics measureFaithfulness(
        String category, Map<HookPoint, DiscoveryMeans> answered, Map<HookPoint, DiscoveryMeans> refused) {
      EvaluateConfig.Evaluation options = config.evaluation();
      int bootstrap = options.bootstrap();
      List<PromptTokens> prompts =
          RunningModel.atMost(
              heldout.get(category), options.curvePrompts(), config.seed(), "curve prompts", category);
      RefusalGap gap = RefusalGap.measure(runs, prompts, partners);
      Optional<CircuitJson.CircuitFile> discovered = circuit(config, collected, category).map(CircuitJson::read);
      ErrorMode errors = errors(options.errors(), discovered);
      Map<HookPoint, Integer> widths = new TreeMap<>();
      model.saes().forEach((at, sae) -> widths.put(at, sae.dSae()));
      CircuitInterventions interventions = new CircuitInterventions(widths, errors);
      List<Node> ranking = ranking(category, errors);
      FaithfulnessCurve curve =
          FaithfulnessCurve.measure(
              runs, interventions, prompts, gap.metric(), gap.delta(), ranking,
              FaithfulnessCurve.sizes(ranking.size(), options.curveSizes()), options.randomCircuits(), bootstrap,
              Seeds.random(config.seed(), "curve", category));
      Map<String, CategoryMetrics.NamedCircuit> circuits = new LinkedHashMap<>();
      Map<String, SideEffects> sideEffects = new LinkedHashMap<>();
      List<PromptTokens> safe = safe(category);
      Map<String, Intervention> behaviours = new LinkedHashMap<>();
      discovered.ifPresent(file -> {
        List<Node> nodes = file.circuit().nodes().stream().map(ScoredNode::node).toList();
        if (!nodes.isEmpty()) {
          circuits.putAll(circuits(category, prompts, gap, errors, widths, nodes));
          Intervention removed = interventions.complement("the circuit at its baseline", nodes);
          behaviours.put("circuit", removed);
          if (!safe.isEmpty()) {
            sideEffects.put("circuit", SideEffects.measure(runs, safe, removed));
          }
        }
      });
      HookPoint last = model.hookPoints().get(model.hookPoints().size() - 1);
      double[][] direction = DiscoveryMeans.difference(refused.get(last), answered.get(last));
      CategoryMetrics.Drop ablation = null;
      if (direction.length > 0) {
        Intervention ablated =
            Intervention.at("the direction ablated", model.hookPoints(), new Replacement.Ablation(direction));
        ablation =
            CategoryMetrics.Drop.measure(
                runs, prompts, gap, ablated, bootstrap, Seeds.random(config.seed(), "ablation", category));
        behaviours.put("difference_of_means", ablated);
        if (!safe.isEmpty()) {
          sideEffects.put("difference_of_means", SideEffects.measure(runs, safe, ablated));
        }
      }
      return CategoryMetrics.of(
          collected.model(), category, options.baseline(), errors, config.seed(), bootstrap,
          model.hookPoints().stream().map(HookPoint::name).toList(), gap, curve, circuits, ablation, sideEffects,
          options.behaviour() ? behaviour(category, prompts, behaviours) : null);
    }

    /** As configured, else as the circuit was discovered, else (imported circuits) as discover does by default. */
    private static ErrorMode errors(String configured, Optional<CircuitJson.CircuitFile> discovered) {
      return ErrorMode.of(
          configured != null
              ? configured
              : discovered.map(file -> file.metadata().path("errors").asText(null)).orElse(ErrorMode.CIRCUIT.key()));
    }

    /** The discovered circuit under every treatment of SAE errors, the configured one first, and the legacy circuit. */
    private Map<String, CategoryMetrics.NamedCircuit> circuits(
        String category,
        List<PromptTokens> prompts,
        RefusalGap gap,
        ErrorMode configured,
        Map<HookPoint, Integer> widths,
        List<Node> nodes) {
      Map<String, CategoryMetrics.NamedCircuit> circuits = new LinkedHashMap<>();
      circuits.put("discovered", scored("discovered", category, prompts, gap, configured, widths, nodes));
      for (ErrorMode errors : ErrorMode.values()) {
        if (errors != configured) {
          String name = "discovered_errors_" + errors.key();
          circuits.put(name, scored(name, category, prompts, gap, errors, widths, nodes));
        }
      }
      circuits.put("legacy", scored("legacy", category, prompts, gap, configured, widths, legacy(category, nodes)));
      return circuits;
    }

    private CategoryMetrics.NamedCircuit scored(
        String name,
        String category,
        List<PromptTokens> prompts,
        RefusalGap gap,
        ErrorMode errors,
        Map<HookPoint, Integer> widths,
        List<Node> nodes) {
      return CategoryMetrics.NamedCircuit.measure(
          runs, new CircuitInterventions(widths, errors), prompts, gap.metric(), nodes, config.evaluation().bootstrap(),
          Seeds.random(config.seed(), name, category));
    }

    /** As many latents per hook point, those that correlate most with the label on discovery prompts; the same errors. */
    private List<Node> legacy(String category, List<Node> nodes) {
      List<PromptTokens> labelled = new ArrayList<>(discovery.get(category));
      outputs.get(category).stream()
          .filter(output -> output.split() == Split.Side.DISCOVERY && !output.label().toxic())
          .map(output -> RunningModel.tokens(category, output, false))
          .forEach(labelled::add);
      boolean[] harmful = new boolean[labelled.size()];
      for (int p = 0; p < harmful.length; p++) {
        harmful[p] = labelled.get(p).harmful();
      }
      AttributionModel latents =
          new AttributionModel(
              model.lm(), model.metric(), model.padId(), model.saes(), runs.model().baseline(), model.thresholds());
      List<ScoredNode> ranked =
          new LegacyDiscovery(0, 1, Integer.MAX_VALUE)
              .nodes(
                  CircuitDiscovery.features(latents, labelled, Aggregation.MEAN, config.evaluation().batchSize()),
                  harmful);
      List<Node> chosen = new ArrayList<>();
      for (HookPoint at : model.hookPoints()) {
        long count = nodes.stream().filter(node -> node.at().equals(at) && node instanceof LatentNode).count();
        ranked.stream().map(ScoredNode::node).filter(node -> node.at().equals(at)).limit(count).forEach(chosen::add);
      }
      nodes.stream().filter(ErrorNode.class::isInstance).forEach(chosen::add);
      return chosen;
    }

    /** All nodes with an effect on the refused discovery prompts, most important first. */
    private List<Node> ranking(String category, ErrorMode treatment) {
      record Ranked(Node node, double importance) {}
      List<Ranked> ranked = new ArrayList<>();
      try (AttributionStore store = AttributionStore.open(layout.attributions(collected.model(), category))) {
        int[] rows = rows(store, category);
        for (HookPoint at : model.hookPoints()) {
          double[] means = store.total(at).select(rows).mean();
          for (int latent = 0; latent < means.length; latent++) {
            if (means[latent] != 0) {
              ranked.add(new Ranked(new LatentNode(at, latent), Math.abs(means[latent])));
            }
          }
          double[] errors = store.error(at);
          double error = Arrays.stream(rows).mapToDouble(row -> errors[row]).average().orElse(0);
          if (error != 0 && treatment.nodes()) {
            ranked.add(new Ranked(new ErrorNode(at), Math.abs(error)));
          }
        }
      }
      ranked.sort(Comparator.comparingDouble(Ranked::importance).reversed());
      return ranked.stream().map(Ranked::node).toList();
    }

    private List<PromptTokens> safe(String category) {
      List<PromptTokens> safe =
          outputs.get(category).stream()
              .filter(output -> output.split() == Split.Side.HELDOUT && !output.label().toxic())
              .map(output -> RunningModel.tokens(category, output, false))
              .toList();
      return RunningModel.atMost(
          safe, config.evaluation().curvePrompts(), config.seed(), "side effect prompts", category);
    }

    private Map<String, Behaviour> behaviour(
        String category, List<PromptTokens> prompts, Map<String, Intervention> interventions) {
      Map<String, Behaviour> behaviours = new LinkedHashMap<>();
      RefusalDetector detector = RefusalDetector.of("default");
      Generator generator = new Generator(model.lm());
      try (Tokenizer tokenizer = Tokenizer.load(Models.checkpoint(config.model()).folder())) {
        Map<String, Intervention> all = new LinkedHashMap<>();
        all.put("none", null);
        all.putAll(interventions);
        all.forEach((name, intervention) ->
            behaviours.put(
                name,
                Behaviour.measure(
                    runs, generator, NEW_TOKENS, prompts, intervention,
                    ids -> detector.detect(tokenizer.decode(ids, true)).behaviour().refused(),
                    config.evaluation().bootstrap(), Seeds.random(config.seed(), "behaviour", category, name))));
      }
      return behaviours;
    }

    private List<Path> curveChart(CategoryMetrics metrics, Path folder) {
      FaithfulnessCurve curve = metrics.curve();
      double[] x = curve.sizes().stream().mapToDouble(FaithfulnessCurve.AtSize::size).toArray();
      List<LineChart.Series> series = new ArrayList<>();
      series.add(
          new LineChart.Series(
              "faithfulness", x,
              curve.sizes().stream().mapToDouble(size -> size.faithfulness().value()).toArray(),
              curve.sizes().stream().mapToDouble(size -> size.faithfulness().low()).toArray(),
              curve.sizes().stream().mapToDouble(size -> size.faithfulness().high()).toArray()));
      series.add(
          new LineChart.Series(
              "completeness", x,
              curve.sizes().stream().mapToDouble(size -> size.completeness().value()).toArray(),
              curve.sizes().stream().mapToDouble(size -> size.completeness().low()).toArray(),
              curve.sizes().stream().mapToDouble(size -> size.completeness().high()).toArray()));
      series.add(
          new LineChart.Series(
              "random circuits", x,
              curve.sizes().stream()
                  .mapToDouble(size -> Arrays.stream(size.randomFaithfulness()).average().orElse(Double.NaN))
                  .toArray()));
      LineChart chart =
          new LineChart(
              "Circuits of " + metrics.category() + ", held-out prompts", "nodes", "share of F(model) - F(empty)", series,
              true, null, null, Theme.LIGHT);
      return FigureFiles.write(
          chart, folder, "%s_%s_metrics".formatted(ResultLayout.fileName(metrics.model()), metrics.category()), DPI);
    }

    private List<Path> decisionChart(TransferFile transfer) {
      List<String> names = List.copyOf(transfer.hookPoints().keySet());
      List<TransferFile.AtPoint> at = List.copyOf(transfer.hookPoints().values());
      BarChart chart =
          new BarChart(
              "How far the model has decided, by hook point",
              "share of the refusal gap", names,
              List.of(
                  new BarChart.Bars(
                      "decided",
                      at.stream().mapToDouble(point -> point.decision().decided().value()).toArray(),
                      at.stream().mapToDouble(point -> point.decision().decided().low()).toArray(),
                      at.stream().mapToDouble(point -> point.decision().decided().high()).toArray()),
                  new BarChart.Bars(
                      "all positions",
                      at.stream().mapToDouble(point -> point.decision().everywhere().value()).toArray(),
                      at.stream().mapToDouble(point -> point.decision().everywhere().low()).toArray(),
                      at.stream().mapToDouble(point -> point.decision().everywhere().high()).toArray())),
              0.5, Theme.LIGHT);
      return FigureFiles.write(chart, layout.visualizations(collected.model()), "decision_profile", DPI);
    }

    private static String line(String at, TransferFile.AtPoint point) {
      StringBuilder line =
          new StringBuilder(
              "%-14s decided %.2f [%.2f, %.2f]"
                  .formatted(
                      at, point.decision().decided().value(), point.decision().decided().low(),
                      point.decision().decided().high()));
      point.forms().forEach((form, matrix) ->
          line.append(
              matrix.weak() == null
                  ? "; %s: own drop %.2f, D %.2f [%.2f, %.2f]"
                      .formatted(
                          form, matrix.ownDrop().value(), matrix.distinctness().value(), matrix.distinctness().low(),
                          matrix.distinctness().high())
                  : "; %s: weak (own drop %.2f)".formatted(form, matrix.ownDrop().value())));
      return line.toString();
    }
  }
}
