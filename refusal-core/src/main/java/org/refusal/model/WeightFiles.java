package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.NamePrefix;
import org.refusal.io.Safetensors;

/**
 * The safetensors files of a model folder: {@code model.safetensors} where it is there, as in transformers, else the shards
 * of the index. What a shard holds is read off its header, not off the index.
 *
 * @param remarks what a user should know of them
 */
record WeightFiles(Map<String, TensorPlace> tensors, List<String> remarks) {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";
  private static final int PIECE = 1 << 24;

  WeightFiles {
    tensors = Map.copyOf(tensors);
    remarks = List.copyOf(remarks);
  }

  static WeightFiles find(Path folder) {
    List<String> remarks = new ArrayList<>();
    Path single = folder.resolve(SINGLE);
    Path index = folder.resolve(INDEX);
    Set<Path> files;
    if (Files.isRegularFile(single)) {
      files = Set.of(single);
      if (Files.exists(index)) {
        remarks.add("%s: %s and %s are both there; the first counts, as in transformers".formatted(folder, SINGLE, INDEX));
      }
    } else if (Files.isRegularFile(index)) {
      files = shards(folder, index);
    } else {
      throw nothing(folder);
    }
    return new WeightFiles(named(files, remarks), remarks);
  }

  private static UserException nothing(Path folder) {
    String advice = "fetch the weights of the model";
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
      if (names.stream().anyMatch(name -> name.endsWith(".safetensors"))) {
        advice = "there are other safetensors files: fetch the index, or name the file " + SINGLE;
      } else if (names.stream().anyMatch(name -> name.startsWith("pytorch_model") && name.endsWith(".bin"))) {
        advice = "pytorch_model.bin is not read: convert it to safetensors";
      } else if (names.stream().anyMatch(name -> name.endsWith(".gguf"))) {
        advice = "GGUF files are not read: take the model's safetensors";
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
    return UserException.badData(folder + ": holds neither " + SINGLE + " nor " + INDEX, advice);
  }

  private static Set<Path> shards(Path folder, Path index) {
    JsonNode map = Json.readPython(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw UserException.badData(index + ": weight_map is no object");
    }
    Set<Path> files = new TreeSet<>();
    map.properties()
        .forEach(
            entry -> {
              String file = entry.getValue().asText();
              if (!entry.getValue().isTextual()
                  || file.isEmpty()
                  || file.contains("\\")
                  || !file.equals(String.valueOf(Path.of(file).getFileName()))
                  || file.equals("..")
                  || file.equals(".")) {
                throw UserException.badData("%s: '%s': %s is no file name".formatted(index, entry.getKey(), entry.getValue()));
              }
              files.add(folder.resolve(file));
            });
    for (Path file : files) {
      if (!Files.isRegularFile(file)) {
        throw UserException.badData(
            file + ": no such file, though " + index.getFileName() + " lists it",
            "fetch all shards of the model");
      }
    }
    return files;
  }

  private static Map<String, TensorPlace> named(Set<Path> files, List<String> remarks) {
    Map<String, TensorPlace> stored = new TreeMap<>();
    for (Path file : files) {
      try (Safetensors tensors = Safetensors.open(file)) {
        for (String name : tensors.entries().keySet()) {
          TensorPlace other = stored.putIfAbsent(name, new TensorPlace(file, name));
          if (other != null && !equal(other, new TensorPlace(file, name))) {
            throw UserException.badData(
                "%s: tensor '%s' is in %s too, with other values".formatted(file, name, other.file().getFileName()),
                "the shards are not of one save: fetch the model again");
          }
        }
      }
    }
    String prefix = NamePrefix.common(stored.keySet());
    if (prefix.isEmpty()) {
      return stored;
    }
    remarks.add("all tensors are named %s...: read without this prefix".formatted(prefix));
    Map<String, TensorPlace> plain = new TreeMap<>();
    stored.forEach((name, place) -> plain.put(name.substring(prefix.length()), place));
    return plain;
  }

  /** @throws UserException naming a tensor that is missing, or one that a model of this config does not have */
  void requireFit(Path folder, ModelConfig config) {
    Set<String> expected = TensorNames.of(config).keySet();
    boolean tied = config.tiedEmbeddings();
    for (String name : expected) {
      boolean headInstead = tied && name.equals(TensorNames.EMBEDDING) && tensors.containsKey(TensorNames.HEAD);
      if (!tensors.containsKey(name) && !headInstead) {
        throw UserException.badData(
            "%s: holds no tensor '%s'".formatted(where(folder), name),
            "the checkpoint is incomplete, or is not of the architecture that its config.json says");
      }
    }
    List<String> others =
        tensors.keySet().stream()
            .filter(name -> !expected.contains(name))
            .filter(name -> !(tied && name.equals(TensorNames.HEAD)))
            .filter(name -> !TensorNames.isWithoutEffect(name))
            .sorted()
            .toList();
    if (!others.isEmpty()) {
      throw UserException.badData(
          "%s: holds %s, of which a %s model of %d layers with this config.json knows nothing"
              .formatted(
                  tensors.get(others.get(0)).file(),
                  others.size() == 1
                      ? "tensor '" + others.get(0) + "'"
                      : others.size() + " tensors such as '" + others.get(0) + "'",
                  config.modelType(), config.layers()),
          "the config.json belongs to another model, or the weights to another architecture");
    }
  }

  private Path where(Path folder) {
    List<Path> files = tensors.values().stream().map(TensorPlace::file).distinct().toList();
    return files.size() == 1 ? files.get(0) : folder;
  }

  /** Whether two stored tensors have one shape and the same values. Reads both, a piece at a time. */
  static boolean equal(TensorPlace first, TensorPlace second) {
    try (Safetensors a = Safetensors.open(first.file());
        Safetensors b = Safetensors.open(second.file())) {
      Safetensors.Entry left = a.entry(first.storedName());
      Safetensors.Entry right = b.entry(second.storedName());
      if (!Arrays.equals(left.shape(), right.shape())) {
        return false;
      }
      return left.dtype() == right.dtype() && left.end() - left.begin() == right.end() - right.begin()
          ? sameBytes(a, left, b, right)
          : left.dtype().isFloating() && right.dtype().isFloating() && sameValues(a, left, b, right);
    }
  }

  private static boolean sameBytes(Safetensors a, Safetensors.Entry left, Safetensors b, Safetensors.Entry right) {
    long length = left.end() - left.begin();
    for (long at = 0; at < length; at += PIECE) {
      int count = (int) Math.min(PIECE, length - at);
      ByteBuffer mine = a.bytes(left.name(), at, count);
      if (mine.mismatch(b.bytes(right.name(), at, count)) >= 0) {
        return false;
      }
    }
    return true;
  }

  private static boolean sameValues(Safetensors a, Safetensors.Entry left, Safetensors b, Safetensors.Entry right) {
    long length = left.elements();
    int piece = PIECE / Double.BYTES;
    for (long at = 0; at < length; at += piece) {
      int count = (int) Math.min(piece, length - at);
      if (!Arrays.equals(a.floats(left.name(), at, count), b.floats(right.name(), at, count))) {
        return false;
      }
    }
    return true;
  }
}
