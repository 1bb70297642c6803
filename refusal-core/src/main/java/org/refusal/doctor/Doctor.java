package org.refusal.doctor;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.refusal.base.AtomicFiles;
import org.refusal.base.TemporaryFolder;
import org.refusal.base.UserException;
import org.refusal.collected.CollectReport;
import org.refusal.config.ModelSection;
import org.refusal.evaluation.LayersFile;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Models;
import org.refusal.plot.Fonts;
import org.refusal.run.ResultLayout;
import org.refusal.text.ChatTemplate;
import org.refusal.text.RenderedPrompt;
import org.refusal.text.Tokenizer;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchRuntime;

/** What this machine can run: device, memory needed against free, model files, tokenizer, template, metric, layers. */
public final class Doctor {
  private static final double GIB = 1 << 30;

  private Doctor() {}

  /** One line of the diagnosis. */
  public record Finding(boolean good, String what, String text) {}

  /**
   * @param device as in {@code model.device}
   * @param model may be null: then only the machine is looked at
   * @param results folder in which collect may have calibrated the metric
   * @param outputs a file of answers to calibrate the metric's tokens from; may be null
   */
  public static List<Finding> examine(String device, ModelSection model, Path results, Path outputs) {
    List<Finding> findings = new ArrayList<>();
    Runtime runtime = Runtime.getRuntime();
    check(findings, "temporary", () -> TemporaryFolder.require() + " takes files");
    load(findings, "device", () -> Devices.name(Devices.parse(device)) + ", libtorch " + TorchRuntime.version());
    findings.add(
        new Finding(
            true, "processor",
            "%d cores, Java heap up to %.1f GiB".formatted(runtime.availableProcessors(), runtime.maxMemory() / GIB)));
    check(findings, "disk", () -> {
      Path there = results.toAbsolutePath();
      while (!Files.exists(there)) {
        there = there.getParent();
      }
      FileStore store = Files.getFileStore(there);
      return "%.1f GiB free at %s".formatted(store.getUsableSpace() / GIB, there);
    });
    load(findings, "fonts", () -> Fonts.regular(10).getFamily() + ", for charts");
    if (model == null) {
      return findings;
    }
    check(findings, "model", () -> {
      CheckpointFolder checkpoint = Models.checkpoint(model);
      return "%s: %s, %d layers, d_model %d, context %d, stored as %s, in %s"
          .formatted(
              checkpoint.config().name(), checkpoint.config().modelType(), checkpoint.config().layers(),
              checkpoint.config().dModel(), checkpoint.config().maxPositions(), checkpoint.config().storedType(),
              checkpoint.folder());
    });
    load(findings, "files", () -> {
      CheckpointFolder checkpoint = Models.checkpoint(model);
      try (Tokenizer tokenizer = Tokenizer.load(checkpoint.folder())) {
        List<String> remarks = Models.remarks(checkpoint, tokenizer);
        return remarks.isEmpty() ? "nothing odd" : "note: " + String.join("; ", remarks);
      }
    });
    load(findings, "memory", () -> memory(model));
    load(findings, "tokenizer", () -> {
      CheckpointFolder checkpoint = Models.checkpoint(model);
      try (Tokenizer tokenizer = Tokenizer.load(checkpoint.folder())) {
        int rows = checkpoint.config().vocabSize();
        return "%d ids, vocabulary of %d%s"
            .formatted(
                tokenizer.idBound(), rows,
                tokenizer.idBound() > rows ? ": a prompt that holds an id from %d on cannot be run".formatted(rows) : "");
      }
    });
    load(findings, "template", () -> {
      try (Tokenizer tokenizer = Tokenizer.load(Models.checkpoint(model).folder())) {
        ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
        RenderedPrompt prompt = template.prompt("How are you?");
        String warnings = template.warnings().stream().map(text -> "warning: " + text + "; ").collect(Collectors.joining());
        return "%s%s: %d template tokens before the text, %d after; rendered: %s"
            .formatted(
                warnings, template.name(), prompt.userFrom(), prompt.length() - prompt.userTo(),
                prompt.text().replace("\n", "\\n"));
      }
    });
    look(findings, "metric", () -> metric(model, results, outputs));
    check(findings, "layers", () -> layers(model, results));
    return findings;
  }

  private static Finding metric(ModelSection model, Path results, Path outputs) {
    TemporaryFolder.require();
    Path report = new ResultLayout(results).collectReport(Models.name(model));
    if (outputs == null && Files.exists(report)) {
      return MetricExamination.collected(Json.read(report, CollectReport.class));
    }
    try (Tokenizer tokenizer = Tokenizer.load(Models.checkpoint(model).folder())) {
      return outputs == null
          ? MetricExamination.uncalibrated(tokenizer, report)
          : MetricExamination.calibrated(outputs, tokenizer);
    }
  }

  private static String layers(ModelSection model, Path results) {
    Path file = new ResultLayout(results).layers(Models.name(model));
    if (!Files.exists(file)) {
      return "where the model decides is not known: refusal collect --find-layers measures it on a few prompts and proposes"
          + " hook points";
    }
    LayersFile found = LayersFile.read(file);
    return found.option() == null
        ? "%s (%s)".formatted(String.join("; ", found.proposal().reasons()), file)
        : "the model decides at %s: %s (%s)".formatted(found.proposal().decisionLayer(), found.option(), file);
  }

  private static String memory(ModelSection model) throws IOException {
    CheckpointFolder checkpoint = Models.checkpoint(model);
    long parameters = 0;
    for (Path file : checkpoint.weightFiles()) {
      try (Safetensors weights = Safetensors.open(file)) {
        parameters += weights.entries().values().stream().mapToLong(Safetensors.Entry::elements).sum();
      }
    }
    Device device = Devices.parse(model.device());
    DataType type = Devices.dataType(model.torchDtype(), device, "float16");
    double needed = parameters * (double) type.getNumOfBytes() + CausalLm.copiedBytes(checkpoint.config(), device, type);
    double free = device.isGpu() ? Double.NaN : freeMemory();
    String text =
        "%.2f billion parameters need %.1f GiB for weights%s"
            .formatted(
                parameters / 1e9, needed / GIB,
                Double.isNaN(free) ? "" : "; %.1f GiB of memory are available".formatted(free / GIB));
    if (free < needed * 1.3) {
      throw UserException.environment(text, "use a larger machine, a GPU, or torch_dtype: bfloat16");
    }
    return text;
  }

  private static double freeMemory() throws IOException {
    Path info = Path.of("/proc/meminfo");
    if (!Files.exists(info)) {
      return Double.NaN;
    }
    return Files.readAllLines(info).stream()
        .filter(line -> line.startsWith("MemAvailable:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D+", "")) * 1024)
        .findFirst()
        .orElse(Double.NaN);
  }

  @FunctionalInterface
  private interface Look<T> {
    T at() throws IOException;
  }

  private static void check(List<Finding> findings, String what, Look<String> look) {
    look(findings, what, () -> new Finding(true, what, look.at()));
  }

  /** What loads a library or a font, which is unpacked into the temporary folder first. */
  private static void load(List<Finding> findings, String what, Look<String> look) {
    check(findings, what, () -> {
      TemporaryFolder.require();
      return look.at();
    });
  }

  private static void look(List<Finding> findings, String what, Look<Finding> look) {
    try {
      findings.add(look.at());
    } catch (UserException e) {
      String text = e.getMessage() + e.advice().map(advice -> " (" + advice + ")").orElse("");
      findings.add(
          new Finding(
              false, what,
              findings.stream()
                  .filter(finding -> finding.text().equals(text))
                  .findFirst()
                  .map(finding -> "not known, see " + finding.what())
                  .orElse(text)));
    } catch (IOException e) {
      findings.add(new Finding(false, what, AtomicFiles.reason(e)));
    }
  }
}
