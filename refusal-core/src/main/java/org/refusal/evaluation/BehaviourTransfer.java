package org.refusal.evaluation;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.refusal.circuit.HookPoint;
import org.refusal.config.TransferForm;
import org.refusal.stats.Estimate;
import org.refusal.stats.Resampling;
import org.refusal.stats.TransferDrops;
import org.refusal.stats.TransferStatistics;
import org.refusal.subject.PromptTokens;

/**
 * Transfer between categories at one hook point in one form by behaviour (docs/evaluation.md): which of category j's
 * held-out prompts the model still refuses, by the refusal detector on the text that it writes, when category i's part is
 * taken from the prompt. The parts are those of {@link TransferMatrix}; rows i and columns j follow
 * the file's categories.
 *
 * @param refused with category i's part taken away {@code [i][j][prompt]}
 * @param controls i's own prompts under random parts of equal size {@code [control][i][prompt]}
 * @param rate share refused {@code [i][j]}
 * @param own share refused of all prompts under their own category's part
 * @param other share refused of all prompts under another category's part, all pairs together
 * @param control share refused of all prompts under random parts
 * @param drop share of category j's refusals that go away {@code [i][j]}
 * @param ownDrop mean over i of drop_ii
 * @param controlDrop the same of the controls
 * @param distinctness D = 1 - mean of drop_ij over i != j / mean of drop_ii; NaN with less than two categories
 * @param weak why D means nothing here, or null
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record BehaviourTransfer(
    boolean[][][] refused,
    boolean[][][] controls,
    Share[][] rate,
    Share own,
    Share other,
    Share control,
    double[][] drop,
    Resampled ownDrop,
    Resampled controlDrop,
    @JsonProperty("D") Resampled distinctness,
    String weak) {

  private static final TransferStatistics.Bars BARS = new TransferStatistics.Bars(.1, .65, "refusals");

  /**
   * {@code forms * (categories + controls)} generated texts per prompt; the parts' resamples are not run.
   *
   * @param heldout the prompts of {@code clean}, in the order of the parts
   * @param clean what is refused without intervention
   * @param bootstrap of a form's intervals, which resample prompts
   */
  public static Map<TransferForm, BehaviourTransfer> measure(
      PatchedRuns runs,
      HookPoint at,
      Refusals.Writer writer,
      List<List<PromptTokens>> heldout,
      Refusals clean,
      Map<TransferForm, List<TransferPart>> forms,
      Function<TransferForm, Resampling> bootstrap) {
    Map<TransferForm, Raw> raw = new LinkedHashMap<>();
    forms.forEach((form, parts) -> raw.put(form, Raw.of(parts)));
    for (int j = 0; j < heldout.size(); j++) {
      List<Planned> planned = new ArrayList<>();
      for (Map.Entry<TransferForm, List<TransferPart>> form : forms.entrySet()) {
        raw.get(form.getKey()).plan(form.getValue(), j, planned);
      }
      run(runs, at, writer, heldout.get(j), clean.refused()[j], planned);
    }
    Map<TransferForm, BehaviourTransfer> transfers = new LinkedHashMap<>();
    raw.forEach(
        (form, each) ->
            transfers.put(form, of(clean.refused(), each.refused, each.controls, bootstrap.apply(form))));
    return transfers;
  }

  /** A part to run, null for none, and where it is written which prompts are refused. */
  private record Planned(Replacement replacement, boolean[][] row, int column) {}

  private record Raw(boolean[][][] refused, boolean[][][] controls) {
    static Raw of(List<TransferPart> parts) {
      int n = parts.size();
      int controls = parts.stream().mapToInt(part -> part.controls().size()).max().orElse(0);
      return new Raw(new boolean[n][n][], new boolean[controls][n][]);
    }

    void plan(List<TransferPart> parts, int j, List<Planned> planned) {
      for (int i = 0; i < parts.size(); i++) {
        planned.add(new Planned(parts.get(i).on(parts.get(j)), refused[i], j));
      }
      for (int c = 0; c < controls.length; c++) {
        planned.add(new Planned(parts.get(j).control(c), controls[c], j));
      }
    }
  }

  private static void run(
      PatchedRuns runs,
      HookPoint at,
      Refusals.Writer writer,
      List<PromptTokens> prompts,
      boolean[] clean,
      List<Planned> planned) {
    List<Planned> present = planned.stream().filter(each -> each.replacement() != null).toList();
    int[][][] written =
        runs.generate(
            prompts,
            present.stream().map(each -> Intervention.at("a transfer part", at, each.replacement())).toList(),
            writer.generator(),
            writer.newTokens());
    planned.forEach(each -> each.row()[each.column()] = clean); // where nothing is replaced
    for (int i = 0; i < written.length; i++) {
      present.get(i).row()[present.get(i).column()] = writer.refused(written[i]);
    }
  }

  /** A refusal counts 1, the unit is the refusals without intervention. */
  static BehaviourTransfer of(
      boolean[][] clean, boolean[][][] refused, boolean[][][] controls, Resampling bootstrap) {
    int n = clean.length;
    TransferStatistics statistics =
        TransferStatistics.of(
            new TransferDrops(lost(clean, refused), lost(clean, controls), new double[0][][][]),
            Arrays.stream(clean).map(BehaviourTransfer::ones).toArray(double[][]::new),
            BARS,
            bootstrap);
    List<boolean[]> other = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        if (i != j) {
          other.add(refused[i][j]);
        }
      }
    }
    return new BehaviourTransfer(
        refused,
        controls,
        Arrays.stream(refused).map(Share::each).toArray(Share[][]::new),
        Share.of(IntStream.range(0, n).mapToObj(i -> refused[i][i]).toList()),
        Share.of(other),
        Share.of(Arrays.stream(controls).flatMap(Arrays::stream).toList()),
        statistics.drop(),
        interval(statistics.ownDrop(), bootstrap),
        interval(statistics.controlDrop(), bootstrap),
        interval(statistics.distinctness(), bootstrap),
        weakness(clean, statistics));
  }

  private static Resampled interval(Estimate estimate, Resampling bootstrap) {
    return new Resampled(
        estimate.value(), estimate.interval().low(), estimate.interval().high(), bootstrap.draws());
  }

  private static String weakness(boolean[][] clean, TransferStatistics statistics) {
    long never = Arrays.stream(clean).filter(each -> Share.of(each).value() == 0).count();
    return never > 0
        ? "without intervention no prompt is refused in %d of %d categories".formatted(never, clean.length)
        : statistics.weak();
  }

  /** 1 where a refusal went away, -1 where one came {@code [.][j][prompt]}. */
  private static double[][][] lost(boolean[][] clean, boolean[][][] refused) {
    double[][][] lost = new double[refused.length][][];
    for (int i = 0; i < lost.length; i++) {
      lost[i] = new double[refused[i].length][];
      for (int j = 0; j < lost[i].length; j++) {
        double[] before = ones(clean[j]);
        double[] after = ones(refused[i][j]);
        lost[i][j] = IntStream.range(0, before.length).mapToDouble(p -> before[p] - after[p]).toArray();
      }
    }
    return lost;
  }

  private static double[] ones(boolean[] each) {
    return IntStream.range(0, each.length).mapToDouble(p -> each[p] ? 1 : 0).toArray();
  }
}
