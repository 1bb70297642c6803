package org.refusal.cli;

import java.nio.file.Path;
import java.util.List;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.original.ResultsExport;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal export}: autoencoders, activations and circuits in the forms of other tools. */
final class ExportCommand {
  private ExportCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "export",
            "Write autoencoders, activations or circuits of a results folder in the form of another tool.",
            arguments -> {
              lines(arguments, console).forEach(console.out()::println);
              return ExitCode.OK.code();
            });
    spec.addPositional(
        PositionalParamSpec.builder().index("0").type(String.class).paramLabel("saes|activations|circuits").required(true)
            .description("What to write.").build());
    spec.addOption(
        OptionSpec.builder("--model", "--model-name", "--model_name").type(String.class).paramLabel("NAME").required(true)
            .description("The model, as the results name it.").build());
    spec.addOption(
        OptionSpec.builder("--format").type(String.class).paramLabel("NAME").required(true)
            .description(
                "saes: saelens, sparsify or dictionary_learning. activations: safetensors or npy, one file per hook point",
                "and category. circuits: original, the exact file of the original project, error nodes left out.")
            .build());
    spec.addOption(
        OptionSpec.builder("--output-dir", "--output_dir", "--output").type(Path.class).paramLabel("FOLDER").required(true)
            .description("Where to.").build());
    ResultsOption.add(spec);
    spec.addOption(
        OptionSpec.builder("--hook-points", "--hook_points", "--hook-point", "--hook_point").type(String[].class).auxiliaryTypes(String.class).arity("1..*")
            .splitRegex(",").paramLabel("NAME").description("Only these, ranges allowed. Default: all.").build());
    spec.addOption(
        OptionSpec.builder("--categories").type(String[].class).auxiliaryTypes(String.class).arity("1..*").splitRegex(",")
            .paramLabel("NAME").description("Activations of these categories only. Default: all.").build());
    return spec;
  }

  private static List<String> lines(ParseResult arguments, Console console) {
    String what = arguments.matchedPositionalValue(0, "");
    ResultsExport export =
        new ResultsExport(
            ResultsOption.of(arguments, console),
            ImportCommand.modelName(arguments.matchedOptionValue("--model", "")),
            arguments.matchedOptionValue("--output-dir", Path.of("")));
    String format = arguments.matchedOptionValue("--format", "");
    List<String> points = List.of(arguments.matchedOptionValue("--hook-points", new String[0]));
    switch (what) {
      case "saes" -> CommandTree.refuse(arguments, "on autoencoders", "--categories");
      case "circuits" -> CommandTree.refuse(arguments, "on circuits", "--hook-points", "--categories");
      default -> { }
    }
    return switch (what) {
      case "saes" -> export.autoencoders(points, format);
      case "activations" ->
          export.activations(points, List.of(arguments.matchedOptionValue("--categories", new String[0])), format);
      case "circuits" -> export.circuits(format);
      default -> throw UserException.usage("nothing to export is called '%s'".formatted(what),
          "one of saes, activations, circuits");
    };
  }
}
