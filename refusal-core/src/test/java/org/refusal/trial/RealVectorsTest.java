package org.refusal.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.attribution.AttributionFiles;
import org.refusal.base.Progress;
import org.refusal.circuit.HookPoint;
import org.refusal.config.Binder;
import org.refusal.config.StatsConfig;
import org.refusal.verdict.Answer;

/** Calibration on what discover left in a results folder. */
class RealVectorsTest {
  private static final HookPoint AT = HookPoint.residuals(15);
  private static final List<String> CATEGORIES = List.of("hate", "privacy", "violence");
  @TempDir Path folder;

  @Test
  void vectorsOfRefusedPromptsAreRead() {
    AttributionFiles.write(folder, "org/model", CATEGORIES, 16, AT);
    VectorCalibration.Vectors read = RealVectors.read(folder, "residuals_15");
    assertThat(read.model()).isEqualTo("org-model");
    assertThat(read.categories()).isEqualTo(CATEGORIES);
    assertThat(read.gradients()).hasDimensions(36, AttributionFiles.WIDTH);
    assertThat(read.differences()).hasDimensions(36, AttributionFiles.WIDTH);
    assertThat(read.categoryOf()[12]).isEqualTo(1);
    assertThat(read.gradients()[12][1]).isCloseTo(2, within(.5));
    assertThat(read.gaps()).startsWith(6, 7, 8, 10).hasSize(36);
  }

  @Test
  void theTruthOfMixturesIsKnownAndFound() {
    AttributionFiles.write(folder, "model", CATEGORIES, 32, AT);
    VectorCalibration found =
        VectorCalibration.run(
            RealVectors.read(folder, "residuals_15"),
            new Calibration.Options(40, 10, 5, 39, 100, 3, 1),
            Binder.bind(StatsConfig.Verdict.class, Binder.empty(), Map.<String, String>of()::get),
            Progress.none());
    assertThat(found.prompts()).containsExactly(24, 24, 24);
    assertThat(found.uniformity()).hasSize(6);
    assertThat(found.errors()).filteredOn(row -> row.world().startsWith("only")).hasSize(3)
        .allSatisfy(row -> assertThat(row.sharedPart()).isCloseTo(1, within(1e-9)));
    assertThat(found.errors()).filteredOn(row -> row.world().equals("0 % from all")).singleElement()
        .satisfies(row -> {
          assertThat(row.truth()).isEqualTo(Answer.MODULAR);
          assertThat(row.sharedPart()).isCloseTo(0, within(.05));
          assertThat(row.share(Answer.MODULAR)).isEqualTo(1);
        });
    assertThat(found.errors()).filteredOn(row -> row.world().equals("100 % from all")).singleElement()
        .satisfies(row -> assertThat(row.truth()).isEqualTo(Answer.MONOLITHIC));
    assertThat(found.markdown())
        .startsWith("model at residuals_15: hate 24, privacy 24, violence 24 refused discovery prompts");
  }

  @Test
  void whatIsNotThereIsSaid() {
    assertThatThrownBy(() -> RealVectors.read(folder, "residuals_15")).hasMessageContaining("no such folder");
    AttributionFiles.write(folder, "model", CATEGORIES, 8, AT);
    assertThatThrownBy(() -> RealVectors.read(folder, "residuals_3"))
        .hasMessageContaining("holds nothing for residuals_3");
    AttributionFiles.write(folder, "other", CATEGORIES, 8, AT);
    assertThatThrownBy(() -> RealVectors.read(folder, "residuals_15"))
        .hasMessageContaining("read-outs of several models: model, other");
  }
}
