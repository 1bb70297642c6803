package org.refusal.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.refusal.base.Progress;
import org.refusal.base.Suggestions;
import org.refusal.run.RunManifest;
import org.refusal.run.StageRunner;
import org.refusal.stage.Stages;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The options that every command which runs stages has. */
record RunOptions(
    List<String> sets, int threads, boolean fresh, boolean dryRun, boolean explain, boolean quiet, String logLevel) {

  private static final List<String> LOG_LEVELS = List.of("error", "warn", "info", "debug");

  static void add(CommandSpec spec) {
    spec.addOption(
        OptionSpec.builder("--set")
            .type(List.class)
            .auxiliaryTypes(String.class)
            .paramLabel("KEY=VALUE")
            .description("Set any config key, e.g. --set sae.k=64; may be given several times.")
            .build());
    spec.addOption(
        OptionSpec.builder("--threads")
            .type(int.class)
            .paramLabel("N")
            .defaultValue(Integer.toString(Runtime.getRuntime().availableProcessors()))
            .description("CPU threads to use; changes results by rounding at most. Default: all (${DEFAULT-VALUE}).")
            .build());
    spec.addOption(
        OptionSpec.builder("--fresh").type(boolean.class).arity("0")
            .description("Run even what is up to date, from the beginning.").build());
    spec.addOption(
        OptionSpec.builder("--resume").type(boolean.class).arity("0")
            .description("Go on where an earlier run stopped (the default).").build());
    spec.addOption(
        OptionSpec.builder("--dry-run", "--dry_run").type(boolean.class).arity("0")
            .description("Print the resolved config and what would be read; run nothing.").build());
    spec.addOption(
        OptionSpec.builder("--log-level", "--log_level").type(String.class).paramLabel("LEVEL").defaultValue("warn")
            .description("error, warn, info or debug; logs go to standard error. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("-q", "--quiet").type(boolean.class).arity("0")
            .description("Show no progress.").build());
  }

  static RunOptions of(ParseResult arguments, Console console) {
    List<String> sets = arguments.matchedOptionValue("--set", List.of());
    int threads = (int) arguments.commandSpec().findOption("--threads").getValue();
    if (threads < 1) {
      throw usage(arguments, "--threads " + threads + ": at least 1 thread is needed");
    }
    if (arguments.hasMatchedOption("--fresh") && arguments.hasMatchedOption("--resume")) {
      throw usage(arguments, "--fresh and --resume contradict each other; give one of them");
    }
    String level = (String) arguments.commandSpec().findOption("--log-level").getValue();
    if (!LOG_LEVELS.contains(level.toLowerCase(Locale.ROOT))) {
      throw usage(
          arguments,
          "--log-level " + level + ": not one of " + String.join(", ", LOG_LEVELS)
              + Suggestions.didYouMean(level, LOG_LEVELS));
    }
    RunOptions options =
        new RunOptions(
            sets,
            threads,
            arguments.hasMatchedOption("--fresh"),
            arguments.hasMatchedOption("--dry-run"),
            arguments.hasMatchedOption("--explain"),
            arguments.hasMatchedOption("--quiet"),
            level);
    EnvironmentVariables.warnings(console.environment().keySet()).forEach(console.err()::println);
    ((Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME))
        .setLevel(Level.toLevel(options.logLevel(), Level.WARN));
    return options;
  }

  static void addExplain(CommandSpec spec) {
    spec.addOption(
        OptionSpec.builder("--explain").type(boolean.class).arity("0")
            .description("Say what changed since the last run; run nothing.").build());
  }

  private static CommandLine.ParameterException usage(ParseResult arguments, String message) {
    return new CommandLine.ParameterException(arguments.commandSpec().commandLine(), message);
  }

  RunOptions withThreads(int each) {
    return new RunOptions(sets, each, fresh, dryRun, explain, quiet, logLevel);
  }

  /** Shows how far work is, and ends it when the process is interrupted. */
  Progress progress(Console console) {
    AtomicBoolean interrupted = Interruption.listen();
    return new ConsoleProgress(console, quiet, System::currentTimeMillis, interrupted);
  }

  StageRunner runner(Console console) {
    return Stages.runner(
        new StageRunner.Options(fresh, threads, progress(console), Versions::map, console.environment().get("SLURM_JOB_ID")));
  }

  /** The lines of a finished stage, and how long it took. */
  void report(Console console, StageRunner.Outcome outcome) {
    report(console, outcome, "");
  }

  /** @param prefix of every line */
  void report(Console console, StageRunner.Outcome outcome, String prefix) {
    outcome.manifest().summary().forEach(line -> console.out().println(prefix + line));
    console.out().flush();
    reportTime(console, outcome, prefix);
  }

  void reportTime(Console console, StageRunner.Outcome outcome, String prefix) {
    if (quiet) {
      return;
    }
    RunManifest manifest = outcome.manifest();
    console.err().println(
        prefix + (outcome.skipped()
            ? "%s: up to date (made %s, %s)".formatted(
                manifest.stage(), manifest.finished(), ConsoleProgress.time((long) (manifest.wallSeconds() * 1000)))
            : "%s: done in %s, peak memory %s".formatted(
                manifest.stage(),
                ConsoleProgress.time((long) (manifest.wallSeconds() * 1000)),
                manifest.peakMemoryBytes() < 0
                    ? "not known"
                    : "%.2f GiB".formatted(manifest.peakMemoryBytes() / (double) (1 << 30)))));
  }
}
