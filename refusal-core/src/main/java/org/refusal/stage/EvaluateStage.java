package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.refusal.attribution.AttributionCheck;
import org.refusal.attribution.Readout;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.Collected;
import org.refusal.collected.OriginalFiles;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.ModelSection;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.DiscoveryMeans;
import org.refusal.evaluation.EvaluationBasis;
import org.refusal.evaluation.FaithfulnessEvaluation;
import org.refusal.evaluation.LayerDecision;
import org.refusal.evaluation.LayerProposal;
import org.refusal.evaluation.LayerScan;
import org.refusal.evaluation.PatchedRuns;
import org.refusal.evaluation.RefusalGap;
import org.refusal.evaluation.Refusals;
import org.refusal.evaluation.TransferEvaluation;
import org.refusal.evaluation.TransferFile;
import org.refusal.io.Json;
import org.refusal.model.Generator;
import org.refusal.model.Models;
import org.refusal.original.LegacyEvaluation;
import org.refusal.report.EvaluationFigures;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.RunningModel;
import org.refusal.subject.StudiedModel;
import org.refusal.text.Tokenizer;

/** Whether the circuits do what they should, on held-out prompts: faithfulness, transfer, and where the model decides. */
public final class EvaluateStage implements Stage<EvaluateConfig> {
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
    return 4;
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
    Lineage lineage = collected.lineage();
    if (lineage.isCurrent(layout.readout(collected.model()))) {
      inputs.add(layout.readout(collected.model()));
      collected.categories().forEach(category -> inputs.add(collected.attributions(category, lineage)));
    }
    collected.categories()
        .forEach(category -> collected.circuit(config.output().circuitsDir(), category).ifPresent(inputs::add));
    if (config.evaluation().legacy()) {
      inputs.addAll(collected.activationFiles());
    }
    return inputs;
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
              collected.model(), List.of(), config.seed(), config.evaluation().bootstrap(), config.transfer().effect(),
              config.transfer().amount(), Map.of(), null, Map.of())
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
    requireHookPoints(config, collected);
    try (RunningModel model = RunningModel.open(config.model(), collected, context.threads())) {
      StageResult sound = evaluate(config, context, collected, model, transferFile);
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

  /** The hook points are to be those of discover and of the circuits: this is known before the model is loaded. */
  private static void requireHookPoints(EvaluateConfig config, Collected collected) {
    List<HookPoint> points = RunningModel.points(config.model(), collected);
    Set<HookPoint> discovered = new TreeSet<>(Readout.read(collected.layout().readout(collected.model())).keySet());
    requireAmong(discovered, points, "evaluate takes %s, but discover has not worked at %s", points, discovered);
    requireAmong(points, discovered, "evaluate takes %s, and not %s, where discover has worked", points, discovered);
    for (String category : collected.categories()) {
      collected.circuit(config.output().circuitsDir(), category).ifPresent(file -> {
        Set<HookPoint> nodes = new TreeSet<>();
        CircuitJson.read(file).circuit().nodes().forEach(node -> nodes.add(node.node().at()));
        requireAmong(
            points, nodes, "evaluate takes %s, and not %s, where " + file + " has nodes", points, discovered);
      });
    }
  }

  private static void requireAmong(
      Collection<HookPoint> allowed, Collection<HookPoint> asked, String message, Collection<HookPoint> points,
      Collection<HookPoint> discovered) {
    List<HookPoint> without = asked.stream().filter(at -> !allowed.contains(at)).toList();
    if (!without.isEmpty()) {
      throw UserException.badConfig(
          "model.activation_layers: " + message.formatted(names(points), names(without)),
          "set it to [%s], or run discover again at other hook points".formatted(names(discovered)));
    }
  }

  private static String names(Collection<HookPoint> points) {
    return points.stream().map(HookPoint::name).collect(Collectors.joining(", "));
  }

  private static Optional<String> nothingToDo(Collected collected) {
    Optional<String> nothing = RunningModel.nothingToDo(collected, true);
    if (nothing.isPresent()) {
      return nothing;
    }
    Path check = collected.layout().attributionCheck(collected.model());
    Optional<String> undiscovered = RunningModel.nothingToDo(collected, false);
    if (undiscovered.isPresent() && Files.isRegularFile(check) && AttributionCheck.read(check).isEmpty()) {
      return undiscovered;
    }
    return collected.lineage().isCurrent(collected.layout().readout(collected.model()))
        ? Optional.empty()
        : Optional.of(
            "discover estimated no effects (circuit.attribution_method: stats does not); transfer and faithfulness"
                + " curves need ig, atp or exact");
  }

  private static StageResult evaluate(
      EvaluateConfig config, StageContext context, Collected collected, RunningModel model, Path transferFile) {
    EvaluationBasis basis = EvaluationBasis.of(config, collected, model);
    basis.lacking().forEach(line -> context.progress().note("warning: " + line));
    List<String> categories = basis.categories();
    List<Path> written = new ArrayList<>();
    Map<String, TransferFile.AtPoint> points = new LinkedHashMap<>();
    Refusals refusals = null;
    List<LayerDecision> profile = List.of();
    if (!categories.isEmpty()) {
      PatchedRuns runs = basis.runs();
      profile = decisionProfile(basis, context);
      Map<String, Map<HookPoint, DiscoveryMeans>> means = new LinkedHashMap<>();
      basis.discovery().forEach(
          (category, prompts) -> means.put(category, DiscoveryMeans.over(runs, prompts, model.hookPoints())));
      Map<HookPoint, DiscoveryMeans> answered =
          DiscoveryMeans.over(runs, basis.partners().pool(), model.hookPoints());
      withoutMeans(means, answered)
          .forEach(at -> context.progress().note(
              "warning: %s: no difference of means, as every post-instruction token is an attention sink or there is none"
                  .formatted(at.name())));
      Map<HookPoint, Readout> readouts = Readout.read(collected.layout().readout(collected.model()));
      RefusalDetector detector = RefusalDetector.of("default");
      Map<List<Integer>, Boolean> judged = new HashMap<>(); // many prompts are answered by the same text
      try (Tokenizer tokenizer = Tokenizer.load(Models.checkpoint(config.model()).folder())) {
        Refusals.Writer writer =
            new Refusals.Writer(
                new Generator(model.lm()), NEW_TOKENS,
                ids ->
                    judged.computeIfAbsent(
                        Arrays.stream(ids).boxed().toList(),
                        text -> detector.detect(tokenizer.decode(ids, true)).behaviour().refused()));
        TransferEvaluation transfer = new TransferEvaluation(basis, context.work(), writer);
        refusals = transfer.refusals();
        try (Progress.Task task = context.progress().task("transfer", model.hookPoints().size())) {
          for (HookPoint at : model.hookPoints()) {
            points.put(at.name(), transfer.at(at, readouts.get(at), means, answered.get(at)));
            task.advance(1);
          }
        }
        FaithfulnessEvaluation faithfulness = new FaithfulnessEvaluation(basis, context.work(), writer);
        try (Progress.Task task = context.progress().task("faithfulness", categories.size())) {
          for (String category : categories) {
            Path file = faithfulness.measure(category, answered, means.get(category));
            written.add(file);
            if (config.output().generateVisualizations()) {
              written.addAll(EvaluationFigures.curve(CategoryMetrics.read(file), file.getParent()));
            }
            task.advance(1);
          }
        }
      }
    }
    TransferFile transfer =
        TransferFile.of(
                collected.model(), categories, config.seed(), config.evaluation().bootstrap(),
                config.transfer().effect(), config.transfer().amount(), basis.gaps(), refusals, points)
            .withDecisionProfile(profile);
    transfer.write(transferFile);
    written.add(transferFile);
    if (config.output().generateVisualizations() && !points.isEmpty()) {
      written.addAll(
          EvaluationFigures.decisionProfile(transfer, collected.layout().visualizations(collected.model())));
    }
    List<String> summary = new ArrayList<>(basis.lacking());
    double[][] gaps = categories.stream().map(basis.gaps()::get).map(RefusalGap::differences).toArray(double[][]::new);
    if (!profile.isEmpty()) {
      summary.add("decided at every layer: " + String.join("; ", LayerProposal.of(profile).reasons()));
    }
    points.forEach((at, point) -> {
      summary.add(EvaluationFigures.line(at, point, gaps));
      if (point.behaviour() != null) {
        summary.add(EvaluationFigures.behaviour(at, point.behaviour()));
      }
    });
    return new StageResult(written, summary);
  }

  /** Hook points at which a difference of means cannot be taken. */
  private static List<HookPoint> withoutMeans(
      Map<String, Map<HookPoint, DiscoveryMeans>> refused, Map<HookPoint, DiscoveryMeans> answered) {
    return answered.keySet().stream()
        .filter(at ->
            !answered.get(at).hasPostInstruction()
                || refused.values().stream().anyMatch(means -> !means.get(at).hasPostInstruction()))
        .toList();
  }

  /** Decided at every layer of the model; survives an interruption. */
  private static List<LayerDecision> decisionProfile(EvaluationBasis basis, StageContext context) {
    EvaluateConfig config = basis.config();
    int most = config.evaluation().decisionPrompts();
    if (most == 0) {
      return List.of();
    }
    Path done = context.work().resolve("decision-profile.json");
    if (!Files.exists(done)) {
      StudiedModel model = basis.runs().model();
      List<List<PromptTokens>> prompts = new ArrayList<>();
      basis.heldout().forEach((category, all) ->
          prompts.add(RunningModel.atMost(all, most, config.seed(), "decision prompts", category)));
      Json.write(
          done,
          new LayerScan(
                  model.lm(), model.metric(), model.padId(), basis.partners(), model.thresholds(),
                  config.evaluation().batchSize())
              .measure(
                  prompts, config.evaluation().bootstrap(),
                  at -> Seeds.random(config.seed(), "decision by layer", at.name()), context.progress()));
    }
    return List.of(Json.read(done, LayerDecision[].class));
  }
}
