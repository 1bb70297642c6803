package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * A JSON object of a model folder, whose values are asked for by key and type; what does not fit is bad data that names
 * file, key and value. A key whose value is null counts as absent, as in transformers.
 *
 * @param place of the object in the file, with a dot at the end; empty for the file's own
 */
public record ConfigObject(Path file, String place, JsonNode node) {

  static ConfigObject read(Path file) {
    JsonNode root = Json.readPython(file);
    if (!root.isObject()) {
      throw UserException.badData(file + ": not a JSON object");
    }
    return new ConfigObject(file, "", root);
  }

  boolean has(String key) {
    return !node.path(key).isMissingNode() && !node.path(key).isNull();
  }

  JsonNode get(String key) {
    return node.path(key);
  }

  Iterator<String> keys() {
    return node.fieldNames();
  }

  /** The object that stands under a key. */
  ConfigObject object(String key) {
    if (!node.path(key).isObject()) {
      throw bad(key, "is not a JSON object");
    }
    return new ConfigObject(file, place + key + ".", node.path(key));
  }

  int positive(String key, int byDefault) {
    if (!has(key)) {
      return byDefault;
    }
    if (!node.path(key).isInt() || node.path(key).intValue() < 1) {
      throw bad(key, "is no whole number from 1");
    }
    return node.path(key).intValue();
  }

  boolean flag(String key, boolean byDefault) {
    if (!has(key)) {
      return byDefault;
    }
    if (!node.path(key).isBoolean()) {
      throw bad(key, "is neither true nor false");
    }
    return node.path(key).booleanValue();
  }

  double number(String key, double byDefault) {
    if (!has(key)) {
      return byDefault;
    }
    if (!node.path(key).isNumber() || !Double.isFinite(node.path(key).doubleValue())) {
      throw bad(key, "is no finite number");
    }
    return node.path(key).doubleValue();
  }

  /** A whole number that may be 0. */
  int fromZero(String key, int byDefault) {
    if (!has(key)) {
      return byDefault;
    }
    if (!node.path(key).isInt() || node.path(key).intValue() < 0) {
      throw bad(key, "is no whole number from 0");
    }
    return node.path(key).intValue();
  }

  double positiveNumber(String key, double byDefault) {
    return has(key) ? requiredPositive(key) : byDefault;
  }

  /** Where the key is there, its text must be one of these. */
  void requireOneOf(String key, String... allowed) {
    if (has(key) && !List.of(allowed).contains(node.path(key).asText())) {
      throw bad(key, "is not " + String.join(" or ", allowed));
    }
  }

  /** A number greater than 0 that must be there. */
  double requiredPositive(String key) {
    if (!has(key)) {
      throw UserException.badData("%s: %s%s is missing".formatted(file, place, key));
    }
    if (number(key, 0) <= 0) {
      throw bad(key, "is not greater than 0");
    }
    return number(key, 0);
  }

  UserException bad(String key, String what) {
    JsonNode value = node.path(key);
    return UserException.badData(
        "%s: %s%s %s %s".formatted(file, place, key, value.isMissingNode() ? "(missing)" : shortened(value), what));
  }

  private static String shortened(JsonNode value) {
    String text = value.toString();
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }
}
