package org.refusal.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import net.razorvine.pickle.IObjectConstructor;
import net.razorvine.pickle.Opcodes;
import net.razorvine.pickle.PickleException;
import net.razorvine.pickle.PickleUtils;
import net.razorvine.pickle.Unpickler;
import org.refusal.base.UserException;

/**
 * Reads files that {@code torch.save} wrote (zip form, PyTorch 1.6 and later) without executing anything: a pickle is a
 * program, and this reader knows only tensors, their storages, dictionaries, lists, tuples, numbers and texts. Any other
 * class or function that the file names is refused by its name before it is looked up.
 *
 * <p>The result consists of {@link Map}, {@link List}, {@code Object[]} (tuples), {@link String}, numbers, booleans,
 * null, and {@link Safetensors.Tensor} (contiguous, row major). Memory: the file's tensors, held once.
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

  private TorchFile() {}

  public static Object read(Path file) {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry pickle = findPickle(zip, file);
      String root = pickle.getName().substring(0, pickle.getName().length() - "data.pkl".length());
      try (InputStream in = zip.getInputStream(pickle)) {
        return new RestrictedUnpickler(file, zip, root).load(in);
      }
    } catch (ZipException e) {
      throw UserException.badData(
          file + ": not a file of torch.save's zip form",
          "load it in PyTorch and save it again (torch.save of PyTorch 1.6 or later)");
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": no such file");
    } catch (IOException e) {
      throw UserException.badData(file + ": cannot be read: " + e.getMessage());
    } catch (PickleException | ClassCastException | IndexOutOfBoundsException | NegativeArraySizeException e) {
      if (e.getCause() instanceof UserException refused) {
        throw refused;
      }
      throw UserException.badData(file + ": its data.pkl is damaged: " + e.getMessage());
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

  /** What may stand where a pickle names a class or function: a name that is looked up here and nowhere else. */
  private static final class RestrictedUnpickler extends Unpickler {
    private final Path file;
    private final ZipFile zip;
    private final String root;
    private final Map<String, Storage> storages = new HashMap<>();

    RestrictedUnpickler(Path file, ZipFile zip, String root) {
      this.file = file;
      this.zip = zip;
      this.root = root;
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
        default -> {
          return super.dispatch(opcode);
        }
      }
    }

    private IObjectConstructor known(String module, String name) {
      return switch (module + "." + name) {
        case "collections.OrderedDict" -> arguments -> new OrderedDict(arguments);
        case "torch._utils._rebuild_tensor_v2" -> this::tensor;
        case "torch._utils._rebuild_parameter" -> arguments -> arguments[0];
        case "torch.Size" -> arguments -> arguments.length == 0 ? new Object[0] : arguments[0];
        default -> {
          if (module.equals("torch") && STORAGES.containsKey(name)) {
            yield new StorageType(STORAGES.get(name));
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

    /** ('storage', type, key, location, number of elements) */
    @Override
    protected Object persistentLoad(Object id) {
      if (!(id instanceof Object[] parts && parts.length == 5 && parts[1] instanceof StorageType type)) {
        throw new PickleException("a reference that is no storage");
      }
      String key = String.valueOf(parts[2]);
      return storages.computeIfAbsent(key, k -> load(k, type.dtype(), ((Number) parts[4]).longValue()));
    }

    private Storage load(String key, Safetensors.DType dtype, long elements) {
      ZipEntry entry = zip.getEntry(root + "data/" + key);
      if (entry == null) {
        throw new PickleException("storage " + key + " is missing");
      }
      if (entry.getSize() != elements * dtype.bytes()) {
        throw new PickleException(
            "storage %s holds %d bytes, %d elements of %s need %d"
                .formatted(key, entry.getSize(), elements, dtype, elements * dtype.bytes()));
      }
      try (InputStream in = zip.getInputStream(entry)) {
        return new Storage(dtype, ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN));
      } catch (IOException e) {
        throw new PickleException("storage " + key + " cannot be read: " + e.getMessage());
      }
    }

    /** (storage, offset, size, stride, requires_grad, backward_hooks) */
    private Safetensors.Tensor tensor(Object[] arguments) {
      Storage storage = (Storage) arguments[0];
      long offset = ((Number) arguments[1]).longValue();
      long[] shape = longs(arguments[2]);
      long[] stride = longs(arguments[3]);
      int width = storage.dtype().bytes();
      long elements = 1;
      long last = offset;
      for (int i = 0; i < shape.length; i++) {
        elements = Math.multiplyExact(elements, shape[i]);
        last += Math.max(0, shape[i] - 1) * stride[i];
      }
      if (elements > 0 && (offset < 0 || (last + 1) * width > storage.data().capacity())) {
        throw new PickleException("a tensor reaches beyond its storage");
      }
      ByteBuffer data = ByteBuffer.allocate(Math.toIntExact(elements * width)).order(ByteOrder.LITTLE_ENDIAN);
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
