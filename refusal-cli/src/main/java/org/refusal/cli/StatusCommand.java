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
import org.refusal.base.Digests;
import org.refusal.base.ExitCode;
import org.refusal.base.Folders;
import org.refusal.base.UserException;
import org.refusal.config.Keys;
import org.refusal.run.ArtifactRef;
import org.refusal.run.Lineage;
import org.refusal.run.Origin;
import org.refusal.run.ResultLayout;
import org.refusal.run.RunManifest;
import org.refusal.stage.Stages;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code refusal status}: what has run in a results folder, what of it is stale, and what was left unfinished. */
final class StatusCommand {
  private StatusCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "status",
            "What has run in a results folder, when, how long it took, and what must run again; which run made a file.",
            arguments -> {
              Path folder = ResultsOption.of(arguments, console);
              boolean named = ResultsOption.given(arguments, console).isPresent();
              if (!Files.isDirectory(folder) && (named || Files.exists(folder))) {
                throw UserException.badData(folder + ": no such folder", "--results-dir names the folder of a run");
              }
              ResultLayout layout = new ResultLayout(folder);
              Path file = arguments.matchedOptionValue("--file", (Path) null);
              (file == null ? lines(layout) : origin(layout, file)).forEach(console.out()::println);
              return ExitCode.OK.code();
            });
    ResultsOption.add(spec);
    spec.addOption(
        OptionSpec.builder("--file").type(Path.class).paramLabel("FILE")
            .description(
                "Which run of the results folder made this file, and from what: by its content, wherever it lies now and",
                "whatever it is called.")
            .build());
    return spec;
  }

  /** The run that made a file, its config where it differs from the defaults, its inputs, and the runs that these came from. */
  private static List<String> origin(ResultLayout layout, Path file) {
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file), "--file names a file that a stage has written");
    }
    Origin origin = Origin.of(layout);
    List<String> lines = new ArrayList<>();
    origin.damaged().forEach(damaged -> lines.add("warning: %s; what it made is not known".formatted(damaged)));
    String sha256 = Digests.sha256(file);
    Origin.Made made =
        origin
            .maker(sha256, file)
            .orElseThrow(() -> UserException.badData(
                "%s: no run of this results folder made a file with this content".formatted(file),
                "--results-dir names the folder of another run; a file that was changed is found no more"));
    lines.add("%s: made by %s as %s, sha256 %s".formatted(file, made.run().stage(), made.file().path(), sha256));
    for (RunManifest run : origin.chain(made.run())) {
      lines.add("%s  key %s  %s".formatted(run.stage(), run.key(), run.finished()));
      config(run).forEach((key, value) -> lines.add("  config %s: %s".formatted(key, value)));
      for (ArtifactRef input : run.inputs()) {
        lines.add(
            "  input %s  sha256 %s  %s".formatted(
                input.path(), input.sha256(),
                origin.maker(input)
                    .map(each -> "made by %s, key %s".formatted(each.run().stage(), each.run().key()))
                    .orElse("from outside")));
      }
    }
    return lines;
  }

  /** Of files that were brought in, all that is known. */
  private static Map<String, Object> config(RunManifest run) {
    return Stages.names().contains(run.stage())
        ? Keys.differing(Stages.named(run.stage()).configType(), run.config())
        : run.config();
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
