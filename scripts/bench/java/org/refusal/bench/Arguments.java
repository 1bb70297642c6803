package org.refusal.bench;

import ai.djl.Device;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.ExitCode;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.torch.Devices;

/** The options that a benchmark was given. */
final class Arguments {
  static final Option JSON = new Option("--json", "FILE", null, "Also write the rows there.");

  private final Map<String, Option> known = new LinkedHashMap<>();
  private final Map<String, String> given = new LinkedHashMap<>();

  private Arguments(List<Option> options) {
    options.forEach(option -> known.put(option.name(), option));
    known.put(JSON.name(), JSON);
  }

  static Arguments parse(List<Option> options, List<String> words) {
    Arguments arguments = new Arguments(options);
    for (int i = 0; i < words.size(); i++) {
      String name = words.get(i);
      String value = null;
      if (name.startsWith("--") && name.contains("=")) {
        value = name.substring(name.indexOf('=') + 1);
        name = name.substring(0, name.indexOf('='));
      }
      if (!arguments.known.containsKey(name)) {
        throw usage("no option '" + name + "'" + Suggestions.didYouMean(name, List.copyOf(arguments.known.keySet())));
      }
      if (value == null) {
        if (i + 1 == words.size()) {
          throw usage(name + ": no value given");
        }
        value = words.get(++i);
      }
      arguments.given.put(name, value);
    }
    return arguments;
  }

  static UserException usage(String message) {
    return new UserException(ExitCode.USAGE, message, "scripts/bench/run NAME --help lists the options");
  }

  Optional<String> text(Option option) {
    return Optional.ofNullable(given.get(option.name()));
  }

  Optional<Path> json() {
    return text(JSON).map(Path::of);
  }

  int threads() {
    return given.containsKey("--threads") ? count(Option.THREADS) : Runtime.getRuntime().availableProcessors();
  }

  /** A whole number, at least 1. */
  int count(Option option) {
    String text = given.getOrDefault(option.name(), option.standard());
    try {
      int number = Integer.parseInt(text);
      if (number >= 1) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw usage(option.name() + ": '" + text + "' is no whole number");
    }
    throw usage(option.name() + ": " + text + " is less than 1");
  }

  Device device() {
    return Devices.parse(text(Option.DEVICE).orElse(Option.DEVICE.standard()));
  }

  boolean isGiven(Option option) {
    return given.containsKey(option.name());
  }
}
