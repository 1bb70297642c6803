package org.refusal.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.refusal.base.ExitCode;
import org.refusal.run.ResultLayout;
import org.refusal.run.RunManifest;
import org.refusal.stage.StageRunner;
import org.refusal.stage.Stages;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code refusal status}: what has run in a results folder. */
final class StatusCommand {
  private StatusCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "status",
            "What has run in a results folder, when, and how long it took.",
            arguments -> {
              String folder = arguments.matchedOptionValue("--results-dir", "results");
              Map<String, RunManifest> last = new LinkedHashMap<>();
              StageRunner.history(new ResultLayout(Path.of(folder))).forEach(run -> last.put(run.stage(), run));
              Stages.all().forEach(stage -> {
                RunManifest run = last.get(stage.name());
                console.out().println(
                    run == null
                        ? "%-14s not run".formatted(stage.name())
                        : "%-14s %s  %10s  %3d files  key %s".formatted(
                            stage.name(), run.finished(),
                            ConsoleProgress.time((long) (run.wallSeconds() * 1000)), run.outputs().size(), run.key()));
              });
              return ExitCode.OK.code();
            });
    spec.addOption(
        OptionSpec.builder("--results-dir", "--results_dir").type(String.class).paramLabel("FOLDER")
            .description("Results folder, default results.").build());
    return spec;
  }
}
