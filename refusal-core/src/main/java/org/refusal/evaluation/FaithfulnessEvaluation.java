package org.refusal.evaluation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.refusal.attribution.Aggregation;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.CircuitDiscovery;
import org.refusal.attribution.LegacyDiscovery;
import org.refusal.base.Seeds;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.config.EvaluateConfig;
import org.refusal.data.Split;
import org.refusal.run.FinishedParts;
import org.refusal.subject.PromptChoice;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.Subject;
import org.refusal.subject.StudiedModel;

/** Circuits of one category on its held-out prompts: faithfulness by size, baselines, side effects, generated text. */
public final class FaithfulnessEvaluation {
  private final EvaluationBasis basis;
  private final EvaluateConfig config;
  private final Path work;
  private final Refusals.Writer writer;
  private final PatchedRuns runs;
  private final Subject subject;

  /** @param work folder in which it is noted what is done */
  public FaithfulnessEvaluation(EvaluationBasis basis, Path work, Refusals.Writer writer) {
    this.basis = basis;
    this.config = basis.config();
    this.work = work;
    this.writer = writer;
    this.runs = basis.curveRuns();
    this.subject = basis.subject();
  }

  /**
   * Writes the category's file.
   *
   * @param answered means of the answered safe prompts
   * @param refused means of the category's refused discovery prompts
   */
  public Path measure(
      String category, Map<HookPoint, DiscoveryMeans> answered, Map<HookPoint, DiscoveryMeans> refused) {
    Path file = config.output().place(basis.layout().evaluation(subject.model(), category));
    FinishedParts finished = new FinishedParts(work);
    String part = "faithfulness-" + category;
    if (!finished.has(part)) {
      measured(category, answered, refused).write(file);
      finished.add(part, List.of(file));
    }
    return file;
  }

  private CategoryMetrics measured(
      String category, Map<HookPoint, DiscoveryMeans> answered, Map<HookPoint, DiscoveryMeans> refused) {
    EvaluateConfig.Evaluation options = config.evaluation();
    int bootstrap = options.bootstrap();
    List<PromptTokens> prompts =
        PromptChoice.atMost(
            basis.heldout().get(category), options.curvePrompts(), config.seed(), "curve prompts");
    RefusalGap gap = RefusalGap.measure(runs, prompts, basis.partners());
    Optional<CircuitJson.CircuitFile> discovered =
        subject.collected().circuit(config.output().circuitsDir(), category).map(CircuitJson::read);
    ErrorMode errors = errors(options.errors(), discovered);
    Map<HookPoint, Integer> widths = new TreeMap<>();
    subject.saes().forEach((at, sae) -> widths.put(at, sae.dSae()));
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
    HookPoint last = subject.hookPoints().get(subject.hookPoints().size() - 1);
    double[][] direction = DiscoveryMeans.difference(refused.get(last), answered.get(last));
    CategoryMetrics.Drop ablation = null;
    if (direction.length > 0) {
      Intervention ablated =
          Intervention.at("the direction ablated", subject.hookPoints(), new Replacement.Ablation(direction));
      ablation =
          CategoryMetrics.Drop.measure(
              runs, prompts, gap, ablated, bootstrap, Seeds.random(config.seed(), "ablation", category));
      behaviours.put("difference_of_means", ablated);
      if (!safe.isEmpty()) {
        sideEffects.put("difference_of_means", SideEffects.measure(runs, safe, ablated));
      }
    }
    return CategoryMetrics.of(
        subject.model(), category, options.baseline(), errors, config.seed(), bootstrap,
        subject.hookPoints().stream().map(HookPoint::name).toList(), gap, curve, circuits, ablation, sideEffects,
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
    List<PromptTokens> labelled = new ArrayList<>(basis.discovery().get(category));
    basis.outputs().get(category).stream()
        .filter(output -> output.split() == Split.Side.DISCOVERY && !output.label().toxic())
        .map(output -> PromptTokens.of(category, output, false))
        .forEach(labelled::add);
    boolean[] harmful = new boolean[labelled.size()];
    for (int p = 0; p < harmful.length; p++) {
      harmful[p] = labelled.get(p).harmful();
    }
    StudiedModel latents = subject.studied(runs.model().baseline());
    return LegacyDiscovery.ofEqualSize(
        nodes,
        CircuitDiscovery.features(latents, labelled, Aggregation.MEAN, config.evaluation().batchSize()),
        harmful);
  }

  /** All nodes with an effect on the refused discovery prompts, most important first. */
  private List<Node> ranking(String category, ErrorMode treatment) {
    record Ranked(Node node, double importance) {}
    List<Ranked> ranked = new ArrayList<>();
    try (AttributionStore store = AttributionStore.open(basis.layout().attributions(subject.model(), category), category)) {
      int[] rows = basis.rows(store, category);
      for (HookPoint at : subject.hookPoints()) {
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
        basis.outputs().get(category).stream()
            .filter(output -> output.split() == Split.Side.HELDOUT && !output.label().toxic())
            .map(output -> PromptTokens.of(category, output, false))
            .toList();
    return PromptChoice.atMost(
        safe, config.evaluation().curvePrompts(), config.seed(), "side effect prompts");
  }

  private Map<String, Behaviour> behaviour(
      String category, List<PromptTokens> prompts, Map<String, Intervention> interventions) {
    Map<String, Behaviour> behaviours = new LinkedHashMap<>();
    Map<String, Intervention> all = new LinkedHashMap<>();
    all.put("none", null);
    all.putAll(interventions);
    all.forEach((name, intervention) ->
        behaviours.put(
            name,
            Behaviour.measure(
                runs, writer, prompts, intervention, config.evaluation().bootstrap(),
                Seeds.random(config.seed(), "behaviour", category, name))));
    return behaviours;
  }
}
