package org.refusal.doctor;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.behaviour.RefusalTokens;
import org.refusal.collected.CollectReport;
import org.refusal.collected.MetricSeparation;
import org.refusal.collected.RefusalRates;
import org.refusal.doctor.Doctor.Finding;
import org.refusal.io.Json;
import org.refusal.text.Tokenizer;

/**
 * What is known of a model's refusal tokens (the set R of the metric, docs/definitions.md): from what collect calibrated, or from
 * a file of answers, or, with neither, what usual refusals would begin with under this tokenizer.
 */
final class MetricExamination {
  /** Words with which refusals of several chat models begin; shown as a hint, never used as R. */
  private static final List<String> USUAL = List.of("I", "As", "Sorry", "Unfortunately", "It");

  private MetricExamination() {}

  /** What collect wrote into the report: R, and whether m tells refused from answered prompts. */
  static Finding collected(CollectReport report) {
    CollectReport.Separation separation = report.separation();
    String tokens =
        report.refusalTokens().isEmpty()
            ? "no refusal token: the model refused none of the discovery prompts"
            : "refusal tokens R %s, %s"
                .formatted(
                    list(report.refusalTokens()),
                    report.calibrated()
                        ? "calibrated on this model's answers (template: %s)".formatted(report.template())
                        : "given by the config");
    return new Finding(
        !separation.judged() || separation.auc() >= MetricSeparation.LEAST_AUC,
        "metric",
        tokens
            + (!separation.judged()
                ? "; m is not judged, since " + separation.unknown()
                : "; m separates %d refused from %d answered held-out prompts with AUC %.3f [%.3f, %.3f]%s"
                    .formatted(
                        separation.refused(), separation.complied(), separation.auc(), separation.low(),
                        separation.high(), RefusalRates.remark(separation.auc()))));
  }

  /**
   * Calibrates R on a file of answers.
   *
   * @param file a JSON array as collect writes it: objects with {@code completion}, and where known
   *     {@code generated_ids}, {@code behaviour} and {@code split} (held-out prompts are left out)
   */
  static Finding calibrated(Path file, Tokenizer tokenizer) {
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    }
    JsonNode array = Json.readPython(file);
    if (!array.isArray()) {
      throw UserException.badData(file + ": not a JSON array of answers", "collect writes such files into model_outputs");
    }
    RefusalDetector detector = RefusalDetector.of("default");
    List<Integer> first = new ArrayList<>();
    List<Boolean> refused = new ArrayList<>();
    for (JsonNode answer : array) {
      if (!answer.path("completion").isTextual()) {
        throw UserException.badData("%s: record %d has no completion".formatted(file, first.size() + 1));
      }
      if (!answer.path("split").asText().equals("heldout")) {
        first.add(firstToken(answer, tokenizer));
        refused.add(
            answer.path("behaviour").isTextual()
                ? !answer.path("behaviour").asText().equals("compliance")
                : detector.detect(answer.path("completion").asText()).behaviour().refused());
      }
    }
    boolean[] labels = new boolean[refused.size()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = refused.get(i);
    }
    List<RefusalTokens.Candidate> candidates =
        RefusalTokens.candidates(first.stream().mapToInt(Integer::intValue).toArray(), labels);
    List<RefusalTokens.Candidate> chosen = candidates.stream().filter(RefusalTokens.Candidate::chosen).toList();
    long refusals = refused.stream().filter(each -> each).count();
    String from = "%d refused and %d answered prompts of %s".formatted(refusals, labels.length - refusals, file);
    return chosen.isEmpty()
        ? new Finding(false, "metric", "no first token tells refused from answered prompts in " + from)
        : new Finding(
            true,
            "metric",
            "refusal tokens R %s, calibrated on %s"
                .formatted(
                    chosen.stream()
                        .map(each -> "'%s' %d (begins %d refused, %d answered)"
                            .formatted(tokenizer.piece(each.token()), each.token(), each.refused(), each.complied()))
                        .collect(Collectors.joining(", ", "[", "]")),
                    from));
  }

  private static int firstToken(JsonNode answer, Tokenizer tokenizer) {
    if (answer.path("generated_ids").isArray()) {
      return answer.path("generated_ids").isEmpty() ? -1 : answer.path("generated_ids").get(0).intValue();
    }
    int[] ids = tokenizer.encode(answer.path("completion").asText(), false);
    return ids.length == 0 ? -1 : ids[0];
  }

  /** Nothing was collected yet. */
  static Finding uncalibrated(Tokenizer tokenizer, Path report) {
    List<CollectReport.RefusalToken> usual = new ArrayList<>();
    for (String word : USUAL) {
      int[] ids = tokenizer.encode(word, false);
      if (ids.length > 0) {
        usual.add(new CollectReport.RefusalToken(ids[0], tokenizer.piece(ids[0])));
      }
    }
    return new Finding(
        true,
        "metric",
        ("refusal tokens R are not calibrated: there is no %s. collect calibrates them on the answers to discovery"
                + " prompts; --outputs FILE takes a file of answers. Usual refusals would begin with %s")
            .formatted(report, list(usual.stream().distinct().toList())));
  }

  private static String list(List<CollectReport.RefusalToken> tokens) {
    return tokens.stream()
        .map(token -> "'%s' %d".formatted(token.piece(), token.id()))
        .collect(Collectors.joining(", ", "[", "]"));
  }
}
