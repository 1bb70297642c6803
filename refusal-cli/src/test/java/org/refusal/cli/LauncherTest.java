package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What the launcher makes of its surroundings, with a program in place of Java that tells what it was given. */
@EnabledOnOs(OS.LINUX)
class LauncherTest {
  @TempDir Path folder;
  private Path launcher;

  @BeforeEach
  void install() throws IOException {
    launcher = Files.createDirectories(folder.resolve("bin")).resolve("refusal");
    Files.copy(Path.of("src", "main", "launcher", "refusal"), launcher);
    Files.writeString(folder.resolve("refusal.jsa"), "");
    Path java = Files.createDirectories(folder.resolve("java/bin")).resolve("java");
    Files.writeString(java, "#!/bin/bash\nenv\nprintf 'argument %s\\n' \"$@\"\n");
    assertThat(java.toFile().setExecutable(true)).isTrue();
  }

  private String given(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder("bash", launcher.toString()).redirectErrorStream(true);
    builder.command().addAll(java.util.List.of(arguments));
    Map<String, String> all = builder.environment();
    for (String name : new String[] {"LC_ALL", "LC_CTYPE", "LANG", "TMPDIR", "REFUSAL_JAVA_OPTS"}) {
      all.remove(name);
    }
    all.put("JAVA_HOME", folder.resolve("java").toString());
    all.putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  @Test
  void whereTheLocaleKnowsAsciiOnlyFileNamesAreUtf8() throws Exception {
    assertThat(given(Map.of("LC_ALL", "C"), "status")).contains("\nLC_ALL=C.UTF-8\n");
    assertThat(given(Map.of("LC_ALL", "POSIX"), "status")).contains("\nLC_ALL=C.UTF-8\n");
    assertThat(given(Map.of(), "status")).contains("\nLC_ALL=C.UTF-8\n");
    assertThat(given(Map.of("LANG", "xx_YY.UTF-8"), "status")).contains("\nLC_ALL=C.UTF-8\n");
    assertThat(given(Map.of("LANG", "C.UTF-8"), "status")).doesNotContain("LC_ALL=");
    assertThat(given(Map.of("LC_ALL", "C"), "donn\u00e9es")).contains("argument donn\u00e9es\n");
  }

  @Test
  void variablesOfOtherProgramsDoNotReachTheLibrary() throws Exception {
    String output =
        given(Map.of(
            "PYTORCH_VERSION", "2.1.0a0+32f93b1", "PYTORCH_FLAVOR", "cu121", "PYTORCH_LIBRARY_PATH", "", "RUST_FLAVOR", "cu122",
            "RUST_LIBRARY_PATH", "/opt", "DJL_OFFLINE", "false", "DJL_CACHE_DIR", "/scratch/djl"));
    assertThat(output)
        .doesNotContain("PYTORCH_", "RUST_LIBRARY_PATH")
        .contains("\nDJL_OFFLINE=true\n", "\nRUST_FLAVOR=cpu\n", "\nDJL_CACHE_DIR=/scratch/djl\n");
  }

  @Test
  void aLibtorchOfTheSitesOwnKeepsItsFlavor() throws Exception {
    assertThat(given(Map.of("PYTORCH_LIBRARY_PATH", "/opt/lib", "PYTORCH_FLAVOR", "cu124", "PYTORCH_VERSION", "2.1.0")))
        .contains("\nPYTORCH_LIBRARY_PATH=/opt/lib\n", "\nPYTORCH_FLAVOR=cu124\n", "\nPYTORCH_VERSION=2.5.1\n");
  }

  private int closed(String redirection) throws IOException, InterruptedException {
    Path java = folder.resolve("java/bin/java");
    Files.writeString(java, "#!/bin/bash\n{ true 9<&0; } && { true 9>&1; } && { true 9>&2; } && exit 7\nexit 8\n");
    ProcessBuilder builder = new ProcessBuilder("bash", "-c", "exec bash '" + launcher + "' status " + redirection);
    builder.environment().put("JAVA_HOME", folder.resolve("java").toString());
    return builder.redirectErrorStream(true).start().waitFor();
  }

  @Test
  void aFileThatJavaOpensNeverGetsTheNumberOfAClosedStream() throws Exception {
    assertThat(closed("")).isEqualTo(7);
    assertThat(closed("<&-")).isEqualTo(7);
    assertThat(closed("2>&-")).isEqualTo(7);
    assertThat(closed(">&-")).isEqualTo(69);
  }

  @Test
  void theTemporaryFolderIsThatOfTheEnvironmentUnlessJavaIsToldAnother() throws Exception {
    assertThat(given(Map.of("TMPDIR", "/scratch/my job"))).contains("argument -Djava.io.tmpdir=/scratch/my job\n");
    String both = given(Map.of("TMPDIR", "/a", "REFUSAL_JAVA_OPTS", "-Djava.io.tmpdir=/b"));
    assertThat(both.indexOf("argument -Djava.io.tmpdir=/b")).isGreaterThan(both.indexOf("argument -Djava.io.tmpdir=/a"));
    assertThat(given(Map.of())).doesNotContain("java.io.tmpdir");
  }
}
