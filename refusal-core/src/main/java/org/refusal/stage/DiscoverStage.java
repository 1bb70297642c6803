package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.attribution.AttributionCheck;
import org.refusal.attribution.CircuitDiscovery;
import org.refusal.attribution.DiscoverySettings;
import org.refusal.attribution.PartnerChoice;
import org.refusal.attribution.Readout;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.Collected;
import org.refusal.collected.MetricSeparation;
import org.refusal.collected.OriginalFiles;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.ModelSection;
import org.refusal.model.Models;
import org.refusal.original.LegacyCircuits;
import org.refusal.run.FinishedParts;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.RunningModel;
import org.refusal.subject.StudiedModel;

/** Which latents cause refusal, category by category, on discovery prompts. */
public final class DiscoverStage implements Stage<DiscoverConfig> {
  @Override
  public String name() {
    return "discover";
  }

  @Override
  public String summary() {
    return "Which features cause refusal in each category? Attribution, circuits and causal edges.";
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

  private Collected collected(DiscoverConfig config) {
    return Collected.open(
        new ResultLayout(resultDir(config)), Models.name(config.model()), config.discovery().categories());
  }

  @Override
  public List<Path> inputs(DiscoverConfig config) {
    if (LegacyCircuits.wanted(config)) {
      return LegacyCircuits.inputs(config, collected(config));
    }
    return RunningModel.files(config.model(), collected(config));
  }

  @Override
  public Optional<ModelSection> modelRun(DiscoverConfig config) {
    return Optional.of(config.model());
  }

  @Override
  public StageResult run(DiscoverConfig config, StageContext context) {
    Collected collected = collected(config);
    OriginalFiles.keep(collected.layout().circuitsFolder(config.output().circuitsDir()), context.progress());
    if (LegacyCircuits.wanted(config)) {
      return new LegacyCircuits(config, collected, context).run();
    }
    ResultLayout layout = collected.layout();
    Path check = layout.attributionCheck(collected.model());
    Optional<String> nothing = RunningModel.nothingToDo(collected, config.discovery().force());
    if (nothing.isPresent()) {
      AttributionCheck.write(check, List.of());
      context.progress().note("warning: no circuits are sought: " + nothing.get());
      return new StageResult(List.of(check), List.of("no circuits: " + nothing.get()));
    }
    warnOfWeakMetric(collected, context);
    DiscoverySettings settings = DiscoverySettings.of(config);
    List<Path> outputs = new ArrayList<>();
    List<AttributionCheck> checks = new ArrayList<>();
    List<String> summary = new ArrayList<>();
    try (RunningModel model = RunningModel.open(config.model(), collected, context.threads())) {
      PartnerChoice choice = PartnerChoice.of(config, collected);
      Partners partners = choice.partners();
      context.progress().note(choice.line());
      summary.add(choice.line());
      StudiedModel attribution =
          new StudiedModel(
              model.lm(), model.metric(), model.padId(), model.saes(),
              model.baseline(config.circuit().baseline(), partners, config.discovery().batchSize()),
              model.thresholds());
      CircuitDiscovery discovery = new CircuitDiscovery(attribution, partners, settings);
      Map<String, List<PromptTokens>> prompts = new LinkedHashMap<>();
      for (String category : collected.categories()) {
        prompts.put(category, RunningModel.discoveryPrompts(config, collected, category));
      }
      long total = prompts.values().stream().mapToLong(List::size).sum();
      List<Path> moments = new ArrayList<>();
      Map<String, Path> attributions = new LinkedHashMap<>();
      try (var task = context.progress().task("attribute", total)) {
        for (Map.Entry<String, List<PromptTokens>> entry : prompts.entrySet()) {
          Category category = new Category(config, collected, context.work(), entry.getKey());
          if (!category.isDone()) {
            long[] before = {0};
            category.write(
                discovery.category(
                    collected.model(), entry.getKey(), entry.getValue(), category.files(),
                    done -> {
                      task.advance(done - before[0]);
                      before[0] = done;
                    }),
                settings.separate(), entry.getValue());
          } else {
            task.advance(entry.getValue().size());
          }
          outputs.add(category.files().attributions());
          outputs.addAll(category.circuits(settings.separate(), entry.getValue()));
          moments.add(category.files().moments());
          attributions.put(entry.getKey(), category.files().attributions());
          checks.addAll(AttributionCheck.read(category.marker()));
        }
      }
      Path readout = layout.readout(collected.model());
      Map<HookPoint, Readout> readouts =
          CircuitDiscovery.readouts(attributions, moments, config.circuit(), config.seed());
      Readout.write(readout, collected.model(), readouts);
      outputs.add(readout);
      AttributionCheck.writeWithPartners(check, choice.json(), checks);
      outputs.add(check);
      for (HookPoint point : model.hookPoints()) {
        summary.add(line(point, checks, readouts.get(point)));
      }
    }
    return new StageResult(outputs, summary);
  }

  private static void warnOfWeakMetric(Collected collected, StageContext context) {
    CollectReport.Separation separation = collected.report().separation();
    double auc = separation.auc();
    if (!separation.judged()) {
      context.progress().note("warning: the metric m cannot be judged, since " + separation.unknown());
    } else if (auc < MetricSeparation.GOOD_AUC) {
      context.progress().note(
          "warning: the metric m separates refused from answered held-out prompts poorly (AUC %.3f, below .8)".formatted(auc));
    }
  }

  /** The files of one category, and whether they are all there. */
  private record Category(DiscoverConfig config, Collected collected, Path work, String name) {

    CircuitDiscovery.Files files() {
      return new CircuitDiscovery.Files(
          collected.layout().attributions(collected.model(), name),
          work.resolve(ResultLayout.categoryName(name) + ".moments.safetensors"),
          work.resolve("scratch"));
    }

    Path marker() {
      return work.resolve(ResultLayout.categoryName(name) + ".check.json");
    }

    private Path circuit(String suffix) {
      return collected.layout().circuitsFolder(config.output().circuitsDir())
          .resolve(ResultLayout.circuitFile(collected.model(), name, suffix));
    }

    List<Path> circuits(boolean separate, List<PromptTokens> prompts) {
      if (!separate) {
        return List.of(circuit(""));
      }
      return prompts.stream().allMatch(PromptTokens::harmful)
          ? List.of(circuit("_toxic"))
          : List.of(circuit("_toxic"), circuit("_safe"));
    }

    boolean isDone() {
      return Files.exists(marker()) && Files.exists(files().moments()) && new FinishedParts(work).has(name);
    }

    void write(CircuitDiscovery.CategoryResult result, boolean separate, List<PromptTokens> prompts) {
      result.circuits().forEach(
          (suffix, circuit) -> CircuitJson.write(circuit(suffix), circuit, result.metadata().get(suffix)));
      AttributionCheck.write(marker(), result.checks());
      List<Path> finished = new ArrayList<>(circuits(separate, prompts));
      finished.add(files().attributions());
      new FinishedParts(work).add(name, finished);
    }
  }

  private static String readouts(ReproducibleReadout readout) {
    return readout.countKnown()
        ? "%d distinct read-out%s".formatted(readout.distinct(), readout.distinct() == 1 ? "" : "s")
        : "number of read-outs not known (noise floor %.2f of %.2f: too few prompts)"
            .formatted(readout.floor(), readout.spectrum().length == 0 ? 0 : readout.spectrum()[0]);
  }

  private static String line(HookPoint point, List<AttributionCheck> checks, Readout readout) {
    List<AttributionCheck> here = checks.stream().filter(check -> check.at().equals(point)).toList();
    double completeness = here.stream().mapToDouble(AttributionCheck::completeness).average().orElse(Double.NaN);
    double side = here.stream().mapToDouble(AttributionCheck::promptSideOfGap).average().orElse(Double.NaN);
    long unreliable = here.stream().filter(check -> !check.reliable()).count();
    return "%-14s completeness %.2f, prompt side %.2f of the refusal gap, %s%s"
        .formatted(
            point.name(), completeness, side, readouts(readout.reproducible()),
            unreliable == 0 ? "" : "; UNRELIABLE in %d of %d categories".formatted(unreliable, here.size()));
  }
}
