package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.sae.SparseAutoencoder;

/** Latents and SAE error at zero: the activation becomes b_dec. */
public record ZeroBaseline(Map<HookPoint, SparseAutoencoder> saes) implements Baseline {

  public ZeroBaseline {
    saes = Map.copyOf(saes);
  }

  @Override
  public String name() {
    return "zero";
  }

  @Override
  public BatchBaseline align(List<PromptTokens> prompts, Collection<HookPoint> points) {
    return new Aligned(this, List.copyOf(prompts));
  }

  private record Aligned(ZeroBaseline baseline, List<PromptTokens> prompts) implements BatchBaseline {

    @Override
    public NDArray activation(HookPoint at, int row) {
      NDArray bias = Rows.sae(baseline.saes, at).bDec();
      return bias.broadcast(new Shape(prompts.get(row).length(), bias.getShape().get(0)));
    }

    @Override
    public LatentsAndError latentsAndError(HookPoint at, int row) {
      SparseAutoencoder sae = Rows.sae(baseline.saes, at);
      long tokens = prompts.get(row).length();
      return new LatentsAndError(
          sae.bDec().getManager().zeros(new Shape(tokens, sae.dSae()), sae.bDec().getDataType()),
          sae.bDec().getManager().zeros(new Shape(tokens, sae.dIn()), sae.bDec().getDataType()));
    }

    @Override
    public boolean[] sinks(HookPoint at, int row) {
      return new boolean[prompts.get(row).length()];
    }

    @Override
    public void close() {
      // the weights belong to the autoencoders
    }
  }
}
