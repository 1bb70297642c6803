package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.sae.SparseAutoencoder;

/** Every token against the mean of its position group ({@link GroupMeans}). */
public record MeanBaseline(Map<HookPoint, GroupMeans> means, Map<HookPoint, SparseAutoencoder> saes)
    implements Baseline {

  public MeanBaseline {
    means = Map.copyOf(means);
    saes = Map.copyOf(saes);
  }

  @Override
  public String name() {
    return "mean";
  }

  @Override
  public BatchBaseline align(List<PromptTokens> prompts, Collection<HookPoint> points) {
    return new Aligned(this, List.copyOf(prompts));
  }

  private record Aligned(MeanBaseline baseline, List<PromptTokens> prompts) implements BatchBaseline {

    private GroupMeans means(HookPoint at) {
      GroupMeans means = baseline.means.get(at);
      if (means == null) {
        throw new IllegalStateException("no group means at " + at.name());
      }
      return means;
    }

    private int[] groups(HookPoint at, int row) {
      int[] groups = prompts.get(row).positionGroups();
      if (prompts.get(row).groupCount() != means(at).counts().length) {
        throw UserException.badData(
            "prompt %s has %d position groups, the baseline %d"
                .formatted(prompts.get(row).id(), prompts.get(row).groupCount(), means(at).counts().length));
      }
      return groups;
    }

    @Override
    public NDArray activation(HookPoint at, int row) {
      LatentsAndError values = latentsAndError(at, row);
      return LatentsAndError.decode(values.latents(), Rows.sae(baseline.saes, at)).add(values.error());
    }

    @Override
    public LatentsAndError latentsAndError(HookPoint at, int row) {
      int[] groups = groups(at, row);
      return new LatentsAndError(Rows.take(means(at).latents(), groups), Rows.take(means(at).error(), groups));
    }

    @Override
    public boolean[] sinks(HookPoint at, int row) {
      int[] groups = groups(at, row);
      boolean[] sinks = new boolean[groups.length];
      for (int t = 0; t < groups.length; t++) {
        sinks[t] = means(at).counts()[groups[t]] == 0;
      }
      return sinks;
    }

    @Override
    public void close() {
      // the means belong to the baseline
    }
  }
}
