package org.refusal.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.RandomSeeds;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.torch.Autograd;

/** What every architecture of the list keeps; {@link #EXAMPLES} has one maker for each. */
class ArchitectureContractTest {
  private static final int D_IN = 5;
  private static final int D_SAE = 40;
  private static final int TOKENS = 7;

  /** Of a random generator and d_sae. */
  private static final Map<String, BiFunction<Random, Integer, Architecture>> EXAMPLES =
      Map.of(
          "topk", (random, dSae) -> new TopK(1 + random.nextInt(dSae / 4)),
          "batchtopk", (random, dSae) -> new BatchTopK(random.nextFloat() - .2f),
          "jumprelu", (random, dSae) -> new JumpRelu(normal(random, dSae)),
          "relu", (random, dSae) -> new Relu(),
          "gated", (random, dSae) -> new Gated(normal(random, dSae), normal(random, dSae)));

  @TempDir Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void everyArchitectureOfTheListHasAnExample() {
    assertThat(EXAMPLES.keySet())
        .as("add a random example of the architecture to EXAMPLES")
        .containsExactlyInAnyOrderElementsOf(Architectures.names());
    EXAMPLES.forEach(
        (name, make) -> assertThat(make.apply(new Random(1), D_SAE).form()).isEqualTo(Architectures.of(name)));
  }

  @Test
  void aNameIsRegisteredOnce() {
    assertThatThrownBy(() -> Architectures.checked(List.of(TopK.FORM, Relu.FORM, TopK.FORM)))
        .hasMessage("two architectures of the name 'topk'");
  }

  @Test
  void onlyTopKIsTrainedAndTheOthersAreRefusedByName() {
    for (String name : Architectures.names()) {
      if (name.equals("topk")) {
        Architectures.requireTrained(name);
      } else {
        assertThatThrownBy(() -> Architectures.requireTrained(name))
            .isInstanceOf(UserException.class)
            .hasMessageContaining("'" + name + "' can be imported and used, but not trained");
      }
    }
    assertThatThrownBy(() -> Architectures.of("jumpReLU")).hasMessageContaining("no architecture 'jumpReLU'");
  }

  @RandomSeeds(2)
  void savedAndLoadedItHasTheSameBytes(long seed) throws IOException {
    for (String name : Architectures.names()) {
      SaeCheckpoint written = new SaeCheckpoint(weights(name, seed), new SaeSource("m", "blocks.2.hook_resid_post", true));
      Path first = folder.resolve(name + seed);
      Path second = folder.resolve(name + seed + "_again");
      written.write(first);
      SaeCheckpoint read = SaeCheckpoint.read(first);
      read.write(second);
      assertThat(read.weights().architecture()).isEqualTo(written.weights().architecture());
      for (String file : List.of(SaeCheckpoint.CONFIG, SaeCheckpoint.WEIGHTS)) {
        assertThat(Files.readAllBytes(second.resolve(file))).as(name).isEqualTo(Files.readAllBytes(first.resolve(file)));
      }
      assertThat(decoded(read.weights(), x(seed))).as(name).isEqualTo(decoded(written.weights(), x(seed)));
    }
  }

  @RandomSeeds(2)
  void exportedAndImportedItIsTheSameFunction(long seed) {
    HookPoint at = HookPoint.residuals(2);
    for (String name : Architectures.names()) {
      SaeCheckpoint sae = new SaeCheckpoint(weights(name, seed), new SaeSource("m", at.transformerLensName(), true));
      for (SaeExport layout : SaeExport.values()) {
        Path parent = folder.resolve(layout + name + seed);
        if (layout == SaeExport.SPARSIFY && !name.equals("topk")) {
          assertThatThrownBy(() -> layout.write(sae, at, parent))
              .isInstanceOf(UserException.class)
              .hasMessageContaining("architecture '" + name + "' cannot be exported as sparsify");
          continue;
        }
        SaeCheckpoint read = SaeImport.read(layout.write(sae, at, parent), new SaeSource("m", "", true), null);
        close(name + " as " + layout, array(decoded(read.weights(), x(seed))), array(decoded(sae.weights(), x(seed))), 1e-5);
      }
    }
  }

  @RandomSeeds(2)
  void everySizeOfABatchGivesTheSameRows(long seed) {
    each(seed, (name, sae) -> {
      NDArray x = x(seed);
      NDList rows = new NDList();
      for (int t = 0; t < TOKENS; t++) {
        rows.add(sae.encodeDense(x.get("%d:%d".formatted(t, t + 1))));
      }
      close(name, NDArrays.concat(rows), sae.encodeDense(x), 1e-12);
    });
  }

  @RandomSeeds(2)
  void sparseLatentsAreTheDenseOnesAndDecodeToTheSame(long seed) {
    each(seed, (name, sae) -> {
      NDArray x = x(seed);
      SparseLatents sparse = sae.encode(x);
      NDArray dense = sae.encodeDense(x);
      assertThat(sparse.tokens()).isEqualTo(TOKENS);
      assertThat(sparse.dense(D_SAE).toDoubleArray()).as(name).isEqualTo(dense.toDoubleArray());
      assertThat(Arrays.stream(dense.toDoubleArray()).min().orElseThrow()).as(name).isGreaterThanOrEqualTo(0);
      close(name, sae.decode(sparse), dense.matMul(sae.wDec()).add(sae.bDec()), 1e-12);
      NDArray error = x.sub(sae.decode(sparse));
      close(name + ": latents and error", sae.decode(sparse).add(error), x, 1e-12);
    });
  }

  /** m(x) = x · w: what moves with latent i is (f'_i - f_i) W_dec_i · w, and all of them with the error's part are m' - m. */
  @RandomSeeds(2)
  void effectsOnALinearReadoutAddUp(long seed) {
    each(seed, (name, sae) -> {
      NDArray clean = x(seed);
      NDArray other = x(seed + 1);
      NDArray w = manager.create(doubles(new Random(seed + 2), D_IN), new Shape(D_IN, 1));
      NDArray latents = sae.encodeDense(other).sub(sae.encodeDense(clean));
      NDArray perLatent = latents.mul(sae.wDec().matMul(w).transpose()); // [tokens, d_sae]
      NDArray errors =
          other.sub(sae.decode(sae.encode(other))).sub(clean.sub(sae.decode(sae.encode(clean)))).matMul(w);
      close(name, perLatent.sum(new int[] {1}, true).add(errors), other.sub(clean).matMul(w), 1e-11);
    });
  }

  @RandomSeeds(2)
  void gradientsOfLatentsAreFiniteDifferences(long seed) {
    each(seed, (name, sae) -> {
      NDArray x = x(seed);
      NDArray dense = sae.encodeDense(x);
      double[] active = dense.gt(0).toType(DataType.FLOAT64, false).toDoubleArray();
      double[] coefficients = doubles(new Random(seed + 3), TOKENS * D_SAE);
      NDArray c = manager.create(coefficients, new Shape(TOKENS, D_SAE));
      NDArray mask = manager.create(active, new Shape(TOKENS, D_SAE));
      close(name + ": active values", sae.activeValues(x).mul(mask), dense, 1e-12);
      close(name + ": one latent", sae.activeValues(x, 3), sae.activeValues(x).get(":, 3:4"), 1e-12);
      double step = 1e-7;
      double[] expected = new double[TOKENS * D_IN];
      double[] values = x.toDoubleArray();
      for (int i = 0; i < expected.length; i++) {
        double[] up = values.clone();
        double[] down = values.clone();
        up[i] += step;
        down[i] -= step;
        NDArray above = sae.encodeDense(manager.create(up, x.getShape()));
        NDArray below = sae.encodeDense(manager.create(down, x.getShape()));
        expected[i] = above.sub(below).mul(c).sum().getDouble() / (2 * step);
      }
      try (Autograd tape = Autograd.record()) {
        NDArray leaf = tape.watch(x);
        NDArray ofLatents = tape.gradients(sae.encodeDense(leaf).mul(c).sum(), List.of(leaf)).get(0);
        NDArray ofActive = tape.gradients(sae.activeValues(leaf).mul(mask).mul(c).sum(), List.of(leaf)).get(0);
        NDArray numeric = manager.create(expected, x.getShape());
        close(name + ": latents", ofLatents, numeric, 1e-5);
        close(name + ": active values", ofActive, ofLatents, 1e-12);
      }
    });
  }

  @RandomSeeds(2)
  void decoderNormsAndTheInputsBiasFoldAway(long seed) {
    for (String name : Architectures.names()) {
      SaeWeights weights = weights(name, seed);
      if (name.equals("topk")) { // folding changes which latents win where they compete
        weights = new SaeWeights(D_IN, D_SAE, new TopK(D_SAE), weights.wEnc(), weights.bEnc(), weights.wDec(), weights.bDec());
      }
      SaeWeights folded = weights.withDecoderNorms("here");
      NDArray x = x(seed);
      close(name, array(decoded(folded, x)), array(decoded(weights, x)), 1e-5);
      SaeWeights ofX = weights.withInputBias(); // an encoder of x, written as one of x - b_dec
      try (SparseAutoencoder shifted = TensorAutoencoder.of(ofX, manager, DataType.FLOAT64);
          SparseAutoencoder plain = TensorAutoencoder.of(weights, manager, DataType.FLOAT64)) {
        close(name + ": b_dec", shifted.encodeDense(x), plain.encodeDense(x.add(plain.bDec())), 1e-5);
      }
    }
  }

  private interface Check {
    void of(String name, SparseAutoencoder sae);
  }

  private void each(long seed, Check check) {
    for (String name : Architectures.names()) {
      try (SparseAutoencoder sae = TensorAutoencoder.of(weights(name, seed), manager, DataType.FLOAT64)) {
        check.of(name, sae);
      }
    }
  }

  private double[] decoded(SaeWeights weights, NDArray x) {
    try (SparseAutoencoder sae = TensorAutoencoder.of(weights, manager, DataType.FLOAT64)) {
      return sae.decode(sae.encode(x)).toDoubleArray();
    }
  }

  private NDArray array(double[] values) {
    return manager.create(values, new Shape(TOKENS, D_IN));
  }

  private static void close(String what, NDArray found, NDArray expected, double tolerance) {
    double[] right = expected.toDoubleArray();
    double largest = Math.max(1, Arrays.stream(right).map(Math::abs).max().orElseThrow());
    assertThat(found.toDoubleArray()).as(what).containsExactly(right, within(tolerance * largest));
  }

  private NDArray x(long seed) {
    return manager.create(doubles(new Random(seed), TOKENS * D_IN), new Shape(TOKENS, D_IN));
  }

  private static SaeWeights weights(String name, long seed) {
    Random random = new Random(seed);
    return new SaeWeights(
        D_IN, D_SAE, EXAMPLES.get(name).apply(random, D_SAE), normal(random, D_IN * D_SAE), normal(random, D_SAE),
        normal(random, D_SAE * D_IN), normal(random, D_IN));
  }

  private static double[] doubles(Random random, int count) {
    return random.doubles(count, -2, 2).toArray();
  }

  private static float[] normal(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
