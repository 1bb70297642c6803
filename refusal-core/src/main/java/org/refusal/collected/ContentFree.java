package org.refusal.collected;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.activation.Collector;
import org.refusal.text.ChatTemplate;

/**
 * Prompts that ask for nothing: single words, greetings, numbers, punctuation. What a model refuses of them it refuses for want of
 * a sign of harmlessness and not for a sign of harm. They belong to no category and no split.
 */
public final class ContentFree {
  /** What they are called where prompts are named. */
  public static final String NAME = "content_free";

  private ContentFree() {}

  /** The shipped list, one prompt a line. */
  public static List<String> prompts() {
    try (InputStream list = ContentFree.class.getResourceAsStream("content_free.txt")) {
      return new String(list.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** As the template makes them, in the order of the list. */
  public static List<Collector.Input> inputs(ChatTemplate template) {
    List<Collector.Input> inputs = new ArrayList<>();
    for (String prompt : prompts()) {
      inputs.add(new Collector.Input(inputs.size(), template.prompt(prompt)));
    }
    return inputs;
  }

  /** The entries of {@code {model}_content_free.json}. */
  public static List<Map<String, Object>> entries(List<AnswerReader.Answer> answers) {
    List<String> prompts = prompts();
    List<Map<String, Object>> entries = new ArrayList<>();
    for (AnswerReader.Answer answer : answers) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("prompt_index", answer.promptIndex());
      entry.put("prompt", prompts.get(Math.toIntExact(answer.promptIndex())));
      entry.put("completion", answer.completion());
      entry.put("refused", answer.behaviour().refused());
      entry.put("behaviour", answer.behaviour());
      entry.put("reason", answer.reason());
      entries.add(entry);
    }
    return entries;
  }
}
