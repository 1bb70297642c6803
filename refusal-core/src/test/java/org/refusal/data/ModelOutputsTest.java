package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.io.Json;

class ModelOutputsTest {
  @TempDir Path folder;

  private static ModelOutput output(Label label, Behaviour behaviour) {
    return new ModelOutput(
        17, "how", "f.csv:3", label, new int[] {1, 2, 3}, 1, 2, new int[] {4}, true, "so", behaviour, 0.5, Split.Side.HELDOUT,
        true);
  }

  /** A method of the record that looks like a property would become a key that no reader knows. */
  @Test
  void anEntryHasTheKeysOfTheFormatAndNoOther() {
    Path file = folder.resolve("outputs.json");
    ModelOutputs.write(file, List.of(output(Label.SAFE, Behaviour.COMPLIANCE)));

    List<String> keys = new ArrayList<>();
    Json.read(file).get(0).fieldNames().forEachRemaining(keys::add);
    assertThat(keys)
        .containsExactly(
            "prompt_index", "prompt", "source", "label", "prompt_ids", "user_from", "user_to", "generated_ids", "ended",
            "completion", "behaviour", "metric", "split", "kept");
    assertThat(ModelOutputs.read(file).get(0).key("hate")).isEqualTo(new PromptKey("hate", 17));
  }

  @Test
  void onlyWhatIsNotToxicAndWasCompliedWithIsAnsweredSafe() {
    assertThat(output(Label.SAFE, Behaviour.COMPLIANCE).answeredSafe()).isTrue();
    assertThat(output(Label.HARD, Behaviour.COMPLIANCE).answeredSafe()).isEqualTo(!Label.HARD.toxic());
    assertThat(output(Label.SAFE, Behaviour.REFUSAL).answeredSafe()).isFalse();
    assertThat(output(Label.TOXIC, Behaviour.COMPLIANCE).answeredSafe()).isFalse();
  }
}
