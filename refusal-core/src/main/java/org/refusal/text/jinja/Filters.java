package org.refusal.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/** What stands behind {@code |}. */
final class Filters {
  /** jinja2 has them too; nothing here is known to agree with them. */
  static final Set<String> UNSUPPORTED =
      Set.of(
          "attr", "filesizeformat", "groupby", "pprint", "random", "slice", "striptags", "urlencode", "urlize",
          "wordcount", "wordwrap", "xmlattr");

  private static final Pattern FLOAT =
      Pattern.compile("[+-]?(?:\\d+(?:_\\d+)*\\.?(?:\\d+(?:_\\d+)*)?|\\.\\d+(?:_\\d+)*)(?:[eE][+-]?\\d+(?:_\\d+)*)?");
  private static final Pattern INTEGER = Pattern.compile("[+-]?\\d+(?:_\\d+)*");
  private static final int MOST_DIGITS = 4300;

  /** Applies a filter. The first argument is the value that is filtered. */
  interface Filter {
    Object apply(Run run, Arguments arguments);
  }

  /** A filter with its arguments in the order of its parameters, Java's null for those left out. */
  private interface Bound {
    Object apply(Run run, Object[] given);
  }

  private static final Map<String, Filter> FILTERS = new HashMap<>();

  static {
    texts();
    numbers();
    sequences();
    choices();
  }

  private Filters() {}

  /** @return null if there is none */
  static Filter find(String name) {
    return FILTERS.get(name);
  }

  static Filter of(Object name) {
    Filter filter = name instanceof String text ? FILTERS.get(text) : null;
    if (filter == null) {
      throw new JinjaException("the filter '%s' is not supported".formatted(Texts.of(name)));
    }
    return filter;
  }

  private static void add(String name, String parameters, Bound filter) {
    String[] names = ("value/ " + parameters).strip().split(" ");
    FILTERS.put(name, (run, arguments) -> filter.apply(run, arguments.bind(name, names)));
  }

  private static void text(String name, UnaryOperator<String> filter) {
    add(name, "", (run, given) -> {
      String text = plain(given[0], name);
      run.meter().spend(text.length());
      return filter.apply(text);
    });
  }

  /** The value as text, as most filters of texts begin. */
  private static String plain(Object value, String name) {
    if (value instanceof Markup) {
      throw new JinjaException("the filter %s on a text marked as safe is not supported".formatted(name));
    }
    return Texts.of(value);
  }

  private static boolean isGiven(Object value) {
    return value != null && value != None.NONE;
  }

  private static boolean truth(Object value) {
    return value != null && Types.truth(value);
  }

  private static void texts() {
    text("upper", PythonText::upper);
    text("lower", PythonText::lower);
    text("capitalize", PythonText::capitalize);
    text("title", Filters::title);
    add("trim", "chars?", (run, given) -> {
      String text = Texts.of(given[0]);
      run.meter().spend(text.length());
      String stripped =
          PythonText.strip(text, isGiven(given[1]) ? Types.text(given[1], "trim") : null, true, true);
      return given[0] instanceof Markup ? new Markup(stripped) : stripped;
    });
    add("string", "", (run, given) -> given[0] instanceof Markup ? given[0] : Texts.of(given[0]));
    add("replace", "old new count?", (run, given) ->
        Methods.replace(run.meter(), Texts.of(given[0]), Texts.of(given[1]), Texts.of(given[2]), given[3]));
    add("indent", "width? first? blank?", Filters::indent);
    add("center", "width?", (run, given) ->
        TextFormat.center(
            run.meter(), plain(given[0], "center"), " ", given[1] == null ? 80 : Types.count(given[1])));
    add("truncate", "length? killwords? end? leeway?", Filters::truncate);
    FILTERS.put("format", (run, arguments) -> {
      List<Object> all = arguments.positional();
      List<Object> rest = all.subList(1, all.size());
      if (!rest.isEmpty() && !arguments.named().isEmpty()) {
        throw new JinjaException("format takes arguments by place or by name, not both");
      }
      Dict named = new Dict();
      arguments.named().forEach(named::put);
      return TextFormat.percent(
          run.meter(), plain(all.get(0), "format"), arguments.named().isEmpty() ? new Tuple(List.copyOf(rest)) : named);
    });
    for (String name : List.of("escape", "e")) {
      add(name, "", (run, given) -> Markup.escape(given[0]));
    }
    add("forceescape", "", (run, given) -> Markup.escape(Texts.of(given[0])));
    add("safe", "", (run, given) -> new Markup(Texts.of(given[0])));
    add("join", "d? attribute?", Filters::join);
    add("tojson", "ensure_ascii? indent? separators? sort_keys?", (run, given) -> json(run, given));
  }

  private static Object json(Run run, Object[] given) {
    String indent = null;
    if (isGiven(given[2])) {
      indent =
          given[2] instanceof String text
              ? text
              : TextFormat.pad(run.meter(), "", " ", '<', Math.max(0, Types.count(given[2])));
    }
    String between = indent == null ? ", " : ",";
    String colon = ": ";
    if (isGiven(given[3])) {
      List<Object> two = new ArrayList<>();
      run.iterate(given[3]).forEachRemaining(two::add);
      if (two.size() != 2) {
        throw new JinjaException("tojson: separators are two texts");
      }
      between = Types.text(two.get(0), "tojson");
      colon = Types.text(two.get(1), "tojson");
    }
    String text = new JsonText(truth(given[1]), indent, between, colon, truth(given[4])).of(given[0]);
    run.meter().make(text.length());
    return text;
  }

  /** Another rule than str.title: words begin at the start and after -, blanks and opening brackets. */
  private static String title(String text) {
    StringBuilder result = new StringBuilder();
    StringBuilder word = new StringBuilder();
    for (int point : text.codePoints().toArray()) {
      if ("-({[<".indexOf(point) >= 0 || PythonText.isSpace(point)) {
        result.append(titled(word)).appendCodePoint(point);
        word.setLength(0);
      } else {
        word.appendCodePoint(point);
      }
    }
    return result.append(titled(word)).toString();
  }

  private static String titled(StringBuilder word) {
    if (word.isEmpty()) {
      return "";
    }
    int end = word.offsetByCodePoints(0, 1);
    return PythonText.upper(word.substring(0, end)) + PythonText.lower(word.substring(end));
  }

  private static Object indent(Run run, Object[] given) {
    String text = Types.text(given[0], "indent") + "\n";
    String margin =
        given[1] instanceof String own
            ? own
            : TextFormat.pad(run.meter(), "", " ", '<', given[1] == null ? 4 : Math.max(0, Types.count(given[1])));
    List<Object> lines = PythonText.lines(text, false);
    run.meter().make(text.length() + (long) lines.size() * margin.length());
    StringBuilder result = new StringBuilder(truth(given[2]) ? margin : "");
    for (int i = 0; i < lines.size(); i++) {
      String line = (String) lines.get(i);
      result.append(i == 0 ? "" : "\n");
      result.append(i > 0 && (truth(given[3]) || !line.isEmpty()) ? margin : "").append(line);
    }
    return result.toString();
  }

  private static Object truncate(Run run, Object[] given) {
    String text = Types.text(given[0], "truncate");
    int length = given[1] == null ? 255 : Types.count(given[1]);
    String end = given[3] == null ? "..." : Types.text(given[3], "truncate");
    int leeway = isGiven(given[4]) ? Types.count(given[4]) : 5;
    int cut = length - Types.size(end);
    if (cut < 0 || leeway < 0) {
      throw new JinjaException("truncate: the length is less than that of the end");
    }
    run.meter().spend(text.length());
    if (Types.size(text) <= (long) length + leeway) {
      return text;
    }
    String kept = text.substring(0, text.offsetByCodePoints(0, cut));
    return (truth(given[2]) ? kept : PythonText.splitFromRight(kept, " ", 1).get(0)) + end;
  }

  private static Object join(Run run, Object[] given) {
    String separator = given[1] == null ? "" : Texts.of(given[1]);
    StringBuilder text = new StringBuilder();
    boolean first = true;
    for (Iterator<Object> items = run.iterate(given[0]); items.hasNext(); ) {
      run.write(text, first ? "" : separator);
      run.write(text, Texts.of(Attributes.path(items.next(), given[2])));
      run.meter().spend(1);
      first = false;
    }
    return text.toString();
  }

  private static void numbers() {
    add("abs", "", (run, given) -> given[0] instanceof Double real ? (Object) Math.abs(real) : Types.integer(given[0]).abs());
    add("int", "default? base?", (run, given) -> {
      if (given[2] != null && Types.count(given[2]) != 10) {
        throw new JinjaException("the filter int with another base than 10 is not supported");
      }
      Object value = integer(given[0]);
      return value != null ? value : given[1] == null ? BigInteger.ZERO : given[1];
    });
    add("float", "default?", (run, given) -> {
      Double value = real(given[0]);
      return value != null ? value : given[1] == null ? (Object) 0.0 : given[1];
    });
    add("round", "precision? method?", Filters::round);
    add("sum", "attribute? start?", (run, given) -> {
      Object sum = given[2] == null ? BigInteger.ZERO : given[2];
      if (sum instanceof String) {
        throw new JinjaException("sum() can't sum strings");
      }
      for (Iterator<Object> items = run.iterate(given[0]); items.hasNext(); ) {
        sum = Operators.arithmetic(run.meter(), "+", sum, Attributes.path(items.next(), given[1]));
        run.meter().spend(1);
      }
      return sum;
    });
  }

  /** @return null where jinja2 takes the default */
  private static Object integer(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    if (Types.isInteger(value)) {
      return Types.integer(value);
    }
    if (value instanceof Double real) {
      return Double.isNaN(real) ? null : TextFormat.truncated(real);
    }
    if (!(value instanceof String) && !(value instanceof Markup)) {
      return null;
    }
    String text = PythonText.strip(Texts.of(value), null, true, true);
    requireAscii(text);
    if (INTEGER.matcher(text).matches() && text.length() <= MOST_DIGITS) {
      return new BigInteger(text.replace("_", ""));
    }
    Double real = real(text);
    return real == null || real.isNaN() || real.isInfinite() ? null : TextFormat.truncated(real);
  }

  private static Double real(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    if (Types.isNumber(value)) {
      return Types.real(value);
    }
    if (!(value instanceof String) && !(value instanceof Markup)) {
      return null;
    }
    String text = PythonText.strip(Texts.of(value), null, true, true);
    requireAscii(text);
    String word = PythonText.lower(text).replaceFirst("^[+-]", "");
    if (word.equals("inf") || word.equals("infinity")) {
      return text.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
    if (word.equals("nan")) {
      return Double.NaN;
    }
    return FLOAT.matcher(text).matches() ? Double.valueOf(text.replace("_", "")) : null;
  }

  private static void requireAscii(String text) {
    if (text.codePoints().anyMatch(point -> point > 0x7f && Character.isDigit(point))) {
      throw new JinjaException("numbers in other digits than 0 to 9 are not supported");
    }
  }

  private static Object round(Run run, Object[] given) {
    int precision = given[1] == null ? 0 : Types.count(given[1]);
    String method = given[2] == null ? "common" : Texts.of(given[2]);
    if (Math.abs((long) precision) > 300 || !Set.of("common", "ceil", "floor").contains(method)) {
      throw new JinjaException("round: the method is common, ceil or floor, the precision at most 300");
    }
    boolean integer = Types.isInteger(given[0]);
    double real = Types.real(given[0]);
    if (Double.isNaN(real) || Double.isInfinite(real)) {
      throw new JinjaException("rounding %s is not supported".formatted(Texts.repr(real)));
    }
    if (method.equals("common")) {
      BigDecimal exact = integer ? new BigDecimal(Types.integer(given[0])) : new BigDecimal(real);
      BigDecimal rounded = exact.setScale(integer ? Math.min(0, precision) : precision, RoundingMode.HALF_EVEN);
      if (integer) {
        return rounded.toBigIntegerExact();
      }
      return rounded.signum() == 0 ? Math.copySign(0.0, real) : (Object) rounded.doubleValue();
    }
    if (precision < 0) {
      throw new JinjaException("round: a negative precision with ceil or floor is not supported");
    }
    double scale = BigInteger.TEN.pow(precision).doubleValue();
    double scaled = method.equals("ceil") ? Math.ceil(real * scale) : Math.floor(real * scale);
    return (scaled == 0 ? 0.0 : scaled) / scale;
  }

  private static void sequences() {
    for (String name : List.of("length", "count")) {
      add(name, "", (run, given) -> {
        int size = Types.size(given[0]);
        if (size < 0) {
          throw new JinjaException("object of type '%s' has no len()".formatted(Types.name(given[0])));
        }
        return BigInteger.valueOf(size);
      });
    }
    add("list", "", (run, given) -> list(run, given[0]));
    add("first", "", (run, given) -> {
      Iterator<Object> items = run.iterate(given[0]);
      return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    });
    add("last", "", (run, given) -> {
      List<Object> items = reversible(run, given[0]);
      return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.get(items.size() - 1);
    });
    add("reverse", "", (run, given) -> {
      if (given[0] instanceof String text) {
        return Attributes.slice(run.meter(), text, None.NONE, None.NONE, BigInteger.ONE.negate());
      }
      boolean lazy = given[0] instanceof Lazy;
      List<Object> items = new ArrayList<>(lazy ? list(run, given[0]) : reversible(run, given[0]));
      Collections.reverse(items);
      return lazy ? Collections.unmodifiableList(items) : new Lazy(items.iterator());
    });
    add("items", "", (run, given) -> new Lazy(pairs(given[0]).iterator()));
    add("dictsort", "case_sensitive? by? reverse?", Filters::dictsort);
    add("sort", "reverse? case_sensitive? attribute?", (run, given) -> {
      List<Object> items = new ArrayList<>(list(run, given[0]));
      return sorted(run, items, item -> keys(item, given[3], truth(given[2])), given[1] != null && Types.flag(given[1]));
    });
    add("unique", "case_sensitive? attribute?", (run, given) -> {
      Set<Object> seen = new HashSet<>();
      return kept(
          run, run.iterate(given[0]),
          item -> seen.add(Dict.hash(caseless(Attributes.path(item, given[2]), truth(given[1])))));
    });
    add("batch", "linecount fill_with?", Filters::batch);
    for (String name : List.of("min", "max")) {
      add(name, "case_sensitive? attribute?", (run, given) -> {
        Object best = null;
        for (Object item : list(run, given[0])) {
          if (best == null) {
            best = item;
          } else {
            int order =
                Operators.order(
                    run.meter(), caseless(Attributes.path(item, given[2]), truth(given[1])),
                    caseless(Attributes.path(best, given[2]), truth(given[1])));
            best = (name.equals("min") ? order < 0 : order > 0) ? item : best;
          }
        }
        return best == null ? new Undefined("No aggregated item, sequence was empty.") : best;
      });
    }
  }

  private static List<Object> list(Run run, Object value) {
    List<Object> items = new ArrayList<>();
    run.iterate(value).forEachRemaining(item -> {
      run.meter().append(items.size(), 1);
      items.add(item);
    });
    return Collections.unmodifiableList(items);
  }

  private static List<Object> reversible(Run run, Object value) {
    if (value instanceof Lazy) {
      throw new JinjaException("'%s' object is not reversible".formatted(Types.name(value)));
    }
    return list(run, value);
  }

  private static List<Object> pairs(Object value) {
    if (value instanceof Undefined) {
      return List.of();
    }
    if (value instanceof Dict dict) {
      return new DictView(dict, DictView.Kind.ITEMS).items();
    }
    throw new JinjaException("Can only get item pairs from a mapping.");
  }

  private static Object caseless(Object value, boolean sensitive) {
    if (value instanceof Markup) {
      throw new JinjaException("sorting texts marked as safe is not supported");
    }
    return value instanceof String text && !sensitive ? PythonText.lower(text) : value;
  }

  /** The values to sort by: those at a path or, between commas, several paths. */
  private static Object keys(Object item, Object attribute, boolean sensitive) {
    List<Object> paths =
        attribute instanceof String text
            ? PythonText.split(text, ",", -1)
            : Collections.singletonList(attribute);
    List<Object> keys = new ArrayList<>();
    paths.forEach(path -> keys.add(caseless(Attributes.path(item, path), sensitive)));
    return Collections.unmodifiableList(keys);
  }

  private static List<Object> sorted(
      Run run, List<Object> items, UnaryOperator<Object> key, boolean reverse) {
    record Keyed(Object key, Object item) {}
    List<Keyed> keyed = new ArrayList<>();
    items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
    Comparator<Keyed> order = (a, b) -> Operators.order(run.meter(), a.key(), b.key());
    keyed.sort(reverse ? order.reversed() : order);
    return keyed.stream().map(Keyed::item).toList();
  }

  private static Object dictsort(Run run, Object[] given) {
    String by = given[2] == null ? "key" : Texts.of(given[2]);
    if (!by.equals("key") && !by.equals("value")) {
      throw new JinjaException("dictsort: by is key or value");
    }
    if (!(given[0] instanceof Dict)) {
      throw new JinjaException("dictsort needs a mapping, not '%s'".formatted(Types.name(given[0])));
    }
    return sorted(
        run, pairs(given[0]),
        pair -> caseless(((Tuple) pair).items().get(by.equals("key") ? 0 : 1), truth(given[1])),
        given[3] != null && Types.flag(given[3]));
  }

  private static Object batch(Run run, Object[] given) {
    int size = Types.count(given[1]);
    List<Object> rows = new ArrayList<>();
    List<Object> items = list(run, given[0]);
    if (size <= 0) {
      throw new JinjaException("batch: rows of %d elements".formatted(size));
    }
    for (int from = 0; from < items.size(); from += size) {
      List<Object> row = new ArrayList<>(items.subList(from, Math.min(items.size(), from + size)));
      while (isGiven(given[2]) && row.size() < size) {
        run.meter().append(row.size(), 1);
        row.add(given[2]);
      }
      rows.add(Collections.unmodifiableList(row));
    }
    return new Lazy(rows.iterator());
  }

  private static void choices() {
    for (String name : List.of("default", "d")) {
      add(name, "default_value? boolean?", (run, given) ->
          given[0] instanceof Undefined || truth(given[2]) && !Types.truth(given[0])
              ? given[1] == null ? "" : given[1]
              : given[0]);
    }
    FILTERS.put("map", Filters::map);
    for (boolean wanted : new boolean[] {true, false}) {
      String name = wanted ? "select" : "reject";
      FILTERS.put(name, (run, arguments) -> {
        Predicate<Object> test = test(run, arguments, 1);
        return kept(run, present(run, arguments.positional().get(0)), item -> test.test(item) == wanted);
      });
      FILTERS.put(name + "attr", (run, arguments) -> {
        if (arguments.positional().size() < 2) {
          throw new JinjaException("Missing parameter for attribute name");
        }
        Object path = arguments.positional().get(1);
        Predicate<Object> test = test(run, arguments, 2);
        return kept(run, present(run, arguments.positional().get(0)), item -> test.test(Attributes.path(item, path)) == wanted);
      });
    }
  }

  /** The test whose name is the argument at {@code at}; without one, truth. */
  private static Predicate<Object> test(Run run, Arguments arguments, int at) {
    List<Object> given = arguments.positional();
    if (given.size() <= at) {
      return Types::truth;
    }
    Tests.Test test = Tests.of(given.get(at));
    return value -> test.apply(run, with(value, given.subList(at + 1, given.size()), arguments.named()));
  }

  private static Arguments with(Object value, List<Object> rest, Map<String, Object> named) {
    List<Object> all = new ArrayList<>(List.of(value));
    all.addAll(rest);
    return new Arguments(all, named);
  }

  private static Object map(Run run, Arguments arguments) {
    List<Object> given = arguments.positional();
    UnaryOperator<Object> mapping;
    if (given.size() < 2 && arguments.named().containsKey("attribute")) {
      if (arguments.named().size() > (arguments.named().containsKey("default") ? 2 : 1)) {
        throw new JinjaException("map: unexpected argument");
      }
      Object path = arguments.named().get("attribute");
      Object missing = arguments.named().get("default");
      mapping = item -> pathOr(item, path, missing);
    } else {
      if (given.size() < 2) {
        throw new JinjaException("map requires a filter argument");
      }
      Filter filter = of(given.get(1));
      mapping = item -> filter.apply(run, with(item, given.subList(2, given.size()), arguments.named()));
    }
    Iterator<Object> items = present(run, given.get(0));
    return new Lazy(new Iterator<>() {
      @Override
      public boolean hasNext() {
        return items.hasNext();
      }

      @Override
      public Object next() {
        Object item = items.next();
        run.meter().spend(1);
        run.meter().look(item);
        return mapping.apply(item);
      }
    });
  }

  /** As a path of one filter after the other, with the default at every step that finds nothing. */
  private static Object pathOr(Object item, Object path, Object missing) {
    if (!isGiven(missing)) {
      return Attributes.path(item, path);
    }
    List<Object> parts = path instanceof String text ? PythonText.split(text, ".", -1) : List.of(path);
    Object value = item;
    for (Object part : parts) {
      Object found = Attributes.path(value, part);
      value = found instanceof Undefined ? missing : found;
    }
    return value;
  }

  /** The elements; what is false has none, be it iterable or not. */
  private static Iterator<Object> present(Run run, Object value) {
    return Types.truth(value) ? run.iterate(value) : Collections.emptyIterator();
  }

  /** The elements for which a test holds, read as they are asked for. */
  private static Lazy kept(Run run, Iterator<Object> items, Predicate<Object> test) {
    return new Lazy(new Iterator<>() {
      private Object next;

      @Override
      public boolean hasNext() {
        while (next == null && items.hasNext()) {
          Object item = items.next();
          run.meter().spend(1);
          run.meter().look(item);
          next = test.test(item) ? item : null;
        }
        return next != null;
      }

      @Override
      public Object next() {
        hasNext();
        Object item = next;
        next = null;
        return item;
      }
    });
  }
}
