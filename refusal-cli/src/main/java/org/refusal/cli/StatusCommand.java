package org.refusal.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Folders;
import org.refusal.base.UserException;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.RunManifest;
import org.refusal.stage.Stages;
import picocli.CommandLine.Model.CommandSpec;

/** {@code refusal status}: what has run in a results folder, what of it is stale, and what was left unfinished. */
final class StatusCommand {
  private StatusCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "status",
            "What has run in a results folder, when, how long it took, and what must run again.",
            arguments -> {
              Path folder = ResultsOption.of(arguments, console);
              boolean named = ResultsOption.given(arguments, console).isPresent();
              if (!Files.isDirectory(folder) && (named || Files.exists(folder))) {
                throw UserException.badData(folder + ": no such folder", "--results-dir names the folder of a run");
              }
              lines(new ResultLayout(folder)).forEach(console.out()::println);
              return ExitCode.OK.code();
            });
    ResultsOption.add(spec);
    return spec;
  }

  private static List<String> lines(ResultLayout layout) {
    Map<String, RunManifest> last = new LinkedHashMap<>();
    RunManifest.all(layout).forEach(run -> last.put(run.stage(), run));
    Lineage lineage = Lineage.of(layout);
    List<String> lines = new ArrayList<>();
    for (String stage : Stages.names()) {
      RunManifest run = last.get(stage);
      lines.add(
          run == null
              ? "%-14s not run".formatted(stage)
              : "%-14s %s  %10s  %3d files  key %s".formatted(
                  stage, run.finished(),
                  ConsoleProgress.time((long) (run.wallSeconds() * 1000)), run.outputs().size(), run.key()));
      lineage.latest().stream()
          .filter(each -> each.stage().equals(stage))
          .flatMap(each -> lineage.faults(each, Stages.names()).stream().limit(1))
          .forEach(fault -> lines.add("  stale: %s: run %s again".formatted(fault.what(), fault.stage())));
      unfinished(layout, stage).forEach(
          work ->
              lines.add(
                  "  unfinished: key %s, %s in %s: the same command goes on, --fresh removes it"
                      .formatted(work.getFileName(), size(Folders.bytes(work)), work)));
    }
    return lines;
  }

  private static List<Path> unfinished(ResultLayout layout, String stage) {
    Path folder = layout.work(stage);
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> keys = Files.list(folder)) {
      return keys.sorted().toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
  }

  private static String size(long bytes) {
    return bytes < 1 << 20 ? "%.1f KiB".formatted(bytes / 1024.0)
        : bytes < 1 << 30 ? "%.1f MiB".formatted(bytes / (1024.0 * 1024))
        : "%.1f GiB".formatted(bytes / (1024.0 * 1024 * 1024));
  }
}
