package org.refusal.subject;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.Seeds;
import org.refusal.config.DiscoverConfig;
import org.refusal.data.Split;

/** Which of a subject's prompts something is measured on. */
public final class PromptChoice {
  private PromptChoice() {}

  /** Of prompts of one text the first: twice the same prompt is one observation. */
  public static List<PromptTokens> distinct(List<PromptTokens> prompts) {
    Map<String, PromptTokens> byText = new LinkedHashMap<>();
    prompts.forEach(prompt -> byText.putIfAbsent(prompt.text(), prompt));
    return List.copyOf(byText.values());
  }

  /** At most so many of the prompts (0: all), drawn by a hash of seed, names and text, in their order. */
  public static List<PromptTokens> atMost(List<PromptTokens> prompts, int most, long seed, String... names) {
    if (most <= 0 || prompts.size() <= most) {
      return prompts;
    }
    long draw = Seeds.derive(seed, names);
    return Seeds.lowest(prompts.size(), most, i -> Seeds.derive(draw, prompts.get(i).text()))
        .mapToObj(prompts::get)
        .toList();
  }

  /** The prompts of a category that effects are sought of: those that count as refused, then the others where they are asked for. */
  public static List<PromptTokens> toDiscover(DiscoverConfig config, Subject subject, String category) {
    boolean byBehaviour = config.discovery().labelSource().equals("behaviour");
    List<PromptTokens> all =
        subject.outputs(category).stream()
            .filter(output -> output.split() == Split.Side.DISCOVERY)
            .map(output -> PromptTokens.of(category, output, byBehaviour))
            .toList();
    int most = config.discovery().maxPromptsPerCategory();
    List<PromptTokens> chosen = new ArrayList<>();
    for (boolean harmful : config.discovery().safePrompts() ? new boolean[] {true, false} : new boolean[] {true}) {
      chosen.addAll(
          atMost(
              all.stream().filter(prompt -> prompt.harmful() == harmful).toList(),
              most, config.seed(), "discovery prompts"));
    }
    return chosen;
  }
}
