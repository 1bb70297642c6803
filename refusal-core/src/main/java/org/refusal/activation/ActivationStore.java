package org.refusal.activation;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.Safetensors.Entry;

/**
 * The activations of several categories, read through memory maps. Opening reads the headers and the prompt index of
 * every shard; rows are read when asked for. Safe for reading by many threads. The file format is specified in the
 * package description.
 */
public final class ActivationStore implements AutoCloseable {
  static final String FORMAT = "refusal-activations";
  static final String VERSION = "1";

  private static final List<String> INDEX_TENSORS =
      List.of("offsets", "prompt_index", "token_ids", "position", "position_group");
  private static final Pattern NUMBERED = Pattern.compile("-(\\d{5})-of-(\\d{5})\\.safetensors");

  private final List<Safetensors> shards = new ArrayList<>();
  private final List<StoredPrompt> prompts = new ArrayList<>();
  private final Map<PromptKey, StoredPrompt> byKey = new HashMap<>();
  private final List<String> categories;
  private int dModel = -1;
  private DType dtype;

  private ActivationStore(List<String> categories) {
    this.categories = categories;
  }

  /**
   * Opens the files of every category. All must agree in width and type.
   *
   * @param stems category to file stem, in the order in which prompts are listed
   */
  public static ActivationStore open(Path folder, Map<String, String> stems) {
    ActivationStore store = new ActivationStore(List.copyOf(stems.keySet()));
    try {
      stems.forEach((category, stem) -> store.addCategory(category, shardsOf(folder, stem)));
    } catch (RuntimeException e) {
      store.close();
      throw e;
    }
    return store;
  }

  /** The shards of a category in order; an incomplete or doubled set is an error. */
  static List<Path> shardsOf(Path folder, String stem) {
    List<Path> files = filesOf(folder, stem);
    if (files.isEmpty()) {
      throw UserException.badData(
          folder.resolve(stem + ".safetensors") + ": no such file", "run collect for this model and category first");
    }
    String first = files.get(0).getFileName().toString();
    Matcher matcher = NUMBERED.matcher(first.substring(stem.length()));
    int expected = matcher.matches() ? Integer.parseInt(matcher.group(2)) : 1;
    for (int shard = 1; shard <= expected; shard++) {
      Path file = folder.resolve(ActivationWriter.finalName(stem, shard, expected));
      if (!files.contains(file)) {
        throw UserException.badData(file + ": missing shard " + shard + " of " + expected, "run collect again");
      }
    }
    if (files.size() != expected) {
      throw UserException.badData(
          folder.resolve(stem) + ": " + files.size() + " files where " + expected + " belong together",
          "remove the ones of an older run");
    }
    return files;
  }

  /** Every file of a category by name, whatever set it belongs to. */
  static List<Path> filesOf(Path folder, String stem) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> belongs(file.getFileName().toString(), stem)).sorted().toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
  }

  private static boolean belongs(String name, String stem) {
    return name.startsWith(stem)
        && (name.equals(stem + ".safetensors") || NUMBERED.matcher(name.substring(stem.length())).matches());
  }

  private void addCategory(String category, List<Path> files) {
        for (Path file : files) {
      Safetensors shard = Safetensors.open(file);
      shards.add(shard);
      checkHeader(shard);
      long[] offsets = shard.longs("offsets");
      long[] indices = shard.longs("prompt_index");
      checkOffsets(shard, offsets, indices.length);
      for (int i = 0; i < indices.length; i++) {
        StoredPrompt prompt =
            new StoredPrompt(
                new PromptKey(category, indices[i]), shards.size() - 1, offsets[i],
                Math.toIntExact(offsets[i + 1] - offsets[i]));
        if (byKey.put(prompt.key(), prompt) != null) {
          throw UserException.badData(file + ": prompt " + indices[i] + " is stored twice");
        }
        prompts.add(prompt);
      }
    }
  }

  private void checkHeader(Safetensors shard) {
    Map<String, String> metadata = shard.metadata();
    if (!FORMAT.equals(metadata.get("format"))) {
      throw UserException.badData(shard.file() + ": not an activation file: its header says no format " + FORMAT);
    }
    if (!VERSION.equals(metadata.get("version"))) {
      throw UserException.badData(
          "%s: activation format version %s; this program reads version %s"
              .formatted(shard.file(), metadata.get("version"), VERSION));
    }
    INDEX_TENSORS.forEach(shard::entry);
    long tokens = shard.entry("token_ids").elements();
    for (Entry entry : shard.entries().values()) {
      if (INDEX_TENSORS.contains(entry.name())) {
        continue;
      }
      long[] shape = entry.shape();
      if (shape.length != 2 || shape[0] != tokens) {
        throw UserException.badData(
            "%s: %s has shape %s; expected [%d, d_model]"
                .formatted(shard.file(), entry.name(), Arrays.toString(shape), tokens));
      }
      checkWidthAndType(shard, entry);
    }
  }

  private void checkWidthAndType(Safetensors shard, Entry entry) {
    int width = Math.toIntExact(entry.shape()[1]);
    if (dModel < 0) {
      dModel = width;
      dtype = entry.dtype();
    }
    if (width != dModel) {
      throw UserException.badData(
          "%s: %s is %d wide; %s is %d wide"
              .formatted(shard.file(), entry.name(), width, shards.get(0).file().getFileName(), dModel),
          "all activations must come from one model");
    }
    if (entry.dtype() != dtype) {
      throw UserException.badData(
          "%s: %s has type %s; %s has %s"
              .formatted(shard.file(), entry.name(), entry.storedType(), shards.get(0).file().getFileName(), dtype),
          "all activations must come from one run");
    }
  }

  private static void checkOffsets(Safetensors shard, long[] offsets, int prompts) {
    long tokens = shard.entry("token_ids").elements();
    boolean good = offsets.length == prompts + 1 && offsets[0] == 0 && offsets[prompts] == tokens;
    for (int i = 0; good && i < prompts; i++) {
      good = offsets[i] <= offsets[i + 1];
    }
    for (String name : List.of("position", "position_group")) {
      good = good && shard.entry(name).elements() == tokens;
    }
    if (!good) {
      throw UserException.badData(shard.file() + ": offsets, prompt_index and token_ids do not fit together");
    }
  }

  public List<String> categories() {
    return categories;
  }

  /** All prompts, category by category, in dataset order. */
  public List<StoredPrompt> prompts() {
    return Collections.unmodifiableList(prompts);
  }

  public Optional<StoredPrompt> find(PromptKey key) {
    return Optional.ofNullable(byKey.get(key));
  }

  /** The hook points that every shard holds, in forward order. */
  public List<HookPoint> hookPoints() {
    if (shards.isEmpty()) {
      return List.of();
    }
    return shards.get(0).entries().keySet().stream()
        .filter(name -> !INDEX_TENSORS.contains(name))
        .filter(name -> shards.stream().allMatch(shard -> shard.has(name)))
        .map(HookPoint::parse)
        .sorted()
        .toList();
  }

  /** Bad data, naming the first file that lacks it, unless every shard holds the hook point. */
  public void require(HookPoint at) {
    for (Safetensors shard : shards) {
      if (!shard.has(at.name())) {
        throw UserException.badData(
            "%s: no activations at %s; it holds %s"
                .formatted(
                    shard.file(),
                    at.name(),
                    shard.entries().keySet().stream().filter(name -> !INDEX_TENSORS.contains(name)).toList()),
            "add " + at.name() + " to model.activation_layers and collect again");
      }
    }
  }

  public int dModel() {
    return dModel;
  }

  public DType dtype() {
    return dtype;
  }

  public int[] tokenIds(StoredPrompt prompt) {
    return ints(prompt, "token_ids");
  }

  /** 0-based in the prompt. */
  public int[] positions(StoredPrompt prompt) {
    return ints(prompt, "position");
  }

  public int[] positionGroups(StoredPrompt prompt) {
    return ints(prompt, "position_group");
  }

  private int[] ints(StoredPrompt prompt, String name) {
    int[] values = new int[prompt.tokens()];
    shards.get(prompt.shard())
        .bytes(name, prompt.firstRow() * Integer.BYTES, prompt.tokens() * Integer.BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asIntBuffer()
        .get(values);
    return values;
  }

  /**
   * All rows of a prompt as float32 {@code [tokens, d_model]}. A row with a value that is not finite is bad data, named
   * by file, prompt and row.
   */
  public float[] rows(StoredPrompt prompt, HookPoint at) {
    return rows(prompt, at, 0, prompt.tokens());
  }

  /** Rows {@code first .. first + count - 1} of a prompt {@code [count, d_model]}. */
  public float[] rows(StoredPrompt prompt, HookPoint at, int first, int count) {
    if (first < 0 || count < 0 || first + count > prompt.tokens()) {
      throw new NoSuchElementException("rows %d+%d of %s".formatted(first, count, prompt));
    }
    Safetensors shard = shards.get(prompt.shard());
    if (!shard.has(at.name())) {
      require(at);
    }
    float[] rows =
        shard.floats(at.name(), (prompt.firstRow() + first) * dModel, Math.multiplyExact(count, dModel));
    for (int i = 0; i < rows.length; i++) {
      if (!Float.isFinite(rows[i])) {
        throw UserException.badData(
            "%s: %s, prompt %d, row %d (%d of the prompt): %s"
                .formatted(
                    shard.file(),
                    at.name(),
                    prompt.key().index(),
                    prompt.firstRow() + first + i / dModel,
                    first + i / dModel,
                    rows[i]),
            "collect this category again; float16 overflows where bfloat16 and float32 do not");
      }
    }
    return rows;
  }

  @Override
  public void close() {
    shards.forEach(Safetensors::close);
    shards.clear();
  }
}
