package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.HookPoint;

/** Quality of the autoencoders. */
public final class AutoencodersSection implements Section {
  @Override
  public String title() {
    return "The autoencoders";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.AUTOENCODERS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    Map<HookPoint, JsonNode> metrics = sources.need(Source.AUTOENCODERS);
    page.text().paragraph(
        "FVU: fraction of variance unexplained about the mean, sinks left out. Dead: latents that no token activates. CE"
            + " score: of the cross-entropy that zeroing the hook point costs, the share that its reconstruction recovers; KL"
            + " of the next-token distributions, in nats, model against model with the reconstruction; both on held-out"
            + " prompts. A sink is a token with more than ten times the median norm.");
    List<List<String>> rows = new ArrayList<>();
    List<String> warnings = new ArrayList<>();
    metrics.forEach((at, json) -> {
      JsonNode train = json.path("train");
      JsonNode heldOut = json.path("held_out");
      rows.add(
          List.of(
              at.name(),
              Numbers.of(Measured.number(train.path("fvu")), 3),
              Numbers.of(Measured.number(heldOut.path("fvu")), 3),
              Numbers.of(Measured.number(heldOut.path("explained_variance")), 3),
              Numbers.of(Measured.number(train.path("l0")), 1),
              Numbers.percent(Measured.number(train.path("dead_share"))),
              Numbers.of(Measured.number(heldOut.path("cosine")), 3),
              Numbers.of(Measured.number(json.path("in_model").path("ce_score")), 3),
              Numbers.of(Measured.number(json.path("in_model").path("kl")), 3),
              "%d of %d".formatted(json.path("sinks").path("count").asLong(), json.path("sinks").path("tokens").asLong())));
      json.path("warnings").forEach(
          warning -> warnings.add(at.name() + ": " + Markdown.escape(warning.asText())));
    });
    page.text()
        .table(
            List.of(
                "hook point", "FVU train", "FVU held out", "explained, held out", "L0", "dead", "cosine, held out",
                "CE score", "KL", "sinks"),
            rows);
    if (!warnings.isEmpty()) {
      page.text().list(warnings);
    }
  }
}
