package org.refusal.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.refusal.base.Seeds;

/**
 * What categories of prompts are read by: the directions of their mean gradients that come back in other prompts of the
 * category (docs/evaluation.md, effect form).
 *
 * <p>C = sum over categories of the mean of g_p g_qᵀ over pairs of <em>distinct</em> prompts, each category scaled to unit
 * trace (what all halvings of its prompts give on average). A single prompt's peculiarities have no expectation in C, so
 * that its eigenvalues are those of what the categories are read by: one of K where all are read by one direction, K of 1
 * where each is read by its own. It is decomposed within the span of the categories' mean gradients, outside of which
 * nothing comes back.
 *
 * <p>A direction may come back and still carry nothing: gradients bend a little differently in every category. The last
 * directions along which no category has a share of its linearised refusal gap to speak of are left out, since the
 * differences of prompts are large along some of them and would turn the effect directions away from what is read.
 *
 * @param basis orthonormal rows {@code [rank][d]}: the directions kept, strongest first, then those added for a category
 *     that they do not hold
 * @param distinct how many directions stand out of the noise and carry a share of some category's refusal gap: the number of
 *     read-outs that the prompts tell apart
 * @param spectrum eigenvalues of C, descending, as many as categories with a reproducible gradient
 * @param floor noise floor: size of the most negative eigenvalue when C is made of two halves of the prompts, mean over
 *     halvings. Noise gives eigenvalues of either sign and equal size there; a direction must have twice as much
 * @param held share of each category's reproducible gradient that the basis holds {@code [K]}; NaN without one
 */
public record ReproducibleReadout(
    double[][] basis, int distinct, double[] spectrum, double floor, double[] held) {

  /**
   * Directions whose eigenvalue is a smaller share of the largest are never kept: a real model with one planted mechanism has
   * .0013, from how its gradients bend, planted models with many have .0037 at least.
   */
  private static final double LEAST_SHARE = .002;
  /**
   * So many times the noise floor must an eigenvalue be: those of noise reach 1.2 to 1.6 times the floor in 5 % of simulated
   * cases (the narrower the noise, the more), those of read-outs more than 16 times where their number is known.
   */
  private static final double ABOVE_FLOOR = 2;
  /** A category of whose gradient less is held gets a direction of its own; at .95 shared parts of .9 came out as 1. */
  private static final double HELD = .98;
  /** Least share of some category's linearised refusal gap along a direction; of many categories, half of an equal part. */
  private static final double CARRIED = .05;
  private static final int HALVINGS = 40;
  /** A floor above this share of the largest eigenvalue says that the number of directions is not known. */
  private static final double KNOWN = .05;

  /**
   * O(n d (K + halvings)) for n gradients of d.
   *
   * @param gradients {@code [n][d]}
   * @param categories of each gradient, 0..count-1; another number leaves it out
   * @param random for the halvings
   */
  public static ReproducibleReadout of(
      double[][] gradients, int[] categories, int count, SplittableRandom random) {
    return of(gradients, null, categories, count, random);
  }

  /**
   * Without the last directions that carry nothing.
   *
   * @param differences from what the prompts are to be set to {@code [n][d]}; null keeps all directions that stand out
   */
  public static ReproducibleReadout of(
      double[][] gradients, double[][] differences, int[] categories, int count, SplittableRandom random) {
    double[] once = new double[gradients.length];
    Arrays.fill(once, 1);
    Groups groups = new Groups(gradients, categories, count, once);
    Spectrum spectrum = groups.spectrum();
    double floor = spectrum.values.length == 0 ? 0 : groups.noiseFloor(random);
    double largest = spectrum.values.length == 0 ? 0 : spectrum.values[0];
    double least = Math.max(LEAST_SHARE * largest, ABOVE_FLOOR * floor);
    int distinct = (int) Arrays.stream(spectrum.values).filter(value -> value > least).count();
    if (distinct == 0 && largest > 0) {
      distinct = 1;
    }
    if (differences != null) {
      double bar = Math.min(CARRIED, .5 / Math.max(1, groups.reproducible()));
      while (distinct > 1 && groups.carried(spectrum.vectors[distinct - 1], differences) < bar) {
        distinct--;
      }
    }
    List<double[]> basis = new ArrayList<>(Arrays.asList(spectrum.vectors).subList(0, distinct));
    double[] held = groups.addMissing(basis);
    return new ReproducibleReadout(basis.toArray(double[][]::new), distinct, spectrum.values, floor, held);
  }

  /**
   * The basis of a resample of the prompts: the leading directions of the resample, as many as this one kept, and those
   * that its categories lack. How many directions there are is not drawn again, since copies of a prompt raise the floor.
   *
   * @param counts how often each prompt was drawn {@code [n]}; pairs of copies of one prompt are left out
   */
  public double[][] resampled(double[][] gradients, int[] categories, int count, double[] counts) {
    Groups groups = new Groups(gradients, categories, count, counts);
    Spectrum resampled = groups.spectrum();
    int kept = Math.min(distinct, resampled.vectors.length);
    List<double[]> drawn = new ArrayList<>(Arrays.asList(resampled.vectors).subList(0, kept));
    groups.addMissing(drawn);
    return drawn.toArray(double[][]::new);
  }

  public int rank() {
    return basis.length;
  }

  /** Noise floor as a share of the largest eigenvalue; NaN where nothing is reproducible. */
  public double relativeFloor() {
    return spectrum.length == 0 ? Double.NaN : floor / spectrum[0];
  }

  /** Whether the prompts are enough to say how many directions there are. */
  public boolean countKnown() {
    return spectrum.length > 0 && floor <= KNOWN * spectrum[0];
  }

  /** Values descending, vectors {@code [K][d]}. */
  private record Spectrum(double[] values, double[][] vectors) {}

  /** The gradients of every category with the weights of one sample. */
  private static final class Groups {
    private final double[][] gradients;
    private final double[] weights;
    private final int[][] members;
    private final double[][] sums;
    private final double[] pairWeight;
    private final double[] within;
    private final int width;

    Groups(double[][] gradients, int[] categories, int count, double[] weights) {
      this.gradients = gradients;
      this.weights = weights;
      this.width = gradients.length == 0 ? 0 : gradients[0].length;
      this.members = new int[count][];
      this.sums = new double[count][];
      this.pairWeight = new double[count];
      this.within = new double[count];
      for (int c = 0; c < count; c++) {
        int category = c;
        members[c] =
            IntStream.range(0, gradients.length)
                .filter(p -> categories[p] == category && weights[p] > 0)
                .toArray();
        sums[c] = sum(members[c], gradients);
        pairWeight[c] = pairWeight(members[c]);
        within[c] = pairMean(c, gradients, sums[c]);
      }
    }

    private double[] sum(int[] prompts, double[][] vectors) {
      double[] sum = new double[vectors.length == 0 ? 0 : vectors[0].length];
      for (int p : prompts) {
        for (int i = 0; i < sum.length; i++) {
          sum[i] += weights[p] * vectors[p][i];
        }
      }
      return sum;
    }

    private double pairWeight(int[] prompts) {
      double total = 0;
      double squares = 0;
      for (int p : prompts) {
        total += weights[p];
        squares += weights[p] * weights[p];
      }
      return total * total - squares;
    }

    /** Mean inner product over pairs of distinct prompts; 0 where there is no pair. */
    private double pairMean(int c, double[][] vectors, double[] sum) {
      if (!(pairWeight[c] > 0)) {
        return 0;
      }
      double pairs = Vectors.dot(sum, sum);
      for (int p : members[c]) {
        pairs -= weights[p] * weights[p] * Vectors.dot(vectors[p], vectors[p]);
      }
      return pairs / pairWeight[c];
    }

    private boolean reproducible(int c) {
      return within[c] > 0;
    }

    int reproducible() {
      return (int) IntStream.range(0, members.length).filter(this::reproducible).count();
    }

    /** Largest share over categories of (mean g . b)(b . mean v) in (mean g . mean v). */
    double carried(double[] direction, double[][] differences) {
      double largest = 0;
      for (int c = 0; c < members.length; c++) {
        double[] difference = sum(members[c], differences);
        double gap = Vectors.dot(sums[c], difference);
        if (reproducible(c) && gap > 0) {
          largest = Math.max(largest, Math.abs(Vectors.dot(sums[c], direction) * Vectors.dot(direction, difference)) / gap);
        }
      }
      return largest;
    }

    Spectrum spectrum() {
      List<double[]> span = new ArrayList<>();
      for (int c = 0; c < members.length; c++) {
        if (reproducible(c)) {
          Vectors.append(span, sums[c]);
        }
      }
      int rank = span.size();
      if (rank == 0) {
        return new Spectrum(new double[0], new double[0][]);
      }
      double[][] matrix = new double[rank][rank];
      for (int c = 0; c < members.length; c++) {
        if (reproducible(c)) {
          double scale = 1 / (pairWeight[c] * within[c]);
          double[] total = coordinates(span, sums[c]);
          addOuter(matrix, total, scale);
          for (int p : members[c]) {
            addOuter(matrix, coordinates(span, gradients[p]), -weights[p] * weights[p] * scale);
          }
        }
      }
      EigenDecomposition eigen = new EigenDecomposition(new Array2DRowRealMatrix(matrix, false)); // descending
      double[][] vectors = new double[rank][width];
      for (int k = 0; k < rank; k++) {
        double[] combination = eigen.getEigenvector(k).toArray();
        for (int a = 0; a < rank; a++) {
          for (int i = 0; i < width; i++) {
            vectors[k][i] += combination[a] * span.get(a)[i];
          }
        }
      }
      return new Spectrum(eigen.getRealEigenvalues(), vectors);
    }

    /** Of C from two halves of every category, the size of the most negative eigenvalue, mean over random halvings. */
    double noiseFloor(SplittableRandom random) {
      double sum = 0;
      for (int halving = 0; halving < HALVINGS; halving++) {
        List<double[]> halves = new ArrayList<>();
        List<Double> scales = new ArrayList<>();
        for (int c = 0; c < members.length; c++) {
          if (reproducible(c)) {
            int[] shuffled = members[c].clone();
            Seeds.shuffle(shuffled, random);
            int half = shuffled.length / 2;
            halves.add(mean(Arrays.copyOfRange(shuffled, 0, half)));
            halves.add(mean(Arrays.copyOfRange(shuffled, half, shuffled.length)));
            scales.add(1 / within[c]);
          }
        }
        sum += Math.max(0, -smallestOfCrossed(halves, scales));
      }
      return sum / HALVINGS;
    }

    private double[] mean(int[] prompts) {
      double total = 0;
      for (int p : prompts) {
        total += weights[p];
      }
      double[] mean = sum(prompts, gradients);
      for (int i = 0; i < mean.length; i++) {
        mean[i] /= total;
      }
      return mean;
    }

    /** Smallest eigenvalue of sum over c of scale_c (a_c b_cᵀ + b_c a_cᵀ) / 2, within the span of the halves. */
    private static double smallestOfCrossed(List<double[]> halves, List<Double> scales) {
      List<double[]> span = new ArrayList<>();
      halves.forEach(half -> Vectors.append(span, half));
      int rank = span.size();
      double[][] matrix = new double[rank][rank];
      for (int c = 0; c < scales.size(); c++) {
        double[] a = coordinates(span, halves.get(2 * c));
        double[] b = coordinates(span, halves.get(2 * c + 1));
        for (int i = 0; i < rank; i++) {
          for (int j = 0; j < rank; j++) {
            matrix[i][j] += scales.get(c) * (a[i] * b[j] + b[i] * a[j]) / 2;
          }
        }
      }
      double[] values = new EigenDecomposition(new Array2DRowRealMatrix(matrix, false)).getRealEigenvalues();
      return Arrays.stream(values).min().orElse(0);
    }

    /** Adds a direction for every category of which the basis lacks too much; returns what it then holds of each. */
    double[] addMissing(List<double[]> basis) {
      while (true) {
        double[] held = new double[members.length];
        int worst = -1;
        for (int c = 0; c < members.length; c++) {
          held[c] = reproducible(c) ? held(c, basis) : Double.NaN;
          if (held[c] < HELD && (worst < 0 || held[c] < held[worst])) {
            worst = c;
          }
        }
        int before = basis.size();
        if (worst >= 0) {
          Vectors.append(basis, sums[worst]);
        }
        if (basis.size() == before) {
          return held;
        }
      }
    }

    private double held(int c, List<double[]> basis) {
      if (basis.isEmpty()) {
        return 0;
      }
      double[] sum = coordinates(basis, sums[c]);
      double pairs = Vectors.dot(sum, sum);
      for (int p : members[c]) {
        double[] projected = coordinates(basis, gradients[p]);
        pairs -= weights[p] * weights[p] * Vectors.dot(projected, projected);
      }
      return pairs / pairWeight[c] / within[c];
    }
  }

  private static double[] coordinates(List<double[]> basis, double[] vector) {
    double[] coordinates = new double[basis.size()];
    for (int a = 0; a < coordinates.length; a++) {
      coordinates[a] = Vectors.dot(basis.get(a), vector);
    }
    return coordinates;
  }

  private static void addOuter(double[][] matrix, double[] vector, double scale) {
    for (int i = 0; i < vector.length; i++) {
      for (int j = 0; j < vector.length; j++) {
        matrix[i][j] += scale * (vector[i] * vector[j]); // exactly symmetric
      }
    }
  }
}
