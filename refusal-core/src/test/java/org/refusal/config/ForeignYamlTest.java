package org.refusal.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

/** Configs as other programs and editors write them: merge keys are obeyed as PyYAML does, the rest is one line with its place. */
class ForeignYamlTest {
  @TempDir Path folder;

  private Binder.Draft draft(String text) throws IOException {
    return Binder.file(Files.writeString(folder.resolve("a.yaml"), text));
  }

  private CollectConfig collect(String text) throws IOException {
    return Binder.bind(CollectConfig.class, draft(text), Map.<String, String>of()::get);
  }

  @Test
  void aMergedKeyGivesWayToTheSectionsOwn() throws IOException {
    CollectConfig config =
        collect(
            """
            model: {name: some/model, activation_layers: [residuals_0]}
            data:
              <<: {categories: [violence], max_prompts_per_category: 5, heldout_fraction: 0.4}
              heldout_fraction: 0.2
            """);

    assertThat(config.data().categories()).containsExactly("violence");
    assertThat(config.data().maxPromptsPerCategory()).isEqualTo(5);
    assertThat(config.data().heldoutFraction()).isEqualTo(0.2);
  }

  @Test
  void aSecondDocumentAndTheCauseOfAnErrorAreNamedInOneLine() {
    assertThatThrownBy(() -> collect("seed: 1\n---\nseed: 2\n"))
        .isInstanceOf(UserException.class)
        .hasMessageEndingWith(":2:1: not valid YAML: there is a second document (---); a config is one");
    assertThatThrownBy(() -> collect("data: {path: @x}\n"))
        .hasMessageEndingWith(":1:14: not valid YAML: found character '@' that cannot start any token.");
    assertThatThrownBy(() -> collect("seed: 9223372036854775808\n"))
        .hasMessageContaining("'seed' must be a whole number between -9223372036854775807 and 9223372036854775807");
    assertThatThrownBy(() -> collect("data: {path: ''}\n")).hasMessageEndingWith(":1:14: 'data.path' is an empty text");
  }

  @Test
  void ofSeveralMergedSectionsTheEarlierWinsAndMergesNest() throws IOException {
    CollectConfig config =
        collect(
            """
            model: {name: some/model, activation_layers: [residuals_0]}
            data:
              <<:
                - &nested {<<: {max_prompts_per_category: 7, heldout_fraction: 0.1}, heldout_fraction: 0.4}
                - {categories: [hate], max_prompts_per_category: 9}
            """);

    assertThat(config.data().heldoutFraction()).isEqualTo(0.4);
    assertThat(config.data().maxPromptsPerCategory()).isEqualTo(7);
    assertThat(config.data().categories()).containsExactly("hate");
  }

  @Test
  void anUnknownMergedKeyIsNamedWhereItStands() {
    assertThatThrownBy(() -> collect("model: {name: m}\ndata:\n  <<: {catgories: [a]}\n"))
        .hasMessageContaining("a.yaml:3:8: unknown key 'data.catgories'; did you mean categories?");
  }

  @Test
  void aQuotedMergeKeyIsAKeyOfThatName() {
    assertThatThrownBy(() -> collect("data:\n  \"<<\": {categories: [a]}\n")).hasMessageContaining("unknown key 'data.<<'");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "data:\\n  <<: 3 | a.yaml:2:7: a merge key (<<) takes keys with values",
        "data:\\n  <<: {a: 1}\\n  <<: {b: 2} | a.yaml:3:3: key '<<' stands here a second time; the first is at",
        "data: {path: a,\\n  path: b} | a.yaml:2:3: key 'path' stands here a second time; the first is at",
        "data: \\u001b[31m | a.yaml:1:7: not valid YAML: the character U+001B is not allowed",
        "model:\\n  name: a\\u0000b | a.yaml:2:10: not valid YAML: the character U+0000 is not allowed",
        "data: &x\\n  path: *x | a.yaml:1:7: what has this anchor holds itself",
        "data: *nowhere | a.yaml:1:7: not valid YAML: found undefined alias nowhere",
        "data: !include other.yaml | a.yaml:1:7: the tag !include is not obeyed",
        "data:\\n  path: !!python/object:os.system x | a.yaml:2:9: the tag !!python/object:os.system is not obeyed",
        "data:\\n\\tpath: a | a.yaml:2:1: not valid YAML: found character '\\t(TAB)' that cannot start any token",
        "a: 1\\n---\\nb: 2 | a.yaml:2:1: not valid YAML: there is a second document",
        "data: {max_prompts_per_category: 010} | a.yaml:1:34: 'data.max_prompts_per_category': 010 begins with a zero",
        "data: {heldout_fraction: 1f} | a.yaml:1:26: 'data.heldout_fraction' must be a number, not '1f'",
        "data: {heldout_fraction: .nan} | a.yaml:1:26: 'data.heldout_fraction' must be a number, not '.nan'",
        "data: {max_prompts_per_category: \u0661\u0662} | a.yaml:1:34: 'data.max_prompts_per_category' must be a whole number",
        "[1, 2] | a.yaml:1:1: a config file holds keys",
      })
  void whatIsWrongIsOneLineWithItsPlace(String text, String message) {
    String yaml = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\u001b", "\u001b").replace("\\u0000", "\0");
    assertThatThrownBy(() -> collect(yaml))
        .isInstanceOfSatisfying(UserException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_CONFIG))
        .satisfies(e -> assertThat(e.getMessage()).contains(message.replace("\\t", "\\t")).doesNotContain("\n", "org.", "snakeyaml"));
  }

  @Test
  void depthIsBounded() {
    String deep = "data: " + "[".repeat(60) + "]".repeat(60) + "\n";
    assertThatThrownBy(() -> collect(deep)).hasMessageContaining("a.yaml:1:46: nested deeper than 40");
  }

  /** Twenty-five levels of doubled aliases would be thirty million values; they are converted once each. */
  @Test
  void doubledAliasesCostNoMoreThanTheirText() {
    StringBuilder bomb = new StringBuilder("data:\n  k0: &k0 [x]\n");
    for (int i = 1; i <= 25; i++) {
      bomb.append("  k%d: &k%d [*k%d, *k%d]\n".formatted(i, i, i - 1, i - 1));
    }
    assertThatThrownBy(() -> collect(bomb.toString())).hasMessageContaining("a.yaml:2:3: unknown key 'data.k0'");

    String many = "data: &x {path: a}\nall: [" + "*x, ".repeat(1001) + "*x]\n";
    assertThatThrownBy(() -> collect(many)).hasMessageContaining("more than 1000 aliases");
  }

  @ParameterizedTest
  @CsvSource({"UTF-16, a.yaml:1: not UTF-8 but UTF-16", "UTF-16LE, a.yaml:1: not UTF-8 but UTF-16", "ISO-8859-1, a.yaml:2: not UTF-8"})
  void otherEncodingsAreNamed(String encoding, String message) throws IOException {
    Path file = Files.write(folder.resolve("a.yaml"), "data:\n  path: d\u00e4ta\n".getBytes(Charset.forName(encoding)));
    assertThatThrownBy(() -> Binder.file(file))
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("iconv"));
  }

  @Test
  void aByteOrderMarkIsNoPartOfTheFirstKey() throws IOException {
    Path file = Files.write(folder.resolve("b.yaml"), "\uFEFFdata: {path: a}\n".getBytes(StandardCharsets.UTF_8));
    assertThat(Binder.file(file).text("data.path")).isEqualTo("a");
  }

  @Test
  void anEmptyTextIsNoRefusalToken() {
    assertThatThrownBy(
            () -> collect("model: {name: m, activation_layers: [residuals_0]}\ninference: {refusal_tokens: [\"\"]}\n"))
        .hasMessageContaining("a.yaml:2:29: inference.refusal_tokens: [] is not a list of texts: an empty text is no token");
  }
}
