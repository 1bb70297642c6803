package org.refusal.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.run.Pipeline;
import org.refusal.stage.Stages;

/** The pipelines that fit every planted model; they travel with the program. */
final class PlantedRun {
  static final String SOUND = "planted.yaml";
  static final String LEGACY = "legacy_planted.yaml";

  /** Keys that a planted run gives itself. */
  private static final Set<String> OWN = Set.of("model.name", "dataset.path", "data.path", "output.result_dir", "seed");

  private PlantedRun() {}

  /** What a planted model is called in result files. */
  static String model(Path planted) {
    return planted.toAbsolutePath().normalize().getFileName().toString();
  }

  /** The stages of that pipeline on the model; its YAML is left beside the model. */
  static List<Pipeline.Step<?>> plan(
      String pipeline, Path planted, Path results, long seed, List<String> sets, Map<String, String> environment) {
    for (String set : sets) {
      if (OWN.contains(set.split("=", 2)[0].strip())) {
        throw UserException.usage("--set %s: planted models come with their own".formatted(set), "leave it out, or use --seed and --output-dir");
      }
    }
    Path file = planted.resolve(pipeline);
    AtomicFiles.writeString(file, resource(pipeline));
    Map<String, String> values = new LinkedHashMap<>();
    values.put("--model", planted.toString());
    values.put("--dataset-dir", planted.toString());
    values.put("--results-dir", results.toString());
    values.put("--seed", Long.toString(seed));
    return Stages.pipeline().plan(file, values, sets, environment);
  }

  private static String resource(String name) {
    try (InputStream in = PlantedRun.class.getResourceAsStream("/org/refusal/cli/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
