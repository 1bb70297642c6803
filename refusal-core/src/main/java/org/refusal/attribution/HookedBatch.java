package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.LatentsAndError;
import org.refusal.subject.Precision;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * A batch of prompts at one hook point: activations and their differences from the baseline, and the model from there
 * on. Only the layers above the hook point are run again, and only the tokens from the first on at which a prompt can differ
 * from its baseline: the template before the user's text is run once. Arrays belong to the memory scope in which it was
 * opened.
 */
public final class HookedBatch implements AutoCloseable {
  private final AttributedBatch batch;
  private final HookPoint at;
  private final SparseAutoencoder sae;
  private final Prefix prefix;
  /** Columns before it are the same in every prompt and its baseline. */
  private final int begin;
  /** The prefix from that column on; the prefix itself where it is the first. */
  private final Prefix changing;
  private final List<Row> rows;
  private final Map<StraightPath, List<NDArray>> gradients = new EnumMap<>(StraightPath.class);

  /**
   * One prompt without padding. Differences are baseline less clean value, zero at attention sinks.
   *
   * @param latentDelta f̄ - f {@code [T, d_sae]}
   * @param errorDelta ē - e {@code [T, d_model]}
   * @param delta x' - x {@code [T, d_model]}
   * @param active how much the latents are active in the prompt and its baseline, summed {@code [d_sae]}
   * @param keep 1, or 0 at sinks {@code [T, 1]}
   */
  record Row(NDArray latentDelta, NDArray errorDelta, NDArray delta, NDArray active, NDArray keep, int sinks) {}

  HookedBatch(AttributedBatch batch, HookPoint at) {
    this.batch = batch;
    this.at = at;
    this.sae = batch.model().saes().get(at);
    this.prefix = batch.model().lm().prefix(batch.tokens(), at, Hooks.none());
    this.begin = batch.baseline().unchangedColumns(batch.tokens());
    this.changing = begin < 1 ? prefix : batch.model().lm().share(prefix, begin);
    this.rows = new ArrayList<>();
    for (int r = 0; r < batch.prompts().size(); r++) {
      rows.add(row(r));
    }
  }

  private Row row(int r) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray x = Precision.toWorking(prefix.activation().get(r).get("%d:".formatted(batch.tokens().padding(r))));
      boolean[] sinks = batch.model().thresholds().mask(at, x);
      boolean[] baselineSinks = batch.baseline().sinks(at, r);
      float[] kept = new float[sinks.length];
      int count = 0;
      for (int t = 0; t < sinks.length; t++) {
        boolean sink = sinks[t] || baselineSinks[t];
        kept[t] = sink ? 0 : 1;
        count += sink ? 1 : 0;
      }
      NDArray keep =
          TorchOps.cast(x.getManager().create(kept, new Shape(kept.length, 1)), x.getDataType()); // [T, 1]
      LatentsAndError clean = LatentsAndError.of(x, sae);
      LatentsAndError base = batch.baseline().latentsAndError(at, r);
      Row row =
          new Row(
              base.latents().sub(clean.latents()).mul(keep),
              base.error().sub(clean.error()).mul(keep),
              batch.baseline().activation(at, r).sub(x).mul(keep),
              base.latents().add(clean.latents()).mul(keep).sum(new int[] {0}),
              keep,
              count);
      scope.keep(List.of(row.latentDelta, row.errorDelta, row.delta, row.active, row.keep));
      return row;
    }
  }

  public HookPoint at() {
    return at;
  }

  AttributedBatch batch() {
    return batch;
  }

  SparseAutoencoder sae() {
    return sae;
  }

  int size() {
    return rows.size();
  }


  List<Row> rows() {
    return rows;
  }

  Prefix prefix() {
    return prefix;
  }

  /** The gradient at the clean point, one array {@code [T, d_model]} per prompt. */
  List<NDArray> cleanGradients() {
    NDArray gradients = Precision.toWorking(batch.cleanGradient(at));
    List<NDArray> rows = new ArrayList<>();
    for (int r = 0; r < size(); r++) {
      rows.add(fitted(gradients.get(r), batch.tokens().padding(r)));
    }
    return rows;
  }

  /**
   * dm/da averaged over N points of a straight path from the clean values to the baseline, all points of all prompts in
   * one batch (in smaller ones if memory runs out). Tokens that cannot differ from their baseline have no effect and no part
   * in it: their rows are zero.
   *
   * @return one array {@code [T, d_model]} per prompt
   */
  List<NDArray> averageGradients(StraightPath path, int steps, StepRule rule) {
    if (!gradients.containsKey(path)) {
      NDArray delta = padded(rows.stream().map(row -> displacement(row, path)).toList()); // [batch, pos, d_model]
      double[] points = rule.points(steps);
      int atOnce = steps;
      NDArray sum = null;
      int done = 0;
      while (done < steps) {
        int count = Math.min(atOnce, steps - done);
        try (Memory.Scope scope = Memory.scope()) {
          NDArray part = gradientSum(delta, points, done, count);
          sum = scope.keep(sum == null ? part : sum.add(part));
          done += count;
        } catch (RuntimeException e) {
          if (!Memory.ranOut(e) || count == 1) {
            throw e;
          }
          atOnce = (count + 1) / 2;
        }
      }
      gradients.put(path, unpadded(sum.div(steps)));
    }
    return gradients.get(path);
  }

  private NDArray displacement(Row row, StraightPath path) {
    return switch (path) {
      case LATENTS -> row.latentDelta().matMul(sae.wDec()); // [T, d_model]
      case ERROR -> row.errorDelta();
      case JOINT -> row.delta();
    };
  }

  /** @param delta from the first column on that can change {@code [batch, pos, d_model]} */
  private NDArray gradientSum(NDArray delta, double[] points, int first, int count) {
    Shape shape = delta.getShape(); // [batch, pos, d_model]
    long n = shape.get(0);
    NDArray clean = Precision.toWorking(changing.activation()).expandDims(1); // [batch, 1, pos, d_model]
    double[] s = new double[count];
    System.arraycopy(points, first, s, 0, count);
    NDArray scale =
        TorchOps.cast(delta.getManager().create(s, new Shape(1, count, 1, 1)), delta.getDataType());
    NDArray moved =
        clean.add(delta.expandDims(1).mul(scale)).reshape(n * count, shape.get(1), shape.get(2)); // rows r0 r0 r1 r1
    try (Prefix repeated = changing.repeat(count);
        Autograd tape = Autograd.record()) {
      NDArray leaf = tape.watch(TorchOps.castLike(moved, changing.activation()));
      NDArray m =
          batch.model().metric().apply(batch.model().lm().suffix(repeated, leaf, Hooks.none(), LogitsAt.LAST));
      NDArray gradient = Precision.toWorking(tape.gradients(m.sum(), List.of(leaf)).get(0));
      checkFinite(m, gradient, first, count, points.length);
      return gradient.reshape(n, count, shape.get(1), shape.get(2)).sum(new int[] {1});
    }
  }

  private void checkFinite(NDArray m, NDArray gradient, int from, int count, int steps) {
    double[] metrics = AttributedBatch.doubles(m);
    double[] sizes = AttributedBatch.doubles(gradient.abs().sum(new int[] {1, 2}));
    for (int i = 0; i < sizes.length; i++) {
      if (!Double.isFinite(sizes[i]) || !Double.isFinite(metrics[i])) {
        throw notFinite(i / count, "step %d of %d".formatted(from + i % count + 1, steps));
      }
    }
  }

  UserException notFinite(int row, String step) {
    return UserException.badData(
        "prompt %s: the attribution at %s, %s, is not finite".formatted(batch.prompts().get(row).id(), at.name(), step),
        "use model.torch_dtype: float32 (or bfloat16), which half floats overflow less easily");
  }

  /** m with every token but the sinks set to its baseline {@code [batch]}. */
  double[] baselineMetric() {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray moved =
          Precision.toWorking(changing.activation()).add(padded(rows.stream().map(Row::delta).toList()));
      NDArray logits =
          batch.model().lm()
              .suffix(changing, TorchOps.castLike(moved, prefix.activation()), Hooks.none(), LogitsAt.LAST);
      double[] metrics = AttributedBatch.doubles(batch.model().metric().apply(logits));
      for (int r = 0; r < metrics.length; r++) {
        if (!Double.isFinite(metrics[r])) {
          throw notFinite(r, "everything at its baseline");
        }
      }
      return metrics;
    }
  }

  /**
   * @param values {@code [T, width]} per prompt; returns {@code [batch, pos, width]} from the first column on that can change,
   *     with zeros in the padding
   */
  private NDArray padded(List<NDArray> values) {
    NDList padded = new NDList();
    for (int r = 0; r < values.size(); r++) {
      padded.add(fitted(values.get(r), begin - batch.tokens().padding(r)));
    }
    return NDArrays.stack(padded);
  }

  /** The opposite: all tokens of each prompt, zero where they cannot change. */
  private List<NDArray> unpadded(NDArray values) {
    List<NDArray> unpadded = new ArrayList<>();
    for (int r = 0; r < rows.size(); r++) {
      unpadded.add(fitted(values.get(r), batch.tokens().padding(r) - begin));
    }
    return unpadded;
  }

  /** Without so many first rows, or with so many zeros before them where the number is negative. */
  private static NDArray fitted(NDArray rows, int without) {
    if (without > 0) {
      return rows.get("%d:".formatted(without));
    }
    if (without == 0) {
      return rows;
    }
    NDArray zeros = rows.getManager().zeros(new Shape(-without, rows.getShape().get(1)), rows.getDataType());
    return NDArrays.concat(new NDList(zeros, rows));
  }

  @Override
  public void close() {
    if (changing != prefix) {
      changing.close();
      changing.past().close();
    }
    prefix.close();
  }
}
