package org.refusal.activation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.Safetensors.Tensor;

class ActivationStoreTest {
  private static final String STEM = "toy_hate_activations";
  private static final int WIDTH = 6;
  private static final HookPoint FIRST = HookPoint.residuals(1);
  private static final HookPoint SECOND = HookPoint.mlp(2);

  @TempDir Path folder;

  private Path work() {
    return folder.resolve(".work");
  }

  private static ActivationWriter.Layout layout(DType dtype, long shardBytes) {
    return new ActivationWriter.Layout(
        List.of(FIRST, SECOND), WIDTH, dtype, Map.of("model", "toy", "category", "hate"), shardBytes);
  }

  private static float[] values(int prompt, HookPoint at, int tokens, int width) {
    SplittableRandom random = Seeds.random(7, Integer.toString(prompt), at.name());
    float[] values = new float[tokens * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() * 4 - 2);
    }
    return values;
  }

  private static CapturedPrompt prompt(int index, DType dtype, int width) {
    int tokens = 2 + index % 3;
    int[] ids = new int[tokens];
    int[] positions = new int[tokens];
    int[] groups = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      ids[t] = 100 * index + t;
      positions[t] = t;
      groups[t] = Math.min(t, 1);
    }
    Map<HookPoint, ByteBuffer> activations = new HashMap<>();
    for (HookPoint at : List.of(FIRST, SECOND)) {
      activations.put(at, Safetensors.encode(values(index, at, tokens, width), dtype));
    }
    return new CapturedPrompt(
        new PromptKey("hate", index), ids, positions, groups, activations, new float[] {index, -index}, new int[] {index, 5});
  }

  private List<Path> collect(int prompts, int diesAfter, DType dtype, long shardBytes) {
    ActivationWriter writer =
        ActivationWriter.open(folder.resolve("activations"), work(), "hate", STEM, layout(dtype, shardBytes));
    List<PromptKey> done = writer.done();
    for (int i = 0; i < prompts && !writer.finished(); i++) {
      if (i == diesAfter) {
        return List.of();
      }
      if (!done.contains(new PromptKey("hate", i))) {
        writer.add(prompt(i, dtype, WIDTH));
      }
    }
    return writer.finish(List.of(new MissingPrompt(new PromptKey("hate", 99), "too long")));
  }

  private ActivationStore open() {
    return ActivationStore.open(folder.resolve("activations"), Map.of("hate", STEM));
  }

  /** The work of one config outlives a run with another, whose files it must not take for its own. */
  @Test
  void aFinishedCategoryThatAnotherRunHasWrittenOverIsCollectedAgain() throws IOException {
    List<Path> files = collect(10, -1, DType.F32, 300);
    byte[] own = Files.readAllBytes(files.get(1));
    ActivationWriter sound =
        ActivationWriter.open(folder.resolve("activations"), work(), "hate", STEM, layout(DType.F32, 300));
    assertThat(sound.finished()).isTrue();

    Files.write(files.get(1), new byte[own.length]);
    ActivationWriter again =
        ActivationWriter.open(folder.resolve("activations"), work(), "hate", STEM, layout(DType.F32, 300));
    assertThat(again.finished()).isFalse();
    assertThat(again.done()).isEmpty();
    assertThat(collect(10, -1, DType.F32, 300)).isEqualTo(files);
    assertThat(Files.readAllBytes(files.get(1))).isEqualTo(own);
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"F32", "F64", "F16", "BF16"})
  void readsWhatWasWritten(DType dtype) {
    List<Path> files = collect(10, -1, dtype, 300);
    assertThat(files).hasSizeGreaterThan(2);
    double tolerance = Map.of(DType.F32, 0.0, DType.F64, 0.0, DType.F16, 0x1p-11, DType.BF16, 0x1p-8).get(dtype);
    try (ActivationStore store = open()) {
      assertThat(store.hookPoints()).containsExactly(FIRST, SECOND);
      assertThat(store.dtype()).isEqualTo(dtype);
      assertThat(store.dModel()).isEqualTo(WIDTH);
      assertThat(store.prompts()).extracting(StoredPrompt::key).isSorted().hasSize(10);
      for (int i = 0; i < 10; i++) {
        StoredPrompt stored = store.find(new PromptKey("hate", i)).orElseThrow();
        CapturedPrompt written = prompt(i, dtype, WIDTH);
        assertThat(store.tokenIds(stored)).isEqualTo(written.tokenIds());
        assertThat(store.positions(stored)).isEqualTo(written.positions());
        assertThat(store.positionGroups(stored)).isEqualTo(written.positionGroups());
        for (HookPoint at : List.of(FIRST, SECOND)) {
          float[] expected = values(i, at, stored.tokens(), WIDTH);
          float[] found = store.rows(stored, at);
          for (int j = 0; j < expected.length; j++) {
            assertThat((double) found[j])
                .isCloseTo(expected[j], within(tolerance * Math.max(Math.abs(expected[j]), 0x1p-14)));
          }
          assertThat(store.rows(stored, at, 1, 1))
              .isEqualTo(Arrays.copyOfRange(found, WIDTH, 2 * WIDTH));
        }
      }
    }
    List<Long> prompts = new ArrayList<>();
    CollectedOutputs.forEach(work(), "hate", STEM, output -> {
      prompts.add(output.key().index());
      assertThat(output.lastLogits()).containsExactly(output.key().index(), -output.key().index());
      assertThat(output.generatedIds()).containsExactly((int) output.key().index(), 5);
    });
    assertThat(prompts).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    assertThat(ActivationWriter.open(folder.resolve("activations"), work(), "hate", STEM, layout(dtype, 300)).missing())
        .containsExactly(new MissingPrompt(new PromptKey("hate", 99), "too long"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 7, 9})
  void killedAnywhereEndsInTheSameBytes(int diesAfter) throws IOException {
    collect(10, -1, DType.F32, 400);
    Map<String, ByteBuffer> undisturbed = bytes();
    deleteAll();
    assertThat(collect(10, diesAfter, DType.F32, 400)).isEmpty();
    collect(10, -1, DType.F32, 400);
    assertThat(bytes()).isEqualTo(undisturbed);
    collect(10, -1, DType.F32, 400);
    assertThat(bytes()).isEqualTo(undisturbed);
  }

  @Test
  void killedBetweenTwoRenamesEndsInTheSameBytes() throws IOException {
    List<Path> files = collect(10, -1, DType.F32, 400);
    Map<String, ByteBuffer> undisturbed = bytes();
    for (int shard = files.size(); shard > 1; shard--) {
      Files.move(files.get(shard - 1), work().resolve("%s.shard-%05d.safetensors".formatted(STEM, shard)));
      Files.write(folder.resolve("activations").resolve(STEM + "-00001-of-00099.safetensors"), new byte[3]);
      assertThat(collect(10, -1, DType.F32, 400)).isEqualTo(files);
      assertThat(bytes()).isEqualTo(undisturbed);
    }
  }

  @Test
  void missingShardIsNamed() throws IOException {
    List<Path> files = collect(10, -1, DType.F32, 400);
    Files.delete(files.get(1));
    assertThatThrownBy(this::open)
        .isInstanceOf(UserException.class)
        .hasMessageContaining(files.get(1).getFileName() + ": missing shard 2 of " + files.size());
  }

  @Test
  void truncatedShardIsNamed() throws IOException {
    Path file = collect(10, -1, DType.F32, 400).get(1);
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 9));
    assertThatThrownBy(this::open).isInstanceOf(UserException.class).hasMessageContaining(file.toString());
  }

  @Test
  void otherWidthAndOtherTypeAreNamed() {
    collect(2, -1, DType.F32, 1 << 20);
    for (int width : new int[] {WIDTH, WIDTH + 1}) {
      DType dtype = width == WIDTH ? DType.F16 : DType.F32;
      ActivationWriter writer =
          ActivationWriter.open(
              folder.resolve("activations"),
              folder.resolve("work" + width),
              "other",
              "other",
              new ActivationWriter.Layout(List.of(FIRST, SECOND), width, dtype, Map.of(), 1 << 20));
      writer.add(prompt(0, dtype, width));
      writer.finish(List.of());
      Map<String, String> stems = new TreeMap<>(Map.of("hate", STEM, "other", "other"));
      assertThatThrownBy(() -> ActivationStore.open(folder.resolve("activations"), stems))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("other.safetensors: ")
          .hasMessageContaining(width == WIDTH ? "has type F16" : "is 7 wide; " + STEM + ".safetensors is 6 wide");
    }
  }

  @Test
  void valueThatIsNotFiniteIsNamedByFilePromptAndRow() {
    ActivationWriter writer =
        ActivationWriter.open(folder, work(), "hate", STEM, layout(DType.F32, 1 << 20));
    writer.add(prompt(0, DType.F32, WIDTH));
    CapturedPrompt bad = prompt(4, DType.F32, WIDTH);
    bad.activations().get(SECOND).putFloat((WIDTH + 2) * Float.BYTES, Float.NaN);
    writer.add(bad);
    writer.finish(List.of());
    try (ActivationStore store = ActivationStore.open(folder, Map.of("hate", STEM))) {
      StoredPrompt stored = store.find(new PromptKey("hate", 4)).orElseThrow();
      assertThat(store.rows(stored, FIRST)).hasSize(3 * WIDTH);
      assertThatThrownBy(() -> store.rows(stored, SECOND))
          .isInstanceOf(UserException.class)
          .hasMessageContaining(STEM + ".safetensors: mlp_2, prompt 4, row 3 (1 of the prompt): NaN");
    }
  }

  @Test
  void missingHookPointIsNamed() {
    collect(2, -1, DType.F32, 1 << 20);
    try (ActivationStore store = open()) {
      assertThatThrownBy(() -> store.require(HookPoint.residuals(9)))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("no activations at residuals_9; it holds [residuals_1, mlp_2]");
    }
  }

  @Test
  void fileOfAnotherProgramIsRefused() {
    Safetensors.write(
        folder.resolve(STEM + ".safetensors"),
        Map.of("x", Tensor.of(new float[] {1}, 1)),
        Map.of());
    assertThatThrownBy(() -> ActivationStore.open(folder, Map.of("hate", STEM)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("not an activation file");
  }

  @Test
  void sinksByHand() {
    double[] norms = new double[40];
    int[] positions = new int[40];
    for (int i = 0; i < 40; i++) {
      norms[i] = 1 + i % 2;
      positions[i] = i;
    }
    norms[0] = 16;
    norms[20] = 15;
    positions[20] = 0;
    Sinks sinks = Sinks.of(FIRST, norms, positions, 10);
    assertThat(sinks.medianNorm()).isEqualTo(2);
    assertThat(sinks.sinks()).isZero();
    Sinks lower = Sinks.of(FIRST, norms, positions, 7.5);
    assertThat(lower.threshold()).isEqualTo(15);
    assertThat(lower.sinks()).isEqualTo(1);
    assertThat(Sinks.of(FIRST, norms, positions, 7).positions()).containsExactly(Map.entry(0, 2L));
    assertThatThrownBy(() -> Sinks.of(FIRST, norms, positions, .8))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("of 38 tokens (52.6 %) outside the positions at which every prompt has one")
        .hasMessageContaining("attention sinks");
  }

  private Map<String, ByteBuffer> bytes() throws IOException {
    Map<String, ByteBuffer> bytes = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder.resolve("activations"))) {
      for (Path file : files.toList()) {
        bytes.put(file.getFileName().toString(), ByteBuffer.wrap(Files.readAllBytes(file)));
      }
    }
    return bytes;
  }

  private void deleteAll() throws IOException {
    for (Path sub : List.of(folder.resolve("activations"), work())) {
      try (Stream<Path> files = Files.list(sub)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
