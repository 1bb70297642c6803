package org.refusal.torch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.refusal.base.UserException;

/** Where tensors live: the names users give devices, and one root manager for each device. */
public final class Devices {
  private static final Map<Device, NDManager> MANAGERS = new ConcurrentHashMap<>();

  private Devices() {}

  /**
   * Reads {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}; auto is the first GPU, or the CPU in a build for CPUs.
   * A GPU that is not there is an error of the environment, never replaced silently.
   */
  public static Device parse(String name) {
    Engine engine = TorchRuntime.start();
    String text = name.strip().toLowerCase(Locale.ROOT);
    if (text.equals("cpu")) {
      return Device.cpu();
    }
    int gpus = engine.getGpuCount();
    boolean forGpus = TorchRuntime.isForGpus() || engine.hasCapability("CUDA");
    if (text.equals("auto")) {
      if (gpus == 0 && forGpus) {
        throw missing(name, gpus);
      }
      return gpus > 0 ? Device.gpu(0) : Device.cpu();
    }
    if (!text.matches("cuda(:\\d{1,3})?")) {
      throw UserException.badConfig("device '" + name + "' is none of auto, cpu, cuda, cuda:N");
    }
    int index = text.equals("cuda") ? 0 : Integer.parseInt(text.substring("cuda:".length()));
    if (!forGpus) {
      throw UserException.environment(
          "device '" + name + "': this libtorch is built for the CPU only",
          "use the GPU distribution (mvnw -Pcuda), or device: cpu");
    }
    if (index >= gpus) {
      throw missing(name, gpus);
    }
    return Device.gpu(index);
  }

  private static UserException missing(String name, int gpus) {
    return UserException.environment(
        "device '%s': this machine has %s"
            .formatted(name, gpus == 0 ? "no GPU that works" : gpus == 1 ? "1 GPU" : gpus + " GPUs"),
        "ask Slurm for one (--gres=gpu:1), check nvidia-smi, or use device: cpu");
  }

  /**
   * The type that a model computes in: {@code float32}, {@code float64}, {@code float16}, {@code bfloat16}, or
   * {@code auto}: float32 on a CPU; on a GPU float16 or bfloat16 if the weights are stored so, otherwise float32.
   *
   * @param stored {@code torch_dtype} of the checkpoint, may be empty
   */
  public static DataType dataType(String name, Device device, String stored) {
    return switch (name.strip().toLowerCase(Locale.ROOT)) {
      case "float32" -> DataType.FLOAT32;
      case "float64" -> DataType.FLOAT64;
      case "float16" -> DataType.FLOAT16;
      case "bfloat16" -> DataType.BFLOAT16;
      case "auto" ->
          device.isGpu() && (stored.equals("float16") || stored.equals("bfloat16"))
              ? dataType(stored, device, stored)
              : DataType.FLOAT32;
      default ->
          throw UserException.badConfig(
              "torch_dtype '" + name + "' is none of auto, float32, float16, bfloat16, float64");
    };
  }

  /** What the device calls itself: {@code cpu}, or {@code cuda:N}; for manifests and {@code --version}. */
  public static String name(Device device) {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /** The root manager of a device. Arrays attached to it live until they are closed or their scope is. */
  public static NDManager manager(Device device) {
    return MANAGERS.computeIfAbsent(device, d -> TorchRuntime.start().newBaseManager(d));
  }
}
