package org.refusal.stage;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.Collected;
import org.refusal.config.ModelSection;
import org.refusal.config.TrainSaesConfig;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.evaluation.ReconstructionLoss;
import org.refusal.evaluation.SaeInModel;
import org.refusal.io.Json;
import org.refusal.model.Models;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeMetrics;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchRuntime;
import org.refusal.train.LegacySaeTrainer;
import org.refusal.train.SaeData;
import org.refusal.train.SaeOptions;
import org.refusal.train.SaeTrainer;
import org.refusal.train.TrainingHistory;
import org.refusal.train.TrainingPrompt;

/** One sparse autoencoder per hook point, on all categories together, so that latents are comparable between them. */
public final class TrainSaesStage implements Stage<TrainSaesConfig> {
  private static final String LEGACY =
      "sae.variant: legacy (the original project's autoencoder: sinks are not left out, inputs are not scaled)";


  @Override
  public String name() {
    return "train-saes";
  }

  @Override
  public String summary() {
    return "Which features are the activations made of? Trains a top-k sparse autoencoder per hook point.";
  }

  @Override
  public int version() {
    return 5;
  }

  @Override
  public Class<TrainSaesConfig> configType() {
    return TrainSaesConfig.class;
  }

  @Override
  public Path resultDir(TrainSaesConfig config) {
    return Path.of(config.output().resultDir());
  }

  private Collected collected(TrainSaesConfig config) {
    return Collected.open(new ResultLayout(resultDir(config)), Models.name(config.model()), config.data().categories());
  }

  @Override
  public List<Path> inputs(TrainSaesConfig config) {
    Collected collected = collected(config);
    List<Path> inputs = new ArrayList<>(collected.outputFiles());
    inputs.addAll(collected.activationFiles());
    inputs.add(collected.layout().categoryWeights());
    if (config.training().cePrompts() > 0 && SaeInModel.reasonAgainst(config.model()).isEmpty()) {
      inputs.addAll(Models.checkpoint(config.model()).files());
    }
    return inputs;
  }

  /** For the cross-entropy with each autoencoder in place. */
  @Override
  public Optional<ModelSection> modelRun(TrainSaesConfig config) {
    return config.training().cePrompts() > 0 && SaeInModel.reasonAgainst(config.model()).isEmpty()
        ? Optional.of(config.model())
        : Optional.empty();
  }

  /** Training is where the model would run; the original's autoencoder is trained on the CPU. */
  @Override
  public Optional<ModelSection> computesOn(TrainSaesConfig config) {
    return isLegacy(config) ? Stage.super.computesOn(config) : Optional.of(config.model());
  }

  private static boolean isLegacy(TrainSaesConfig config) {
    return config.sae().variant().equals("legacy");
  }

  @Override
  public StageResult run(TrainSaesConfig config, StageContext context) {
    Collected collected = collected(config);
    TorchRuntime.start();
    TorchRuntime.setThreads(context.threads());
    SaeOptions options = SaeOptions.from(config);
    List<Path> outputs = new ArrayList<>();
    List<String> summary = new ArrayList<>();
    try (ActivationStore store = collected.activations()) {
      List<HookPoint> points = points(config, store);
      SaeData data = data(collected, store);
      boolean legacy = isLegacy(config);
      NDManager manager = Devices.manager(legacy ? Device.cpu() : Devices.parse(config.model().device()));
      LegacySaeTrainer legacyTrainer =
          new LegacySaeTrainer(store, data, options, manager, context.threads(), context.progress());
      SaeTrainer trainer =
          new SaeTrainer(store, data, options, manager, context.threads(), context.work(), context.progress());
      if (legacy) {
        summary.add(LEGACY);
      }
      Map<HookPoint, TrainingHistory> histories = new LinkedHashMap<>();
      BiConsumer<HookPoint, SaeTrainer.Result> finished =
          (point, result) -> {
            write(folder(config, collected, point), result.checkpoint());
            histories.put(point, result.history());
          };
      if (legacy) {
        points.forEach(point -> finished.accept(point, legacyTrainer.train(point, collected.model(), true)));
      } else {
        trainer.train(points, config.training().hookPointsAtOnce(), collected.model(), true, finished);
      }
      InModel inModel = inModel(config, collected, histories, context);
      histories.forEach((point, history) -> {
        Path folder = folder(config, collected, point);
        Path metrics = ResultLayout.saeMetrics(folder);
        ReconstructionLoss loss = inModel.losses().get(point);
        Json.write(metrics, metrics(config.sae().variant(), history, loss, inModel.missing()));
        outputs.addAll(
            List.of(folder.resolve(SaeCheckpoint.CONFIG), folder.resolve(SaeCheckpoint.WEIGHTS), metrics));
        if (config.output().saveHistory()) {
          Path file = folder.resolve("training_history.json");
          history.write(file);
          outputs.add(file);
        }
        summary.add(line(point, history, loss));
      });
      points.forEach(trainer::forget);
      if (inModel.missing() != null) {
        summary.add("cross-entropy and KL with the autoencoders: " + inModel.missing());
      }
    }
    return new StageResult(outputs, summary);
  }

  /** Weights are written as they are finished; metrics follow when all are measured, those of an earlier training go. */
  private static void write(Path folder, SaeCheckpoint checkpoint) {
    try {
      Files.deleteIfExists(ResultLayout.saeMetrics(folder));
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(folder, e);
    }
    checkpoint.write(folder);
  }

  /** @param missing why nothing was measured; null when it was */
  private record InModel(Map<HookPoint, ReconstructionLoss> losses, String missing) {}

  private static InModel inModel(
      TrainSaesConfig config, Collected collected, Map<HookPoint, TrainingHistory> histories, StageContext context) {
    int most = config.training().cePrompts();
    if (most == 0) {
      return new InModel(Map.of(), "not measured, training.ce_prompts is 0");
    }
    Optional<String> reason = SaeInModel.reasonAgainst(config.model());
    if (reason.isPresent()) {
      context.progress().note("warning: the model cannot be run with the autoencoders in place: " + reason.get());
      return new InModel(Map.of(), "not measured: " + reason.get());
    }
    Map<HookPoint, Double> thresholds = new TreeMap<>();
    histories.forEach((point, history) -> thresholds.put(point, history.sinks().threshold()));
    Map<HookPoint, ReconstructionLoss> losses =
        SaeInModel.measure(
            config.model(), collected, thresholds, point -> folder(config, collected, point), most, config.seed(),
            context.threads(), context.progress());
    return new InModel(losses, losses.isEmpty() ? "not measured: no prompt was held out" : null);
  }

  /** The hook points of the config, or all that were collected. */
  private static List<HookPoint> points(TrainSaesConfig config, ActivationStore store) {
    List<HookPoint> points = HookPoint.parseAll(config.model().activationLayers(), store.hookPoints());
    if (points.isEmpty()) {
      return store.hookPoints().stream().sorted().toList();
    }
    points.forEach(store::require);
    return points.stream().sorted().toList();
  }

  static Path folder(TrainSaesConfig config, Collected collected, HookPoint point) {
    return config.output().saveDir() == null
        ? collected.layout().sae(collected.model(), point)
        : Path.of(config.output().saveDir(), ResultLayout.fileName(collected.model()), point.name());
  }

  private static SaeData data(Collected collected, ActivationStore store) {
    List<TrainingPrompt> train = new ArrayList<>();
    List<TrainingPrompt> heldOut = new ArrayList<>();
    for (String category : collected.categories()) {
      for (ModelOutput output : collected.outputs(category)) {
        Optional<StoredPrompt> stored = store.find(category, output.promptIndex());
        if (stored.isEmpty()) {
          throw UserException.badData(
              "prompt %s/%d has an output but no activations".formatted(category, output.promptIndex()),
              "run collect again");
        }
        (output.split() == Split.Side.DISCOVERY ? train : heldOut)
            .add(new TrainingPrompt(stored.get(), output.label().toxic()));
      }
    }
    Map<String, Double> weights = new LinkedHashMap<>();
    Path weightsFile = collected.layout().categoryWeights();
    JsonNode file = Json.readPython(weightsFile);
    (file.path("category_weights").isObject() ? file.path("category_weights") : file) // the original's form has both
        .fields()
        .forEachRemaining(entry -> {
          double weight = entry.getValue().isNumber() ? entry.getValue().doubleValue() : Double.NaN;
          if (!Double.isFinite(weight) || weight < 0) {
            throw UserException.badData(
                "%s: the weight of %s is no number from 0: %s".formatted(weightsFile, entry.getKey(), entry.getValue()));
          }
          weights.put(entry.getKey(), weight);
        });
    return new SaeData(train, heldOut, weights);
  }

  private static Map<String, Object> metrics(
      String variant, TrainingHistory history, ReconstructionLoss loss, String missing) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("hook_point", history.sinks().at().name());
    fields.put("variant", variant);
    fields.put("training_tokens", history.trainingTokens());
    fields.put("steps", history.steps());
    fields.put("train", history.train());
    fields.put("held_out", history.heldOut());
    fields.put("in_model", loss == null ? Map.of("missing", missing) : loss);
    fields.put("sinks", history.sinkFields());
    fields.put("warnings", history.warnings());
    return fields;
  }

  private static String line(HookPoint point, TrainingHistory history, ReconstructionLoss loss) {
    SaeMetrics heldOut = history.heldOut();
    return "%-14s FVU %.3f train, %s held out; L0 %.1f; dead %.1f %%; %s%d steps on %d tokens; %d sinks"
        .formatted(
            point.name(),
            history.train().fvu(),
            heldOut == null ? "none" : "%.3f".formatted(heldOut.fvu()),
            history.train().l0(),
            100 * history.train().deadShare(),
            loss == null ? "" : inModel(loss),
            history.steps(),
            history.trainingTokens(),
            history.sinks().sinks());
  }

  private static String inModel(ReconstructionLoss loss) {
    return Double.isNaN(loss.ceScore())
        ? "CE score undefined (zeroing costs nothing), KL %.3f; ".formatted(loss.kl())
        : "CE score %.3f, KL %.3f; ".formatted(loss.ceScore(), loss.kl());
  }
}
