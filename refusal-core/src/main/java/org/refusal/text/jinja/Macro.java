package org.refusal.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.text.jinja.Expressions.Name;

/** A macro, or the body of a call block. @param frame in which it was defined, whose variables it sees */
record Macro(Statements.Function function, Scopes.Function scopes, Frame frame) implements Callable {
  @Override
  public Object call(Run run, Arguments arguments) {
    if (frame.isLeft()) {
      throw new JinjaException("a macro is called outside of the block that defines it, which is not supported");
    }
    run.meter().enter();
    Frame inner = frame.enter(scopes.scope());
    bind(run, inner, arguments);
    StringBuilder text = new StringBuilder();
    Statements.render(function.body(), run, inner, text);
    inner.leave();
    run.meter().leave();
    return text.toString();
  }

  private void bind(Run run, Frame inner, Arguments arguments) {
    List<String> parameters = function.parameters().stream().map(Name::name).toList();
    List<Object> given = arguments.positional();
    Map<String, Object> named = new LinkedHashMap<>(arguments.named());
    for (int i = 0; i < parameters.size(); i++) {
      Object value = i < given.size() ? given.get(i) : named.remove(parameters.get(i));
      if (value != null) {
        inner.set(parameters.get(i), value);
      }
    }
    if (scopes.caller() && !parameters.contains("caller")) {
      Object caller = named.remove("caller");
      inner.set("caller", caller == null || caller == None.NONE ? new Undefined("No caller defined") : caller);
    }
    if (scopes.kwargs()) {
      Dict rest = new Dict();
      named.forEach(rest::put);
      inner.set("kwargs", rest);
    } else if (!named.isEmpty()) {
      throw new JinjaException(
          "macro '%s' takes no keyword argument '%s'".formatted(function.name(), named.keySet().iterator().next()));
    }
    List<Object> rest = new ArrayList<>(given.subList(Math.min(parameters.size(), given.size()), given.size()));
    if (scopes.varargs()) {
      inner.set("varargs", new Tuple(List.copyOf(rest)));
    } else if (!rest.isEmpty()) {
      throw new JinjaException(
          "macro '%s' takes not more than %d arguments".formatted(function.name(), parameters.size()));
    }
    int optional = parameters.size() - function.defaults().size();
    for (int i = 0; i < parameters.size(); i++) {
      if (inner.get(parameters.get(i)) == null) {
        inner.set(
            parameters.get(i),
            i < optional
                ? new Undefined("parameter '%s' was not provided".formatted(parameters.get(i)))
                : function.defaults().get(i - optional).value(run, inner));
      }
    }
  }
}
