package org.refusal.run;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * What made a set of files: {@code manifests/{stage}-{key}.json}. Holds no secret: no environment but what is listed.
 *
 * @param key see {@link StageKey}
 * @param sequence counts the runs of a results folder: of two that wrote a file, the one with the larger number did so
 *     last; a run that is found up to date after another of its stage takes the next number
 * @param stageVersion raised when the stage computes something else than before
 * @param config the resolved config, every key
 * @param versions toolkit, commit, java, libtorch, operating system, device and, where a model was run, its type (dtype)
 * @param started and {@code finished}: ISO 8601, UTC
 * @param peakMemoryBytes largest resident memory of the process up to the end of the stage; -1 when not known
 * @param summary the lines that the stage printed
 */
@JsonNaming(SnakeCaseStrategy.class)
public record RunManifest(
    String stage,
    String key,
    long sequence,
    int stageVersion,
    Map<String, Object> config,
    long seed,
    List<ArtifactRef> inputs,
    List<ArtifactRef> outputs,
    Map<String, String> versions,
    String started,
    String finished,
    double wallSeconds,
    long peakMemoryBytes,
    String slurmJobId,
    List<String> summary) {

  public RunManifest {
    Objects.requireNonNull(stage, "stage");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(config, "config");
    Objects.requireNonNull(versions, "versions");
    Objects.requireNonNull(started, "started");
    Objects.requireNonNull(finished, "finished");
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    summary = List.copyOf(summary);
  }

  /** All manifests of a results folder, oldest first. A damaged one is bad data. */
  public static List<RunManifest> all(ResultLayout layout) {
    return read(
        layout,
        damaged -> {
          throw UserException.badData(damaged, "delete this manifest; its stage then runs again");
        });
  }

  /** The same, with a line for each damaged one instead. */
  static List<RunManifest> readable(ResultLayout layout, List<String> damaged) {
    return read(layout, damaged::add);
  }

  private static List<RunManifest> read(ResultLayout layout, Consumer<String> damaged) {
    if (!Files.isDirectory(layout.manifests())) {
      return List.of();
    }
    List<RunManifest> runs = new ArrayList<>();
    try (Stream<Path> files = Files.list(layout.manifests())) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".json") && !file.equals(DigestCache.file(layout))) {
          try {
            runs.add(Json.read(file, RunManifest.class));
          } catch (UserException e) {
            damaged.accept(e.getMessage());
          }
        }
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(layout.manifests(), e);
    }
    runs.sort(Comparator.comparingLong(RunManifest::sequence).thenComparing(RunManifest::finished));
    return runs;
  }

  /** The same run, found to be the current one again. */
  public RunManifest withSequence(long number) {
    return new RunManifest(
        stage, key, number, stageVersion, config, seed, inputs, outputs, versions, started, finished, wallSeconds,
        peakMemoryBytes, slurmJobId, summary);
  }
}
