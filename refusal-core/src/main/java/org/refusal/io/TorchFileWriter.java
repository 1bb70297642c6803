package org.refusal.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.refusal.base.AtomicFiles;
import org.refusal.io.Safetensors.Tensor;

/**
 * Writes a dictionary of tensors as {@code torch.save} does (zip form, pickle protocol 2), so that {@code torch.load(file,
 * weights_only=True)} reads it. Entries are stored, not compressed. Same input, same bytes.
 */
public final class TorchFileWriter {
  private static final Map<Safetensors.DType, String> STORAGES =
      Map.of(
          Safetensors.DType.F64, "DoubleStorage",
          Safetensors.DType.F32, "FloatStorage",
          Safetensors.DType.F16, "HalfStorage",
          Safetensors.DType.BF16, "BFloat16Storage",
          Safetensors.DType.I64, "LongStorage",
          Safetensors.DType.I32, "IntStorage",
          Safetensors.DType.I16, "ShortStorage",
          Safetensors.DType.I8, "CharStorage",
          Safetensors.DType.U8, "ByteStorage",
          Safetensors.DType.BOOL, "BoolStorage");

  private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
  private final List<Tensor> storages = new ArrayList<>();

  private TorchFileWriter() {}

  /** Whole or not at all, names in the map's order. */
  public static void write(Path file, Map<String, Tensor> tensors) {
    TorchFileWriter writer = new TorchFileWriter();
    writer.dictionary(tensors);
    AtomicFiles.write(file, out -> {
      ZipOutputStream zip = new ZipOutputStream(out);
      entry(zip, "archive/data.pkl", ByteBuffer.wrap(writer.pickle.toByteArray()));
      entry(zip, "archive/byteorder", ByteBuffer.wrap("little".getBytes(StandardCharsets.US_ASCII)));
      for (int i = 0; i < writer.storages.size(); i++) {
        entry(zip, "archive/data/" + i, writer.storages.get(i).data().duplicate().rewind());
      }
      entry(zip, "archive/version", ByteBuffer.wrap("3\n".getBytes(StandardCharsets.US_ASCII)));
      zip.finish();
    });
  }

  private static void entry(ZipOutputStream zip, String name, ByteBuffer data) throws IOException {
    CRC32 sum = new CRC32();
    sum.update(data.duplicate());
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setTime(315_532_800_000L); // 1980, the same for every file
    entry.setSize(data.remaining());
    entry.setCrc(sum.getValue());
    zip.putNextEntry(entry);
    Channels.newChannel(zip).write(data);
    zip.closeEntry();
  }

  private void dictionary(Map<String, Tensor> tensors) {
    bytes(0x80, 2, '}', '(');
    tensors.forEach((name, tensor) -> {
      text(name);
      tensor(tensor);
    });
    bytes('u', '.');
  }

  /** torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()) */
  private void tensor(Tensor tensor) {
    long elements = Safetensors.product(tensor.shape());
    global("torch._utils", "_rebuild_tensor_v2");
    bytes('(', '(');
    text("storage");
    global("torch", STORAGES.get(tensor.dtype()));
    text(Integer.toString(storages.size()));
    text("cpu");
    whole(elements);
    bytes('t', 'Q');
    whole(0);
    long[] stride = new long[tensor.shape().length];
    long step = 1;
    for (int axis = stride.length - 1; axis >= 0; axis--) {
      stride[axis] = step;
      step *= tensor.shape()[axis];
    }
    tuple(tensor.shape());
    tuple(stride);
    bytes(0x89);
    global("collections", "OrderedDict");
    bytes(')', 'R', 't', 'R');
    storages.add(tensor);
  }

  private void tuple(long[] values) {
    bytes('(');
    for (long value : values) {
      whole(value);
    }
    bytes('t');
  }

  private void global(String module, String name) {
    pickle.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
  }

  private void text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    bytes('X');
    pickle.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(utf8.length).array());
    pickle.writeBytes(utf8);
  }

  /** A whole number of up to 8 bytes, two's complement, little endian. */
  private void whole(long value) {
    bytes(0x8a, Long.BYTES);
    pickle.writeBytes(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  private void bytes(int... values) {
    for (int value : values) {
      pickle.write(value);
    }
  }
}
