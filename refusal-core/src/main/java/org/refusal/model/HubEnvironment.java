package org.refusal.model;

import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the Hugging Face tools keep their files, by the rules of huggingface_hub: {@code $HF_HOME}, else
 * {@code $XDG_CACHE_HOME/huggingface}, else {@code ~/.cache/huggingface}; in it {@code hub} and {@code token}, unless
 * {@code $HF_HUB_CACHE} and {@code $HF_TOKEN_PATH} name them. {@code ~} and {@code $VARIABLES} in these values are expanded; a
 * variable that is not set stays as it is written.
 *
 * @param variables the environment
 * @param userHome for {@code ~} where {@code $HOME} is not set
 */
public record HubEnvironment(Map<String, String> variables, Path userHome) {
  private static final Pattern VARIABLE = Pattern.compile("\\$(?:(\\w+)|\\{([^}]*)})");

  public static HubEnvironment of(Map<String, String> variables) {
    return new HubEnvironment(variables, Path.of(System.getProperty("user.home")));
  }

  /** The folder of all Hugging Face files. */
  public Path home() {
    if (isSet("HF_HOME")) {
      return expand(variables.get("HF_HOME"));
    }
    return expand(isSet("XDG_CACHE_HOME") ? variables.get("XDG_CACHE_HOME") : "~/.cache").resolve("huggingface");
  }

  /** The folder of models and data sets. */
  public Path hub() {
    for (String name : new String[] {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
      if (isSet(name)) {
        return expand(variables.get(name));
      }
    }
    return home().resolve("hub");
  }

  /** The file in which a login leaves the token. */
  public Path tokenFile() {
    return isSet("HF_TOKEN_PATH") ? expand(variables.get("HF_TOKEN_PATH")) : home().resolve("token");
  }

  /** As Python's expanduser and expandvars. */
  public Path expand(String path) {
    String text = path;
    if (text.equals("~") || text.startsWith("~/")) {
      text = (isSet("HOME") ? variables.get("HOME") : userHome.toString()) + text.substring(1);
    }
    return Path.of(
        VARIABLE.matcher(text)
            .replaceAll(found -> {
              String name = found.group(1) == null ? found.group(2) : found.group(1);
              return Matcher.quoteReplacement(variables.getOrDefault(name, found.group()));
            }));
  }

  private boolean isSet(String name) {
    return !variables.getOrDefault(name, "").isBlank();
  }
}
