package org.refusal.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultLayoutTest {
  private final ResultLayout layout = new ResultLayout(Path.of("results"));

  @Test
  void ordinaryNamesHaveTheDocumentedForms() {
    assertThat(layout.outputs("org/Model-1 b", "self-harm"))
        .isEqualTo(Path.of("results", "model_outputs", "org-Model-1_b_self-harm_outputs.json"));
    assertThat(ResultLayout.circuitFile("m", "hate", "_safe")).isEqualTo("m_hate_safe_circuit.json");
    assertThat(layout.activationsStem("m", "privacy_leak")).isEqualTo("m_privacy_leak_activations");
  }

  @Test
  void aCategoryCannotTakeTheFileOfAnothersSideOrOfTheReadouts() {
    assertThat(ResultLayout.circuitFile("m", "hate_safe", "")).isEqualTo("m_hate%5Fsafe_circuit.json");
    assertThat(ResultLayout.circuitFile("m", "hate_toxic", "_safe")).isEqualTo("m_hate%5Ftoxic_safe_circuit.json");
    assertThat(layout.attributions("m", "readout")).isNotEqualTo(layout.readout("m"));
  }

  @Test
  void aModelsFilesAreNotThoseOfAnotherWhoseNameBeginsWithIts(@TempDir Path folder) throws IOException {
    for (String file : new String[] {
      "saes/a_b/x", "model_outputs/a_c_collect.json", "circuits/a_hate_circuit.json", "circuits/a_self_harm_circuit.json",
      "circuits/a_b_hate_circuit.json", "circuits/a_c_hate_circuit.json", "circuits/ab_hate_circuit.json"
    }) {
      Files.createDirectories(folder.resolve(file).getParent());
      Files.createFile(folder.resolve(file));
    }
    ResultLayout there = new ResultLayout(folder);
    Path circuits = there.circuitsFolder();
    assertThat(there.filesOf("a", circuits))
        .containsExactly(circuits.resolve("a_hate_circuit.json"), circuits.resolve("a_self_harm_circuit.json"));
    assertThat(there.filesOf("a_b", circuits)).containsExactly(circuits.resolve("a_b_hate_circuit.json"));
    assertThat(there.filesOf("a", folder.resolve("none"))).isEmpty();
  }

  @Test
  void noNameLeavesTheResults() {
    for (String name : new String[] {"..", "../..", "/etc/passwd", "a/../../b", ".", "x".repeat(300)}) {
      for (Path file : new Path[] {
        layout.outputs("m", name), layout.attributions("m", name), layout.evaluation("m", name),
        layout.outputs(name, "c"), layout.visualizations(name), layout.sae(name, org.refusal.circuit.HookPoint.residuals(1))
      }) {
        assertThat(file.normalize()).isEqualTo(file);
        assertThat(file.startsWith("results")).isTrue();
        assertThat(file.getNameCount()).isLessThanOrEqualTo(4);
        file.forEach(part -> assertThat(part.toString().length()).isLessThanOrEqualTo(230));
      }
    }
  }
}
