package org.refusal.evaluation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.EffectRows;
import org.refusal.attribution.EffectVectors;
import org.refusal.attribution.Readout;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.TransferForm;
import org.refusal.io.Json;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.stats.Resampling;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.PromptChoice;

/** Transfer between categories at one hook point: where the model has decided, and every form by m and by behaviour. */
public final class TransferEvaluation {
  private final EvaluationBasis basis;
  private final EvaluateConfig config;
  private final Path work;
  private final Refusals.Writer writer;
  private final List<List<PromptTokens>> written;
  private final Refusals refusals;

  /** @param work folder in which finished hook points are kept */
  public TransferEvaluation(EvaluationBasis basis, Path work, Refusals.Writer writer) {
    this.basis = basis;
    this.config = basis.config();
    this.work = work;
    this.writer = writer;
    int most = config.evaluation().behaviourPrompts();
    this.written =
        basis.categories().stream()
            .map(category ->
                PromptChoice.atMost(
                    basis.heldout().get(category), most, config.seed(), "behaviour prompts"))
            .toList();
    this.refusals = most == 0 ? null : Refusals.measure(basis.runs(), writer, written);
  }

  /** What is refused without intervention; null where no text is generated. */
  public Refusals refusals() {
    return refusals;
  }

  /**
   * @param means of every category's refused discovery prompts, by hook point
   * @param answered of the answered safe prompts
   */
  public TransferFile.AtPoint at(
      HookPoint at, Readout readout, Map<String, Map<HookPoint, DiscoveryMeans>> means, DiscoveryMeans answered) {
    Path done = work.resolve("transfer-" + at.name() + ".json");
    if (!Files.exists(done)) {
      Json.write(done, measure(at, readout, means, answered));
    }
    return Json.read(done, TransferFile.AtPoint.class);
  }

  private TransferFile.AtPoint measure(
      HookPoint at, Readout readout, Map<String, Map<HookPoint, DiscoveryMeans>> means, DiscoveryMeans answered) {
    List<String> categories = basis.categories();
    List<List<PromptTokens>> prompts = categories.stream().map(basis.heldout()::get).toList();
    List<RefusalGap> gaps = categories.stream().map(basis.gaps()::get).toList();
    DecisionProfile decision =
        DecisionProfile.measure(
            basis.runs(), at, prompts, gaps, config.evaluation().bootstrap(), Seeds.random(config.seed(), "decision", at.name()));
    Map<TransferForm, List<TransferPart>> parts = new LinkedHashMap<>();
    boolean drivingKnown = drivingLatentsKnown(at);
    config.transfer().forms().stream()
        .map(TransferForm::of)
        .filter(form -> drivingKnown || form != TransferForm.LATENT && form != TransferForm.DIRECTION)
        .forEach(form -> parts.put(form, new ArrayList<>()));
    EffectDirections effect = effectDirections(at, readout);
    for (int i = 0; i < categories.size(); i++) {
      parts(at, i, effect, means.get(categories.get(i)).get(at), answered, parts);
    }
    return new TransferFile.AtPoint(
        decision,
        byKey(TransferMatrix.measure(basis.runs(), at, prompts, gaps, parts)),
        refusals == null
            ? null
            : byKey(
                BehaviourTransfer.measure(
                    basis.runs(), at, writer, written, refusals, parts,
                    form ->
                        new Resampling(
                            config.evaluation().bootstrap(),
                            Seeds.derive(config.seed(), "transfer by behaviour", form.key(), at.name()),
                            1))));
  }

  private static <T> Map<String, T> byKey(Map<TransferForm, T> forms) {
    Map<String, T> byKey = new LinkedHashMap<>();
    forms.forEach((form, each) -> byKey.put(form.key(), each));
    return byKey;
  }

  /** Exact patching tells no prompt side from the partners', so that with partners from a pool no latents are said to drive. */
  private boolean drivingLatentsKnown(HookPoint at) {
    return basis.categories().stream().allMatch(category -> {
      try (AttributionStore store =
          AttributionStore.open(basis.layout().attributions(basis.subject().model(), category), category)) {
        return EffectRows.known(store, at);
      }
    });
  }

  private EffectDirections effectDirections(HookPoint at, Readout readout) {
    List<String> categories = basis.categories();
    Map<String, Path> files = new LinkedHashMap<>();
    categories.forEach(
        category -> files.put(category, basis.layout().attributions(basis.subject().model(), category)));
    return EffectDirections.of(
        EffectVectors.read(files, at, basis::rows), categories, readout,
        Readout.Kind.of(config.transfer().effect()), config.transfer().directionResamples(), config.seed(), at);
  }

  private void parts(
      HookPoint at, int number, EffectDirections effect, DiscoveryMeans refused, DiscoveryMeans answered,
      Map<TransferForm, List<TransferPart>> parts) {
    String category = basis.categories().get(number);
    TransferParts make = new TransferParts(config.transfer(), config.seed(), category, at);
    SparseAutoencoder sae = basis.subject().saes().get(at);
    try (AttributionStore store = AttributionStore.open(basis.layout().attributions(basis.subject().model(), category), category)) {
      int[] rows = basis.rows(store, category);
      DrivingLatents driving =
          EffectRows.known(store, at)
              ? DrivingLatents.of(
                  EffectRows.of(store, at).select(rows).mean(), config.transfer().share(), config.transfer().maxLatents())
              : null;
      parts.forEach((form, list) -> list.add(switch (form) {
        case EFFECT -> make.effect(effect, number, sae.dIn());
        case LATENT -> make.latent(driving, refused.activity());
        case DIRECTION -> make.direction(driving, decoderRows(sae, driving.latents()), sae.dIn());
        case DIFFERENCE_OF_MEANS -> make.differenceOfMeans(refused, answered);
      }));
    }
  }

  private static double[][] decoderRows(SparseAutoencoder sae, int[] latents) {
    double[][] rows = new double[latents.length][];
    for (int i = 0; i < latents.length; i++) {
      try (var row = sae.wDec().get(latents[i]); var wide = row.toType(ai.djl.ndarray.types.DataType.FLOAT64, true)) {
        rows[i] = wide.toDoubleArray();
      }
    }
    return rows;
  }
}
