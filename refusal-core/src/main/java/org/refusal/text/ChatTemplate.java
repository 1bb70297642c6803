package org.refusal.text;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.text.jinja.JinjaException;
import org.refusal.text.jinja.JinjaTemplate;

/**
 * Turns a user's text into what the model was trained to read (docs/definitions.md). Jinja is rendered as transformers
 * does ({@link org.refusal.text.jinja}), with the same variables: {@code messages}, {@code add_generation_prompt},
 * {@code tools} and {@code documents} (both none), {@code bos_token} and the other special tokens.
 * {@code strftime_now} tells the time at which the template was read.
 */
public final class ChatTemplate {
  /** Ordinary texts, from which the numbers of template tokens on either side are known. */
  private static final List<String> ORDINARY = List.of("How", "What", "a", "the", "I");

  /** The text that stands for the user's while the template's own parts are found; in no vocabulary and no data. */
  private static final String MARK = "\uE0F7user\uE0F8text\uE0F9";

  private static final List<String> SPECIAL_TOKENS =
      List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

  private final Tokenizer tokenizer;
  private final JinjaTemplate template;
  private final String name;
  private final String place;
  private final String systemPrompt;
  private final boolean ownBos;
  private final List<String> warnings;
  private final LocalDateTime read = LocalDateTime.now();
  private String[] around;
  private int before;
  private int after;

  /** @param source null for none @param place the file, for messages */
  private ChatTemplate(
      Tokenizer tokenizer, String source, String name, String place, String systemPrompt, boolean ownBos,
      List<String> warnings) {
    this.tokenizer = tokenizer;
    this.name = name;
    this.place = place;
    this.systemPrompt = systemPrompt;
    this.ownBos = ownBos;
    try {
      this.template = source == null ? null : JinjaTemplate.parse(source);
    } catch (JinjaException e) {
      throw fault(e);
    }
    List<String> all = new ArrayList<>(warnings);
    if (template != null && template.reads("strftime_now")) {
      all.add(
          "chat template (%s): it may write today's date, so that prompts differ from one day to the next; for the same ones copy it to a file, put a date in, and set inference.chat_template to the file"
              .formatted(place));
    }
    this.warnings = List.copyOf(all);
  }

  /**
   * @param setting {@code auto}: the checkpoint's own template ({@code chat_template.jinja} or in
   *     {@code tokenizer_config.json}), else, with a warning, the published one of its family; {@code none}: the raw
   *     text; else a Jinja file
   * @param systemPrompt empty leaves it to the template
   * @throws UserException no template is known for the model, the file cannot be read, the Jinja is broken or holds
   *     what is not supported, or there is a system prompt that the template cannot take
   */
  public static ChatTemplate of(String setting, Tokenizer tokenizer, String systemPrompt) {
    ChatTemplate template =
        switch (setting) {
          case "none" -> new ChatTemplate(tokenizer, null, "none", "none", systemPrompt, false, List.of());
          case "auto" -> auto(tokenizer, systemPrompt);
          default -> {
            Path file = Path.of(setting);
            yield new ChatTemplate(
                tokenizer, TemplateFiles.read(file), file.toString(), file.toString(), systemPrompt, false, List.of());
          }
        };
    if (template.template == null && !systemPrompt.isEmpty()) {
      throw UserException.badConfig(
          "inference.system_prompt needs a chat template, but inference.chat_template is none");
    }
    if (template.template != null) {
      template.around();
    }
    return template;
  }

  private static ChatTemplate auto(Tokenizer tokenizer, String systemPrompt) {
    Path folder = tokenizer.folder();
    Optional<TemplateFiles.Source> own = TemplateFiles.own(folder);
    if (own.isPresent()) {
      return new ChatTemplate(
          tokenizer, own.get().text(), "the model's own", own.get().place(), systemPrompt, true, List.of());
    }
    Path config = folder.resolve("config.json");
    String family = Files.isRegularFile(config) ? Json.readPython(config).path("model_type").asText() : "";
    String advice = "set inference.chat_template to a Jinja file, or to none for the raw prompt";
    FamilyTemplates.Published published =
        FamilyTemplates.of(family)
            .orElseThrow(() -> UserException.badConfig(
                "%s: the model brings no chat template, and none is known for the family \"%s\"".formatted(folder, family),
                advice));
    FamilyTemplates.misfit(tokenizer).ifPresent(why -> {
      throw UserException.badConfig(
          "%s: the model brings no chat template, and the format of %s is not its own: %s"
              .formatted(folder, published.format(), why),
          advice);
    });
    String name = "family " + family;
    return new ChatTemplate(
        tokenizer, published.source(), name, name, systemPrompt, true,
        List.of(
            "%s: the model brings no chat template; that of %s is taken because its model_type is %s. If it was trained on another or on none, refusal rates are those of a foreign format: %s"
                .formatted(folder, published.format(), family, advice)));
  }

  /** {@code none}, {@code the model's own}, {@code family llama} or the file's name: for reports. */
  public String name() {
    return name;
  }

  /** What to tell the user before prompts are rendered with it; one line each. */
  public List<String> warnings() {
    return warnings;
  }

  private UserException fault(JinjaException e) {
    return UserException.badConfig("chat template (%s), line %d: %s".formatted(place, e.line(), e.getMessage()));
  }

  /**
   * The text of a conversation.
   *
   * @param generationPrompt whether the opening of the assistant's turn is added
   * @throws UserException the template refuses the conversation or is broken
   */
  public String render(List<Message> messages, boolean generationPrompt) {
    if (template == null) {
      throw new IllegalStateException("the template none renders no conversations");
    }
    List<Map<String, Object>> turns = new ArrayList<>();
    for (Message message : messages) {
      Map<String, Object> turn = new LinkedHashMap<>();
      turn.put("role", message.role());
      turn.put("content", message.content());
      turns.add(turn);
    }
    Map<String, Object> variables = new HashMap<>();
    for (String token : SPECIAL_TOKENS) {
      tokenizer.specialToken(token).ifPresent(text -> variables.put(token, text));
    }
    variables.put("messages", turns);
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", generationPrompt);
    try {
      return template.render(variables, read);
    } catch (JinjaException e) {
      throw fault(e);
    }
  }

  /**
   * The user's text as the model reads it, ready for an answer: rendered, tokenized, BOS once at most, and the place of
   * the text's tokens among the template's. A blank of the template that stands before an ordinary text as part of its
   * first token, and becomes a token of its own before another text (Llama-2: before Japanese), counts as the user's:
   * so all prompts of a template have the same template tokens.
   */
  public RenderedPrompt prompt(String text) {
    if (template == null) {
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
              .formatted(place));
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
          "chat template (%s): the user's text must appear in its output exactly once".formatted(place));
    }
    around = new String[] {rendered.substring(0, at), rendered.substring(at + MARK.length())};
    List<RenderedPrompt> ordinary = ORDINARY.stream().map(this::place).toList();
    before = ordinary.stream().mapToInt(RenderedPrompt::userFrom).min().orElseThrow();
    after = ordinary.stream().mapToInt(prompt -> prompt.length() - prompt.userTo()).min().orElseThrow();
  }
}
