package org.refusal.text.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** One rendering: its bounds, its clock, and the line it is at. */
final class Run {
  /** English, as Python is unless a locale was set. */
  private static final Map<Character, String> DATE =
      Map.ofEntries(
          Map.entry('d', "dd"), Map.entry('m', "MM"), Map.entry('Y', "uuuu"), Map.entry('y', "uu"),
          Map.entry('b', "MMM"), Map.entry('B', "MMMM"), Map.entry('a', "EEE"), Map.entry('A', "EEEE"),
          Map.entry('H', "HH"), Map.entry('I', "hh"), Map.entry('M', "mm"), Map.entry('S', "ss"),
          Map.entry('p', "a"), Map.entry('j', "DDD"), Map.entry('F', "uuuu-MM-dd"), Map.entry('T', "HH:mm:ss"));

  private final Scopes scopes;
  private final LocalDateTime now;
  private final Meter meter = new Meter();
  private int line = 1;

  Run(Scopes scopes, LocalDateTime now) {
    this.scopes = scopes;
    this.now = now;
  }

  Scopes scopes() {
    return scopes;
  }

  Meter meter() {
    return meter;
  }

  int line() {
    return line;
  }

  /** Every step of the rendering says where it is. */
  void at(int place) {
    line = place;
    meter.spend(1);
  }

  void write(StringBuilder out, String text) {
    meter.append(out.length(), text.length());
    out.append(text);
  }

  Object call(Object function, Arguments arguments) {
    if (function instanceof Callable callable) {
      return callable.call(this, arguments);
    }
    if (function instanceof Undefined undefined) {
      throw undefined.fault();
    }
    throw new JinjaException("'%s' object is not callable".formatted(Types.name(function)));
  }

  /** Python's iter(). */
  Iterator<Object> iterate(Object value) {
    if (value instanceof Lazy lazy) {
      return lazy;
    }
    if (value instanceof Undefined) {
      return Collections.emptyIterator();
    }
    if (value instanceof String text) {
      meter.spend(text.length());
      return List.<Object>copyOf(PythonText.points(text)).iterator();
    }
    if (value instanceof Dict dict) {
      meter.spend(dict.size());
      return dict.keys().iterator();
    }
    meter.spend(value instanceof DictView view ? view.dict().size() : 0);
    List<Object> items = Types.items(value);
    if (items == null) {
      throw new JinjaException("'%s' object is not iterable".formatted(Types.name(value)));
    }
    return items.iterator();
  }

  String now(String format) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%') {
        text.append(c);
        continue;
      }
      i++;
      char directive = i < format.length() ? format.charAt(i) : ' ';
      if (directive == '%') {
        text.append('%');
      } else if (DATE.containsKey(directive)) {
        text.append(now.format(DateTimeFormatter.ofPattern(DATE.get(directive), Locale.US)));
      } else if (directive == '-' && i + 1 < format.length() && "dmHIMSj".indexOf(format.charAt(i + 1)) >= 0) {
        i++;
        String number = now.format(DateTimeFormatter.ofPattern(DATE.get(format.charAt(i)), Locale.US));
        text.append(Integer.parseInt(number));
      } else {
        throw new JinjaException("strftime_now: the directive %%%s is not supported".formatted(directive));
      }
    }
    return text.toString();
  }
}
