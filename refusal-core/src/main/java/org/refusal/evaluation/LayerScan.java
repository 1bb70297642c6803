package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import org.refusal.base.Progress;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.KvCache;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.model.RefusalMetric;
import org.refusal.model.TokenBatch;
import org.refusal.stats.Summary;
import org.refusal.subject.Alignment;
import org.refusal.subject.Captures;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Where a model decides, at every residuals_N it has, on a few prompts and without an autoencoder.
 *
 * <p>Only the post-instruction columns differ from the clean run, so that keys and values of all columns before them are
 * computed once per prompt, for all layers; a patched run at layer l is the layers above l on the post-instruction columns
 * alone. Cost per prompt: one pass that finds the sinks, one over the prompt, one over its partner, and layers / 2 passes over
 * its post-instruction tokens. Memory grows with {@code batchSize}, not with the number of prompts: keys and values of a batch, and
 * its post-instruction activations at every layer. When memory runs out, the batch is halved.
 *
 * @param padId token that fills a batch up
 * @param thresholds of attention sinks where they are known; at other hook points a token is a sink when its norm exceeds
 *     {@value #SINK_FACTOR} times the median norm there over the tokens of the prompts that are measured
 * @param batchSize rows run at once; changes no result beyond rounding
 */
public record LayerScan(
    CausalLm lm, RefusalMetric metric, int padId, Partners partners, SinkThresholds thresholds, int batchSize) {
  private static final double SINK_FACTOR = 10;

  /** The residual stream after every layer, in forward order. */
  private List<HookPoint> points() {
    List<HookPoint> points = new ArrayList<>();
    for (int layer = 0; layer < lm.config().layers(); layer++) {
      points.add(HookPoint.residuals(layer));
    }
    return points;
  }

  /**
   * @param prompts refused prompts {@code [category][prompt]}, at least one in each
   * @param bootstrap resamples of every interval
   * @param random a stream for each hook point
   * @return decided at every residuals_N, in forward order
   * @throws org.refusal.base.UserException a metric is not finite
   */
  public List<LayerDecision> measure(
      List<List<PromptTokens>> prompts, int bootstrap, Function<HookPoint, SplittableRandom> random, Progress progress) {
    List<PromptTokens> all = prompts.stream().flatMap(List::stream).toList();
    List<HookPoint> points = points();
    double[][] drops = new double[points.size()][all.size()];
    double[] gap = new double[all.size()];
    List<List<Integer>> chunks = PatchedRuns.byLength(all, batchSize);
    try (Progress.Task task = progress.task("decided, by layer", all.size())) {
      SinkThresholds sinks = sinks(all, chunks);
      for (List<Integer> chunk : chunks) {
        chunk(all, chunk, sinks, drops, gap);
        task.advance(chunk.size());
      }
    }
    double[][] gaps = byCategory(gap, prompts);
    List<LayerDecision> profile = new ArrayList<>();
    for (int l = 0; l < drops.length; l++) {
      profile.add(
          LayerDecision.of(points.get(l), byCategory(drops[l], prompts), gaps, bootstrap, random.apply(points.get(l))));
    }
    return profile;
  }

  private static double[][] byCategory(double[] values, List<List<PromptTokens>> prompts) {
    double[][] byCategory = new double[prompts.size()][];
    int next = 0;
    for (int c = 0; c < byCategory.length; c++) {
      int end = next + prompts.get(c).size();
      byCategory[c] = Arrays.copyOfRange(values, next, end);
      next = end;
    }
    return byCategory;
  }

  /** The thresholds that are known, and those of the other hook points from these prompts. */
  private SinkThresholds sinks(List<PromptTokens> prompts, List<List<Integer>> chunks) {
    Map<HookPoint, List<double[]>> norms = new TreeMap<>();
    points().stream().filter(at -> !thresholds.byPoint().containsKey(at)).forEach(at -> norms.put(at, new ArrayList<>()));
    if (norms.isEmpty()) {
      return thresholds;
    }
    for (List<Integer> chunk : chunks) {
      norms(prompts, chunk, norms);
    }
    Map<HookPoint, Double> byPoint = new HashMap<>(thresholds.byPoint());
    norms.forEach((at, rows) ->
        byPoint.put(at, SINK_FACTOR * Summary.median(rows.stream().flatMapToDouble(Arrays::stream).toArray())));
    return new SinkThresholds(byPoint);
  }

  /** Norms of all tokens, without the padding. */
  private void norms(List<PromptTokens> prompts, List<Integer> chunk, Map<HookPoint, List<double[]>> norms) {
    TokenBatch batch = batch(prompts, chunk);
    Map<HookPoint, List<double[]>> found = new HashMap<>();
    Map<HookPoint, Hook> hooks = new HashMap<>();
    norms.keySet().forEach(point ->
        hooks.put(
            point,
            (activation, at) -> {
              found.put(at, rows(batch, norms(activation)));
              return activation;
            }));
    try (Memory.Scope scope = Memory.scope()) {
      lm.forward(batch, new Hooks(hooks), LogitsAt.LAST);
    } catch (RuntimeException e) {
      PatchedRuns.halve(e, chunk, part -> norms(prompts, part, norms));
      return;
    }
    found.forEach((at, rows) -> norms.get(at).addAll(rows));
  }

  /** @param activation {@code [batch, pos, d_model]}; returns {@code [batch * pos]} */
  private static double[] norms(NDArray activation) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray wide = TorchOps.cast(activation, DataType.FLOAT64);
      return wide.mul(wide).sum(new int[] {2}).sqrt().toDoubleArray();
    }
  }

  private static List<double[]> rows(TokenBatch batch, double[] values) {
    List<double[]> rows = new ArrayList<>();
    for (int r = 0; r < batch.size(); r++) {
      rows.add(Arrays.copyOfRange(values, r * batch.width() + batch.padding(r), (r + 1) * batch.width()));
    }
    return rows;
  }

  private TokenBatch batch(List<PromptTokens> prompts, List<Integer> chunk) {
    return Captures.batch(chunk.stream().map(prompts::get).toList(), padId);
  }

  private void chunk(
      List<PromptTokens> prompts, List<Integer> chunk, SinkThresholds sinks, double[][] drops, double[] gap) {
    List<PromptTokens> own = chunk.stream().map(prompts::get).toList();
    List<PromptTokens> others = partners.of(own);
    int columns = 1; // one that nothing replaces, where a template ends with the user's text
    for (int r = 0; r < own.size(); r++) {
      Alignment.of(own.get(r), others.get(r));
      columns = Math.max(columns, own.get(r).after());
    }
    try (Memory.Scope scope = Memory.scope();
        Clean clean = Clean.of(this, own, columns);
        Clean partner = Clean.of(this, others, columns)) {
      partner.forgetPast();
      for (int l = 0; l < drops.length; l++) {
        HookPoint at = HookPoint.residuals(l);
        double[] m = patched(own, clean, partner, at, sinks);
        for (int r = 0; r < m.length; r++) {
          drops[l][chunk.get(r)] =
              clean.metric[r] - PatchedRuns.finite(m[r], own.get(r), "the partner's values at " + at.name());
        }
      }
      for (int r = 0; r < own.size(); r++) {
        gap[chunk.get(r)] = clean.metric[r] - partner.metric[r];
      }
    } catch (RuntimeException e) {
      PatchedRuns.halve(e, chunk, part -> chunk(prompts, part, sinks, drops, gap));
    }
  }

  /** m of every prompt with its post-instruction tokens at a hook point, but no sink, set to the partner's. */
  private double[] patched(List<PromptTokens> own, Clean clean, Clean partner, HookPoint at, SinkThresholds sinks) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray x = clean.activations.get(at); // [batch, columns, d_model]
      NDArray target = partner.activations.get(at); // the same
      int columns = (int) x.getShape().get(1);
      float[] replaced = new float[own.size() * columns];
      for (int r = 0; r < own.size(); r++) {
        boolean[] sink = sinks.mask(at, x.get(r));
        boolean[] partnersSink = sinks.mask(at, target.get(r));
        for (int column = columns - own.get(r).after(); column < columns; column++) {
          replaced[r * columns + column] = sink[column] || partnersSink[column] ? 0 : 1;
        }
      }
      NDArray where =
          TorchOps.castLike(x.getManager().create(replaced, new Shape(own.size(), columns, 1)), x);
      NDArray patched = target.mul(where).add(x.mul(where.neg().add(1)));
      Prefix prefix = new Prefix(clean.batch, at, x, null, clean.begin, clean.past, null);
      return PatchedRuns.doubles(metric.apply(lm.suffix(prefix, patched, Hooks.none(), LogitsAt.LAST)));
    }
  }

  /** Some prompts as the model runs them: m, and all that patched runs of their last columns need. */
  private static final class Clean implements AutoCloseable {
    private final TokenBatch batch;
    private final int begin;
    private KvCache past; // of the columns before begin; null where there are none
    private final Map<HookPoint, NDArray> activations = new HashMap<>(); // [batch, width - begin, d_model]
    private double[] metric;

    private Clean(TokenBatch batch, int begin, KvCache past) {
      this.batch = batch;
      this.begin = begin;
      this.past = past;
    }

    /** In the caller's scope. */
    static Clean of(LayerScan scan, List<PromptTokens> prompts, int columns) {
      TokenBatch batch = Captures.batch(prompts, scan.padId);
      int begin = batch.width() - columns;
      HookPoint first = HookPoint.residuals(0);
      Prefix whole = scan.lm.prefix(batch, first, Hooks.none());
      Prefix prefix = begin == 0 ? whole : scan.lm.share(whole, begin);
      Clean clean = new Clean(batch, begin, prefix.past());
      try {
        Map<HookPoint, Hook> hooks = new HashMap<>();
        for (HookPoint point : scan.points()) {
          hooks.put(
              point,
              (activation, at) -> {
                clean.activations.put(at, activation);
                return activation;
              });
        }
        hooks.remove(first);
        clean.activations.put(first, prefix.activation());
        clean.metric =
            PatchedRuns.doubles(
                scan.metric.apply(scan.lm.suffix(prefix, prefix.activation(), new Hooks(hooks), LogitsAt.LAST)));
        for (int r = 0; r < prompts.size(); r++) {
          PatchedRuns.finite(clean.metric[r], prompts.get(r), "the whole model");
        }
        return clean;
      } catch (RuntimeException | Error e) {
        clean.close();
        throw e;
      }
    }

    void forgetPast() {
      if (past != null) {
        past.close();
        past = null;
      }
    }

    @Override
    public void close() {
      forgetPast();
    }
  }
}
