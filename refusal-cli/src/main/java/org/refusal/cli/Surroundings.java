package org.refusal.cli;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.refusal.base.NativeSurroundings;
import org.refusal.base.TemporaryFolder;
import org.refusal.base.UserException;

/** What a command finds around it, settled once at its start: language, home, file names, temporary folder. */
final class Surroundings {
  /** Commands that need no temporary folder, or look at it themselves. */
  private static final Set<String> WITHOUT_TEMPORARY_FILES = Set.of("completion", "doctor", "label", "status");

  private Surroundings() {}

  /** Numbers and letters are those of no language, whatever the machine speaks; a user without an account has {@code $HOME}. */
  static void settle(Map<String, String> environment) {
    Locale.setDefault(Locale.ROOT);
    String home = System.getProperty("user.home", "?");
    if ((home.isEmpty() || home.equals("?")) && !environment.getOrDefault("HOME", "").isEmpty()) {
      System.setProperty("user.home", environment.get("HOME"));
    }
  }

  /** @throws UserException of the environment, when the command could not work here */
  static void require(String command, List<String> arguments, Map<String, String> environment) {
    requireNames(arguments, System.getProperty("sun.jnu.encoding", "UTF-8"));
    if (!WITHOUT_TEMPORARY_FILES.contains(command)) {
      requireTemporaryFolder(environment);
    }
  }

  /** Where the cache of native libraries cannot be made either, the one line says so at once. */
  static void requireTemporaryFolder(Map<String, String> environment) {
    try {
      TemporaryFolder.require();
    } catch (UserException e) {
      String cache = NativeSurroundings.whyNoCache(environment);
      if (cache == null) {
        throw e;
      }
      throw UserException.environment(
          e.getMessage() + "; and " + cache + " ($DJL_CACHE_DIR)",
          e.advice().orElse("") + "; " + NativeSurroundings.CACHE_ADVICE);
    }
  }

  /** Java has lost what an argument said that its locale has no letters for: it stands there as U+FFFD. */
  static void requireNames(List<String> arguments, String encoding) {
    if (isPlain(encoding)) {
      arguments.stream()
          .filter(argument -> argument.chars().anyMatch(c -> c > 127))
          .findFirst()
          .ifPresent(argument -> {
            throw cannotName(argument, encoding);
          });
    }
  }

  static UserException cannotName(String name, String encoding) {
    return UserException.environment(
        "'%s': file names that are not ASCII cannot be used in this locale (%s)".formatted(name, encoding),
        "set LC_ALL=C.UTF-8 (or another UTF-8 locale) and run the same command again");
  }

  /** Whether file names are ASCII only, as in the locales C and POSIX. */
  static boolean isPlain(String encoding) {
    return encoding.equals("ANSI_X3.4-1968") || encoding.equals("US-ASCII") || encoding.equals("646");
  }
}
