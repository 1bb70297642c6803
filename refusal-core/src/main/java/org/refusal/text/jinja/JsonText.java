package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Python's json.dumps with the options that transformers' filter tojson has.
 *
 * @param indent null for one line
 */
record JsonText(boolean ascii, String indent, String between, String colon, boolean sorted) {
  String of(Object value) {
    return of(value, "\n");
  }

  private String of(Object value, String margin) {
    if (value instanceof String text) {
      return quoted(text);
    }
    if (value instanceof Markup markup) {
      return quoted(markup.text());
    }
    if (value == None.NONE) {
      return "null";
    }
    if (value instanceof Boolean truth) {
      return truth ? "true" : "false";
    }
    if (value instanceof BigInteger || value instanceof Double) {
      return number(value);
    }
    String inner = indent == null ? "" : margin + indent;
    if (value instanceof Dict dict) {
      List<Dict.Entry> entries = new ArrayList<>(dict.entries());
      if (sorted) {
        entries.sort(Comparator.comparing(Dict.Entry::key, Operators::order));
      }
      return joined(
          "{", "}", entries.stream().map(entry -> quoted(key(entry.key())) + colon + of(entry.value(), inner)).toList(),
          margin);
    }
    if (value instanceof List || value instanceof Tuple) {
      return joined("[", "]", Types.items(value).stream().map(item -> of(item, inner)).toList(), margin);
    }
    throw new JinjaException("tojson: a value of the type '%s' has no JSON".formatted(Types.name(value)));
  }

  private String joined(String open, String close, List<String> parts, String margin) {
    if (parts.isEmpty()) {
      return open + close;
    }
    return indent == null
        ? open + String.join(between, parts) + close
        : open + margin + indent + String.join(between + margin + indent, parts) + margin + close;
  }

  private static String number(Object value) {
    String text = Texts.repr(value);
    return switch (text) {
      case "nan" -> "NaN";
      case "inf" -> "Infinity";
      case "-inf" -> "-Infinity";
      default -> text;
    };
  }

  private static String key(Object key) {
    if (key instanceof String text) {
      return text;
    }
    if (key == None.NONE) {
      return "null";
    }
    if (key instanceof Boolean truth) {
      return truth ? "true" : "false";
    }
    if (key instanceof BigInteger || key instanceof Double) {
      return number(key);
    }
    throw new JinjaException("tojson: a key of the type '%s' has no JSON".formatted(Types.name(key)));
  }

  private String quoted(String text) {
    StringBuilder result = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      switch (c) {
        case '"' -> result.append("\\\"");
        case '\\' -> result.append("\\\\");
        case '\n' -> result.append("\\n");
        case '\r' -> result.append("\\r");
        case '\t' -> result.append("\\t");
        case '\b' -> result.append("\\b");
        case '\f' -> result.append("\\f");
        default -> {
          if (c < 0x20 || ascii && c > 0x7e) {
            result.append("\\u%04x".formatted((int) c));
          } else {
            result.append(c);
          }
        }
      }
    }
    return result.append('"').toString();
  }
}
