package org.refusal.attribution;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.base.UserException;
import org.refusal.config.DiscoverConfig;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.data.TopicMembership;
import org.refusal.io.Json;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.Subject;

/**
 * Where the partners of a study come from (docs/attribution.md): chosen by discover, which writes it into its attributions
 * and its check; evaluate obeys it.
 *
 * @param reason why, without a full stop
 * @param membership what is known of the safe prompts' topics, by category
 */
public record PartnerChoice(
    Partners.Source source, String reason, Map<String, TopicMembership> membership, Partners partners) {
  /** Fewer answered safe discovery prompts of a category are too few to match from. */
  static final int LEAST = 20;

  /** @throws UserException matched partners are asked for, and a category cannot give them */
  public static PartnerChoice of(DiscoverConfig config, Subject subject) {
    List<PromptTokens> pool = subject.answeredSafe();
    Map<String, Long> texts = new LinkedHashMap<>();
    subject.categories().forEach(category -> texts.put(category, texts(pool, category)));
    Map<String, TopicMembership> membership = membership(subject);
    String lacking = null;
    for (String category : subject.categories()) {
      if (lacking == null) {
        lacking = lacking(category, texts.get(category), membership.get(category));
      }
    }
    Partners.Source source;
    String reason;
    switch (config.circuit().partners()) {
      case "matched" -> {
        requirePartners(texts);
        source = Partners.Source.MATCHED;
        reason = "as circuit.partners says" + (lacking == null ? "" : ", although " + lacking);
      }
      case "pool" -> {
        source = Partners.Source.POOL;
        reason = "as circuit.partners says";
      }
      default -> {
        source = lacking == null ? Partners.Source.MATCHED : Partners.Source.POOL;
        reason =
            lacking == null
                ? "the safe prompts of every category are about the same as its harmful ones: "
                    + subject.categories().stream()
                        .map(category -> shares(category, membership.get(category)))
                        .collect(Collectors.joining(", "))
                : lacking;
      }
    }
    return new PartnerChoice(source, reason, membership, Partners.of(source, pool, config.seed()));
  }

  /** The partners of the study whose attributions lie there. */
  public static Partners ofDiscover(Subject subject, long seed) {
    Map<String, String> chosen = new LinkedHashMap<>();
    for (String category : subject.categories()) {
      try (AttributionStore store =
          AttributionStore.open(subject.layout().attributions(subject.model(), category), category)) {
        chosen.put(category, store.partners());
      }
    }
    if (chosen.values().stream().distinct().count() > 1) {
      throw UserException.badData(
          "%s: the categories were attributed with different partners: %s"
              .formatted(subject.layout().attributions(subject.model(), "").getParent(), chosen),
          "run 'refusal discover' again over all of them");
    }
    Partners.Source source = Partners.Source.valueOf(chosen.values().iterator().next().toUpperCase(Locale.ROOT));
    return Partners.of(source, subject.answeredSafe(), seed);
  }

  /** {@code matched (why)}. */
  public String line() {
    return "partners: %s (%s)".formatted(source.text(), reason);
  }

  public ObjectNode json() {
    ObjectNode json = Json.mapper().createObjectNode();
    json.put("source", source.text());
    json.put("reason", reason);
    json.set("topic_membership", Json.mapper().valueToTree(membership));
    return json;
  }

  private static long texts(List<PromptTokens> pool, String category) {
    return pool.stream()
        .filter(prompt -> prompt.category().equals(category) && prompt.userTokens() > 0)
        .map(PromptTokens::text)
        .distinct()
        .count();
  }

  /** A category's safe prompts are compared with the toxic ones of all categories that were collected. */
  private static Map<String, TopicMembership> membership(Subject subject) {
    Map<String, List<String>> toxic = new LinkedHashMap<>();
    Map<String, List<String>> safe = new LinkedHashMap<>();
    for (String category : subject.everyCategory()) {
      List<ModelOutput> discovery =
          subject.outputs(category).stream().filter(output -> output.split() == Split.Side.DISCOVERY).toList();
      toxic.put(category, discovery.stream().filter(output -> output.label().toxic()).map(ModelOutput::prompt).toList());
      safe.put(category, discovery.stream().filter(ModelOutput::answeredSafe).map(ModelOutput::prompt).toList());
    }
    return TopicMembership.of(toxic, safe);
  }

  /** Why partners cannot be matched within the category; null if they can. */
  private static String lacking(String category, long texts, TopicMembership membership) {
    if (texts < LEAST) {
      return "%s has %d answered safe discovery prompts, fewer than %d".formatted(category, texts, LEAST);
    }
    if (!membership.belongs()) {
      return "the safe prompts of %s are not about the same as its harmful ones: %s, p %.2f"
          .formatted(category, shares(category, membership), membership.pValue());
    }
    return null;
  }

  private static String shares(String category, TopicMembership membership) {
    return "%s %d of %d nearest by words, %.0f %% by chance"
        .formatted(category, membership.own(), membership.safe(), 100 * membership.chance());
  }

  private static void requirePartners(Map<String, Long> texts) {
    texts.forEach((category, count) -> {
      if (count < 2) {
        throw UserException.badConfig(
            "circuit.partners: matched is not possible: category %s has %d answered safe discovery prompts, and every prompt needs another"
                .formatted(category, count),
            "take circuit.partners: pool or auto, or leave the category out of discovery.categories");
      }
    });
  }
}
