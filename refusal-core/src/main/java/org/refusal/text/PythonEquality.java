package org.refusal.text;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Comparison with the literals true and false as in Python, where an empty text does not equal false. Jinjava turns
 * both sides into truth values first, so such comparisons are rewritten into tests before it reads the template.
 *
 * @param literal the truth value compared with
 */
record PythonEquality(boolean literal) implements ExpTest {
  /** A tag, comment or expression; a string in it; or a comparison. Strings and text outside of tags are left alone. */
  private static final Pattern TAG = Pattern.compile("\\{[{%].*?[%}]\\}", Pattern.DOTALL);
  private static final Pattern COMPARISON =
      Pattern.compile(
          "'(?:\\\\.|[^'\\\\])*'|\"(?:\\\\.|[^\"\\\\])*\"|([!=]=)\\s*([Tt]rue|[Ff]alse)\\b", Pattern.DOTALL);

  static String rewrite(String template) {
    return TAG.matcher(template)
        .replaceAll(tag -> Matcher.quoteReplacement(
            COMPARISON
                .matcher(tag.group())
                .replaceAll(part -> Matcher.quoteReplacement(
                    part.group(1) == null
                        ? part.group()
                        : "%s %s"
                            .formatted(
                                part.group(1).equals("==") ? "is" : "is not",
                                new PythonEquality(part.group(2).equalsIgnoreCase("true")).getName())))));
  }

  @Override
  public String getName() {
    return literal ? "equal_to_true" : "equal_to_false";
  }

  @Override
  public boolean evaluate(Object value, JinjavaInterpreter interpreter, Object... arguments) {
    if (value instanceof Number number) {
      return number.doubleValue() == (literal ? 1 : 0);
    }
    return value instanceof Boolean truth && truth == literal;
  }
}
