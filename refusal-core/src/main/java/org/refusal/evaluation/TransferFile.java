package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.config.TransferForm;
import org.refusal.io.Json;

/**
 * {@code {model}_transfer.json}; see the package description.
 *
 * @param effect read-out of the effect form ({@code transfer.effect})
 * @param amount how much the effect form takes ({@code transfer.amount})
 * @param gaps by category
 * @param refusals what is refused without intervention, in generated text; null where none was generated
 * @param hookPoints by YAML name, in forward order
 * @param decisionProfile decided at every residuals_N of the model, in forward order; empty where it was not measured
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TransferFile(
    String format,
    int version,
    String model,
    List<String> categories,
    long seed,
    int bootstrap,
    String unit,
    String effect,
    String amount,
    Map<String, RefusalGap> gaps,
    Refusals refusals,
    Map<String, AtPoint> hookPoints,
    List<LayerDecision> decisionProfile) {
  static final String FORMAT = "refusal-transfer";
  static final int VERSION = 3;

  /**
   * @param forms by key ({@link TransferForm#key})
   * @param behaviour the same parts by generated text, by form; null where none was generated
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record AtPoint(
      DecisionProfile decision,
      Map<String, TransferMatrix> forms,
      Map<String, BehaviourTransfer> behaviour) {}

  public static TransferFile of(
      String model,
      List<String> categories,
      long seed,
      int bootstrap,
      String effect,
      String amount,
      Map<String, RefusalGap> gaps,
      Refusals refusals,
      Map<String, AtPoint> hookPoints) {
    return new TransferFile(
        FORMAT, VERSION, model, categories, seed, bootstrap, "raw drops: nats of log-odds; decided: Delta", effect,
        amount, gaps, refusals, hookPoints, List.of());
  }

  public TransferFile withDecisionProfile(List<LayerDecision> profile) {
    return new TransferFile(
        format, version, model, categories, seed, bootstrap, unit, effect, amount, gaps, refusals, hookPoints, profile);
  }

  public void write(Path file) {
    Json.write(file, this);
  }

  /** @throws UserException another format, or numbers that the statistics cannot use */
  public static TransferFile read(Path file) {
    TransferFile read = Json.read(file, TransferFile.class);
    if (!FORMAT.equals(read.format) || read.version != VERSION) {
      throw UserException.badData(
          "%s: is no %s file of version %d".formatted(file, FORMAT, VERSION), "run 'refusal evaluate' again");
    }
    read.hookPoints.forEach((at, point) ->
        point.forms().forEach((form, matrix) -> {
          if (matrix.resamples().length == 1) {
            throw UserException.badData(
                "%s: the %s form at %s has one resample of the parts, which tells nothing of how far they scatter"
                    .formatted(file, form, at),
                "run 'refusal evaluate' again; transfer.direction_resamples is 0 or at least 2");
          }
        }));
    return read;
  }
}
