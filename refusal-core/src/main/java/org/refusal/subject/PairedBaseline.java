package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.sae.SparseAutoencoder;

/**
 * Every prompt against its partner: f̄_t and ē_t are the partner's values at the aligned token. The default, since a
 * partner's state is one that the model really has (docs/attribution.md).
 *
 * @param saes by hook point; may be empty where only activations are asked for
 * @param padId token that fills a batch up
 */
public record PairedBaseline(
    CausalLm lm, int padId, Partners partners, Map<HookPoint, SparseAutoencoder> saes, SinkThresholds thresholds)
    implements Baseline {

  public PairedBaseline {
    saes = Map.copyOf(saes);
  }

  @Override
  public String name() {
    return "paired";
  }

  @Override
  public BatchBaseline align(List<PromptTokens> prompts, Collection<HookPoint> points) {
    List<PromptTokens> chosen = partners.of(prompts);
    Captures captures = Captures.of(lm, Captures.batch(chosen, padId), points);
    return new Aligned(this, prompts, chosen, captures);
  }

  private record Aligned(
      PairedBaseline baseline, List<PromptTokens> prompts, List<PromptTokens> chosen, Captures captures)
      implements BatchBaseline {

    private NDArray partner(HookPoint at, int row) {
      return Precision.toWorking(captures.row(at, row)); // [T', d_model]
    }

    private int[] alignment(int row) {
      return Alignment.of(prompts.get(row), chosen.get(row));
    }

    @Override
    public NDArray activation(HookPoint at, int row) {
      return Rows.take(partner(at, row), alignment(row));
    }

    @Override
    public LatentsAndError latentsAndError(HookPoint at, int row) {
      LatentsAndError partner = LatentsAndError.of(partner(at, row), Rows.sae(baseline.saes, at));
      int[] alignment = alignment(row);
      return new LatentsAndError(
          Rows.take(partner.latents(), alignment), Rows.take(partner.error(), alignment));
    }

    @Override
    public boolean[] sinks(HookPoint at, int row) {
      boolean[] ofPartner = baseline.thresholds.mask(at, captures.row(at, row));
      int[] alignment = alignment(row);
      boolean[] sinks = new boolean[alignment.length];
      for (int t = 0; t < sinks.length; t++) {
        sinks[t] = ofPartner[alignment[t]];
      }
      return sinks;
    }

    /** The template before the user's text. */
    @Override
    public int unchanged(int row) {
      int differs = Arrays.mismatch(prompts.get(row).ids(), chosen.get(row).ids());
      int template = prompts.get(row).before();
      return differs < 0 ? template : Math.min(differs, template);
    }

    @Override
    public void close() {
      captures.close();
    }
  }
}
