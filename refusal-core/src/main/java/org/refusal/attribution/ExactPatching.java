package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.subject.Precision;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Exact effects: m with one node at its baseline at all positions, less m. One forward pass above the hook point per
 * active latent and prompt: the oracle for tests and small models.
 *
 * @param rowsAtOnce patched runs in one batch
 */
public record ExactPatching(int rowsAtOnce) implements EffectEstimator {
  public ExactPatching {
    if (rowsAtOnce < 1) {
      throw new IllegalArgumentException("rowsAtOnce " + rowsAtOnce);
    }
  }

  @Override
  public String name() {
    return "exact";
  }

  @Override
  public boolean splitsSides() {
    return false;
  }

  @Override
  public List<NodeEffects> estimate(HookedBatch batch) {
    List<NodeEffects> effects = new ArrayList<>();
    for (int r = 0; r < batch.size(); r++) {
      try (Memory.Scope scope = Memory.scope()) {
        effects.add(ofPrompt(batch, r));
      }
    }
    return effects;
  }

  private NodeEffects ofPrompt(HookedBatch batch, int r) {
    StudiedModel model = batch.batch().model();
    HookedBatch.Row row = batch.rows().get(r);
    int[] latents = GradientEffects.activeLatents(row);
    TokenBatch tokens = new TokenBatch(List.of(batch.batch().prompts().get(r).ids()), model.padId());
    try (Prefix prefix = model.lm().prefix(tokens, batch.at(), Hooks.none())) {
      // the last row is the clean run, the one before it patches the error node
      double[] metrics = new double[latents.length + 2];
      for (int from = 0; from < metrics.length; from += rowsAtOnce) {
        int count = Math.min(rowsAtOnce, metrics.length - from);
        try (Memory.Scope scope = Memory.scope()) {
          double[] part = patched(batch, row, prefix, latents, from, count);
          System.arraycopy(part, 0, metrics, from, count);
        }
      }
      double clean = metrics[metrics.length - 1];
      double[] total = new double[latents.length];
      for (int i = 0; i < total.length; i++) {
        total[i] = metrics[i] - clean;
      }
      NodeEffects effects = new NodeEffects(latents, total, Optional.empty(), metrics[latents.length] - clean);
      if (!Double.isFinite(effects.sum())) {
        throw batch.notFinite(r, "exact patching");
      }
      return effects;
    }
  }

  private static double[] patched(
      HookedBatch batch, HookedBatch.Row row, Prefix prefix, int[] latents, int from, int count) {
    StudiedModel model = batch.batch().model();
    NDArray x = Precision.toWorking(prefix.activation()).get(0); // [T, d_model]
    Shape shape = new Shape(count, x.getShape().get(0), x.getShape().get(1));
    NDArray moved = x.expandDims(0).broadcast(shape).duplicate(); // [count, T, d_model]
    int onLatents = Math.max(0, Math.min(count, latents.length - from));
    if (onLatents > 0) {
      long[] chosen = new long[onLatents];
      for (int i = 0; i < onLatents; i++) {
        chosen[i] = latents[from + i];
      }
      NDArray index = x.getManager().create(chosen);
      NDArray deltas = row.latentDelta().transpose().get(index); // [onLatents, T]
      NDArray directions = batch.sae().wDec().get(index); // [onLatents, d_model]
      NDArray changes = deltas.expandDims(2).mul(directions.expandDims(1)); // [onLatents, T, d_model]
      moved.set(new ai.djl.ndarray.index.NDIndex("0:" + onLatents), moved.get("0:" + onLatents).add(changes));
    }
    int errorRow = latents.length - from;
    if (errorRow >= 0 && errorRow < count) {
      moved.set(new ai.djl.ndarray.index.NDIndex(errorRow), x.add(row.errorDelta()));
    }
    try (Prefix repeated = prefix.repeat(count)) {
      NDArray activation = TorchOps.castLike(moved, prefix.activation());
      NDArray logits = model.lm().suffix(repeated, activation, Hooks.none(), LogitsAt.LAST);
      return AttributedBatch.doubles(model.metric().apply(logits));
    }
  }
}
