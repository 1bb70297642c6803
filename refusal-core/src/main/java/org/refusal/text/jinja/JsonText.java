package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * Python's json.dumps with the options that transformers' filter tojson has.
 *
 * @param indent null for one line
 */
record JsonText(boolean ascii, String indent, String between, String colon, boolean sorted) {
  String of(Object value) {
    StringBuilder text = new StringBuilder();
    write(value, "\n", text);
    return text.toString();
  }

  private void write(Object value, String margin, StringBuilder out) {
    Meter.requireRoom(out);
    String inner = indent == null ? "" : margin + indent;
    if (value instanceof Dict dict) {
      List<Dict.Entry> entries = new ArrayList<>(dict.entries());
      if (sorted) {
        Meter meter = new Meter();
        entries.sort((a, b) -> Operators.order(meter, a.key(), b.key()));
      }
      open('{', entries.isEmpty(), inner, out);
      for (int i = 0; i < entries.size(); i++) {
        out.append(i == 0 ? "" : between + inner).append(quoted(key(entries.get(i).key()))).append(colon);
        write(entries.get(i).value(), inner, out);
      }
      close('}', entries.isEmpty(), margin, out);
    } else if (value instanceof List || value instanceof Tuple) {
      List<Object> items = Types.items(value);
      open('[', items.isEmpty(), inner, out);
      for (int i = 0; i < items.size(); i++) {
        out.append(i == 0 ? "" : between + inner);
        write(items.get(i), inner, out);
      }
      close(']', items.isEmpty(), margin, out);
    } else {
      out.append(plain(value));
    }
  }

  private static void open(char bracket, boolean empty, String inner, StringBuilder out) {
    out.append(bracket).append(empty ? "" : inner);
  }

  private void close(char bracket, boolean empty, String margin, StringBuilder out) {
    out.append(empty || indent == null ? "" : margin).append(bracket);
  }

  private String plain(Object value) {
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
    throw new JinjaException("tojson: a value of the type '%s' has no JSON".formatted(Types.name(value)));
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
