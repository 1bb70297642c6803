package org.refusal.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a machine may lack, and what other programs leave in the environment. */
class SurroundingsTest {
  @TempDir Path folder;

  @Test
  void aTemporaryFolderIsThereAndTakesFiles() throws IOException {
    assertThat(TemporaryFolder.require(folder)).isEqualTo(folder);
    assertThat(folder).isEmptyDirectory();
    assertThatThrownBy(() -> TemporaryFolder.require(folder.resolve("none")))
        .hasMessageContaining("none is of no use: there is no such folder")
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.ENVIRONMENT))
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("TMPDIR", "java.io.tmpdir"));
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThatThrownBy(() -> TemporaryFolder.require(file)).hasMessageContaining("it is no folder");
  }

  @ParameterizedTest
  @CsvSource({
    "PYTORCH_VERSION, 2.1.0a0+32f93b1", "PYTORCH_VERSION, 2.5.1", "PYTORCH_FLAVOR, cu121", "PYTORCH_FLAVOR, ''",
    "RUST_LIBRARY_PATH, /opt/x", "RUST_FLAVOR, cu122", "DJL_OFFLINE, false", "PYTORCH_EXTRA_LIBRARY_PATH, /opt/x.so"
  })
  void variablesOfOtherProgramsAreNamed(String name, String value) {
    assertThatThrownBy(() -> NativeSurroundings.requireOwnVariables(Map.of(name, value)))
        .hasMessageContaining("$" + name)
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.ENVIRONMENT))
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("unset " + name));
  }

  @Test
  void whatASiteSaysOfItsOwnLibtorchIsObeyed() {
    Map<String, String> own =
        Map.of("PYTORCH_LIBRARY_PATH", "/opt/libtorch/lib", "PYTORCH_VERSION", "2.5.1", "PYTORCH_FLAVOR", "cu124");
    assertThatCode(() -> NativeSurroundings.requireOwnVariables(own)).doesNotThrowAnyException();
    assertThatThrownBy(
            () -> NativeSurroundings.requireOwnVariables(
                Map.of("PYTORCH_LIBRARY_PATH", "/opt/libtorch/lib", "PYTORCH_VERSION", "2.4.0")))
        .hasMessageContaining("$PYTORCH_VERSION is set (2.4.0)");
    Map<String, String> harmless = Map.of("DJL_OFFLINE", "true", "RUST_FLAVOR", "cpu", "OMP_NUM_THREADS", "x");
    assertThatCode(() -> NativeSurroundings.requireOwnVariables(harmless)).doesNotThrowAnyException();
  }

  @Test
  void aCacheThatHoldsTheLibrariesNeedNotBeWritable() throws IOException {
    Map<String, String> none = Map.of("DJL_CACHE_DIR", "/proc/none/djl");
    assertThatThrownBy(() -> NativeSurroundings.requireCache(none, "pytorch"))
        .hasMessageContaining("/proc/none/djl")
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.ENVIRONMENT));
    // A folder of the system that takes no other one, but has one of the name that is asked for.
    assertThatCode(() -> NativeSurroundings.requireCache(Map.of("DJL_CACHE_DIR", "/proc"), "self")).doesNotThrowAnyException();
    assertThatCode(() -> NativeSurroundings.requireCache(Map.of(), "pytorch")).doesNotThrowAnyException();
  }

  @Test
  void theCacheIsNamedWhereItCannotBeMade() {
    assertThat(NativeSurroundings.whyNoCache(Map.of("DJL_CACHE_DIR", folder.resolve("a/b").toString()))).isNull();
    assertThat(folder).isEmptyDirectory();
    assertThat(NativeSurroundings.whyNoCache(Map.of("DJL_CACHE_DIR", "/proc/none/djl"))).contains("/proc/none/djl");
  }
}
