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
import org.refusal.attribution.Discovered;
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
import org.refusal.subject.PromptChoice;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.subject.Subject;
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

  private Subject subject(EvaluateConfig config) {
    return Subject.of(resultDir(config), config.model(), config.evaluation().categories());
  }

  @Override
  public List<Path> inputs(EvaluateConfig config) {
    Subject subject = subject(config);
    Collected collected = subject.collected();
    ResultLayout layout = subject.layout();
    List<Path> inputs = new ArrayList<>(subject.files());
    inputs.add(new Discovered(subject).check());
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

  /** One per category and hook point. */
  @Override
  public List<String> units(EvaluateConfig config) {
    return subject(config).units();
  }

  @Override
  public StageResult run(EvaluateConfig config, StageContext context) {
    try (Subject subject = subject(config)) {
      return run(config, context, subject);
    }
  }

  private static StageResult run(EvaluateConfig config, StageContext context, Subject subject) {
    Path transferFile = subject.layout().transfer(subject.model());
    OriginalFiles.keep(transferFile.getParent(), context.progress());
    Optional<String> nothing = nothingToDo(subject);
    if (nothing.isPresent()) {
      TransferFile.of(
              subject.model(), List.of(), config.seed(), config.evaluation().bootstrap(), config.transfer().effect(),
              config.transfer().amount(), Map.of(), null, Map.of())
          .write(transferFile);
      context.progress().note("warning: nothing is evaluated: " + nothing.get());
      List<Path> written = new ArrayList<>(List.of(transferFile));
      List<String> summary = new ArrayList<>(List.of("not evaluated: " + nothing.get()));
      if (config.evaluation().legacy()) {
        if (subject.report().refusalTokens().isEmpty()) {
          summary.add("evaluation.legacy: no scores, as there are no refusal tokens");
        } else {
          subject.load(context.threads());
          add(new LegacyEvaluation(config, context, subject).run(), written, summary);
        }
      }
      return new StageResult(written, summary);
    }
    requireHookPoints(config, subject);
    subject.load(context.threads());
    StageResult sound = evaluate(config, context, subject, transferFile);
    if (!config.evaluation().legacy()) {
      return sound;
    }
    List<Path> written = new ArrayList<>(sound.outputs());
    List<String> summary = new ArrayList<>(sound.summary());
    add(new LegacyEvaluation(config, context, subject).run(), written, summary);
    return new StageResult(written, summary);
  }

  private static void add(StageResult legacy, List<Path> written, List<String> summary) {
    written.addAll(legacy.outputs());
    summary.addAll(legacy.summary());
  }

  /** The hook points are to be those of discover and of the circuits: this is known before the model is loaded. */
  private static void requireHookPoints(EvaluateConfig config, Subject subject) {
    List<HookPoint> points = subject.hookPoints();
    Set<HookPoint> discovered = new TreeSet<>(Readout.read(subject.layout().readout(subject.model())).keySet());
    requireAmong(discovered, points, "evaluate takes %s, but discover has not worked at %s", points, discovered);
    requireAmong(points, discovered, "evaluate takes %s, and not %s, where discover has worked", points, discovered);
    for (String category : subject.categories()) {
      subject.collected().circuit(config.output().circuitsDir(), category).ifPresent(file -> {
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

  private static Optional<String> nothingToDo(Subject subject) {
    Optional<String> nothing = subject.nothingToDo(true).or(() -> new Discovered(subject).nothing(false));
    if (nothing.isPresent()) {
      return nothing;
    }
    return subject.collected().lineage().isCurrent(subject.layout().readout(subject.model()))
        ? Optional.empty()
        : Optional.of(
            "discover estimated no effects (circuit.attribution_method: stats does not); transfer and faithfulness"
                + " curves need ig, atp or exact");
  }

  private static StageResult evaluate(
      EvaluateConfig config, StageContext context, Subject subject, Path transferFile) {
    EvaluationBasis basis = EvaluationBasis.of(config, subject);
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
          (category, prompts) -> means.put(category, DiscoveryMeans.over(runs, prompts, subject.hookPoints())));
      Map<HookPoint, DiscoveryMeans> answered =
          DiscoveryMeans.over(runs, basis.partners().pool(), subject.hookPoints());
      withoutMeans(means, answered)
          .forEach(at -> context.progress().note(
              "warning: %s: no difference of means, as every post-instruction token is an attention sink or there is none"
                  .formatted(at.name())));
      Map<HookPoint, Readout> readouts = Readout.read(subject.layout().readout(subject.model()));
      RefusalDetector detector = RefusalDetector.of("default");
      Map<List<Integer>, Boolean> judged = new HashMap<>(); // many prompts are answered by the same text
      try (Tokenizer tokenizer = Tokenizer.load(Models.checkpoint(config.model()).folder())) {
        Refusals.Writer writer =
            new Refusals.Writer(
                new Generator(subject.lm()), NEW_TOKENS,
                ids ->
                    judged.computeIfAbsent(
                        Arrays.stream(ids).boxed().toList(),
                        text -> detector.detect(tokenizer.decode(ids, true)).behaviour().refused()));
        TransferEvaluation transfer = new TransferEvaluation(basis, context.work(), writer);
        refusals = transfer.refusals();
        try (Progress.Task task = context.progress().task("transfer", subject.hookPoints().size())) {
          for (HookPoint at : subject.hookPoints()) {
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
                subject.model(), categories, config.seed(), config.evaluation().bootstrap(),
                config.transfer().effect(), config.transfer().amount(), basis.gaps(), refusals, points)
            .withDecisionProfile(profile);
    transfer.write(transferFile);
    written.add(transferFile);
    if (config.output().generateVisualizations() && !points.isEmpty()) {
      written.addAll(
          EvaluationFigures.decisionProfile(transfer, subject.layout().visualizations(subject.model())));
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
          prompts.add(PromptChoice.atMost(all, most, config.seed(), "decision prompts", category)));
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
