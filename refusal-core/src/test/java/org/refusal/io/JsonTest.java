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

  /** Whatever is wrong, no message names a class or a switch of the library. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{\"left\": NaN} | NaN is no number of JSON",
        "{\"left\": [1, 2}} | Unexpected close marker '}': expected ']' (for Array starting at line 1, column 10)",
        "DEEP | it is nested too deep",
        "LONG | a number or text in it is too long",
        "{} {} | there is more after the first value",
        "{'left': 1} | Unexpected character",
      })
  void messagesAreInPlainWords(String text, String message) throws IOException {
    Path file = folder.resolve("a.json");
    Files.writeString(file, text.replace("DEEP", "[".repeat(2000)).replace("LONG", "1".repeat(2000)));

    assertThatThrownBy(() -> Json.read(file))
        .hasMessageContaining("not valid JSON: " + message)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n", "Stream", "Feature", "jackson", "REDACTED", "Exception"));
  }

  @Test
  void bytesThatAreNoTextAreNamed() throws IOException {
    Path file = Files.write(folder.resolve("a.json"), new byte[] {'{', '"', (byte) 0xE9, '"', ':', '1', '}'});
    assertThatThrownBy(() -> Json.read(file)).hasMessageContaining("a.json:1:").hasMessageContaining("not valid JSON");
  }

  /** Java before 19 writes more digits of some numbers than later ones do: here they are the same everywhere. */
  @Test
  void numbersHaveTheShortestDigits() {
    assertThat(Json.toText(new double[] {2e-3, 1e23, 2.2250738585072014e-308, 0.1 + 0.2}))
        .isEqualTo("[ 0.002, 1.0E23, 2.2250738585072014E-308, 0.30000000000000004 ]\n");
  }

  @Test
  void readsBackWhatItWrote() {
    Path file = folder.resolve("a.json");
    Json.write(file, new Pair(3, "x"));
    assertThat(Json.read(file, Pair.class)).isEqualTo(new Pair(3, "x"));
    assertThat(file).hasContent("{\n  \"left\" : 3,\n  \"right\" : \"x\"\n}\n");
  }
}
