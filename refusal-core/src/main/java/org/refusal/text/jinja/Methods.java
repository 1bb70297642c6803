package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;

/** Methods of Python's str, dict, list and tuple. */
final class Methods {
  private static final Set<String> TEXT =
      Set.of(
          "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "replace", "upper",
          "lower", "title", "capitalize", "swapcase", "join", "find", "rfind", "index", "rindex", "count", "format",
          "removeprefix", "removesuffix", "partition", "rpartition", "zfill", "ljust", "rjust", "center", "isdigit",
          "isspace", "isupper", "islower", "isalpha", "isalnum");
  private static final Set<String> OTHER_TEXT =
      Set.of(
          "casefold", "encode", "expandtabs", "format_map", "isascii", "isdecimal", "isidentifier", "isnumeric",
          "isprintable", "istitle", "maketrans", "translate");
  private static final Map<String, Set<String>> SUPPORTED =
      Map.of(
          "str", TEXT,
          "dict", Set.of("get", "keys", "values", "items", "copy"),
          "list", Set.of("index", "count", "copy"),
          "tuple", Set.of("index", "count"));
  private static final Map<String, Set<String>> OTHERS = Map.of("str", OTHER_TEXT, "dict", Set.of("fromkeys"));

  /** Methods that change a list or dict, which the sandbox forbids. */
  private static final Set<String> CHANGING =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove", "popitem", "setdefault", "update");

  private Methods() {}

  /** Whether Python has the method, supported or not. */
  static boolean exists(String type, String name) {
    return SUPPORTED.getOrDefault(type, Set.of()).contains(name) || OTHERS.getOrDefault(type, Set.of()).contains(name);
  }

  /** Whether a call of it can be refused when the template is read: a method of Python's, but none of those here. */
  static boolean isUnsupported(String name) {
    return OTHERS.values().stream().anyMatch(names -> names.contains(name))
        || CHANGING.contains(name) && SUPPORTED.values().stream().noneMatch(names -> names.contains(name));
  }

  record Bound(Object owner, String type, String name) implements Callable {
    @Override
    public Object call(Run run, Arguments arguments) {
      if (!SUPPORTED.get(type).contains(name)) {
        throw new JinjaException("the method %s of '%s' is not supported".formatted(name, type));
      }
      if (owner instanceof Dict dict) {
        return onDict(dict, arguments);
      }
      return type.equals("str")
          ? onText(run, Types.text(owner, name), arguments)
          : onItems(run, Types.items(owner), arguments);
    }

    private Object onDict(Dict dict, Arguments arguments) {
      if (name.equals("get")) {
        Object[] given = arguments.bind(name, "key/", "default/?");
        Object value = dict.get(given[0]);
        return value != null ? value : given[1] == null ? None.NONE : given[1];
      }
      arguments.bind(name);
      return switch (name) {
        case "keys" -> new DictView(dict, DictView.Kind.KEYS);
        case "values" -> new DictView(dict, DictView.Kind.VALUES);
        case "items" -> new DictView(dict, DictView.Kind.ITEMS);
        default -> dict;
      };
    }

    private Object onItems(Run run, List<Object> items, Arguments arguments) {
      if (name.equals("copy")) {
        arguments.bind(name);
        return owner;
      }
      Object value = arguments.bind(name, "value/")[0];
      int count = 0;
      for (int i = 0; i < items.size(); i++) {
        if (items.get(i) == value || Operators.equal(run, items.get(i), value)) {
          if (name.equals("index")) {
            return BigInteger.valueOf(i);
          }
          count++;
        }
      }
      if (name.equals("index")) {
        throw new JinjaException("index(): the value is not in the %s".formatted(type));
      }
      return BigInteger.valueOf(count);
    }

    private String text(Object value) {
      return Types.text(value, name + "()");
    }

    private Object onText(Run run, String text, Arguments arguments) {
      run.meter().spend(text.length());
      return switch (name) {
        case "strip", "lstrip", "rstrip" -> {
          Object given = arguments.bind(name, "chars/?")[0];
          run.meter().search(text, given instanceof String chars ? chars : "");
          yield PythonText.strip(
              text, given == null || given == None.NONE ? null : text(given), !name.equals("rstrip"),
              !name.equals("lstrip"));
        }
        case "split", "rsplit" -> split(run.meter(), text, arguments.bind(name, "sep?", "maxsplit?"));
        case "splitlines" -> {
          Object keep = arguments.bind(name, "keepends?")[0];
          yield PythonText.lines(text, keep != null && Types.flag(keep));
        }
        case "startswith", "endswith" -> begins(text, arguments.bind(name, "prefix/", "start/?", "end/?"));
        case "replace" -> {
          Object[] given = arguments.bind(name, "old/", "new/", "count/?");
          yield replace(run.meter(), text, text(given[0]), text(given[1]), given[2]);
        }
        case "join" -> {
          String separator = text;
          List<String> parts = new ArrayList<>();
          long size = 0;
          for (Iterator<Object> items = run.iterate(arguments.bind(name, "iterable/")[0]); items.hasNext(); ) {
            parts.add(text(items.next()));
            size += parts.get(parts.size() - 1).length() + separator.length();
            run.meter().append(size, 1);
          }
          run.meter().make(size);
          yield String.join(separator, parts);
        }
        case "find", "rfind", "index", "rindex" -> find(run.meter(), text, arguments.bind(name, "sub/", "start/?", "end/?"));
        case "count" -> {
          Object[] given = arguments.bind(name, "sub/", "start/?", "end/?");
          String part = text(given[0]);
          run.meter().search(text, part);
          Place place = place(text, given);
          yield BigInteger.valueOf(place.beyond() ? 0 : PythonText.count(place.part(), part));
        }
        case "format" -> TextFormat.braces(run, text, arguments);
        case "removeprefix" -> {
          String part = text(arguments.bind(name, "prefix/")[0]);
          yield text.startsWith(part) ? text.substring(part.length()) : text;
        }
        case "removesuffix" -> {
          String part = text(arguments.bind(name, "suffix/")[0]);
          yield text.endsWith(part) ? text.substring(0, text.length() - part.length()) : text;
        }
        case "partition", "rpartition" -> {
          String separator = text(arguments.bind(name, "sep/")[0]);
          run.meter().search(text, separator);
          yield partition(text, separator);
        }
        case "zfill", "ljust", "rjust", "center" -> pad(run.meter(), text, arguments);
        default -> {
          arguments.bind(name);
          yield plain(text);
        }
      };
    }

    private Object plain(String text) {
      return switch (name) {
        case "upper" -> PythonText.upper(text);
        case "lower" -> PythonText.lower(text);
        case "title" -> PythonText.title(text);
        case "capitalize" -> PythonText.capitalize(text);
        case "swapcase" -> PythonText.swapCase(text);
        case "isupper" -> PythonText.isCase(text, true);
        case "islower" -> PythonText.isCase(text, false);
        case "isspace" -> !text.isEmpty() && text.codePoints().allMatch(PythonText::isSpace);
        case "isalpha" -> all(text, Character::isLetter);
        case "isdigit" -> all(text, Bound::isDigit);
        default -> all(text, point -> Character.isLetter(point) || isNumeric(point));
      };
    }

    private static boolean all(String text, IntPredicate kind) {
      PythonText.requireKnown(text);
      return !text.isEmpty() && text.codePoints().allMatch(kind);
    }

    private static boolean isNumeric(int point) {
      return switch (Character.getType(point)) {
        case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
        default -> false;
      };
    }

    private static boolean isDigit(int point) {
      if (Character.getType(point) == Character.OTHER_NUMBER) { // some are digits to Python, as superscripts are
        throw new JinjaException("isdigit() of U+%04X is not supported".formatted(point));
      }
      return Character.isDigit(point);
    }

    private Object split(Meter meter, String text, Object[] given) {
      int most = given[1] == null ? -1 : Types.count(given[1]);
      boolean right = name.equals("rsplit");
      meter.search(text, given[0] instanceof String separator ? separator : "");
      if (given[0] == null || given[0] == None.NONE) {
        return right ? PythonText.wordsFromRight(text, most) : PythonText.words(text, most);
      }
      String separator = text(given[0]);
      if (separator.isEmpty()) {
        throw new JinjaException("empty separator");
      }
      return right ? PythonText.splitFromRight(text, separator, most) : PythonText.split(text, separator, most);
    }

    private Object begins(String text, Object[] given) {
      List<Object> wanted = given[0] instanceof Tuple tuple ? tuple.items() : List.of(given[0]);
      Place place = place(text, given);
      String part = place.part();
      for (Object each : wanted) {
        String affix = text(each);
        if (!place.beyond() && (name.equals("startswith") ? part.startsWith(affix) : part.endsWith(affix))) {
          return true;
        }
      }
      return false;
    }

    private Object find(Meter meter, String text, Object[] given) {
      String part = text(given[0]);
      meter.search(text, part);
      Place place = place(text, given);
      int at = place.beyond() ? -1 : name.startsWith("r") ? place.part().lastIndexOf(part) : place.part().indexOf(part);
      if (at < 0 && name.endsWith("index")) {
        throw new JinjaException("substring not found");
      }
      return BigInteger.valueOf(at < 0 ? -1 : place.from() + place.part().codePointCount(0, at));
    }

    /** @param from in code points @param beyond whether not even the empty text is found there */
    private record Place(int from, String part, boolean beyond) {}

    /** Where to look: between the second argument and the third, which count as in slices and may be left out. */
    private static Place place(String text, Object[] given) {
      int size = Types.size(text);
      int from = bound(given[1], 0, size);
      int to = Math.min(size, bound(given[2], size, size));
      return from > to
          ? new Place(from, "", true)
          : new Place(from, text.substring(text.offsetByCodePoints(0, from), text.offsetByCodePoints(0, to)), false);
    }

    private static int bound(Object given, int otherwise, int size) {
      int index = given == null || given == None.NONE ? otherwise : Types.count(given);
      return index < 0 ? Math.max(0, index + size) : Math.min(index, size + 1);
    }

    private Tuple partition(String text, String separator) {
      if (separator.isEmpty()) {
        throw new JinjaException("empty separator");
      }
      boolean right = name.equals("rpartition");
      int at = right ? text.lastIndexOf(separator) : text.indexOf(separator);
      if (at < 0) {
        return right ? Tuple.of("", "", text) : Tuple.of(text, "", "");
      }
      return Tuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    }

    private String pad(Meter meter, String text, Arguments arguments) {
      Object[] given = name.equals("zfill") ? arguments.bind(name, "width/") : arguments.bind(name, "width/", "fill/?");
      int width = Types.count(given[0]);
      String fill = given.length < 2 || given[1] == null ? " " : text(given[1]);
      if (Types.size(fill) != 1) {
        throw new JinjaException("the fill character must be exactly one character long");
      }
      return switch (name) {
        case "zfill" -> {
          boolean signed = text.startsWith("+") || text.startsWith("-");
          String digits = signed ? text.substring(1) : text;
          yield (signed ? text.substring(0, 1) : "")
              + TextFormat.pad(meter, digits, "0", '>', width - (signed ? 1 : 0));
        }
        case "ljust" -> TextFormat.pad(meter, text, fill, '<', width);
        case "rjust" -> TextFormat.pad(meter, text, fill, '>', width);
        default -> TextFormat.center(meter, text, fill, width);
      };
    }
  }

  static String replace(Meter meter, String text, String old, String replacement, Object most) {
    int times = most == null || most == None.NONE ? -1 : Types.count(most);
    meter.search(text, old);
    long found = PythonText.count(text, old);
    long replaced = times < 0 ? found : Math.min(found, times);
    meter.make(text.length() + replaced * Math.max(0, replacement.length() - old.length()));
    return PythonText.replace(text, old, replacement, times);
  }
}
