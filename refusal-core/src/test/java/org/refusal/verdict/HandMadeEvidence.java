package org.refusal.verdict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.config.TransferForm;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.TransferDrops;
import org.refusal.verdict.SharingEvidence.AtHookPoint;
import org.refusal.verdict.SharingEvidence.AtLayer;
import org.refusal.verdict.SharingEvidence.AttributionCheck;
import org.refusal.verdict.SharingEvidence.DefaultRefusal;
import org.refusal.verdict.SharingEvidence.ReadoutSummary;

/**
 * Evidence put together by hand: what share of a category's own drop every other category's part brings about, and how far
 * the model has decided, at every hook point. Prompts vary little, so that intervals are narrow unless asked otherwise.
 */
final class HandMadeEvidence {
  private static final double GAP = 8;
  private static final double OWN_DROP = .8;

  /** One hook point. */
  private record Point(HookPoint at, double decided, double[][] effect, double[][] latent, double ownDrop, double completeness, double promptShare, boolean vectors) {}

  private final int categories;
  private int discovery = 30;
  private int[] heldout;
  private double spread = .05;
  private boolean separates = true;
  private boolean refuses = true;
  private final List<Point> points = new ArrayList<>();
  private final List<AtLayer> layers = new ArrayList<>();
  private DefaultRefusal byDefault;
  private int[] discoveryOf;

  HandMadeEvidence(int categories) {
    this.categories = categories;
    this.heldout = new int[categories];
    Arrays.fill(heldout, 12);
    this.discoveryOf = new int[categories];
    Arrays.fill(discoveryOf, discovery);
  }

  /** Of every pair the same. */
  static double[][] uniform(int categories, double transfer) {
    double[][] matrix = new double[categories][categories];
    for (int i = 0; i < categories; i++) {
      Arrays.fill(matrix[i], transfer);
      matrix[i][i] = 1;
    }
    return matrix;
  }

  /** {@code within} in clusters of these sizes, {@code between} otherwise. */
  static double[][] clusters(double within, double between, int... sizes) {
    double[][] matrix = uniform(Arrays.stream(sizes).sum(), between);
    int start = 0;
    for (int size : sizes) {
      for (int i = start; i < start + size; i++) {
        Arrays.fill(matrix[i], start, start + size, within);
        matrix[i][i] = 1;
      }
      start += size;
    }
    return matrix;
  }

  /** A captured hook point; NaN decided is not measured, null transfer neither. */
  HandMadeEvidence at(String hookPoint, double decided, double[][] transfer) {
    points.add(new Point(HookPoint.parse(hookPoint), decided, transfer, transfer, OWN_DROP, .95, .6, true));
    return this;
  }

  private HandMadeEvidence last(java.util.function.UnaryOperator<Point> change) {
    points.set(points.size() - 1, change.apply(points.get(points.size() - 1)));
    return this;
  }

  /** Of the hook point added last. */
  HandMadeEvidence latent(double[][] transfer) {
    return last(p -> new Point(p.at, p.decided, p.effect, transfer, p.ownDrop, p.completeness, p.promptShare, p.vectors));
  }

  HandMadeEvidence ownDrop(double drop) {
    return last(p -> new Point(p.at, p.decided, p.effect, p.latent, drop, p.completeness, p.promptShare, p.vectors));
  }

  HandMadeEvidence completeness(double completeness) {
    return last(p -> new Point(p.at, p.decided, p.effect, p.latent, p.ownDrop, completeness, p.promptShare, p.vectors));
  }

  HandMadeEvidence promptShare(double share) {
    return last(p -> new Point(p.at, p.decided, p.effect, p.latent, p.ownDrop, p.completeness, share, p.vectors));
  }

  HandMadeEvidence withoutVectors() {
    return last(p -> new Point(p.at, p.decided, p.effect, p.latent, p.ownDrop, p.completeness, p.promptShare, false));
  }

  /** How far all layers, from 0 on, have decided. */
  HandMadeEvidence layers(double... decided) {
    return layersSpread(0, decided);
  }

  /** The same, half of the prompts of every layer higher and half lower by the deviation. */
  HandMadeEvidence layersSpread(double deviation, double... decided) {
    for (int layer = 0; layer < decided.length; layer++) {
      double[][] gap = new double[categories][4];
      double[][] drops = new double[categories][4];
      for (int j = 0; j < categories; j++) {
        Arrays.fill(gap[j], GAP);
        double mean = decided[layer];
        Arrays.setAll(drops[j], p -> GAP * (mean + (p % 2 == 0 ? deviation : -deviation)));
      }
      layers.add(new AtLayer(HookPoint.residuals(layer), drops, gap));
    }
    return this;
  }

  /** Standard deviation between prompts of a drop's share of the gap. */
  HandMadeEvidence spread(double deviation) {
    spread = deviation;
    return this;
  }

  HandMadeEvidence prompts(int category, int discovery, int heldout) {
    discoveryOf[category] = discovery;
    this.heldout[category] = heldout;
    return this;
  }

  HandMadeEvidence prompts(int discovery, int heldout) {
    Arrays.fill(discoveryOf, discovery);
    Arrays.fill(this.heldout, heldout);
    return this;
  }

  HandMadeEvidence blindMetric() {
    separates = false;
    return this;
  }

  HandMadeEvidence byDefault(int refused, int prompts, double low, double high) {
    byDefault = new DefaultRefusal(prompts, refused, low, high);
    return this;
  }

  SharingEvidence make() {
    SplittableRandom random = Seeds.random(1, "hand-made");
    int n = Arrays.stream(discoveryOf).sum();
    int[] labels = new int[n];
    int next = 0;
    for (int c = 0; c < categories; c++) {
      Arrays.fill(labels, next, next + discoveryOf[c], c);
      next += discoveryOf[c];
    }
    int[] tokens = new int[n];
    Arrays.setAll(tokens, p -> 5 + p % 7);
    double[] refused = new double[40];
    double[] complied = new double[40];
    Arrays.setAll(refused, p -> (separates ? 3 : 0) + random.nextGaussian());
    Arrays.setAll(complied, p -> (separates ? -3 : 0) + random.nextGaussian());
    double[][] gap = new double[categories][];
    for (int j = 0; j < categories; j++) {
      gap[j] = new double[heldout[j]];
      Arrays.setAll(gap[j], p -> GAP * (1 + .1 * random.nextGaussian()));
    }
    List<AtHookPoint> measured = new ArrayList<>();
    for (Point point : points) {
      Map<TransferForm, TransferDrops> forms = new EnumMap<>(TransferForm.class);
      if (point.effect != null) {
        forms.put(TransferForm.EFFECT, drops(point.effect, point.ownDrop, gap, random));
      }
      if (point.latent != null) {
        forms.put(TransferForm.LATENT, drops(point.latent, OWN_DROP, gap, random));
      }
      double[][] decided = new double[categories][];
      for (int j = 0; j < categories; j++) {
        double[] of = new double[Double.isNaN(point.decided) ? 0 : gap[j].length];
        for (int p = 0; p < of.length; p++) {
          of[p] = gap[j][p] * (point.decided + .01 * random.nextGaussian());
        }
        decided[j] = of;
      }
      GramMatrix gram = point.vectors ? vectors(point.effect, labels, random) : null;
      double[] baseline = new double[n];
      double[] sum = new double[n];
      double[] side = new double[n];
      double[] own = new double[n];
      for (int p = 0; p < n; p++) {
        own[p] = GAP;
        baseline[p] = -GAP * .95;
        sum[p] = point.completeness * baseline[p];
        side[p] = -point.promptShare * GAP;
      }
      measured.add(
          new AtHookPoint(
              point.at,
              gram,
              new ReadoutSummary(2, 2, true, new double[] {2, 1.5}, .01),
              gram,
              new AttributionCheck(sum, side, baseline, own),
              decided,
              forms));
    }
    List<String> names = new ArrayList<>();
    for (int c = 0; c < categories; c++) {
      names.add("category-" + (char) ('a' + c));
    }
    return new SharingEvidence(
        "hand-made", names, labels, tokens, refused, complied, gap, null, measured, layers, byDefault, "matched");
  }

  private TransferDrops drops(double[][] transfer, double ownDrop, double[][] gap, SplittableRandom random) {
    double[][][] drops = new double[categories][categories][];
    for (int i = 0; i < categories; i++) {
      for (int j = 0; j < categories; j++) {
        double[] of = new double[gap[j].length];
        for (int p = 0; p < of.length; p++) {
          of[p] = gap[j][p] * (ownDrop * transfer[i][j] + spread * random.nextGaussian());
        }
        drops[i][j] = of;
      }
    }
    double[][][] controls = new double[2][categories][];
    for (double[][] control : controls) {
      for (int j = 0; j < categories; j++) {
        control[j] = new double[gap[j].length];
        for (int p = 0; p < control[j].length; p++) {
          control[j][p] = gap[j][p] * .005 * random.nextGaussian();
        }
      }
    }
    return new TransferDrops(drops, controls, new double[0][][][]);
  }

  /** Vectors whose categories' means have the transfers as cosines as far as that can be: shared where above one half. */
  private GramMatrix vectors(double[][] transfer, int[] labels, SplittableRandom random) {
    double[][] rows = new double[labels.length][categories + 20];
    for (int p = 0; p < labels.length; p++) {
      int axis = labels[p];
      for (int other = 0; transfer != null && other < labels[p]; other++) {
        if (transfer[labels[p]][other] > .5) {
          axis = Math.min(axis, other);
        }
      }
      rows[p][axis] = 1;
      for (int i = categories; i < rows[p].length; i++) {
        rows[p][i] = .1 * random.nextGaussian();
      }
    }
    return GramMatrix.ofDense(rows, 1);
  }
}
