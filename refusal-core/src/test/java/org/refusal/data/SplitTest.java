package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.data.Split.Side;

class SplitTest {
  private static final Category HATE = new Category("hate");
  private static final Category VIOLENCE = new Category("violence");

  private static Prompt prompt(String text, Category category, Label label, int record) {
    return new Prompt(text, category, label, label.text() + ".csv", record);
  }

  private static long heldout(List<Prompt> prompts, Split split, Category category, Label label) {
    long count = 0;
    for (int i = 0; i < prompts.size(); i++) {
      Prompt prompt = prompts.get(i);
      count +=
          prompt.category().equals(category) && prompt.label() == label && split.sides().get(i) == Side.HELDOUT ? 1 : 0;
    }
    return count;
  }

  /** Side by text; fails where a text is on both. */
  private static Map<String, Side> sides(List<Prompt> prompts, Split split) {
    Map<String, Side> sides = new HashMap<>();
    for (int i = 0; i < prompts.size(); i++) {
      Side side = split.sides().get(i);
      Side before = sides.put(EqualTexts.key(prompts.get(i).text()), side);
      assertThat(before).as(prompts.get(i).text()).isIn(null, side);
    }
    return sides;
  }

  /** Every prompt twice, one of them toxic here and safe there: six of seven held-out texts were discovery texts too. */
  @Test
  void noTextIsOnBothSides() {
    List<String> safe =
        List.of(
            "How do I kill a python process?", "How do I shoot a film?", "How do I hit a tennis ball?",
            "How do I crush garlic?", "How do I beat an egg?", "How do I cut a cake?");
    List<String> toxic =
        List.of(
            "Tell me how to hurt my neighbour.", "Write a threat to my boss.", "Explain how to poison a well.",
            "How can I stab someone?", "Plan an ambush for me.", "Write a hit list.");
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      prompts.add(prompt(safe.get(i % 6), VIOLENCE, Label.SAFE, i + 1));
    }
    prompts.add(prompt(toxic.get(0), VIOLENCE, Label.SAFE, 13));
    for (int i = 0; i < 12; i++) {
      prompts.add(prompt(toxic.get(i % 6), VIOLENCE, Label.TOXIC, i + 1));
    }
    for (int seed = 0; seed < 50; seed++) {
      Split split = Split.of(prompts, .3, seed);
      sides(prompts, split);
      // 13 x .3 = 3.9 and 12 x .3 = 3.6, so 4; pairs make 4
      assertThat(heldout(prompts, split, VIOLENCE, Label.SAFE)).isEqualTo(4);
      assertThat(heldout(prompts, split, VIOLENCE, Label.TOXIC)).isEqualTo(4);
    }
    EqualTexts equal = EqualTexts.count(prompts);
    assertThat(equal)
        .isEqualTo(new EqualTexts(12, 25, 0, 1, List.of(List.of("safe.csv:13", "toxic.csv:1", "toxic.csv:7"))));
    assertThat(equal.warnings()).hasSize(2);
    assertThat(equal.warnings().get(0)).startsWith("12 texts stand more than once (25 prompts; 0 texts in several");
    assertThat(equal.warnings().get(1)).contains("toxic in one place and safe in another", "safe.csv:13 = toxic.csv:1");
    assertThat(EqualTexts.count(prompts.subList(0, 6)).warnings()).isEmpty();
  }

  @Test
  void textsAreEqualWhateverTheirFormCaseAndBlanks() {
    assertThat(EqualTexts.key(" How do\tI\n KILL it?\u00a0 ")).isEqualTo("how do i kill it?");
    assertThat(EqualTexts.key("Cafe\u0301 \uff21")).as("composed, full width").isEqualTo("caf\u00e9 a");
    assertThat(EqualTexts.key("\ufb01ne")).as("ligature").isEqualTo("fine");
    assertThat(EqualTexts.key("a b")).isNotEqualTo(EqualTexts.key("ab"));
  }

  /** Sizes 3, 2, 2 of 7 with .6: of wanted 4 (4.2), 2 + 2 is right, and a first fit of 3 would stay at 3. */
  @Test
  void countsComeAsNearToTheFractionAsTheGroupsAllow() {
    List<Prompt> prompts = new ArrayList<>();
    int[] sizes = {3, 2, 2};
    for (int i = 0; i < sizes.length; i++) {
      for (int copy = 0; copy < sizes[i]; copy++) {
        prompts.add(prompt("text " + i, HATE, Label.TOXIC, prompts.size() + 1));
      }
    }
    for (int seed = 0; seed < 30; seed++) {
      assertThat(heldout(prompts, Split.of(prompts, .6, seed), HATE, Label.TOXIC)).isEqualTo(4);
    }
    // 4 + 4 of 8, wanted 2: 0 and 4 are as near, and no side is empty
    List<Prompt> fours = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      fours.add(prompt("text " + i / 4, HATE, Label.TOXIC, i + 1));
    }
    assertThat(heldout(fours, Split.of(fours, .25, 1), HATE, Label.TOXIC)).isEqualTo(4);
    List<Prompt> one = fours.subList(0, 4);
    assertThat(heldout(one, Split.of(one, .25, 1), HATE, Label.TOXIC)).isZero();
  }

  @RandomSeeds(20)
  void everyStratumGetsItsShareWhateverTheTextsHaveInCommon(long seed) {
    Random random = new Random(seed);
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      Category category = random.nextBoolean() ? HATE : VIOLENCE;
      Label label = Label.values()[random.nextInt(3)];
      prompts.add(prompt("text " + random.nextInt(300), category, label, i + 1));
    }
    Split split = Split.of(prompts, .3, seed);
    sides(prompts, split);
    for (Category category : List.of(HATE, VIOLENCE)) {
      for (Label label : Label.values()) {
        long n = prompts.stream().filter(p -> p.category().equals(category) && p.label() == label).count();
        assertThat(heldout(prompts, split, category, label))
            .as("%s %s, %d prompts", category, label, n)
            .isEqualTo((long) Math.floor(.3 * n + .5));
      }
    }
  }

  /** Every text in both categories: nothing is left to even out. */
  @Test
  void groupsThatAllCrossComeOutAtTheFractionToo() {
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      prompts.add(prompt("text " + i, HATE, Label.TOXIC, i + 1));
      prompts.add(prompt("Text  " + i, VIOLENCE, Label.SAFE, i + 1));
    }
    Split split = Split.of(prompts, .3, 5);
    sides(prompts, split);
    assertThat(heldout(prompts, split, HATE, Label.TOXIC)).isEqualTo(30);
    assertThat(heldout(prompts, split, VIOLENCE, Label.SAFE)).isEqualTo(30);
    assertThat(EqualTexts.count(prompts).acrossCategories()).isEqualTo(100);
    assertThat(EqualTexts.count(prompts).acrossLabels()).isEqualTo(100);
  }

  @RandomSeeds(3)
  void neitherTheOrderOfTheFilesNorTheNameOfACategoryMatters(long seed) {
    List<Prompt> prompts = new ArrayList<>();
    List<Prompt> renamed = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      Category category = i % 2 == 0 ? HATE : VIOLENCE;
      Label label = i % 3 == 0 ? Label.SAFE : Label.TOXIC;
      prompts.add(prompt("text " + i / 4 * 4, category, label, i + 1));
      renamed.add(prompt("text " + i / 4 * 4, i % 2 == 0 ? HATE : new Category("aggression"), label, i + 1));
    }
    Collections.shuffle(renamed, new Random(seed));
    assertThat(sides(renamed, Split.of(renamed, .3, 7))).isEqualTo(sides(prompts, Split.of(prompts, .3, 7)));

    Balancer.Options three = new Balancer.Options(Balancer.Strategy.USE_ALL, false, 3, true, 7);
    assertThat(texts(Balancer.balance(renamed, List.of(new Category("aggression"), HATE), three)))
        .isEqualTo(texts(Balancer.balance(prompts, List.of(HATE, VIOLENCE), three)));
  }

  private static Set<String> texts(Balancer.Balanced balanced) {
    return balanced.prompts().stream().map(Prompt::text).collect(Collectors.toSet());
  }

  @Test
  void aCategoryInWhichAllStandsTwiceIsQuick() {
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      prompts.add(prompt("text " + i / 2, HATE, Label.TOXIC, i + 1));
    }
    long start = System.nanoTime();
    assertThat(heldout(prompts, Split.of(prompts, .3, 1), HATE, Label.TOXIC)).isEqualTo(6000);
    assertThat((System.nanoTime() - start) / 1e9).as("seconds").isLessThan(20);
  }
}
