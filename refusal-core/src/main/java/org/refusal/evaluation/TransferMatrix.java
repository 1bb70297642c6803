package org.refusal.evaluation;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import org.refusal.baseline.PromptTokens;
import org.refusal.circuit.HookPoint;

/**
 * Transfer between categories at one hook point in one form (docs/evaluation.md): by how much m of category j's held-out prompts
 * drops when category i's part is set to the partner's values. Rows i and columns j follow the file's categories.
 *
 * @param sizes latents or dimensions of each category's part; 0 where there is none (its drops are then 0)
 * @param drops raw drops {@code [i][j][prompt]}, nats
 * @param controls raw drops of i's own prompts under random parts of equal size {@code [control][i][prompt]}, nats
 * @param resamples raw drops with i's part from resampled discovery prompts {@code [resample][i][j][prompt]}, nats
 * @param drop mean drop in units of Delta_j {@code [i][j]}
 * @param ownDrop mean over i of drop_ii, in units of Delta
 * @param controlDrop the same of the controls
 * @param distinctness D = 1 - mean of drop_ij over i != j / mean of drop_ii; NaN with less than two categories
 * @param weak why D means nothing here, or null: own drop below {@value #WEAK}, or not above the control's
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TransferMatrix(
    int[] sizes,
    double[][][] drops,
    double[][][] controls,
    double[][][][] resamples,
    double[][] drop,
    Interval ownDrop,
    Interval controlDrop,
    @JsonProperty("D") Interval distinctness,
    String weak) {
  /** Mean own drop below which a form is weak. */
  public static final double WEAK = .1;

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
      List<TransferPart> parts,
      int bootstrap,
      SplittableRandom random) {
    return measure(runs, at, heldout, gaps, Map.of("", parts), bootstrap, form -> random).get("");
  }

  /**
   * Several forms at once; they share the run up to the hook point and the partners' values there.
   *
   * @param forms parts of every category by form
   * @param random the stream of a form's intervals
   */
  public static <F> Map<F, TransferMatrix> measure(
      PatchedRuns runs,
      HookPoint at,
      List<List<PromptTokens>> heldout,
      List<RefusalGap> gaps,
      Map<F, List<TransferPart>> forms,
      int bootstrap,
      Function<F, SplittableRandom> random) {
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
            matrices.put(
                form,
                of(raw.sizes, raw.own, raw.controls, raw.resamples, gaps, bootstrap, random.apply(form))));
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
        planned.add(new Planned(parts.get(i).replacement(), d -> own[row][j] = d));
        for (int b = 0; b < resamples.length; b++) {
          int resample = b;
          planned.add(new Planned(at(parts.get(i).resamples(), b), d -> resamples[resample][row][j] = d));
        }
      }
      for (int c = 0; c < controls.length; c++) {
        int control = c;
        planned.add(new Planned(at(parts.get(j).controls(), c), d -> controls[control][j] = d));
      }
    }

    private static Replacement at(List<Replacement> list, int i) {
      return i < list.size() ? list.get(i) : null;
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

  /** The summary of raw drops; intervals resample held-out prompts and, where there are any, discovery resamples. */
  static TransferMatrix of(
      int[] sizes,
      double[][][] drops,
      double[][][] controls,
      double[][][][] resamples,
      List<RefusalGap> gaps,
      int bootstrap,
      SplittableRandom random) {
    int n = sizes.length;
    int[] prompts = gaps.stream().mapToInt(RefusalGap::prompts).toArray();
    double[][] drop = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        drop[i][j] = Interval.mean(drops[i][j]) / gaps.get(j).delta();
      }
    }
    Interval own = interval(drops, resamples, gaps, prompts, bootstrap, random.split(), TransferMatrix::ownMean);
    Interval control =
        controls.length == 0
            ? new Interval(Double.NaN, Double.NaN, Double.NaN, 0)
            : Interval.bootstrap(
                prompts, bootstrap, random.split(), chosen -> controlMean(controls, gaps, chosen));
    Interval distinctness =
        n < 2
            ? new Interval(Double.NaN, Double.NaN, Double.NaN, 0)
            : interval(drops, resamples, gaps, prompts, bootstrap, random.split(), TransferMatrix::distinctness);
    return new TransferMatrix(
        sizes, drops, controls, resamples, drop, own, control, distinctness, weakness(own, control, "refusal gap"));
  }

  /** @param unit what drops are shares of */
  static String weakness(Interval own, Interval control, String unit) {
    if (!(own.value() >= WEAK)) {
      return String.format(Locale.ROOT, "the own drop of %.3f is below %.1f of the %s", own.value(), WEAK, unit);
    }
    if (own.low() <= control.high()) {
      return String.format(
          Locale.ROOT,
          "the interval of the own drop, from %.3f, meets that of random parts, up to %.3f",
          own.low(),
          control.high());
    }
    return null;
  }

  @FunctionalInterface
  private interface Statistic {
    double of(double[][] drop);
  }

  private static Interval interval(
      double[][][] drops,
      double[][][][] resamples,
      List<RefusalGap> gaps,
      int[] prompts,
      int bootstrap,
      SplittableRandom random,
      Statistic statistic) {
    SplittableRandom discovery = random.split();
    boolean[] first = {true};
    return Interval.bootstrap(
        prompts,
        bootstrap,
        random,
        chosen -> {
          int n = drops.length;
          double[][] drop = new double[n][n];
          for (int i = 0; i < n; i++) {
            double[][] row = drops[i];
            if (!first[0] && resamples.length > 0) {
              row = resamples[discovery.nextInt(resamples.length)][i];
            }
            for (int j = 0; j < n; j++) {
              drop[i][j] = Interval.mean(row[j], chosen[j]) / gaps.get(j).delta(chosen[j]);
            }
          }
          first[0] = false;
          return statistic.of(drop);
        });
  }

  static double ownMean(double[][] drop) {
    double sum = 0;
    for (int i = 0; i < drop.length; i++) {
      sum += drop[i][i];
    }
    return sum / drop.length;
  }

  static double distinctness(double[][] drop) {
    double all = Arrays.stream(drop).flatMapToDouble(Arrays::stream).sum();
    int n = drop.length;
    double own = ownMean(drop);
    return 1 - (all - n * own) / (n * (n - 1)) / own;
  }

  private static double controlMean(double[][][] controls, List<RefusalGap> gaps, int[][] chosen) {
    double sum = 0;
    for (double[][] control : controls) {
      for (int i = 0; i < control.length; i++) {
        sum += Interval.mean(control[i], chosen[i]) / gaps.get(i).delta(chosen[i]);
      }
    }
    return sum / controls.length / chosen.length;
  }
}
