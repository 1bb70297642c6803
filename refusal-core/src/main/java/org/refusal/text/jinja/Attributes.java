package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code a.b}, {@code a[b]} and {@code a[b:c]} as jinja2's sandbox reads them. */
final class Attributes {
  /** Methods that would change a list or dict: the sandbox hides them. */
  private static final Map<String, Set<String>> CHANGING =
      Map.of(
          "list", Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"),
          "dict", Set.of("clear", "pop", "popitem", "setdefault", "update"));

  private static final Set<String> NUMBERS =
      Set.of("real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes",
          "from_bytes", "as_integer_ratio", "is_integer", "hex", "fromhex");

  private Attributes() {}

  /** The attribute first, then the item of that name. */
  static Object attribute(Object owner, String name) {
    if (owner instanceof Undefined undefined) {
      throw undefined.fault();
    }
    Object value = own(owner, name);
    if (value == null && owner instanceof Dict dict) {
      value = dict.get(name);
    }
    return value == null ? Undefined.of(owner, name) : value;
  }

  /** The item first, then the attribute of that name. */
  static Object item(Object owner, Object key) {
    if (owner instanceof Undefined undefined) {
      throw undefined.fault();
    }
    Object value = null;
    if (owner instanceof Dict dict) {
      value = key instanceof List || key instanceof Dict || key instanceof DictView ? null : dict.get(key);
    } else if (Types.isInteger(key)) {
      value = at(owner, Types.count(key));
    }
    if (value == null && key instanceof String name) {
      value = own(owner, name);
    }
    return value == null ? Undefined.of(owner, Texts.of(key)) : value;
  }

  private static Object at(Object owner, int index) {
    if (owner instanceof String text) {
      int size = Types.size(text);
      int from = index < 0 ? index + size : index;
      if (from < 0 || from >= size) {
        return null;
      }
      return Character.toString(text.codePointAt(text.offsetByCodePoints(0, from)));
    }
    if (owner instanceof Markup) {
      throw new JinjaException("an index into a text marked as safe is not supported");
    }
    List<Object> items = owner instanceof DictView ? null : Types.items(owner);
    if (items == null) {
      return null;
    }
    int from = index < 0 ? index + items.size() : index;
    return from < 0 || from >= items.size() ? null : items.get(from);
  }

  /** @return null if there is no such attribute */
  private static Object own(Object owner, String name) {
    String type = Types.name(owner);
    if (name.startsWith("__")) {
      throw new JinjaException("the attribute '%s' is unsafe".formatted(name));
    }
    if (owner instanceof Namespace namespace) {
      return namespace.get(name);
    }
    if (owner instanceof Loop loop) {
      Object value = loop.attribute(name);
      if (value == null && name.startsWith("_")) {
        throw new JinjaException("the attribute '%s' is unsafe".formatted(name));
      }
      return value;
    }
    if (owner instanceof Macro macro && name.equals("name")) {
      return macro.function().name();
    }
    if (CHANGING.getOrDefault(type, Set.of()).contains(name)) {
      return new Undefined("access to attribute '%s' of '%s' object is unsafe".formatted(name, type));
    }
    if (Methods.exists(type, name)) {
      return new Methods.Bound(owner, type, name);
    }
    if (Types.isNumber(owner) && NUMBERS.contains(name)
        || owner instanceof Macro
        || owner instanceof Callable && !(owner instanceof Methods.Bound)
        || owner instanceof Lazy
        || owner instanceof Range && Set.of("start", "stop", "step", "count", "index").contains(name)
        || owner instanceof DictView) {
      throw new JinjaException("the attribute '%s' of '%s' is not supported".formatted(name, type));
    }
    return null;
  }

  static Object slice(Meter meter, Object owner, Object start, Object stop, Object step) {
    if (owner instanceof Undefined undefined) {
      throw undefined.fault();
    }
    List<? extends Object> items =
        owner instanceof String text ? PythonText.points(text) : owner instanceof DictView ? null : Types.items(owner);
    if (items == null) {
      throw new JinjaException("'%s' cannot be sliced".formatted(Types.name(owner)));
    }
    int by = step == None.NONE ? 1 : Types.count(step);
    if (by == 0) {
      throw new JinjaException("slice step cannot be zero");
    }
    int size = items.size();
    meter.spend(size);
    int from = start == None.NONE ? by > 0 ? 0 : size - 1 : bound(Types.count(start), size, by);
    int to = stop == None.NONE ? by > 0 ? size : -1 : bound(Types.count(stop), size, by);
    List<Object> taken = new ArrayList<>();
    for (long i = from; by > 0 ? i < to : i > to; i += by) {
      taken.add(items.get((int) i));
    }
    if (owner instanceof String) {
      StringBuilder text = new StringBuilder();
      taken.forEach(text::append);
      return text.toString();
    }
    if (owner instanceof Range range) {
      long first = range.start() + from * range.step();
      long end = range.start() + to * range.step();
      return new Range(first, end, range.step() * by);
    }
    List<Object> result = Collections.unmodifiableList(taken);
    return owner instanceof Tuple ? new Tuple(result) : result;
  }

  /** Where a slice begins or ends: between 0 and size, for a step backwards between -1 and size - 1. */
  private static int bound(int index, int size, int step) {
    long at = index < 0 ? (long) index + size : index;
    return (int) (step > 0 ? Math.max(0, Math.min(at, size)) : Math.max(-1, Math.min(at, size - 1)));
  }

  /**
   * The getter of filters such as map: a path of names and numbers between dots, item first.
   *
   * @param path text or integer; null gives the value itself
   */
  static Object path(Object value, Object path) {
    if (path == null || path == None.NONE) {
      return value;
    }
    if (!(path instanceof String text)) {
      return item(value, path);
    }
    Object result = value;
    for (Object part : PythonText.split(text, ".", -1)) {
      String name = (String) part;
      boolean number = !name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9');
      result = item(result, number ? new BigInteger(name) : name);
    }
    return result;
  }
}
