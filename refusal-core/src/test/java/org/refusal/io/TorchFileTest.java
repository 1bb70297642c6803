package org.refusal.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.Damage;
import org.refusal.RandomSeeds;
import org.refusal.base.UserException;

class TorchFileTest {
  @TempDir Path folder;

  /** Pickle instructions as torch.save writes them; texts and bytes one after the other. */
  private static byte[] pickle(Object... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Object part : parts) {
      if (part instanceof String text) {
        out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
      } else {
        out.write((Integer) part);
      }
    }
    return out.toByteArray();
  }

  private static String unicode(String text) {
    return "X" + (char) text.length() + "\0\0\0" + text;
  }

  private static final String TENSOR =
      "ctorch._utils\n_rebuild_tensor_v2\n((" + unicode("storage") + "ctorch\nFloatStorage\n" + unicode("0")
          + unicode("cpu") + "K\u0006tQ";
  private static final String END = "\u0089ccollections\nOrderedDict\n)RtR";

  private Path file(byte[] pickle, float... storage) throws IOException {
    Path file = folder.resolve("archive.pt");
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(pickle);
      zip.putNextEntry(new ZipEntry("archive/data/0"));
      ByteBuffer bytes = ByteBuffer.allocate(storage.length * 4).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(storage);
      zip.write(bytes.array());
    }
    return file;
  }

  @Test
  void readsATransposedTensorRowMajor() throws IOException {
    byte[] dictionary =
        pickle(0x80, 2, "}", unicode("x"), TENSOR, "K\0K\u0003K\u0002\u0086K\u0001K\u0003\u0086", END, "s.");

    Map<?, ?> read = (Map<?, ?>) TorchFile.read(file(dictionary, 1, 2, 3, 4, 5, 6));

    Safetensors.Tensor x = (Safetensors.Tensor) read.get("x");
    assertThat(x.shape()).containsExactly(3, 2);
    float[] values = new float[6];
    x.data().asFloatBuffer().get(values);
    assertThat(values).containsExactly(1, 4, 2, 5, 3, 6);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X\u00ff\u00ff\u00ff\u007f", "X\u00ff\u00ff\u00ff\u00ff", "T\u00ff\u00ff\u00ff\u007f", "B\u00ff\u00ff\u00ff\u007f",
        "\u008b\u00ff\u00ff\u00ff\u007f", "\u008d\u00ff\u00ff\u00ff\u007f\0\0\0\0", "\u008e\u00ff\u00ff\u00ff\u007f\0\0\0\0",
        "\u0096\u00ff\u00ff\u00ff\u007f\0\0\0\0", "X\u00ff"
      })
  void aLengthInAPickleSizesNoArrayBeyondTheFile(String instruction) throws IOException {
    Path file = file(pickle(0x80, 2, instruction, "abc."), 1);
    assertThatThrownBy(() -> TorchFile.read(file)).isInstanceOf(UserException.class).hasMessageContaining("cut off: a text or number of");
  }

  @Test
  void aTensorThatRepeatsItsStorageIsReadUpToABound() throws IOException {
    String strides = "K\0K\0\u0086";
    Path small = file(pickle(0x80, 2, TENSOR, "K\0K\u0002K\u0003\u0086", strides, END, "."), 1, 2, 3, 4, 5, 6);
    assertThat(((Safetensors.Tensor) TorchFile.read(small)).floats()).containsExactly(1, 1, 1, 1, 1, 1);
    Path large = file(pickle(0x80, 2, TENSOR, "K\0M\0\u0040M\0\u0040\u0086", strides, END, "."), 1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> TorchFile.read(large))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("a tensor of 1073741824 bytes that repeats a storage of 24");
  }

  @Test
  void aTensorToBeTakenNegativeIsRefusedByName() throws IOException {
    String end = "\u0089ccollections\nOrderedDict\n)R}" + unicode("neg") + "\u0088stR";
    Path file = file(pickle(0x80, 2, TENSOR, "K\0K\u0006\u0085K\u0001\u0085", end, "."), 1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> TorchFile.read(file)).isInstanceOf(UserException.class).hasMessageContaining("[neg]");
  }

  @Test
  void aTensorBeyondItsStorageIsDamage() throws IOException {
    byte[] pickle = pickle(0x80, 2, TENSOR, "K\u0002K\u0003K\u0002\u0086K\u0001K\u0003\u0086", END, ".");

    assertThatThrownBy(() -> TorchFile.read(file(pickle, 1, 2, 3, 4, 5, 6)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("archive.pt: damaged: a tensor reaches beyond its storage");
  }

  @Test
  void aTruncatedStorageIsNamed() throws IOException {
    byte[] pickle = pickle(0x80, 2, TENSOR, "K\0K\u0003K\u0002\u0086K\u0001K\u0003\u0086", END, ".");

    assertThatThrownBy(() -> TorchFile.read(file(pickle, 1, 2, 3)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("storage 0 holds 12 bytes, 6 elements of F32 need 24");
  }

  @Test
  void aPickleThatRunsACommandIsRefusedByNameAndDoesNothing() throws IOException {
    Path victim = folder.resolve("victim");
    byte[] protocol0 = pickle("cposix\nsystem\n(S'touch " + victim + "'\ntR.");
    byte[] stackGlobal =
        pickle(0x80, 4, unicode("builtins"), unicode("exec"), 0x93, unicode("open('" + "v" + "','w')"), 0x85, "R.");
    byte[] instance = pickle("(S'touch " + victim + "'\niposix\nsystem\n.");

    assertThatThrownBy(() -> TorchFile.read(file(protocol0)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("refused: it asks for 'posix.system'");
    assertThatThrownBy(() -> TorchFile.read(file(stackGlobal)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("refused: it asks for 'builtins.exec'");
    assertThatThrownBy(() -> TorchFile.read(file(instance)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("refused");
    assertThat(victim).doesNotExist();
  }

  /** Files that torch.save of PyTorch 2.5.1 wrote, in either form; x is [4, 6], element i = i / 8 - 1. */
  private static Path real(String name) {
    try {
      return Path.of(TorchFileTest.class.getResource("/torch/" + name).toURI());
    } catch (java.net.URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static float x(int row, int column) {
    return (row * 6 + column) / 8f - 1;
  }

  private static void assertTensor(Object value, Safetensors.DType dtype, long[] shape, float... values) {
    Safetensors.Tensor tensor = (Safetensors.Tensor) value;
    assertThat(tensor.dtype()).isEqualTo(dtype);
    assertThat(tensor.shape()).containsExactly(shape);
    assertThat(tensor.floats()).containsExactly(values);
  }

  @ParameterizedTest
  @ValueSource(strings = {"zip.pt", "legacy.pt"})
  void everyTypeStrideAndContainerOfARealFile(String name) {
    Map<?, ?> read = (Map<?, ?>) TorchFile.read(real(name));

    float[] all = new float[24];
    float[] turned = new float[24];
    for (int i = 0; i < 24; i++) {
      all[i] = x(i / 6, i % 6);
      turned[i] = x(i % 4, i / 4);
    }
    assertTensor(read.get("f32"), Safetensors.DType.F32, new long[] {4, 6}, all);
    assertTensor(read.get("f64"), Safetensors.DType.F64, new long[] {4, 6}, all);
    assertTensor(read.get("f16"), Safetensors.DType.F16, new long[] {4, 6}, all);
    assertTensor(read.get("bf16"), Safetensors.DType.BF16, new long[] {4, 6}, all);
    assertTensor(read.get("i64"), Safetensors.DType.I64, new long[] {8}, -3, -2, -1, 0, 1, 2, 3, 4);
    assertTensor(read.get("i32"), Safetensors.DType.I32, new long[] {8}, -3, -2, -1, 0, 1, 2, 3, 4);
    assertTensor(read.get("bool"), Safetensors.DType.BOOL, new long[] {3}, 1, 0, 1);
    assertTensor(read.get("transposed"), Safetensors.DType.F32, new long[] {6, 4}, turned);
    assertTensor(
        read.get("sliced"), Safetensors.DType.F32, new long[] {2, 3}, x(1, 1), x(1, 3), x(1, 5), x(3, 1), x(3, 3), x(3, 5));
    assertTensor(
        read.get("expanded"), Safetensors.DType.F32, new long[] {3, 6},
        x(0, 0), x(0, 1), x(0, 2), x(0, 3), x(0, 4), x(0, 5), x(0, 0), x(0, 1), x(0, 2), x(0, 3), x(0, 4), x(0, 5),
        x(0, 0), x(0, 1), x(0, 2), x(0, 3), x(0, 4), x(0, 5));
    assertTensor(read.get("scalar"), Safetensors.DType.F32, new long[] {}, 2.5f);
    assertTensor(read.get("empty"), Safetensors.DType.F32, new long[] {0, 6});
    assertThat(((Safetensors.Tensor) read.get("param")).floats()).containsExactly(java.util.Arrays.copyOf(all, 12));
    assertThat(((Safetensors.Tensor) read.get("shared")).floats())
        .containsExactly(java.util.Arrays.copyOfRange(all, 12, 24));
    Map<?, ?> nested = (Map<?, ?>) read.get("nested");
    assertThat((java.util.List<?>) nested.get("list")).hasToString("[1, 2.5, text, null, true]");
    assertTensor(
        ((Object[]) nested.get("tuple"))[0], Safetensors.DType.F32, new long[] {6}, java.util.Arrays.copyOf(all, 6));
  }

  @ParameterizedTest
  @ValueSource(strings = {"evil.pt", "evil_legacy.pt"})
  void aRealFileWithACommandIsRefusedByNameAndDoesNothing(String name) {
    assertThatThrownBy(() -> TorchFile.read(real(name)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(name + ": refused: it asks for 'posix.system'");
    assertThat(Path.of("executed-by-a-pickle")).doesNotExist();
  }

  @Test
  void typesAndDevicesAreTheirNamesAndOtherTensorsMatterOnlyWhereTheyAreNeeded() {
    Map<?, ?> read = (Map<?, ?>) TorchFile.read(Path.of("src/test/resources/torch/types.pt"));
    assertThat(read.get("dtype")).isEqualTo("torch.bfloat16");
    assertThat(read.get("device")).isEqualTo("cuda:0");
    assertThat(read.get("host")).isEqualTo("cpu");
    Map<?, ?> weights = (Map<?, ?>) read.get("weights");
    assertTensor(weights.get("a"), Safetensors.DType.F32, new long[] {2, 3}, 0, 1, 2, 3, 4, 5);
    for (String name : new String[] {"complex", "eight"}) {
      assertThat(((Safetensors.Tensor) weights.get(name)).dtype()).isEqualTo(Safetensors.DType.OTHER);
    }
  }

  /** A complex tensor (storage 1, one element) beside one of two floats (storage 0), in the form before PyTorch 1.6. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  void inTheOldFormTooATensorOfAnotherTypeMattersOnlyWhereItIsNeeded(int protocol) throws IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    String start = "\u0080" + (char) protocol;
    String frame = protocol < 4 ? "" : "\u0095\u0001\0\0\0\0\0\0\0";
    file.writeBytes(pickle(start, frame, "\u008a\n", "\u006c\u00fc\u009c\u0046\u00f9\u0020\u006a\u00a8\u0050\u0019.")); // magic
    file.writeBytes(pickle(start, "M\u00e9\u0003.", start, "}" + unicode("little_endian") + "\u0088s."));
    String floats = TENSOR.replace("K\u0006tQ", "K\u0002NtQ") + "K\0K\u0002\u0085K\u0001\u0085" + END;
    String complex =
        TENSOR.replace("FloatStorage", "ComplexFloatStorage").replace(unicode("0"), unicode("1")).replace("K\u0006tQ", "K\u0001NtQ")
            + "K\0K\u0001\u0085K\u0001\u0085" + END;
    file.writeBytes(pickle(start, "}(", unicode("complex"), complex, unicode("x"), floats, "u."));
    file.writeBytes(pickle(start, "](", unicode("1"), unicode("0"), "e."));
    ByteBuffer storages = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
    storages.putLong(1).putFloat(7).putFloat(8).putLong(2).putFloat(3).putFloat(4);
    file.writeBytes(storages.array());
    Path old = Files.write(folder.resolve("old.pt"), file.toByteArray());

    Map<?, ?> read = (Map<?, ?>) TorchFile.read(old);

    assertTensor(read.get("x"), Safetensors.DType.F32, new long[] {2}, 3, 4);
    assertThat(((Safetensors.Tensor) read.get("complex")).dtype()).isEqualTo(Safetensors.DType.OTHER);
  }

  @Test
  void quantizedAndSparseTensorsAreKnownByTheirShapes() throws IOException {
    String quantized =
        TENSOR.replace("_rebuild_tensor_v2", "_rebuild_qtensor").replace("FloatStorage", "QInt8Storage")
            + "K\0K\u0003K\u0002\u0086K\u0002K\u0001\u0086(ctorch\nper_tensor_affine\nG\u003f\u00e0\0\0\0\0\0\0K\0t" + END;
    String sparse =
        "ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n" + unicode("torch.sparse_coo")
            + "\u0085R" + "(" + TENSOR + "K\0K\u0006\u0085K\u0001\u0085" + END + "Nctorch\nSize\n(K\u0004K\u0005t\u0085R\u0088ttR";
    Object[] read = (Object[]) TorchFile.read(file(pickle(0x80, 2, quantized, sparse, "\u0086."), 1, 2, 3, 4, 5, 6));
    assertThat(((Safetensors.Tensor) read[0]).shape()).containsExactly(3, 2);
    assertThat(((Safetensors.Tensor) read[1]).shape()).containsExactly(4, 5);
    assertThat(read).allMatch(each -> ((Safetensors.Tensor) each).dtype() == Safetensors.DType.OTHER);
  }

  @Test
  void aWholeModuleIsRefusedByName() {
    assertThatThrownBy(() -> TorchFile.read(real("module.pt")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("refused: it asks for '__main__.S'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"zip.pt", "legacy.pt"})
  void aFileCutOffAnywhereIsDamagedAndNothingElse(String name) throws IOException {
    byte[] whole = Files.readAllBytes(real(name));
    Path cut = folder.resolve(name);
    for (int length = 0; length < whole.length; length += 37) {
      Files.write(cut, java.util.Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> TorchFile.read(cut))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(UserException.class)
          .hasMessageStartingWith(cut.toString());
    }
  }

  /** The whole file, and the program within it, which a checksum protects where only the file is damaged. */
  @RandomSeeds(10)
  void aDamagedFileIsReadOrRefused(long seed) throws IOException {
    Random random = new Random(seed);
    for (String name : List.of("zip.pt", "legacy.pt", "types.pt", "legacy_sae.pt", "residuals_2_sae.pt", "module.pt")) {
      byte[] whole = Files.readAllBytes(real(name));
      Path file = folder.resolve(name);
      for (int i = 0; i < 40; i++) {
        Files.write(file, Damage.of(whole, random));
        Damage.assertReadOrRefused(() -> TorchFile.read(file));
        if (whole[0] == 'P') {
          rewrite(real(name), file, program -> Damage.of(program, random));
          Damage.assertReadOrRefused(() -> TorchFile.read(file));
        }
      }
    }
  }

  /** A copy of a file in the zip form with another program. */
  private static void rewrite(Path from, Path to, UnaryOperator<byte[]> program) throws IOException {
    try (ZipFile old = new ZipFile(from.toFile());
        OutputStream out = Files.newOutputStream(to);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (ZipEntry entry : Collections.list(old.entries())) {
        byte[] bytes = old.getInputStream(entry).readAllBytes();
        zip.putNextEntry(new ZipEntry(entry.getName()));
        zip.write(entry.getName().endsWith("data.pkl") ? program.apply(bytes) : bytes);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0080\u0002(s.", "\u0080\u0002R.", "\u0080\u00020.", "\u0080\u0002Ixyz\n.", "\u0080\u0002Lxyz\n.", "\u0080\u0002Fx\n.",
        "\u0080\u0002}K\u0001u.", "\u0080\u0002NQ.", "\u0080\u0002K\u0001b.", "\u0080\u0002h\u0007.", "\u0080\u0002a.",
        "\u0080\u0002K\u0001ctorch\nSize\nK\u0001R.", "\u0080\u0002ctorch\ndevice\n]\u0085R.", "\u0080\u0004NN\u0093.",
        "\u0080\u0002ctorch._utils\n_rebuild_tensor_v2\n)R.", "\u0080\u0002ccollections\nOrderedDict\nN\u0085R."
      })
  void anInstructionThatDoesNotFitWhatStandsBeforeItIsDamage(String program) throws IOException {
    Path file = file(pickle(program), 1);
    assertThatThrownBy(() -> TorchFile.read(file))
        .isInstanceOf(UserException.class)
        .hasMessageStartingWith(file + ": ")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n", "java.", "null", "class "));
  }

  @Test
  void aListWithinItselfAndOneThatIsDeepAreReadEvenAsKeys() throws IOException {
    Path itself = file(pickle(0x80, 2, "]q\u0001h\u0001a}h\u0001Ns0."), 1);
    assertThat((List<?>) TorchFile.read(itself)).hasSize(1);
    Path deep = file(pickle(0x80, 2, "]".repeat(100_000) + "a".repeat(99_999) + "q\u0001}h\u0001Ns0."), 1);
    assertThat((List<?>) TorchFile.read(deep)).hasSize(1);
  }

  @Test
  void manyTensorsThatRepeatAStorageAreBoundedTogether() throws IOException {
    String one = TENSOR + "K\0M\0\u0010M\0\u0008\u0086K\0K\0\u0086" + END; // 4096 x 2048 x 4 bytes: 32 MiB
    Path two = file(pickle(0x80, 2, one, one, "\u0086."), 1, 2, 3, 4, 5, 6);
    assertThat((Object[]) TorchFile.read(two)).hasSize(2);
    Path three = file(pickle(0x80, 2, one, one, one, "\u0087."), 1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> TorchFile.read(three))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("tensors of 100663296 bytes that repeat storages of 24");
  }

  @Test
  void anExtentBeyond64BitsIsDamageAndNotItsLowestBits() throws IOException {
    String extent = "\u008a\u0009\u0003\0\0\0\0\0\0\0\u0001"; // 2^64 + 3
    Path file = file(pickle(0x80, 2, TENSOR, "K\0", extent, "\u0085K\u0001\u0085", END, "."), 1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> TorchFile.read(file)).isInstanceOf(UserException.class).hasMessageContaining("no whole number of 64 bits");
  }

  @Test
  void whatTorchDidNotWriteIsNoTorchFile() throws IOException {
    Path file = folder.resolve("old.pt");
    Files.write(file, new byte[] {1, 2, 3, 4});

    assertThatThrownBy(() -> TorchFile.read(file))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("not a file of torch.save");
    assertThatThrownBy(() -> TorchFile.read(folder.resolve("none.pt")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("no such file");
  }
}
