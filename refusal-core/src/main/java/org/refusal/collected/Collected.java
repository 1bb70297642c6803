package org.refusal.collected;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.refusal.activation.ActivationStore;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.data.ModelOutput;
import org.refusal.data.ModelOutputs;
import org.refusal.io.Json;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;

/** What collect left for the stages after it. */
public record Collected(ResultLayout layout, String model, List<String> categories) {

  /**
   * @param wanted categories to use; empty means all that were collected
   */
  public static Collected open(ResultLayout layout, String model, List<String> wanted) {
    Path splits = layout.splits();
    if (!Files.isRegularFile(splits)) {
      throw UserException.badData(
          splits + ": no such file",
          OriginalOutputs.isResults(layout.root())
              ? "run collect first; for results of the original project: refusal import %s --model %s"
                  .formatted(layout.root(), model)
              : "run collect first");
    }
    List<String> there = new ArrayList<>();
    Json.read(splits).path("categories").fieldNames().forEachRemaining(there::add);
    if (there.isEmpty()) {
      throw Json.damaged(splits + ": holds no categories");
    }
    for (String name : wanted) {
      if (!there.contains(name)) {
        throw UserException.badConfig(
            "category %s was not collected%s".formatted(name, Suggestions.didYouMean(name, there)),
            "collected: " + String.join(", ", there));
      }
    }
    return new Collected(layout, model, wanted.isEmpty() ? List.copyOf(there) : List.copyOf(wanted));
  }

  /** The prompts that the stages after collect use. */
  public List<ModelOutput> outputs(String category) {
    return everyOutput(category).stream().filter(ModelOutput::kept).toList();
  }

  /** The prompts that were run, those that {@code data.keep} leaves out among them. */
  public List<ModelOutput> everyOutput(String category) {
    Path file = layout.outputs(model, category);
    if (imported() && (OriginalOutputs.isOriginal(file) || !Files.isRegularFile(file))) {
      return OriginalOutputs.read(layout, model, category).asOutputs();
    }
    return ModelOutputs.read(file);
  }

  /** Whether these are results of the original project: prompts without token ids. */
  public boolean imported() {
    return Files.isRegularFile(layout.collectReport(model)) && report().template().equals(OriginalOutputs.TEMPLATE);
  }

  /** @throws UserException when the model cannot be run on the prompts, as nobody kept their tokens */
  public void requireTokens() {
    if (imported()) {
      throw UserException.badData(
          layout.collectReport(model) + ": imported from the original project, which keeps no token ids",
          "discover with circuit.attribution_method: stats, analyze, stats and report work on it; for more run collect into"
              + " another folder (evaluate reads the old circuits by --circuits-dir)");
    }
  }

  /** What runs are known to have made the files here. */
  public Lineage lineage() {
    return Lineage.of(layout);
  }

  /** Where a category's attributions lie. Those of an earlier discover are bad data beside what the latest one wrote. */
  public Path attributions(String category, Lineage lineage) {
    Path file = layout.attributions(model, category);
    if (lineage.isLeftOver(file)) {
      throw UserException.badData(
          "%s: left over from an earlier run of discover; its latest did not attribute %s".formatted(file, category),
          "run discover again with this category, or leave it out (--categories)");
    }
    return file;
  }

  /** The circuit of a category: that of its toxic prompts where there is one. */
  public Optional<Path> circuit(String namedFolder, String category) {
    Lineage lineage = lineage();
    for (String suffix : new String[] {"_toxic", ""}) {
      Path file = layout.circuitsFolder(namedFolder).resolve(ResultLayout.circuitFile(model, category, suffix));
      if (isCurrent(namedFolder, lineage, file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  /** Whether a circuit is there and no leftover beside what the latest discover wrote; a folder that was named counts whole. */
  public static boolean isCurrent(String namedFolder, Lineage lineage, Path circuit) {
    return namedFolder == null ? lineage.isCurrent(circuit) : Files.isRegularFile(circuit);
  }

  public CollectReport report() {
    return Json.read(layout.collectReport(model), CollectReport.class);
  }

  public ActivationStore activations() {
    Map<String, String> stems = new LinkedHashMap<>();
    categories.forEach(category -> stems.put(category, layout.activationsStem(model, category)));
    return ActivationStore.open(layout.activationsFolder(), stems);
  }

  public List<Path> outputFiles() {
    List<Path> files = new ArrayList<>();
    categories.forEach(category -> {
      Path outputs = layout.outputs(model, category);
      files.add(imported() && !Files.isRegularFile(outputs) ? layout.refusalLabels(model, category) : outputs);
    });
    files.add(layout.collectReport(model));
    return files;
  }

  public List<Path> activationFiles() {
    List<Path> files = new ArrayList<>();
    for (String category : categories) {
      Pattern name =
          Pattern.compile(
              Pattern.quote(layout.activationsStem(model, category)) + "(-\\d{5}-of-\\d{5})?\\.safetensors");
      if (!Files.isDirectory(layout.activationsFolder())) {
        throw UserException.badData(layout.activationsFolder() + ": no such folder", "run collect first");
      }
      try (Stream<Path> all = Files.list(layout.activationsFolder())) {
        files.addAll(all.filter(file -> name.matcher(file.getFileName().toString()).matches()).sorted().toList());
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(layout.activationsFolder(), e);
      }
    }
    return files;
  }
}
