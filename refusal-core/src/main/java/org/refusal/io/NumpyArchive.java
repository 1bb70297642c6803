package org.refusal.io;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.refusal.base.UserException;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.Safetensors.Tensor;

/**
 * Files of {@code numpy.savez}: a zip of {@code NAME.npy}, each a header (shape, type, order) and the elements. Read are
 * little-endian floats of 2, 4 and 8 bytes in C order.
 */
public final class NumpyArchive {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final Pattern TYPE = Pattern.compile("'descr':\\s*'([^']*)'");
  private static final Pattern ORDER = Pattern.compile("'fortran_order':\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([\\d,\\s]*)\\)");
  private static final Map<String, DType> TYPES = Map.of("<f2", DType.F16, "<f4", DType.F32, "<f8", DType.F64);

  private NumpyArchive() {}

  /** @return arrays by name, without {@code .npy} */
  public static Map<String, Tensor> read(Path file) {
    Map<String, Tensor> arrays = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (Enumeration<? extends ZipEntry> entries = zip.entries(); entries.hasMoreElements(); ) {
        ZipEntry entry = entries.nextElement();
        try (InputStream in = zip.getInputStream(entry)) {
          String name = entry.getName().replaceFirst("\\.npy$", "");
          arrays.put(name, array(file, name, in.readAllBytes()));
        }
      }
    } catch (ZipException e) {
      throw UserException.badData("%s: no archive of NumPy (%s)".formatted(file, e.getMessage()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return arrays;
  }

  private static Tensor array(Path file, String name, byte[] bytes) {
    int version = bytes.length < 10 ? 0 : bytes[6];
    if (version < 1 || version > 3 || !Arrays.equals(bytes, 0, 6, MAGIC, 0, 6)) {
      throw UserException.badData("%s: %s is no array of NumPy".formatted(file, name));
    }
    ByteBuffer content = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).position(8);
    int length = version == 1 ? content.getShort() & 0xffff : content.getInt();
    if (length < 0 || length > content.remaining()) {
      throw UserException.badData("%s: %s: the header is cut off".formatted(file, name));
    }
    String header = new String(bytes, content.position(), length, StandardCharsets.UTF_8);
    content.position(content.position() + length);
    DType type = TYPES.get(found(file, name, TYPE, header));
    if (type == null || found(file, name, ORDER, header).equals("True")) {
      throw UserException.badData(
          "%s: %s: only floats in C order are read, not %s".formatted(file, name, header.strip()));
    }
    String sizes = found(file, name, SHAPE, header).replaceAll("\\s", "");
    long[] shape =
        Arrays.stream(sizes.split(",")).filter(size -> !size.isEmpty()).mapToLong(Long::parseLong).toArray();
    long expected = type.bytes();
    for (long size : shape) {
      expected = Math.multiplyExact(expected, size);
    }
    if (content.remaining() != expected) {
      throw UserException.badData(
          "%s: %s: %d bytes, but its shape (%s) needs %d".formatted(file, name, content.remaining(), sizes, expected));
    }
    return new Tensor(type, shape, content);
  }

  private static String found(Path file, String name, Pattern pattern, String header) {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw UserException.badData("%s: %s: unreadable header %s".formatted(file, name, header.strip()));
    }
    return matcher.group(1);
  }
}
