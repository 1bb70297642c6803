package org.refusal.behaviour;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which characters of an answer are somebody else's words: what stands between double quotes, unless the whole answer
 * does, the lines of a dialogue ("ANNA: I can't come.") with at least two speakers, a sentence that a narrator gives to
 * somebody ("I can't swim, the boy thought"), and a letter, from its salutation to its close. O(length).
 */
final class OtherVoices {
  private static final Pattern SPEAKER = Pattern.compile("(?:^|(?<=[.!?:]\\s)|(?<=\\n))[ *_]*([A-Z][A-Za-z]{1,15})[*_]*: ");
  private static final String SAID = "(?:thought|said|wrote|whispered|replied|muttered|cried|sighed|answered|told)";
  private static final Pattern NARRATED =
      Pattern.compile(
          "(?:^|(?<=[.!?]\\s)|(?<=\\n))[^.!?\\n\"]{1,200}?, (?:(?:he|she|they|the (?:\\w+ ){0,2}\\w+|\\p{Lu}\\w+) " + SAID
              + "|" + SAID + " (?:he|she|they|the \\w+|\\p{Lu}\\w+))\\b[^.!?\\n]*");
  private static final Pattern LETTER =
      Pattern.compile(
          "(?:^|\\n)\\s*Dear (?!\\w*[Uu]ser)[^,\\n]{1,60},[\\s\\S]{0,3000}?"
              + "(?:[Rr]egards|[Ss]incerely|[Bb]est wishes|Yours|[Yy]ours truly)\\b");
  private static final Set<String> NOT_OTHERS =
      Set.of("ai", "answer", "assistant", "response", "user", "human", "question", "note", "warning", "disclaimer", "system");
  /** Fewer letters beside a quote do not make it a quotation. */
  private static final int LETTERS_BESIDE = 10;

  private OtherVoices() {}

  static BitSet of(String answer) {
    BitSet others = dialogue(answer);
    for (Pattern pattern : List.of(NARRATED, LETTER)) {
      pattern.matcher(answer).results().forEach(found -> others.set(found.start(), found.end()));
    }
    int[] letters = letters(answer);
    Deque<Integer> open = new ArrayDeque<>();
    for (int i = 0; i < answer.length(); i++) {
      char c = answer.charAt(i);
      boolean straight = c == '"';
      boolean closes =
          !open.isEmpty() && (straight ? answer.charAt(open.peek()) == '"' : c == '\u201D' && answer.charAt(open.peek()) == '\u201C');
      if (closes) {
        quote(open.pop(), i + 1, letters, others);
      } else if (straight || c == '\u201C') {
        open.push(i);
      }
    }
    if (!open.isEmpty()) {
      quote(open.peek(), answer.length(), letters, others); // cut, before the quote was closed
    }
    return others;
  }

  private static void quote(int from, int to, int[] letters, BitSet others) {
    int beside = letters[letters.length - 1] - (letters[to] - letters[from]);
    if (beside >= LETTERS_BESIDE) {
      others.set(from, to);
    }
  }

  /** How many letters stand before every index, {@code [length + 1]}. */
  private static int[] letters(String answer) {
    int[] letters = new int[answer.length() + 1];
    for (int i = 0; i < answer.length(); i++) {
      letters[i + 1] = letters[i] + (Character.isLetter(answer.charAt(i)) ? 1 : 0);
    }
    return letters;
  }

  private static BitSet dialogue(String answer) {
    Matcher matcher = SPEAKER.matcher(answer);
    Set<String> speakers = new HashSet<>();
    BitSet spoken = new BitSet();
    while (matcher.find()) {
      String speaker = matcher.group(1).toLowerCase(Locale.ROOT);
      if (!NOT_OTHERS.contains(speaker)) {
        speakers.add(speaker);
        int line = answer.indexOf('\n', matcher.end());
        spoken.set(matcher.start(), line < 0 ? answer.length() : line);
      }
    }
    return speakers.size() < 2 ? new BitSet() : spoken;
  }
}
