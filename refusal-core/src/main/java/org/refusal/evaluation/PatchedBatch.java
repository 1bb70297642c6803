package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntFunction;
import org.refusal.circuit.HookPoint;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.BatchBaseline;
import org.refusal.subject.Captures;
import org.refusal.subject.LatentsAndError;
import org.refusal.subject.Precision;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Some prompts, padded to one length, with the baseline of every token, and the hooks that apply interventions to them.
 * A run of K interventions has the rows of {@link TokenBatch#repeat}: prompt by prompt, the interventions of each in
 * order. Sinks are those of the clean run, in the prompt or in its baseline.
 */
final class PatchedBatch implements AutoCloseable {
  private final StudiedModel model;
  private final List<PromptTokens> prompts;
  private final TokenBatch tokens;
  private final BatchBaseline baseline;
  private int begin;
  private final Map<HookPoint, float[]> keep = new HashMap<>(); // [batch * pos], 0 at sinks and in the padding
  private final Map<HookPoint, NDArray> activations = new HashMap<>(); // x' [batch, pos, d_model]
  private final Map<HookPoint, LatentsAndError> nodes = new HashMap<>(); // [batch, pos, d_sae], [batch, pos, d_model]

  PatchedBatch(StudiedModel model, List<PromptTokens> prompts, Collection<HookPoint> points) {
    this.model = model;
    this.prompts = List.copyOf(prompts);
    this.tokens = Captures.batch(prompts, model.padId());
    this.baseline = model.baseline().align(this.prompts, points);
    findSinks(points, cleanSinks(points));
  }

  /**
   * Of interventions at one hook point only.
   *
   * @param prefix the clean run of the prompts up to it
   */
  PatchedBatch(StudiedModel model, List<PromptTokens> prompts, Prefix prefix) {
    this.model = model;
    this.prompts = List.copyOf(prompts);
    this.tokens = prefix.batch();
    HookPoint at = prefix.at();
    this.baseline = model.baseline().align(this.prompts, List.of(at));
    boolean[][] rows = new boolean[prompts.size()][];
    try (Memory.Scope scope = Memory.scope()) {
      for (int r = 0; r < rows.length; r++) {
        NDArray row = prefix.activation().get(r).get("%d:".formatted(tokens.padding(r)));
        rows[r] = model.thresholds().mask(at, row);
      }
    }
    findSinks(List.of(at), Map.of(at, rows));
  }

  TokenBatch tokens() {
    return tokens;
  }

  /** Leading columns in which every row has padding or tokens that are their own baseline: only ablations act there. */
  int unchangedColumns() {
    return baseline.unchangedColumns(tokens);
  }

  /** From now on activations come without the columns before this one. */
  void beginAt(int column) {
    if (!activations.isEmpty() || !nodes.isEmpty()) {
      throw new IllegalStateException("the batch has been used already");
    }
    begin = column;
  }

  /** Sinks of the clean run at the hook points that have a threshold {@code [batch][T]}. */
  private Map<HookPoint, boolean[][]> cleanSinks(Collection<HookPoint> points) {
    Collection<HookPoint> checked = new TreeSet<>(points);
    checked.retainAll(model.thresholds().byPoint().keySet());
    Map<HookPoint, boolean[][]> sinks = new HashMap<>();
    if (!checked.isEmpty()) {
      try (Memory.Scope scope = Memory.scope();
          Captures clean = Captures.of(model.lm(), tokens, checked)) {
        for (HookPoint at : checked) {
          boolean[][] rows = new boolean[prompts.size()][];
          for (int r = 0; r < rows.length; r++) {
            rows[r] = model.thresholds().mask(at, clean.row(at, r));
          }
          sinks.put(at, rows);
        }
      }
    }
    return sinks;
  }

  private void findSinks(Collection<HookPoint> points, Map<HookPoint, boolean[][]> sinks) {
    int width = tokens.width();
    for (HookPoint at : points) {
      float[] kept = new float[prompts.size() * width];
      for (int r = 0; r < prompts.size(); r++) {
        boolean[] ofBaseline = baseline.sinks(at, r);
        for (int t = 0; t < tokens.length(r); t++) {
          boolean sink = ofBaseline[t] || sinks.containsKey(at) && sinks.get(at)[r][t];
          kept[r * width + tokens.padding(r) + t] = sink ? 0 : 1;
        }
      }
      keep.put(at, kept);
    }
  }

  /** Hooks for a batch in which every prompt is repeated once per intervention. */
  Hooks hooks(List<Intervention> interventions) {
    Map<HookPoint, Hook> hooks = new LinkedHashMap<>();
    for (Intervention intervention : interventions) {
      for (HookPoint point : intervention.byPoint().keySet()) {
        hooks.put(point, (activation, at) -> apply(activation, at, interventions));
      }
    }
    return new Hooks(hooks);
  }

  /** Hooks for the tokens that are generated after it: only ablations act there, a partner has no value to give. */
  Hooks generationHooks(List<Intervention> interventions) {
    Map<HookPoint, Hook> hooks = new LinkedHashMap<>();
    for (Intervention intervention : interventions) {
      intervention.byPoint().forEach((point, replacement) -> {
        if (replacement instanceof Replacement.Ablation) {
          hooks.put(point, (activation, at) -> ablate(activation, at, interventions));
        }
      });
    }
    return new Hooks(hooks);
  }

  /** @param activation {@code [batch * interventions, pos, d_model]}, from the first column on */
  NDArray apply(NDArray activation, HookPoint at, List<Intervention> interventions) {
    List<Replacement> replacements = replacements(at, interventions);
    try (Memory.Scope scope = Memory.scope()) {
      NDArray x = Precision.toWorking(activation);
      NDArray change = subspaceChange(x, at, replacements, false);
      change = sum(change, nodeChange(x, at, replacements));
      change = sum(change, fullChange(x, at, replacements));
      if (change == null) {
        return activation;
      }
      change = change.mul(where(x, at, interventions));
      return scope.keep(TorchOps.castLike(x.add(change), activation));
    }
  }

  /** @param activation of a generated token {@code [batch * interventions, 1, d_model]} */
  private NDArray ablate(NDArray activation, HookPoint at, List<Intervention> interventions) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray x = Precision.toWorking(activation);
      NDArray change = subspaceChange(x, at, replacements(at, interventions), true);
      return change == null ? activation : scope.keep(TorchOps.castLike(x.add(change), activation));
    }
  }

  private static List<Replacement> replacements(HookPoint at, List<Intervention> interventions) {
    return interventions.stream().map(intervention -> intervention.byPoint().get(at)).toList();
  }

  private static NDArray sum(NDArray a, NDArray b) {
    return a == null ? b : b == null ? a : a.add(b);
  }

  /** 1 where an intervention acts {@code [batch * interventions, pos, 1]}. */
  private NDArray where(NDArray x, HookPoint at, List<Intervention> interventions) {
    int width = tokens.width();
    int columns = width - begin;
    int count = interventions.size();
    float[] kept = keep.get(at);
    float[] mask = new float[prompts.size() * count * columns];
    for (int r = 0; r < prompts.size(); r++) {
      int after = width - prompts.get(r).after();
      for (int i = 0; i < count; i++) {
        boolean all = interventions.get(i).positions() == Positions.ALL;
        for (int column = Math.max(begin, all ? 0 : after); column < width; column++) {
          mask[(r * count + i) * columns + column - begin] = kept[r * width + column];
        }
      }
    }
    return like(x, mask, new Shape((long) prompts.size() * count, columns, 1));
  }

  private NDArray nodeChange(NDArray x, HookPoint at, List<Replacement> replacements) {
    int count = replacements.size();
    boolean any = replacements.stream().anyMatch(Replacement.Nodes.class::isInstance);
    if (!any) {
      return null;
    }
    SparseAutoencoder sae = model.sae(at);
    int dSae = sae.dSae();
    float[] masks = new float[count * dSae];
    float[] errors = new float[count];
    boolean anyError = false;
    for (int i = 0; i < count; i++) {
      if (replacements.get(i) instanceof Replacement.Nodes replaced) {
        int row = i * dSae;
        replaced.latents().stream().forEach(latent -> masks[row + latent] = 1);
        errors[i] = replaced.error() ? 1 : 0;
        anyError |= replaced.error();
      }
    }
    long n = prompts.size();
    long width = x.getShape().get(1);
    long dModel = x.getShape().get(2);
    NDArray flat = x.reshape(-1, dModel); // [tokens, d_model]
    LatentsAndError arriving = LatentsAndError.of(flat, sae);
    LatentsAndError target = nodes(at);
    NDArray latents =
        target.latents().expandDims(1)
            .sub(arriving.latents().reshape(n, count, width, dSae))
            .mul(like(x, masks, new Shape(1, count, 1, dSae)))
            .reshape(-1, dSae);
    NDArray change = latents.matMul(sae.wDec()).reshape(x.getShape());
    if (!anyError) {
      return change;
    }
    NDArray error =
        target.error().expandDims(1)
            .sub(arriving.error().reshape(n, count, width, dModel))
            .mul(like(x, errors, new Shape(1, count, 1, 1)));
    return change.add(error.reshape(x.getShape()));
  }

  private NDArray fullChange(NDArray x, HookPoint at, List<Replacement> replacements) {
    float[] flags = flags(replacements, Replacement.Everything.class);
    if (flags == null) {
      return null;
    }
    return partnerDifference(x, at, flags.length)
        .mul(like(x, flags, new Shape(1, flags.length, 1, 1)))
        .reshape(x.getShape());
  }

  private NDArray subspaceChange(NDArray x, HookPoint at, List<Replacement> replacements, boolean generating) {
    int count = replacements.size();
    long n = prompts.size();
    List<double[][]> bases = new ArrayList<>();
    List<double[][]> amounts = new ArrayList<>();
    for (Replacement replacement : replacements) {
      if (replacement instanceof Replacement.Span span && !generating) {
        bases.add(span.basis());
        amounts.add(span.amount());
      } else if (replacement instanceof Replacement.Ablation ablation) {
        bases.add(ablation.basis());
        amounts.add(ablation.basis());
      } else {
        bases.add(new double[0][]);
        amounts.add(new double[0][]);
      }
    }
    int rank = bases.stream().mapToInt(basis -> basis.length).max().orElseThrow();
    if (rank == 0) {
      return null;
    }
    float[] partner = flags(replacements, Replacement.Span.class);
    NDArray difference = x.neg(); // an ablation goes to zero
    if (partner != null && !generating) {
      NDArray target =
          activation(at).expandDims(1).mul(like(x, partner, new Shape(1, count, 1, 1))).reshape(x.getShape());
      difference = target.sub(x);
    }
    NDArray basis = stacked(x, bases, rank, n);
    NDArray amount = amounts.equals(bases) ? basis : stacked(x, amounts, rank, n);
    return difference.matMul(amount.transpose(0, 2, 1)).matMul(basis); // [batch * interventions, pos, d_model]
  }

  /** One subspace per intervention, for every prompt {@code [batch * interventions, rank, d_model]}; zero rows where it is smaller. */
  private static NDArray stacked(NDArray x, List<double[][]> bases, int rank, long prompts) {
    int count = bases.size();
    int dModel = (int) x.getShape().get(2);
    double[] rows = new double[count * rank * dModel];
    for (int i = 0; i < count; i++) {
      for (int k = 0; k < bases.get(i).length; k++) {
        System.arraycopy(bases.get(i)[k], 0, rows, (i * rank + k) * dModel, dModel);
      }
    }
    return TorchOps.cast(x.getManager().create(rows, new Shape(1, count, rank, dModel)), x.getDataType())
        .broadcast(new Shape(prompts, count, rank, dModel))
        .reshape(prompts * count, rank, dModel);
  }

  /** x' - x {@code [batch, interventions, pos, d_model]}. */
  private NDArray partnerDifference(NDArray x, HookPoint at, int count) {
    Shape shape = x.getShape();
    return activation(at).expandDims(1).sub(x.reshape(prompts.size(), count, shape.get(1), shape.get(2)));
  }

  /** 1 for the replacements of a kind, or null if there is none. */
  private static float[] flags(List<Replacement> replacements, Class<? extends Replacement> kind) {
    float[] flags = new float[replacements.size()];
    boolean any = false;
    for (int i = 0; i < flags.length; i++) {
      boolean is = kind.isInstance(replacements.get(i));
      flags[i] = is ? 1 : 0;
      any |= is;
    }
    return any ? flags : null;
  }

  private static NDArray like(NDArray x, float[] values, Shape shape) {
    return TorchOps.cast(x.getManager().create(values, shape), x.getDataType());
  }

  private NDArray activation(HookPoint at) {
    return activations.computeIfAbsent(at, point -> padded(row -> baseline.activation(point, row)));
  }

  private LatentsAndError nodes(HookPoint at) {
    return nodes.computeIfAbsent(
        at,
        point -> {
          try (Memory.Scope scope = Memory.scope()) {
            List<LatentsAndError> rows = new ArrayList<>();
            for (int r = 0; r < prompts.size(); r++) {
              rows.add(baseline.latentsAndError(point, r));
            }
            return new LatentsAndError(padded(row -> rows.get(row).latents()), padded(row -> rows.get(row).error()));
          }
        });
  }

  /** @param rows {@code [T, width]} of each prompt; returns {@code [batch, pos, width]} from the first column on, owned, zero in the padding */
  private NDArray padded(IntFunction<NDArray> rows) {
    NDArray stacked;
    try (Memory.Scope scope = Memory.scope()) {
      NDList all = new NDList();
      for (int r = 0; r < prompts.size(); r++) {
        NDArray row = rows.apply(r);
        DataType type = row.getDataType();
        int padding = tokens.padding(r);
        if (padding > 0) {
          NDArray zeros = row.getManager().zeros(new Shape(padding, row.getShape().get(1)), type);
          row = NDArrays.concat(new NDList(zeros, row));
        }
        all.add(row);
      }
      stacked = NDArrays.stack(all);
      stacked = scope.keep(begin == 0 ? stacked : stacked.get(":,%d:".formatted(begin)).duplicate());
    }
    return Memory.own(stacked);
  }

  @Override
  public void close() {
    activations.values().forEach(NDArray::close);
    nodes.values().forEach(
        values -> {
          values.latents().close();
          values.error().close();
        });
    baseline.close();
  }
}
