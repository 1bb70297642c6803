package org.refusal.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.ExitCode;
import org.refusal.config.Binder;
import org.refusal.config.Keys;
import org.refusal.io.Json;
import org.refusal.stage.Pipeline;
import org.refusal.stage.Stage;
import org.refusal.stage.StageRunner;
import org.refusal.stage.Stages;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal run}: the whole pipeline from one YAML file, resuming. */
final class RunCommand {
  /** Options that mean the same in every stage. */
  private static final Set<String> SHARED =
      new LinkedHashSet<>(
          List.of("--model", "--dataset-dir", "--results-dir", "--categories", "--seed", "--device", "--cache-dir",
              "--format", "--no-visualizations", "--keep-going"));

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
    for (Stage<?> stage : Stages.all()) {
      List<Keys.KeyInfo> keys =
          Keys.of(stage.configType()).stream()
              .map(key -> new Keys.KeyInfo(
                  key.path(), key.type(), key.def(), key.doc(), key.choices(),
                  key.options().stream().filter(SHARED::contains).toList(), key.neutral()))
              .toList();
      StageCommand.addConfigOptions(spec, keys, Set.of());
    }
    return spec;
  }

  private int run(ParseResult arguments) {
    RunOptions options = RunOptions.of(arguments, console);
    Map<String, String> values = new LinkedHashMap<>();
    for (String option : SHARED) {
      if (arguments.commandSpec().findOption(option) != null) {
        String value = StageCommand.value(arguments, option, null);
        if (value != null) {
          values.put(option, value);
        }
      }
    }
    Path file = arguments.matchedOptionValue("--config", null);
    List<Pipeline.Step<?>> steps = Pipeline.plan(file, values, options.sets(), console.environment());
    if (options.dryRun()) {
      Map<String, Object> resolved = new LinkedHashMap<>();
      steps.forEach(step -> resolved.put(step.title(), Binder.toMap(step.config(), true)));
      console.out().print(Json.toText(resolved));
      return ExitCode.OK.code();
    }
    runSteps(steps, options, console);
    return ExitCode.OK.code();
  }

  /** Runs the steps one after the other and says what each did; the verdict comes last, whatever follows it. */
  static List<StageRunner.Outcome> runSteps(List<Pipeline.Step<?>> steps, RunOptions options, Console console) {
    StageRunner runner = options.runner(console);
    List<StageRunner.Outcome> outcomes = new ArrayList<>();
    List<String> verdict = List.of();
    try {
      for (Pipeline.Step<?> step : steps) {
        StageRunner.Outcome outcome = step.run(runner);
        outcomes.add(outcome);
        if (step.saeSeed() != null) {
          RunOptions.report(console, outcome, "SAE seed %d: ".formatted(step.saeSeed()));
        } else if (step.stage().name().equals(VERDICT)) {
          verdict = outcome.manifest().summary();
          RunOptions.reportTime(console, outcome, "");
        } else {
          RunOptions.report(console, outcome);
        }
      }
    } finally {
      verdict.forEach(console.out()::println);
      console.out().flush();
    }
    return outcomes;
  }
}
