package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.attribution.Discovered;
import org.refusal.collected.Collected;
import org.refusal.config.StatsConfig;
import org.refusal.original.LegacyStats;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.subject.Subject;
import org.refusal.verdict.SharingEvidence;
import org.refusal.verdict.SharingMeasures;
import org.refusal.verdict.StatsFile;
import org.refusal.verdict.Verdict;

/** How sure all that is: the statistics over stored attributions and transfer, and the verdict. */
public final class StatsStage implements Stage<StatsConfig> {
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

  private Subject subject(StatsConfig config) {
    return Subject.of(resultDir(config), config.model(), config.stats().categories());
  }

  @Override
  public List<Path> inputs(StatsConfig config) {
    Subject subject = subject(config);
    Collected collected = subject.collected();
    List<Path> inputs = new ArrayList<>(collected.outputFiles());
    ResultLayout layout = subject.layout();
    Discovered discovered = new Discovered(subject);
    inputs.add(discovered.check());
    List<Path> optional = new ArrayList<>();
    if (discovered.isAttributed()) {
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

  /** The first seed's results are those of this folder. */
  private static List<Long> otherSeeds(StatsConfig config) {
    List<Long> seeds = config.stats().saeSeeds();
    return seeds.subList(Math.min(1, seeds.size()), seeds.size());
  }

  @Override
  public StageResult run(StatsConfig config, StageContext context) {
    Subject subject = subject(config); // nothing of it is loaded
    SharingEvidence evidence = new EvidenceGathering(context, subject).evidence();
    SharingMeasures tests = SharingMeasures.run(evidence, config, context.threads());
    Verdict verdict = Verdict.decide(tests, config.verdict());
    Path file =
        config.output().dir() == null
            ? subject.layout().stats(subject.model())
            : Path.of(config.output().dir())
                .resolve(subject.layout().stats(subject.model()).getFileName());
    StatsFile written = StatsFile.of(evidence, tests, verdict, config);
    if (!otherSeeds(config).isEmpty()) {
      Map<Long, Verdict> bySeed = new LinkedHashMap<>();
      bySeed.put(config.stats().saeSeeds().get(0), verdict);
      otherSeeds(config).forEach(seed ->
          bySeed.put(seed, StatsFile.verdict(subject.layout().saeSeed(seed).stats(subject.model()))));
      written = written.withSeeds(bySeed);
      verdict = written.verdict();
    }
    List<String> summary = new ArrayList<>(verdict.text().lines().toList());
    if (config.stats().legacy()) {
      LegacyStats legacy = LegacyStats.measure(subject.collected(), config);
      written = written.withLegacy(legacy.json());
      summary.addAll(legacy.lines());
    }
    written.write(file);
    return new StageResult(List.of(file), summary);
  }
}
