package org.refusal.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.activation.Sinks;
import org.refusal.io.Json;
import org.refusal.sae.SaeMetrics;

/**
 * What training saw on the way and reached in the end.
 *
 * @param inputScale c with mean ||c x||^2 = d_in over the training tokens; folded into the saved weights
 * @param heldOut null when no prompt was held out
 * @param points one per interval of steps, in order
 */
public record TrainingHistory(
    Sinks sinks,
    SaeOptions options,
    double inputScale,
    long trainingTokens,
    long steps,
    SaeMetrics train,
    SaeMetrics heldOut,
    List<String> warnings,
    List<Point> points) {

  /**
   * Means over the steps since the point before.
   *
   * @param step steps done
   * @param auxFvu FVU of the residual from dead latents; 0 when none was dead
   * @param deadShare share of the latents that were dead at the last of these steps
   */
  public record Point(
      @JsonProperty("step") long step,
      @JsonProperty("loss") double loss,
      @JsonProperty("fvu") double fvu,
      @JsonProperty("aux_fvu") double auxFvu,
      @JsonProperty("l0") double l0,
      @JsonProperty("dead_share") double deadShare,
      @JsonProperty("learning_rate") double learningRate) {}

  public TrainingHistory {
    warnings = List.copyOf(warnings);
    points = List.copyOf(points);
  }

  /** {@code training_history.json}, see the package description. */
  public void write(Path file) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("hook_point", sinks.at().name());
    fields.put("d_sae", options.dSae());
    fields.put("k", options.k());
    fields.put("batch_size", options.batchSize());
    fields.put("learning_rate", options.learningRate());
    fields.put("seed", options.seed());
    fields.put("input_scale", inputScale);
    fields.put("training_tokens", trainingTokens);
    fields.put("steps", steps);
    fields.put("sinks", sinkFields());
    fields.put("train", train);
    fields.put("held_out", heldOut);
    fields.put("warnings", warnings);
    fields.put("history", points);
    Json.write(file, fields);
  }

  /** The sinks as they stand in {@code training_history.json} and {@code metrics.json}. */
  public Map<String, Object> sinkFields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("median_norm", sinks.medianNorm());
    fields.put("threshold", sinks.threshold());
    fields.put("tokens", sinks.tokens());
    fields.put("count", sinks.sinks());
    fields.put("positions", sinks.positions());
    fields.put("smallest_norm", sinks.smallestNorm());
    fields.put("largest_norm", sinks.largestNorm());
    return fields;
  }
}
