package org.refusal.original;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.refusal.activation.ActivationWriter;
import org.refusal.attribution.AttributionCheck;
import org.refusal.base.AtomicFiles;
import org.refusal.base.FileNames;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.OriginalOutputs;
import org.refusal.collected.RefusalRates;
import org.refusal.data.Balancer;
import org.refusal.data.Category;
import org.refusal.data.ModelOutput;
import org.refusal.io.Json;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.io.TorchFile;
import org.refusal.run.ResultLayout;
import org.refusal.sae.HookNames;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeImport;
import org.refusal.sae.SaeSource;

/**
 * A results folder of the original project, made ready for the stages. Its own files stay as they are: outputs, labels,
 * circuits and statistics are read in their old form, and beside them the import lays the activations and autoencoders
 * that it finds as {@code .pt} in the form of this project, the split (everything on the discovery side) and a record of
 * what was collected. Into another folder it copies the files that stay.
 *
 * <p>That row i of the activations is prompt i cannot be read off a {@code .pt} file. It is taken for true when the number
 * of rows is that of the labels and outputs, at every hook point: the original leaves the rows of a failed batch out of
 * the activations and keeps its labels, so that after a failure the numbers differ, and the import is refused.
 */
public final class OriginalImport {
  private static final String ORIGIN = "original project";
  private static final String CIRCUIT = "_circuit.json";
  private static final Pattern SAE_FILE = Pattern.compile("(.+)_sae\\.pt");
  private static final List<String> KEPT =
      List.of("model_outputs", "refusal_labels", "circuits", "evaluation", "evaluation_stats", "evaluation_results",
          "data_analysis", "reports");

  private final ResultLayout source;
  private final ResultLayout target;
  private final String model;
  private final Progress progress;
  private final List<String> lines = new ArrayList<>();

  private OriginalImport(Path source, Path target, String model, Progress progress) {
    this.source = new ResultLayout(source);
    this.target = new ResultLayout(target);
    this.model = model;
    this.progress = progress;
  }

  /** Whether a {@code .pt} file holds activations: a dictionary of hook points. */
  public static boolean isActivations(Path file) {
    return TorchFile.read(file) instanceof Map<?, ?> map
        && !map.isEmpty()
        && map.keySet().stream().allMatch(key -> key.toString().matches("(residuals|mlp|attention)_\\d+"));
  }

  /**
   * Checks everything, then writes.
   *
   * @param results where to; the folder itself reads it in place
   * @return what was found, one line each
   */
  public static List<String> folder(Path folder, Path results, String model, Progress progress) {
    return new OriginalImport(folder, results, model, progress).run();
  }

  /**
   * One category's activations.
   *
   * @param labels the original's outputs or labels file of that category
   */
  public static List<String> activations(
      Path file, Path labels, Path results, String model, String category, Progress progress) {
    OriginalImport work = new OriginalImport(results, results, model, progress);
    work.refuseOthersResults();
    OriginalOutputs outputs = OriginalOutputs.of(labels);
    Rows rows = Rows.read(file, labels, outputs.toxic().size());
    Path to =
        outputs.named() ? work.target.outputs(model, category) : work.target.refusalLabels(model, category);
    copy(labels, to);
    rows.write(work.target, model, category);
    work.lines.add(rows.line(category, outputs));
    work.record(Map.of(category, outputs));
    return work.lines;
  }

  private List<String> run() {
    refuseOthersResults();
    List<String> categories = categories();
    Map<String, OriginalOutputs> outputs = new LinkedHashMap<>();
    Map<HookPoint, SaeCheckpoint> saes = autoencoders();
    int circuits = checkCircuits();
    for (String category : categories) {
      outputs.put(category, OriginalOutputs.read(source, model, category));
      if (Files.isRegularFile(activations(category))) {
        Rows rows = Rows.read(activations(category), outputs.get(category).file(), outputs.get(category).toxic().size());
        lines.add(rows.line(category, outputs.get(category)));
      } else {
        lines.add("%-14s no activations (%s)".formatted(category, activations(category)));
      }
    }
    if (categories.isEmpty() && saes.isEmpty() && circuits == 0) {
      throw UserException.badData(
          "%s: holds nothing of %s".formatted(source.root(), model),
          "files begin with the model's name, / written as -: %s_...".formatted(ResultLayout.fileName(model)));
    }
    if (!same()) {
      copyKept();
    }
    try (Progress.Task task = progress.task("activations", categories.size())) {
      for (String category : categories) {
        if (Files.isRegularFile(activations(category))) {
          Rows.read(activations(category), outputs.get(category).file(), outputs.get(category).toxic().size())
              .write(target, model, category);
        }
        task.advance(1);
      }
    }
    saes.forEach(this::write);
    if (circuits > 0) {
      lines.add("%d circuits, read as they are".formatted(circuits));
    }
    if (!outputs.isEmpty()) {
      record(outputs);
    } else if (circuits > 0) {
      recordCircuitsOnly();
    }
    return lines;
  }

  private boolean same() {
    return source.root().toAbsolutePath().normalize().equals(target.root().toAbsolutePath().normalize());
  }

  private void refuseOthersResults() {
    if (Files.isRegularFile(target.splits()) && !ORIGIN.equals(Json.read(target.splits()).path("origin").asText())) {
      throw UserException.badData(
          target.splits() + ": this folder holds results of collect", "import into another one: --results-dir FOLDER");
    }
  }

  private Path activations(String category) {
    return source.activationsFolder().resolve(source.activationsStem(model, category) + ".pt");
  }

  /** Those that any file of the model names. */
  private List<String> categories() {
    TreeSet<String> found = new TreeSet<>();
    collect(found, source.activationsFolder(), "_activations.pt");
    collect(found, source.outputs(model, "x").getParent(), "_outputs.json");
    collect(found, source.refusalLabels(model, "x").getParent(), "_refusal.json");
    return List.copyOf(found);
  }

  private void collect(TreeSet<String> found, Path folder, String suffix) {
    String prefix = ResultLayout.fileName(model) + "_";
    for (Path file : source.filesOf(model, folder)) {
      String name = file.getFileName().toString();
      boolean ofOneSide = suffix.equals(CIRCUIT) && (name.endsWith("_safe" + CIRCUIT) || name.endsWith("_toxic" + CIRCUIT));
      if (name.endsWith(suffix) && name.length() > prefix.length() + suffix.length() && !ofOneSide) {
        found.add(category(file, name.substring(prefix.length(), name.length() - suffix.length())));
      }
    }
  }

  /** The original writes names of categories as they are: some of them stand otherwise in the names of files here. */
  private static String category(Path file, String written) {
    String name = FileNames.read(written).orElse(written);
    String right = ResultLayout.categoryName(name);
    if (!right.equals(written)) {
      throw UserException.badData(
          "%s: category '%s' is written '%s' in the names of files here".formatted(file, name, right),
          "rename the files of this category so");
    }
    return name;
  }

  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
  }

  private Map<HookPoint, SaeCheckpoint> autoencoders() {
    Map<HookPoint, SaeCheckpoint> found = new TreeMap<>();
    for (Path file : files(source.sae(model, HookPoint.residuals(0)).getParent())) {
      Matcher name = SAE_FILE.matcher(file.getFileName().toString());
      if (name.matches()) {
        HookPoint at = HookNames.parse(file, name.group(1));
        SaeCheckpoint read = SaeImport.read(file, new SaeSource(model, at.transformerLensName(), true), null);
        found.put(at, read);
        lines.add(
            "%-14s autoencoder: %s".formatted(at.name(), read.weights().summary()));
      }
    }
    return found;
  }

  private int checkCircuits() {
    int count = 0;
    for (Path file : source.filesOf(model, source.circuitsFolder())) {
      if (file.getFileName().toString().endsWith(CIRCUIT)) {
        CircuitJson.read(file);
        count++;
      }
    }
    return count;
  }

  /** The original leaves no token out and scales nothing: there is no sink, and no quality was recorded. */
  private void write(HookPoint at, SaeCheckpoint sae) {
    Path folder = target.sae(model, at);
    sae.write(folder);
    ObjectNode metrics = Json.mapper().createObjectNode();
    metrics.put("hook_point", at.name());
    metrics.put("variant", "legacy");
    metrics.put("origin", ORIGIN);
    metrics.putObject("sinks").put("threshold", "Infinity");
    metrics.putArray("warnings").add("imported from the original project: its quality was not measured here");
    Json.write(ResultLayout.saeMetrics(folder), metrics);
  }

  private void copyKept() {
    for (String name : KEPT) {
      Path from = source.root().resolve(name);
      if (!Files.isDirectory(from)) {
        continue;
      }
      try (Stream<Path> all = Files.walk(from)) {
        for (Path file : all.filter(Files::isRegularFile).sorted().toList()) {
          if (file.toString().endsWith(".json")) {
            copy(file, target.root().resolve(name).resolve(from.relativize(file).toString()));
          }
        }
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(from, e);
      }
    }
    if (Files.isRegularFile(source.categoryWeights())) {
      copy(source.categoryWeights(), target.categoryWeights());
    }
  }

  private static void copy(Path from, Path to) {
    if (from.toAbsolutePath().normalize().equals(to.toAbsolutePath().normalize())) {
      return;
    }
    try {
      byte[] bytes = Files.readAllBytes(from);
      AtomicFiles.write(to, out -> out.write(bytes));
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(from, e);
    }
  }

  /** Split, weights and the record of what was collected; categories of an earlier import stay. */
  private void record(Map<String, OriginalOutputs> imported) {
    Map<String, OriginalOutputs> outputs = new TreeMap<>(imported);
    if (Files.isRegularFile(target.splits())) {
      Json.read(target.splits()).path("categories").fieldNames().forEachRemaining(category ->
          outputs.computeIfAbsent(category, name -> OriginalOutputs.read(target, model, name)));
    }
    ObjectNode splits = Json.mapper().createObjectNode();
    splits.put("origin", ORIGIN);
    splits.put("heldout_fraction", 0.0);
    ObjectNode categories = splits.putObject("categories");
    Map<String, CollectReport.Sides> sides = new LinkedHashMap<>();
    List<ModelOutput> answered = new ArrayList<>();
    Map<Category, Integer> toxicCounts = new LinkedHashMap<>();
    outputs.forEach((category, read) -> {
      ObjectNode ofCategory = categories.putObject(category);
      for (boolean side : new boolean[] {false, true}) {
        var indices = ofCategory.putObject(side ? "toxic" : "safe").putArray("discovery");
        for (int i = 0; i < read.toxic().size(); i++) {
          if (read.toxic().get(i) == side) {
            indices.add(i);
          }
        }
      }
      List<ModelOutput> known = read.named() ? read.asOutputs() : List.of();
      sides.put(category, RefusalRates.of(known));
      answered.addAll(known);
      toxicCounts.put(new Category(category), (int) read.toxic().stream().filter(each -> each).count());
    });
    if (!Files.isRegularFile(target.categoryWeights())) {
      Map<String, Double> weights = new LinkedHashMap<>();
      Balancer.weights(toxicCounts).forEach((category, weight) -> weights.put(category.name(), weight));
      Json.write(target.categoryWeights(), weights);
    }
    Json.write(
        target.collectReport(model),
        new CollectReport(
            model, OriginalOutputs.TEMPLATE, List.of(), false, RefusalRates.separation(answered), sides, RefusalRates.of(answered), RefusalRates.overRefusal(answered),
            "all", List.of(), Map.of(), 0, 0,
            List.of("inference.chat_template: none", "inference.positions: last_generated", "inference.detector: legacy"),
            null, null));
    AttributionCheck.write(target.attributionCheck(model), List.of());
    Json.write(target.splits(), splits);
  }

  /** Circuits alone can be compared. */
  private void recordCircuitsOnly() {
    TreeSet<String> found = new TreeSet<>();
    for (String suffix : List.of("_safe" + CIRCUIT, "_toxic" + CIRCUIT)) {
      collect(found, target.circuitsFolder(), suffix);
    }
    TreeSet<String> both = new TreeSet<>();
    collect(both, target.circuitsFolder(), CIRCUIT);
    found.addAll(both);
    ObjectNode splits = Json.mapper().createObjectNode();
    splits.put("origin", ORIGIN);
    ObjectNode categories = splits.putObject("categories");
    found.forEach(categories::putObject);
    AttributionCheck.write(target.attributionCheck(model), List.of());
    Json.write(target.splits(), splits);
  }

  /** Activations of one category: {@code [prompts * rowsPerPrompt, d_model]} per hook point. */
  private record Rows(Map<HookPoint, Tensor> tensors, int prompts, int rowsPerPrompt) {

    static Rows read(Path file, Path labels, int expected) {
      if (!(TorchFile.read(file) instanceof Map<?, ?> map) || map.isEmpty()) {
        throw UserException.badData(file + ": holds no dictionary of activations");
      }
      Map<HookPoint, Tensor> tensors = new TreeMap<>();
      Tensor first = null;
      Map<String, Object> sorted = new TreeMap<>();
      map.forEach((name, value) -> sorted.put(name.toString(), value));
      for (Map.Entry<String, Object> entry : sorted.entrySet()) {
        String where = "%s: %s".formatted(file, entry.getKey());
        if (!(entry.getValue() instanceof Tensor tensor)
            || !tensor.dtype().isFloating()
            || tensor.shape().length < 2
            || tensor.shape().length > 3) {
          throw UserException.badData(
              where + " is no tensor of activations", "expected [prompts, d_model] or [prompts, tokens, d_model]");
        }
        if (tensor.shape()[0] != expected) {
          throw UserException.badData(
              "%s has %d rows where %s tells of %d prompts: which row belongs to which prompt is lost"
                  .formatted(where, tensor.shape()[0], labels, expected),
              "the original leaves the rows of a failed batch out; run collect again for this category");
        }
        first = first == null ? tensor : first;
        if (!Arrays.equals(first.shape(), tensor.shape()) || first.dtype() != tensor.dtype()) {
          throw UserException.badData(
              "%s: %s %s, but the first hook point has %s %s"
                  .formatted(
                      where, tensor.dtype(), Arrays.toString(tensor.shape()), first.dtype(),
                      Arrays.toString(first.shape())));
        }
        requireFinite(where, tensor);
        tensors.put(HookPoint.parse(entry.getKey()), tensor);
      }
      int rowsPerPrompt = first.shape().length == 3 ? Math.toIntExact(first.shape()[1]) : 1;
      if (rowsPerPrompt == 0) {
        throw UserException.badData(file + ": no token per prompt");
      }
      return new Rows(tensors, Math.toIntExact(first.shape()[0]), rowsPerPrompt);
    }

    private static void requireFinite(String where, Tensor tensor) {
      float[] values = tensor.floats();
      for (int i = 0; i < values.length; i++) {
        if (!Float.isFinite(values[i])) {
          int perPrompt = values.length / Math.toIntExact(tensor.shape()[0]);
          throw UserException.badData("%s, prompt %d: %s".formatted(where, i / perPrompt, values[i]));
        }
      }
    }

    private int width() {
      long[] shape = tensors.values().iterator().next().shape();
      return Math.toIntExact(shape[shape.length - 1]);
    }

    String line(String category, OriginalOutputs outputs) {
      long toxic = outputs.toxic().stream().filter(each -> each).count();
      return "%-14s %d prompts (%d toxic), %d row%s each of width %d at %s; rows taken for prompts in order, as their number is that of %s%s"
          .formatted(
              category, prompts, toxic, rowsPerPrompt, rowsPerPrompt == 1 ? "" : "s", width(), tensors.keySet(),
              outputs.file().getFileName(), outputs.named() ? "" : ", which does not name the prompts");
    }

    void write(ResultLayout layout, String model, String category) {
      ActivationWriter.writeUnnamed(
          layout.activationsFolder(), layout.activationsStem(model, category), tensors, prompts, rowsPerPrompt,
          Map.of("model", model, "category", category, "origin", ORIGIN));
    }
  }
}
