package org.refusal.cli;

import java.nio.file.Path;
import java.util.List;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.config.Binder;
import org.refusal.config.StatsConfig;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedSpec;
import org.refusal.demo.PlantedVariant;
import org.refusal.io.Json;
import org.refusal.trial.Calibration;
import org.refusal.trial.CalibrationFigures;
import org.refusal.trial.RealVectors;
import org.refusal.trial.VectorCalibration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal calibrate}: error rates, coverage and power of the statistics, by simulation or on planted models. */
final class CalibrateCommand {
  private static final int SIMULATIONS = 500;

  /** What is calibrated on. */
  private enum Mode {
    SIMULATION,
    VECTORS,
    PLANTED
  }

  private static final List<String> OF_SIMULATIONS = List.of("--seed", "--simulations");
  private static final List<String> OF_PLANTED =
      List.of("--kinds", "--variants", "--first-seed", "--seeds", "--categories", "--prompts", "--shares", "--legacy", "--set");

  private CalibrateCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "calibrate",
            "How far to trust the statistics: by simulation, with a real model's vectors, or on planted models.",
            arguments -> {
              Mode mode = mode(arguments);
              refuseOptionsOfOtherModes(arguments, mode);
              if (mode == Mode.PLANTED) {
                return planted(arguments, console).run();
              }
              long seed = (long) arguments.commandSpec().findOption("--seed").getValue();
              int threads = threads(arguments);
              int simulations = simulations(arguments);
              Calibration.Options options = Calibration.Options.full(seed, threads).simulations(simulations);
              StatsConfig.Verdict thresholds =
                  Binder.bind(StatsConfig.Verdict.class, Binder.empty(), console.environment()::get);
              Progress progress =
                  new ConsoleProgress(console, false, System::currentTimeMillis, Interruption.listen());
              Path output = arguments.matchedOptionValue("--output", null);
              if (mode == Mode.VECTORS) {
                VectorCalibration calibration =
                    VectorCalibration.run(
                        RealVectors.read(
                            arguments.matchedOptionValue("--vectors", null),
                            arguments.matchedOptionValue("--hook-point", null)),
                        options,
                        thresholds,
                        progress);
                write(console, calibration.markdown(), calibration, output, "calibration_vectors");
                return ExitCode.OK.code();
              }
              Calibration calibration = Calibration.run(options, thresholds, progress);
              write(console, calibration.markdown(), calibration, output, "calibration");
              if (output != null) {
                CalibrationFigures.write(calibration, output);
              }
              return ExitCode.OK.code();
            });
    spec.addOption(
        OptionSpec.builder("--seed").type(long.class).paramLabel("N").defaultValue("42")
            .description("Seed of the simulations. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--threads").type(int.class).paramLabel("N")
            .defaultValue(Integer.toString(Runtime.getRuntime().availableProcessors()))
            .description("CPU threads to use; changes no result. Default: all (${DEFAULT-VALUE}).").build());
    spec.addOption(
        OptionSpec.builder("--simulations").type(int.class).paramLabel("N").defaultValue(Integer.toString(SIMULATIONS))
            .description("Simulations per row of coverage; rows of answers take half as many. Default: ${DEFAULT-VALUE}.").build());
    addVectors(spec);
    addPlanted(spec);
    spec.addOption(
        OptionSpec.builder("--output", "--output-dir", "--output_dir").type(Path.class).paramLabel("FOLDER")
            .description("Also write calibration.json, calibration.md and a figure there. With --planted: results/planted by default.").build());
    return spec;
  }

  private static Mode mode(ParseResult arguments) {
    boolean planted = arguments.hasMatchedOption("--planted");
    boolean vectors = arguments.hasMatchedOption("--vectors");
    if (planted && vectors) {
      throw new UserException(ExitCode.USAGE, "--planted and --vectors exclude each other", null);
    }
    if (vectors != arguments.hasMatchedOption("--hook-point")) {
      throw new UserException(
          ExitCode.USAGE, "--vectors and --hook-point belong together",
          "for example: --vectors results --hook-point residuals_15");
    }
    return planted ? Mode.PLANTED : vectors ? Mode.VECTORS : Mode.SIMULATION;
  }

  private static void refuseOptionsOfOtherModes(ParseResult arguments, Mode mode) {
    boolean planted = mode == Mode.PLANTED;
    for (String option : planted ? OF_SIMULATIONS : OF_PLANTED) {
      if (arguments.hasMatchedOption(option)) {
        throw new UserException(
            ExitCode.USAGE, option + (planted ? " has no effect with --planted" : " needs --planted"), null);
      }
    }
  }

  /** The tables on the console, and both files where a folder is given. */
  private static void write(Console console, String markdown, Object calibration, Path output, String name) {
    console.out().println(markdown);
    if (output != null) {
      Json.write(output.resolve(name + ".json"), calibration);
      AtomicFiles.writeString(output.resolve(name + ".md"), markdown);
    }
  }

  private static void addVectors(CommandSpec spec) {
    spec.addOption(
        OptionSpec.builder("--vectors").type(Path.class).paramLabel("RESULTS")
            .description(
                "Simulate with the vectors of a real model's prompts, from a results folder in which discover has run.")
            .build());
    spec.addOption(
        OptionSpec.builder("--hook-point", "--hook_point").type(String.class).paramLabel("NAME")
            .description("Of --vectors: where, such as residuals_15.").build());
  }

  private static void addPlanted(CommandSpec spec) {
    spec.addOption(
        OptionSpec.builder("--planted").type(boolean.class).arity("0")
            .description("Plant models whose truth is known, run all stages on each, and count right answers.").build());
    spec.addOption(
        OptionSpec.builder("--kinds").type(String.class).paramLabel("A,B").defaultValue("all")
            .description("Of --planted: monolithic, modular, mixed, graded, none or all. Default: all.").build());
    spec.addOption(
        OptionSpec.builder("--variants").type(String.class).paramLabel("A,B").defaultValue("plain")
            .description(
                "Of --planted: plain, leak, noise, unequal, mislabelled, few or all. Default: plain.").build());
    spec.addOption(
        OptionSpec.builder("--seeds").type(int.class).paramLabel("N").defaultValue("20")
            .description("Of --planted: models of each kind and variant. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--first-seed", "--first_seed").type(long.class).paramLabel("N")
            .defaultValue(Long.toString(PlantedTrials.FIRST_FRESH_SEED))
            .description("Of --planted: seed of the first model; the others follow. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--categories").type(int.class).paramLabel("N").defaultValue("10")
            .description("Of --planted: number of categories. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--prompts").type(int.class).paramLabel("N").defaultValue("36")
            .description("Of --planted: prompts per category and side. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--shares").type(String.class).paramLabel("X,Y").defaultValue(Double.toString(PlantedSpec.USUAL_SHARE))
            .description(
                "Of --planted: a graded model for each of these shares of common cause, between 0 and 1. Default:"
                    + " ${DEFAULT-VALUE}.")
            .build());
    spec.addOption(
        OptionSpec.builder("--legacy").type(boolean.class).arity("0")
            .description("Of --planted: also measure the original project's similarity.").build());
    spec.addOption(
        OptionSpec.builder("--set").type(List.class).auxiliaryTypes(String.class).paramLabel("KEY=VALUE")
            .description("Of --planted: set any config key of the pipeline; may be given several times.").build());
  }

  private static int threads(ParseResult arguments) {
    int threads = value(arguments, "--threads");
    if (threads < 1) {
      throw new UserException(ExitCode.USAGE, "--threads: %d is less than 1".formatted(threads), null);
    }
    return threads;
  }

  private static int simulations(ParseResult arguments) {
    int simulations = value(arguments, "--simulations");
    if (simulations < 1) {
      throw new UserException(ExitCode.USAGE, "--simulations: %d is less than 1".formatted(simulations), null);
    }
    return simulations;
  }

  private static PlantedTrials planted(ParseResult arguments, Console console) {
    PlantedTrials.Request request =
        new PlantedTrials.Request(
            PlantedTrials.each(value(arguments, "--kinds"), PlantedKind::parse),
            PlantedTrials.each(value(arguments, "--variants"), PlantedVariant::parse),
            value(arguments, "--first-seed"),
            value(arguments, "--seeds"),
            value(arguments, "--categories"),
            value(arguments, "--prompts"),
            PlantedTrials.each(value(arguments, "--shares"), CalibrateCommand::share),
            arguments.hasMatchedOption("--legacy"),
            arguments.matchedOptionValue("--set", List.of()),
            arguments.matchedOptionValue("--output", Path.of("results", "planted")));
    return new PlantedTrials(request, threads(arguments), console);
  }

  private static List<Double> share(String text) {
    try {
      return List.of(Double.valueOf(text));
    } catch (NumberFormatException e) {
      throw new UserException(ExitCode.USAGE, "--shares: '" + text + "' is no number", "for example: --shares 0.4,0.6");
    }
  }

  private static <T> T value(ParseResult arguments, String option) {
    return arguments.commandSpec().findOption(option).getValue();
  }
}
