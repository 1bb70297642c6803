package org.refusal.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.Damage;
import org.refusal.RandomSeeds;
import org.refusal.base.UserException;

class SafetensorsTest {
  @TempDir Path folder;

  @Test
  void readsBackWhatItWrote() {
    Path file = folder.resolve("a.safetensors");
    Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
    tensors.put("f", Safetensors.Tensor.of(new float[] {1, -2, 3, 4, 5, 6}, 2, 3));
    tensors.put("d", Safetensors.Tensor.of(new double[] {0.1}, 1));
    tensors.put("i", Safetensors.Tensor.of(new int[] {7, -8}, 2));
    tensors.put("l", Safetensors.Tensor.of(new long[] {1L << 40}, 1));
    tensors.put("empty", Safetensors.Tensor.of(new float[0], 0, 4));
    tensors.put(
        "h", new Safetensors.Tensor(
            Safetensors.DType.BF16, new long[] {2}, Safetensors.encode(new float[] {1.5f, -3}, Safetensors.DType.BF16)));
    Safetensors.write(file, tensors, Map.of("format", "pt"));
    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.entries().keySet()).containsExactly("f", "d", "i", "l", "empty", "h");
      assertThat(read.metadata()).isEqualTo(Map.of("format", "pt"));
      assertThat(read.floats("f")).containsExactly(1, -2, 3, 4, 5, 6);
      assertThat(read.floats("f", 2, 3)).containsExactly(3, 4, 5);
      assertThat(read.entry("f").shape()).containsExactly(2, 3);
      assertThat(read.doubles("d")).containsExactly(0.1);
      assertThat(read.ints("i")).containsExactly(7, -8);
      assertThat(read.longs("i")).containsExactly(7, -8);
      assertThat(read.longs("l")).containsExactly(1L << 40);
      assertThat(read.floats("empty")).isEmpty();
      assertThat(read.doubles("h")).containsExactly(1.5, -3);
      assertThat(read.bytes("h", 2, 2).getShort()).isEqualTo((short) 0xc040);
      assertThatThrownBy(() -> read.ints("l")).isInstanceOf(UserException.class).hasMessageContaining("'l'");
      assertThatThrownBy(() -> read.floats("i")).isInstanceOf(UserException.class).hasMessageContaining("I32");
      assertThatThrownBy(() -> read.entry("nix")).isInstanceOf(UserException.class).hasMessageContaining("'nix'");
      assertThatThrownBy(() -> read.floats("f", 4, 3)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void headerIsAlignedToEightBytes() throws IOException {
    for (int length = 1; length < 10; length++) {
      Path file = folder.resolve("b" + length + ".safetensors");
      Safetensors.write(file, Map.of("x".repeat(length), Safetensors.Tensor.of(new float[] {1}, 1)), Map.of());
      long header = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).getLong();
      assertThat(header % 8).isZero();
    }
  }

  @Test
  void chunksMayInterleave() {
    Path file = folder.resolve("c.safetensors");
    List<SafetensorsWriter.Declaration> declarations =
        List.of(
            new SafetensorsWriter.Declaration("a", Safetensors.DType.F32, 3, 2),
            new SafetensorsWriter.Declaration("b", Safetensors.DType.F16, 3));
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, declarations, Map.of())) {
      for (int i = 0; i < 3; i++) {
        writer.append("a", new float[] {i, 10 + i});
        writer.append("b", new float[] {-i});
      }
      assertThat(file).doesNotExist();
      writer.commit();
    }
    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.floats("a")).containsExactly(0, 10, 1, 11, 2, 12);
      assertThat(read.floats("b")).containsExactly(0, -1, -2);
    }
  }

  @Test
  void nothingIsLeftWithoutCommit() throws IOException {
    Path file = folder.resolve("d.safetensors");
    List<SafetensorsWriter.Declaration> declarations =
        List.of(new SafetensorsWriter.Declaration("a", Safetensors.DType.F32, 3));
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, declarations, Map.of())) {
      writer.append("a", new float[] {1});
      assertThatThrownBy(writer::commit).isInstanceOf(IllegalStateException.class).hasMessageContaining("8 bytes");
      assertThatThrownBy(() -> writer.append("a", new float[3])).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> writer.append("z", ByteBuffer.allocate(1)))
          .isInstanceOf(IllegalArgumentException.class);
    }
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|4|'a': truncated",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|12|end at byte 8",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}|8|takes 12 bytes",
        "{\"a\":{\"dtype\":31,\"shape\":[2],\"data_offsets\":[0,8]}}|8|dtype is no text",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}|8|-2",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,8],\"data_offsets\":[0,8]}}|8|too large",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}|8|no range",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}|8|data_offsets is not a list",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}|12|'a' and 'b' overlap",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}|8|begins at byte 4",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|8|Duplicate",
        "{\"a\":|8|not valid JSON",
        "[1,2]|8|not a JSON object",
        "{\"__metadata__\":{\"a\":1}}|0|'a' is not a string",
      })
  void badHeadersAreOneLine(String header, int dataBytes, String message) throws IOException {
    Path file = folder.resolve("bad.safetensors");
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer content = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    content.putLong(json.length).put(json);
    Files.write(file, content.array());
    assertThatThrownBy(() -> Safetensors.open(file))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(message)
        .hasMessageStartingWith(file.toString())
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  @RandomSeeds(5)
  void aDamagedFileIsReadOrRefused(long seed) throws IOException {
    Random random = new Random(seed);
    Path file = folder.resolve("damaged.safetensors");
    Map<String, Safetensors.Tensor> tensors = new TreeMap<>();
    tensors.put("a", Safetensors.Tensor.of(new float[] {1, 2, 3, 4}, 2, 2));
    tensors.put("b", Safetensors.Tensor.of(new long[] {5}, 1));
    tensors.put("c", Safetensors.Tensor.of(new double[0], 0, 7));
    Safetensors.write(file, tensors, Map.of("format", "pt"));
    byte[] whole = Files.readAllBytes(file);
    for (int i = 0; i < 300; i++) {
      Files.write(file, Damage.of(whole, random));
      Damage.assertReadOrRefused(() -> {
        try (Safetensors read = Safetensors.open(file)) {
          for (Safetensors.Entry entry : read.entries().values()) {
            Damage.assertReadOrRefused(() -> read.floats(entry.name()));
            Damage.assertReadOrRefused(() -> read.doubles(entry.name()));
            Damage.assertReadOrRefused(() -> read.ints(entry.name()));
          }
        }
      });
    }
  }

  @Test
  void badLengthsAreOneLine() throws IOException {
    Path file = folder.resolve("short.safetensors");
    Files.write(file, new byte[5]);
    assertThatThrownBy(() -> Safetensors.open(file)).isInstanceOf(UserException.class).hasMessageContaining("5 bytes");
    Files.write(file, new byte[] {100, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
    assertThatThrownBy(() -> Safetensors.open(file)).isInstanceOf(UserException.class).hasMessageContaining("truncated");
    Files.write(file, new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, '{', '}'});
    assertThatThrownBy(() -> Safetensors.open(file))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("18446744073709551615");
    assertThatThrownBy(() -> Safetensors.open(folder.resolve("none")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("no such file");
  }

  @Test
  void halfPrecisionRoundsAndReturns() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float half = FloatBits.fromFloat16((short) bits);
      float brain = FloatBits.fromBfloat16((short) bits);
      assertThat(Float.isNaN(half)).isEqualTo((bits & 0x7fff) > 0x7c00);
      if (!Float.isNaN(half)) {
        assertThat(FloatBits.toFloat16(half)).isEqualTo((short) bits);
      }
      if (!Float.isNaN(brain)) {
        assertThat(FloatBits.toBfloat16(brain)).isEqualTo((short) bits);
      }
    }
    assertThat(FloatBits.toFloat16(1 + 0x1p-11f)).isEqualTo((short) 0x3c00); // ties to even
    assertThat(FloatBits.toFloat16(1 + 3 * 0x1p-11f)).isEqualTo((short) 0x3c02);
    assertThat(FloatBits.toFloat16(65519.9f)).isEqualTo((short) 0x7bff);
    assertThat(FloatBits.toFloat16(65520f)).isEqualTo((short) 0x7c00);
    assertThat(FloatBits.toFloat16(1023.75f * 0x1p-24f)).isEqualTo((short) 0x0400);
    assertThat(FloatBits.toBfloat16(1 + 0x1p-8f)).isEqualTo((short) 0x3f80);
    assertThat(FloatBits.toBfloat16(1 + 3 * 0x1p-8f)).isEqualTo((short) 0x3f82);
    assertThat(FloatBits.toBfloat16(Float.MAX_VALUE)).isEqualTo((short) 0x7f80);
    assertThat(FloatBits.fromBfloat16(FloatBits.toBfloat16(Float.NaN))).isNaN();
    assertThat(FloatBits.fromFloat16(FloatBits.toFloat16(Float.NaN))).isNaN();
  }
}
