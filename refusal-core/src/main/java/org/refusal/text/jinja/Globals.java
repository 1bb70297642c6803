package org.refusal.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What every template can call. */
final class Globals {
  /** jinja2 has them too; nothing here is known to agree with them. */
  static final Set<String> UNSUPPORTED = Set.of("lipsum", "cycler", "joiner", "self");

  private static final Map<String, Callable> FUNCTIONS =
      Map.of(
          "range", (run, arguments) -> range(arguments),
          "dict", (run, arguments) -> dict(run, arguments),
          "namespace", (run, arguments) -> namespace(run, arguments),
          "raise_exception", (run, arguments) -> raise(arguments),
          "strftime_now",
              (run, arguments) -> run.now(Types.text(arguments.bind("strftime_now", "format")[0], "strftime_now")));

  private Globals() {}

  /** @return null if there is none */
  static Object of(String name) {
    if (UNSUPPORTED.contains(name)) {
      throw new JinjaException("'%s' is not supported".formatted(name));
    }
    return FUNCTIONS.get(name);
  }

  private static Object range(Arguments arguments) {
    Object[] bounds = arguments.bind("range", "start/", "stop/?", "step/?");
    long step = bounds[2] == null ? 1 : Types.count(bounds[2]);
    return bounds[1] == null
        ? Range.of(0, Types.count(bounds[0]), 1)
        : Range.of(Types.count(bounds[0]), Types.count(bounds[1]), step);
  }

  private static Dict dict(Run run, Arguments arguments) {
    Dict dict = new Dict();
    if (arguments.positional().size() > 1) {
      throw new JinjaException("dict expected at most 1 argument");
    }
    for (Object from : arguments.positional()) {
      Iterator<Object> pairs = run.iterate(from instanceof Dict other ? new DictView(other, DictView.Kind.ITEMS) : from);
      while (pairs.hasNext()) {
        List<Object> pair = new ArrayList<>();
        run.iterate(pairs.next()).forEachRemaining(pair::add);
        run.meter().spend(pair.size());
        if (pair.size() != 2) {
          throw new JinjaException("dict() needs pairs");
        }
        dict.put(pair.get(0), pair.get(1));
      }
    }
    run.meter().spend(arguments.named().size());
    arguments.named().forEach(dict::put);
    return dict;
  }

  private static Namespace namespace(Run run, Arguments arguments) {
    Namespace namespace = new Namespace();
    for (Dict.Entry entry : dict(run, arguments).entries()) {
      namespace.set(Types.text(entry.key(), "the name of an attribute of a namespace"), entry.value());
    }
    return namespace;
  }

  private static Object raise(Arguments arguments) {
    throw new JinjaException(Texts.of(arguments.bind("raise_exception", "message")[0]));
  }
}
