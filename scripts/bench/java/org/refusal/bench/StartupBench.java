package org.refusal.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.refusal.base.UserException;

/** How long a user waits for a command that computes nothing. */
final class StartupBench implements Benchmark {
  private static final List<List<String>> COMMANDS =
      List.of(List.of("--help"), List.of("collect", "--help"), List.of("run", "--help"));
  private static final Option REPEATS = Option.number("--repeats", 7, "Starts of each side; the median counts.");

  @Override
  public String name() {
    return "startup";
  }

  @Override
  public String summary() {
    return "Time to answer --help: scripts/refusal against java -jar without class-data archive.";
  }

  @Override
  public List<Option> options() {
    return List.of(REPEATS);
  }

  @Override
  public Result run(Arguments arguments) {
    Path home = Path.of(System.getProperty("refusal.home"));
    String launcher = home.resolve("scripts/refusal").toString();
    String jar = home.resolve("refusal-cli/target/dist/lib/refusal-cli.jar").toString();
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<Row> rows = new ArrayList<>();
    for (List<String> command : COMMANDS) {
      List<String> ours = new ArrayList<>(List.of(launcher));
      List<String> plain = new ArrayList<>(List.of(java, "-jar", jar));
      ours.addAll(command);
      plain.addAll(command);
      Timing timing = Timing.of(arguments.count(REPEATS), true, () -> start(ours), () -> start(plain));
      rows.add(
          Row.time(
              "refusal " + String.join(" ", command), 1e3 * timing.ours(), 1e3 * timing.baseline(), "ms"));
    }
    return new Result(rows, List.of());
  }

  private static void start(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      int code = process.waitFor();
      if (code != 0) {
        throw UserException.environment(String.join(" ", command) + ": exit code " + code, "run it by hand");
      }
    } catch (IOException e) {
      throw UserException.environment(command.get(0) + ": cannot be started: " + e.getMessage(), "build the toolkit first");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
