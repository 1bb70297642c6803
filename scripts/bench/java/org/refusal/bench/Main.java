package org.refusal.bench;

import java.io.PrintStream;
import java.util.List;
import java.util.Optional;
import org.refusal.base.ExitCode;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;

/** {@code scripts/bench/run NAME [options] [--json FILE]}. */
public final class Main {
  private static final List<Benchmark> ALL =
      List.of(
          new StartupBench(), new PrefillBench(), new CollectBench(), new SaeBench(), new DiscoverBench(),
          new StatsBench(), new EvaluateBench());

  private Main() {}

  public static void main(String[] words) {
    System.exit(run(List.of(words), System.out, System.err));
  }

  private static int run(List<String> words, PrintStream out, PrintStream err) {
    try {
      if (words.isEmpty() || isHelp(words.get(0))) {
        out.print(help());
        return words.isEmpty() ? ExitCode.USAGE.code() : ExitCode.OK.code();
      }
      Benchmark benchmark = find(words.get(0));
      List<String> rest = words.subList(1, words.size());
      if (rest.stream().anyMatch(Main::isHelp)) {
        out.print(help(benchmark));
        return ExitCode.OK.code();
      }
      Arguments arguments = Arguments.parse(benchmark.options(), rest);
      Result result = benchmark.run(arguments);
      out.print(result.table());
      arguments.json().ifPresent(result::writeJson);
      return ExitCode.OK.code();
    } catch (UserException e) {
      err.println("bench: error: " + e.getMessage());
      e.advice().ifPresent(err::println);
      return e.exitCode().code();
    }
  }

  private static boolean isHelp(String word) {
    return word.equals("--help") || word.equals("-h");
  }

  private static Benchmark find(String name) {
    Optional<Benchmark> found = ALL.stream().filter(each -> each.name().equals(name)).findFirst();
    return found.orElseThrow(
        () -> {
          List<String> names = ALL.stream().map(Benchmark::name).toList();
          return new UserException(
              ExitCode.USAGE, "no benchmark '" + name + "'" + Suggestions.didYouMean(name, names),
              "one of: " + String.join(", ", names));
        });
  }

  private static String help() {
    StringBuilder help = new StringBuilder("scripts/bench/run NAME [options] [--json FILE]\n\n");
    for (Benchmark benchmark : ALL) {
      help.append("  %-9s %s%n".formatted(benchmark.name(), benchmark.summary()));
    }
    return help.append("\nNAME --help lists its options. Ratios above 1 mean that the toolkit is faster.\n").toString();
  }

  private static String help(Benchmark benchmark) {
    StringBuilder help = new StringBuilder("scripts/bench/run " + benchmark.name() + " [options]\n\n");
    help.append(benchmark.summary()).append("\n\n");
    for (Option option : benchmark.options()) {
      line(help, option);
    }
    line(help, Arguments.JSON);
    return help.toString();
  }

  private static void line(StringBuilder help, Option option) {
    help.append("  %-24s %s".formatted(option.name() + " " + option.value(), option.about()));
    help.append(option.standard() == null ? "\n" : " Default: " + option.standard() + ".\n");
  }
}
