package org.refusal.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;

class GpuNativesTest {
  private static final String LIBRARIES =
      "libc10.so,libcaffe2_nvrtc.so,libcudart-1a2b.so.12,libcudnn.so.9,libcudnn_adv.so.9,libtorch.so,libtorch_cuda_linalg.so";

  @TempDir Path folder;
  private Path jar;
  private Path cache;

  @BeforeEach
  void natives() throws IOException {
    jar = folder.resolve("jar");
    cache = folder.resolve("cache/pytorch");
    properties("cu124", "linux-x86_64");
    for (String library : LIBRARIES.split(",")) {
      Files.writeString(Files.createDirectories(jar.resolve("pytorch/cu124/linux-x86_64")).resolve(library), library);
    }
  }

  private void properties(String flavor, String classifier) throws IOException {
    Files.writeString(
        Files.createDirectories(jar.resolve("native/lib")).resolve("pytorch.properties"),
        "version=2.5.1-20241113\nflavor=%s\nclassifier=%s\nlibraries=%s\n".formatted(flavor, classifier, LIBRARIES));
  }

  private GpuNatives find() throws IOException {
    return GpuNatives.find(new URLClassLoader(new URL[] {jar.toUri().toURL()}, null));
  }

  private List<String> names(Path of) throws IOException {
    try (Stream<Path> list = Files.list(of)) {
      return list.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void unpacksWhatStagesNeedOnceAndWhole() throws IOException {
    Path unpacked = find().unpacked(cache);
    assertThat(names(cache)).containsExactly("refusal-2.5.1-20241113-cu124-linux-x86_64");
    assertThat(names(unpacked.resolve("lib")))
        .containsExactly("libc10.so", "libcaffe2_nvrtc.so", "libcudart-1a2b.so.12", "libcudnn.so.9", "libtorch.so");
    assertThat(names(unpacked.resolve("without-driver")))
        .containsExactly("libc10.so", "libcudart-1a2b.so.12", "libcudnn.so.9", "libtorch.so");
    assertThat(unpacked.resolve("without-driver/libtorch.so")).hasContent("libtorch.so");
    assertThat(unpacked.resolve("runtime/libcudart.so")).hasContent("libcudart-1a2b.so.12");

    Files.writeString(unpacked.resolve("lib/libc10.so"), "as it was");
    assertThat(find().unpacked(cache)).isEqualTo(unpacked);
    assertThat(unpacked.resolve("lib/libc10.so")).hasContent("as it was");
  }

  @Test
  void nothingIsLeftOfAnUnpackingThatFails() throws IOException {
    Files.delete(jar.resolve("pytorch/cu124/linux-x86_64/libtorch.so"));
    assertThatThrownBy(() -> find().unpacked(cache))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("libtorch.so");
    assertThat(names(cache)).isEmpty();
  }

  @Test
  void whatAKilledUnpackingLeftIsRemoved() throws IOException {
    String name = "refusal-2.5.1-20241113-cu124-linux-x86_64";
    Path abandoned = Files.createDirectories(cache.resolve(name + ".1"));
    Files.writeString(abandoned.resolve("libtorch.so"), "half");
    Files.setLastModifiedTime(abandoned, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
    Files.createDirectories(cache.resolve(name + ".2"));
    find().unpacked(cache);
    assertThat(names(cache)).as("the second may be under way").containsExactly(name, name + ".2");
  }

  @Test
  void aCacheThatCannotBeWrittenIsAnErrorOfTheEnvironment() throws IOException {
    Files.createDirectories(cache.getParent());
    Files.writeString(cache, "a file where the folder should be");
    assertThatThrownBy(() -> find().unpacked(cache))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("libtorch cannot be unpacked in " + cache);
  }

  @Test
  void buildsForCpusOrOtherSystemsAreLeftToDjl() throws IOException {
    properties("cpu", "linux-x86_64");
    assertThat(find()).isNull();
    properties("cu124", "win-x86_64");
    assertThat(find()).isNull();
    Files.delete(jar.resolve("native/lib/pytorch.properties"));
    assertThat(find()).isNull();
  }
}
