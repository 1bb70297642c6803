package org.refusal.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Folders;
import org.refusal.base.UserException;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.demo.PlantedVariant;
import org.refusal.io.Json;
import org.refusal.run.Pipeline;
import org.refusal.run.StageRunner;
import org.refusal.stage.Stages;
import org.refusal.trial.PlantedSeries;
import org.refusal.trial.PlantedTrial;

/**
 * {@code refusal calibrate --planted}: the whole pipeline on freshly planted models, as many at a time as there are threads
 * (a planted model is too small to make use of several). Every finished model leaves a small file in {@code OUTPUT/trials},
 * so that a series can be cut into pieces and goes on where it stopped; the table is always that of all files there.
 */
final class PlantedTrials {
  /** No lower seed may be used: lower ones served when the thresholds were set. */
  static final long FIRST_FRESH_SEED = 1000;

  /** What to plant. */
  record Request(
      List<PlantedKind> kinds,
      List<PlantedVariant> variants,
      long firstSeed,
      int seeds,
      int categories,
      int prompts,
      List<Double> shares,
      boolean legacy,
      List<String> sets,
      Path output) {
    Request {
      if (categories < 2 || categories > Category.OR_BENCH.size()) {
        throw new UserException(
            ExitCode.USAGE, "--categories: %d is not within 2 to %d".formatted(categories, Category.OR_BENCH.size()), null);
      }
      if (seeds < 1 || prompts < 2) {
        throw new UserException(ExitCode.USAGE, "--seeds must be at least 1 and --prompts at least 2", null);
      }
      if (firstSeed < FIRST_FRESH_SEED) {
        throw new UserException(
            ExitCode.USAGE,
            "--first-seed: %d is below %d".formatted(firstSeed, FIRST_FRESH_SEED),
            "lower seeds served when the thresholds were set, so they prove nothing");
      }
    }

    /** One of every kind; of the graded one for each share. */
    List<PlantedSpec> specs(PlantedVariant variant, long seed) {
      return kinds.stream()
          .flatMap(
              kind -> {
                PlantedSpec spec = spec(kind, variant, seed);
                return kind == PlantedKind.GRADED ? shares.stream().map(spec::withShare) : Stream.of(spec);
              })
          .toList();
    }

    private PlantedSpec spec(PlantedKind kind, PlantedVariant variant, long seed) {
      PlantedSpec plain =
          new PlantedSpec(
              kind, seed, 0, Category.OR_BENCH.subList(0, categories), prompts, prompts,
              PlantedSpec.of(kind, seed).weightNoise(), 0);
      return variant.of(plain);
    }
  }

  private final Request request;
  private final int threads;
  private final Console console;
  private final StageRunner runner;

  PlantedTrials(Request request, int threads, Console console) {
    this.request = request;
    this.threads = threads;
    this.console = console;
    ConsoleProgress silent =
        new ConsoleProgress(console, true, System::currentTimeMillis, Interruption.listen());
    this.runner = Stages.runner(new StageRunner.Options(false, 1, silent, Versions::map, null));
  }

  /** Runs what has not run, then writes and prints the table. Exit code 1 when any answer is wrong. */
  int run() {
    List<Function<Console, Boolean>> trials = new ArrayList<>();
    int total = request.specs(PlantedVariant.PLAIN, request.firstSeed()).size() * request.variants().size() * request.seeds();
    for (long seed = request.firstSeed(); seed < request.firstSeed() + request.seeds(); seed++) {
      for (PlantedVariant variant : request.variants()) {
        for (PlantedSpec spec : request.specs(variant, seed)) {
          String count = "%d/%d".formatted(trials.size() + 1, total);
          trials.add(own -> trial(spec, variant, count, own));
        }
      }
    }
    SideBySide.run(trials, threads, console);
    Folders.delete(request.output().resolve("work"));
    PlantedSeries series = PlantedSeries.of(trials());
    console.out().println(series.markdown());
    Map<String, Object> file = new LinkedHashMap<>();
    file.put("format", "refusal-planted");
    file.put("version", 1);
    file.put("versions", Versions.map());
    file.put("sets", request.sets());
    file.put("series", series);
    Json.write(request.output().resolve("planted.json"), file);
    AtomicFiles.writeString(request.output().resolve("planted.md"), series.markdown());
    boolean wrong = series.rows().stream().anyMatch(row -> row.wrong() > 0);
    return wrong ? ExitCode.BUG.code() : ExitCode.OK.code();
  }

  private Path trialsFolder() {
    return request.output().resolve("trials");
  }

  /** Whether it had to be run. */
  private boolean trial(PlantedSpec spec, PlantedVariant variant, String count, Console own) {
    String name =
        "%s-%s-%dx%d-%d".formatted(
            spec.kind().text() + (spec.kind() == PlantedKind.GRADED ? "-" + spec.share() : ""), variant.text(), request.categories(), request.prompts(), spec.seed());
    Path file = trialsFolder().resolve(name + ".json");
    if (Files.isRegularFile(file)) {
      return false;
    }
    long started = System.currentTimeMillis();
    Path folder = request.output().resolve("work").resolve(name);
    Folders.delete(folder);
    Path planted = folder.resolve(spec.kind().text());
    PlantedModel.write(spec, planted);
    double legacy = request.legacy() ? legacySimilarity(planted, folder.resolve("legacy"), spec.seed()) : Double.NaN;
    Path results = folder.resolve("results");
    PlantedRun.plan(PlantedRun.SOUND, planted, results, spec.seed(), request.sets(), console.environment())
        .forEach(step -> step.run(runner));
    PlantedTrial trial =
        PlantedTrial.read(variant, spec, planted, results, PlantedRun.model(planted), legacy);
    Json.write(file, trial);
    Folders.delete(folder);
    own.err().println(
        "%s %s: right answer %s, found %s, %s".formatted(
            count, name, trial.expected(), trial.found(),
            ConsoleProgress.time(System.currentTimeMillis() - started)));
    return true;
  }

  /** The original project's circuits and their similarity: its stages up to the comparison. */
  private double legacySimilarity(Path planted, Path results, long seed) {
    for (Pipeline.Step<?> step :
        PlantedRun.plan(PlantedRun.LEGACY, planted, results, seed, List.of(), console.environment())) {
      step.run(runner);
      if (step.stage().name().equals("analyze")) {
        break;
      }
    }
    return PlantedTrial.legacySimilarity(results, PlantedRun.model(planted));
  }

  private List<PlantedTrial> trials() {
    try (Stream<Path> files = Files.list(trialsFolder())) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(".json"))
          .map(file -> Json.read(file, PlantedTrial.class))
          .sorted(
              Comparator.comparing((PlantedTrial trial) -> PlantedVariant.parse(trial.variant()).get(0))
                  .thenComparing(trial -> PlantedKind.parse(trial.kind()).get(0))
                  .thenComparing(PlantedTrial::share, Comparator.nullsFirst(Comparator.naturalOrder()))
                  .thenComparing(trial -> trial.toxicPerCategory().size())
                  .thenComparing(trial -> trial.toxicPerCategory().get(0))
                  .thenComparing(PlantedTrial::seed))
          .toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(trialsFolder(), e);
    }
  }

  /** Several kinds or variants separated by commas. */
  static <T> List<T> each(String text, java.util.function.Function<String, List<T>> parse) {
    List<T> all = new ArrayList<>();
    for (String part : text.split(",")) {
      all.addAll(parse.apply(part.strip()));
    }
    return all.stream().distinct().toList();
  }
}
