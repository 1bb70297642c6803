package org.refusal.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.io.Json;
import org.refusal.run.Pipeline;
import org.refusal.run.ResultLayout;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal demo}: plants models whose truth is known, runs the whole pipeline on them, compares. */
final class DemoCommand {
  private static final long SEED = 1;

  private final Console console;

  DemoCommand(Console console) {
    this.console = console;
  }

  CommandSpec spec() {
    CommandSpec spec =
        CommandTree.command(
            "demo", "Plant models whose truth is known, run all stages, and compare.", this::run);
    spec.addOption(
        OptionSpec.builder("--kind").type(String.class).paramLabel("KIND").defaultValue("")
            .description("monolithic, modular, mixed, graded, none or all. Default: monolithic and modular.").build());
    spec.addOption(
        OptionSpec.builder("--output-dir", "--output_dir").type(Path.class).paramLabel("FOLDER")
            .description("Where models and results go. Default: results/demo.")
            .build());
    spec.addOption(
        OptionSpec.builder("--seed").type(long.class).paramLabel("N").defaultValue(Long.toString(SEED))
            .description("Seed of the planted models and of every random choice. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--leak").type(double.class).paramLabel("X").defaultValue("0")
            .description("Let the category's own evidence accompany refusal, so strongly: the hard case. Default: 0.")
            .build());
    spec.addOption(
        OptionSpec.builder("--share").type(double.class).paramLabel("X").defaultValue(Double.toString(PlantedSpec.USUAL_SHARE))
            .description(
                "How much of what makes a graded model refuse is common to all categories, between 0 and 1. Default:"
                    + " ${DEFAULT-VALUE}.")
            .build());
    spec.addOption(
        OptionSpec.builder("--keep").type(boolean.class).arity("0")
            .description("Leave the planted checkpoints and prompts.").build());
    RunOptions.add(spec);
    return spec;
  }

  private int run(ParseResult arguments) {
    RunOptions options = RunOptions.of(arguments, console);
    String kind = (String) arguments.commandSpec().findOption("--kind").getValue();
    List<PlantedKind> kinds =
        kind.isEmpty() ? List.of(PlantedKind.MONOLITHIC, PlantedKind.MODULAR) : PlantedKind.parse(kind);
    long seed = (long) arguments.commandSpec().findOption("--seed").getValue();
    double leak = (double) arguments.commandSpec().findOption("--leak").getValue();
    double share = (double) arguments.commandSpec().findOption("--share").getValue();
    if (arguments.hasMatchedOption("--share") && !kinds.contains(PlantedKind.GRADED)) {
      throw new UserException(ExitCode.USAGE, "--share needs --kind graded", null);
    }
    List<PlantedSpec> specs =
        kinds.stream().map(each -> PlantedSpec.of(each, seed).withLeak(leak).withShare(share)).toList();
    Path folder = arguments.matchedOptionValue("--output-dir", Path.of("results", "demo"));
    if (options.dryRun()) {
      specs.forEach(each ->
          console.out().println(
              "would plant a %s model (truth %s, seed %d) in %s and run all stages on it"
                  .formatted(each.kind().text(), each.verdict(), seed, folder.resolve(each.kind().text()))));
      return ExitCode.OK.code();
    }
    int atOnce = Math.min(options.threads(), kinds.size());
    RunOptions each = options.withThreads(options.threads() / atOnce);
    List<Comparison> comparisons =
        SideBySide.run(
            specs.stream()
                .<Function<Console, Comparison>>map(
                    planted -> own -> {
                      Comparison comparison = compare(planted, folder, each, own);
                      if (!arguments.hasMatchedOption("--keep")) {
                        removeModel(folder.resolve(planted.kind().text()));
                      }
                      return comparison;
                    })
                .toList(),
            atOnce,
            console);
    console.out().println();
    comparisons.forEach(comparison -> console.out().println(comparison.line()));
    kinds.forEach(planted ->
        console.out().println("report: " + folder.resolve(planted.text()).resolve("results").resolve("reports")));
    return comparisons.stream().allMatch(Comparison::right) ? ExitCode.OK.code() : ExitCode.BUG.code();
  }

  /** What was planted and what was found. */
  private record Comparison(PlantedSpec spec, String found) {
    String line() {
      return "%s truth: %s found: %s".formatted(spec.kind().text(), spec.verdict(), found);
    }

    boolean right() {
      return found.equals(spec.verdict());
    }
  }

  private static Comparison compare(PlantedSpec spec, Path folder, RunOptions options, Console console) {
    Path planted = folder.resolve(spec.kind().text());
    PlantedModel.write(spec, planted);
    Path results = planted.resolve("results");
    List<Pipeline.Step<?>> steps =
        PlantedRun.plan(PlantedRun.SOUND, planted, results, spec.seed(), options.sets(), console.environment());
    RunCommand.runSteps(steps, options, console);
    JsonNode stats = Json.read(new ResultLayout(results).stats(PlantedRun.model(planted)));
    Comparison comparison = new Comparison(spec, stats.path("verdict").path("answer").asText());
    console.err().println(comparison.line());
    return comparison;
  }

  /** Removes what was planted; results and truth stay. */
  private static void removeModel(Path planted) {
    try (Stream<Path> files = Files.list(planted)) {
      for (Path file : files.sorted(Comparator.naturalOrder()).toList()) {
        if (Files.isRegularFile(file) && !file.getFileName().toString().equals("truth.json")) {
          Files.delete(file);
        }
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(planted, e);
    }
  }
}
