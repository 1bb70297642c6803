package org.refusal.config;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.config.ConfigNode.Entry;
import org.refusal.config.ConfigNode.Items;
import org.refusal.config.ConfigNode.Scalar;
import org.refusal.config.ConfigNode.Section;

/**
 * Makes config records of YAML files, environment and overrides. Precedence, lowest first: default, YAML, environment
 * ({@code REFUSAL_CIRCUIT_NODE_THRESHOLD}), {@code --set}, option. Whatever does not fit is one line that names file,
 * line, column and what would have been right.
 */
public final class Binder {
  private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\{(\\w+)}|(\\w+))");
  private static final Pattern SECRET = Pattern.compile("TOKEN|SECRET|PASSWORD|API_?KEY", Pattern.CASE_INSENSITIVE);
  private static final Pattern OCTAL = Pattern.compile("[-+]?0[0-9_]+");
  private static final Pattern WHOLE = Pattern.compile("[-+]?[0-9][0-9_]*");
  private static final Pattern NUMBER = Pattern.compile("[-+]?(?:[0-9][0-9_]*\\.?[0-9_]*|\\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?");
  private static final String ENVIRONMENT_PREFIX = "REFUSAL_";

  private Binder() {}

  /**
   * One value given outside a file.
   *
   * @param path with dots
   * @param value YAML on one line, or a plain text when {@code literal}
   * @param origin how messages name it: {@code --set a.b=3}
   */
  public record Override(String path, String value, boolean literal, String origin) {}

  /** A config on its way: files and overrides so far, not yet checked. */
  public static final class Draft {
    private final Section root;

    private Draft(Section root) {
      this.root = root;
    }

    /** Whether a value was given for the path, a section included. */
    public boolean has(String path) {
      return find(path) != null;
    }

    Entry find(String path) {
      Section at = root;
      String[] names = path.split("\\.");
      for (int i = 0; i < names.length; i++) {
        Entry entry = at.entries().get(names[i]);
        if (entry == null || i == names.length - 1) {
          return entry;
        }
        if (!(entry.value() instanceof Section next)) {
          return null;
        }
        at = next;
      }
      return null;
    }

    /** What stands at the path here laid under this draft: values given here win. */
    public Draft under(Draft below, String path) {
      Entry entry = below.find(path);
      return entry == null ? this : new Draft((Section) ConfigNode.overlay(nested(path, entry), root));
    }

    /** What stands at {@code theirs} in another draft, laid over this one at {@code ours}. */
    public Draft with(Draft other, String theirs, String ours) {
      Entry entry = other.find(theirs);
      return entry == null ? this : new Draft((Section) ConfigNode.overlay(root, nested(ours, entry)));
    }

    /** The section at a path as a draft of its own; an empty one when nothing stands there. */
    public Draft section(String path) {
      Entry entry = find(path);
      if (entry == null || (entry.value() instanceof Scalar scalar && scalar.text() == null)) {
        return new Draft(Section.empty(path));
      }
      if (entry.value() instanceof Section section) {
        return new Draft(section);
      }
      throw UserException.badConfig(entry.value().origin() + ": '" + path + "' must hold keys");
    }

    /** A text at a path, or null when something else or nothing stands there. */
    public String text(String path) {
      Entry entry = find(path);
      return entry != null && entry.value() instanceof Scalar scalar ? scalar.text() : null;
    }

    public List<String> keys() {
      return List.copyOf(root.entries().keySet());
    }

    public String origin(String path) {
      Entry entry = find(path);
      return entry == null ? root.origin() : entry.keyOrigin();
    }

    /** @throws UserException the path is none */
    public Draft with(Override override) {
      if (Arrays.stream(override.path().split("\\.", -1)).anyMatch(String::isBlank)) {
        throw UserException.badConfig(
            "%s: '%s' is no path of a key".formatted(override.origin(), override.path()), "for example --set sae.k=64");
      }
      ConfigNode value =
          override.literal()
              ? new Scalar(override.value(), true, override.origin())
              : ConfigText.value(override.value(), override.origin());
      Section addition = nested(override.path(), new Entry(override.origin(), value));
      return new Draft((Section) ConfigNode.overlay(root, addition));
    }

    private static Section nested(String path, Entry leaf) {
      String[] names = path.split("\\.");
      Entry entry = leaf;
      for (int i = names.length - 1; i >= 0; i--) {
        Section section = new Section(Map.of(names[i], entry), leaf.keyOrigin());
        if (i == 0) {
          return section;
        }
        entry = new Entry(leaf.keyOrigin(), section);
      }
      throw new IllegalArgumentException("an empty path");
    }
  }

  public static Draft empty() {
    return new Draft(Section.empty("no config file"));
  }

  public static Draft file(Path file) {
    return new Draft(ConfigText.file(file));
  }

  /** The variable that sets a key: {@code sae.k} is set by {@code REFUSAL_SAE_K}. */
  public static String variable(String path) {
    return ENVIRONMENT_PREFIX + path.replace('.', '_').toUpperCase(Locale.ROOT);
  }

  /** The overrides that the environment holds for a record's keys. */
  public static List<Override> environment(Class<? extends Record> type, Map<String, String> environment) {
    List<Override> overrides = new ArrayList<>();
    for (Keys.KeyInfo key : Keys.of(type)) {
      String name = variable(key.path());
      String value = environment.get(name);
      if (value != null) {
        overrides.add(new Override(key.path(), value, key.type().equals("text"), "$" + name));
      }
    }
    return overrides;
  }

  /** Makes the record; {@code environment} serves {@code $VARIABLES} in texts. */
  public static <R extends Record> R bind(Class<R> type, Draft draft, UnaryOperator<String> environment) {
    checkGiven(type, draft.root, "", environment);
    return record(type, draft.root, "", environment);
  }

  /** What is written is checked before what is not: a mistyped key must not hide behind a missing one. */
  private static void checkGiven(Class<?> type, Section section, String prefix, UnaryOperator<String> environment) {
    RecordComponent[] components = type.getRecordComponents();
    List<String> names = Arrays.stream(components).map(Keys::yamlName).toList();
    checkNames(section, names, prefix);
    for (int i = 0; i < components.length; i++) {
      Entry entry = section.entries().get(names.get(i));
      if (entry == null || (entry.value() instanceof Scalar scalar && scalar.text() == null)) {
        continue;
      }
      if (!components[i].getType().isRecord()) {
        value(components[i], entry, section, prefix + names.get(i), environment);
      } else if (entry.value() instanceof Section inner) {
        checkGiven(components[i].getType(), inner, prefix + names.get(i) + ".", environment);
      }
    }
  }

  private static void checkNames(Section section, List<String> names, String prefix) {
    section.entries().forEach((key, entry) -> {
      if (!names.contains(key)) {
        throw UserException.badConfig(
            "%s: unknown key '%s'%s".formatted(
                entry.keyOrigin(), prefix + key, Suggestions.didYouMean(key, names)),
            "keys here: " + String.join(", ", names));
      }
    });
  }

  /** The record as plain maps, lists and values, keys as in YAML: for manifests and {@code --dry-run}. */
  public static Map<String, Object> toMap(Record config, boolean withNeutral) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (RecordComponent component : config.getClass().getRecordComponents()) {
      if (!withNeutral && Keys.annotation(component).neutral()) {
        continue;
      }
      Object value = get(component, config);
      map.put(Keys.yamlName(component), value instanceof Record section ? toMap(section, withNeutral) : value);
    }
    return map;
  }

  private static Object get(RecordComponent component, Record config) {
    try {
      component.getAccessor().setAccessible(true);
      return component.getAccessor().invoke(config);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <R> R record(Class<R> type, Section section, String prefix, UnaryOperator<String> environment) {
    RecordComponent[] components = type.getRecordComponents();
    List<String> names = Arrays.stream(components).map(Keys::yamlName).toList();
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      Entry entry = section.entries().get(names.get(i));
      values[i] = value(components[i], entry, section, prefix + names.get(i), environment);
    }
    try {
      var constructor =
          type.getDeclaredConstructor(Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException impossible) {
        throw UserException.badConfig(place(section, impossible.getMessage()) + ": " + prefix + impossible.getMessage());
      }
      if (e.getCause() instanceof UserException user) {
        throw user;
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Impossible values are reported as {@code key: value is ...}: the place is that of the key. */
  private static String place(Section section, String message) {
    Entry entry = section.entries().get(message.split(":")[0]);
    return entry == null ? section.origin() : entry.value().origin();
  }

  private static Object value(
      RecordComponent component, Entry entry, Section around, String path, UnaryOperator<String> environment) {
    Key key = Keys.annotation(component);
    Class<?> type = component.getType();
    boolean isNull = entry == null || (entry.value() instanceof Scalar scalar && scalar.text() == null);
    if (type.isRecord()) {
      if (!isNull && !(entry.value() instanceof Section)) {
        throw UserException.badConfig(entry.value().origin() + ": '" + path + "' must hold keys, not a single value");
      }
      Section section = isNull ? Section.empty(around.origin()) : (Section) entry.value();
      return record(type, section, path + ".", environment);
    }
    ConfigNode given;
    if (entry != null && !(isNull && !key.def().equals(Key.NONE))) {
      if (isNull) {
        throw UserException.badConfig(entry.keyOrigin() + ": '" + path + "' has no value");
      }
      given = entry.value();
    } else if (key.def().equals(Key.NONE)) {
      String option = key.options().length > 0 ? "give it there or as " + key.options()[0] : "give it there";
      throw UserException.badConfig(around.origin() + ": key '" + path + "' is missing", option);
    } else if (key.def().equals(Key.EMPTY)) {
      return null;
    } else {
      given =
          type == String.class
              ? new Scalar(key.def(), true, "default of " + path)
              : ConfigText.value(key.def(), "default of " + path);
    }
    return convert(component, given, path, environment, key);
  }

  private static Object convert(
      RecordComponent component, ConfigNode node, String path, UnaryOperator<String> environment, Key key) {
    Class<?> type = component.getType();
    if (type == List.class) {
      String generic = component.getGenericType().getTypeName();
      Class<?> item = generic.contains("Double") ? Double.class : generic.contains("Long") ? Long.class : String.class;
      List<ConfigNode> items =
          node instanceof Items list ? list.items() : node instanceof Scalar one ? List.of(one) : List.of();
      if (node instanceof Section) {
        throw wrongType(node, path, "a list");
      }
      List<Object> values = new ArrayList<>();
      for (ConfigNode each : items) {
        values.add(scalar(item, each, path, environment, key));
      }
      return List.copyOf(values);
    }
    return scalar(type, node, path, environment, key);
  }

  private static Object scalar(
      Class<?> type, ConfigNode node, String path, UnaryOperator<String> environment, Key key) {
    List<String> choices = List.of(key.choices());
    if (!(node instanceof Scalar scalar) || scalar.text() == null) {
      throw wrongType(node, path, "a single value");
    }
    String text = scalar.text();
    if (type == String.class) {
      String expanded = expand(text, scalar.origin(), path, environment);
      if (expanded.isBlank() && !key.mayBeEmpty()) {
        throw UserException.badConfig(
            "%s: '%s' is an empty text".formatted(scalar.origin(), path),
            "give it a value (was a variable of the shell not set?), or leave it out");
      }
      if (!choices.isEmpty() && !choices.contains(expanded)) {
        throw UserException.badConfig(
            "%s: '%s' is not a value of '%s'%s"
                .formatted(scalar.origin(), expanded, path, Suggestions.didYouMean(expanded, choices)),
            "one of: " + String.join(", ", choices));
      }
      return expanded;
    }
    if (type == boolean.class || type == Boolean.class) {
      return switch (text.toLowerCase(Locale.ROOT)) {
        case "true", "yes", "on" -> true;
        case "false", "no", "off" -> false;
        default -> throw wrongType(node, path, "true or false");
      };
    }
    boolean whole = type == int.class || type == Integer.class || type == long.class || type == Long.class;
    if (OCTAL.matcher(text).matches()) {
      throw UserException.badConfig(
          "%s: '%s': %s begins with a zero, which YAML reads as octal".formatted(node.origin(), path, text), "leave the zero out");
    }
    if (!NUMBER.matcher(text).matches()) {
      throw wrongType(node, path, whole ? "a whole number" : "a number");
    }
    try {
      String digits = text.replace("_", "");
      if (type == int.class || type == Integer.class) {
        return Integer.parseInt(digits);
      }
      if (type == long.class || type == Long.class) {
        return Long.parseLong(digits);
      }
      if (type == double.class || type == Double.class) {
        double number = Double.parseDouble(digits);
        if (!Double.isFinite(number)) {
          throw wrongType(node, path, "a finite number");
        }
        return number;
      }
    } catch (NumberFormatException e) {
      boolean large = WHOLE.matcher(text).matches();
      long most = type == int.class || type == Integer.class ? Integer.MAX_VALUE : Long.MAX_VALUE;
      throw wrongType(node, path, !whole ? "a number" : large ? "a whole number between -%d and %d".formatted(most, most) : "a whole number");
    }
    throw new IllegalStateException("config keys of type " + type + " are not known");
  }

  private static UserException wrongType(ConfigNode node, String path, String wanted) {
    String found = node instanceof Scalar scalar ? "'" + scalar.text() + "'" : node instanceof Items ? "a list" : "keys";
    return UserException.badConfig("%s: '%s' must be %s, not %s".formatted(node.origin(), path, wanted, found));
  }

  /** {@code ~} at the beginning and {@code $NAME}, {@code ${NAME}} anywhere; an unset variable is an error. */
  private static String expand(String text, String origin, String path, UnaryOperator<String> environment) {
    String expanded = text;
    if (expanded.equals("~") || expanded.startsWith("~/")) {
      expanded = System.getProperty("user.home") + expanded.substring(1);
    }
    Matcher matcher = VARIABLE.matcher(expanded);
    StringBuilder result = new StringBuilder();
    while (matcher.find()) {
      String name = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
      if (SECRET.matcher(name).find()) {
        throw UserException.badConfig(
            "%s: '%s': $%s looks like a secret, and configs are written into manifests".formatted(origin, path, name),
            "refusal download reads $HF_TOKEN by itself; no other command needs a token");
      }
      String value = environment.apply(name);
      if (value == null) {
        throw UserException.badConfig("%s: '%s': the variable $%s is not set".formatted(origin, path, name));
      }
      matcher.appendReplacement(result, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(result).toString();
  }
}
