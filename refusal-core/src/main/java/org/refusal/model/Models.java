package org.refusal.model;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.config.ModelSection;
import org.refusal.text.Tokenizer;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchRuntime;

/** From the {@code model:} section to a checkpoint and to a model that runs. */
public final class Models {
  private Models() {}

  /** A folder is taken as it is, any other name is looked up in the Hugging Face cache. */
  public static CheckpointFolder checkpoint(ModelSection model) {
    if (model.trustRemoteCode()) {
      throw UserException.badConfig(
          "model.trust_remote_code: true is refused: nothing that a checkpoint brings is ever executed",
          "set it to false; checkpoints of the families that run here need no code of their own");
    }
    ModelName.refuseOtherThings(model.name());
    Path folder = Path.of(model.name());
    if (Files.isDirectory(folder)) {
      return CheckpointFolder.open(folder, name(model));
    }
    if (model.name().startsWith("/") || model.name().startsWith(".")) {
      throw UserException.badConfig(model.name() + ": no such model folder");
    }
    return HubCache.of(Optional.ofNullable(model.cacheDir()).map(Path::of)).open(model.name());
  }

  /** What a user should know of a model's files, one line each. */
  public static List<String> remarks(CheckpointFolder checkpoint, Tokenizer tokenizer) {
    List<String> remarks = new ArrayList<>(checkpoint.remarks());
    remarks.addAll(tokenizer.remarks());
    return remarks;
  }

  /** How results name the model: as the user did, or by the last part of its folder. */
  public static String name(ModelSection model) {
    Path folder = Path.of(model.name());
    return Files.isDirectory(folder) ? folder.toAbsolutePath().normalize().getFileName().toString() : model.name();
  }

  public static CausalLm load(ModelSection model, CheckpointFolder checkpoint, int threads) {
    TorchRuntime.start();
    TorchRuntime.setThreads(threads);
    Device device = Devices.parse(model.device());
    return CausalLm.load(checkpoint, device, dataType(model.torchDtype(), device, checkpoint));
  }

  /** The device that {@link #load} takes: {@code cpu} or {@code cuda:N}. */
  public static String device(ModelSection model) {
    return Devices.name(Devices.parse(model.device()));
  }

  /** The type that {@link #load} computes in, as in YAML: {@code float32}. */
  public static String dataType(ModelSection model) {
    return dataType(model.torchDtype(), Devices.parse(model.device()), checkpoint(model))
        .name()
        .toLowerCase(Locale.ROOT);
  }

  private static DataType dataType(String name, Device device, CheckpointFolder checkpoint) {
    return Devices.dataType(name, device, checkpoint.config().storedType());
  }

  /** The hook points of the config, in forward order; each must be one that the model has. */
  static List<HookPoint> hookPoints(ModelSection model, CheckpointFolder checkpoint) {
    int layers = checkpoint.config().layers();
    List<HookPoint> every = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      for (HookPoint.Site site : HookPoint.Site.values()) {
        every.add(new HookPoint(layer, site));
      }
    }
    List<HookPoint> points = HookPoint.parseAll(model.activationLayers(), every);
    for (HookPoint point : points) {
      if (point.layer() >= layers) {
        throw UserException.badConfig(
            "model.activation_layers: %s has no layer %d".formatted(name(model), point.layer()),
            "its layers are 0 to " + (layers - 1));
      }
    }
    return points.stream().sorted().toList();
  }

  public static List<HookPoint> requireHookPoints(ModelSection model, CheckpointFolder checkpoint) {
    List<HookPoint> points = hookPoints(model, checkpoint);
    if (points.isEmpty()) {
      throw UserException.badConfig(
          "model.activation_layers is empty: no hook point to work on", "for example: [residuals_14, residuals_20]");
    }
    return points;
  }
}
