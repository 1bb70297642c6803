package org.refusal.activation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.model.CausalLm;
import org.refusal.model.Generation;
import org.refusal.model.Generator;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.KvCache;
import org.refusal.model.TokenBatch;
import org.refusal.text.Positions;
import org.refusal.text.RenderedPrompt;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Runs prompts through a model and hands over what each left behind, in dataset order (docs/definitions.md): one prefill captures
 * all hook points, greedy generation goes on from its cache. The tokens that all prompts of a batch begin with, such as a
 * template's, are run once for all of them.
 *
 * <p>Prompts are taken in windows of some batches; inside a window batches are formed by length. Which prompts share a
 * batch depends on the prompts and the batch size alone, not on where an interrupted run stopped. Memory: the captured
 * rows of one window. A batch that memory does not suffice for, or in which an activation or a logit is not finite, is run
 * again in halves, down to the prompt that is at fault. Any other failure is a defect and stops the run.
 */
public final class Collector {
  private static final int BATCHES_PER_WINDOW = 8;

  /** A prompt to run. */
  public record Input(PromptKey key, RenderedPrompt prompt) {}

  /**
   * What is captured.
   *
   * @param hookPoints may be empty
   * @param newTokens greedily generated per prompt
   * @param padId any id of the vocabulary
   * @param keepGoing record prompts that cannot be run as missing instead of stopping
   */
  public record Options(
      List<HookPoint> hookPoints, Positions positions, int newTokens, int batchSize, int padId, boolean keepGoing) {
    public Options {
      hookPoints = List.copyOf(hookPoints);
      if (batchSize < 1) {
        throw UserException.badConfig("inference.batch_size: %d is less than 1".formatted(batchSize));
      }
      if (newTokens < 0) {
        throw UserException.badConfig("inference.max_new_tokens: %d is less than 0".formatted(newTokens));
      }
    }

    /** The same, with nothing captured but what the model answers. */
    public Options withoutHookPoints() {
      return new Options(List.of(), positions, newTokens, batchSize, padId, keepGoing);
    }
  }

  private static final String OTHER_TYPE = "float16 overflows in some models: set model.torch_dtype to bfloat16 or float32";
  private static final String KEEP_GOING = "--keep-going records such prompts as missing and goes on";

  private final CausalLm lm;
  private final Options options;
  private final Progress progress;

  public Collector(CausalLm lm, Options options, Progress progress) {
    this.lm = lm;
    this.options = options;
    this.progress = progress;
  }

  /** The type in which a model's activations are stored. */
  public static DType storedType(DataType type) {
    return switch (type) {
      case FLOAT32 -> DType.F32;
      case FLOAT64 -> DType.F64;
      case FLOAT16 -> DType.F16;
      case BFLOAT16 -> DType.BF16;
      default -> throw new IllegalArgumentException("no model computes in " + type);
    };
  }

  /**
   * @param name of the category, for progress and messages
   * @param inputs all prompts of the category in dataset order, each of another key
   * @param done prompts whose results are already safe; they are not handed over again
   * @param sink takes the results in dataset order
   * @return the prompts that could not be run, in dataset order; empty unless {@link Options#keepGoing}
   */
  public List<MissingPrompt> collect(
      String name, List<Input> inputs, List<PromptKey> done, Consumer<CapturedPrompt> sink) {
    Set<PromptKey> safe = new HashSet<>(done);
    List<MissingPrompt> missing = new ArrayList<>();
    int windowSize = options.batchSize() * BATCHES_PER_WINDOW;
    try (Progress.Task task = progress.task("collect " + name, inputs.size())) {
      for (int from = 0; from < inputs.size(); from += windowSize) {
        List<Input> window = inputs.subList(from, Math.min(inputs.size(), from + windowSize));
        Map<PromptKey, CapturedPrompt> captured = new HashMap<>();
        Map<PromptKey, MissingPrompt> failed = new HashMap<>();
        for (List<Input> batch : batches(window)) {
          if (!batch.stream().allMatch(input -> safe.contains(input.key()))) {
            run(name, batch, captured, failed);
          }
          task.advance(batch.size());
        }
        for (Input input : window) {
          PromptKey key = input.key();
          if (failed.containsKey(key)) {
            missing.add(failed.get(key));
          } else if (!safe.contains(key)) {
            sink.accept(captured.get(key));
          }
        }
      }
    }
    return missing;
  }

  private List<List<Input>> batches(List<Input> window) {
    List<Input> byLength = new ArrayList<>(window);
    byLength.sort(Comparator.comparingInt(input -> input.prompt().length()));
    List<List<Input>> batches = new ArrayList<>();
    for (int from = 0; from < byLength.size(); from += options.batchSize()) {
      batches.add(byLength.subList(from, Math.min(byLength.size(), from + options.batchSize())));
    }
    return batches;
  }

  private void run(
      String name, List<Input> batch, Map<PromptKey, CapturedPrompt> captured, Map<PromptKey, MissingPrompt> failed) {
    try {
      runBatch(batch).forEach(result -> captured.put(result.key(), result));
    } catch (RuntimeException e) {
      boolean notFinite = e instanceof UserException known && known.exitCode() == ExitCode.BAD_DATA;
      if (!notFinite && !Memory.ranOut(e)) {
        throw e;
      }
      if (batch.size() > 1) {
        progress.note(
            "%s: a batch of %d prompts failed (%s); trying it in halves".formatted(name, batch.size(), firstLine(e)));
        run(name, batch.subList(0, batch.size() / 2), captured, failed);
        run(name, batch.subList(batch.size() / 2, batch.size()), captured, failed);
        return;
      }
      Input input = batch.get(0);
      String reason = firstLine(e);
      if (!options.keepGoing()) {
        String message =
            "prompt %s (%d tokens) cannot be run: %s".formatted(input.key(), input.prompt().length(), reason);
        throw notFinite
            ? new UserException(ExitCode.BAD_DATA, message, OTHER_TYPE + "; " + KEEP_GOING, e)
            : new UserException(
                ExitCode.ENVIRONMENT, message, "use a half type (model.torch_dtype), or more memory; " + KEEP_GOING, e);
      }
      failed.put(input.key(), new MissingPrompt(input.key(), reason));
    }
  }

  private static String firstLine(Throwable e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.lines().findFirst().orElse(message);
  }

  /** Activations at the tokens that all prompts of a batch begin with, at the other columns, and at each new token. */
  private static final class Capture {
    private final Map<HookPoint, NDArray> shared = new LinkedHashMap<>(); // [1, shared, d_model]
    private final Map<HookPoint, NDArray> own = new LinkedHashMap<>(); // [batch, width - shared, d_model]
    private final Map<HookPoint, List<byte[]>> steps = new LinkedHashMap<>(); // each [batch, 1, d_model]
    private final Set<HookPoint> notFinite = new HashSet<>();

    /** The activation as it is stored; whether all of it is finite is asked on the device. */
    byte[] read(HookPoint at, NDArray activation) {
      if (!TorchOps.allFinite(activation)) {
        notFinite.add(at);
      }
      return TorchOps.bytes(activation);
    }
  }

  private static Hook keep(Map<HookPoint, NDArray> captured) {
    return (activation, at) -> {
      captured.put(at, activation);
      return activation;
    };
  }

  private List<CapturedPrompt> runBatch(List<Input> inputs) {
    TokenBatch batch = new TokenBatch(inputs.stream().map(input -> input.prompt().ids()).toList(), options.padId());
    Capture capture = new Capture();
    try (Memory.Scope scope = Memory.scope()) {
      CausalLm.Prefill prefill =
          lm.prefill(
              batch, batch.sharedTokens(), options.newTokens(), hooks(keep(capture.shared)), hooks(keep(capture.own)));
      try (KvCache cache = prefill.cache()) {
        float[] logits = TorchOps.cast(prefill.logits(), DataType.FLOAT32).toFloatArray(); // [batch, vocab]
        requireFinite(logits, logits.length / inputs.size());
        Hooks during =
            options.positions().generated()
                ? hooks(
                    (activation, at) -> {
                      capture.steps.computeIfAbsent(at, point -> new ArrayList<>()).add(capture.read(at, activation));
                      return activation;
                    })
                : Hooks.none();
        Generation generation =
            new Generator(lm).continueFrom(prefill.logits(), cache, options.newTokens(), during);
        return results(inputs, batch, capture, logits, generation);
      }
    }
  }

  private Hooks hooks(Hook hook) {
    Map<HookPoint, Hook> byPoint = new HashMap<>();
    options.hookPoints().forEach(point -> byPoint.put(point, hook));
    return new Hooks(byPoint);
  }

  private List<CapturedPrompt> results(
      List<Input> inputs, TokenBatch batch, Capture capture, float[] logits, Generation generation) {
    int vocab = logits.length / inputs.size();
    int[][] kept = new int[inputs.size()][];
    List<Map<HookPoint, ByteBuffer>> activations = new ArrayList<>();
    for (int row = 0; row < inputs.size(); row++) {
      kept[row] = options.positions().select(inputs.get(row).prompt(), tokensRun(generation, row));
      activations.add(new HashMap<>());
    }
    for (HookPoint at : options.hookPoints()) {
      byte[] shared = capture.shared.containsKey(at) ? capture.read(at, capture.shared.get(at)) : new byte[0];
      byte[] own = capture.read(at, capture.own.get(at));
      List<byte[]> steps = capture.steps.getOrDefault(at, List.of());
      for (int row = 0; row < inputs.size(); row++) {
        ByteBuffer rows = rows(batch, row, kept[row], shared, own, steps);
        if (capture.notFinite.contains(at)) {
          requireFinite(rows, at, kept[row]);
        }
        activations.get(row).put(at, rows);
      }
    }
    List<CapturedPrompt> results = new ArrayList<>();
    for (int row = 0; row < inputs.size(); row++) {
      RenderedPrompt prompt = inputs.get(row).prompt();
      int[] generated = generation.ids().get(row);
      int[] groups = prompt.groups();
      int[] ids = new int[kept[row].length];
      int[] keptGroups = new int[kept[row].length];
      for (int i = 0; i < ids.length; i++) {
        int position = kept[row][i];
        boolean own = position < prompt.length();
        ids[i] = own ? prompt.ids()[position] : generated[position - prompt.length()];
        keptGroups[i] = own ? groups[position] : RenderedPrompt.GENERATED_GROUP;
      }
      results.add(
          new CapturedPrompt(
              inputs.get(row).key(),
              ids,
              kept[row],
              keptGroups,
              activations.get(row),
              Arrays.copyOfRange(logits, row * vocab, (row + 1) * vocab),
              generated));
    }
    return results;
  }

  /** New tokens that the model has read: all, unless the limit came before the end token. */
  private static int tokensRun(Generation generation, int row) {
    int generated = generation.ids().get(row).length;
    return generation.ended()[row] ? generated : Math.max(0, generated - 1);
  }

  /** Rows of the kept positions {@code [kept, d_model]}, as they are stored. */
  private ByteBuffer rows(TokenBatch batch, int row, int[] kept, byte[] shared, byte[] own, List<byte[]> steps) {
    int rowBytes = lm.config().dModel() * storedType(lm.dataType()).bytes();
    int length = batch.length(row);
    int begin = shared.length / rowBytes;
    int columns = batch.width() - begin;
    ByteBuffer rows =
        ByteBuffer.allocate(Math.multiplyExact(kept.length, rowBytes)).order(ByteOrder.LITTLE_ENDIAN);
    for (int position : kept) {
      if (position < begin) {
        rows.put(shared, position * rowBytes, rowBytes);
      } else if (position < length) {
        rows.put(own, (row * columns + batch.padding(row) + position - begin) * rowBytes, rowBytes);
      } else {
        rows.put(steps.get(position - length), row * rowBytes, rowBytes);
      }
    }
    return rows.flip();
  }

  /** m and the answer rest on them. */
  private static void requireFinite(float[] logits, int vocab) {
    for (int i = 0; i < logits.length; i++) {
      if (!Float.isFinite(logits[i])) {
        throw UserException.badData(
            "the logit of token %d at the last prompt position is %s".formatted(i % vocab, logits[i]));
      }
    }
  }

  /** Where something of the batch is not finite, it may be in a column of padding, which nobody keeps. */
  private void requireFinite(ByteBuffer rows, HookPoint at, int[] positions) {
    long[] shape = {positions.length, lm.config().dModel()};
    float[] values = new Safetensors.Tensor(storedType(lm.dataType()), shape, rows).floats();
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw UserException.badData(
            "the activation at %s, position %d is %s"
                .formatted(at, positions[i / (values.length / positions.length)], values[i]));
      }
    }
  }
}
