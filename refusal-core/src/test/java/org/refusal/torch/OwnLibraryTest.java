package org.refusal.torch;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnLibraryTest {
  @TempDir Path folder;
  private Path library;

  @BeforeEach
  void library() throws IOException {
    library = Files.createDirectories(folder.resolve("lib")).resolve("libtorch_cpu.so");
    Files.write(library, "ELF\0 2.5.10\0 and 2.5.1 \0".getBytes(StandardCharsets.US_ASCII));
  }

  private void requireRight() {
    OwnLibrary.requireVersion(library, "2.5.1");
  }

  @Test
  void theVersionFilesOfPythonAndOfLibtorchAreBelieved() throws IOException {
    Path python = Files.writeString(folder.resolve("version.py"), "__all__ = []\n__version__ = '2.4.0+cpu'\n");
    assertThatThrownBy(this::requireRight).hasMessageContaining("is 2.4.0, and 2.5.1 is needed");
    Files.writeString(python, "__version__ = '2.5.1+cu124'\n");
    assertThatCode(this::requireRight).doesNotThrowAnyException();
    Files.delete(python);
    Files.writeString(folder.resolve("build-version"), "2.6.0+cpu\n");
    assertThatThrownBy(this::requireRight).hasMessageContaining("is 2.6.0");
  }

  @Test
  void withoutThemTheLibraryItselfTells() throws IOException {
    assertThatThrownBy(this::requireRight).hasMessageContaining("of another version");
    Files.write(library, "ELF\0\0002.5.1\0more".getBytes(StandardCharsets.ISO_8859_1));
    assertThatCode(this::requireRight).doesNotThrowAnyException();
  }
}
