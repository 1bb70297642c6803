package org.refusal.text;

import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/** Methods of Python's str and dict that chat templates call; nothing else of Java can be called from a template. */
final class PythonMethods extends ELResolver {
  private static final Object NONE = new Object();

  private PythonMethods() {}

  /** Python's methods before Jinjava's own reading of properties. */
  static ELResolver resolver() {
    CompositeELResolver resolver = new CompositeELResolver();
    resolver.add(new PythonMethods());
    resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
    return resolver;
  }

  @Override
  public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
    Object result = NONE;
    if (base instanceof CharSequence text) {
      result = onText(text.toString(), method.toString(), arguments);
    } else if (base instanceof Map<?, ?> map) {
      result = onMap(map, method.toString(), arguments);
    }
    if (result != NONE) {
      context.setPropertyResolved(true);
      return result;
    }
    if (base instanceof CharSequence || base instanceof Map<?, ?>) {
      throw new TemplateRaised("the template calls %s, which is not supported".formatted(method));
    }
    return null;
  }

  private static Object onText(String text, String method, Object[] arguments) {
    String first = arguments.length > 0 && arguments[0] != null ? arguments[0].toString() : null;
    return switch (method) {
      case "strip" -> strip(text, first, true, true);
      case "lstrip" -> strip(text, first, true, false);
      case "rstrip" -> strip(text, first, false, true);
      case "startswith" -> text.startsWith(first);
      case "endswith" -> text.endsWith(first);
      case "upper" -> text.toUpperCase(Locale.ROOT);
      case "lower" -> text.toLowerCase(Locale.ROOT);
      case "replace" -> text.replace(first, arguments[1].toString());
      case "removeprefix" -> text.startsWith(first) ? text.substring(first.length()) : text;
      case "removesuffix" -> text.endsWith(first) ? text.substring(0, text.length() - first.length()) : text;
      case "find" -> (long) text.indexOf(first);
      case "split" -> split(text, first);
      case "capitalize" ->
          text.isEmpty()
              ? text
              : text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1).toLowerCase(Locale.ROOT);
      default -> NONE;
    };
  }

  private static Object onMap(Map<?, ?> map, String method, Object[] arguments) {
    return switch (method) {
      case "get" -> {
        Object value = map.get(arguments[0].toString());
        yield value == null && arguments.length > 1 ? arguments[1] : value;
      }
      case "keys" -> new ArrayList<>(map.keySet());
      case "values" -> new ArrayList<>(map.values());
      case "items" -> new ArrayList<>(map.entrySet());
      default -> NONE;
    };
  }

  private static List<String> split(String text, String separator) {
    if (separator == null) {
      List<String> words = new ArrayList<>();
      int from = 0;
      while (from < text.length()) {
        int to = from;
        while (to < text.length() && !isSpace(text.charAt(to))) {
          to++;
        }
        if (to > from) {
          words.add(text.substring(from, to));
        }
        from = to + 1;
      }
      return words;
    }
    List<String> parts = new ArrayList<>();
    int from = 0;
    for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
      parts.add(text.substring(from, at));
      from = at + separator.length();
    }
    parts.add(text.substring(from));
    return parts;
  }

  /** @param characters to strip; null means white space */
  static String strip(String text, String characters, boolean left, boolean right) {
    int from = 0;
    int to = text.length();
    while (left && from < to && strips(text.charAt(from), characters)) {
      from++;
    }
    while (right && to > from && strips(text.charAt(to - 1), characters)) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean strips(char c, String characters) {
    return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
  }

  /** Python's str.isspace: Unicode white space and the four information separators. */
  static boolean isSpace(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }

  @Override
  public Object getValue(ELContext context, Object base, Object property) {
    return null;
  }

  @Override
  public Class<?> getType(ELContext context, Object base, Object property) {
    return null;
  }

  @Override
  public void setValue(ELContext context, Object base, Object property, Object value) {}

  @Override
  public boolean isReadOnly(ELContext context, Object base, Object property) {
    return true;
  }

  @Override
  public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
    return null;
  }

  @Override
  public Class<?> getCommonPropertyType(ELContext context, Object base) {
    return Object.class;
  }
}
