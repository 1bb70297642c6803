package org.refusal.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

class JsonTest {
  record Pair(int left, String right) {}

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "~~ | empty, no JSON in it",
        "null | empty, no JSON in it",
        "{\"left\": | a.json:1:9: not valid JSON: it ends in the middle; was it cut off?",
        "{\"left\": 1, \"left\": 2} | a.json:1:19: not valid JSON: Duplicate field 'left'",
        "{\"left\": 1} rest | not valid JSON",
        "{\"left\": 1, \"wrong\": 2} | a.json: not the file that is expected here: unknown key 'wrong'",
        "{\"left\": \"one\"} | a.json: not the file that is expected here: the value of 'left' does not fit",
        "[1, 2] | a.json: not the file that is expected here: another kind of JSON value",
      })
  void whatIsWrongWithAFileIsOneLine(String text, String message) throws IOException {
    Path file = folder.resolve("a.json");
    Files.writeString(file, text);

    assertThatThrownBy(() -> Json.read(file, Pair.class))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(e.getMessage()).startsWith(file.toString()).doesNotContain("\n", "org.refusal"))
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.BAD_DATA))
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("run the stage"));
  }

  @Test
  void readsBackWhatItWrote() {
    Path file = folder.resolve("a.json");
    Json.write(file, new Pair(3, "x"));
    assertThat(Json.read(file, Pair.class)).isEqualTo(new Pair(3, "x"));
    assertThat(file).hasContent("{\n  \"left\" : 3,\n  \"right\" : \"x\"\n}\n");
  }
}
