package org.refusal.config;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The keys of a config record, read from its components. */
public final class Keys {
  private Keys() {}

  /**
   * One key.
   *
   * @param path with dots: {@code circuit.node_threshold}
   * @param type as a person would say it: number, whole number, true or false, text, list of texts
   * @param def the default as YAML; null when the key must be given
   */
  public record KeyInfo(
      String path, String type, String def, String doc, List<String> choices, List<String> options, boolean neutral) {

    /** Whether an option switches the key off: {@code --no-visualizations} sets generate_visualizations to false. */
    public boolean negated(String option) {
      return option.startsWith("--no-") && !path.substring(path.lastIndexOf('.') + 1).startsWith("no_");
    }
  }

  /** All keys in the order of the records, depth first. */
  public static List<KeyInfo> of(Class<? extends Record> type) {
    List<KeyInfo> keys = new ArrayList<>();
    collect(type, "", keys);
    return keys;
  }

  /**
   * What of a config is not the default, by path, in the order of the keys: keys that have no default count, keys that the config
   * lacks do not.
   *
   * @param config as {@link Binder#toMap} makes it, or as read back from JSON
   */
  public static Map<String, Object> differing(Class<? extends Record> type, Map<String, Object> config) {
    Map<String, Object> differing = new LinkedHashMap<>();
    for (KeyInfo key : of(type)) {
      Object value = config;
      boolean known = true;
      for (String part : key.path().split("\\.")) {
        known = known && value instanceof Map<?, ?> section && section.containsKey(part);
        value = known ? ((Map<?, ?>) value).get(part) : null;
      }
      if (known && !(key.def() != null && plain(key.def()).equals(plain(String.valueOf(value))))) {
        differing.put(key.path(), value);
      }
    }
    return differing;
  }

  /** One spelling of a value: 1e-4 and 1.0E-4 are the same, so are [1] and [1.0]. */
  private static String plain(String text) {
    if (text.startsWith("[") && text.endsWith("]")) {
      return Arrays.stream(text.substring(1, text.length() - 1).split(",")).map(Keys::plain).toList().toString();
    }
    try {
      return new BigDecimal(text.strip()).stripTrailingZeros().toPlainString();
    } catch (NumberFormatException e) {
      return text.strip();
    }
  }

  private static void collect(Class<?> type, String prefix, List<KeyInfo> keys) {
    for (RecordComponent component : type.getRecordComponents()) {
      Key key = annotation(component);
      String path = prefix + yamlName(component);
      if (component.getType().isRecord()) {
        collect(component.getType(), path + ".", keys);
      } else {
        String def = key.def().equals(Key.NONE) ? null : key.def().equals(Key.EMPTY) ? "null" : key.def();
        keys.add(
            new KeyInfo(
                path, typeName(component), def, key.doc(), List.of(key.choices()), List.of(key.options()),
                key.neutral()));
      }
    }
  }

  static Key annotation(RecordComponent component) {
    Key key = component.getAnnotation(Key.class);
    if (key == null) {
      throw new IllegalStateException(
          component.getDeclaringRecord().getSimpleName() + "." + component.getName() + " has no @Key");
    }
    return key;
  }

  /** {@code topNPerLayer} is {@code top_n_per_layer} in YAML. */
  static String yamlName(RecordComponent component) {
    return component.getName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").replaceAll("([A-Z])([A-Z])", "$1_$2")
        .toLowerCase(Locale.ROOT);
  }

  private static String typeName(RecordComponent component) {
    Class<?> type = component.getType();
    if (type == List.class) {
      String items = component.getGenericType().getTypeName();
      return items.contains("Double") ? "list of numbers" : items.contains("Long") ? "list of whole numbers" : "list of texts";
    }
    if (type == boolean.class || type == Boolean.class) {
      return "true or false";
    }
    if (Arrays.asList(int.class, Integer.class, long.class, Long.class).contains(type)) {
      return "whole number";
    }
    return type == double.class || type == Double.class ? "number" : "text";
  }
}
