package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeExport;
import org.refusal.sae.SaeSource;
import org.refusal.sae.SaeWeights;

/** {@code import} of autoencoders: the hook point that a name, a folder or a config says. */
class ForeignImportTest {
  @TempDir Path folder;
  private SaeCheckpoint sae;
  private Path results;

  @BeforeEach
  void make() {
    Random random = new Random(7);
    sae =
        new SaeCheckpoint(
            new SaeWeights(4, 6, 2, normal(random, 24), normal(random, 6), normal(random, 24), normal(random, 4)),
            new SaeSource("m", "", true));
    results = folder.resolve("results");
  }

  private static float[] normal(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private Cli load(Path source, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("import", source.toString(), "--model", "m", "--results-dir", results.toString()));
    arguments.addAll(List.of(more));
    return Cli.run(Map.of(), arguments);
  }

  private Path saeLens(String folderName, String hookName) {
    Path written = folder.resolve(folderName);
    sae.write(written);
    ObjectNode config = (ObjectNode) Json.read(written.resolve("cfg.json"));
    ((ObjectNode) config.path("metadata")).put("hook_name", hookName);
    Json.write(written.resolve("cfg.json"), config);
    return written;
  }

  @Test
  void whatEntersALayerIsTheOutputOfTheOneBefore() {
    Cli ran = load(saeLens("sae", "blocks.1.hook_resid_pre"));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("residuals_0: d_in 4, d_sae 6, k 2");

    Cli embedding = load(saeLens("first", "blocks.0.hook_resid_pre"));
    assertThat(embedding.code()).isEqualTo(65);
    assertThat(embedding.complaint().get(0)).contains("first", "is the embedding");
    assertThat(load(saeLens("first", "blocks.0.hook_resid_pre"), "--hook-point", "mlp_0").code()).isZero();
  }

  @Test
  void foldersNamedByModule() {
    for (HookPoint at : new HookPoint[] {HookPoint.residuals(1), HookPoint.mlp(1), HookPoint.attention(1)}) {
      Cli ran = load(SaeExport.SPARSIFY.write(sae, at, folder));
      assertThat(ran.code()).as(ran.err()).isZero();
      assertThat(ran.out()).contains(at.name() + ": d_in 4");
    }
  }

  @Test
  void nameAndConfigThatDisagreeNeedAnAnswer() {
    Path source = saeLens("residuals_2", "blocks.5.hook_resid_post");
    Cli ran = load(source);
    assertThat(ran.code()).isEqualTo(2);
    assertThat(ran.complaint().get(0)).contains("its name says residuals_2", "blocks.5.hook_resid_post");
    assertThat(load(source, "--hook-point", "residuals_5").code()).isZero();
    Cli unknown = load(saeLens("sae", ""));
    assertThat(unknown.code()).isEqualTo(2);
    assertThat(unknown.complaint().get(0)).contains("does not say at which hook point");
  }
}
