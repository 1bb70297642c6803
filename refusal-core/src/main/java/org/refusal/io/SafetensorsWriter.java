package org.refusal.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.AtomicFiles;

/**
 * Writes a safetensors file of any size in constant memory. Names, types and shapes are declared first; every tensor is
 * then filled from its beginning by chunks, in whatever order among the tensors. The file appears under its name at
 * {@link #commit}, which insists that every tensor is full; closed without it, nothing is left.
 *
 * <pre>{@code
 * try (SafetensorsWriter writer = SafetensorsWriter.create(file, declarations, metadata)) {
 *   writer.append("residuals_2", chunk); // as often as it takes
 *   writer.commit();
 * }
 * }</pre>
 */
public final class SafetensorsWriter implements AutoCloseable {

  /** A tensor to come. */
  public record Declaration(String name, Safetensors.DType dtype, long... shape) {
    long bytes() {
      return Math.multiplyExact(Safetensors.product(shape), dtype.bytes());
    }
  }

  private static final class Cursor {
    private final Declaration declaration;
    private final long end;
    private long next;

    private Cursor(Declaration declaration, long begin) {
      this.declaration = declaration;
      this.next = begin;
      this.end = begin + declaration.bytes();
    }
  }

  private final Path file;
  private final Path partial;
  private final FileChannel channel;
  private final Map<String, Cursor> cursors;
  private boolean committed;

  private SafetensorsWriter(Path file, Path partial, FileChannel channel, Map<String, Cursor> cursors) {
    this.file = file;
    this.partial = partial;
    this.channel = channel;
    this.cursors = cursors;
  }

  /** Starts {@code file + ".partial"} and writes the header. */
  public static SafetensorsWriter create(Path file, List<Declaration> tensors, Map<String, String> metadata) {
    byte[] header = header(tensors, metadata);
    Map<String, Cursor> cursors = new LinkedHashMap<>();
    long position = 8 + header.length;
    for (Declaration declaration : tensors) {
      Cursor cursor = new Cursor(declaration, position);
      cursors.put(declaration.name(), cursor);
      position = cursor.end;
    }
    Path absolute = file.toAbsolutePath();
    Path partial = absolute.resolveSibling(absolute.getFileName() + AtomicFiles.PARTIAL_SUFFIX);
    try {
      Files.createDirectories(absolute.getParent());
      FileChannel channel =
          FileChannel.open(
              partial,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
      SafetensorsWriter writer = new SafetensorsWriter(absolute, partial, channel, cursors);
      try {
        ByteBuffer start = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        start.putLong(header.length).put(header).flip();
        writer.writeAt(0, start);
      } catch (RuntimeException | IOException e) {
        writer.close();
        throw e;
      }
      return writer;
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
  }

  /** Appends little-endian bytes to one tensor; the buffer's position is left as it was. */
  public void append(String name, ByteBuffer data) {
    Cursor cursor = cursor(name);
    ByteBuffer chunk = data.duplicate();
    int length = chunk.remaining();
    if (length > cursor.end - cursor.next) {
      throw new IllegalArgumentException(
          "tensor '%s': %d bytes where %d are missing".formatted(name, length, cursor.end - cursor.next));
    }
    try {
      writeAt(cursor.next, chunk);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
    cursor.next += length;
  }

  /** Appends values, rounded to the floating type of the tensor. */
  public void append(String name, float[] values) {
    append(name, Safetensors.encode(values, cursor(name).declaration.dtype()));
  }

  /** Forces the file to disk and gives it its name. */
  public void commit() {
    for (Cursor cursor : cursors.values()) {
      if (cursor.next != cursor.end) {
        throw new IllegalStateException(
            "%s: tensor '%s' lacks %d bytes".formatted(file, cursor.declaration.name(), cursor.end - cursor.next));
      }
    }
    try {
      channel.force(true);
      channel.close();
      Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
    committed = true;
  }

  /** Without a {@link #commit} before, what was written is discarded. */
  @Override
  public void close() {
    if (committed) {
      return;
    }
    try {
      channel.close();
      Files.deleteIfExists(partial);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
  }

  private Cursor cursor(String name) {
    Cursor cursor = cursors.get(name);
    if (cursor == null) {
      throw new IllegalArgumentException("tensor '" + name + "' was not declared");
    }
    return cursor;
  }

  private void writeAt(long position, ByteBuffer data) throws IOException {
    long at = position;
    while (data.hasRemaining()) {
      at += channel.write(data, at);
    }
  }

  private static byte[] header(List<Declaration> tensors, Map<String, String> metadata) {
    ObjectNode root = Json.mapper().createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode node = root.putObject(Safetensors.METADATA);
      metadata.forEach(node::put);
    }
    long offset = 0;
    for (Declaration tensor : tensors) {
      if (tensor.name().equals(Safetensors.METADATA) || root.has(tensor.name())) {
        throw new IllegalArgumentException("tensor name '" + tensor.name() + "' is taken");
      }
      ObjectNode node = root.putObject(tensor.name());
      node.put("dtype", tensor.dtype().name());
      Arrays.stream(tensor.shape()).forEach(node.putArray("shape")::add);
      long end = Math.addExact(offset, tensor.bytes());
      node.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] json;
    try {
      json = Json.mapper().writeValueAsBytes(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return padded;
  }
}
