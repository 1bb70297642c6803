package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.TransferDrops;
import org.refusal.subject.PromptTokens;

/**
 * Transfer between categories at one hook point in one form (docs/evaluation.md), as measured: by how much m of category j's
 * held-out prompts drops when category i's part is taken from them. Rows i and columns j follow the file's categories. What
 * follows from the drops is in {@link org.refusal.stats.TransferStatistics}, and nowhere else.
 *
 * @param sizes latents or dimensions of each category's part; 0 where there is none (its drops are then 0)
 * @param drops raw drops {@code [i][j][prompt]}, nats
 * @param controls raw drops of i's own prompts under random parts of equal size {@code [control][i][prompt]}, nats
 * @param resamples raw drops with i's part from resampled discovery prompts {@code [resample][i][j][prompt]}, nats
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TransferMatrix(
    int[] sizes, double[][][] drops, double[][][] controls, double[][][][] resamples) {

  public TransferDrops raw() {
    return new TransferDrops(drops, controls, resamples);
  }

  /**
   * Runs the parts: {@code (categories + resamples) * categories + controls} runs above the hook point per held-out
   * prompt and form.
   *
   * @param heldout refused held-out prompts of every category, in the order of the gaps
   * @param parts of every category, in the same order
   */
  public static TransferMatrix measure(
      PatchedRuns runs,
      HookPoint at,
      List<List<PromptTokens>> heldout,
      List<RefusalGap> gaps,
      List<TransferPart> parts) {
    return measure(runs, at, heldout, gaps, Map.of("", parts)).get("");
  }

  /**
   * Several forms at once; they share the run up to the hook point and the partners' values there.
   *
   * @param forms parts of every category by form
   */
  public static <F> Map<F, TransferMatrix> measure(
      PatchedRuns runs,
      HookPoint at,
      List<List<PromptTokens>> heldout,
      List<RefusalGap> gaps,
      Map<F, List<TransferPart>> forms) {
    Map<F, Drops> drops = new LinkedHashMap<>();
    forms.forEach((form, parts) -> drops.put(form, Drops.of(parts)));
    for (int j = 0; j < heldout.size(); j++) {
      List<Planned> planned = new ArrayList<>();
      for (Map.Entry<F, List<TransferPart>> form : forms.entrySet()) {
        drops.get(form.getKey()).plan(form.getValue(), j, planned);
      }
      run(runs, at, heldout.get(j), gaps.get(j), planned);
    }
    Map<F, TransferMatrix> matrices = new LinkedHashMap<>();
    drops.forEach(
        (form, raw) ->
            matrices.put(form, new TransferMatrix(raw.sizes, raw.own, raw.controls, raw.resamples)));
    return matrices;
  }

  /** A part to run, null for none, and where its drops go. */
  private record Planned(Replacement replacement, Consumer<double[]> place) {}

  /** Raw drops of one form, to be filled. */
  private record Drops(int[] sizes, double[][][] own, double[][][] controls, double[][][][] resamples) {
    static Drops of(List<TransferPart> parts) {
      int n = parts.size();
      int controls = parts.stream().mapToInt(part -> part.controls().size()).max().orElse(0);
      int resamples = parts.stream().mapToInt(part -> part.resamples().size()).max().orElse(0);
      return new Drops(
          parts.stream().mapToInt(TransferPart::size).toArray(),
          new double[n][n][],
          new double[controls][n][],
          new double[resamples][n][n][]);
    }

    /** Everything to be run on the prompts of category j. */
    void plan(List<TransferPart> parts, int j, List<Planned> planned) {
      for (int i = 0; i < parts.size(); i++) {
        int row = i;
        planned.add(new Planned(parts.get(i).on(parts.get(j)), d -> own[row][j] = d));
        for (int b = 0; b < resamples.length; b++) {
          int resample = b;
          planned.add(new Planned(parts.get(i).on(parts.get(j), b), d -> resamples[resample][row][j] = d));
        }
      }
      for (int c = 0; c < controls.length; c++) {
        int control = c;
        planned.add(new Planned(parts.get(j).control(c), d -> controls[control][j] = d));
      }
    }
  }

  private static void run(
      PatchedRuns runs, HookPoint at, List<PromptTokens> prompts, RefusalGap gap, List<Planned> planned) {
    List<Intervention> present =
        planned.stream()
            .map(Planned::replacement)
            .filter(Objects::nonNull)
            .map(replacement -> Intervention.at("a transfer part", at, replacement))
            .toList();
    double[][] patched = runs.metric(prompts, present);
    int next = 0;
    for (Planned each : planned) {
      double[] drop = new double[prompts.size()]; // nothing is replaced: no drop
      if (each.replacement() != null) {
        for (int p = 0; p < drop.length; p++) {
          drop[p] = gap.metric()[p] - patched[next][p];
        }
        next++;
      }
      each.place().accept(drop);
    }
  }
}
