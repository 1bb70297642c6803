package org.refusal.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;

/**
 * A safetensors file, read through memory maps: opening costs the header only, whatever the file's size.
 *
 * <p>Layout: the header's length N (8 bytes, unsigned, little endian), N bytes of JSON (name to dtype, shape and byte
 * range; {@code __metadata__} maps strings to strings; padded with blanks to a multiple of 8), then the data, little
 * endian, row major, without gaps. Reading is safe from several threads.
 */
public final class Safetensors implements AutoCloseable {
  static final String METADATA = "__metadata__";
  private static final int LARGEST_HEADER = 100_000_000;
  private static final long WINDOW_STRIDE = 1L << 30;
  private static final long WINDOW_BYTES = Integer.MAX_VALUE;

  /** Element types. {@link #OTHER} stands for every type whose values are not read here, as the floats of 8 bits. */
  public enum DType {
    F64(8), F32(4), F16(2), BF16(2), I64(8), I32(4), I16(2), I8(1), U8(1), BOOL(1), OTHER(0);

    private final int bytes;

    DType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }

    public boolean isFloating() {
      return this == F64 || this == F32 || this == F16 || this == BF16;
    }
  }

  /**
   * One tensor of the file; {@code begin} and {@code end} are byte offsets in the data section.
   *
   * @param storedType the type as the file names it
   */
  public record Entry(String name, DType dtype, String storedType, long[] shape, long begin, long end) {
    public long elements() {
      return product(shape);
    }
  }

  /** A tensor in memory, row major, little endian. */
  public record Tensor(DType dtype, long[] shape, ByteBuffer data) {
    public Tensor {
      data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
      if (data.remaining() != Math.multiplyExact(product(shape), dtype.bytes())) {
        throw new IllegalArgumentException(
            "%d bytes for %s %s".formatted(data.remaining(), dtype, Arrays.toString(shape)));
      }
    }

    /** All elements as float32, whole numbers too; rounded where the type is wider. */
    public float[] floats() {
      float[] values = new float[Math.toIntExact(product(shape))];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            switch (dtype) {
              case F32 -> data.getFloat(i * 4);
              case F64 -> (float) data.getDouble(i * 8);
              case F16 -> FloatBits.fromFloat16(data.getShort(i * 2));
              case BF16 -> FloatBits.fromBfloat16(data.getShort(i * 2));
              case I64 -> data.getLong(i * 8);
              case I32 -> data.getInt(i * 4);
              case I16 -> data.getShort(i * 2);
              case I8 -> data.get(i);
              case U8, BOOL -> data.get(i) & 0xff;
              case OTHER -> throw new IllegalStateException("no values are read of this type");
            };
      }
      return values;
    }

    public static Tensor of(float[] values, long... shape) {
      return new Tensor(DType.F32, shape, encode(values, DType.F32));
    }

    public static Tensor of(double[] values, long... shape) {
      ByteBuffer data = allocate(values.length, Double.BYTES);
      data.asDoubleBuffer().put(values);
      return new Tensor(DType.F64, shape, data);
    }

    public static Tensor of(int[] values, long... shape) {
      ByteBuffer data = allocate(values.length, Integer.BYTES);
      data.asIntBuffer().put(values);
      return new Tensor(DType.I32, shape, data);
    }

    public static Tensor of(long[] values, long... shape) {
      ByteBuffer data = allocate(values.length, Long.BYTES);
      data.asLongBuffer().put(values);
      return new Tensor(DType.I64, shape, data);
    }
  }

  private final Path file;
  private final FileChannel channel;
  private final long dataStart;
  private final long fileSize;
  private final Map<String, Entry> entries;
  private final Map<String, String> metadata;
  private final Map<Long, ByteBuffer> windows = new ConcurrentHashMap<>();

  private Safetensors(
      Path file,
      FileChannel channel,
      long dataStart,
      long fileSize,
      Map<String, Entry> entries,
      Map<String, String> metadata) {
    this.file = file;
    this.channel = channel;
    this.dataStart = dataStart;
    this.fileSize = fileSize;
    this.entries = Collections.unmodifiableMap(entries);
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /** Opens and checks the header: overlaps, sizes, truncation are bad data, named with the file. */
  public static Safetensors open(Path file) {
    FileChannel channel;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
    try {
      return parse(file, channel);
    } catch (IOException e) {
      closeQuietly(channel, e);
      throw AtomicFiles.cannotRead(file, e);
    } catch (RuntimeException e) {
      closeQuietly(channel, e);
      throw e;
    }
  }

  /** Writes a small file whole or not at all, tensors in the order given. Large ones: {@link SafetensorsWriter}. */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    List<SafetensorsWriter.Declaration> declarations =
        tensors.entrySet().stream()
            .map(e -> new SafetensorsWriter.Declaration(e.getKey(), e.getValue().dtype(), e.getValue().shape()))
            .toList();
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, declarations, metadata)) {
      tensors.forEach((name, tensor) -> writer.append(name, tensor.data()));
      writer.commit();
    }
  }

  /** Little-endian bytes of the values in a floating type, rounded to nearest even where it is narrower. */
  public static ByteBuffer encode(float[] values, DType dtype) {
    ByteBuffer data = allocate(values.length, dtype.bytes());
    switch (dtype) {
      case F32 -> data.asFloatBuffer().put(values);
      case F64 -> {
        for (int i = 0; i < values.length; i++) {
          data.putDouble(i * Double.BYTES, values[i]);
        }
      }
      case F16 -> {
        for (int i = 0; i < values.length; i++) {
          data.putShort(i * Short.BYTES, FloatBits.toFloat16(values[i]));
        }
      }
      case BF16 -> {
        for (int i = 0; i < values.length; i++) {
          data.putShort(i * Short.BYTES, FloatBits.toBfloat16(values[i]));
        }
      }
      default -> throw new IllegalArgumentException(dtype + " is not a floating type");
    }
    return data;
  }

  public Path file() {
    return file;
  }

  /** In the order of the data. */
  public Map<String, Entry> entries() {
    return entries;
  }

  public Map<String, String> metadata() {
    return metadata;
  }

  public boolean has(String name) {
    return entries.containsKey(name);
  }

  /** The entry, or bad data naming file and tensor. */
  public Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw UserException.badData("%s: holds no tensor '%s'".formatted(file, name));
    }
    return entry;
  }

  /** A read-only view of part of a tensor's bytes; at most 2 GiB at once. */
  public ByteBuffer bytes(String name, long firstByte, int length) {
    Entry entry = entry(name);
    if (firstByte < 0 || length < 0 || length > entry.end() - entry.begin() - firstByte) {
      throw new IndexOutOfBoundsException(
          "%s: '%s': bytes %d + %d of %d".formatted(file, name, firstByte, length, entry.end() - entry.begin()));
    }
    if (length == 0) {
      return ByteBuffer.allocate(0).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
    long position = dataStart + entry.begin() + firstByte;
    long start = position / WINDOW_STRIDE * WINDOW_STRIDE;
    ByteBuffer window;
    int offset;
    if (position + length <= start + WINDOW_BYTES) {
      window = windows.computeIfAbsent(start, s -> map(s, Math.min(WINDOW_BYTES, fileSize - s)));
      offset = (int) (position - start);
    } else {
      window = map(position, length);
      offset = 0;
    }
    return window.slice(offset, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** All elements of a floating tensor as float32. */
  public float[] floats(String name) {
    return floats(name, 0, arrayLength(entry(name)));
  }

  /** Elements {@code from .. from + count - 1} of a floating tensor as float32. */
  public float[] floats(String name, long from, int count) {
    DType dtype = floating(name);
    ByteBuffer data = elements(name, from, count);
    float[] values = new float[count];
    switch (dtype) {
      case F32 -> data.asFloatBuffer().get(values);
      case F64 -> {
        for (int i = 0; i < count; i++) {
          values[i] = (float) data.getDouble(i * Double.BYTES);
        }
      }
      case F16 -> FloatBits.fromFloat16(shorts(data, count), values);
      default -> FloatBits.fromBfloat16(shorts(data, count), values);
    }
    return values;
  }

  private static short[] shorts(ByteBuffer data, int count) {
    short[] bits = new short[count];
    data.asShortBuffer().get(bits);
    return bits;
  }

  /** All elements of a floating tensor as float64. */
  public double[] doubles(String name) {
    int count = arrayLength(entry(name));
    double[] values = new double[count];
    if (floating(name) == DType.F64) {
      elements(name, 0, count).asDoubleBuffer().get(values);
    } else {
      float[] floats = floats(name);
      for (int i = 0; i < count; i++) {
        values[i] = floats[i];
      }
    }
    return values;
  }

  /** Elements of an I32 tensor (or an I64 one whose values fit). */
  public int[] ints(String name) {
    Entry entry = entry(name);
    if (entry.dtype() != DType.I32) {
      long[] values = longs(name);
      int[] narrowed = new int[values.length];
      for (int i = 0; i < values.length; i++) {
        if (values[i] != (int) values[i]) {
          throw UserException.badData(
              "%s: tensor '%s' holds %d at element %d, which is no 32-bit number"
                  .formatted(file, name, values[i], i));
        }
        narrowed[i] = (int) values[i];
      }
      return narrowed;
    }
    int[] values = new int[arrayLength(entry)];
    elements(name, 0, values.length).asIntBuffer().get(values);
    return values;
  }

  /** Elements of an I64 or I32 tensor. */
  public long[] longs(String name) {
    Entry entry = entry(name);
    int count = arrayLength(entry);
    if (entry.dtype() == DType.I64) {
      long[] values = new long[count];
      elements(name, 0, count).asLongBuffer().get(values);
      return values;
    }
    if (entry.dtype() == DType.I32) {
      return Arrays.stream(ints(name)).asLongStream().toArray();
    }
    throw wrongType(entry, "I64 or I32");
  }

  /** Closes the file. Views handed out before stay readable; the maps go with the last of them. */
  @Override
  public void close() {
    windows.clear();
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ByteBuffer elements(String name, long from, int count) {
    Entry entry = entry(name);
    int width = entry.dtype().bytes();
    return bytes(name, from * width, Math.multiplyExact(count, width));
  }

  private DType floating(String name) {
    Entry entry = entry(name);
    if (!entry.dtype().isFloating()) {
      throw wrongType(entry, "F64, F32, F16 or BF16");
    }
    return entry.dtype();
  }

  private UserException wrongType(Entry entry, String expected) {
    return UserException.badData(
        "%s: tensor '%s' is %s, expected %s".formatted(file, entry.name(), entry.storedType(), expected));
  }

  private int arrayLength(Entry entry) {
    if (entry.end() - entry.begin() > Integer.MAX_VALUE - 8) {
      throw UserException.badData(
          "%s: tensor '%s' is larger than 2 GiB, too large to be read at once".formatted(file, entry.name()));
    }
    return (int) entry.elements();
  }

  private ByteBuffer map(long position, long length) {
    try {
      return channel.map(FileChannel.MapMode.READ_ONLY, position, length);
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
  }

  private static Safetensors parse(Path file, FileChannel channel) throws IOException {
    long fileSize = channel.size();
    if (fileSize < 8) {
      throw UserException.badData("%s: %d bytes are too few for a safetensors file".formatted(file, fileSize));
    }
    long headerLength = readFully(channel, 0, 8).getLong();
    if (headerLength < 2 || headerLength > LARGEST_HEADER) {
      throw UserException.badData(
          "%s: not a safetensors file: a header of %s bytes".formatted(file, Long.toUnsignedString(headerLength)));
    }
    if (headerLength > fileSize - 8) {
      throw UserException.badData(
          "%s: truncated: the header takes %d bytes, the file has %d after its first 8"
              .formatted(file, headerLength, fileSize - 8));
    }
    byte[] header = readFully(channel, 8, (int) headerLength).array();
    JsonNode root;
    try {
      root = Json.mapper().readTree(header);
    } catch (JsonProcessingException e) {
      throw UserException.badData("%s: the header is not valid JSON: %s".formatted(file, Json.reason(e)));
    }
    if (!(root instanceof ObjectNode object)) {
      throw UserException.badData(file + ": the header is not a JSON object");
    }
    long dataStart = 8 + headerLength;
    long dataLength = fileSize - dataStart;
    List<Entry> list = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Iterator<Map.Entry<String, JsonNode>> it = object.fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> field = it.next();
      if (field.getKey().equals(METADATA)) {
        readMetadata(file, field.getValue(), metadata);
      } else {
        list.add(readEntry(file, field.getKey(), field.getValue(), dataLength));
      }
    }
    list.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    checkLayout(file, list, dataLength);
    Map<String, Entry> entries = new LinkedHashMap<>();
    list.forEach(entry -> entries.put(entry.name(), entry));
    return new Safetensors(file, channel, dataStart, fileSize, entries, metadata);
  }

  private static void readMetadata(Path file, JsonNode node, Map<String, String> metadata) {
    if (!node.isObject()) {
      throw UserException.badData("%s: %s is not an object".formatted(file, METADATA));
    }
    node.fields()
        .forEachRemaining(
            entry -> {
              if (!entry.getValue().isTextual()) {
                throw UserException.badData(
                    "%s: %s: '%s' is not a string".formatted(file, METADATA, entry.getKey()));
              }
              metadata.put(entry.getKey(), entry.getValue().textValue());
            });
  }

  private static Entry readEntry(Path file, String name, JsonNode node, long dataLength) {
    String where = "%s: tensor '%s': ".formatted(file, name);
    if (!node.path("dtype").isTextual()) {
      throw UserException.badData(where + "dtype is no text");
    }
    String stored = node.path("dtype").textValue();
    DType dtype =
        Arrays.stream(DType.values())
            .filter(d -> d != DType.OTHER && d.name().equals(stored))
            .findFirst()
            .orElse(DType.OTHER);
    long[] shape = longs(node.path("shape"), where + "shape ");
    long[] offsets = longs(node.path("data_offsets"), where + "data_offsets ");
    if (offsets.length != 2 || offsets[1] < offsets[0]) {
      throw UserException.badData(where + "data_offsets " + Arrays.toString(offsets) + " are no range");
    }
    long bytes;
    try {
      bytes = Math.max(1, dtype.bytes());
      for (long extent : shape) {
        bytes = Math.multiplyExact(bytes, extent);
      }
    } catch (ArithmeticException e) {
      throw UserException.badData(where + "shape " + Arrays.toString(shape) + " is too large");
    }
    if (dtype != DType.OTHER && bytes != offsets[1] - offsets[0]) {
      throw UserException.badData(
          "%s%s of shape %s takes %d bytes, data_offsets give %d"
              .formatted(where, dtype, Arrays.toString(shape), bytes, offsets[1] - offsets[0]));
    }
    if (offsets[1] > dataLength) {
      throw UserException.badData(
          "%struncated: its data ends at byte %d, the file's data at %d".formatted(where, offsets[1], dataLength),
          "run the stage that writes it again (it notices the damage), or fetch it again if it came from elsewhere");
    }
    return new Entry(name, dtype, stored, shape, offsets[0], offsets[1]);
  }

  private static long[] longs(JsonNode node, String where) {
    if (!node.isArray()) {
      throw UserException.badData(where + "is not a list");
    }
    long[] values = new long[node.size()];
    for (int i = 0; i < values.length; i++) {
      if (!node.get(i).isIntegralNumber() || !node.get(i).canConvertToLong() || node.get(i).longValue() < 0) {
        throw UserException.badData(where + "holds " + node.get(i) + ", no whole number from 0");
      }
      values[i] = node.get(i).longValue();
    }
    return values;
  }

  private static void checkLayout(Path file, List<Entry> sorted, long dataLength) {
    long end = 0;
    String previous = null;
    for (Entry entry : sorted) {
      if (entry.begin() < end) {
        throw UserException.badData(
            "%s: tensors '%s' and '%s' overlap at byte %d"
                .formatted(file, previous, entry.name(), entry.begin()));
      }
      if (entry.begin() > end) {
        throw UserException.badData(
            "%s: tensor '%s' begins at byte %d, the one before it ends at %d"
                .formatted(file, entry.name(), entry.begin(), end));
      }
      end = entry.end();
      previous = entry.name();
    }
    if (end != dataLength) {
      throw UserException.badData(
          "%s: the tensors end at byte %d, the file's data at %d".formatted(file, end, dataLength));
    }
  }

  private static ByteBuffer readFully(FileChannel channel, long position, int length) throws IOException {
    ByteBuffer buffer = allocate(length, 1);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new IOException("ends at byte " + (position + buffer.position()));
      }
    }
    return buffer.flip();
  }

  private static void closeQuietly(FileChannel channel, Exception cause) {
    try {
      channel.close();
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  private static ByteBuffer allocate(int elements, int width) {
    return ByteBuffer.allocate(Math.multiplyExact(elements, width)).order(ByteOrder.LITTLE_ENDIAN);
  }

  static long product(long[] shape) {
    long n = 1;
    for (long extent : shape) {
      n = Math.multiplyExact(n, extent);
    }
    return n;
  }
}
