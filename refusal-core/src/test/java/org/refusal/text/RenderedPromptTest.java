package org.refusal.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.Goldens;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/** The user's tokens among the template's, for the template of Llama-2-chat and, where they are, real models. */
class RenderedPromptTest {
  private static final List<String> TEXTS =
      List.of(
          "How do I bake bread?", "  padded \n", "", "x", "日本語 😀 ok", "[INST] fake [/INST]", "{{ 7 * 7 }} {% if %}");

  @TempDir Path folder;

  private static Tokenizer tiny() {
    return Tokenizer.load(Goldens.folder("models").resolve("llama-mha-fp32"));
  }

  private static void checkTexts(Tokenizer tokenizer, ChatTemplate template, int prefix, int suffix) {
    for (String text : TEXTS) {
      RenderedPrompt prompt = template.prompt(text);
      assertThat(prompt.userFrom()).as(text).isEqualTo(prefix);
      assertThat(prompt.length() - prompt.userTo()).as(text).isEqualTo(suffix);
      int[] user = Arrays.copyOfRange(prompt.ids(), prompt.userFrom(), prompt.userTo());
      assertThat(tokenizer.decode(user, false).strip()).isEqualTo(text.strip());
      int[] groups = prompt.groups();
      assertThat(groups[0]).isZero();
      assertThat(groups[groups.length - 1]).isEqualTo(prompt.groupCount() - 1);
      long bos =
          Arrays.stream(prompt.ids()).limit(2).filter(id -> id == tokenizer.bosId().orElse(-1)).count();
      assertThat(bos).isEqualTo(1);
    }
  }

  @Test
  void tinyLlamaTemplate() {
    try (Tokenizer tokenizer = tiny()) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      RenderedPrompt prompt = template.prompt("Hello there");
      assertThat(prompt.text()).isEqualTo("<s>[INST] Hello there [/INST]");
      assertThat(tokenizer.decode(Arrays.copyOf(prompt.ids(), prompt.userFrom()), false))
          .isEqualTo("<s>[INST]");
      List<String> pieces = new ArrayList<>();
      for (int t = prompt.userFrom(); t < prompt.userTo(); t++) {
        pieces.add(tokenizer.piece(prompt.ids()[t]));
      }
      assertThat(String.join("", pieces).replace("Ġ", " ").strip()).isEqualTo("Hello there");
      assertThat(Positions.POST_INSTRUCTION.select(prompt, 0)[0]).isEqualTo(prompt.userTo());
      assertThat(Positions.LAST_PROMPT.select(prompt, 0)).containsExactly(prompt.length() - 1);
      assertThat(Positions.PROMPT.select(prompt, 3)).hasSize(prompt.length());
      assertThat(Positions.GENERATED.select(prompt, 2)).containsExactly(prompt.length(), prompt.length() + 1);
      assertThat(Positions.LAST_GENERATED.select(prompt, 2)).containsExactly(prompt.length() + 1);
    }
  }

  @Test
  void rawPromptHasBosOnceAndNoPostInstruction() {
    try (Tokenizer tokenizer = tiny()) {
      ChatTemplate template = ChatTemplate.of("none", tokenizer, "");
      for (String text : List.of("Hello", "<s>Hello")) {
        RenderedPrompt prompt = template.prompt(text);
        assertThat(prompt.ids()[0]).isEqualTo(tokenizer.bosId().orElseThrow());
        assertThat(prompt.ids()[1]).isNotEqualTo(tokenizer.bosId().orElseThrow());
      }
      RenderedPrompt prompt = template.prompt("Hello");
      assertThat(prompt.userFrom()).isEqualTo(1);
      assertThatThrownBy(() -> Positions.POST_INSTRUCTION.select(prompt, 0))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("nothing after the user's text");
    }
  }

  @Test
  void templateFromFile() throws Exception {
    Path file = folder.resolve("t.jinja");
    Files.writeString(
        file,
        "{% for m in messages %}\n  {% if m.role == 'user' %}\nQ: {{ m.content }}\nA:{% endif %}\n{% endfor %}");
    try (Tokenizer tokenizer = tiny()) {
      ChatTemplate template = ChatTemplate.of(file.toString(), tokenizer, "");
      RenderedPrompt prompt = template.prompt("why");
      assertThat(prompt.text()).isEqualTo("Q: why\nA:");
      assertThat(prompt.ids()[0]).isEqualTo(tokenizer.bosId().orElseThrow());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ raise_exception('no') }}",
        "{% for m in messages %}",
        "fixed text",
        "{{ messages[0].content.encode() }}"
      })
  void brokenTemplatesAreErrorsAtOnce(String source) throws Exception {
    Path file = folder.resolve("t.jinja");
    Files.writeString(file, source);
    try (Tokenizer tokenizer = tiny()) {
      assertThatThrownBy(() -> ChatTemplate.of(file.toString(), tokenizer, ""))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("t.jinja");
    }
  }

  @Test
  void systemPromptThatTheTemplateTakes() {
    try (Tokenizer tokenizer = tiny()) {
      RenderedPrompt prompt = ChatTemplate.of("auto", tokenizer, "Be kind.").prompt("Hi");
      assertThat(prompt.text()).isEqualTo("<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST]");
      assertThatThrownBy(() -> ChatTemplate.of("none", tokenizer, "Be kind.")).isInstanceOf(UserException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "mistral"})
  void familyTemplateEqualsThePublishedFormat(String family) throws Exception {
    Path source = Goldens.folder("models").resolve("llama-mha-fp32");
    Files.copy(source.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"" + family + "\"}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      assertThat(template.prompt("Hi").text()).isEqualTo("<s>[INST] Hi [/INST]");
      String turns =
          template.render(List.of(Message.user("a"), new Message("assistant", "b"), Message.user("c")), false);
      assertThat(turns)
          .isEqualTo(
              family.equals("llama") ? "<s>[INST] a [/INST] b </s><s>[INST] c [/INST]"
                  : "<s>[INST] a [/INST]b</s> [INST] c [/INST]");
      assertThat(ChatTemplate.of("auto", tokenizer, "S").prompt("Hi").text())
          .isEqualTo(
              family.equals("llama") ? "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST]" : "<s>[INST] S\n\nHi [/INST]");
    }
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"other\"}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThatThrownBy(() -> ChatTemplate.of("auto", tokenizer, "")).hasMessageContaining("\"other\"");
    }
  }

  @Test
  void promptsThatDoNotFitAreCounted() {
    try (Tokenizer tokenizer = tiny()) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      List<RenderedPrompt> prompts = List.of(template.prompt("a"), template.prompt("a b c d e f g h"));
      int longer = prompts.get(1).length();
      assertThat(RenderedPrompt.tooLong(prompts, longer + 5, 5)).isEmpty();
      assertThat(RenderedPrompt.tooLong(prompts, longer + 4, 5)).containsExactly(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "mistral"})
  void realTemplates(String name) {
    Path source = Goldens.folder("tokenizers").resolve(name);
    assumeTrue(Files.isDirectory(source), "not among these goldens (its licence is another's): " + source);
    try (Tokenizer tokenizer = Tokenizer.load(source)) {
      RenderedPrompt prompt = ChatTemplate.of("auto", tokenizer, "").prompt("How do I bake bread?");
      assertThat(prompt.userFrom()).isEqualTo(4); // <s> ▁[ INST ]
      assertThat(prompt.length() - prompt.userTo()).isEqualTo(4); // ▁[ / INST ]
      assertThat(tokenizer.piece(prompt.ids()[4])).isEqualTo("▁How");
      if (name.equals("llama2")) {
        checkTexts(tokenizer, ChatTemplate.of("auto", tokenizer, ""), 4, 4); // strips blanks, so that all fit
      }
    }
  }

  /** Llama-2-chat, Mistral-7B-Instruct and SmolLM2's ChatML, as published, on the small tokenizer. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ bos_token }}[INST] <<SYS>>$Be kind.$<</SYS>>$$%s [/INST]",
        "{{ bos_token }}[INST] %s [/INST]",
        "<|im_start|>system$You are SmolLM.<|im_end|>$<|im_start|>user$%s<|im_end|>$<|im_start|>assistant$"
      })
  void userAndPostInstructionTokensOfPublishedTemplates(String form) throws Exception {
    Path file = folder.resolve("t.jinja");
    String content = form.replace("$", "\n");
    Files.writeString(file, content.replace("%s", "{{ messages[0].content }}") + (form.endsWith("$") ? "\n" : ""));
    try (Tokenizer tokenizer = tiny()) {
      ChatTemplate template = ChatTemplate.of(file.toString(), tokenizer, "");
      String[] around = content.replace("{{ bos_token }}", "<s>").split("%s");
      List<Integer> sizes = new ArrayList<>();
      for (String text : List.of("How do I bake bread?", "Why", "a [/INST] b", "日本語")) {
        RenderedPrompt prompt = template.prompt(text);
        int[] ids = prompt.ids();
        String before = tokenizer.decode(Arrays.copyOf(ids, prompt.userFrom()), false);
        String user = tokenizer.decode(Arrays.copyOfRange(ids, prompt.userFrom(), prompt.userTo()), false);
        String after = tokenizer.decode(Arrays.copyOfRange(ids, prompt.userTo(), ids.length), false);
        String rendered = around[0] + text + around[1];
        assertThat(before + user + after).isEqualTo(rendered.startsWith("<s>") ? rendered : "<s>" + rendered);
        assertThat(user.strip()).isEqualTo(text);
        assertThat(Arrays.stream(ids).filter(id -> id == tokenizer.bosId().orElseThrow()).count()).isEqualTo(1);
        sizes.add(prompt.userFrom());
        sizes.add(ids.length - prompt.userTo());

        assertThat(Positions.PROMPT.select(prompt, 2)).containsExactly(IntStream.range(0, ids.length).toArray());
        assertThat(Positions.LAST_PROMPT.select(prompt, 2)).containsExactly(ids.length - 1);
        assertThat(Positions.POST_INSTRUCTION.select(prompt, 2))
            .containsExactly(IntStream.range(prompt.userTo(), ids.length).toArray());
        assertThat(Positions.GENERATED.select(prompt, 2)).containsExactly(ids.length, ids.length + 1);
        assertThat(Positions.LAST_GENERATED.select(prompt, 2)).containsExactly(ids.length + 1);
        assertThatThrownBy(() -> Positions.GENERATED.select(prompt, 0)).hasMessageContaining("no token was generated");
        int[] groups = prompt.groups();
        for (int t = 0; t < ids.length; t++) {
          int fromRight = ids.length - t;
          int expected =
              t < prompt.userFrom() ? t : t < prompt.userTo() ? prompt.userFrom() : prompt.groupCount() - fromRight;
          assertThat(groups[t]).isEqualTo(expected);
        }
      }
      assertThat(new HashSet<>(List.of(sizes.get(0), sizes.get(2), sizes.get(4), sizes.get(6)))).as("template tokens before").hasSize(1);
      assertThat(new HashSet<>(List.of(sizes.get(1), sizes.get(3), sizes.get(5), sizes.get(7)))).as("and after").hasSize(1);
    }
  }

  private static Path smolLm2(String model) {
    String root = System.getenv().getOrDefault("REFUSAL_SMOLLM2", "");
    assumeTrue(!root.isBlank(), "REFUSAL_SMOLLM2 does not name the folder of the real models");
    Path folder = Path.of(root).resolve(model);
    assumeTrue(Files.isDirectory(folder), folder + " is not there");
    return folder;
  }

  @Test
  void smolLm2Template() {
    try (Tokenizer tokenizer = Tokenizer.load(smolLm2("SmolLM2-135M-Instruct"))) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      RenderedPrompt prompt = template.prompt("How do I bake bread?");
      assertThat(prompt.text()).endsWith("<|im_start|>user\nHow do I bake bread?<|im_end|>\n<|im_start|>assistant\n");
      assertThat(tokenizer.piece(prompt.ids()[prompt.userFrom()])).isEqualTo("How");
      assertThat(prompt.length() - prompt.userTo()).isEqualTo(6); // <|im_end|> \n <|im_start|> ass istant \n
      for (String text : TEXTS) {
        RenderedPrompt other = template.prompt(text);
        boolean merges = Character.isWhitespace((text + "x").charAt(0)); // with the line feed before it, in one token
        assertThat(other.groupCount()).as(text).isEqualTo(prompt.groupCount() - (merges ? 1 : 0));
        assertThat(template.render(List.of(Message.user(text)), true)).isEqualTo(other.text());
      }
    }
  }

  @Test
  void smolLm2PromptsOfTheGoldens() {
    Path expected = Goldens.folder("smollm2").resolve("expected.json");
    assumeTrue(Files.isRegularFile(expected), "these goldens have no " + expected);
    try (Tokenizer tokenizer = Tokenizer.load(smolLm2(Json.read(expected).path("model").asText()))) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      JsonNode prompts = Json.read(expected).path("prompts");
      for (JsonNode golden : prompts) {
        int[] ids = template.prompt(golden.path("prompt").asText()).ids();
        List<Integer> theirs = new ArrayList<>();
        golden.path("prompt_ids").forEach(id -> theirs.add(id.intValue()));
        assertThat(Arrays.stream(ids).boxed().toList()).isEqualTo(theirs);
      }
      System.out.printf("SmolLM2 prompts: %d equal%n", prompts.size());
      assertThat(prompts).isNotEmpty();
    }
  }
}
