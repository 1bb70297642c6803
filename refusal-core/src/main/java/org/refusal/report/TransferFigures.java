package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Transfer as the statistics file has it, form by form. */
public record TransferFigures(List<String> categories, List<Form> forms) {

  /** @param drop mean drops {@code [part of][on prompts of]} in units of the refusal gap */
  record Form(
      String hookPoint, String key, double[][] drop, Measured own, Measured control, Measured distinctness, String weak) {
    String name() {
      return key.replace('_', ' ');
    }

    String caption() {
      return "Transfer at %s, %s form: own drop %s, D %s"
          .formatted(hookPoint, name(), own.text(), weak == null ? distinctness.text() : "undefined (weak)");
    }

    List<String> row() {
      return List.of(
          hookPoint, name(), own.text(), control.text(), weak == null ? distinctness.text() : "–",
          weak == null ? "" : Markdown.escape(weak));
    }
  }

  /** @param tests of the statistics file */
  public static TransferFigures of(JsonNode tests) {
    List<String> categories = new ArrayList<>();
    tests.path("categories").forEach(category -> categories.add(category.asText()));
    List<Form> forms = new ArrayList<>();
    for (JsonNode point : tests.path("hook_points")) {
      point.path("transfer").properties().forEach(entry -> {
        JsonNode form = entry.getValue();
        forms.add(
            new Form(
                point.path("hook_point").asText(), entry.getKey(), Measured.matrix(form.path("drop")),
                Measured.of(form.path("own_drop")), Measured.of(form.path("control_drop")),
                Measured.of(form.path("distinctness")),
                form.path("weak").isTextual() ? form.path("weak").asText() : null));
      });
    }
    return new TransferFigures(List.copyOf(categories), List.copyOf(forms));
  }
}
