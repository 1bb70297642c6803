package org.refusal.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * Turns a user's text into what the model was trained to read (docs/definitions.md). Jinja is rendered as Hugging Face does:
 * trim_blocks and lstrip_blocks, {@code raise_exception}, Python's string methods, {@code bos_token} and the other
 * special tokens; {@code strftime_now} is left undefined, so that a template which has a fixed date to fall back on
 * uses it and the same prompt is the same on every day.
 *
 * <p>A template may run nothing but itself: no Java is reachable from it.
 */
public final class ChatTemplate {
  /** Ordinary texts, from which the numbers of template tokens on either side are known. */
  private static final List<String> ORDINARY = List.of("How", "What", "a", "the", "I");

  /** The text that stands for the user's while the template's own parts are found; in no vocabulary and no data. */
  private static final String MARK = "\uE0F7user\uE0F8text\uE0F9";

  private static final Jinjava JINJAVA = engine();

  private final Tokenizer tokenizer;
  private final String source;
  private final String name;
  private final String systemPrompt;
  private final boolean ownBos;
  private String[] around;
  private int before;
  private int after;

  private ChatTemplate(Tokenizer tokenizer, String source, String name, String systemPrompt, boolean ownBos) {
    this.tokenizer = tokenizer;
    this.source = source == null ? null : PythonEquality.rewrite(withoutLastBreak(source));
    this.name = name;
    this.systemPrompt = systemPrompt;
    this.ownBos = ownBos;
  }

  /** As Jinja2 reads a template: line feeds alone, and the one at the end dropped. */
  private static String withoutLastBreak(String source) {
    String plain = source.replace("\r\n", "\n").replace('\r', '\n');
    return plain.endsWith("\n") ? plain.substring(0, plain.length() - 1) : plain;
  }

  /**
   * @param setting {@code auto}: the checkpoint's own template ({@code chat_template.jinja} or in
   *     {@code tokenizer_config.json}), else the published one of its family; {@code none}: the raw text; else a Jinja
   *     file
   * @param systemPrompt empty leaves it to the template
   * @throws UserException no template is known for the model, the file cannot be read, the Jinja is broken, or there is
   *     a system prompt that the template cannot take
   */
  public static ChatTemplate of(String setting, Tokenizer tokenizer, String systemPrompt) {
    ChatTemplate template =
        switch (setting) {
          case "none" -> new ChatTemplate(tokenizer, null, "none", systemPrompt, false);
          case "auto" -> auto(tokenizer, systemPrompt);
          default -> {
            Path file = Path.of(setting);
            yield new ChatTemplate(tokenizer, readFile(file), file.toString(), systemPrompt, false);
          }
        };
    if (template.source == null && !systemPrompt.isEmpty()) {
      throw UserException.badConfig(
          "inference.system_prompt needs a chat template, but inference.chat_template is none");
    }
    if (template.source != null) {
      template.around();
    }
    return template;
  }

  private static ChatTemplate auto(Tokenizer tokenizer, String systemPrompt) {
    Optional<String> own = own(tokenizer.folder());
    if (own.isPresent()) {
      return new ChatTemplate(tokenizer, own.get(), "the model's own", systemPrompt, true);
    }
    Path config = tokenizer.folder().resolve("config.json");
    String family = Files.isRegularFile(config) ? Json.read(config).path("model_type").asText() : "";
    String source = FamilyTemplates.of(family).orElseThrow(() -> UserException.badConfig(
        "%s: the model brings no chat template, and none is known for the family \"%s\""
            .formatted(tokenizer.folder(), family),
        "set inference.chat_template to a Jinja file, or to none for the raw prompt"));
    return new ChatTemplate(tokenizer, source, "family " + family, systemPrompt, true);
  }

  private static Optional<String> own(Path folder) {
    Path file = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      return Optional.of(readFile(file));
    }
    Path config = folder.resolve("tokenizer_config.json");
    if (!Files.isRegularFile(config)) {
      return Optional.empty();
    }
    JsonNode template = Json.read(config).path("chat_template");
    if (template.isArray()) { // several by name
      for (JsonNode named : template) {
        if (named.path("name").asText().equals("default")) {
          return Optional.ofNullable(named.path("template").textValue());
        }
      }
    }
    return Optional.ofNullable(template.textValue());
  }

  private static String readFile(Path file) {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw UserException.badConfig(
          file + ": no such chat template file", "inference.chat_template is auto, none or the name of a Jinja file");
    } catch (IOException e) {
      throw UserException.badConfig(file + ": cannot be read: " + e.getMessage());
    }
  }

  /** {@code none}, {@code the model's own}, {@code family llama} or the file's name: for reports. */
  public String name() {
    return name;
  }

  /**
   * The text of a conversation.
   *
   * @param generationPrompt whether the opening of the assistant's turn is added
   * @throws UserException the template refuses the conversation or is broken
   */
  public String render(List<Message> messages, boolean generationPrompt) {
    if (source == null) {
      throw new IllegalStateException("the template none renders no conversations");
    }
    Map<String, Object> variables = new HashMap<>();
    List<Map<String, Object>> turns = new ArrayList<>();
    for (Message message : messages) {
      turns.add(Map.of("role", message.role(), "content", message.content()));
    }
    variables.put("messages", turns);
    variables.put("add_generation_prompt", generationPrompt);
    for (String token : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
      tokenizer.specialToken(token).ifPresent(text -> variables.put(token, text));
    }
    RenderResult result = JINJAVA.renderForResult(source, variables);
    for (TemplateError error : result.getErrors()) {
      for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
        if (cause instanceof TemplateRaised) {
          throw UserException.badConfig("chat template (%s): %s".formatted(name, cause.getMessage()));
        }
      }
    }
    if (!result.getErrors().isEmpty()) {
      TemplateError error = result.getErrors().get(0);
      throw UserException.badConfig(
          "chat template (%s), line %d: %s".formatted(name, error.getLineno(), error.getMessage()));
    }
    return result.getOutput();
  }

  /**
   * The user's text as the model reads it, ready for an answer: rendered, tokenized, BOS once at most, and the place of
   * the text's tokens among the template's. A blank of the template that stands before an ordinary text as part of its
   * first token, and becomes a token of its own before another text (Llama-2: before Japanese), counts as the user's:
   * so all prompts of a template have the same template tokens.
   */
  public RenderedPrompt prompt(String text) {
    if (source == null) {
      String bos = tokenizer.specialToken("bos_token").orElse(null);
      boolean special = bos == null || !text.startsWith(bos);
      return RenderedPrompt.of(text, tokenizer.encodeWithOffsets(text, special), 0, text.length());
    }
    around();
    return place(text).atMost(before, after);
  }

  private RenderedPrompt place(String text) {
    String rendered = render(conversation(text), true);
    String prefix = around[0];
    String suffix = around[1];
    if (!rendered.startsWith(prefix)
        || !rendered.endsWith(suffix)
        || rendered.length() < prefix.length() + suffix.length()) {
      throw UserException.badConfig(
          "chat template (%s): what it writes around a text depends on the text, so that its positions are unknown"
              .formatted(name));
    }
    return RenderedPrompt.of(
        rendered,
        tokenizer.encodeWithOffsets(rendered, addsSpecialTokens(rendered)),
        prefix.length(),
        rendered.length() - suffix.length());
  }

  /** A model's own template decides on BOS; for a file the tokenizer adds what the file does not write. */
  private boolean addsSpecialTokens(String rendered) {
    return !ownBos && tokenizer.specialToken("bos_token").map(bos -> !rendered.startsWith(bos)).orElse(true);
  }

  private List<Message> conversation(String text) {
    return systemPrompt.isEmpty()
        ? List.of(Message.user(text))
        : List.of(Message.system(systemPrompt), Message.user(text));
  }

  /** Finds what the template writes before and after the user's text, once. */
  private synchronized void around() {
    if (around != null) {
      return;
    }
    String rendered = render(conversation(MARK), true);
    int at = rendered.indexOf(MARK);
    if (at < 0 || rendered.indexOf(MARK, at + 1) >= 0) {
      throw UserException.badConfig(
          "chat template (%s): the user's text must appear in its output exactly once".formatted(name));
    }
    around = new String[] {rendered.substring(0, at), rendered.substring(at + MARK.length())};
    List<RenderedPrompt> ordinary = ORDINARY.stream().map(this::place).toList();
    before = ordinary.stream().mapToInt(RenderedPrompt::userFrom).min().orElseThrow();
    after = ordinary.stream().mapToInt(prompt -> prompt.length() - prompt.userTo()).min().orElseThrow();
  }

  private static Jinjava engine() {
    JinjavaConfig config =
        JinjavaConfig.newBuilder()
            .withTrimBlocks(true)
            .withLstripBlocks(true)
            .withNestedInterpretationEnabled(false)
            .withReadOnlyResolver(true)
            .withElResolver(PythonMethods.resolver())
            .withLegacyOverrides(
                LegacyOverrides.newBuilder()
                    .withIterateOverMapKeys(true)
                    .withEvaluateMapKeys(true)
                    .withUsePyishObjectMapper(true)
                    .withUseNaturalOperatorPrecedence(true)
                    .withParseWhitespaceControlStrictly(true)
                    .withAllowAdjacentTextNodes(true)
                    .withUseTrimmingForNotesAndExpressions(true)
                    .withKeepNullableLoopValues(true)
                    .build())
            .build();
    Jinjava jinjava = new Jinjava(config);
    jinjava
        .getGlobalContext()
        .registerFunction(
            new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raise", String.class));
    jinjava.getGlobalContext().registerFilter(new ToJson());
    jinjava.getGlobalContext().registerExpTest(new PythonEquality(true));
    jinjava.getGlobalContext().registerExpTest(new PythonEquality(false));
    return jinjava;
  }

  /** Called by templates as {@code raise_exception}. */
  public static String raise(String message) {
    throw new TemplateRaised(message);
  }

  /** As Python's json.dumps: blanks after comma and colon, no escapes for letters. */
  private static final class ToJson implements Filter {
    @Override
    public String getName() {
      return "tojson";
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
      try {
        return spaced(Json.mapper().valueToTree(value));
      } catch (JsonProcessingException | IllegalArgumentException e) {
        throw new TemplateRaised("tojson: " + e.getMessage());
      }
    }

    private static String spaced(JsonNode node) throws JsonProcessingException {
      List<String> parts = new ArrayList<>();
      if (node.isArray()) {
        for (JsonNode element : node) {
          parts.add(spaced(element));
        }
        return "[" + String.join(", ", parts) + "]";
      }
      if (node.isObject()) {
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
          parts.add(Json.mapper().writeValueAsString(entry.getKey()) + ": " + spaced(entry.getValue()));
        }
        return "{" + String.join(", ", parts) + "}";
      }
      return Json.mapper().writeValueAsString(node);
    }
  }
}
