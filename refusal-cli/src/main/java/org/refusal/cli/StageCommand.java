package org.refusal.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.config.AnalyzeDataConfig;
import org.refusal.config.Binder;
import org.refusal.config.Binder.Draft;
import org.refusal.config.Binder.Override;
import org.refusal.config.CollectConfig;
import org.refusal.config.Keys;
import org.refusal.io.Json;
import org.refusal.run.Stage;
import org.refusal.run.StageRunner;
import org.refusal.stage.LayerSearch;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The command of a stage: everything follows from the stage and its config record. */
final class StageCommand<C extends Record> {
  private static final String FIND_LAYERS = "--find-layers";

  private final Stage<C> stage;
  private final Console console;

  StageCommand(Stage<C> stage, Console console) {
    this.stage = stage;
    this.console = console;
  }

  CommandSpec spec() {
    CommandSpec spec = CommandTree.command(stage.name(), stage.summary(), this::run);
    spec.addOption(
        OptionSpec.builder(
                hasOwnDataConfig()
                    ? new String[] {"--config"}
                    : new String[] {"--config", "--data-config", "--data_config"})
            .type(Path.class)
            .paramLabel("FILE")
            .description("YAML file with the keys of this stage.")
            .build());
    if (hasOwnDataConfig()) {
      spec.addOption(
          OptionSpec.builder("--data-config", "--data_config")
              .type(Path.class)
              .paramLabel("FILE")
              .description("A file of configs/data: its dataset section takes the place of the data keys of --config.")
              .build());
      spec.addOption(
          OptionSpec.builder(FIND_LAYERS, "--find_layers")
              .type(boolean.class)
              .arity("0")
              .description("Find out on a few prompts at which layer the model decides, and propose hook points; collect nothing.")
              .build());
    }
    RunOptions.add(spec);
    RunOptions.addExplain(spec);
    addConfigOptions(spec, Keys.of(stage.configType()), Set.of());
    return spec;
  }

  /** collect takes its prompts from a file of their own, as the original project's script did. */
  private boolean hasOwnDataConfig() {
    return stage.configType() == CollectConfig.class;
  }

  /** The keys that the dataset section of a data config gives, as keys of {@code data}. */
  private Draft withDataset(Draft draft, Path file) {
    Draft dataset = Binder.file(file);
    Binder.bind(AnalyzeDataConfig.class, dataset, console.environment()::get);
    Draft merged = draft;
    for (String key : List.of("path", "categories", "category_balance_strategy", "include_hard")) {
      merged = merged.with(dataset, "dataset." + key, "data." + key);
    }
    return merged;
  }

  /** One option per config key that names some, with both spellings, its default and its key. */
  static void addConfigOptions(CommandSpec spec, List<Keys.KeyInfo> keys, Set<String> without) {
    for (Keys.KeyInfo key : keys) {
      Set<String> names = new LinkedHashSet<>();
      for (String option : key.options()) {
        if (!without.contains(option) && spec.findOption(option) == null) {
          names.add(option);
          names.add("--" + option.substring(2).replace('-', '_'));
        }
      }
      names.removeIf(name -> spec.findOption(name) != null);
      if (names.isEmpty()) {
        continue;
      }
      OptionSpec.Builder option =
          OptionSpec.builder(names.toArray(String[]::new))
              .description(
                  key.negated(names.iterator().next()) ? "Not this: " + key.doc() : key.doc(),
                  "  key " + key.path() + ", default " + (key.def() == null ? "none: must be given" : key.def()));
      if (key.type().equals("true or false")) {
        option.type(boolean.class).arity("0");
      } else if (key.type().startsWith("list")) {
        option.type(String[].class).auxiliaryTypes(String.class).arity("1..*").paramLabel("NAME").splitRegex(",");
      } else {
        option.type(String.class).paramLabel(label(key));
      }
      spec.addOption(option.build());
    }
  }

  private static String label(Keys.KeyInfo key) {
    if (!key.choices().isEmpty()) {
      return String.join("|", key.choices());
    }
    if (!key.type().equals("text")) {
      return "N";
    }
    return key.path().startsWith("output.") || key.path().endsWith(".path") || key.path().endsWith("_dir")
        ? "FOLDER"
        : "NAME";
  }

  /** The values of config options as overrides; {@code null} where the option was not given. */
  static String value(ParseResult arguments, String option, Keys.KeyInfo key) {
    if (!arguments.hasMatchedOption(option)) {
      return null;
    }
    Object value = arguments.matchedOptionValue(option, null);
    if (value instanceof String[] list) {
      return Arrays.stream(list).map(StageCommand::quoted).collect(Collectors.joining(", ", "[", "]"));
    }
    return String.valueOf(value);
  }

  /** As YAML takes it for a text, whatever is in it. */
  private static String quoted(String text) {
    return '"' + text.strip().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  /**
   * What a stage would read and where it would write. Inputs that are not there, because an earlier stage has not run
   * or the model has not been fetched, are part of the plan; a config that cannot work is an error all the same.
   */
  static <C extends Record> List<String> plan(Stage<C> stage, C config) {
    List<String> plan = new ArrayList<>();
    try {
      List<Path> inputs = stage.inputs(config);
      plan.add(stage.name() + " would read:");
      inputs.forEach(input -> plan.add("  " + input + (Files.isRegularFile(input) ? "" : "  (missing)")));
    } catch (UserException e) {
      if (e.exitCode() == ExitCode.BAD_CONFIG) {
        throw e;
      }
      plan.add(stage.name() + " cannot run yet: " + e.getMessage());
      e.advice().ifPresent(advice -> plan.add("  " + advice));
    }
    plan.add("and write below " + stage.resultDir(config));
    return plan;
  }

  private int run(ParseResult arguments) {
    RunOptions options = RunOptions.of(arguments, console);
    Path file = arguments.matchedOptionValue("--config", null);
    Draft draft = file == null ? Binder.empty() : Binder.file(file);
    if (hasOwnDataConfig() && arguments.hasMatchedOption("--data-config")) {
      draft = withDataset(draft, arguments.matchedOptionValue("--data-config", null));
    }
    for (Override override : Binder.environment(stage.configType(), console.environment())) {
      draft = draft.with(override);
    }
    for (String set : options.sets()) {
      String[] parts = set.split("=", 2);
      if (parts.length != 2 || parts[0].isBlank()) {
        throw UserException.badConfig("--set " + set + ": expected path.to.key=value");
      }
      draft = draft.with(new Override(parts[0].strip(), parts[1], false, "--set " + set));
    }
    for (Keys.KeyInfo key : Keys.of(stage.configType())) {
      for (String option : key.options()) {
        String value = arguments.commandSpec().findOption(option) == null ? null : value(arguments, option, key);
        if (value != null) {
          String meant = key.negated(option) ? "false" : value;
          draft = draft.with(new Override(key.path(), meant, key.type().equals("text"), option));
          break;
        }
      }
    }
    C config = Binder.bind(stage.configType(), draft, console.environment()::get);
    boolean findLayers = config instanceof CollectConfig && arguments.hasMatchedOption(FIND_LAYERS);
    if (options.dryRun()) {
      List<String> plan = new ArrayList<>(plan(stage, config));
      if (findLayers) {
        plan.set(plan.size() - 1, "and write " + LayerSearch.file((CollectConfig) config));
      }
      console.out().print(Json.toText(Binder.toMap(config, true)));
      plan.forEach(console.err()::println);
      return ExitCode.OK.code();
    }
    if (findLayers) {
      if (options.explain()) {
        throw UserException.usage("--explain says nothing of --find-layers, which always runs", "leave one of them out");
      }
      CollectConfig collect = (CollectConfig) config;
      new LayerSearch(collect, options.progress(console), options.threads())
          .run()
          .lines(LayerSearch.file(collect))
          .forEach(console.out()::println);
      return ExitCode.OK.code();
    }
    StageRunner runner = options.runner(console);
    if (options.explain()) {
      runner.explain(stage, config).forEach(console.out()::println);
      return ExitCode.OK.code();
    }
    options.report(console, runner.run(stage, config));
    return ExitCode.OK.code();
  }
}
