package org.refusal.attribution;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.base.AtomicFiles;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.SafetensorsWriter;
import org.refusal.io.SafetensorsWriter.Declaration;

/**
 * Writes an attribution file prompt by prompt. Entries go to one spool file per tensor in a scratch folder, since their
 * number is known only at the end; memory does not grow with the prompts.
 */
public final class AttributionWriter implements AutoCloseable {
  static final String FORMAT = "refusal-attributions";
  static final String VERSION = "2";
  private static final int CHUNK = 1 << 20;

  private final Path file;
  private final Path scratch;
  private final Map<HookPoint, Integer> latents;
  private final int dModel;
  private final boolean sides;
  private final Map<String, String> metadata;
  private final Map<String, Spool> spools = new LinkedHashMap<>();
  private final Map<HookPoint, Long> entries = new LinkedHashMap<>();
  private long prompts;

  /**
   * @param latents d_sae of every hook point, in forward order
   * @param sides whether effects are split into prompt side and partner side
   * @param metadata model, category, estimator, baseline, partners
   * @param scratch folder for the spool files
   */
  public AttributionWriter(
      Path file, Path scratch, Map<HookPoint, Integer> latents, int dModel, boolean sides, Map<String, String> metadata) {
    this.file = file;
    this.scratch = scratch;
    this.latents = new LinkedHashMap<>(latents);
    this.dModel = dModel;
    this.sides = sides;
    this.metadata = new LinkedHashMap<>(metadata);
    try {
      Files.createDirectories(scratch);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(scratch, e);
    }
    for (String name : List.of("prompt_index", "harmful", "refused", "tokens", "metric", "partner_metric")) {
      spools.put(name, new Spool(name));
    }
    for (HookPoint at : latents.keySet()) {
      entries.put(at, 0L);
      for (String part : parts()) {
        spools.put(at.name() + part, new Spool(at.name() + part));
      }
      spools.get(at.name() + ".indptr").put(Long.BYTES, buffer -> buffer.putLong(0));
    }
  }

  private List<String> parts() {
    List<String> parts =
        new ArrayList<>(
            List.of(".indptr", ".indices", ".values", ".error", ".effect", ".gradient", ".baseline_metric", ".sinks"));
    if (sides) {
      parts.add(3, ".prompt_side");
    }
    return parts;
  }

  public void append(PromptAttribution attribution) {
    prompts++;
    longValue("prompt_index", attribution.prompt().key().index());
    intValue("harmful", attribution.prompt().harmful() ? 1 : 0);
    intValue("refused", attribution.prompt().refused() ? 1 : 0);
    intValue("tokens", attribution.prompt().length());
    doubleValue("metric", attribution.metric());
    doubleValue("partner_metric", attribution.partnerMetric());
    for (HookPoint at : latents.keySet()) {
      PromptAttribution.AtPoint point = attribution.byPoint().get(at);
      NodeEffects nodes = point.nodes();
      int count = nodes.latents().length;
      entries.merge(at, (long) count, Long::sum);
      longValue(at.name() + ".indptr", entries.get(at));
      spools.get(at.name() + ".indices").put(4 * count, buffer -> buffer.asIntBuffer().put(nodes.latents()));
      floats(at.name() + ".values", nodes.total());
      if (sides) {
        floats(at.name() + ".prompt_side", nodes.promptSide().orElseThrow());
      }
      floats(at.name() + ".error", new double[] {nodes.error()});
      EffectForm effect = point.effect();
      spools.get(at.name() + ".effect").put(4 * dModel, buffer -> buffer.asFloatBuffer().put(effect.difference()));
      spools.get(at.name() + ".gradient").put(4 * dModel, buffer -> buffer.asFloatBuffer().put(effect.gradient()));
      doubleValue(at.name() + ".baseline_metric", point.baselineMetric());
      intValue(at.name() + ".sinks", point.sinks());
    }
  }

  /** Puts the file together under its name. */
  public void commit() {
    List<Declaration> declarations = new ArrayList<>();
    declarations.add(new Declaration("prompt_index", DType.I64, prompts));
    declarations.add(new Declaration("metric", DType.F64, prompts));
    declarations.add(new Declaration("partner_metric", DType.F64, prompts));
    for (String name : List.of("harmful", "refused", "tokens")) {
      declarations.add(new Declaration(name, DType.I32, prompts));
    }
    for (HookPoint at : latents.keySet()) {
      long count = entries.get(at);
      declarations.add(new Declaration(at.name() + ".indptr", DType.I64, prompts + 1));
      declarations.add(new Declaration(at.name() + ".baseline_metric", DType.F64, prompts));
      declarations.add(new Declaration(at.name() + ".indices", DType.I32, count));
      declarations.add(new Declaration(at.name() + ".values", DType.F32, count));
      if (sides) {
        declarations.add(new Declaration(at.name() + ".prompt_side", DType.F32, count));
      }
      declarations.add(new Declaration(at.name() + ".error", DType.F32, prompts));
      declarations.add(new Declaration(at.name() + ".effect", DType.F32, prompts, dModel));
      declarations.add(new Declaration(at.name() + ".gradient", DType.F32, prompts, dModel));
      declarations.add(new Declaration(at.name() + ".sinks", DType.I32, prompts));
    }
    // eight-byte tensors first keeps every tensor aligned to its element
    declarations.sort((a, b) -> Integer.compare(b.dtype().bytes(), a.dtype().bytes()));
    Map<String, String> all = new LinkedHashMap<>();
    all.put("format", FORMAT);
    all.put("version", VERSION);
    all.putAll(metadata);
    all.put("hook_points", latents.keySet().stream().map(HookPoint::name).collect(Collectors.joining(",")));
    latents.forEach((at, dSae) -> all.put(at.name() + ".d_sae", Integer.toString(dSae)));
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, declarations, all)) {
      for (Declaration declaration : declarations) {
        spools.get(declaration.name()).copyTo(writer);
      }
      writer.commit();
    }
  }

  /** Removes the spool files. */
  @Override
  public void close() {
    spools.values().forEach(Spool::close);
  }

  private void longValue(String name, long value) {
    spools.get(name).put(Long.BYTES, buffer -> buffer.putLong(value));
  }

  private void intValue(String name, int value) {
    spools.get(name).put(Integer.BYTES, buffer -> buffer.putInt(value));
  }

  private void doubleValue(String name, double value) {
    spools.get(name).put(Double.BYTES, buffer -> buffer.putDouble(value));
  }

  private void floats(String name, double[] values) {
    spools.get(name).put(Float.BYTES * values.length, buffer -> {
      for (double value : values) {
        buffer.putFloat((float) value);
      }
    });
  }

  private final class Spool {
    private final String tensor;
    private final Path path;
    private final OutputStream out;

    private Spool(String tensor) {
      this.tensor = tensor;
      this.path = scratch.resolve(tensor + ".spool");
      try {
        this.out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 14);
      } catch (IOException e) {
        throw AtomicFiles.cannotWrite(path, e);
      }
    }

    private void put(int bytes, java.util.function.Consumer<ByteBuffer> filler) {
      ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
      filler.accept(buffer);
      try {
        out.write(buffer.array());
      } catch (IOException e) {
        throw AtomicFiles.cannotWrite(path, e);
      }
    }

    private void copyTo(SafetensorsWriter writer) {
      try {
        out.flush();
        try (FileChannel channel = FileChannel.open(path)) {
          ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
          while (channel.read(chunk) >= 0) {
            chunk.flip();
            writer.append(tensor, chunk);
            chunk.clear();
          }
        }
      } catch (IOException e) {
        throw AtomicFiles.cannotWrite(path, e);
      }
    }

    private void close() {
      try {
        out.close();
        Files.deleteIfExists(path);
      } catch (IOException e) {
        throw AtomicFiles.cannotWrite(path, e);
      }
    }
  }
}
