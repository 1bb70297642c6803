package org.refusal.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.text.RenderedPrompt;
import org.refusal.torch.Devices;

/** The same work by a Python library, for those who have it: {@code scripts/bench/python}. */
final class PythonSide {
  static final Option PYTHON =
      new Option(
          "--python", "PATH", null,
          "A Python with torch (and transformers), whose figures are added; see scripts/bench/README.md.");

  private PythonSide() {}

  /** Seconds that transformers needs for all prompts with the same hooks. Needs {@code --model FOLDER}. */
  static Optional<Double> collect(
      Arguments arguments, Subject subject, List<HookPoint> points, int batch, int newTokens) {
    if (arguments.text(PYTHON).isEmpty()) {
      return Optional.empty();
    }
    Path folder = Path.of(arguments.text(Option.MODEL).orElse("")).toAbsolutePath();
    if (arguments.text(Option.MODEL).isEmpty() || !folder.toFile().isDirectory()) {
      throw Arguments.usage("--python: needs --model FOLDER");
    }
    Map<String, Object> work = new LinkedHashMap<>();
    work.put("model", folder.toString());
    work.put("prompts", subject.prompts().stream().map(RenderedPrompt::ids).toList());
    work.put("layers", points.stream().map(HookPoint::layer).toList());
    work.put("batch", batch);
    work.put("new_tokens", newTokens);
    work.put("pad_id", subject.padId());
    work.put("device", Devices.name(subject.lm().device()));
    work.put("dtype", subject.lm().dataType().name().toLowerCase(Locale.ROOT));
    work.put("threads", arguments.threads());
    return Optional.of(run(arguments, "collect_transformers.py", work));
  }

  /** Seconds per step of dense autograd with torch.optim.Adam. */
  static Optional<Double> sae(Arguments arguments, int dIn, int dSae, int k, int batch, int steps) {
    if (arguments.text(PYTHON).isEmpty()) {
      return Optional.empty();
    }
    Map<String, Object> work = new LinkedHashMap<>();
    work.put("d_in", dIn);
    work.put("d_sae", dSae);
    work.put("k", k);
    work.put("batch", batch);
    work.put("steps", steps);
    work.put("device", Devices.name(arguments.device()));
    work.put("threads", arguments.threads());
    return Optional.of(run(arguments, "sae_torch.py", work));
  }

  private static double run(Arguments arguments, String script, Map<String, Object> work) {
    try (Scratch scratch = Scratch.create()) {
      Path input = scratch.folder().resolve("work.json");
      Path output = scratch.folder().resolve("seconds.json");
      Json.write(input, work);
      Path file = Path.of(System.getProperty("refusal.home"), "scripts", "bench", "python", script);
      List<String> command = new ArrayList<>(List.of(arguments.text(PYTHON).orElseThrow()));
      command.addAll(List.of(file.toString(), input.toString(), output.toString()));
      Process process = new ProcessBuilder(command).inheritIO().redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
      int code = process.waitFor();
      if (code != 0) {
        throw UserException.environment(
            "--python: " + script + " ended with code " + code, "it needs torch, and for collect transformers");
      }
      JsonNode seconds = Json.read(output).path("seconds");
      return seconds.asDouble();
    } catch (IOException e) {
      throw UserException.environment("--python: cannot be started: " + e.getMessage(), "give the path of a Python 3");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
