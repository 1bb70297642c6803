package org.refusal.io;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import net.razorvine.pickle.IObjectConstructor;
import net.razorvine.pickle.Opcodes;
import net.razorvine.pickle.PickleException;
import net.razorvine.pickle.PickleUtils;
import net.razorvine.pickle.Unpickler;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;

/**
 * Reads files that {@code torch.save} wrote, in its zip form (PyTorch 1.6 and later) and in the older one of pickles and
 * raw storages after one another, without executing anything: a pickle is a program, and this reader knows only tensors,
 * their storages, dictionaries, lists, tuples, numbers and texts. Any other class or function that the file names is
 * refused by its name before it is looked up.
 *
 * <p>The result consists of {@link Map}, {@link List}, {@code Object[]} (tuples), {@link String}, numbers, booleans,
 * null, types and devices by their names, and {@link Safetensors.Tensor} (contiguous, row major, whatever strides the file has). Memory: the file's tensors,
 * held once; one tensor holds at most 2 GiB.
 */
public final class TorchFile {
  private static final Map<String, Safetensors.DType> STORAGES =
      Map.of(
          "DoubleStorage", Safetensors.DType.F64,
          "FloatStorage", Safetensors.DType.F32,
          "HalfStorage", Safetensors.DType.F16,
          "BFloat16Storage", Safetensors.DType.BF16,
          "LongStorage", Safetensors.DType.I64,
          "IntStorage", Safetensors.DType.I32,
          "ShortStorage", Safetensors.DType.I16,
          "CharStorage", Safetensors.DType.I8,
          "ByteStorage", Safetensors.DType.U8,
          "BoolStorage", Safetensors.DType.BOOL);
  private static final BigInteger OLD_MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final long OLD_PROTOCOL = 1001;

  /** Names of torch.dtype, which stand in checkpoints beside tensors. */
  private static final Set<String> TYPES =
      Set.of(
          "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "float", "double",
          "half", "long", "int", "short", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128");

  private TorchFile() {}

  /** torch.device('cuda', 0) as cuda:0 */
  private static String deviceName(Object[] arguments) {
    return Arrays.stream(arguments).map(String::valueOf).collect(Collectors.joining(":"));
  }

  public static Object read(Path file) {
    try {
      return switch (start(file)) {
        case "PK" -> zipForm(file);
        case "\u0080\u0002" -> oldForm(file);
        default -> throw UserException.badData(
            file + ": not a file of torch.save", "activations and autoencoders are read from .pt and safetensors files");
      };
    } catch (ZipException e) {
      throw UserException.badData(file + ": damaged or cut off: " + e.getMessage(), "copy it again");
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    } catch (IOException e) {
      throw UserException.badData(file + ": cannot be read: " + e.getMessage());
    } catch (PickleException
        | ClassCastException
        | IndexOutOfBoundsException
        | NegativeArraySizeException
        | ArithmeticException e) {
      if (e.getCause() instanceof UserException refused) {
        throw refused;
      }
      throw UserException.badData(file + ": damaged: " + e.getMessage());
    }
  }

  private static String start(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer start = ByteBuffer.allocate(2);
      channel.read(start);
      return new String(start.array(), StandardCharsets.ISO_8859_1);
    }
  }

  private static Object zipForm(Path file) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry pickle = findPickle(zip, file);
      String root = pickle.getName().substring(0, pickle.getName().length() - "data.pkl".length());
      ZipEntry order = zip.getEntry(root + "byteorder");
      if (order != null) {
        try (InputStream in = zip.getInputStream(order)) {
          if (!new String(in.readAllBytes(), StandardCharsets.US_ASCII).equals("little")) {
            throw UserException.badData(file + ": its numbers are not little endian");
          }
        }
      }
      try (InputStream in = zip.getInputStream(pickle)) {
        return new RestrictedUnpickler(file, (key, dtype, elements) -> zipStorage(zip, root, key, dtype, elements))
            .load(new ByteArrayInputStream(in.readAllBytes()));
      }
    }
  }

  private static ZipEntry findPickle(ZipFile zip, Path file) {
    for (Enumeration<? extends ZipEntry> entries = zip.entries(); entries.hasMoreElements(); ) {
      ZipEntry entry = entries.nextElement();
      if (entry.getName().equals("data.pkl") || entry.getName().endsWith("/data.pkl")) {
        return entry;
      }
    }
    throw UserException.badData(file + ": holds no data.pkl, so torch.save did not write it");
  }

  private static ByteBuffer zipStorage(
      ZipFile zip, String root, String key, Safetensors.DType dtype, long elements) {
    if (dtype == Safetensors.DType.OTHER) {
      return ByteBuffer.allocate(0);
    }
    ZipEntry entry = zip.getEntry(root + "data/" + key);
    if (entry == null) {
      throw new PickleException("storage " + key + " is missing");
    }
    if (entry.getSize() != Math.multiplyExact(elements, dtype.bytes())) {
      throw new PickleException(
          "storage %s holds %d bytes, %d elements of %s need %d"
              .formatted(key, entry.getSize(), elements, dtype, elements * dtype.bytes()));
    }
    try (InputStream in = zip.getInputStream(entry)) {
      return ByteBuffer.wrap(in.readNBytes(Math.toIntExact(entry.getSize())));
    } catch (IOException e) {
      throw new PickleException("storage " + key + " cannot be read: " + e.getMessage());
    }
  }

  /**
   * Magic number, protocol, facts about the machine, the object, the storages' keys: five pickles. Then every storage in
   * the order of the keys: number of elements (8 bytes), elements. The object is read twice, as its storages come last.
   */
  private static Object oldForm(Path file) throws IOException {
    byte[] bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() > Integer.MAX_VALUE - 8) {
        throw UserException.badData(
            file + ": larger than 2 GiB in the form of PyTorch before 1.6",
            "load it in PyTorch and save it again: the newer form has no such bound");
      }
      ByteBuffer all = ByteBuffer.allocate((int) channel.size());
      while (all.hasRemaining() && channel.read(all) >= 0) {}
      bytes = all.array();
    }
    ByteArrayInputStream in = new ByteArrayInputStream(bytes);
    Map<String, Safetensors.DType> types = new HashMap<>();
    StorageSource none = (key, dtype, elements) -> {
      types.put(key, dtype);
      return null;
    };
    if (!OLD_MAGIC.equals(new RestrictedUnpickler(file, none).load(in))
        || !(new RestrictedUnpickler(file, none).load(in) instanceof Number protocol)
        || protocol.longValue() != OLD_PROTOCOL) {
      throw UserException.badData(file + ": a pickle, but not one of torch.save");
    }
    if (new RestrictedUnpickler(file, none).load(in) instanceof Map<?, ?> machine
        && Boolean.FALSE.equals(machine.get("little_endian"))) {
      throw UserException.badData(file + ": its numbers are not little endian");
    }
    int object = bytes.length - in.available();
    new RestrictedUnpickler(file, none).load(in);
    List<?> keys = (List<?>) new RestrictedUnpickler(file, none).load(in);
    ByteBuffer rest = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).position(bytes.length - in.available());
    Map<String, ByteBuffer> storages = new HashMap<>();
    for (Object key : keys) {
      Safetensors.DType type = types.get(String.valueOf(key));
      if (type == Safetensors.DType.OTHER) {
        throw UserException.badData(
            file + ": a tensor of a type that is not read, in the form of PyTorch before 1.6",
            "load it in PyTorch and save it again");
      }
      if (type == null || rest.remaining() < Long.BYTES) {
        throw new PickleException("storage " + key + (type == null ? " belongs to no tensor" : " is missing"));
      }
      long size = Math.multiplyExact(rest.getLong(), type.bytes());
      if (size < 0 || size > rest.remaining()) {
        throw new PickleException("cut off in storage " + key);
      }
      storages.put(String.valueOf(key), rest.slice(rest.position(), (int) size));
      rest.position(rest.position() + (int) size);
    }
    StorageSource source = (key, dtype, elements) -> {
      ByteBuffer data = storages.get(key);
      if (data == null || data.capacity() != Math.multiplyExact(elements, dtype.bytes())) {
        throw new PickleException("storage " + key + " is missing or of another size");
      }
      return data;
    };
    return new RestrictedUnpickler(file, source).load(new ByteArrayInputStream(bytes, object, bytes.length - object));
  }

  /** Bytes of a storage; null in a pass that only wants to know which storages there are. */
  @FunctionalInterface
  private interface StorageSource {
    ByteBuffer load(String key, Safetensors.DType dtype, long elements);
  }

  /** What may stand where a pickle names a class or function: a name that is looked up here and nowhere else. */
  private static final class RestrictedUnpickler extends Unpickler {
    private static final Safetensors.Tensor PENDING =
        new Safetensors.Tensor(Safetensors.DType.U8, new long[] {0}, ByteBuffer.allocate(0));

    /** Argument of a tensor's constructor that holds marks, as that of a number to be taken negative. */
    private static final int METADATA = 6;

    /** Bytes to which a stored tensor may grow by repeating itself. */
    private static final int MOST_REPEATED = 1 << 26;

    private final Path file;
    private final StorageSource source;
    private final Map<String, Storage> storages = new HashMap<>();

    RestrictedUnpickler(Path file, StorageSource source) {
      this.file = file;
      this.source = source;
    }

    @Override
    protected Object dispatch(short opcode) throws PickleException, IOException {
      switch (opcode) {
        case Opcodes.GLOBAL -> {
          String module = PickleUtils.readline(input);
          stack.add(known(module, PickleUtils.readline(input)));
          return NO_RETURN_VALUE;
        }
        case Opcodes.STACK_GLOBAL -> {
          String name = (String) stack.pop();
          stack.add(known((String) stack.pop(), name));
          return NO_RETURN_VALUE;
        }
        case Opcodes.INST, Opcodes.OBJ, Opcodes.NEWOBJ, Opcodes.NEWOBJ_EX, Opcodes.EXT1, Opcodes.EXT2, Opcodes.EXT4 ->
            throw refused("an instruction that makes objects (opcode " + opcode + ")");
        case Opcodes.BINSTRING, Opcodes.BINUNICODE, Opcodes.BINBYTES, Opcodes.LONG4 -> requireLength(Integer.BYTES);
        case Opcodes.BINUNICODE8, Opcodes.BINBYTES8, Opcodes.BYTEARRAY8 -> requireLength(Long.BYTES);
        default -> {}
      }
      return super.dispatch(opcode);
    }

    /** The length that comes next sizes an array: it must not be more than there is. */
    private void requireLength(int bytes) throws IOException {
      input.mark(bytes);
      byte[] stored = input.readNBytes(bytes);
      input.reset();
      long length = 0;
      for (int i = stored.length - 1; i >= 0; i--) {
        length = length << Byte.SIZE | stored[i] & 0xff;
      }
      if (stored.length < bytes || length < 0 || length > input.available() - bytes) {
        throw new PickleException("cut off: a text or number of %s bytes".formatted(Long.toUnsignedString(length)));
      }
    }

    /** A constructor, or the value that the name stands for. */
    private Object known(String module, String name) {
      return switch (module + "." + name) {
        case "collections.OrderedDict" -> (IObjectConstructor) arguments -> new OrderedDict(arguments);
        case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v3" -> (IObjectConstructor) this::tensor;
        case "torch._utils._rebuild_parameter" -> (IObjectConstructor) arguments -> arguments[0];
        case "torch.Size" -> (IObjectConstructor) arguments -> arguments.length == 0 ? new Object[0] : arguments[0];
        case "torch.storage.UntypedStorage" -> new StorageType(Safetensors.DType.OTHER);
        case "torch.device" -> (IObjectConstructor) TorchFile::deviceName;
        default -> {
          if (module.equals("torch") && STORAGES.containsKey(name)) {
            yield new StorageType(STORAGES.get(name));
          }
          if (module.equals("torch") && name.matches("[A-Z]\\w*Storage")) {
            yield new StorageType(Safetensors.DType.OTHER);
          }
          if (module.equals("torch") && TYPES.contains(name)) {
            yield "torch." + name;
          }
          throw refused("'" + module + "." + name + "'");
        }
      };
    }

    private UserException refused(String what) {
      return UserException.badData(
          file + ": refused: it asks for " + what + ", and only tensors and dictionaries are read from pickles",
          "save a plain dictionary of tensors, or use safetensors");
    }

    /** ('storage', type, key, location, number of elements); the older form adds what a view is of, or None. */
    @Override
    protected Object persistentLoad(Object id) {
      if (!(id instanceof Object[] parts && parts.length >= 5 && parts[1] instanceof StorageType type)) {
        throw new PickleException("a reference that is no storage");
      }
      if (parts.length > 5 && parts[5] != null) {
        throw new PickleException("a storage that is a view of another");
      }
      return storages.computeIfAbsent(
          String.valueOf(parts[2]),
          key -> {
            ByteBuffer data = source.load(key, type.dtype(), ((Number) parts[4]).longValue());
            return new Storage(type.dtype(), data);
          });
    }

    /** (storage, offset, size, stride, requires_grad, backward_hooks, metadata), the last of which may be left out */
    private Safetensors.Tensor tensor(Object[] arguments) {
      if (arguments.length == METADATA + 1 && arguments[METADATA] instanceof Map<?, ?> marks && marks.containsValue(true)) {
        throw refused("a tensor that is stored with a mark (" + marks.keySet() + ")");
      }
      Storage storage = (Storage) arguments[0];
      if (storage.data() == null) {
        return PENDING;
      }
      if (storage.dtype() == Safetensors.DType.OTHER) {
        return new Safetensors.Tensor(storage.dtype(), longs(arguments[2]), ByteBuffer.allocate(0));
      }
      long offset = ((Number) arguments[1]).longValue();
      long[] shape = longs(arguments[2]);
      long[] stride = longs(arguments[3]);
      int width = storage.dtype().bytes();
      long elements = 1;
      long last = offset;
      for (int i = 0; i < shape.length; i++) {
        if (shape[i] < 0 || stride[i] < 0) {
          throw new PickleException("a tensor of negative size or stride");
        }
        elements = Math.multiplyExact(elements, shape[i]);
        last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape[i] - 1), stride[i]));
      }
      if (elements > 0
          && (offset < 0 || Math.multiplyExact(Math.addExact(last, 1), width) > storage.data().capacity())) {
        throw new PickleException("a tensor reaches beyond its storage");
      }
      int size = Math.toIntExact(Math.multiplyExact(elements, width));
      if (isContiguous(shape, stride)) {
        return new Safetensors.Tensor(
            storage.dtype(), shape, elements == 0 ? ByteBuffer.allocate(0) : storage.data().slice((int) (offset * width), size));
      }
      if (size > Math.max(MOST_REPEATED, storage.data().capacity())) {
        throw new PickleException(
            "a tensor of %d bytes that repeats a storage of %d".formatted(size, storage.data().capacity()));
      }
      ByteBuffer data = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
      long[] index = new long[shape.length];
      for (long i = 0; i < elements; i++) {
        long at = offset;
        for (int axis = 0; axis < shape.length; axis++) {
          at += index[axis] * stride[axis];
        }
        data.put(storage.data().slice((int) (at * width), width));
        for (int axis = shape.length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) {
          index[axis] = 0;
        }
      }
      return new Safetensors.Tensor(storage.dtype(), shape, data.flip());
    }

    private static boolean isContiguous(long[] shape, long[] stride) {
      long expected = 1;
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        if (shape[axis] != 1 && stride[axis] != expected) {
          return false;
        }
        expected *= shape[axis];
      }
      return true;
    }

    private static long[] longs(Object tuple) {
      Object[] parts = tuple instanceof List<?> list ? list.toArray() : (Object[]) tuple;
      long[] values = new long[parts.length];
      for (int i = 0; i < parts.length; i++) {
        values[i] = ((Number) parts[i]).longValue();
      }
      return values;
    }
  }

  private record Storage(Safetensors.DType dtype, ByteBuffer data) {}

  private record StorageType(Safetensors.DType dtype) implements IObjectConstructor {
    @Override
    public Object construct(Object[] arguments) {
      throw new PickleException("a storage outside a tensor");
    }
  }

  /** Python's OrderedDict; attributes that a state_dict carries beside its entries are dropped. */
  public static final class OrderedDict extends LinkedHashMap<Object, Object> {
    private static final long serialVersionUID = 1L;

    OrderedDict(Object[] arguments) {
      if (arguments.length > 0) {
        for (Object pair : new ArrayList<>((List<?>) arguments[0])) {
          Object[] parts = pair instanceof List<?> list ? list.toArray() : (Object[]) pair;
          put(parts[0], parts[1]);
        }
      }
    }

    /** Called by the unpickler for {@code _metadata}. */
    public void __setstate__(HashMap<String, Object> attributes) {}
  }
}
