package org.refusal.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path folder;

  @Test
  void aFolderOrTheRootIsNoFileToWrite() {
    assertThatThrownBy(() -> AtomicFiles.writeString(folder, "x"))
        .isInstanceOf(UserException.class)
        .hasMessage(folder + ": cannot be written: a folder stands there");
    assertThatThrownBy(() -> AtomicFiles.writeString(folder.getRoot(), "x"))
        .isInstanceOf(UserException.class)
        .hasMessage(folder.getRoot() + ": cannot be written: a folder stands there");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aDeviceTakesWhatIsWrittenAndStaysADevice() throws IOException {
    Path device = Files.createSymbolicLink(folder.resolve("null"), Path.of("/dev/null"));
    AtomicFiles.writeString(device, "x");
    assertThat(Files.isSymbolicLink(device)).isTrue();
    assertThat(Files.isRegularFile(device)).isFalse();
    assertThat(folder).isDirectoryNotContaining("glob:**.partial");
    assertThatThrownBy(() -> AtomicFiles.writeString(Path.of("/dev/full"), "x"))
        .isInstanceOf(UserException.class)
        .hasMessage("/dev/full: cannot be written: No space left on device");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aLinkStaysAndTheFileThatItNamesIsWritten() throws IOException {
    Path file = Files.createDirectories(folder.resolve("scratch")).resolve("file");
    Files.writeString(file, "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("scratch/file"));
    AtomicFiles.writeString(link, "new");
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(file).hasContent("new");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void whatIsMissingIsSaidAsItIs() throws IOException {
    assertThat(AtomicFiles.missing(folder)).isEqualTo("a folder, not a file");
    assertThat(AtomicFiles.missing(folder.resolve("x"))).isEqualTo("no such file");
    assertThat(AtomicFiles.missing(Files.createSymbolicLink(folder.resolve("link"), Path.of("nowhere"))))
        .isEqualTo("a link to something that is not there");
  }

  @Test
  void aReasonIsNeverTheNameOfTheFileOrOfAClass() {
    assertThat(AtomicFiles.reason(new NoSuchFileException("/a/b"))).isEqualTo("no such file or folder");
    assertThat(AtomicFiles.reason(new DirectoryNotEmptyException("/a"))).isEqualTo("a folder stands there, with something in it");
    assertThat(AtomicFiles.reason(new FileSystemException("/a"))).isEqualTo("the file system refuses it");
    assertThat(AtomicFiles.reason(new FileSystemException("/a", null, "Too many open files"))).isEqualTo("Too many open files");
    assertThat(AtomicFiles.reason(new IOException())).isEqualTo("the system does not say why");
  }
}
