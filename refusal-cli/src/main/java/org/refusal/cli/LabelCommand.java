package org.refusal.cli;

import java.nio.file.Path;
import java.util.Map;
import org.refusal.base.ExitCode;
import org.refusal.data.Behaviour;
import org.refusal.text.RefusalDetector;
import org.refusal.text.RefusalLabels;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code refusal label}: the refusal detector over a file of completions. */
final class LabelCommand {
  private LabelCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "label",
            "Label completions in a CSV, JSONL or JSON file as refusal, partial or compliance, with the reason.",
            arguments -> {
              Path input = arguments.matchedOptionValue("--input", null);
              Path output = arguments.matchedOptionValue("--output", null);
              String column = arguments.matchedOptionValue("--column", "completion");
              String detector = arguments.matchedOptionValue("--detector", "default");
              Map<Behaviour, Long> counts =
                  RefusalLabels.label(input, column, output, RefusalDetector.of(detector));
              long total = counts.values().stream().mapToLong(Long::longValue).sum();
              counts.forEach((behaviour, count) ->
                  console.out().println(
                      "%-10s %6d  %.3f".formatted(behaviour.text(), count, total == 0 ? 0 : (double) count / total)));
              return ExitCode.OK.code();
            });
    spec.addOption(
        OptionSpec.builder("--input").type(Path.class).paramLabel("FILE").required(true)
            .description("CSV (with a header), .jsonl (an object a line) or .json (an array of objects), one completion per record.").build());
    spec.addOption(
        OptionSpec.builder("--output").type(Path.class).paramLabel("FILE").required(true)
            .description("The same records with the columns label and reason added.").build());
    spec.addOption(
        OptionSpec.builder("--column").type(String.class).paramLabel("NAME")
            .description("Where the completion stands. Default: completion.").build());
    spec.addOption(
        OptionSpec.builder("--detector").type(String.class).paramLabel("default|legacy")
            .description("Which detector; legacy is the original project's keyword list. Default: default.").build());
    return spec;
  }
}
