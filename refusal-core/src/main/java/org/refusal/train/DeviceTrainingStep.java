package org.refusal.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.refusal.torch.Memory;
import org.refusal.torch.ScriptModule;
import org.refusal.train.SaeState.Parameter;

/**
 * The training step of {@link SparseTrainingStep} under {@link SparseTrainingStep.Rules#TOP_K} in libtorch's operations,
 * for GPUs: the same loss and the same gradients, derived by hand, in float32, but for the sums of the loss in
 * float64. Weights and Adam's moments stay on the device until they are stored.
 *
 * <p>Five products of {@code tokens d_in d_sae}, two more for dead latents, and Adam's {@code d_in d_sae}. Where k is small
 * beside d_sae, three of the five are sums over the k active latents alone; otherwise a GPU makes the dense product faster
 * than it gathers rows. The order of every sum is fixed, so that the same batches give the same bits on the same kind of
 * GPU. Memory on the device: 32 bytes per weight, and some {@code tokens (8 d_sae + 8 d_in)} floats.
 */
final class DeviceTrainingStep implements TrainingStep {
  private static final ScriptModule SCRIPT =
      ScriptModule.compile(
          "TopKTraining",
          """
          def squares(x: Tensor) -> Tensor:
            return torch.sum(torch.mul(x, x), dtype=7)
          def squares_about_mean(x: Tensor) -> Tensor:
            return self.squares(torch.sub(x, torch.mean(x, [0])))
          def length(x: Tensor) -> Tensor:
            return torch.to(torch.norm(x), 7)
          def top(pre: Tensor, k: int) -> List[Tensor]:
            values, indices = torch.topk(pre, k, -1, True, False)
            return [values, indices]
          def spread(like: Tensor, top: List[Tensor]) -> Tensor:
            return torch.scatter(torch.zeros_like(like), 1, top[1], top[0])
          def sums(table: Tensor, rows: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
            sums, o, b, m = torch.embedding_bag(table, rows, offsets, False, 0, False, weights, False)
            return sums
          def decode(w_dec: Tensor, f: Tensor, top: List[Tensor], sparse: bool) -> Tensor:
            if not sparse:
              return torch.matmul(f, w_dec)
            tokens = torch.size(top[1], 0)
            k = torch.size(top[1], 1)
            offsets = torch.arange(0, tokens * k, k, dtype=4, device=f.device)
            return self.sums(w_dec, torch.reshape(top[1], [-1]), offsets, torch.reshape(top[0], [-1]))
          def weight_gradients(f: Tensor, df: Tensor, g: Tensor, centred: Tensor, top: List[Tensor], sparse: bool) -> List[Tensor]:
            if not sparse:
              return [torch.matmul(torch.t(df), centred), torch.matmul(torch.t(f), g)]
            latents, order = torch.sort(torch.reshape(top[1], [-1]), stable=True)
            rows = torch.floor_divide(order, torch.size(top[1], 1))
            offsets = torch.searchsorted(latents, torch.arange(0, torch.size(f, 1), dtype=4, device=f.device))
            values = torch.index_select(torch.reshape(top[0], [-1]), 0, order)
            gradients = torch.index_select(torch.reshape(torch.gather(df, 1, top[1]), [-1]), 0, order)
            return [self.sums(centred, rows, offsets, gradients), self.sums(g, rows, offsets, values)]
          def pinned(count: int) -> Tensor:
            return torch.pin_memory(torch.empty([count], dtype=6))
          def step(weights: List[Tensor], first: List[Tensor], second: List[Tensor], since: Tensor, host: Tensor, k: int, \
          aux_k: int, sparse: bool, dead_after: int, aux_weight: float, sparsity: float, rate: float, beta1: float, beta2: float, \
          eps: float, step: int) -> Tensor:
            w_enc = weights[0]
            b_enc = weights[1]
            w_dec = weights[2]
            b_dec = weights[3]
            x = torch.reshape(torch.to(host, w_enc.device, 6, True), [-1, torch.size(w_enc, 1)])
            tokens = torch.size(x, 0)
            entries = tokens * torch.size(w_enc, 0)
            centred = torch.sub(x, b_dec)
            pre = torch.relu(torch.addmm(b_enc, centred, torch.t(w_enc)))
            top = self.top(pre, k)
            f = self.spread(pre, top)
            r = torch.sub(torch.add(self.decode(w_dec, f, top, sparse), b_dec), x)
            total = self.squares_about_mean(x)
            fvu = torch.div(self.squares(r), total)
            dead = torch.ge(since, dead_after)
            z = f
            q = r
            aux_total = total
            aux_fvu = torch.zeros_like(fvu)
            reviving = bool(torch.any(dead))
            if reviving:
              aux_total = self.squares_about_mean(r)
              reviving = bool(torch.gt(aux_total, 0))
            if reviving:
              z = self.spread(pre, self.top(torch.mul(pre, dead), aux_k))
              q = torch.add(torch.matmul(z, w_dec), r)
              aux_fvu = torch.div(self.squares(q), aux_total)
            used = torch.gt(f, 0)
            loss = fvu + aux_fvu * aux_weight + torch.sum(top[0], dtype=7) * (sparsity / float(entries))
            l0 = torch.div(torch.sum(used, dtype=7), tokens)
            dead_count = torch.sum(dead, dtype=7)
            if not bool(torch.isfinite(loss)):
              return torch.stack([loss, fvu, aux_fvu, l0, dead_count, loss])

            g = torch.mul(r, torch.mul(torch.reciprocal(total), 2.0))
            df = torch.mul(torch.add(torch.matmul(g, torch.t(w_dec)), sparsity / float(entries)), used)
            both = self.weight_gradients(f, df, g, centred, top, sparse)
            dw_enc = both[0]
            dw_dec = both[1]
            if reviving:
              h = torch.mul(q, torch.mul(torch.reciprocal(aux_total), 2.0 * aux_weight))
              dz = torch.mul(torch.matmul(h, torch.t(w_dec)), torch.gt(z, 0))
              dw_enc = torch.addmm(dw_enc, torch.t(dz), centred)
              dw_dec = torch.addmm(dw_dec, torch.t(z), h)
              df = torch.add(df, dz)
            db_enc = torch.sum(df, [0])
            db_dec = torch.sub(torch.sum(g, [0]), torch.matmul(db_enc, w_enc))
            along = torch.sum(torch.mul(dw_dec, w_dec), [1], True)
            torch.addcmul_(dw_dec, along, w_dec, value=-1.0)
            lengths = [self.length(dw_enc), self.length(db_enc), self.length(dw_dec), self.length(db_dec)]
            norm = self.length(torch.stack(lengths))
            too_large = torch.to(torch.clamp_min(norm + 1e-6, 1.0), 6)
            at = torch.full([], float(step), dtype=6, device=x.device)
            torch._fused_adam_(weights, [dw_enc, db_enc, dw_dec, db_dec], first, second, annotate(List[Tensor], []), \
          [at, at, at, at], lr=rate, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=eps, amsgrad=False, maximize=False, \
          grad_scale=too_large, found_inf=None)
            torch.div_(w_dec, torch.norm(w_dec, 2, [1], True))
            torch.copy_(since, torch.where(torch.any(used, 0), torch.zeros_like(since), since + tokens))
            return torch.stack([loss, fvu, aux_fvu, l0, dead_count, norm])
          """);

  /** Up to one latent in so many active, sums over the active ones are faster than dense products. */
  private static final int FEW_OF = 64;

  private final SaeState state;
  private final int k;
  private final double sparsityCoeff;
  private final long deadAfter;
  private final boolean sparse;
  private final NDManager manager;
  private final List<NDArray> weights = new ArrayList<>();
  private final List<NDArray> first = new ArrayList<>();
  private final List<NDArray> second = new ArrayList<>();
  private final NDArray tokensSinceActive; // [d_sae]
  private NDArray host; // the batch

  /** @param parent on the device that is to compute; its children live until {@link #close} */
  DeviceTrainingStep(SaeState state, int k, double sparsityCoeff, long deadAfter, NDManager parent) {
    this(state, k, sparsityCoeff, deadAfter, (long) k * FEW_OF <= state.dSae, parent);
  }

  /** @param sparse sums over active latents alone where they can take the place of dense products */
  DeviceTrainingStep(
      SaeState state, int k, double sparsityCoeff, long deadAfter, boolean sparse, NDManager parent) {
    this.state = state;
    this.sparse = sparse;
    this.k = k;
    this.sparsityCoeff = sparsityCoeff;
    this.deadAfter = deadAfter;
    manager = parent.newSubManager();
    Shape matrix = new Shape(state.dSae, state.dIn);
    add(state.encoder, matrix);
    add(state.encoderBias, new Shape(state.dSae));
    add(state.decoder, matrix);
    add(state.decoderBias, new Shape(state.dIn));
    tokensSinceActive = Memory.own(manager.create(state.tokensSinceActive));
  }

  private void add(Parameter parameter, Shape shape) {
    weights.add(Memory.own(manager.create(parameter.value, shape)));
    first.add(Memory.own(manager.create(parameter.mean, shape)));
    second.add(Memory.own(manager.create(parameter.variance, shape)));
  }

  @Override
  public Outcome run(float[] x, int tokens, double learningRate) {
    int size = Math.multiplyExact(tokens, state.dIn);
    double[] figures;
    try (Memory.Scope scope = Memory.scope()) {
      NDArray input = onHost(size);
      NativeFloats.view(input).put(x, 0, size);
      int auxK = Math.min(state.dSae, Math.max(1, state.dIn / 2));
      figures =
          SCRIPT
              .tensor(
                  "step", weights, first, second, tokensSinceActive, input, k, auxK, sparse, deadAfter, AUX_WEIGHT,
                  sparsityCoeff, learningRate, BETA_1, BETA_2, EPSILON, state.step + 1)
              .toDoubleArray();
    }
    boolean finite = Double.isFinite(figures[0]);
    if (finite) {
      state.step++;
    }
    return new Outcome(
        figures[0], figures[1], figures[2], figures[3], (int) figures[4], finite ? figures[5] : Double.NaN);
  }

  /** Where a batch waits for the device: in pinned memory, which a GPU reads by itself. */
  private NDArray onHost(int size) {
    if (host == null || host.size() != size) {
      if (host != null) {
        host.close();
      }
      boolean gpu = manager.getDevice().isGpu();
      host = Memory.own(gpu ? SCRIPT.tensor("pinned", size) : manager.create(new Shape(size)));
    }
    return host;
  }

  @Override
  public void store(boolean finished) {
    List<Parameter> parameters = List.of(state.encoder, state.encoderBias, state.decoder, state.decoderBias);
    for (int i = 0; i < parameters.size(); i++) {
      copy(weights.get(i), parameters.get(i).value);
      if (!finished) {
        copy(first.get(i), parameters.get(i).mean);
        copy(second.get(i), parameters.get(i).variance);
      }
    }
    System.arraycopy(tokensSinceActive.toLongArray(), 0, state.tokensSinceActive, 0, state.dSae);
  }

  private static void copy(NDArray from, float[] to) {
    System.arraycopy(from.toFloatArray(), 0, to, 0, to.length);
  }

  @Override
  public void close() {
    if (host != null) {
      host.close();
    }
    manager.close();
  }
}
