package org.refusal.sae;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;

/** The rule for configs and tensors of autoencoders: known to be obeyed, known to be without effect, or refused by name. */
final class SaeKeys {
  private SaeKeys() {}

  /**
   * @param known keys that are obeyed elsewhere or have no effect on the function
   * @param onlyAs keys that may have one of these values, or be false or "none"; any key may be null or empty
   */
  static void check(Path file, JsonNode config, Set<String> known, Map<String, Set<String>> onlyAs) {
    for (Map.Entry<String, JsonNode> entry : config.properties()) {
      String key = entry.getKey();
      JsonNode value = entry.getValue();
      if (known.contains(key) || value.isNull() || value.isContainerNode() && value.isEmpty()) {
        continue;
      }
      if (onlyAs.containsKey(key)) {
        if (!isOff(value) && !onlyAs.get(key).contains(value.asText())) {
          throw UserException.badData(
              value.isTextual()
                  ? "%s: %s '%s' cannot be read, only %s can"
                      .formatted(file, key, value.asText(), onlyAs.get(key).isEmpty() ? "none" : String.join(", ", onlyAs.get(key)))
                  : "%s: %s is set: not an autoencoder of this form".formatted(file, key),
              "what is read: docs/autoencoders.md");
        }
        continue;
      }
      throw UserException.badData(
          "%s: unknown key '%s': it may change what the autoencoder computes".formatted(file, key),
          "if it has no effect, take it out of " + file.getFileName());
    }
  }

  private static boolean isOff(JsonNode value) {
    return value.isBoolean() && !value.booleanValue() || value.isTextual() && value.textValue().equals("none");
  }

  /** @throws UserException naming a tensor that the form does not have */
  static void checkTensors(Path file, Collection<String> names, Set<String> known) {
    for (String name : names) {
      if (!known.contains(name)) {
        throw UserException.badData(
            "%s: tensor '%s' is none of %s: not an autoencoder of this form"
                .formatted(file, name, known.stream().sorted().toList()),
            "what is read: docs/autoencoders.md");
      }
    }
  }
}
