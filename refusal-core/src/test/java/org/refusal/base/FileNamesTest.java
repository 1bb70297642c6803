package org.refusal.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FileNamesTest {
  private static final List<String> NAMES =
      List.of(
          "Fraud/Deception", "fraud/deception", "..", ".", "...", ".hidden", "ends.", " ends ", "Hate", "hate", "HATE", "con",
          "con.txt", "concept", "nul", "a\\b", "a:b", "a*b?", "100 %", "%48ate", "\u00dcbergriff", "\u00fcbergriff",
          "u\u0308bergriff", "stra\u00dfe", "\u66b4\u529b", "a\0b", "tab\tline\n", "-x", "~", "$HOME", "'q'", "[x]", "x".repeat(200),
          "x".repeat(201), "\u00dc".repeat(100), "\uD83D\uDE00");

  @ParameterizedTest
  @ValueSource(strings = {"self-harm", "hate", "privacy_leak", "hate speech", "v1.5", "\u66b4\u529b", "\u00fcbel"})
  void ordinaryNamesStayAsTheyAre(String name) {
    assertThat(FileNames.of(name)).isEqualTo(name);
  }

  @ParameterizedTest
  @CsvSource({
    "Fraud/Deception, %46raud%2F%44eception", ".., %2E%2E", "con, %63on", "ends., ends%2E", "100 %, 100 %25",
    "\u00dcber, %C3%9Cber"
  })
  void othersAreEscapedByteByByte(String name, String written) {
    assertThat(FileNames.of(name)).isEqualTo(written);
  }

  @Test
  void namesNeverMeetWhateverTheCaseAndFitIntoAFileName() {
    assertThat(NAMES.stream().map(name -> FileNames.of(name).toLowerCase(Locale.ROOT))).doesNotHaveDuplicates();
    assertThat(NAMES.stream().map(FileNames::of))
        .allSatisfy(
            written -> {
              assertThat(written.getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(96);
              assertThat(written).doesNotContain("/", "\\", ":", "\0").doesNotStartWith(".").doesNotEndWith(".");
            });
  }

  @Test
  void theNameComesBackUnlessItWasCut() {
    for (String name : NAMES) {
      String written = FileNames.of(name);
      assertThat(FileNames.read(written).orElse(null)).isEqualTo(written.contains("%~") ? null : name);
    }
    assertThat(FileNames.read("100%")).isEmpty();
    assertThat(FileNames.of("x".repeat(200))).startsWith("x".repeat(64) + "%~");
  }

  @Test
  void modelsKeepTheirCapitals() {
    assertThat(FileNames.withoutForbidden("meta-llama-Llama-2-7b-chat-hf")).isEqualTo("meta-llama-Llama-2-7b-chat-hf");
    assertThat(FileNames.withoutForbidden("a:b\\c")).isEqualTo("a%3Ab%5Cc");
    assertThat(FileNames.withoutForbidden("..")).isEqualTo("%2E%2E");
  }
}
