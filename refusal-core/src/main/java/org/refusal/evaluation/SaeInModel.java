package org.refusal.evaluation;

import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.Collected;
import org.refusal.config.ModelSection;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Models;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.Precision;
import org.refusal.subject.SinkThresholds;

/** What the model loses with each autoencoder in place, on held-out prompts: the part of train-saes that runs the model. */
public final class SaeInModel {
  private static final int BATCH = 8;

  private SaeInModel() {}

  /** Why the model cannot be run here, if so: activations may have been collected elsewhere. */
  public static Optional<String> reasonAgainst(ModelSection model) {
    try {
      Models.checkpoint(model);
      return Optional.empty();
    } catch (UserException e) {
      return Optional.of(e.getMessage());
    }
  }

  /**
   * One autoencoder is in memory at a time.
   *
   * @param thresholds norm from which on a token is a sink, at every hook point that is measured
   * @param folders of the autoencoders
   * @param most prompts at most, drawn with the seed
   * @return nothing where no prompt was held out
   */
  public static Map<HookPoint, ReconstructionLoss> measure(
      ModelSection section, Collected collected, Map<HookPoint, Double> thresholds, Function<HookPoint, Path> folders,
      int most, long seed, int threads, Progress progress) {
    List<int[]> texts = heldOut(collected, most, seed);
    if (texts.isEmpty() || thresholds.isEmpty()) {
      return Map.of();
    }
    CheckpointFolder checkpoint = Models.checkpoint(section);
    SinkThresholds sinks = new SinkThresholds(thresholds);
    Map<HookPoint, ReconstructionLoss> losses = new TreeMap<>();
    try (CausalLm lm = Models.load(section, checkpoint, threads);
        Progress.Task task = progress.task("model with autoencoders", thresholds.size())) {
      DataType type = Precision.working(lm.dataType());
      for (HookPoint at : thresholds.keySet()) {
        try (SparseAutoencoder sae = SaeCheckpoint.load(folders.apply(at), lm.manager(), type)) {
          losses.putAll(
              ReconstructionLoss.measure(
                  lm, checkpoint.config().padToken().orElse(0), Map.of(at, sae), sinks, texts, BATCH));
        }
        task.advance(1);
      }
      return losses;
    }
  }

  private static List<int[]> heldOut(Collected collected, int most, long seed) {
    List<int[]> texts = new ArrayList<>();
    for (String category : collected.categories()) {
      for (ModelOutput output : collected.outputs(category)) {
        if (output.split() == Split.Side.HELDOUT && output.promptIds().length > 1) {
          texts.add(output.promptIds());
        }
      }
    }
    int[] order = Seeds.permutation(texts.size(), Seeds.random(seed, "cross-entropy prompts"));
    return java.util.Arrays.stream(order).limit(most).sorted().mapToObj(texts::get).toList();
  }
}
