package org.refusal.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.config.Binder;
import org.refusal.config.Keys;
import org.refusal.io.Json;
import org.refusal.run.Pipeline;
import org.refusal.run.Stage;
import org.refusal.run.StageRunner;
import org.refusal.stage.Stages;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal run}: the whole pipeline from one YAML file, resuming. */
final class RunCommand {
  /** The stage that says the verdict. */
  private static final String VERDICT = "stats";

  private final Console console;

  RunCommand(Console console) {
    this.console = console;
  }

  CommandSpec spec() {
    CommandSpec spec =
        CommandTree.command(
            "run", "Run all stages from data to verdict, skipping what is up to date.", this::run);
    spec.addOption(
        OptionSpec.builder("--config").type(Path.class).paramLabel("FILE").required(true)
            .description("Pipeline file: one config per stage, e.g. configs/pipeline/smollm2_135m.yaml.").build());
    RunOptions.add(spec);
    RunOptions.addExplain(spec);
    for (Stage<?> stage : Stages.all()) {
      List<Keys.KeyInfo> keys =
          Keys.of(stage.configType()).stream()
              .map(key -> new Keys.KeyInfo(
                  key.path(), key.type(), key.def(), key.doc(), key.choices(),
                  key.options().stream().filter(Pipeline.SHARED_OPTIONS::contains).toList(), key.neutral()))
              .toList();
      StageCommand.addConfigOptions(spec, keys, Set.of());
    }
    return spec;
  }

  private int run(ParseResult arguments) {
    RunOptions options = RunOptions.of(arguments, console);
    Map<String, String> values = new LinkedHashMap<>();
    for (String option : Pipeline.SHARED_OPTIONS) {
      if (arguments.commandSpec().findOption(option) != null) {
        String value = StageCommand.value(arguments, option, null);
        if (value != null) {
          values.put(option, value);
        }
      }
    }
    Path file = arguments.matchedOptionValue("--config", null);
    List<Pipeline.Step<?>> steps = Stages.pipeline().plan(file, values, options.sets(), console.environment());
    if (options.dryRun()) {
      Map<String, Object> resolved = new LinkedHashMap<>();
      steps.forEach(step -> resolved.put(step.title(), Binder.toMap(step.config(), true)));
      console.out().print(Json.toText(resolved));
      steps.forEach(step -> console.err().println(step.title() + ": " + state(step)));
      return ExitCode.OK.code();
    }
    if (options.explain()) {
      StageRunner runner = options.runner(console);
      steps.forEach(step -> explain(step, runner));
      return ExitCode.OK.code();
    }
    runSteps(steps, options, console);
    return ExitCode.OK.code();
  }

  private <C extends Record> void explain(Pipeline.Step<C> step, StageRunner runner) {
    try {
      runner.explain(step.stage(), step.config())
          .forEach(line -> console.out().println(step.title() + ": " + line));
    } catch (UserException e) {
      console.out().println(step.title() + ": cannot run yet: " + e.getMessage());
    }
  }

  /** What a dry run says of a step: whether its inputs are there. */
  private static <C extends Record> String state(Pipeline.Step<C> step) {
    try {
      List<Path> inputs = step.stage().inputs(step.config());
      List<Path> missing = inputs.stream().filter(input -> !Files.isRegularFile(input)).toList();
      return missing.isEmpty()
          ? "would read %d files".formatted(inputs.size())
          : "would read %d files, of which %d are missing, the first %s"
              .formatted(inputs.size(), missing.size(), missing.get(0));
    } catch (UserException e) {
      return "cannot run yet: " + e.getMessage() + e.advice().map(advice -> "; " + advice).orElse("");
    }
  }

  /** Runs the steps one after the other and says what each did; the verdict comes last, whatever follows it. */
  static void runSteps(List<Pipeline.Step<?>> steps, RunOptions options, Console console) {
    StageRunner runner = options.runner(console);
    List<String> verdict = List.of();
    try {
      for (Pipeline.Step<?> step : steps) {
        StageRunner.Outcome outcome = step.run(runner);
        if (step.saeSeed() != null) {
          options.report(console, outcome, "SAE seed %d: ".formatted(step.saeSeed()));
        } else if (step.stage().name().equals(VERDICT)) {
          verdict = outcome.manifest().summary();
          options.reportTime(console, outcome, "");
        } else {
          options.report(console, outcome);
        }
      }
    } finally {
      verdict.forEach(console.out()::println);
      console.out().flush();
    }
  }
}
