package org.refusal.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;

/** The program as a person sees it: exit code, standard output, standard error. */
record Cli(int code, String out, String err) {

  static Cli run(Map<String, String> environment, List<String> arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code =
        Main.run(
            new PrintWriter(out, true), new PrintWriter(err, true), environment, arguments.toArray(String[]::new));
    return new Cli(code, out.toString(), err.toString());
  }

  static Cli run(String... arguments) {
    return run(Map.of(), List.of(arguments));
  }

  /** The lines of an error: what it was, and what to do. */
  List<String> complaint() {
    return err.lines().dropWhile(line -> !line.startsWith("refusal: error: ")).toList();
  }

  /** The command line of a Java process that runs the program with these classes. */
  static List<String> process(List<String> javaOptions, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UseSerialGC");
    command.addAll(javaOptions);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(arguments);
    return command;
  }

  /** A modular model with three categories and few prompts, made in a second. */
  static Path smallModel(Path folder) {
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MODULAR, 9, 0, Category.OR_BENCH.subList(0, 3), 12, 12, 0.01, 0), folder);
    return folder;
  }

  /** {@code run} on that model, as short as it can be and still reach a verdict. */
  static List<String> pipeline(Path model, Path results) {
    return List.of(
        "run", "--config", Path.of("..", "configs", "pipeline", "planted.yaml").toString(),
        "--model", model.toString(), "--dataset-dir", model.toString(), "--results-dir", results.toString(),
        "--set", "model.activation_layers=[residuals_2, residuals_3]",
        "--set", "train-saes.training.max_steps=60", "--set", "train-saes.training.checkpoint_every=10",
        "--set", "evaluate.evaluation.curve_sizes=2", "--set", "stats.stats.permutations=50",
        "--set", "stats.stats.bootstrap=50");
  }
}
