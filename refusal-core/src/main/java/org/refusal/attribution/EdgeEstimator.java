package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.LatentsAndError;
import org.refusal.subject.Precision;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Causal edges between the nodes of two hook points u before d (Marks et al. 2024, section 3.2): w(i, j) = sum over t of
 * [d (sum over t' of g_j,t' f_j,t') / da_u,t · W_dec_i] (f̄_i - f_i,t) with g_j = W_dec_j · dm/da_d held constant. The
 * upstream error is held fixed where a latent moves; the active set is that of the clean run. Error nodes are ends too:
 * upstream ē - e replaces the latent's change; downstream the sum is that of dm/da_d · e_d, e_d = a_d - x̂_d. With all
 * nodes of d, error included, the edges out of a node sum to its attribution-patching effect.
 *
 * <p>Cost per batch of prompts: one forward pass, and one backward pass between u and d for each downstream node.
 */
public final class EdgeEstimator {
  /** Downstream nodes whose gradients are held at once; bounds memory. */
  private static final int TARGETS_AT_ONCE = 16;

  private final HookPoint upstream;
  private final HookPoint downstream;
  private final List<Node> sources;
  private final List<Node> targets;

  /**
   * @param sources nodes at one hook point
   * @param targets nodes at one later hook point
   */
  public EdgeEstimator(List<Node> sources, List<Node> targets) {
    this.sources = List.copyOf(sources);
    this.targets = List.copyOf(targets);
    this.upstream = place(sources);
    this.downstream = place(targets);
    if (upstream.compareTo(downstream) >= 0) {
      throw new IllegalArgumentException(upstream + " does not lie before " + downstream);
    }
  }

  private static HookPoint place(List<Node> nodes) {
    HookPoint at = nodes.get(0).at();
    if (nodes.stream().anyMatch(node -> !node.at().equals(at))) {
      throw new IllegalArgumentException("nodes of several hook points: " + nodes);
    }
    return at;
  }

  List<Node> sources() {
    return sources;
  }

  List<Node> targets() {
    return targets;
  }

  /** @return weights {@code [prompts][sources][targets]} */
  public double[][][] weights(AttributedBatch batch) {
    StudiedModel model = batch.model();
    double[][][] weights = new double[batch.prompts().size()][sources.size()][targets.size()];
    try (Memory.Scope scope = Memory.scope();
        HookedBatch from = batch.at(upstream)) {
      Prefix prefix = from.prefix();
      NDArray downstreamGradient = Precision.toWorking(batch.cleanGradient(downstream)); // dm/da_d [batch, pos, d_model]
      try (Autograd tape = Autograd.record()) {
        NDArray leaf = tape.watch(prefix.activation());
        NDArray[] reached = new NDArray[1];
        model.lm().suffix(
            prefix,
            leaf,
            new Hooks(
                Map.of(
                    downstream,
                    (activation, at) -> {
                      reached[0] = activation;
                      return activation;
                    })),
            LogitsAt.LAST);
        List<Downstream> rows = new ArrayList<>();
        for (int r = 0; r < weights.length; r++) {
          NDArray a = reached[0].get(r).get("%d:".formatted(batch.tokens().padding(r)));
          NDArray gradient = downstreamGradient.get(r).get("%d:".formatted(batch.tokens().padding(r)));
          rows.add(Downstream.of(a, gradient, model, downstream));
        }
        for (int begin = 0; begin < targets.size(); begin += TARGETS_AT_ONCE) {
          int end = Math.min(targets.size(), begin + TARGETS_AT_ONCE);
          try (Memory.Scope inner = Memory.scope()) {
            NDList gradients = new NDList();
            for (Node target : targets.subList(begin, end)) {
              NDArray sum = null;
              for (Downstream row : rows) {
                NDArray value = row.value(target);
                sum = sum == null ? value : sum.add(value);
              }
              gradients.add(Precision.toWorking(tape.gradients(sum, List.of(leaf)).get(0)));
            }
            NDArray stacked = NDArrays.stack(gradients); // [targets, batch, pos, d_model]
            for (int r = 0; r < weights.length; r++) {
              fill(weights[r], begin, from, r, stacked.get(":,%d,%d:".formatted(r, batch.tokens().padding(r))));
            }
          }
        }
      }
    }
    return weights;
  }

  /**
   * What one downstream row contributes: the active set is a constant mask {@code [T, d_sae]}, and so are the weights
   * W_dec_j · dm/da_d within it {@code [T, d_sae]}. Sinks are outside.
   */
  private record Downstream(
      NDArray activation, NDArray gradient, NDArray mask, NDArray weights, SparseAutoencoder sae) {

    static Downstream of(NDArray recorded, NDArray gradient, StudiedModel model, HookPoint at) {
      SparseAutoencoder sae = model.saes().get(at);
      DataType working = sae.wDec().getDataType();
      NDArray a = TorchOps.cast(recorded, working); // [T, d_model], part of the graph
      NDArray clean = TorchOps.detach(a);
      boolean[] sinks = model.thresholds().mask(at, clean);
      float[] keep = new float[sinks.length];
      for (int t = 0; t < keep.length; t++) {
        keep[t] = sinks[t] ? 0 : 1;
      }
      NDArray kept =
          TorchOps.cast(a.getManager().create(keep, new ai.djl.ndarray.types.Shape(keep.length, 1)), working);
      NDArray mask = TorchOps.cast(sae.encodeDense(clean).gt(0), working).mul(kept); // [T, d_sae]
      NDArray g = gradient.mul(kept);
      return new Downstream(a, g, mask, g.matMul(sae.wDec().transpose()).mul(mask), sae);
    }

    /** sum over t of g_j f_j, or of g · e; a scalar of the graph. */
    NDArray value(Node node) {
      if (node instanceof LatentNode latent) {
        int j = latent.latent();
        NDArray f = sae.activeValues(activation, j); // [T, 1]
        NDArray weight = weights.get(":, %d:%d".formatted(j, j + 1)); // [T, 1], constant
        return f.mul(weight).sum();
      }
      NDArray latents = sae.activeValues(activation).mul(mask);
      NDArray error = activation.sub(LatentsAndError.decode(latents, sae)); // [T, d_model]
      return error.mul(gradient).sum();
    }
  }

  /**
   * @param weights of one prompt {@code [sources][targets]}, of which the columns from {@code begin} on are filled
   * @param gradients of these targets {@code [targets, T, d_model]}
   */
  private void fill(double[][] weights, int begin, HookedBatch from, int r, NDArray gradients) {
    HookedBatch.Row row = from.rows().get(r);
    long[] latents =
        sources.stream().filter(LatentNode.class::isInstance).mapToLong(n -> ((LatentNode) n).latent()).toArray();
    int columns = (int) gradients.getShape().get(0);
    double[] ofLatents = new double[0]; // [targets * latents]
    if (latents.length > 0) {
      NDArray index = gradients.getManager().create(latents);
      NDArray directions = from.sae().wDec().get(index); // [latents, d_model]
      NDArray deltas = row.latentDelta().transpose().get(index).transpose(); // [T, latents]
      ofLatents =
          TorchOps.cast(gradients.matMul(directions.transpose()).mul(deltas), DataType.FLOAT64)
              .sum(new int[] {1})
              .toDoubleArray();
    }
    double[] ofError =
        sources.stream().anyMatch(ErrorNode.class::isInstance)
            ? TorchOps.cast(gradients.mul(row.errorDelta()), DataType.FLOAT64).sum(new int[] {1, 2}).toDoubleArray()
            : new double[0];
    for (int j = 0; j < columns; j++) {
      int next = j * latents.length;
      for (int i = 0; i < weights.length; i++) {
        weights[i][begin + j] = sources.get(i) instanceof ErrorNode ? ofError[j] : ofLatents[next++];
        if (!Double.isFinite(weights[i][begin + j])) {
          throw from.notFinite(r, "edges to " + downstream.name());
        }
      }
    }
  }
}
