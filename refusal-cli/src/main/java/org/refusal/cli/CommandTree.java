package org.refusal.cli;

import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.run.Stage;
import org.refusal.stage.Stages;
import picocli.AutoComplete;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine;

/** All commands, built from the stages and from the few that are no stage. */
final class CommandTree {
  private CommandTree() {}

  static CommandLine of(Console console) {
    CommandSpec root = CommandSpec.create().name("refusal");
    root.usageMessage()
        .description("Is refusal in a chat model monolithic or modular? Finds, compares and tests the circuits.")
        .footer(
            "", "Start with: refusal demo", "One command from data to verdict: refusal run --config configs/pipeline/...")
        .width(110);
    root.addOption(help());
    root.addOption(
        OptionSpec.builder("-V", "--version")
            .versionHelp(true)
            .description("Print versions of refusal, Java, libtorch and the device.")
            .build());
    root.versionProvider(() -> Versions.lines(true).toArray(String[]::new));
    for (Stage<?> stage : Stages.all()) {
      root.addSubcommand(stage.name(), new StageCommand<>(stage, console).spec());
    }
    root.addSubcommand("run", new RunCommand(console).spec());
    root.addSubcommand("demo", new DemoCommand(console).spec());
    root.addSubcommand("calibrate", CalibrateCommand.spec(console));
    root.addSubcommand("doctor", DoctorCommand.spec(console));
    root.addSubcommand("download", new DownloadCommand(console).spec());
    root.addSubcommand("label", LabelCommand.spec(console));
    root.addSubcommand("import", ImportCommand.spec(console));
    root.addSubcommand("export", ExportCommand.spec(console));
    root.addSubcommand("status", StatusCommand.spec(console));
    root.addSubcommand("completion", completion(console));

    CommandLine commandLine = new CommandLine(root);
    commandLine.setExpandAtFiles(false); // a name may begin with @
    commandLine.setOut(console.out());
    commandLine.setErr(console.err());
    commandLine.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            console.color() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
    commandLine.setParameterExceptionHandler((e, arguments) -> Failures.usage(e, console.err()));
    commandLine.setExecutionExceptionHandler(
        (e, command, result) -> Failures.failed(e, console.err(), console.environment().containsKey(EnvironmentVariables.TRACE)));
    commandLine.setExecutionStrategy(
        result -> {
          Integer help = CommandLine.executeHelpRequest(result);
          if (help != null) {
            return help;
          }
          CommandLine.ParseResult last = result;
          while (last.hasSubcommand()) {
            last = last.subcommand();
          }
          Object user = last.commandSpec().userObject();
          if (user instanceof Action action) {
            try {
              Surroundings.require(last.commandSpec().name(), result.originalArgs(), console.environment());
              return action.run(last);
            } catch (CommandLine.ParameterException e) {
              return Failures.usage(e, console.err());
            } catch (RuntimeException | Error e) {
              return Failures.failed(e, console.err(), console.environment().containsKey(EnvironmentVariables.TRACE));
            }
          }
          result.commandSpec().commandLine().usage(console.err());
          return ExitCode.USAGE.code();
        });
    return commandLine;
  }

  /** What a command does once its arguments are read. */
  @FunctionalInterface
  interface Action {
    int run(CommandLine.ParseResult arguments);
  }

  /** A command with its help option. */
  static CommandSpec command(String name, String summary, Action action) {
    CommandSpec spec = CommandSpec.wrapWithoutInspection(action).name(name);
    spec.usageMessage(new UsageMessageSpec().description(summary).width(110));
    spec.addOption(help());
    return spec;
  }

  /**
   * @param where what the options have no effect on, e.g. {@code circuits}
   * @throws UserException of wrong usage, naming the first of the options that was given
   */
  static void refuse(CommandLine.ParseResult arguments, String where, String... options) {
    for (String option : options) {
      if (arguments.hasMatchedOption(option)) {
        throw UserException.usage("%s has no effect %s".formatted(option, where), "leave it out");
      }
    }
  }

  private static OptionSpec help() {
    return OptionSpec.builder("-h", "--help").usageHelp(true).description("Show this help.").build();
  }

  private static CommandSpec completion(Console console) {
    return command(
        "completion",
        "Print a completion script for bash and zsh; use it with: source <(refusal completion).",
        arguments -> {
          CommandLine root = arguments.commandSpec().parent().commandLine();
          console.out().println(AutoComplete.bash("refusal", root));
          return ExitCode.OK.code();
        });
  }
}
