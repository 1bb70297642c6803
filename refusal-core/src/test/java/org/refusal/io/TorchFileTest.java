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
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

  @Test
  void aTensorBeyondItsStorageIsDamage() throws IOException {
    byte[] pickle = pickle(0x80, 2, TENSOR, "K\u0002K\u0003K\u0002\u0086K\u0001K\u0003\u0086", END, ".");

    assertThatThrownBy(() -> TorchFile.read(file(pickle, 1, 2, 3, 4, 5, 6)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("archive.pt: its data.pkl is damaged: a tensor reaches beyond its storage");
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

  @Test
  void whatIsNoZipIsNoTorchFile() throws IOException {
    Path file = folder.resolve("old.pt");
    Files.write(file, new byte[] {1, 2, 3, 4});

    assertThatThrownBy(() -> TorchFile.read(file))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("not a file of torch.save's zip form");
  }
}
