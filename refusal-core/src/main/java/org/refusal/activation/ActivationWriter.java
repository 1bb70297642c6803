package org.refusal.activation;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Digests;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.Safetensors.Tensor;

/**
 * Writes the activations of one category, shard by shard, in dataset order. Memory is bounded by the size of a shard.
 * Opened again after a kill, it knows the prompts whose shards are whole ({@link #done}); the caller hands in the rest.
 * The file format is specified in the package description.
 */
public final class ActivationWriter {
  /**
   * What every shard has in common.
   *
   * @param hookPoints may be empty: then only outputs are written, to the work folder
   * @param metadata strings for the header: model, category, digest of the data set
   * @param maxShardBytes activations and logits of a shard together; a longer prompt is a shard of its own
   */
  public record Layout(
      List<HookPoint> hookPoints, int dModel, DType dtype, Map<String, String> metadata, long maxShardBytes) {
    /** 128 MiB: little enough to lose by a kill, large enough to read in one sweep. */
    public static final long DEFAULT_SHARD_BYTES = 128L << 20;

    public Layout {
      hookPoints = List.copyOf(hookPoints);
      metadata = Map.copyOf(metadata);
      if (maxShardBytes < 1 || maxShardBytes > 1L << 30) {
        throw new IllegalArgumentException("a shard holds 1 byte to 1 GiB, not " + maxShardBytes);
      }
    }

    /** The same for outputs alone. */
    public Layout withoutHookPoints() {
      return new Layout(List.of(), dModel, dtype, metadata, maxShardBytes);
    }
  }

  private final Path folder;
  private final Path work;
  private final String category;
  private final String stem;
  private final Layout layout;
  private final List<PromptKey> done = new ArrayList<>();
  private int shards;
  private boolean finished;

  private final List<CapturedPrompt> pending = new ArrayList<>();
  private long pendingBytes;

  private ActivationWriter(Path folder, Path work, String category, String stem, Layout layout) {
    this.folder = folder;
    this.work = work;
    this.category = category;
    this.stem = stem;
    this.layout = layout;
  }

  /**
   * Begins, or goes on where an earlier run stopped.
   *
   * @param folder where the finished files go
   * @param work where shards wait; on the same file system
   * @param category whose prompts are written
   * @param stem file name without number and {@code .safetensors}
   */
  public static ActivationWriter open(Path folder, Path work, String category, String stem, Layout layout) {
    ActivationWriter writer = new ActivationWriter(folder, work, category, stem, layout);
    writer.resume();
    return writer;
  }

  private void resume() {
    Path marker = finishedFile(work, stem);
    if (Files.exists(marker)) {
      JsonNode finishedRun = Json.read(marker);
      shards = finishedRun.path("shards").asInt();
      if (isWhole(finishedRun.path("digests"))) {
        finished = true;
        for (int shard = 1; shard <= shards; shard++) {
          readDone(shard);
        }
        moveShards();
        return;
      }
      discard();
    }
    while (Files.exists(outputsFile(work, stem, shards + 1))
        && (layout.hookPoints().isEmpty() || Files.exists(shardFile(shards + 1)))) {
      shards++;
      readDone(shards);
    }
  }

  /** Whether every shard still waits in the work folder or is at its final name what was put there. */
  private boolean isWhole(JsonNode digests) {
    for (int shard = 1; shard <= digests.size(); shard++) {
      Path target = folder.resolve(finalName(stem, shard, shards));
      boolean there =
          Files.exists(shardFile(shard))
              || Files.exists(target) && Digests.sha256(target).equals(digests.get(shard - 1).asText());
      if (!there) {
        return false;
      }
    }
    return true;
  }

  /** Forgets a finished category whose files were removed, or written over by a run with another config. */
  private void discard() {
    try {
      Files.delete(finishedFile(work, stem));
      for (int shard = 1; shard <= shards; shard++) {
        Files.deleteIfExists(outputsFile(work, stem, shard));
        Files.deleteIfExists(shardFile(shard));
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(work, e);
    }
    shards = 0;
  }

  private void readDone(int shard) {
    try (Safetensors file = Safetensors.open(outputsFile(work, stem, shard))) {
      done.addAll(PromptKey.of(category, file.longs("prompt_index")));
    }
  }

  /** The prompts that are safely on disk, in the order in which they were added. */
  public List<PromptKey> done() {
    return List.copyOf(done);
  }

  /** Whether an earlier run has finished this category; then nothing can be added. */
  public boolean finished() {
    return finished;
  }

  /** Adds the next prompt in dataset order. It is safe once its shard is full. */
  public void add(CapturedPrompt prompt) {
    if (finished) {
      throw new IllegalStateException(stem + " is finished");
    }
    int tokens = prompt.tokenIds().length;
    long bytes = (long) prompt.lastLogits().length * Float.BYTES;
    for (HookPoint point : layout.hookPoints()) {
      ByteBuffer rows = prompt.activations().get(point);
      long expected = (long) tokens * layout.dModel() * layout.dtype().bytes();
      if (rows == null || rows.remaining() != expected) {
        throw new IllegalArgumentException(
            "prompt %s, %s: %s bytes for %d tokens of width %d in %s"
                .formatted(
                    prompt.key(), point, rows == null ? "no" : rows.remaining(), tokens, layout.dModel(),
                    layout.dtype()));
      }
      bytes += expected;
    }
    if (!pending.isEmpty() && pendingBytes + bytes > layout.maxShardBytes()) {
      writeShard();
    }
    pending.add(prompt);
    pendingBytes += bytes;
  }

  /**
   * Writes the last shard and gives all shards their final names; files of the same stem from another run are removed.
   *
   * @return the final files
   */
  public List<Path> finish(List<MissingPrompt> missing) {
    if (!finished) {
      if (!pending.isEmpty()) {
        writeShard();
      }
      Map<String, Object> marker = new LinkedHashMap<>();
      marker.put("shards", shards);
      marker.put("missing", missing.stream().map(ActivationWriter::entry).toList());
      marker.put("digests", digests());
      Json.write(finishedFile(work, stem), marker);
      finished = true;
    }
    return moveShards();
  }

  /**
   * Writes activations of which only the prompt is known: as many rows for each, in order, tokens and position groups -1,
   * positions counted from 0.
   *
   * @param rows {@code [prompts * rowsPerPrompt, d_model]}, or with the two in axes of their own
   */
  public static Path writeUnnamed(
      Path folder, String stem, Map<HookPoint, Tensor> rows, int prompts, int rowsPerPrompt,
      Map<String, String> metadata) {
    int tokens = Math.multiplyExact(prompts, rowsPerPrompt);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    long width = 0;
    for (Map.Entry<HookPoint, Tensor> each : rows.entrySet()) {
      long[] shape = each.getValue().shape();
      width = shape[shape.length - 1];
      tensors.put(
          each.getKey().name(),
          new Tensor(each.getValue().dtype(), new long[] {tokens, width}, each.getValue().data()));
    }
    long[] offsets = new long[prompts + 1];
    long[] indices = new long[prompts];
    int[] positions = new int[tokens];
    int[] unknown = new int[tokens];
    Arrays.fill(unknown, -1);
    for (int prompt = 0; prompt < prompts; prompt++) {
      indices[prompt] = prompt;
      offsets[prompt + 1] = (prompt + 1L) * rowsPerPrompt;
      for (int row = 0; row < rowsPerPrompt; row++) {
        positions[prompt * rowsPerPrompt + row] = row;
      }
    }
    tensors.put("offsets", Tensor.of(offsets, prompts + 1));
    tensors.put("prompt_index", Tensor.of(indices, prompts));
    tensors.put("token_ids", Tensor.of(unknown, tokens));
    tensors.put("position", Tensor.of(positions, tokens));
    tensors.put("position_group", Tensor.of(unknown, tokens));
    Map<String, String> header = new TreeMap<>(metadata);
    header.put("format", ActivationStore.FORMAT);
    header.put("version", ActivationStore.VERSION);
    header.put("d_model", Long.toString(width));
    header.put("shard", "1");
    Path file = folder.resolve(finalName(stem, 1, 1));
    Safetensors.write(file, tensors, header);
    return file;
  }

  private static Map<String, Object> entry(MissingPrompt missing) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("promptIndex", missing.key().index());
    entry.put("reason", missing.reason());
    return entry;
  }

  /** The prompts that an earlier, finished run recorded as missing. */
  public List<MissingPrompt> missing() {
    List<MissingPrompt> missing = new ArrayList<>();
    for (JsonNode entry : Json.read(finishedFile(work, stem)).path("missing")) {
      missing.add(
          new MissingPrompt(new PromptKey(category, entry.path("promptIndex").asLong()), entry.path("reason").asText()));
    }
    return missing;
  }

  private void writeShard() {
    int shard = shards + 1;
    writeOutputs(outputsFile(work, stem, shard));
    if (!layout.hookPoints().isEmpty()) {
      writeActivations(shardFile(shard), shard);
    }
    shards = shard;
    pending.forEach(prompt -> done.add(prompt.key()));
    pending.clear();
    pendingBytes = 0;
  }

  private void writeActivations(Path file, int shard) {
    int tokens = pending.stream().mapToInt(prompt -> prompt.tokenIds().length).sum();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (HookPoint point : layout.hookPoints()) {
      ByteBuffer rows = ByteBuffer.allocate(Math.multiplyExact(tokens * layout.dModel(), layout.dtype().bytes()));
      pending.forEach(prompt -> rows.put(prompt.activations().get(point).duplicate()));
      tensors.put(point.name(), new Tensor(layout.dtype(), new long[] {tokens, layout.dModel()}, rows.flip()));
    }
    tensors.put("offsets", Tensor.of(offsets(pending.stream().map(CapturedPrompt::tokenIds).toList()), prompts() + 1));
    tensors.put("prompt_index", Tensor.of(promptIndices(), prompts()));
    tensors.put("token_ids", Tensor.of(concat(pending.stream().map(CapturedPrompt::tokenIds)), tokens));
    tensors.put("position", Tensor.of(concat(pending.stream().map(CapturedPrompt::positions)), tokens));
    tensors.put("position_group", Tensor.of(concat(pending.stream().map(CapturedPrompt::positionGroups)), tokens));
    Map<String, String> metadata = new TreeMap<>(layout.metadata());
    metadata.put("format", ActivationStore.FORMAT);
    metadata.put("version", ActivationStore.VERSION);
    metadata.put("d_model", Integer.toString(layout.dModel()));
    metadata.put("shard", Integer.toString(shard));
    Safetensors.write(file, tensors, metadata);
  }

  private void writeOutputs(Path file) {
    int vocab = pending.get(0).lastLogits().length;
    float[] logits = new float[Math.multiplyExact(pending.size(), vocab)];
    for (int i = 0; i < pending.size(); i++) {
      System.arraycopy(pending.get(i).lastLogits(), 0, logits, i * vocab, vocab);
    }
    List<int[]> generated = pending.stream().map(CapturedPrompt::generatedIds).toList();
    int[] ids = concat(generated.stream());
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("prompt_index", Tensor.of(promptIndices(), prompts()));
    tensors.put("logits", Tensor.of(logits, prompts(), vocab));
    tensors.put("generated_offsets", Tensor.of(offsets(generated), prompts() + 1));
    tensors.put("generated_ids", Tensor.of(ids, ids.length));
    Safetensors.write(file, tensors, Map.of());
  }

  private int prompts() {
    return pending.size();
  }

  private long[] promptIndices() {
    return pending.stream().mapToLong(prompt -> prompt.key().index()).toArray();
  }

  private static long[] offsets(List<int[]> parts) {
    long[] offsets = new long[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      offsets[i + 1] = offsets[i] + parts.get(i).length;
    }
    return offsets;
  }

  private static int[] concat(Stream<int[]> parts) {
    return parts.flatMapToInt(Arrays::stream).toArray();
  }

  private List<String> digests() {
    List<String> digests = new ArrayList<>();
    for (int shard = 1; shard <= shards && !layout.hookPoints().isEmpty(); shard++) {
      digests.add(Digests.sha256(shardFile(shard)));
    }
    return digests;
  }

  /** Can be interrupted anywhere and repeated: a shard is either still in the work folder or at its final name. */
  private List<Path> moveShards() {
    if (layout.hookPoints().isEmpty()) {
      return List.of();
    }
    List<Path> targets = new ArrayList<>();
    for (int shard = 1; shard <= shards; shard++) {
      targets.add(folder.resolve(finalName(stem, shard, shards)));
    }
    try {
      Files.createDirectories(folder);
      for (Path other : ActivationStore.filesOf(folder, stem)) {
        if (!targets.contains(other)) {
          Files.delete(other);
        }
      }
      for (int shard = 1; shard <= shards; shard++) {
        Path source = shardFile(shard);
        Path target = targets.get(shard - 1);
        if (Files.exists(source)) {
          Files.move(source, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(folder, e);
    }
    return targets;
  }

  static String finalName(String stem, int shard, int shards) {
    return shards == 1 ? stem + ".safetensors" : "%s-%05d-of-%05d.safetensors".formatted(stem, shard, shards);
  }

  private Path shardFile(int shard) {
    return work.resolve("%s.shard-%05d.safetensors".formatted(stem, shard));
  }

  static Path outputsFile(Path work, String stem, int shard) {
    return work.resolve("%s.outputs-%05d.safetensors".formatted(stem, shard));
  }

  static Path finishedFile(Path work, String stem) {
    return work.resolve(stem + ".finished.json");
  }
}
