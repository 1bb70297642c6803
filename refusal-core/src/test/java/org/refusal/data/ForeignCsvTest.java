package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

/** Prompt files as spreadsheets and scripts leave them: what is no CSV is named with file, line, record and what to do. */
class ForeignCsvTest {
  private static final String TOXIC = "or-bench-toxic.csv";

  @TempDir Path folder;

  @BeforeEach
  void others() throws IOException {
    Files.writeString(folder.resolve("or-bench-80k.csv"), "prompt,category\nsafe,hate\n");
    Files.writeString(folder.resolve("or-bench-hard-1k.csv"), "prompt,category\n");
  }

  private OrBench load(byte[] toxic) throws IOException {
    Files.write(folder.resolve(TOXIC), toxic);
    return OrBench.load(folder);
  }

  private OrBench load(String toxic) throws IOException {
    return load(toxic.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "\"one\" two,hate | :2: record 1: not valid CSV: after the quote that closes a cell stands a blank | written twice",
        "ok,hate\\n\"say \"no\" now\",hate | :3: record 2: not valid CSV: after the quote that closes a cell stands 'n' | written twice",
        "\"say \\\"no\\\" now\",hate | :2: record 1: not valid CSV: after the quote that closes a cell stands 'n' | written twice",
        "\"ends with \\\", she said\",hate | :2: record 1: not valid CSV: a cell in double quotes is closed by \\\" | written twice",
        "\"a \\\", b\" | :2: record 1: not valid CSV: a cell in double quotes is closed by \\\" | written twice",
        "ok,hate\\n\"never closed,hate\\nmore,hate | :3: record 2: a quote is opened and never closed | close it",
        "one,hate,more | :2: record 1 has 3 cells, the header 2 | double quotes",
        "one | :2: record 1 has 1 cells, the header 2 | double quotes",
        "one,\"ha\\nte\" | :2: record 1: the category holds a line end or a control character | is a quote missing",
      })
  void quotesAreNamedWithAdvice(String rows, String message, String advice) {
    assertThatThrownBy(() -> load("prompt,category\n" + rows.strip().replace("\\n", "\n") + "\n"))
        .isInstanceOfSatisfying(
            UserException.class,
            e -> {
              assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA);
              assertThat(e.advice().orElseThrow()).contains(advice.strip());
            })
        .satisfies(e -> assertThat(e.getMessage()).contains(TOXIC + message.strip()).doesNotContain("Exception", "org."));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "prompt;category | semicolons",
        "prompt\\tcategory | tabs",
        "text,category | prompt,category",
      })
  void theHeaderTellsOtherSeparators(String header, String advice) {
    assertThatThrownBy(() -> load(header.replace("\\t", "\t") + "\na,hate\n"))
        .hasMessageContaining(TOXIC + ":1: no column prompt; found: ")
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains(advice));
  }

  @Test
  void aColumnThatStandsTwiceIsNotChosenFrom() {
    assertThatThrownBy(() -> load("prompt,prompt,category\na,b,hate\n")).hasMessageContaining("column prompt stands there twice");
  }

  @ParameterizedTest
  @CsvSource({
    "UTF-16, :1: not UTF-8 but UTF-16", "UTF-16BE, :1: not UTF-8 but UTF-16", "UTF-16LE, :1: not UTF-8 but UTF-16",
    "ISO-8859-1, :3: not UTF-8", "windows-1252, :3: not UTF-8"
  })
  void otherEncodingsAreNamedWithTheFirstLine(String encoding, String message) {
    byte[] bytes = "prompt,category\nplain,hate\ncaf\u00e9,hate\n".getBytes(Charset.forName(encoding));
    assertThatThrownBy(() -> load(bytes))
        .hasMessageContaining(TOXIC + message)
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("iconv"));
  }

  @Test
  void whatRfc4180KnowsIsReadAsItStands() throws IOException {
    OrBench data =
        load("\uFEFF category , prompt\r\n\r\nhate,\"a, \"\"b\"\"\r\nc\"\r\nhate,it's 5\" long\rhate,\"\u00fc \\\\\"");

    assertThat(data.prompts().stream().filter(prompt -> prompt.label().toxic()))
        .extracting(Prompt::text)
        .containsExactly("a, \"b\"\r\nc", "it's 5\" long", "\u00fc \\\\");
    assertThat(data.prompts().get(3).source()).isEqualTo(TOXIC + ":3");
  }

  /** Longer than any buffer, with letters of two and four bytes across its borders. */
  @Test
  void longTextsComeThroughWhole() throws IOException {
    String text = "a\u00e9\uD83D\uDE00".repeat(40_000);
    assertThat(load("prompt,category\n" + text + ",hate\n").prompts().get(1).text()).isEqualTo(text);
    byte[] bytes = ("prompt,category\n" + text + ",hate\n" + "x\u00e9\n").getBytes(java.nio.charset.StandardCharsets.UTF_8);
    bytes[bytes.length - 2] = 'y'; // the second byte of a letter
    assertThatThrownBy(() -> load(bytes)).hasMessageContaining(TOXIC + ":3: not UTF-8");
  }

  @Test
  void spellingsOfOneCategoryAreWarnedOf() throws IOException {
    OrBench data = load("prompt,category\na,Self-harm\nb,self_harm\nc,hate\n");
    assertThat(data.warnings())
        .singleElement()
        .asString()
        .startsWith("categories 'Self-harm' and 'self_harm' differ in spelling only");
  }
}
