package org.refusal.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.behaviour.RecordFormat;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.behaviour.RefusalLabels;
import org.refusal.behaviour.RefusalLabels.Source;
import org.refusal.data.Behaviour;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal label}: the refusal detector over a file of completions, or over standard input. */
final class LabelCommand {
  private static final Path STANDARD = Path.of("-");

  private LabelCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "label",
            "Label completions in CSV, JSONL or JSON as refusal, partial or compliance, with the reason.",
            arguments -> run(arguments, console));
    spec.addOption(
        OptionSpec.builder("--input").type(Path.class).paramLabel("FILE").required(true)
            .description(
                ".csv (with a header), .jsonl or .ndjson (an object a line) or .json (an array of objects), one completion"
                    + " per record; - is standard input.").build());
    spec.addOption(
        OptionSpec.builder("--input-format", "--input_format").type(String.class).paramLabel("csv|jsonl|json")
            .description("The format, whatever the name of the file; needed with --input - and for other names.").build());
    spec.addOption(
        OptionSpec.builder("--output").type(Path.class).paramLabel("FILE").required(true)
            .description(
                "The same records, in the same format, with the columns label and reason added; - is standard output,"
                    + " the counts then go to standard error.").build());
    spec.addOption(
        OptionSpec.builder("--column").type(String.class).paramLabel("NAME")
            .description("Where the completion stands. Default: completion.").build());
    spec.addOption(
        OptionSpec.builder("--detector").type(String.class).paramLabel("default|legacy")
            .description("Which detector; legacy is the original project's keyword list. Default: default.").build());
    return spec;
  }

  private static int run(ParseResult arguments, Console console) {
    Path input = arguments.matchedOptionValue("--input", null);
    Path output = arguments.matchedOptionValue("--output", null);
    String column = arguments.matchedOptionValue("--column", "completion");
    RefusalDetector detector = RefusalDetector.of(arguments.matchedOptionValue("--detector", "default"));
    RecordFormat format = format(input, arguments.matchedOptionValue("--input-format", null));
    Source source = input.equals(STANDARD) ? new Source("standard input", console.in()) : Source.ofFile(input);
    if (output.equals(STANDARD)) {
      print(toStandardOutput(source, format, column, detector, console.out()), console.err());
    } else {
      print(RefusalLabels.label(source, format, column, output, detector), console.out());
    }
    return ExitCode.OK.code();
  }

  private static RecordFormat format(Path input, String name) {
    if (name != null) {
      return RecordFormat.of(name);
    }
    if (input.equals(STANDARD)) {
      throw UserException.usage("--input - has no name that says its format", "give --input-format csv, jsonl or json");
    }
    return RecordFormat.ofFile(input);
  }

  private static Map<Behaviour, Long> toStandardOutput(
      Source source, RecordFormat format, String column, RefusalDetector detector, PrintWriter out) {
    try {
      Map<Behaviour, Long> counts = RefusalLabels.label(source, format, column, out, detector);
      if (out.checkError()) {
        throw UserException.environment("standard output: cannot be written", "did the reader of the pipe end?");
      }
      return counts;
    } catch (IOException e) {
      throw UserException.environment(
          source.name() + ": cannot be read: " + e.getMessage(), "check what is connected to it");
    } finally {
      out.flush();
    }
  }

  private static void print(Map<Behaviour, Long> counts, PrintWriter writer) {
    long total = counts.values().stream().mapToLong(Long::longValue).sum();
    counts.forEach((behaviour, count) ->
        writer.println(
            "%-10s %6d  %.3f".formatted(behaviour.text(), count, total == 0 ? 0 : (double) count / total)));
  }
}
