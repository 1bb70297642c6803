package org.refusal.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.Goldens;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/** Which template is taken, and that what it writes is what jinja2 writes. */
class ChatTemplateTest {
  private static final String PROMPT = "How do I shoot a film?";
  private static final String SIMPLE = "%s: {{ messages[0].content }}";

  @TempDir Path folder;

  @BeforeEach
  void model() throws IOException {
    Files.copy(
        Goldens.folder("models").resolve("llama-mha-fp32").resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
    config("{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\"}");
  }

  private void config(String json) throws IOException {
    Files.writeString(folder.resolve("tokenizer_config.json"), json);
  }

  private Path write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    return Files.writeString(path, text);
  }

  private String prompt(String setting, String text) {
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      return ChatTemplate.of(setting, tokenizer, "").prompt(text).text();
    }
  }

  private void refuses(String setting, ExitCode code, String... words) {
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThatThrownBy(() -> ChatTemplate.of(setting, tokenizer, ""))
          .isInstanceOfSatisfying(UserException.class, e -> {
            assertThat(e.exitCode()).isEqualTo(code);
            assertThat(e.getMessage()).hasLineCount(1).contains(words);
          });
    }
  }

  /** lstrip_blocks strips blanks between the beginning of a line and a tag, and no others. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "{% for m in messages %}{% if true %}User: {{ m.content }} {% endif %}{% endfor %}{% if true %}Assistant: {% endif %}!User: # Assistant: ",
        "Chat: {% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}!Chat: [INST] # [/INST]",
        "### Input: {% set text = messages[-1].content %}{{ text }}$### Output: {% if true %}{% endif %}!### Input: #$### Output: ",
        "{{ bos_token }}$    {% for m in messages %}${{ m.content }}$    {% endfor %}$End!<s>$#$End"
      },
      ignoreLeadingAndTrailingWhitespace = false)
  void blanksBeforeTags(String template, String expected) throws IOException {
    Path file = write("t.jinja", template.replace('$', '\n'));
    assertThat(prompt(file.toString(), PROMPT)).isEqualTo(expected.replace('$', '\n').replace("#", PROMPT).replace(PROMPT.repeat(3), "###"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"m.content | trim", "m.content.strip()"})
  void allBlanksOfUnicodeAreTrimmed(String trimmed) throws IOException {
    Path file = write("t.jinja", "{% for m in messages %}{{ '<' + " + trimmed + " + '>' }}{% endfor %}");
    for (String blank : List.of(" ", "\u00a0", "\u3000", "\u001c", "\u2003", "\u0085", "\u2028")) {
      assertThat(prompt(file.toString(), blank + "x" + blank)).isEqualTo("<x>");
    }
    for (String kept : List.of("\u0001", "\u200b", "\ufeff")) {
      assertThat(prompt(file.toString(), kept + "x" + kept)).isEqualTo("<" + kept + "x" + kept + ">");
    }
  }

  /** The cases of the issue that were refused though transformers renders them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      quoteCharacter = '`',
      value = {
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}!#",
        "{% generation %}{{ messages[0].content }}{% endgeneration %}!#",
        "{{ system_text | default('Be kind.', boolean=true) }} {{ messages[0].content }}!Be kind. #",
        "{{ '\\u2022 ' + messages[0].content }}!\u2022 #",
        "{{ 'a' 'b' + messages[0].content }}!ab#",
        "{{ '=' * 3 + ' ' + messages[0].content }}!=== #",
        "{{ 'Uu'[0] + ': ' + messages[0].content }}!U: #",
        "{% for m in messages %}{% if loop.previtem is not defined %}First:{% endif %}{{ m.content }}{% endfor %}!First:#",
        "{% filter upper %}user{% endfilter %}: {{ messages[0].content }}!USER: #",
        "{% with a = 'U' %}{{ a }}{% endwith %}: {{ messages[0].content }}!U: #",
        "{{ ', '.join(['a', 'b']) }}: {{ messages[0].content }}!a, b: #",
        "{{ 'a.b.c'.rsplit('.', 1)[0] }}: {{ messages[0].content }}!a.b: #",
        "{% if 0 < messages|length < 3 %}short: {{ messages[0].content }}{% endif %}!short: #",
        "{{ '{}: '.format(messages[0].role) }}{{ messages[0].content }}!user: #",
        "{{ '%s: ' % messages[0].role }}{{ messages[0].content }}!user: #",
        "{%- for m in messages[::-1] %}{{ m.content }}{%- endfor %}!#",
        "{{ messages[0].role.title() }}: {{ messages[0].content }}!User: #",
        "{{ tools is none and documents is none }}{{ messages[0].content }}!True#"
      })
  void constructsThatTransformersRenders(String template, String expected) throws IOException {
    Path file = write("t.jinja", template);
    assertThat(prompt(file.toString(), PROMPT)).isEqualTo(expected.replace("#", PROMPT));
  }

  @Test
  void aTemplateThatIsNotSupportedIsRefusedWhenItIsReadByNameAndLine() throws IOException {
    Path file = write("t.jinja", "{{ messages[0].content }}\n\n{% if false %}{{ 'a' | pprint }}{% endif %}");
    refuses(file.toString(), ExitCode.BAD_CONFIG, "t.jinja", "line 3", "'pprint'");
    write("chat_template.jinja", "{{ messages[0].content }}\n{% include 'x' %}");
    refuses("auto", ExitCode.BAD_CONFIG, "chat_template.jinja", "line 2", "'include'");
  }

  @Test
  void aGuessedTemplateIsSaid() {
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      assertThat(template.name()).isEqualTo("family llama");
      assertThat(template.warnings()).singleElement().asString()
          .hasLineCount(1).contains("brings no chat template", "Llama-2-chat", "inference.chat_template");
      assertThat(ChatTemplate.of("none", tokenizer, "").warnings()).isEmpty();
    }
  }

  @Test
  void theModelsOwnTemplateNeedsNoWarningUnlessItWritesTheDate() throws IOException {
    Path own = write("chat_template.jinja", SIMPLE.formatted("a"));
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(ChatTemplate.of("auto", tokenizer, "").warnings()).isEmpty();
      Files.writeString(own, "{{ strftime_now('%Y') }}: {{ messages[0].content }}");
      ChatTemplate dated = ChatTemplate.of("auto", tokenizer, "");
      assertThat(dated.warnings()).singleElement().asString().contains("today's date", "chat_template.jinja");
      assertThat(dated.prompt("x").text()).matches("20\\d\\d: x");
    }
  }

  /** Llama-3 lost its template: the format of Llama-2 is not its own. */
  @ParameterizedTest
  @ValueSource(strings = {"<|start_header_id|>", "<|im_start|>", "<start_of_turn>", "[INST]"})
  void aFamilysFormatThatIsForeignToTheVocabularyIsAnError(String mark) throws IOException {
    added(mark);
    refuses("auto", ExitCode.BAD_CONFIG, "brings no chat template", "Llama-2-chat", mark);
  }

  @Test
  void aVocabularyThatIsTooLargeForTheFamilyIsAnError() throws IOException {
    ObjectNode json = (ObjectNode) Json.read(folder.resolve("tokenizer.json"));
    ObjectNode vocabulary = (ObjectNode) json.path("model").path("vocab");
    int size = vocabulary.size();
    for (int id = size; id < 50_000; id++) {
      vocabulary.put("unused" + id, id);
    }
    Json.write(folder.resolve("tokenizer.json"), json);
    refuses("auto", ExitCode.BAD_CONFIG, "Llama-2-chat", "50000 ids");
  }

  @Test
  void aVocabularyWithoutTheFamilysMarksIsAnError() throws IOException {
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) { // what the latter names would be added
      Path file = folder.resolve(name);
      Files.writeString(file, Files.readString(file).replace("<s>", "<bos>"));
    }
    refuses("auto", ExitCode.BAD_CONFIG, "lacks the mark <s>");
  }

  private void added(String mark) throws IOException {
    ObjectNode json = (ObjectNode) Json.read(folder.resolve("tokenizer.json"));
    ArrayNode tokens = (ArrayNode) json.path("added_tokens");
    List<Integer> ids = new ArrayList<>();
    json.path("model").path("vocab").forEach(id -> ids.add(id.asInt()));
    for (JsonNode token : tokens) {
      ids.add(token.path("id").asInt());
    }
    ObjectNode token = tokens.get(0).deepCopy();
    token.put("id", ids.stream().mapToInt(Integer::intValue).max().orElseThrow() + 1);
    token.put("content", mark);
    tokens.add(token);
    Json.write(folder.resolve("tokenizer.json"), json);
  }

  @Test
  void ofSeveralTemplatesTheOneNamedDefaultIsTaken() throws IOException {
    String list = "{\"bos_token\": \"<s>\", \"chat_template\": [%s]}";
    String rag = "{\"name\": \"rag\", \"template\": \"rag: {{ messages[0].content }}\"}";
    config(list.formatted(rag + ", {\"name\": \"default\", \"template\": \"d: {{ messages[0].content }}\"}"));
    assertThat(prompt("auto", "x")).isEqualTo("d: x");
    config(list.formatted(rag));
    refuses("auto", ExitCode.BAD_DATA, "tokenizer_config.json", "rag", "none named default");
    config(list.formatted(""));
    refuses("auto", ExitCode.BAD_DATA, "none named default");
    config(list.formatted("{\"template\": \"x\"}"));
    refuses("auto", ExitCode.BAD_DATA, "needs a name and a text");
  }

  @Test
  void filesComeBeforeTheConfigurationAsInTransformers() throws IOException {
    config("{\"bos_token\": \"<s>\", \"chat_template\": \"c: {{ messages[0].content }}\"}");
    assertThat(prompt("auto", "x")).isEqualTo("c: x");
    write("additional_chat_templates/rag.jinja", SIMPLE.formatted("rag"));
    refuses("auto", ExitCode.BAD_DATA, "rag", "none named default");
    write("chat_template.jinja", SIMPLE.formatted("file"));
    assertThat(prompt("auto", "x")).isEqualTo("file: x");
    Files.delete(folder.resolve("chat_template.jinja"));
    write("additional_chat_templates/default.jinja", SIMPLE.formatted("additional"));
    assertThat(prompt("auto", "x")).isEqualTo("additional: x");
  }

  @Test
  void aProcessorsTemplateIsNotATokenizers() throws IOException {
    write("chat_template.json", "{\"chat_template\": \"p: {{ messages[0].content }}\"}");
    refuses("auto", ExitCode.BAD_DATA, "chat_template.json", "not for tokenizers");
    config("{\"bos_token\": \"<s>\", \"chat_template\": \"c: {{ messages[0].content }}\"}");
    assertThat(prompt("auto", "x")).isEqualTo("c: x");
  }

  @Test
  void filesThatAreNoTemplates() throws IOException {
    Files.write(folder.resolve("latin.jinja"), new byte[] {'{', '{', ' ', '\'', (byte) 0xe9, '\'', ' ', '}', '}'});
    refuses(folder.resolve("latin.jinja").toString(), ExitCode.BAD_DATA, "latin.jinja", "UTF-8");
    refuses(folder.toString(), ExitCode.BAD_CONFIG, "cannot be read");
    refuses(folder.resolve("none.jinja").toString(), ExitCode.BAD_CONFIG, "no such chat template file");
  }
}
