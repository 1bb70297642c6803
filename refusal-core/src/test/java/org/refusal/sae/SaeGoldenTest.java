package org.refusal.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;

/** Autoencoders in attribution/: latents f.l of the residual stream resid.l, in float64. */
class SaeGoldenTest {

  @Test
  void latentsEqualTheGoldens() throws IOException {
    Path attribution = Goldens.folder("attribution");
    assumeTrue(Files.isDirectory(attribution), "this set of goldens has no attribution folder");
    int cases = 0;
    try (Stream<Path> kinds = Files.list(attribution);
        NDManager manager = NDManager.newBaseManager()) {
      for (Path kind : kinds.filter(folder -> Files.exists(folder.resolve("goldens.safetensors"))).sorted().toList()) {
        for (Path folder : folders(kind.resolve("sae"))) {
          cases += check(manager, kind, folder);
        }
      }
    }
    assumeTrue(cases > 0, "these goldens leave out the activations resid.l and latents f.l, to be small");
  }

  private static List<Path> folders(Path parent) throws IOException {
    try (Stream<Path> folders = Files.list(parent)) {
      return folders.sorted().toList();
    }
  }

  private static int check(NDManager parent, Path kind, Path folder) {
    int layer = HookPoint.parse(folder.getFileName().toString()).layer();
    try (NDManager manager = parent.newSubManager();
        Safetensors goldens = Safetensors.open(kind.resolve("goldens.safetensors"));
        SparseAutoencoder sae = SaeCheckpoint.load(folder, manager, DataType.FLOAT64)) {
      assertThat(SaeCheckpoint.read(folder).source().hookName())
          .isEqualTo(HookPoint.residuals(layer).transformerLensName());
      if (!goldens.has("resid." + layer)) {
        return 0;
      }
      double[] x = goldens.doubles("resid." + layer);
      double[] expected = goldens.doubles("f." + layer);
      NDArray latents = sae.encodeDense(manager.create(x, new Shape(x.length / sae.dIn(), sae.dIn())));
      double[] found = latents.toDoubleArray();
      assertThat(found).hasSameSizeAs(expected);
      double largest = 0;
      double deviation = 0;
      for (int i = 0; i < found.length; i++) {
        largest = Math.max(largest, Math.abs(expected[i]));
        deviation = Math.max(deviation, Math.abs(found[i] - expected[i]));
      }
      System.out.printf("%s: largest deviation %.2e of %.3g%n", folder, deviation, largest);
      assertThat(deviation).as("latents of %s", folder).isLessThan(1e-9 * largest);
      return 1;
    }
  }
}
