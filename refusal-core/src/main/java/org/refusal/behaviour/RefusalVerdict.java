package org.refusal.behaviour;

import java.util.List;
import java.util.stream.Collectors;
import org.refusal.data.Behaviour;

/**
 * What a detector says of an answer, and why.
 *
 * @param spans what decided; may be empty for compliance, when nothing spoke against it
 */
public record RefusalVerdict(Behaviour behaviour, List<Span> spans) {
  /** @param start first character in the answer, UTF-16 units @param end one past the last */
  public record Span(String rule, int start, int end, String text) {
    private String reason() {
      return text.isEmpty() ? rule : "%s \"%s\"".formatted(rule, text.replaceAll("\\s+", " ").strip());
    }
  }

  public RefusalVerdict {
    spans = List.copyOf(spans);
  }

  /** One line: {@code inability "I cannot help"; steps "here are some ways"}. */
  public String reason() {
    return spans.isEmpty()
        ? "nothing refuses"
        : spans.stream()
            .map(Span::reason)
            .distinct()
            .collect(Collectors.joining("; "));
  }
}
