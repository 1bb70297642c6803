package org.refusal.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
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
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;

/**
 * Autoencoders as their own libraries save and evaluate them, in {@code -Drefusal.goldens.dictionaries=FOLDER} or, without
 * it, in {@code shared/goldens/dictionaries} beside the checkout: latents and reconstruction within 1e-5 of the largest.
 */
class DictionaryGoldenTest {
  private static final double TOLERANCE = 1e-5;

  @TempDir Path written;

  private static Path folder() {
    String property = System.getProperty("refusal.goldens.dictionaries", "");
    List<Path> places =
        property.isBlank()
            ? List.of(Path.of("../shared/goldens/dictionaries"), Path.of("../../shared/goldens/dictionaries"),
                Path.of("../../../shared/goldens/dictionaries"))
            : List.of(Path.of(property), Path.of("..").resolve(property));
    Path found = places.stream().filter(Files::isDirectory).findFirst().orElse(null);
    assumeTrue(found != null, "no dictionaries in " + places + ": give -Drefusal.goldens.dictionaries");
    return found;
  }

  @TestFactory
  Stream<DynamicTest> encodesAndDecodesAsItsOwnLibraryDoes() throws IOException {
    Path folder = folder();
    List<Path> cases;
    try (Stream<Path> all = Files.list(folder)) {
      cases = all.filter(Files::isDirectory).sorted().toList();
    }
    assertThat(cases).isNotEmpty();
    return cases.stream().map(each -> DynamicTest.dynamicTest(each.getFileName().toString(), () -> check(each)));
  }

  private void check(Path each) {
    String name = each.getFileName().toString();
    SaeSource source = new SaeSource("acme/tiny", "", true);
    if (name.endsWith("-layer_norm") || name.endsWith("-constant_norm_rescale")) {
      assertThatThrownBy(() -> SaeImport.read(each, source, null))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("normalize_activations '" + name.substring(name.lastIndexOf('-') + 1) + "' cannot be read");
      return;
    }
    SaeCheckpoint read = SaeImport.read(each, source, null);
    if (!name.equals("gemma-scope")) {
      assertThat(HookNames.parse(each, read.source().hookName())).isEqualTo(HookPoint.residuals(3));
    }
    compare(each, read.weights());
    Path folder = written.resolve(name);
    read.write(folder);
    compare(each, SaeCheckpoint.read(folder).weights());
  }

  private static void compare(Path each, SaeWeights weights) {
    try (NDManager manager = NDManager.newBaseManager();
        Safetensors expected = Safetensors.open(each.resolve("expected.safetensors"));
        SparseAutoencoder sae = TensorAutoencoder.of(weights, manager, DataType.FLOAT32)) {
      float[] x = expected.floats("x");
      NDArray input = manager.create(x, new Shape(x.length / sae.dIn(), sae.dIn()));
      close(each + " latents", sae.encodeDense(input), expected.floats("latents"));
      close(each + " reconstruction", sae.decode(sae.encode(input)), expected.floats("reconstruction"));
    }
  }

  private static void close(String what, NDArray found, float[] expected) {
    float[] values = found.toFloatArray();
    assertThat(values).hasSameSizeAs(expected);
    double largest = 0;
    double deviation = 0;
    for (int i = 0; i < values.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      deviation = Math.max(deviation, Math.abs(values[i] - expected[i]));
    }
    System.out.printf("%s: largest deviation %.2e of %.3g%n", what, deviation, largest);
    assertThat(deviation).as(what).isLessThan(TOLERANCE * largest);
  }
}
