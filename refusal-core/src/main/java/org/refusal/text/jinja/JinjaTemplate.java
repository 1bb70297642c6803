package org.refusal.text.jinja;

import java.math.BigInteger;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.refusal.text.jinja.Expressions.Name;
import org.refusal.text.jinja.Node.Statement;

/** A template that was read and is known to be rendered as jinja2 does. Immutable; may be used by several threads. */
public final class JinjaTemplate {
  private static final int LONGEST = 1_000_000;

  private final List<Statement> body;
  private final Scopes scopes;

  private JinjaTemplate(List<Statement> body, Scopes scopes) {
    this.body = body;
    this.scopes = scopes;
  }

  /** @throws JinjaException it is no Jinja, or holds something that is not supported */
  public static JinjaTemplate parse(String source) {
    if (source.length() > LONGEST) {
      throw new JinjaException(1, "a template of more than %,d characters".formatted(LONGEST));
    }
    try {
      List<Statement> body = Parser.parse(Lexer.tokens(source));
      Checker.check(body);
      return new JinjaTemplate(body, new Scopes(body));
    } catch (StackOverflowError e) {
      throw new JinjaException(1, "the template is nested too deeply");
    }
  }

  /** Whether it reads a variable of this name, as {@code strftime_now}. */
  public boolean reads(String name) {
    return body.stream().anyMatch(statement -> reads(statement, name));
  }

  private static boolean reads(Node node, String name) {
    return node instanceof Name variable && variable.name().equals(name)
        || node.children().stream().anyMatch(child -> reads(child, name));
  }

  /**
   * The text.
   *
   * @param variables texts, numbers, truth values, null, lists, and maps with an order
   * @param now what {@code strftime_now} tells
   * @throws JinjaException the template raises an exception, does what Python refuses, does something that is not
   *     supported, or takes too long
   */
  public String render(Map<String, ?> variables, LocalDateTime now) {
    Map<String, Object> context = new HashMap<>();
    variables.forEach((name, value) -> context.put(name, python(value)));
    Run run = new Run(scopes, now);
    StringBuilder out = new StringBuilder();
    try {
      Statements.render(body, run, Frame.root(scopes.root(), context), out);
    } catch (JinjaException e) {
      throw e.line() > 0 ? e : new JinjaException(run.line(), e.getMessage());
    } catch (StackOverflowError e) {
      throw new JinjaException(run.line(), "the template calls itself too deeply");
    }
    return out.toString();
  }

  private static Object python(Object value) {
    if (value == null) {
      return None.NONE;
    }
    if (value instanceof Integer || value instanceof Long) {
      return BigInteger.valueOf(((Number) value).longValue());
    }
    if (value instanceof List<?> list) {
      List<Object> items = new ArrayList<>();
      list.forEach(item -> items.add(python(item)));
      return Collections.unmodifiableList(items);
    }
    if (value instanceof Map<?, ?> map) {
      Dict dict = new Dict();
      map.forEach((key, item) -> dict.put(python(key), python(item)));
      return dict;
    }
    if (value instanceof String || value instanceof Boolean || value instanceof Double || value instanceof BigInteger) {
      return value;
    }
    throw new IllegalArgumentException("no value of a template: " + value.getClass());
  }
}
