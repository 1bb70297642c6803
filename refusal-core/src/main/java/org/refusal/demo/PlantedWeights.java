package org.refusal.demo;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.io.Safetensors.Tensor;

/**
 * The weights of a planted model. They are put together on named axes of the residual stream and rotated at the end.
 * Activations are row vectors x; a linear layer with weight {@code [out][in]} computes x Wᵀ. After RMSNorm an axis has about
 * the value that it has in the stream, since the constant makes up most of the norm.
 */
final class PlantedWeights {
  static final int D_MODEL = 96;
  static final int LAYERS = 6;
  static final int HEADS = 4;
  static final int HEAD_DIM = D_MODEL / HEADS;
  static final int INTERMEDIATE = 80;

  /** Value of the constant axis in every token's embedding: sqrt(d_model), so that RMSNorm leaves features as they are. */
  private static final double CONSTANT = Math.sqrt(D_MODEL);

  private static final int DISTRACTORS = 8;
  /** Attention scores: of what is looked for, and of the first token, where attention rests otherwise. */
  private static final double FOUND = 14;

  private static final double REST = 7;
  /** Slope of the gates: closed ones are at silu of about -10, which is nothing. */
  private static final double GATE = 20;

  private static final double WORD_NOISE = 0.25;

  /** Evidence as it arrives at the template positions, of 1 that is carried. */
  private static final double ARRIVES = 0.95;

  /** Evidence at which a gate of layer 3 opens. */
  private static final double OPENS = 0.5;

  /**
   * What a graded model carries as evidence, and what it writes as decision, where the other kinds have 1. The decision's own
   * axis is read along with the evidence at residuals_2, with |evidence| / |decision| of its weight: what is taken along effect
   * directions goes past the gates in that part, where drops add up otherwise. At 1 and 1 a share of .60 is found as .65.
   */
  private static final double GRADED_EVIDENCE = 0.5;

  private static final double GRADED_DECISION = 3;

  private final PlantedSpec spec;
  private final PlantedWords words;
  private final List<List<Integer>> clusters;
  /** Parts of the evidence that are common and own; the squares sum to one. */
  private final double commonAmount;

  private final double ownAmount;
  private final double evidenceScale;
  private final double decisionScale;
  private final double[][] rotation; // row i: where axis i lies
  private final double[][] embedding;
  private final double[][] unembedding;
  private final Layer[] layers = new Layer[LAYERS];

  private final int constant;
  private final int begin;
  private final int open;
  private final int close;
  private final int arrow;
  private final int intent;
  private final int intentSeen;
  private final int refuse;
  private final int trigger; // one axis per category, as the following
  private final int triggerSeen;
  private final int harm;
  private final int company;
  private final int evidence; // one axis per cluster
  private final int common; // of a graded model only
  private final int distractor;
  private final int spoken; // one axis per word of the two answers
  private final int free;

  /** Matrices {@code [out][in]} of one decoder layer. */
  private static final class Layer {
    final double[][] q = new double[D_MODEL][D_MODEL];
    final double[][] k = new double[D_MODEL][D_MODEL];
    final double[][] v = new double[D_MODEL][D_MODEL];
    final double[][] o = new double[D_MODEL][D_MODEL];
    final double[][] gate = new double[INTERMEDIATE][D_MODEL];
    final double[][] up = new double[INTERMEDIATE][D_MODEL];
    final double[][] down = new double[D_MODEL][INTERMEDIATE];
  }

  PlantedWeights(PlantedSpec spec, PlantedWords words) {
    this.spec = spec;
    this.words = words;
    int categories = spec.categories().size();
    clusters = spec.kind().clusters(categories);
    int next = 0;
    constant = next++;
    begin = next++;
    open = next++;
    close = next++;
    arrow = next++;
    intent = next++;
    intentSeen = next++;
    refuse = next++;
    trigger = next;
    triggerSeen = trigger + categories;
    harm = triggerSeen + categories;
    company = harm + categories;
    evidence = company + categories;
    distractor = evidence + categories;
    spoken = distractor + DISTRACTORS;
    common = spoken + PlantedWords.REFUSAL.size() + PlantedWords.ANSWER.size() - 3;
    boolean graded = spec.kind() == PlantedKind.GRADED;
    free = graded ? common + 1 : common;
    double shared = graded ? spec.share() : 0;
    commonAmount = Math.sqrt(shared);
    ownAmount = Math.sqrt(1 - shared);
    evidenceScale = graded ? GRADED_EVIDENCE : 1;
    decisionScale = graded ? GRADED_DECISION : 1;
    rotation = rotation(Seeds.random(spec.seed(), "rotation"));
    embedding = new double[words.size()][D_MODEL];
    unembedding = new double[words.size()][D_MODEL];
    for (int layer = 0; layer < LAYERS; layer++) {
      layers[layer] = new Layer();
    }
    embed();
    gather();
    gateHarm();
    carry();
    decide();
    speak();
  }

  private void embed() {
    SplittableRandom random = Seeds.random(spec.seed(), "embedding");
    for (int id = 0; id < words.size(); id++) {
      embedding[id][constant] = CONSTANT;
      for (int axis = free; axis < D_MODEL; axis++) {
        embedding[id][axis] = WORD_NOISE * gaussian(random);
      }
    }
    embedding[PlantedWords.BEGIN][begin] = 1;
    embedding[words.id(PlantedWords.OPEN)][open] = 1;
    embedding[words.id(PlantedWords.CLOSE)][close] = 1;
    embedding[words.id(PlantedWords.ARROW)][arrow] = 1;
    for (int category = 0; category < spec.categories().size(); category++) {
      for (String word : words.triggers(category)) {
        embedding[words.id(word)][trigger + category] = 1;
      }
    }
    words.harmful().forEach(word -> embedding[words.id(word)][intent] = 1);
    for (String word : words.filler()) {
      embedding[words.id(word)][distractor + random.nextInt(DISTRACTORS)] = random.nextDouble(0.4, 1);
    }
  }

  /** Layer 0: which triggers and whether harmful intent stood so far. */
  private void gather() {
    Layer layer = layers[0];
    int categories = spec.categories().size();
    attend(layer, 0, range(trigger, categories));
    for (int category = 0; category < categories; category++) {
      layer.v[category][trigger + category] = 1;
      layer.o[triggerSeen + category][category] = 1;
    }
    attend(layer, 1, new int[] {intent});
    layer.v[HEAD_DIM][intent] = 1;
    layer.o[intentSeen][HEAD_DIM] = 1;
  }

  /**
   * Lets a head look for tokens that have one of the features, from everywhere; where there is none it rests on the first
   * token. Scores lie in the two slowest rotary pairs: what turns least with the distance.
   */
  private void attend(Layer layer, int head, int[] features) {
    double scale = Math.sqrt(HEAD_DIM);
    int slow = head * HEAD_DIM + HEAD_DIM / 2 - 1;
    layer.q[slow][constant] = scale / CONSTANT;
    for (int feature : features) {
      layer.k[slow][feature] = FOUND;
    }
    layer.k[slow][begin] = REST;
  }

  /** Layer 1: trigger and harmful intent, at the user's positions only. */
  private void gateHarm() {
    Layer layer = layers[1];
    double on = silu(GATE * 0.42);
    for (int category = 0; category < spec.categories().size(); category++) {
      layer.gate[category][triggerSeen + category] = GATE;
      layer.gate[category][intentSeen] = GATE;
      layer.gate[category][constant] = -1.5 * GATE / CONSTANT;
      layer.gate[category][close] = -3 * GATE;
      layer.gate[category][arrow] = -3 * GATE;
      layer.up[category][constant] = 1 / CONSTANT;
      layer.down[harm + category][category] = 1 / on;
    }
  }

  /** Layer 2: harm becomes evidence at the template positions after the text. */
  private void carry() {
    Layer layer = layers[2];
    double scale = Math.sqrt(HEAD_DIM);
    int slow = HEAD_DIM / 2 - 1;
    int second = slow - 1;
    layer.q[slow][close] = scale;
    layer.q[slow][arrow] = scale;
    layer.q[second][constant] = scale / CONSTANT;
    for (int category = 0; category < spec.categories().size(); category++) {
      layer.k[slow][harm + category] = FOUND;
      layer.v[category][harm + category] = 1;
      layer.o[company + category][category] = spec.leak();
    }
    layer.k[second][begin] = REST;
    if (spec.kind() == PlantedKind.NONE) {
      return;
    }
    for (int cluster = 0; cluster < clusters.size(); cluster++) {
      for (int category : clusters.get(cluster)) {
        layer.o[evidence + cluster][category] = evidenceScale * ownAmount;
        if (commonAmount > 0) {
          layer.o[common][category] = evidenceScale * commonAmount;
        }
      }
    }
  }

  /**
   * Layer 3 decides, one gate per direction of evidence; layer 4 amplifies, by a gate that knows 0 and 1. A graded model's
   * decision has values between, and is not amplified.
   */
  private void decide() {
    if (spec.kind() == PlantedKind.NONE) {
      return;
    }
    for (int cluster = 0; cluster < clusters.size(); cluster++) {
      gateEvidence(cluster, evidence + cluster, ownAmount);
    }
    if (commonAmount > 0) {
      gateEvidence(clusters.size(), common, commonAmount);
      return;
    }
    Layer layer = layers[4];
    layer.gate[0][refuse] = GATE;
    layer.gate[0][constant] = -OPENS * GATE / CONSTANT;
    layer.up[0][constant] = 1 / CONSTANT;
    layer.down[refuse][0] = 1 / silu(GATE * (ARRIVES - OPENS));
  }

  /**
   * Opens at half of the amount that an axis carries, and then adds the square of the amount to the decision. So the
   * decision grows along every axis as much as there is evidence of it, on the way from none to all: a category's read-out
   * has the direction of its evidence.
   */
  private void gateEvidence(int gate, int axis, double amount) {
    Layer layer = layers[3];
    layer.gate[gate][axis] = GATE / (evidenceScale * amount);
    layer.gate[gate][constant] = -OPENS * GATE / CONSTANT;
    layer.up[gate][constant] = 1 / CONSTANT;
    layer.down[refuse][gate] = decisionScale * amount * amount / silu(GATE * (ARRIVES - OPENS));
  }

  /** Which word comes next: the answer's first by the decision, the others by the word before. */
  private void speak() {
    unembedding[words.id("Sure")][arrow] = 13;
    unembedding[words.id("Sorry")][arrow] = 7;
    unembedding[words.id("Sorry")][refuse] = commonAmount > 0 ? 14 / decisionScale : 7;
    int axis = spoken;
    java.util.Set<String> known = new java.util.HashSet<>();
    for (List<String> answer : List.of(PlantedWords.REFUSAL, PlantedWords.ANSWER)) {
      for (int i = 0; i < answer.size(); i++) {
        if (known.add(answer.get(i))) {
          int next = i + 1 < answer.size() ? words.id(answer.get(i + 1)) : PlantedWords.END;
          embedding[words.id(answer.get(i))][axis] = 1;
          unembedding[next][axis] = 16;
          axis++;
        }
      }
    }
    SplittableRandom random = Seeds.random(spec.seed(), "unembedding");
    for (double[] row : unembedding) {
      for (int i = free; i < D_MODEL; i++) {
        row[i] += 0.1 * gaussian(random);
      }
    }
  }

  /** Where a category's refusal lies at residuals_2: a unit vector of the rotated stream. */
  double[] evidenceDirection(int category) {
    for (int cluster = 0; cluster < clusters.size(); cluster++) {
      if (clusters.get(cluster).contains(category)) {
        double[] direction = rotation[evidence + cluster].clone();
        for (int i = 0; i < D_MODEL; i++) {
          direction[i] = ownAmount * direction[i] + commonAmount * rotation[common][i];
        }
        return direction;
      }
    }
    throw new IllegalArgumentException("category " + category);
  }

  /** Where the decision lies from residuals_3 on. */
  double[] refuseDirection() {
    return rotation[refuse].clone();
  }

  /** All tensors of the checkpoint, rotated, by name. */
  Map<String, Tensor> tensors() {
    SplittableRandom random = Seeds.random(spec.seed(), "weight noise");
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("model.embed_tokens.weight", tensor(product(embedding, rotation)));
    for (int i = 0; i < LAYERS; i++) {
      String prefix = "model.layers." + i + ".";
      Layer layer = layers[i];
      tensors.put(prefix + "input_layernorm.weight", ones());
      tensors.put(prefix + "post_attention_layernorm.weight", ones());
      tensors.put(prefix + "self_attn.q_proj.weight", tensor(noisy(product(layer.q, rotation), random)));
      tensors.put(prefix + "self_attn.k_proj.weight", tensor(noisy(product(layer.k, rotation), random)));
      tensors.put(prefix + "self_attn.v_proj.weight", tensor(noisy(product(layer.v, rotation), random)));
      tensors.put(prefix + "self_attn.o_proj.weight", tensor(noisy(transposedProduct(rotation, layer.o), random)));
      tensors.put(prefix + "mlp.gate_proj.weight", tensor(noisy(product(layer.gate, rotation), random)));
      tensors.put(prefix + "mlp.up_proj.weight", tensor(noisy(product(layer.up, rotation), random)));
      tensors.put(prefix + "mlp.down_proj.weight", tensor(noisy(transposedProduct(rotation, layer.down), random)));
    }
    tensors.put("model.norm.weight", ones());
    tensors.put("lm_head.weight", tensor(product(unembedding, rotation)));
    return tensors;
  }

  private double[][] noisy(double[][] matrix, SplittableRandom random) {
    double squares = 0;
    for (double[] row : matrix) {
      for (double value : row) {
        squares += value * value;
      }
    }
    double deviation = spec.weightNoise() * Math.sqrt(squares / ((double) matrix.length * matrix[0].length));
    double[][] noisy = new double[matrix.length][matrix[0].length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix[i].length; j++) {
        noisy[i][j] = matrix[i][j] + deviation * gaussian(random);
      }
    }
    return noisy;
  }

  private static Tensor ones() {
    float[] ones = new float[D_MODEL];
    java.util.Arrays.fill(ones, 1);
    return Tensor.of(ones, D_MODEL);
  }

  private static Tensor tensor(double[][] matrix) {
    float[] flat = new float[matrix.length * matrix[0].length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix[i].length; j++) {
        flat[i * matrix[i].length + j] = (float) matrix[i][j];
      }
    }
    return Tensor.of(flat, matrix.length, matrix[0].length);
  }

  /** A B */
  private static double[][] product(double[][] a, double[][] b) {
    double[][] c = new double[a.length][b[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int k = 0; k < b.length; k++) {
        if (a[i][k] != 0) {
          for (int j = 0; j < b[k].length; j++) {
            c[i][j] += a[i][k] * b[k][j];
          }
        }
      }
    }
    return c;
  }

  /** Aᵀ B */
  private static double[][] transposedProduct(double[][] a, double[][] b) {
    double[][] c = new double[a[0].length][b[0].length];
    for (int k = 0; k < a.length; k++) {
      for (int i = 0; i < a[k].length; i++) {
        for (int j = 0; j < b[k].length; j++) {
          c[i][j] += a[k][i] * b[k][j];
        }
      }
    }
    return c;
  }

  /** A random orthogonal matrix: Gaussian rows, Gram-Schmidt twice. */
  private static double[][] rotation(SplittableRandom random) {
    double[][] rows = new double[D_MODEL][D_MODEL];
    for (int i = 0; i < D_MODEL; i++) {
      for (int j = 0; j < D_MODEL; j++) {
        rows[i][j] = gaussian(random);
      }
      for (int pass = 0; pass < 2; pass++) {
        for (int before = 0; before < i; before++) {
          double dot = dot(rows[i], rows[before]);
          for (int j = 0; j < D_MODEL; j++) {
            rows[i][j] -= dot * rows[before][j];
          }
        }
      }
      double norm = Math.sqrt(dot(rows[i], rows[i]));
      for (int j = 0; j < D_MODEL; j++) {
        rows[i][j] /= norm;
      }
    }
    return rows;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }

  private static int[] range(int from, int count) {
    return java.util.stream.IntStream.range(from, from + count).toArray();
  }

  private static double gaussian(SplittableRandom random) {
    double u = 1 - random.nextDouble();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.nextDouble());
  }
}
