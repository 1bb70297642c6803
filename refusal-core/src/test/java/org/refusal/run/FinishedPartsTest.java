package org.refusal.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FinishedPartsTest {
  @TempDir Path folder;

  @Test
  void aPartIsFinishedAsLongAsItsFilesAreWhatTheyWereThen() throws IOException {
    Path results = Files.createDirectories(folder.resolve("results"));
    Path one = Files.writeString(results.resolve("one"), "1");
    Path two = Files.writeString(results.resolve("two"), "2");
    FinishedParts parts = new FinishedParts(results.resolve(".work/stage/key"));

    assertThat(parts.has("a")).isFalse();
    parts.add("a", List.of(one, two));
    parts.add("b", List.of(one));
    assertThat(parts.has("a")).isTrue();

    Files.writeString(two, "another config's");
    assertThat(parts.has("a")).isFalse();
    assertThat(parts.has("b")).isTrue();
    Files.delete(one);
    assertThat(parts.has("b")).isFalse();
    Files.writeString(one, "1");
    assertThat(parts.has("b")).isTrue();

    Path moved = folder.resolve("moved");
    Files.move(results, moved);
    assertThat(new FinishedParts(moved.resolve(".work/stage/key")).has("b")).isTrue();
  }
}
