package org.refusal.activation;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.refusal.base.AtomicFiles;
import org.refusal.base.FileNames;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.SafetensorsWriter;

/**
 * Activations for other tools: per hook point and category one array {@code [tokens, d_model]} and, row by row, what the
 * rows are: {@code prompt_index}, {@code position}, {@code token_ids}. Memory does not grow with the number of prompts.
 *
 * <ul>
 *   <li>safetensors: {@code {hook}/{category}.safetensors} with tensors {@code activations}, {@code prompt_index} (I64),
 *       {@code position} (I32), {@code token_ids} (I32).
 *   <li>npy: {@code {hook}/{category}.npy}, and {@code {category}_prompt_index.npy}, {@code {category}_position.npy},
 *       {@code {category}_token_ids.npy} once. NumPy has no bfloat16: such activations become float32.
 * </ul>
 */
public final class ActivationExport {
  private final ActivationStore store;
  private final String category;
  private final List<StoredPrompt> prompts;
  private final int tokens;

  private ActivationExport(ActivationStore store, String category) {
    this.store = store;
    this.category = category;
    this.prompts = store.prompts().stream().filter(prompt -> prompt.key().category().equals(category)).toList();
    this.tokens = Math.toIntExact(prompts.stream().mapToLong(StoredPrompt::tokens).sum());
  }

  /**
   * @param format {@code safetensors} or {@code npy}
   * @return the files
   */
  public static List<Path> write(
      ActivationStore store, List<HookPoint> points, String category, String format, Path folder) {
    points.forEach(store::require);
    ActivationExport export = new ActivationExport(store, category);
    return switch (format) {
      case "safetensors" -> export.safetensors(points, folder);
      case "npy" -> export.npy(points, folder);
      default -> throw UserException.usage(
          "no format '%s' for activations".formatted(format), "one of safetensors, npy");
    };
  }

  private List<Path> safetensors(List<HookPoint> points, Path folder) {
    List<Path> files = new ArrayList<>();
    for (HookPoint at : points) {
      Path file = folder.resolve(at.name()).resolve(FileNames.of(category) + ".safetensors");
      List<SafetensorsWriter.Declaration> declarations =
          List.of(
              new SafetensorsWriter.Declaration("activations", store.dtype(), tokens, store.dModel()),
              new SafetensorsWriter.Declaration("prompt_index", DType.I64, tokens),
              new SafetensorsWriter.Declaration("position", DType.I32, tokens),
              new SafetensorsWriter.Declaration("token_ids", DType.I32, tokens));
      try (SafetensorsWriter writer =
          SafetensorsWriter.create(
              file, declarations, new TreeMap<>(Map.of("hook_point", at.name(), "category", category)))) {
        for (StoredPrompt prompt : prompts) {
          writer.append("activations", Safetensors.encode(store.rows(prompt, at), store.dtype()));
          writer.append("prompt_index", indices(prompt));
          writer.append("position", ints(store.positions(prompt)));
          writer.append("token_ids", ints(store.tokenIds(prompt)));
        }
        writer.commit();
      }
      files.add(file);
    }
    return files;
  }

  private List<Path> npy(List<HookPoint> points, Path folder) {
    List<Path> files = new ArrayList<>();
    DType type = store.dtype() == DType.BF16 ? DType.F32 : store.dtype();
    String name = "<f" + type.bytes();
    for (HookPoint at : points) {
      files.add(
          array(
              folder.resolve(at.name()).resolve(FileNames.of(category) + ".npy"), name, "(%d, %d)".formatted(tokens, store.dModel()),
              prompt -> Safetensors.encode(store.rows(prompt, at), type)));
    }
    String shape = "(%d,)".formatted(tokens);
    files.add(array(folder.resolve(FileNames.of(category) + "_prompt_index.npy"), "<i8", shape, ActivationExport::indices));
    files.add(
        array(folder.resolve(FileNames.of(category) + "_position.npy"), "<i4", shape, prompt -> ints(store.positions(prompt))));
    files.add(
        array(folder.resolve(FileNames.of(category) + "_token_ids.npy"), "<i4", shape, prompt -> ints(store.tokenIds(prompt))));
    return files;
  }

  @FunctionalInterface
  private interface Bytes {
    ByteBuffer of(StoredPrompt prompt);
  }

  /** NumPy's format 1.0: magic, version, header length, a Python dictionary padded to 64 bytes, the data. */
  private Path array(Path file, String type, String shape, Bytes bytes) {
    String header =
        String.format(Locale.ROOT, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    int length = (10 + header.length() + 1 + 63) / 64 * 64 - 10;
    String padded = header + " ".repeat(length - header.length() - 1) + "\n";
    AtomicFiles.write(file, out -> {
      out.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) length, (byte) (length >> 8)});
      out.write(padded.getBytes(StandardCharsets.US_ASCII));
      for (StoredPrompt prompt : prompts) {
        write(out, bytes.of(prompt));
      }
    });
    return file;
  }

  private static void write(OutputStream out, ByteBuffer data) throws IOException {
    byte[] bytes = new byte[data.remaining()];
    data.duplicate().get(bytes);
    out.write(bytes);
  }

  private static ByteBuffer indices(StoredPrompt prompt) {
    long[] indices = new long[prompt.tokens()];
    java.util.Arrays.fill(indices, prompt.key().index());
    return Safetensors.Tensor.of(indices, indices.length).data();
  }

  private static ByteBuffer ints(int[] values) {
    return Safetensors.Tensor.of(values, values.length).data();
  }
}
