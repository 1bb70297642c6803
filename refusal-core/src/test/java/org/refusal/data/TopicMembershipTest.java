package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TopicMembershipTest {
  private static final List<String> NAMES = List.of("hate", "privacy", "violence", "theft");

  /** By hand: two categories without a common word. */
  @Test
  void promptsBelongWhereTheirWordsAre() {
    Map<String, List<String>> toxic =
        Map.of("guns", List.of("gun bullet", "bullet rifle", "rifle gun"), "locks", List.of("door key", "key lock", "door lock"));
    Map<String, List<String>> safe =
        Map.of("guns", List.of("gun museum", "rifle history", "weather today", "door handle"), "locks", List.of("Lock smith"));
    Map<String, TopicMembership> found = TopicMembership.of(toxic, safe);
    // two of four are nearest; without a word in common nothing is nearest: P(X >= 2 | 4, 1/2) = 11/16
    assertThat(found.get("guns").own()).isEqualTo(2);
    assertThat(found.get("guns").safe()).isEqualTo(4);
    assertThat(found.get("guns").toxicOwn()).isEqualTo(3);
    assertThat(found.get("guns").pValue()).isCloseTo(11 / 16.0, within(1e-12));
    assertThat(found.get("guns").belongs()).isFalse();
    assertThat(found.get("locks").own()).isEqualTo(1);
    assertThat(found.get("locks").pValue()).isCloseTo(.5, within(1e-12));
  }

  /** A prompt is not compared with itself, nor with another of its text. */
  @Test
  void equalTextsAreLeftOutOfTheMeans() {
    Map<String, List<String>> toxic =
        Map.of("a", List.of("alpha beta", "gamma delta"), "b", List.of("Alpha  BETA epsilon", "zeta eta"));
    Map<String, List<String>> safe = Map.of("a", List.of("Alpha beta"), "b", List.of("zeta eta", "zeta"));
    Map<String, TopicMembership> found = TopicMembership.of(toxic, safe);
    assertThat(found.get("a").own()).as("only b has these words in other texts").isZero();
    assertThat(found.get("a").toxicOwn()).isZero();
    assertThat(found.get("b").own()).as("zeta, but not zeta eta").isEqualTo(1);
    assertThat(TopicMembership.of(Map.of("a", List.of("x")), Map.of("a", List.of("x y"))).get("a").pValue())
        .as("one category: nothing to tell apart").isEqualTo(1);
    assertThat(TopicMembership.of(Map.of("a", List.of("x"), "b", List.of("?")), Map.of()).get("a").pValue()).isEqualTo(1);
    assertThat(TopicMembership.of(Map.of("a", List.of("x"), "b", List.of("?")), Map.of("b", List.of("?"))).get("b").own())
        .as("no words").isZero();
  }

  @Test
  void topicsAreFoundAndUnrelatedPromptsAreAtChance() {
    Random random = new Random(11); // seed
    Map<String, List<String>> toxic = new LinkedHashMap<>();
    Map<String, List<String>> related = new LinkedHashMap<>();
    for (String name : NAMES) {
      toxic.put(name, texts(name, 40, random));
      related.put(name, texts(name, 30, random));
    }
    TopicMembership.of(toxic, related).values().forEach(each -> {
      assertThat(each.chance()).isEqualTo(.25);
      assertThat(each.own()).isGreaterThan(20);
      assertThat(each.belongs()).isTrue();
    });
    int wrong = 0;
    for (int run = 0; run < 50; run++) {
      Map<String, List<String>> unrelated = new LinkedHashMap<>();
      NAMES.forEach(name -> unrelated.put(name, texts("", 30, random)));
      wrong += (int) TopicMembership.of(toxic, unrelated).values().stream().filter(TopicMembership::belongs).count();
    }
    assertThat(wrong).as("of 200 at 5 %%, sides of one another").isLessThan(25);
  }

  /** Nine words, two of them of the topic. */
  private static List<String> texts(String topic, int count, Random random) {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder text = new StringBuilder();
      for (int w = 0; w < 9; w++) {
        text.append(w < 2 && !topic.isEmpty() ? topic + random.nextInt(8) : "word" + random.nextInt(30)).append(' ');
      }
      texts.add(text.toString());
    }
    return texts;
  }
}
