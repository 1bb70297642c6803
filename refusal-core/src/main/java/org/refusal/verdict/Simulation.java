package org.refusal.verdict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.TransferDrops;
import org.refusal.verdict.SharingEvidence.AtHookPoint;
import org.refusal.verdict.SharingEvidence.AttributionCheck;

/**
 * Simulated evidence with a known answer, for calibration: vectors that are skewed and sparse like attributions, few
 * prompts, drops that vary between prompts.
 *
 * <p>Each category has a true cause, a unit vector; causes of one group share a common part. A prompt's vector is its
 * category's cause times a log-normal strength, plus sparse skewed noise: every coordinate is active with probability
 * {@code activity} and then exponential less its mean. The drop of
 * category j's prompt when i's direction is removed is the squared cosine of their causes times the prompt's own share of
 * the refusal gap.
 *
 * @param cosines true cosine of the causes, {@code [K][K]}, positive semi-definite
 * @param discovery prompts per category
 * @param heldout prompts per category
 * @param width coordinates
 * @param activity share of the coordinates at which a prompt has noise
 * @param noise expected norm of a prompt's noise, the cause's being 1
 */
public record Simulation(
    double[][] cosines, int discovery, int heldout, int width, double activity, double noise) {

  private static final double STRENGTH_SPREAD = 0.5;
  private static final double DROP_SPREAD = 0.15;
  private static final double FULL_DROP = 0.7;
  private static final double GAP = 8;
  private static final int RESAMPLES = 4; // as transfer.direction_resamples by default
  private static final int CONTROLS = 4;

  /** K causes of which every two have the same cosine. */
  public static double[][] uniform(int categories, double cosine) {
    double[][] cosines = new double[categories][categories];
    for (int i = 0; i < categories; i++) {
      Arrays.fill(cosines[i], cosine);
      cosines[i][i] = 1;
    }
    return cosines;
  }

  /** Causes alike within clusters and orthogonal between them. */
  public static double[][] clustered(int... sizes) {
    int categories = Arrays.stream(sizes).sum();
    double[][] cosines = new double[categories][categories];
    int start = 0;
    for (int size : sizes) {
      for (int i = start; i < start + size; i++) {
        Arrays.fill(cosines[i], start, start + size, 1);
      }
      start += size;
    }
    return cosines;
  }

  public int categories() {
    return cosines.length;
  }

  /** Mean over pairs of the true cosines: what S estimates. */
  public double trueSimilarity() {
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < categories(); i++) {
      for (int j = i + 1; j < categories(); j++) {
        sum += cosines[i][j];
        pairs++;
      }
    }
    return sum / pairs;
  }

  /** What D estimates: 1 - mean over i != j of the squared cosine. */
  public double trueDistinctness() {
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < categories(); i++) {
      for (int j = 0; j < categories(); j++) {
        if (i != j) {
          sum += cosines[i][j] * cosines[i][j];
          pairs++;
        }
      }
    }
    return 1 - sum / pairs;
  }

  /** Vectors of {@code perCategory} prompts of each category, categories in order: {@code [K * perCategory][width]}. */
  double[][] vectors(int perCategory, SplittableRandom random) {
    double[][] factor = cholesky(cosines);
    int k = categories();
    double scale = noise / Math.sqrt(width * activity); // an exponential has variance 1
    double[][] rows = new double[k * perCategory][width];
    for (int i = 0; i < k; i++) {
      for (int p = 0; p < perCategory; p++) {
        double[] row = rows[i * perCategory + p];
        double strength =
            Math.exp(STRENGTH_SPREAD * random.nextGaussian() - STRENGTH_SPREAD * STRENGTH_SPREAD / 2);
        for (int axis = 0; axis < k; axis++) {
          row[axis * (width / k)] = strength * factor[i][axis];
        }
        for (int column = 0; column < width; column++) {
          if (random.nextDouble() < activity) {
            row[column] += scale * (-Math.log(1 - random.nextDouble()) - 1);
          }
        }
      }
    }
    return rows;
  }

  /** Labels of {@link #vectors}. */
  int[] labels(int perCategory) {
    int[] labels = new int[categories() * perCategory];
    Arrays.setAll(labels, p -> p / perCategory);
    return labels;
  }

  /** Raw drops {@code [i][j][prompt]} and gaps; every prompt has a level of its own, common to all i. */
  record Drops(double[][] gap, TransferDrops transfer) {}

  Drops drops(SplittableRandom random) {
    int k = categories();
    double[][] gap = new double[k][heldout];
    double[][] level = new double[k][heldout];
    for (int j = 0; j < k; j++) {
      for (int p = 0; p < heldout; p++) {
        gap[j][p] = GAP * (1 + 0.3 * random.nextGaussian());
        level[j][p] = FULL_DROP * (1 + 0.3 * random.nextGaussian());
      }
    }
    double[][][] drops = new double[k][k][];
    double[][][][] resamples = new double[RESAMPLES][k][k][];
    double[][][] controls = new double[CONTROLS][k][];
    double wobble = noise / Math.sqrt(discovery);
    for (int i = 0; i < k; i++) {
      double[] error = directionError(wobble, random);
      double[][] own = new double[k][heldout]; // how a prompt answers to this very part, whichever resample made it
      for (double[] row : own) {
        Arrays.setAll(row, p -> DROP_SPREAD * random.nextGaussian());
      }
      fill(drops[i], i, error, gap, level, own);
      for (double[][][] resample : resamples) {
        fill(resample[i], i, plus(error, directionError(wobble, random)), gap, level, own);
      }
    }
    for (double[][] control : controls) {
      for (int j = 0; j < k; j++) {
        control[j] = new double[heldout];
        for (int p = 0; p < heldout; p++) {
          control[j][p] = gap[j][p] * 0.01 * random.nextGaussian();
        }
      }
    }
    return new Drops(gap, new TransferDrops(drops, controls, resamples));
  }

  /** How much the estimated direction of a category leans towards each other cause, from finitely many prompts. */
  private double[] directionError(double wobble, SplittableRandom random) {
    double[] error = new double[categories()];
    for (int j = 0; j < error.length; j++) {
      error[j] = 0.1 * wobble * random.nextGaussian();
    }
    return error;
  }

  private static double[] plus(double[] a, double[] b) {
    double[] sum = new double[a.length];
    Arrays.setAll(sum, i -> a[i] + b[i]);
    return sum;
  }

  private void fill(
      double[][] row, int i, double[] error, double[][] gap, double[][] level, double[][] own) {
    for (int j = 0; j < row.length; j++) {
      row[j] = new double[heldout];
      double share = cosines[i][j] * cosines[i][j] * (1 + error[j]);
      for (int p = 0; p < heldout; p++) {
        row[j][p] = gap[j][p] * share * (level[j][p] + own[j][p]);
      }
    }
  }

  private static double[][] cholesky(double[][] matrix) {
    int k = matrix.length;
    double[][] factor = new double[k][k];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = matrix[i][j];
        for (int axis = 0; axis < j; axis++) {
          sum -= factor[i][axis] * factor[j][axis];
        }
        if (i == j) {
          if (sum < -1e-9) {
            throw new IllegalArgumentException("cosines are not positive semi-definite");
          }
          factor[i][i] = Math.sqrt(Math.max(0, sum));
        } else {
          factor[i][j] = factor[j][j] > 1e-9 ? sum / factor[j][j] : 0;
        }
      }
    }
    return factor;
  }

  /** Whole evidence over three hook points, of which the second decides; all three with the same causes. */
  public SharingEvidence evidence(long seed) {
    return evidence(seed, 3);
  }

  /** The same as far as the verdict needs it: of the first hook point only how little is decided, and the second. */
  SharingEvidence decidingEvidence(long seed) {
    SharingEvidence whole = evidence(seed, 2);
    AtHookPoint first = whole.hookPoints().get(0);
    AtHookPoint before =
        first;
    return new SharingEvidence(
        whole.model(),
        whole.categories(),
        whole.promptCategory(),
        whole.promptTokens(),
        whole.refusedMetric(),
        whole.compliedMetric(),
        whole.heldoutGap(),
        null,
        List.of(before, whole.hookPoints().get(1)),
        List.of(),
        null,
        null);
  }

  private SharingEvidence evidence(long seed, int layers) {
    SplittableRandom random = Seeds.random(seed, "simulated evidence");
    int k = categories();
    int n = k * discovery;
    List<String> names = new ArrayList<>();
    for (int i = 0; i < k; i++) {
      names.add("category-" + (char) ('a' + i));
    }
    int[] tokens = new int[n];
    double[] refused = new double[n];
    double[] complied = new double[n];
    for (int p = 0; p < n; p++) {
      tokens[p] = 5 + random.nextInt(40);
      refused[p] = 3 + random.nextGaussian();
      complied[p] = -3 + random.nextGaussian();
    }
    double[][] gap = null;
    List<AtHookPoint> points = new ArrayList<>();
    double[] decided = {0.05, 0.9, 1.0};
    for (int layer = 0; layer < layers; layer++) {
      Drops effect = drops(random);
      gap = gap == null ? effect.gap() : gap;
      double[][] decidedDrops = new double[k][heldout];
      for (int j = 0; j < k; j++) {
        for (int p = 0; p < heldout; p++) {
          decidedDrops[j][p] = gap[j][p] * (decided[layer] + 0.02 * random.nextGaussian());
        }
      }
      double[] effectSum = new double[n];
      double[] promptSide = new double[n];
      double[] baseline = new double[n];
      double[] own = new double[n];
      for (int p = 0; p < n; p++) {
        own[p] = GAP * (1 + 0.2 * random.nextGaussian());
        baseline[p] = -0.95 * own[p];
        effectSum[p] = baseline[p] * (1 + 0.1 * random.nextGaussian());
        promptSide[p] = -0.6 * own[p];
      }
      points.add(
          new AtHookPoint(
              HookPoint.residuals(layer + 1),
              GramMatrix.ofDense(vectors(discovery, random), 1),
              null,
              GramMatrix.ofDense(vectors(discovery, random), 1),
              new AttributionCheck(effectSum, promptSide, baseline, own),
              decidedDrops,
              Map.of(
                  Form.EFFECT, rescaled(effect, gap),
                  Form.LATENT, rescaled(drops(random), gap),
                  Form.DIRECTION, rescaled(drops(random), gap))));
    }
    return new SharingEvidence(
        "simulated", names, labels(discovery), tokens, refused, complied, gap, null, points, List.of(), null, null);
  }

  /** The same drops per unit of gap, for another draw of the gaps. */
  private static TransferDrops rescaled(Drops drops, double[][] gap) {
    double[][][] scaled = scale(drops.transfer().drops(), drops.gap(), gap);
    double[][][][] resamples = new double[drops.transfer().resamples().length][][][];
    Arrays.setAll(resamples, r -> scale(drops.transfer().resamples()[r], drops.gap(), gap));
    double[][][] controls = scale(drops.transfer().controls(), drops.gap(), gap);
    return new TransferDrops(scaled, controls, resamples);
  }

  private static double[][][] scale(double[][][] drops, double[][] from, double[][] to) {
    double[][][] scaled = new double[drops.length][][];
    for (int i = 0; i < drops.length; i++) {
      scaled[i] = new double[drops[i].length][];
      for (int j = 0; j < drops[i].length; j++) {
        scaled[i][j] = new double[drops[i][j].length];
        for (int p = 0; p < scaled[i][j].length; p++) {
          scaled[i][j][p] = drops[i][j][p] / from[j][p] * to[j][p];
        }
      }
    }
    return scaled;
  }
}
