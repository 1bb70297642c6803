package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;

/** The variable {@code loop}. It reads ahead only when asked, as jinja2's does. */
final class Loop implements Callable {
  private Iterator<Object> items;
  private int length;
  private final int depth;
  private int index = -1;
  private Object before;
  private Object current;
  private Object after;
  private List<Object> lastChanged;
  private Function<Object, String> recursion;

  /** @param length -1 where it is not known before all elements were read */
  Loop(Iterator<Object> items, int length, int depth) {
    this.items = items;
    this.length = length;
    this.depth = depth;
  }

  void recurseBy(Function<Object, String> by) {
    recursion = by;
  }

  boolean hasNext() {
    return after != null || items.hasNext();
  }

  Object next() {
    Object value = peek();
    after = null;
    index++;
    before = current;
    current = value;
    return value;
  }

  private Object peek() {
    if (after == null && items.hasNext()) {
      after = items.next();
    }
    return after;
  }

  int length() {
    if (length < 0) {
      List<Object> rest = new ArrayList<>();
      items.forEachRemaining(rest::add);
      items = rest.iterator();
      length = rest.size() + index + 1 + (after == null ? 0 : 1);
    }
    return length;
  }

  /** @return null if there is no such attribute */
  Object attribute(String name) {
    return switch (name) {
      case "index" -> BigInteger.valueOf(index + 1L);
      case "index0" -> BigInteger.valueOf(index);
      case "revindex" -> BigInteger.valueOf((long) length() - index);
      case "revindex0" -> BigInteger.valueOf((long) length() - index - 1);
      case "length" -> BigInteger.valueOf(length());
      case "first" -> index == 0;
      case "last" -> peek() == null;
      case "depth" -> BigInteger.valueOf(depth + 1L);
      case "depth0" -> BigInteger.valueOf(depth);
      case "previtem" -> index == 0 ? new Undefined("there is no previous item") : before;
      case "nextitem" -> peek() == null ? new Undefined("there is no next item") : after;
      case "cycle" -> (Callable) (run, arguments) -> cycle(arguments);
      case "changed" -> (Callable) (run, arguments) -> changed(run, arguments);
      default -> null;
    };
  }

  private Object cycle(Arguments arguments) {
    if (arguments.positional().isEmpty() || !arguments.named().isEmpty()) {
      throw new JinjaException("no items for cycling given");
    }
    return arguments.positional().get(index % arguments.positional().size());
  }

  private Object changed(Run run, Arguments arguments) {
    boolean changed =
        lastChanged == null || !Operators.equal(run, new Tuple(lastChanged), new Tuple(arguments.positional()));
    lastChanged = changed ? arguments.positional() : lastChanged;
    return changed;
  }

  @Override
  public Object call(Run run, Arguments arguments) {
    Object inner = arguments.bind("loop", "iterable")[0];
    if (recursion == null) {
      throw new JinjaException("the loop must have the mark 'recursive' to be called");
    }
    return recursion.apply(inner);
  }
}
