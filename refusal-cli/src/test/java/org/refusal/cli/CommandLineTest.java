package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.config.Keys;
import org.refusal.run.Pipeline;
import org.refusal.run.Stage;
import org.refusal.stage.Stages;
import picocli.CommandLine;

class CommandLineTest {
  @TempDir Path folder;
  private Path data;

  private record Ran(int code, String out, String err) {}

  private static Ran run(Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), environment, arguments);
    return new Ran(code, out.toString(), err.toString());
  }

  private static Ran run(String... arguments) {
    return run(Map.of(), arguments);
  }

  @BeforeEach
  void prompts() throws IOException {
    data = Files.createDirectories(folder.resolve("data"));
    Files.writeString(
        data.resolve("or-bench-toxic.csv"), "\uFEFFprompt,category\nhow to harm,violence\nhow to lie,deception\n");
    Files.writeString(
        data.resolve("or-bench-80k.csv"),
        "prompt,category\n\"a, quoted one\",violence\ntell me,deception\nanother,deception\n");
    Files.writeString(data.resolve("or-bench-hard-1k.csv"), "prompt,category\n");
  }

  private String results() {
    return folder.resolve("results").toString();
  }

  @Test
  void analyzesDataAndSkipsWhatIsUpToDate() {
    Ran first = run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results());

    assertThat(first.err()).doesNotContain("error");
    assertThat(first.code()).isZero();
    assertThat(first.out()).contains("5 prompts in 2 categories: 2 toxic, 0 hard, 3 safe");
    assertThat(folder.resolve("results/data_analysis/data_statistics.json")).exists();
    assertThat(folder.resolve("results/data_analysis/prompts_by_category.png")).isNotEmptyFile();

    Ran again = run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results());
    assertThat(again.code()).isZero();
    assertThat(again.out()).isEqualTo(first.out());
    assertThat(again.err()).contains("up to date");

    Ran explained =
        run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results(), "--explain",
            "--set", "dataset.shuffle=false");
    assertThat(explained.out()).contains("config dataset.shuffle: true, now false");

    Ran status = run("status", "--results-dir", results());
    assertThat(status.out()).contains("analyze-data").contains("collect        not run");
  }

  @Test
  void aChangedOutputIsMadeAgain() throws IOException {
    run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results(), "-q");
    Path statistics = folder.resolve("results/data_analysis/data_statistics.json");
    String before = Files.readString(statistics);
    Files.writeString(statistics, "{}");

    Ran again = run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results());

    assertThat(again.err()).contains("done in");
    assertThat(Files.readString(statistics)).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "dataset: {path: DATA, catgories: []} | c.yaml:1:23: unknown key 'dataset.catgories'; did you mean categories?",
        "dataset: {path: DATA, shuffle: 7} | c.yaml:1:32: 'dataset.shuffle' must be true or false, not '7'",
        "analysis: {plots: {dpi: high}} | c.yaml:1:25: 'analysis.plots.dpi' must be a whole number, not 'high'",
        "dataset: {category_balance_strategy: equalise} | 'equalise' is not a value of 'dataset.category_balance_strategy'; did you mean equalize?",
        "seed: 1\\nseed: 2 | c.yaml:2:1: key 'seed' stands here a second time",
      })
  void aWrongConfigIsOneLineWithItsPlace(String yaml, String message) throws IOException {
    Path config = folder.resolve("c.yaml");
    Files.writeString(config, yaml.replace("DATA", data.toString()).replace("\\n", "\n"));

    Ran ran = run("analyze-data", "--config", config.toString(), "--results-dir", results());

    String place = message.startsWith("c.yaml:1:") && yaml.contains("DATA") ? message.replaceFirst("c.yaml:1:\\d+: ", "") : message;
    assertThat(ran.err()).startsWith("refusal: error: ").contains(place).contains("c.yaml:");
    assertThat(ran.code()).isEqualTo(78);
    assertThat(ran.out()).isEmpty();
    assertThat(folder.resolve("results")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "prompt,category\\nx,violence\\n\"never closed,violence\\n | or-bench-toxic.csv:3: record 2: a quote is opened and never closed",
        "text,category\\nx,violence\\n | or-bench-toxic.csv:1: no column prompt; found: text, category",
        "prompt,category\\nx,violence,more\\n | or-bench-toxic.csv:2: record 1 has 3 cells, the header 2",
        "prompt,category\\n ,violence\\n | or-bench-toxic.csv:2: record 1 has an empty prompt",
        "prompt,category\\n | or-bench-toxic.csv: no prompts, only a header",
      })
  void damagedDataIsNamedByFileLineAndRecord(String csv, String message) throws IOException {
    Files.writeString(data.resolve("or-bench-toxic.csv"), csv.replace("\\n", "\n"));

    Ran ran = run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results());

    assertThat(ran.err()).startsWith("refusal: error: ").contains(message);
    assertThat(ran.code()).isEqualTo(65);
    assertThat(folder.resolve("results/data_analysis")).doesNotExist();
  }

  @Test
  void anUnknownCategoryIsSuggested() {
    Ran ran =
        run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results(), "--categories", "violense");

    assertThat(ran.err()).contains("category violense is not in").contains("did you mean violence?");
    assertThat(ran.code()).isEqualTo(78);
  }

  @Test
  void missingFilesAreNamed() {
    assertThat(run("analyze-data", "--config", "nowhere.yaml"))
        .satisfies(ran -> assertThat(ran.err()).contains("nowhere.yaml: no such config file"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(78));
    assertThat(run("analyze-data", "--dataset-dir", folder.resolve("none").toString(), "--results-dir", results()))
        .satisfies(ran -> assertThat(ran.err()).contains("or-bench-80k.csv: no such file", "refusal download --data or-bench"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(65));
    assertThat(run("collect", "--model", folder.resolve("none").toString(), "--dataset-dir", data.toString(),
            "--results-dir", results()))
        .satisfies(ran -> assertThat(ran.err()).contains("no such model folder"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(78));
  }

  @Test
  void wrongUsageIsOneLineAndHowToGetHelp() {
    assertThat(run("colect")).satisfies(ran -> {
      assertThat(ran.err()).isEqualToNormalizingNewlines(
          "refusal: error: unknown command 'colect'; did you mean collect?\nsee: refusal --help\n");
      assertThat(ran.code()).isEqualTo(2);
    });
    assertThat(run("analyze-data", "--dataset-dirr", "x")).satisfies(ran -> {
      assertThat(ran.err()).contains("unknown option '--dataset-dirr'; did you mean --dataset-dir?");
      assertThat(ran.code()).isEqualTo(2);
    });
    assertThat(run("demo", "--kind", "modulr")).satisfies(ran -> {
      assertThat(ran.err()).contains("'modulr' is no kind; did you mean modular?");
      assertThat(ran.code()).isEqualTo(2);
    });
  }

  @Test
  void whatNoRunCanHaveIsWrongUsage() {
    String[][] wrong = {
      {"--threads", "0", "--threads 0: at least 1 thread is needed"},
      {"--log-level", "wran", "--log-level wran: not one of error, warn, info, debug; did you mean warn?"},
      {"--fresh", "--resume", "--fresh and --resume contradict each other; give one of them"},
      {"--threads", "many", "Invalid value for option '--threads': 'many' is not an int"},
    };
    for (String command : List.of("collect", "stats", "demo")) {
      for (String[] each : wrong) {
        Ran ran = run(command, each[0], each[1]);
        assertThat(ran.err()).isEqualToNormalizingNewlines(
            "refusal: error: " + each[2] + "\nsee: refusal " + command + " --help\n");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
      }
    }
  }

  @Test
  void valuesOfOptionsAndSetsAreNamedByWhereTheyWereGiven() {
    assertThat(run("collect", "--model", "m", "--seed", "x"))
        .satisfies(ran -> assertThat(ran.err()).contains("--seed: 'seed' must be a whole number, not 'x'"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(78));
    assertThat(run("train-saes", "--model", "m", "--set", "sae.k=[1]").err())
        .contains("--set sae.k=[1]: 'sae.k' must be a single value, not a list");
    assertThat(run("train-saes", "--model", "m", "--set", "sae.k=-3").err())
        .contains("--set sae.k=-3: sae.k: -3 is not");
    assertThat(run("train-saes", "--model", "m", "--set", "sae={k: 3, kk: 4}").err())
        .contains("--set sae={k: 3, kk: 4}: unknown key 'sae.kk'; did you mean k?");
    assertThat(run("train-saes", "--model", "m", "--set", "sae.k").err()).contains("expected path.to.key=value");
    assertThat(run(Map.of("REFUSAL_SAE_K", "x"), "train-saes", "--model", "m").err())
        .contains("$REFUSAL_SAE_K: 'sae.k' must be a whole number, not 'x'");
  }

  @Test
  void everyStageTakesTheOptionsThatResearchersKnow() {
    Map<String, List<String>> options =
        Map.of(
            "analyze-data", List.of("--config", "--data-config", "--dataset-dir", "--output-dir", "--results-dir",
                "--categories"),
            "collect", List.of("--config", "--data-config", "--dataset-dir", "--result-dir", "--output-dir",
                "--results-dir", "--model", "--model-name", "--categories", "--device", "--cache-dir"),
            "train-saes", List.of("--config", "--model", "--model-name", "--result-dir", "--results-dir"),
            "discover", List.of("--config", "--model", "--categories", "--circuits-dir", "--circuit-dir", "--device",
                "--results-dir", "--cache-dir"),
            "analyze", List.of("--config", "--model", "--categories", "--circuits-dir", "--circuit-dir",
                "--no-visualizations", "--results-dir"),
            "evaluate", List.of("--config", "--model", "--categories", "--circuits-dir", "--circuit-dir", "--device",
                "--results-dir", "--cache-dir"),
            "stats", List.of("--config", "--model", "--categories", "--results-dir"),
            "report", List.of("--config", "--model", "--output", "--format", "--no-visualizations", "--results-dir"),
            "run", List.of("--config", "--model", "--model-name", "--dataset-dir", "--results-dir", "--categories",
                "--device", "--cache-dir", "--format", "--no-visualizations"));
    CommandLine root =
        CommandTree.of(new Console(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()), false, Map.of()));
    options.forEach((command, names) -> {
      CommandLine.Model.CommandSpec spec = root.getSubcommands().get(command).getCommandSpec();
      List<String> all = new java.util.ArrayList<>(names);
      all.addAll(List.of("--set", "--seed", "--threads", "--resume", "--fresh", "--dry-run", "--explain", "--log-level",
          "--quiet"));
      for (String name : all) {
        assertThat(spec.findOption(name)).as(command + " " + name).isNotNull();
        String underscored = "--" + name.substring(2).replace('-', '_');
        assertThat(spec.findOption(underscored)).as(command + " " + underscored).isNotNull();
      }
    });
  }

  @Test
  void anOptionThatBeginsWithNoSwitchesItsKeyOff() {
    assertThat(run("analyze", "--model", "m", "--dry-run", "--results-dir", results()).out())
        .contains("\"generate_visualizations\" : true");
    assertThat(run("analyze", "--model", "m", "--dry-run", "--no-visualizations", "--results-dir", results()).out())
        .contains("\"generate_visualizations\" : false");
    assertThat(run("run", "--config", "../configs/pipeline/planted.yaml", "--model", "m", "--dry-run",
            "--no_visualizations", "--results-dir", results()).out())
        .contains("\"generate_plots\" : false", "\"generate_visualizations\" : false", "\"no_visualizations\" : true")
        .doesNotContain("\"generate_visualizations\" : true");
    assertThat(run("analyze", "--help").out()).contains("Not this: Draw heatmaps and dendrograms.");
  }

  @Test
  void quietShowsResultsOnly() {
    Ran ran = run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", results(), "--quiet");

    assertThat(ran.out()).contains("5 prompts in 2 categories");
    assertThat(ran.err().lines()).allMatch(line -> line.startsWith("warning: "));
  }

  @Test
  void colorsAreForTerminalsThatWantThem() {
    PrintWriter nowhere = new PrintWriter(new StringWriter());
    assertThat(new Console(nowhere, nowhere, true, Map.of()).color()).isTrue();
    assertThat(new Console(nowhere, nowhere, true, Map.of("NO_COLOR", "")).color()).isFalse();
    assertThat(new Console(nowhere, nowhere, true, Map.of("TERM", "dumb")).color()).isFalse();
    assertThat(new Console(nowhere, nowhere, false, Map.of()).color()).isFalse();
  }

  @Test
  void theVersionSaysWhatRuns() {
    Ran ran = run("--version");

    assertThat(ran.code()).isZero();
    assertThat(ran.out()).containsPattern("(?m)^refusal +\\d").containsPattern("(?m)^commit +\\S+$")
        .containsPattern("(?m)^libtorch +2\\.5\\.1").containsPattern("(?m)^device +(cpu|cuda:0)");
  }

  @Test
  void precedenceIsOptionThenSetThenEnvironmentThenFile() throws IOException {
    Path config = folder.resolve("c.yaml");
    Files.writeString(config, "dataset: {path: from-file}\nseed: 1\n");
    Map<String, String> environment = Map.of("REFUSAL_SEED", "2", "REFUSAL_DATASET_PATH", "from-environment");

    assertThat(run("analyze-data", "--config", config.toString(), "--dry-run").out())
        .contains("\"path\" : \"from-file\"").contains("\"seed\" : 1");
    assertThat(run(environment, "analyze-data", "--config", config.toString(), "--dry-run").out())
        .contains("\"path\" : \"from-environment\"").contains("\"seed\" : 2");
    assertThat(run(environment, "analyze-data", "--config", config.toString(), "--dry-run", "--set", "seed=3").out())
        .contains("\"seed\" : 3");
    assertThat(
            run(environment, "analyze-data", "--config", config.toString(), "--dry-run", "--set", "seed=3",
                "--seed", "4").out())
        .contains("\"seed\" : 4");
  }

  @Test
  void collectTakesItsPromptsFromADataConfigBesideItsOwn() throws IOException {
    Path config = folder.resolve("model.yaml");
    Files.writeString(
        config,
        "model: {name: some/model, activation_layers: [residuals_1]}\n"
            + "data: {path: " + folder + ", category_balance_strategy: use_all, heldout_fraction: 0.2}\n");
    Path data = folder.resolve("data.yaml");
    Files.writeString(
        data, "dataset: {path: " + folder + ", categories: [hate], category_balance_strategy: equalize, include_hard: true}\n");

    Ran merged = run("collect", "--config", config.toString(), "--data-config", data.toString(), "--dry-run");
    assertThat(merged.out())
        .contains("\"category_balance_strategy\" : \"equalize\"", "\"categories\" : [ \"hate\" ]", "\"include_hard\" : true")
        .contains("\"heldout_fraction\" : 0.2", "\"name\" : \"some/model\"");
    assertThat(run("collect", "--config", config.toString(), "--data_config", data.toString(), "--dry-run",
            "--categories", "privacy").out())
        .as("a flag comes before either file").contains("\"categories\" : [ \"privacy\" ]");

    Files.writeString(data, "dataset: {path: x, category_balance_strategy: equalise}\n");
    Ran wrong = run("collect", "--config", config.toString(), "--data-config", data.toString(), "--dry-run");
    assertThat(wrong.code()).isEqualTo(78);
    assertThat(wrong.err()).contains(data + ":1:").contains("equalise").contains("did you mean equalize?");
  }

  static Stream<String> commands() {
    CommandLine root =
        CommandTree.of(new Console(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()), false, Map.of()));
    return root.getSubcommands().keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandExplainsItself(String command) {
    Ran ran = run(command, "--help");

    assertThat(ran.code()).isZero();
    assertThat(ran.out()).startsWith("Usage: refusal " + command);
    CommandLine line =
        CommandTree.of(
                new Console(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()), false, Map.of()))
            .getSubcommands()
            .get(command);
    assertThat(line.getCommandSpec().usageMessage().description()[0]).hasSizeLessThanOrEqualTo(115).endsWith(".");
    line.getCommandSpec().options().forEach(option ->
        assertThat(option.description()).as(option.longestName()).isNotEmpty());
  }

  @Test
  void optionsOfStagesShowTheirKeyAndDefault() {
    Ran ran = run("collect", "--help");

    assertThat(ran.out()).contains("key data.path, default data/or-bench").contains("--dataset_dir");
    for (Stage<?> stage : Stages.all()) {
      for (Keys.KeyInfo key : Keys.of(stage.configType())) {
        assertThat(key.doc()).as(stage.name() + " " + key.path()).isNotBlank();
      }
    }
  }

  @Test
  void helpNamesAllCommands() {
    Ran ran = run("--help");

    assertThat(ran.code()).isZero();
    assertThat(ran.out())
        .contains("analyze-data", "collect", "train-saes", "discover", "analyze", "evaluate", "stats", "report", "run",
            "demo", "doctor", "label", "import", "status", "completion");
  }

  @Test
  void completionIsAScript() {
    assertThat(run("completion").out()).contains("complete -F").contains("analyze-data");
  }

  @Test
  void aReadOnlyFolderIsAnErrorOfTheEnvironment() throws IOException {
    Path file = folder.resolve("taken");
    Files.writeString(file, "a file where a folder should be");

    Ran ran = run("analyze-data", "--dataset-dir", data.toString(), "--results-dir", file.resolve("r").toString());

    assertThat(ran.err()).startsWith("refusal: error: ").contains("cannot be written");
    assertThat(ran.code()).isEqualTo(69);
  }

  static Stream<Path> pipelines() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("..", "configs", "pipeline"))) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void everyShippedPipelineBinds(Path pipeline) {
    List<Pipeline.Step<?>> steps =
        Stages.pipeline().plan(
            pipeline,
            Map.of("--model", "some/model", "--dataset-dir", "prompts", "--results-dir", "out", "--categories", "[a, b]"),
            List.of("collect.inference.batch_size=4", "model.activation_layers=[residuals_2,residuals_3]"),
            Map.of());

    assertThat(steps.stream().map(step -> step.stage().name()))
        .containsExactly("analyze-data", "collect", "train-saes", "discover", "analyze", "evaluate", "stats", "report");
    Set<Path> folders = new java.util.HashSet<>();
    for (Pipeline.Step<?> step : steps) {
      Map<String, Object> map = org.refusal.config.Binder.toMap(step.config(), true);
      if (map.get("model") instanceof Map<?, ?> model) {
        assertThat(model.get("name")).isEqualTo("some/model");
        assertThat(model.get("activation_layers")).isEqualTo(List.of("residuals_2", "residuals_3"));
      }
      folders.add(Path.of((String) ((Map<?, ?>) map.get("output")).get("result_dir")));
    }
    assertThat(folders).containsExactly(Path.of("out"));
  }

  @Test
  void aSetThatNoStageKnowsIsSuggested() {
    Ran ran =
        run("run", "--config", "../configs/pipeline/planted.yaml", "--model", "m", "--set", "collect.inference.batchsize=4");

    assertThat(ran.err()).contains("--set collect.inference.batchsize=4: unknown key 'inference.batchsize'; did you mean batch_size?");
    assertThat(ran.code()).isEqualTo(78);
    assertThat(run("run", "--config", "../configs/pipeline/planted.yaml", "--model", "m", "--set", "sea.k=4").err())
        .contains("no stage has the key 'sea.k'; did you mean sae.k?");
    assertThat(run("run", "--config", "../configs/pipeline/planted.yaml").err())
        .contains("key 'model.name' is missing").contains("--model");
  }

  @Test
  void labelsCompletions() throws IOException {
    Path input = folder.resolve("answers.csv");
    Files.writeString(input, "id,completion\n1,\"I cannot help with that, sorry.\"\n2,Here is a poem.\n");
    Path output = folder.resolve("labels.csv");

    Ran ran = run("label", "--input", input.toString(), "--column", "completion", "--output", output.toString());

    assertThat(ran.code()).isZero();
    assertThat(Files.readAllLines(output).get(0)).isEqualTo("id,completion,label,reason");
    assertThat(Files.readString(output)).contains("refusal").contains("compliance");
    assertThat(run("label", "--input", input.toString(), "--column", "answer", "--output", output.toString()).code())
        .isEqualTo(65);
  }
}
