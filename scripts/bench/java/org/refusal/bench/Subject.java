package org.refusal.bench;

import ai.djl.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.OrBench;
import org.refusal.data.Prompt;
import org.refusal.data.PromptKey;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.HubCache;
import org.refusal.subject.PromptTokens;
import org.refusal.text.ChatTemplate;
import org.refusal.text.RenderedPrompt;
import org.refusal.text.Tokenizer;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchRuntime;

/** A model and prompts for it, rendered by its chat template. */
final class Subject implements AutoCloseable {
  private final Scratch scratch;
  private final CausalLm lm;
  private final int padId;
  private final List<RenderedPrompt> prompts;

  private Subject(Scratch scratch, CausalLm lm, int padId, List<RenderedPrompt> prompts) {
    this.scratch = scratch;
    this.lm = lm;
    this.padId = padId;
    this.prompts = List.copyOf(prompts);
  }

  static Subject open(Arguments arguments, Option prompts) {
    TorchRuntime.start();
    TorchRuntime.setThreads(arguments.threads());
    Device device = arguments.device();
    int seed = arguments.count(Option.SEED);
    Optional<String> model = arguments.text(Option.MODEL);
    Scratch scratch = Scratch.create();
    try {
      CheckpointFolder checkpoint = model.map(Subject::checkpoint).orElseGet(() -> planted(scratch.folder(), seed));
      List<String> texts = texts(arguments, prompts, model.isPresent(), scratch.folder(), seed);
      List<RenderedPrompt> rendered;
      try (Tokenizer tokenizer = Tokenizer.load(checkpoint.folder())) {
        ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
        rendered = texts.stream().map(template::prompt).toList();
      }
      CausalLm lm = CausalLm.load(checkpoint, device, Devices.dataType("auto", device, checkpoint.config().storedType()));
      return new Subject(scratch, lm, checkpoint.config().padToken().orElse(0), rendered);
    } catch (RuntimeException e) {
      scratch.close();
      throw e;
    }
  }

  private static CheckpointFolder checkpoint(String name) {
    Path folder = Path.of(name);
    return Files.isDirectory(folder)
        ? CheckpointFolder.open(folder, folder.toAbsolutePath().normalize().getFileName().toString())
        : HubCache.of(Optional.empty()).open(name);
  }

  private static CheckpointFolder planted(Path folder, long seed) {
    PlantedModel.write(PlantedSpec.of(PlantedKind.MODULAR, seed), folder);
    return CheckpointFolder.open(folder, "planted");
  }

  private static List<String> texts(Arguments arguments, Option prompts, boolean real, Path planted, long seed) {
    String wanted = arguments.text(prompts).orElse(prompts.standard());
    if (!wanted.chars().allMatch(Character::isDigit)) {
      return PromptTexts.read(Path.of(wanted));
    }
    int count = arguments.count(prompts);
    if (real) {
      return PromptTexts.generated(count, seed);
    }
    List<String> all = OrBench.load(planted).prompts().stream().map(Prompt::text).toList();
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      texts.add(all.get((int) ((long) i * 37 % all.size())));
    }
    return texts;
  }

  CausalLm lm() {
    return lm;
  }

  int padId() {
    return padId;
  }

  List<RenderedPrompt> prompts() {
    return prompts;
  }

  /** So many of the prompts, evenly spread over their lengths. */
  List<RenderedPrompt> sample(int count) {
    List<RenderedPrompt> byLength =
        prompts.stream().sorted(Comparator.comparingInt(RenderedPrompt::length)).toList();
    int n = Math.min(count, byLength.size());
    List<RenderedPrompt> chosen = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      chosen.add(byLength.get((int) ((2L * i + 1) * byLength.size() / (2 * n))));
    }
    return chosen;
  }

  /** So many residual-stream hook points, evenly spread over the layers, the last one included. */
  List<HookPoint> hookPoints(int count) {
    int layers = lm.config().layers();
    int n = Math.min(count, layers);
    List<HookPoint> points = new ArrayList<>();
    for (int i = 1; i <= n; i++) {
      points.add(HookPoint.residuals((int) ((long) i * layers / n) - 1));
    }
    return points;
  }

  /** The prompts in turn as harmful and refused, and as harmless and answered. */
  List<PromptTokens> promptTokens() {
    List<PromptTokens> tokens = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      RenderedPrompt prompt = prompts.get(i);
      boolean harmful = i % 2 == 0;
      tokens.add(
          new PromptTokens(
              new PromptKey("bench", i), harmful, harmful, prompt.ids(), prompt.userFrom(), prompt.userTo()));
    }
    if (tokens.size() < 4) {
      throw UserException.badConfig("--prompts: %d are too few, at least 4 are needed".formatted(tokens.size()));
    }
    return tokens;
  }

  String description() {
    int shortest = prompts.stream().mapToInt(RenderedPrompt::length).min().orElse(0);
    int longest = prompts.stream().mapToInt(RenderedPrompt::length).max().orElse(0);
    return "model %s (%d layers, width %d) on %s in %s, %d prompts of %d to %d tokens, %d threads"
        .formatted(
            lm.config().name(), lm.config().layers(), lm.config().dModel(), Devices.name(lm.device()),
            lm.dataType(), prompts.size(), shortest, longest,
            TorchRuntime.threads());
  }

  @Override
  public void close() {
    lm.close();
    scratch.close();
  }
}
