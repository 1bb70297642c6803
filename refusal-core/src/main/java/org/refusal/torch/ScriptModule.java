package org.refusal.torch;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * TorchScript functions called from Java: whatever libtorch can do, DJL's own API or not. The source is compiled when
 * the class that owns it is first used; nothing is read from or written to disk.
 *
 * <p>A source is a list of functions with type annotations and two blanks of indent:
 *
 * <pre>{@code
 * def silu_gate(gate: Tensor, up: Tensor) -> Tensor:
 *   return torch.silu(gate) * up
 * }</pre>
 *
 * <p>Functions may call each other as {@code self.name(...)}; {@code self} is added as their first parameter. Only what
 * {@code torch.*} and tensor methods offer can be used (no {@code torch.nn}). Absent tensors are passed as empty lists,
 * since DJL has no null for TorchScript. A graph is recorded if, and only if, an {@link Autograd} is open on the calling
 * thread.
 *
 * <p>Arguments from Java: {@link NDArray} (Tensor), {@code List<NDArray>} (List[Tensor]), Integer or Long (int), Double
 * (float), Boolean (bool), String (str), {@code long[]} (List[int]), {@code double[]} (List[float]) and {@link Tensors}. Results
 * belong to the innermost {@link Memory.Scope}.
 */
public final class ScriptModule {
  private final PtSymbolBlock block;

  private ScriptModule(PtSymbolBlock block) {
    this.block = block;
  }

  /** A list of tensors converted once for many calls: the weights of a layer. It holds on to them until closed. */
  public static final class Tensors implements AutoCloseable {
    private final IValue value;
    private final Device device;

    private Tensors(IValue value, Device device) {
      this.value = value;
      this.device = device;
    }

    public static Tensors of(List<NDArray> arrays) {
      return new Tensors(
          IValue.listFrom(arrays.stream().map(PtNDArray.class::cast).toArray(PtNDArray[]::new)),
          arrays.isEmpty() ? null : arrays.get(0).getDevice());
    }

    @Override
    public void close() {
      value.close();
    }
  }

  /**
   * @param name of the module in stack traces, a Python identifier
   * @param source functions as described above
   */
  public static ScriptModule compile(String name, String source) {
    TorchRuntime.start();
    NDManager manager = Devices.manager(Device.cpu());
    byte[] archive = archive(name, source);
    try {
      return new ScriptModule(
          JniUtils.loadModule((PtNDManager) manager, new ByteArrayInputStream(archive), false, false));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Calls a function that returns a tensor. */
  public NDArray tensor(String function, Object... arguments) {
    PtNDManager manager = (PtNDManager) Devices.manager(device(arguments));
    try (IValue result = run(function, arguments)) {
      return result.toTensor(manager);
    }
  }

  /** Calls a function that returns a list of tensors. */
  public List<NDArray> tensors(String function, Object... arguments) {
    PtNDManager manager = (PtNDManager) Devices.manager(device(arguments));
    try (IValue result = run(function, arguments)) {
      return List.of(result.toTensorArray(manager));
    }
  }

  /** Calls a function that returns a bool. */
  public boolean truth(String function, Object... arguments) {
    try (IValue result = run(function, arguments)) {
      return result.toBoolean();
    }
  }

  /** Calls a function for what it does to its arguments; it returns None. */
  public void invoke(String function, Object... arguments) {
    run(function, arguments).close();
  }

  private IValue run(String function, Object... arguments) {
    Native.prepareThread();
    long[] handles = new long[arguments.length];
    List<IValue> temporary = new ArrayList<>(arguments.length);
    try {
      for (int i = 0; i < arguments.length; i++) {
        IValue value;
        if (arguments[i] instanceof Tensors tensors) {
          value = tensors.value;
        } else {
          value = convert(arguments[i]);
          temporary.add(value);
        }
        handles[i] = value.getHandle();
      }
      return Native.run(block, function, handles);
    } finally {
      temporary.forEach(IValue::close);
    }
  }

  private static IValue convert(Object argument) {
    if (argument instanceof PtNDArray array) {
      return IValue.from(array);
    }
    if (argument instanceof List<?> list) {
      return IValue.listFrom(list.stream().map(PtNDArray.class::cast).toArray(PtNDArray[]::new));
    }
    if (argument instanceof Integer || argument instanceof Long) {
      return IValue.from(((Number) argument).longValue());
    }
    if (argument instanceof Double number) {
      return IValue.from(number.doubleValue());
    }
    if (argument instanceof Boolean truth) {
      return IValue.from(truth.booleanValue());
    }
    if (argument instanceof String text) {
      return IValue.from(text);
    }
    if (argument instanceof long[] numbers) {
      return IValue.listFrom(numbers);
    }
    if (argument instanceof double[] numbers) {
      return IValue.listFrom(numbers);
    }
    throw new IllegalArgumentException("no TorchScript value: " + argument);
  }

  private static Device device(Object... arguments) {
    for (Object argument : arguments) {
      if (argument instanceof NDArray array) {
        return array.getDevice();
      }
      if (argument instanceof Tensors tensors && tensors.device != null) {
        return tensors.device;
      }
      if (argument instanceof List<?> list && !list.isEmpty()) {
        return ((NDArray) list.get(0)).getDevice();
      }
    }
    return Device.cpu();
  }

  /**
   * A TorchScript archive: a zip without compression of the format's version, an empty tuple of constants, a pickled
   * module object without parameters, and the code.
   */
  static byte[] archive(String name, String source) {
    String type = "__torch__." + name;
    String self = "self: " + type;
    StringBuilder code =
        new StringBuilder("class " + name + "(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n");
    for (String line : source.strip().split("\n")) {
      if (line.startsWith("def ")) {
        int open = line.indexOf('(');
        String rest = line.substring(open + 1);
        code.append("  ").append(line, 0, open + 1).append(self).append(rest.startsWith(")") ? "" : ", ");
        code.append(rest).append('\n');
      } else {
        code.append(line.isBlank() ? "" : "  " + line).append('\n');
      }
    }
    ByteArrayOutputStream module = new ByteArrayOutputStream();
    write(module, new byte[] {(byte) 0x80, 2, 'c'}); // protocol 2, global
    write(module, "__torch__\n" + name + "\n");
    write(module, new byte[] {')', (byte) 0x81, '}', '(', 'X', 8, 0, 0, 0}); // (), new object, {, mark, string
    write(module, "training");
    write(module, new byte[] {(byte) 0x89, 'u', 'b', '.'}); // false, set items, build, stop
    ByteArrayOutputStream zip = new ByteArrayOutputStream();
    try (ZipOutputStream out = new ZipOutputStream(zip)) {
      store(out, "archive/version", "3\n".getBytes(StandardCharsets.UTF_8));
      store(out, "archive/data.pkl", module.toByteArray());
      store(out, "archive/code/__torch__.py", code.toString().getBytes(StandardCharsets.UTF_8));
      store(out, "archive/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return zip.toByteArray();
  }

  private static void write(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  private static void write(ByteArrayOutputStream out, byte[] bytes) {
    out.writeBytes(bytes);
  }

  private static void store(ZipOutputStream out, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setTime(0);
    CRC32 crc = new CRC32();
    crc.update(content);
    entry.setCrc(crc.getValue());
    out.putNextEntry(entry);
    out.write(content);
    out.closeEntry();
  }
}
