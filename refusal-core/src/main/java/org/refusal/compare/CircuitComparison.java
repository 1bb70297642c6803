package org.refusal.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ToDoubleBiFunction;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.compare.SimilarityFile.Group;
import org.refusal.compare.SimilarityFile.Means;
import org.refusal.compare.SimilarityFile.Tree;
import org.refusal.stats.SparseRows;

/** All measures of docs/stages.md on the circuits of a model, per hook point and pooled. */
public final class CircuitComparison {
  public static final String DISATTENUATED = "disattenuated_cosine";
  static final String COSINE = "cosine";
  public static final String WEIGHTED_JACCARD = "weighted_jaccard";
  static final String RANK_BIASED_OVERLAP = "rank_biased_overlap";
  public static final String DECODER = "decoder";
  public static final String LEGACY = "legacy";
  private static final int[] JACCARD_SIZES = {5, 10, 20, 50, 100};
  private static final int CHANCE_JACCARD = 20;
  /** Measures that rest on which latents there are: what they are by chance depends on sizes alone. */
  private static final Map<String, ToDoubleBiFunction<Circuit, Circuit>> OVERLAPS =
      new TreeMap<>(
          Map.of(
              WEIGHTED_JACCARD, CircuitSimilarity::weightedJaccard,
              RANK_BIASED_OVERLAP, CircuitSimilarity::rankBiasedOverlap,
              "jaccard_at_" + CHANCE_JACCARD, (a, b) -> CircuitSimilarity.jaccardAt(a, b, CHANCE_JACCARD)));

  private final List<HookPoint> hookPoints;
  private final Optional<Dictionaries> dictionaries;
  private final int threads;
  private final int equalizedTo;

  /**
   * What autoencoders tell of the circuits' latents.
   *
   * @param decoders of every hook point, the decoder rows of the circuits' latents
   * @param random what similarity is by chance, given the number of latents
   */
  public record Dictionaries(Map<HookPoint, Map<Integer, float[]>> decoders, RandomCircuits random) {}

  /**
   * @param hookPoints in forward order
   * @param dictionaries empty where there are circuits and nothing else: neither decoder similarity nor chance then
   * @param sides all that will be compared
   * @param equalize cut all circuits to the smallest before the legacy similarity
   * @param threads never changes a result
   */
  public CircuitComparison(
      List<HookPoint> hookPoints,
      Optional<Dictionaries> dictionaries,
      List<ComparedSide> sides,
      boolean equalize,
      int threads) {
    this.hookPoints = List.copyOf(hookPoints);
    this.dictionaries = dictionaries;
    this.threads = threads;
    this.equalizedTo =
        equalize
            ? sides.stream()
                .flatMap(side -> side.circuits().values().stream())
                .mapToInt(circuit -> circuit.nodes().size())
                .min()
                .orElse(0)
            : -1;
  }

  /** -1 when circuits are compared as they are. */
  public int equalizedTo() {
    return equalizedTo;
  }

  public static Map<String, String> definitions() {
    Map<String, String> text = new LinkedHashMap<>();
    text.put(
        DISATTENUATED,
        "S_ij = <mean_i, mean_j> / sqrt(U_i U_j) of the signed effect vectors, of toxic prompts that were refused or of safe"
            + " prompts; 1 with itself");
    text.put(COSINE, "cosine of the mean signed effect vectors");
    text.put(WEIGHTED_JACCARD, "sum of smaller / sum of larger importances over the latents of either circuit");
    text.put(RANK_BIASED_OVERLAP, "extrapolated rank-biased overlap of the latents by importance, p = .98");
    for (int k : JACCARD_SIZES) {
      text.put("jaccard_at_" + k, "Jaccard index of the " + k + " most important latents of each");
    }
    text.put(
        DECODER,
        "best cosine match of decoder rows, weighted by importance, both ways averaged;"
            + " pooled: mean over hook points, weighted by the importance there");
    text.put(
        LEGACY,
        ".4 node Jaccard + .3 edge Jaccard + .3 |correlation of importances|, top 100 each; 1 with itself by decree;"
            + " it does not separate one cause from several: draw no conclusion from it");
    text.put(
        "chance",
        "the same measure's mean over pairs for random circuits with as many latents at every hook point: mean, 2.5 % and"
            + " 97.5 % quantile over draws");
    return text;
  }

  /** Every pair of one side. */
  public Group within(ComparedSide side) {
    Map<String, LegacyCircuit> legacy = legacy(side);
    return group(side, side, true, LegacySimilarity.matrix(legacy));
  }

  /** Every category of one side with every one of another. */
  public Group across(ComparedSide rows, ComparedSide columns) {
    return group(rows, columns, false, LegacySimilarity.cross(legacy(rows), legacy(columns)));
  }

  private Map<String, LegacyCircuit> legacy(ComparedSide side) {
    Map<String, LegacyCircuit> circuits = new LinkedHashMap<>();
    side.circuits().forEach((category, circuit) -> circuits.put(category, LegacyCircuit.of(circuit)));
    return equalizedTo < 0 ? circuits : LegacyCircuit.equalizedTo(circuits, equalizedTo);
  }

  private Group group(ComparedSide rows, ComparedSide columns, boolean symmetric, SimilarityMatrix legacy) {
    Matrices matrices = new Matrices(rows.categories(), columns.categories(), symmetric);
    if (rows.hasEffects() && columns.hasEffects()) {
      EffectSimilarity effects = effects(rows, columns, symmetric);
      int from = symmetric ? 0 : rows.categories().size();
      effects.disattenuated().forEach((place, values) -> matrices.add(DISATTENUATED, place, values, from));
      effects.cosine().forEach((place, values) -> matrices.add(COSINE, place, values, from));
    }
    List<String> places = new ArrayList<>(hookPoints.stream().map(HookPoint::name).toList());
    places.add(SimilarityFile.POOLED);
    for (String place : places) {
      matrices.add(
          WEIGHTED_JACCARD, place,
          (i, j) -> CircuitSimilarity.weightedJaccard(rows.circuit(i, place), columns.circuit(j, place)));
      matrices.add(
          RANK_BIASED_OVERLAP, place,
          (i, j) -> CircuitSimilarity.rankBiasedOverlap(rows.circuit(i, place), columns.circuit(j, place)));
      for (int k : JACCARD_SIZES) {
        matrices.add(
            "jaccard_at_" + k, place,
            (i, j) -> CircuitSimilarity.jaccardAt(rows.circuit(i, place), columns.circuit(j, place), k));
      }
    }
    dictionaries.ifPresent(known -> {
      for (HookPoint at : hookPoints) {
        Map<Integer, float[]> decoder = known.decoders.get(at);
        matrices.add(
            DECODER, at.name(),
            (i, j) -> decoder(decoder, rows.circuit(i, at.name()), columns.circuit(j, at.name())));
      }
      matrices.add(
          DECODER, SimilarityFile.POOLED,
          (i, j) -> pooledDecoder(known.decoders, rows.circuits().get(i), columns.circuits().get(j)));
    });
    matrices.put(LEGACY, SimilarityFile.POOLED, legacy);
    int[] nodes = rows.circuits().values().stream().mapToInt(circuit -> circuit.nodes().size()).toArray();
    return new Group(
        rows.categories(),
        columns.categories(),
        symmetric,
        nodes,
        matrices.values,
        matrices.means,
        dictionaries
            .map(known -> known.random.similarity(rows.circuits(), columns.circuits(), OVERLAPS))
            .orElse(Map.of()),
        matrices.tree());
  }

  /** Of the rows' prompts, and after them, if they are others, of the columns'. */
  private EffectSimilarity effects(ComparedSide rows, ComparedSide columns, boolean symmetric) {
    if (symmetric) {
      return EffectSimilarity.of(rows.groups(), threads);
    }
    Map<HookPoint, List<SparseRows>> both = new LinkedHashMap<>();
    rows.groups().forEach((at, groups) -> {
      List<SparseRows> all = new ArrayList<>(groups);
      all.addAll(columns.groups().get(at));
      both.put(at, all);
    });
    return EffectSimilarity.of(both, threads);
  }

  /** NaN when neither circuit has latents there, 0 when only one has. */
  private static double decoder(Map<Integer, float[]> decoder, Circuit a, Circuit b) {
    double[] importanceA = importances(a);
    double[] importanceB = importances(b);
    if (importanceA.length == 0 || importanceB.length == 0) {
      return importanceA.length == importanceB.length ? Double.NaN : 0;
    }
    return DecoderSimilarity.of(importanceA, rows(decoder, a), importanceB, rows(decoder, b));
  }

  private double pooledDecoder(Map<HookPoint, Map<Integer, float[]>> decoders, Circuit a, Circuit b) {
    double sum = 0;
    double total = 0;
    for (HookPoint at : hookPoints) {
      Circuit hereA = CircuitSimilarity.at(a, at);
      Circuit hereB = CircuitSimilarity.at(b, at);
      double weight = Arrays.stream(importances(hereA)).sum() + Arrays.stream(importances(hereB)).sum();
      double similarity = decoder(decoders.get(at), hereA, hereB);
      if (Double.isFinite(similarity)) {
        sum += weight * similarity;
        total += weight;
      }
    }
    return total > 0 ? sum / total : Double.NaN;
  }

  private static List<ScoredNode> latents(Circuit circuit) {
    return circuit.nodes().stream().filter(scored -> scored.node() instanceof LatentNode).toList();
  }

  private static double[] importances(Circuit circuit) {
    return latents(circuit).stream().mapToDouble(ScoredNode::importance).toArray();
  }

  private static float[][] rows(Map<Integer, float[]> decoder, Circuit circuit) {
    return latents(circuit).stream()
        .map(scored -> decoder.get(((LatentNode) scored.node()).latent()))
        .toArray(float[][]::new);
  }

  /** The matrices of a group while they are collected. */
  private static final class Matrices {
    private final List<String> rows;
    private final List<String> columns;
    private final boolean symmetric;
    private final Map<String, Map<String, double[][]>> values = new LinkedHashMap<>();
    private final Map<String, Map<String, Means>> means = new LinkedHashMap<>();

    Matrices(List<String> rows, List<String> columns, boolean symmetric) {
      this.rows = rows;
      this.columns = columns;
      this.symmetric = symmetric;
    }

    void add(String measure, String place, ToDoubleBiFunction<String, String> similarity) {
      put(
          measure, place,
          symmetric
              ? SimilarityMatrix.symmetric(rows, similarity)
              : SimilarityMatrix.cross(rows, columns, similarity));
    }

    /** @param from place of the first column among the values' columns */
    void add(String measure, String place, double[][] values, int from) {
      add(
          measure, place,
          (row, column) -> values[rows.indexOf(row)][from + columns.indexOf(column)]);
    }

    void put(String measure, String place, SimilarityMatrix matrix) {
      values.computeIfAbsent(measure, key -> new LinkedHashMap<>()).put(place, matrix.values());
      means.computeIfAbsent(measure, key -> new LinkedHashMap<>())
          .put(place, new Means(mean(matrix, false), mean(matrix, true)));
    }

    private static double mean(SimilarityMatrix matrix, boolean same) {
      double sum = 0;
      int count = 0;
      for (int i = 0; i < matrix.rows().size(); i++) {
        for (int j = 0; j < matrix.columns().size(); j++) {
          double value = matrix.values()[i][j];
          if (matrix.rows().get(i).equals(matrix.columns().get(j)) == same && Double.isFinite(value)) {
            sum += value;
            count++;
          }
        }
      }
      return count == 0 ? Double.NaN : sum / count;
    }

    Tree tree() {
      if (!symmetric || rows.size() < 2) {
        return null;
      }
      String measure = values.containsKey(DISATTENUATED) ? DISATTENUATED : WEIGHTED_JACCARD;
      var linkage =
          new SimilarityMatrix(rows, columns, values.get(measure).get(SimilarityFile.POOLED), true).tree();
      return new Tree(measure, Arrays.stream(linkage.order()).mapToObj(rows::get).toList(), linkage.merges());
    }
  }
}
