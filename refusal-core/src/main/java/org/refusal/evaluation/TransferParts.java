package org.refusal.evaluation;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.TransferForm;

/** Makes the parts of one category at one hook point, in the four forms of docs/evaluation.md, each with its controls. */
public record TransferParts(EvaluateConfig.Transfer config, long seed, String category, HookPoint at) {

  /** @param number of the category among those of the directions */
  public TransferPart effect(EffectDirections effect, int number, int dModel) {
    List<Replacement> resamples = new ArrayList<>();
    effect.resamples().forEach(resampled -> resamples.add(new Replacement.Span(resampled.get(number))));
    return span(
        TransferForm.EFFECT, TransferPart.Amount.of(config.amount()), effect.directions().get(number), dModel, resamples);
  }

  /** @param activity mean of every latent over the category's discovery tokens {@code [d_sae]} */
  public TransferPart latent(DrivingLatents driving, double[] activity) {
    SplittableRandom random = stream(TransferForm.LATENT, "controls");
    int[] latents = driving.latents();
    return part(
        TransferPart.Amount.PARTNER,
        latents.length,
        Replacement.Nodes.latents(latents),
        () -> Replacement.Nodes.latents(Directions.randomLatents(latents, activity, random)),
        List.of());
  }

  /** @param decoderRows W_dec rows of the driving latents {@code [latent][d_model]} */
  public TransferPart direction(DrivingLatents driving, double[][] decoderRows, int dModel) {
    double[][] basis =
        Directions.span(decoderRows, driving.effects(), config.directionEnergy(), config.maxDirections());
    return span(TransferForm.DIRECTION, TransferPart.Amount.PARTNER, basis, dModel, List.of());
  }

  public TransferPart differenceOfMeans(DiscoveryMeans refused, DiscoveryMeans answered) {
    return span(
        TransferForm.DIFFERENCE_OF_MEANS,
        TransferPart.Amount.PARTNER,
        DiscoveryMeans.difference(refused, answered),
        refused.postInstruction().length,
        List.of());
  }

  private TransferPart span(
      TransferForm form, TransferPart.Amount amount, double[][] basis, int dModel, List<Replacement> resamples) {
    SplittableRandom random = stream(form, "controls");
    return part(
        amount,
        basis.length,
        new Replacement.Span(basis),
        () -> new Replacement.Span(Directions.random(dModel, basis.length, random)),
        resamples);
  }

  private TransferPart part(
      TransferPart.Amount amount, int size, Replacement replacement, Supplier<Replacement> control, List<Replacement> resamples) {
    if (size == 0) {
      return new TransferPart(amount, null, 0, List.of(), List.of());
    }
    List<Replacement> controls = new ArrayList<>();
    for (int c = 0; c < config.controls(); c++) {
      controls.add(control.get());
    }
    return new TransferPart(amount, replacement, size, controls, resamples);
  }

  private SplittableRandom stream(TransferForm form, String use) {
    return Seeds.random(seed, "transfer", use, form.key(), category, at.name());
  }
}
