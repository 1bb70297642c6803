package org.refusal.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.FileNames;
import org.refusal.circuit.HookPoint;

/**
 * Where every file of a results folder lies: the one place that knows file names. {@code model} is a model's name as
 * the user gave it; in file names {@code /} becomes {@code -} and a blank becomes {@code _}. Categories keep their spelling
 * in what is written into files; in names of files they stand as {@link #categoryName} says.
 */
public record ResultLayout(Path root) {
  private static final String READOUT = "readout";
  private static final String COLLECT = "_collect.json";

  /** A model's name as it stands in file names. A folder is named by its last part. */
  public static String fileName(String model) {
    String name = model;
    if (name.startsWith("/") || name.startsWith("./") || name.startsWith("../") || name.startsWith("~")
        || name.equals(".") || name.equals("..")) {
      Path last = Path.of(name).toAbsolutePath().normalize().getFileName();
      name = last == null ? "root" : last.toString();
    }
    return FileNames.withoutForbidden(name.replace('/', '-').replace(' ', '_'));
  }

  /**
   * A category's name as it stands in file names ({@link FileNames}); the endings of one-sided circuits and the name of the
   * read-outs, which other files have, are escaped too.
   */
  public static String categoryName(String category) {
    String name = FileNames.of(category);
    for (String side : List.of("_safe", "_toxic")) {
      if (name.endsWith(side)) {
        return name.substring(0, name.length() - side.length()) + FileNames.escaped("_") + side.substring(1);
      }
    }
    return name.equals(READOUT) ? FileNames.escaped(name.substring(0, 1)) + name.substring(1) : name;
  }

  public Path activationsFolder() {
    return root.resolve("activations");
  }

  /** Without {@code .safetensors}: shards add {@code -00001-of-00008}. */
  public String activationsStem(String model, String category) {
    return "%s_%s_activations".formatted(fileName(model), categoryName(category));
  }

  public Path outputs(String model, String category) {
    return root.resolve("model_outputs").resolve("%s_%s_outputs.json".formatted(fileName(model), categoryName(category)));
  }

  public Path refusalLabels(String model, String category) {
    return root.resolve("refusal_labels").resolve("%s_%s_refusal.json".formatted(fileName(model), categoryName(category)));
  }

  public Path categoryWeights() {
    return root.resolve("category_weights.json");
  }

  /**
   * Files of a folder whose names begin with the model's, in their order; none if there is no such folder. Where this results
   * folder holds results of a model {@code a_b} too, its files are not {@code a}'s.
   */
  public List<Path> filesOf(String model, Path folder) {
    String prefix = fileName(model) + "_";
    List<String> longer =
        Stream.concat(
                names(root.resolve("saes")),
                names(root.resolve("model_outputs"))
                    .filter(name -> name.endsWith(COLLECT))
                    .map(name -> name.substring(0, name.length() - COLLECT.length())))
            .filter(name -> name.startsWith(prefix))
            .map(name -> name + "_")
            .toList();
    return names(folder)
        .filter(name -> name.startsWith(prefix) && longer.stream().noneMatch(name::startsWith))
        .map(folder::resolve)
        .filter(Files::isRegularFile)
        .toList();
  }

  private static Stream<String> names(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Stream.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList().stream();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
  }

  public Path splits() {
    return root.resolve("splits.json");
  }

  public Path collectReport(String model) {
    return root.resolve("model_outputs").resolve(fileName(model) + COLLECT);
  }

  /** What the model answers to prompts that ask for nothing. */
  public Path contentFree(String model) {
    return root.resolve("model_outputs").resolve(fileName(model) + "_content_free.json");
  }

  /** Of these prompts while they are collected; no category's stem, which ends otherwise. */
  public String contentFreeStem(String model) {
    return fileName(model) + "_content_free";
  }

  /** The refusal rates of {@link #collectReport} as a table. */
  public Path collectTable(String model) {
    return root.resolve("model_outputs").resolve(fileName(model) + "_collect.csv");
  }

  /** How far the model has decided at every layer, on a few prompts ({@code collect --find-layers}). */
  public Path layers(String model) {
    return root.resolve("decision").resolve(fileName(model) + "_layers.json");
  }

  public Path sae(String model, HookPoint at) {
    return root.resolve("saes").resolve(fileName(model)).resolve(at.name());
  }

  /** Quality of an autoencoder and the sinks of its hook point, beside its weights. */
  public static Path saeMetrics(Path saeFolder) {
    return saeFolder.resolve("metrics.json");
  }

  public Path circuitsFolder() {
    return root.resolve("circuits");
  }

  /** @param named folder that a config names, or null for the usual one */
  public Path circuitsFolder(String named) {
    return named == null ? circuitsFolder() : Path.of(named);
  }

  /** @param suffix empty, {@code _safe} or {@code _toxic} */
  public static String circuitFile(String model, String category, String suffix) {
    return "%s_%s%s_circuit.json".formatted(fileName(model), categoryName(category), suffix);
  }

  public Path attributions(String model, String category) {
    return root.resolve("attributions").resolve("%s_%s.safetensors".formatted(fileName(model), categoryName(category)));
  }

  /** The causal read-out of every hook point (docs/evaluation.md, effect form). */
  public Path readout(String model) {
    return root.resolve("attributions").resolve(fileName(model) + "_" + READOUT + ".safetensors");
  }

  /** Completeness, prompt side and sinks per hook point and category. */
  public Path attributionCheck(String model) {
    return root.resolve("attributions").resolve(fileName(model) + "_check.json");
  }

  public Path similarity(String model) {
    return root.resolve("similarity").resolve(fileName(model) + "_similarity.json");
  }

  public Path evaluation(String model, String category) {
    return root.resolve("evaluation").resolve("%s_%s_metrics.json".formatted(fileName(model), categoryName(category)));
  }

  public Path transfer(String model) {
    return root.resolve("evaluation").resolve(fileName(model) + "_transfer.json");
  }

  public Path stats(String model) {
    return root.resolve("evaluation_stats").resolve(fileName(model) + "_stats.json");
  }

  /** Results with one more autoencoder seed: a results folder of its own that shares what {@code collect} wrote. */
  public ResultLayout saeSeed(long seed) {
    return new ResultLayout(root.resolve("sae_seeds").resolve(Long.toString(seed)));
  }

  public Path visualizations(String model) {
    return root.resolve("visualizations").resolve(fileName(model));
  }

  public Path dataAnalysis() {
    return root.resolve("data_analysis");
  }

  public Path reports() {
    return root.resolve("reports");
  }

  public Path manifests() {
    return root.resolve("manifests");
  }

  /** Progress inside runs of a stage that have not finished, by key. */
  public Path work(String stage) {
    return root.resolve(".work").resolve(stage);
  }

  /** Progress inside a run that has not finished; removed when it has. */
  public Path work(String stage, String key) {
    return work(stage).resolve(key);
  }
}
