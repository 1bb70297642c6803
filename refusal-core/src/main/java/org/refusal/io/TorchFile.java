package org.refusal.io;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
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

  /** Bytes of an element of the types that are not read. */
  private static final Map<String, Integer> OTHER_STORAGES =
      Map.of(
          "ComplexDoubleStorage", 16, "ComplexFloatStorage", 8, "QInt8Storage", 1, "QUInt8Storage", 1, "QInt32Storage", 4,
          "QUInt4x2Storage", 1, "QUInt2x4Storage", 1, "UntypedStorage", 1);
  private static final BigInteger OLD_MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final long OLD_PROTOCOL = 1001;

  /** Bytes of the largest pickle in a zip form: tensors' values stand outside it. */
  private static final int LARGEST_PICKLE = 1 << 28;
  private static final int LARGEST_STORAGE = Integer.MAX_VALUE - 8;

  /** Names of torch.dtype and torch.qscheme, which stand in checkpoints beside tensors. */
  private static final Set<String> TYPES =
      Set.of(
          "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "float", "double",
          "half", "long", "int", "short", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128", "quint8", "qint8", "qint32",
          "per_tensor_affine", "per_channel_affine", "per_tensor_symmetric", "per_channel_symmetric");

  private TorchFile() {}

  /** torch.device('cuda', 0) as cuda:0 */
  private static String deviceName(Object[] arguments) {
    if (!Arrays.stream(arguments).allMatch(part -> part instanceof String || part instanceof Number)) {
      throw new PickleException("a device without a name");
    }
    return Arrays.stream(arguments).map(String::valueOf).collect(Collectors.joining(":"));
  }

  public static Object read(Path file) {
    try {
      return switch (start(file)) {
        case "PK" -> zipForm(file);
        case "\u0080\u0002", "\u0080\u0003", "\u0080\u0004", "\u0080\u0005" -> oldForm(file);
        default -> throw UserException.badData(
            file + ": not a file of torch.save", "activations and autoencoders are read from .pt and safetensors files");
      };
    } catch (ZipException | EOFException e) {
      throw UserException.badData(
          file + ": damaged or cut off" + (e.getMessage() == null ? "" : ": " + e.getMessage()), "copy it again");
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    } catch (PickleException e) {
      throw UserException.badData(file + ": damaged: " + e.getMessage().strip(), "copy it again, or save it again in PyTorch");
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
          if (!new String(in.readNBytes(16), StandardCharsets.US_ASCII).equals("little")) {
            throw UserException.badData(file + ": its numbers are not little endian");
          }
        }
      }
      try (InputStream in = zip.getInputStream(pickle)) {
        byte[] program = in.readNBytes(LARGEST_PICKLE);
        if (program.length == LARGEST_PICKLE) {
          throw UserException.badData("%s: its data.pkl has %d bytes and more".formatted(file, LARGEST_PICKLE));
        }
        return new RestrictedUnpickler(file, (key, type, elements) -> zipStorage(zip, root, key, type, elements))
            .load(new ByteArrayInputStream(program));
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

  private static ByteBuffer zipStorage(ZipFile zip, String root, String key, StorageType type, long elements) {
    if (type.dtype() == Safetensors.DType.OTHER) {
      return ByteBuffer.allocate(0);
    }
    ZipEntry entry = zip.getEntry(root + "data/" + key);
    if (entry == null) {
      throw new PickleException("storage " + key + " is missing");
    }
    long needed = type.bytes(elements);
    if (entry.getSize() != needed) {
      throw new PickleException(
          "storage %s holds %d bytes, %d elements of %s need %d"
              .formatted(key, entry.getSize(), elements, type.dtype(), needed));
    }
    if (needed > LARGEST_STORAGE) {
      throw new PickleException("storage %s holds %d bytes, of which 2 GiB can be read".formatted(key, needed));
    }
    try (InputStream in = zip.getInputStream(entry)) {
      return ByteBuffer.wrap(in.readNBytes((int) needed));
    } catch (EOFException e) {
      throw new PickleException("cut off in storage " + key);
    } catch (IOException e) {
      throw new PickleException("storage " + key + " cannot be read: " + AtomicFiles.reason(e));
    }
  }

  /**
   * Magic number, protocol, facts about the machine, the object, the storages' keys: five pickles. Then every storage in
   * the order of the keys: number of elements (8 bytes), elements. The object is read twice, as its storages come last.
   */
  private static Object oldForm(Path file) throws IOException {
    byte[] bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() > LARGEST_STORAGE) {
        throw UserException.badData(
            file + ": larger than 2 GiB in the form of PyTorch before 1.6",
            "load it in PyTorch and save it again: the newer form has no such bound");
      }
      ByteBuffer all = ByteBuffer.allocate((int) channel.size());
      while (all.hasRemaining() && channel.read(all) >= 0) {}
      bytes = all.array();
    }
    ByteArrayInputStream in = new ByteArrayInputStream(bytes);
    Map<String, StorageType> types = new HashMap<>();
    StorageSource none = (key, type, elements) -> {
      types.put(key, type);
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
    if (!(new RestrictedUnpickler(file, none).load(in) instanceof List<?> keys)) {
      throw new PickleException("no list of storages");
    }
    ByteBuffer rest = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).position(bytes.length - in.available());
    Map<String, ByteBuffer> storages = new HashMap<>();
    for (Object key : keys) {
      StorageType type = key instanceof String name ? types.get(name) : null;
      if (type == null || rest.remaining() < Long.BYTES) {
        throw new PickleException(type == null ? "a storage that belongs to no tensor" : "storage " + key + " is missing");
      }
      long size = type.bytes(rest.getLong());
      if (size > rest.remaining()) {
        throw new PickleException("cut off in storage " + key);
      }
      storages.put((String) key, rest.slice(rest.position(), (int) size));
      rest.position(rest.position() + (int) size);
    }
    StorageSource source = (key, type, elements) -> {
      ByteBuffer data = storages.get(key);
      if (data == null || data.capacity() != type.bytes(elements)) {
        throw new PickleException("storage " + key + " is missing or of another size");
      }
      return data;
    };
    return new RestrictedUnpickler(file, source).load(new ByteArrayInputStream(bytes, object, bytes.length - object));
  }

  /** Bytes of a storage; null in a pass that only wants to know which storages there are. */
  @FunctionalInterface
  private interface StorageSource {
    ByteBuffer load(String key, StorageType type, long elements);
  }

  /** What may stand where a pickle names a class or function: a name that is looked up here and nowhere else. */
  private static final class RestrictedUnpickler extends Unpickler {
    private static final Safetensors.Tensor PENDING =
        new Safetensors.Tensor(Safetensors.DType.U8, new long[] {0}, ByteBuffer.allocate(0));

    /** Argument of a tensor's constructor that holds marks, as that of a number to be taken negative. */
    private static final int METADATA = 6;

    /** Bytes to which a stored tensor may grow by repeating itself. */
    private static final int MOST_REPEATED = 1 << 26;

    /** Bytes of all tensors that are copied out of their order, in bytes of all storages. */
    private static final long MOST_COPIES = 4;

    private final Path file;
    private final StorageSource source;
    private final Map<String, Storage> storages = new HashMap<>();
    private long stored;
    private long copied;

    RestrictedUnpickler(Path file, StorageSource source) {
      this.file = file;
      this.source = source;
    }

    /**
     * Runs the program up to its end.
     *
     * @throws PickleException it is damaged, whatever the library makes of it: its instructions take from the stack what
     *     they expect there, without a look
     * @throws UserException it asks for what is refused
     */
    @Override
    public Object load(InputStream program) throws IOException {
      int length = program.available();
      try {
        return super.load(program);
      } catch (IOException e) {
        throw new PickleException("its pickle ends in the middle");
      } catch (RuntimeException | StackOverflowError e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
          if (cause instanceof UserException refused) {
            throw refused;
          }
        }
        if (e instanceof PickleException known && known.getCause() == null) {
          throw known;
        }
        throw new PickleException(
            "the instruction before byte %d of its pickle does not fit its operands".formatted(length - program.available()), e);
      }
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
        case Opcodes.EMPTY_LIST -> {
          stack.add(new Items(List.of()));
          return NO_RETURN_VALUE;
        }
        case Opcodes.LIST -> {
          stack.add(new Items(stack.pop_all_since_marker()));
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
        case "torch._utils._rebuild_qtensor" -> (IObjectConstructor) arguments -> other(arguments[2]);
        case "torch._utils._rebuild_sparse_tensor" -> (IObjectConstructor) RestrictedUnpickler::sparse;
        case "torch.storage.UntypedStorage" -> new StorageType(Safetensors.DType.OTHER, 1);
        case "torch.device" -> (IObjectConstructor) TorchFile::deviceName;
        case "torch.serialization._get_layout" -> (IObjectConstructor) arguments -> (String) arguments[0];
        default -> {
          if (module.equals("torch") && STORAGES.containsKey(name)) {
            yield new StorageType(STORAGES.get(name), STORAGES.get(name).bytes());
          }
          if (module.equals("torch") && OTHER_STORAGES.containsKey(name)) {
            yield new StorageType(Safetensors.DType.OTHER, OTHER_STORAGES.get(name));
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
      if (!(id instanceof Object[] parts
          && parts.length >= 5
          && parts[1] instanceof StorageType type
          && parts[2] instanceof String name)) {
        throw new PickleException("a reference that is no storage");
      }
      if (parts.length > 5 && parts[5] != null) {
        throw new PickleException("a storage that is a view of another");
      }
      return storages.computeIfAbsent(
          name,
          key -> {
            ByteBuffer data = source.load(key, type, whole(parts[4]));
            stored += data == null ? 0 : data.capacity();
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
        return other(arguments[2]);
      }
      long offset = whole(arguments[1]);
      long[] shape = longs(arguments[2]);
      long[] stride = longs(arguments[3]);
      if (shape.length != stride.length) {
        throw new PickleException("a tensor of %d extents and %d strides".formatted(shape.length, stride.length));
      }
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
      long size = Math.multiplyExact(elements, width);
      if (isContiguous(shape, stride)) {
        return new Safetensors.Tensor(
            storage.dtype(), shape,
            elements == 0 ? ByteBuffer.allocate(0) : storage.data().slice((int) (offset * width), (int) size));
      }
      if (size > Math.max(MOST_REPEATED, storage.data().capacity())) {
        throw new PickleException(
            "a tensor of %d bytes that repeats a storage of %d".formatted(size, storage.data().capacity()));
      }
      copied += size;
      if (copied > Math.max(MOST_REPEATED, MOST_COPIES * stored)) {
        throw new PickleException("tensors of %d bytes that repeat storages of %d".formatted(copied, stored));
      }
      ByteBuffer data = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
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
        values[i] = whole(parts[i]);
      }
      return values;
    }

    private static long whole(Object number) {
      if (number instanceof Integer || number instanceof Long) {
        return ((Number) number).longValue();
      }
      throw new PickleException("an extent, offset or size that is no whole number of 64 bits");
    }

    /** A tensor whose values are not read: an error only where it is asked for. */
    private static Safetensors.Tensor other(Object shape) {
      return new Safetensors.Tensor(Safetensors.DType.OTHER, longs(shape), ByteBuffer.allocate(0));
    }

    /** (layout, (tensors of places and values, size, marks)) */
    private static Safetensors.Tensor sparse(Object[] arguments) {
      return Arrays.stream((Object[]) arguments[1])
          .filter(part -> part instanceof Object[] || part instanceof List<?>)
          .findFirst()
          .map(RestrictedUnpickler::other)
          .orElseThrow(() -> new PickleException("a sparse tensor without a size"));
    }
  }

  private record Storage(Safetensors.DType dtype, ByteBuffer data) {}

  /** @param width bytes of an element */
  private record StorageType(Safetensors.DType dtype, int width) implements IObjectConstructor {
    long bytes(long elements) {
      if (elements < 0 || elements > Long.MAX_VALUE / width) {
        throw new PickleException("a storage of %d elements".formatted(elements));
      }
      return elements * width;
    }

    @Override
    public Object construct(Object[] arguments) {
      throw new PickleException("a storage outside a tensor");
    }
  }

  /** A list of its own identity: none is equal to another, so that one within itself can be asked for its hash. */
  private static final class Items extends ArrayList<Object> {
    private static final long serialVersionUID = 1L;

    Items(List<?> items) {
      super(items);
    }

    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
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
