package org.refusal.behaviour;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.io.Json;

class LegacyRefusalGoldenTest {
  @Test
  void everyText() {
    Path file = Goldens.folder("reference").resolve("refusal").resolve("texts.json");
    assumeTrue(Files.isRegularFile(file), "these goldens have no " + file);
    RefusalDetector detector = RefusalDetector.of("legacy");
    int checked = 0;
    for (JsonNode golden : Json.read(file)) {
      String text = golden.path("text").asText();
      assertThat(detector.detect(text).behaviour().refused()).as(text).isEqualTo(golden.path("refusal").asBoolean());
      checked++;
    }
    System.out.printf("legacy refusal detector: %d texts equal%n", checked);
    assertThat(checked).isPositive();
  }
}
