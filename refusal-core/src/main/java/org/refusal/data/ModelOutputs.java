package org.refusal.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/** The outputs file of a category: a JSON array with one line per prompt. */
public final class ModelOutputs {
  private ModelOutputs() {}

  public static void write(Path file, List<ModelOutput> outputs) {
    AtomicFiles.write(file, out -> {
      out.write('[');
      for (int i = 0; i < outputs.size(); i++) {
        out.write((i == 0 ? "\n" : ",\n").getBytes(StandardCharsets.UTF_8));
        out.write(Json.mapper().writeValueAsBytes(outputs.get(i)));
      }
      out.write("\n]\n".getBytes(StandardCharsets.UTF_8));
    });
  }

  /** Reads a file written by {@link #write} or of the same form. */
  public static List<ModelOutput> read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file), "run collect first");
    }
    return List.of(Json.read(file, ModelOutput[].class));
  }
}
