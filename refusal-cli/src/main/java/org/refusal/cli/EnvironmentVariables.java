package org.refusal.cli;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.refusal.base.Suggestions;
import org.refusal.config.Binder;
import org.refusal.config.Keys;
import org.refusal.stage.Stages;

/** The variables {@code REFUSAL_...}: one for every config key, and those of the launcher and of the tests. */
final class EnvironmentVariables {
  static final String TRACE = "REFUSAL_TRACE";
  private static final String PREFIX = "REFUSAL_";
  private static final Set<String> OWN =
      Set.of(TRACE, "REFUSAL_JAVA_OPTS", "REFUSAL_MAVEN_OPTS", "REFUSAL_SMOLLM2", "REFUSAL_LABELS");

  private EnvironmentVariables() {}

  /** One warning for each variable that looks like a config key and is none: it has no effect. */
  static List<String> warnings(Set<String> environment) {
    TreeSet<String> keys = new TreeSet<>();
    Stages.all().forEach(stage -> Keys.of(stage.configType()).forEach(key -> keys.add(Binder.variable(key.path()))));
    return new TreeSet<>(environment).stream()
        .filter(name -> name.startsWith(PREFIX) && !OWN.contains(name) && !keys.contains(name))
        .map(name ->
            "refusal: warning: $%s sets no config key and has no effect%s"
                .formatted(name, Suggestions.didYouMean(name, keys)))
        .toList();
  }
}
