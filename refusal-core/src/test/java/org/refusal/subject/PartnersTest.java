package org.refusal.subject;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.base.UserException;

class PartnersTest {

  /** No two indices have the same tokens. */
  private static PromptTokens prompt(String category, long index, int userTokens) {
    int[] ids = new int[userTokens + 5];
    ids[2] = Math.toIntExact(index);
    return new PromptTokens(category, index, false, false, ids, 2, 2 + userTokens);
  }

  private static PromptTokens named(PromptTokens prompt, String category, long index, String text) {
    return new PromptTokens(
        category, index, prompt.harmful(), prompt.refused(), prompt.ids(), prompt.userFrom(), prompt.userTo(), text);
  }

  private static PromptTokens named(PromptTokens prompt, String category, long index) {
    return named(prompt, category, index, prompt.text());
  }

  @Test
  void userTokensAreScaledToThePartnersAndTemplateTokensMapOneToOne() {
    PromptTokens five = prompt("hate", 0, 5);
    PromptTokens nine = prompt("hate", 1, 9);
    assertThat(Alignment.of(five, nine)).containsExactly(0, 1, 2, 4, 6, 8, 10, 11, 12, 13);
    // round(p 4/8), halves up: 0 .5 1 1.5 2 2.5 3 3.5 4
    assertThat(Alignment.of(nine, five)).containsExactly(0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9);
    assertThat(Alignment.of(prompt("hate", 2, 1), five)).containsExactly(0, 1, 2, 7, 8, 9);
    assertThat(Alignment.of(five, prompt("hate", 2, 1))).containsExactly(0, 1, 2, 2, 2, 2, 2, 3, 4, 5);
  }

  @Test
  void promptsOfDifferentTemplatesDoNotAlign() {
    PromptTokens other = new PromptTokens("hate", 3, false, false, new int[6], 1, 4);
    assertThatThrownBy(() -> Alignment.of(prompt("hate", 1, 3), other))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("hate/1")
        .hasMessageContaining("hate/3");
  }

  @Test
  void groupsAreTheTemplateTokensOneByOneAndTheUsersTextAsOne() {
    assertThat(prompt("hate", 0, 3).positionGroups()).containsExactly(0, 1, 2, 2, 2, 3, 4, 5);
    assertThat(prompt("hate", 0, 3).groupCount()).isEqualTo(6);
  }

  /** As where one is written in capitals: the text is drawn no oftener than others, and by no name of a category. */
  @Test
  void equalTextsOfOtherTokensAreOneCandidate() {
    List<PromptTokens> pool = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      pool.add(named(prompt("hate", i, 4), i % 2 == 0 ? "a" : "b", i, "the same"));
    }
    pool.add(named(prompt("hate", 40, 4), "c", 40, "another"));
    List<PromptTokens> renamed =
        pool.stream().map(each -> named(each, each.category().equals("a") ? "z" : each.category(), each.index(), each.text())).toList();
    int others = 0;
    for (int seed = 0; seed < 400; seed++) {
      PromptTokens partner = new Partners(pool, seed).of(prompt("violence", 7, 4));
      assertThat(new Partners(renamed, seed).of(prompt("violence", 7, 4)).ids()).isEqualTo(partner.ids());
      others += partner.text().equals("another") ? 1 : 0;
    }
    assertThat(others).isBetween(150, 250); // 3 standard deviations of 1 in 2 are 30
  }

  @Test
  void partnersAreAmongTheEightNearestWhateverTheOrder() {
    List<PromptTokens> pool = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      pool.add(prompt(i % 2 == 0 ? "hate" : "illegal", i, 1 + i));
    }
    PromptTokens target = prompt("violence", 7, 20);
    PromptTokens chosen = new Partners(pool, 42).of(target);
    assertThat(chosen.length()).isBetween(target.length() - 4, target.length() + 4);
    for (int round = 0; round < 5; round++) {
      Collections.shuffle(pool, new Random(round));
      assertThat(new Partners(pool, 42).of(target)).isEqualTo(chosen);
    }
    long distinct =
        java.util.stream.LongStream.range(0, 200).mapToObj(seed -> new Partners(pool, seed).of(target)).distinct().count();
    assertThat(distinct).as("the eighth and the ninth are equally far").isEqualTo(9);
  }

  /** By hand: lengths less than the target's by 0 (3), 1 (2 below, 2 above), 2 (1 below, 3 above), 3 (1): the eighth is at 2. */
  @Test
  void allThatAreAsNearAsTheEighthAreCandidates() {
    int[] lengths = {10, 10, 10, 9, 9, 11, 11, 8, 12, 12, 12, 13};
    List<PromptTokens> pool = new ArrayList<>();
    for (int i = 0; i < lengths.length; i++) {
      pool.add(prompt("hate", i, lengths[i]));
    }
    Map<Long, Integer> drawn = new TreeMap<>();
    int draws = 4400;
    for (int i = 0; i < draws; i++) {
      drawn.merge(new Partners(pool, 3).of(prompt("violence", 100 + i, 10)).index(), 1, Integer::sum);
    }
    assertThat(drawn.keySet()).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L);
    assertThat(uniform(drawn.values(), 11)).as("counts %s", drawn).isGreaterThan(.001);
  }

  /** With ties by file order all would come from the first category. */
  @Test
  void thousandDrawsAmongEqualLengthsAreUniformOverCategories() {
    List<PromptTokens> pool = equalLengths();
    Partners partners = new Partners(pool, 42);
    Map<String, Integer> drawn = new TreeMap<>();
    Map<Long, Integer> distinct = new TreeMap<>();
    for (int i = 0; i < 1000; i++) {
      PromptTokens partner = partners.of(prompt("category 0", 10_000 + i, 20));
      drawn.merge(partner.category(), 1, Integer::sum);
      distinct.merge(partner.index(), 1, Integer::sum);
    }
    assertThat(drawn).hasSize(10);
    assertThat(uniform(drawn.values(), 10)).as("chi-square p of %s", drawn).isGreaterThan(.001);
    // 1,000 draws of 500 leave 500 exp(-2) = 68 out
    assertThat(distinct.size()).isBetween(400, 465);
  }

  @RandomSeeds(3)
  void onlyTheTextsDecideAndNotWhatCategoriesAreCalledOrHowTheyAreOrdered(long seed) {
    List<PromptTokens> pool = equalLengths();
    List<PromptTokens> renamed = new ArrayList<>();
    for (PromptTokens prompt : pool) {
      renamed.add(named(prompt, "z" + (99 - prompt.category().charAt(9)), 7000 - prompt.index()));
    }
    Collections.shuffle(renamed, new Random(seed));
    for (Partners.Source source : Partners.Source.values()) {
      Partners before = Partners.of(source, pool, seed);
      Partners after = Partners.of(source, renamed, seed);
      for (int i = 0; i < 100; i++) {
        PromptTokens prompt = prompt("category 3", 10_000 + i, 18 + i % 5);
        PromptTokens other = named(prompt, "z" + (99 - '3'), i);
        assertThat(after.of(other).ids()).as("%s, prompt %d", source, i).isEqualTo(before.of(prompt).ids());
      }
    }
  }

  @Test
  void matchedPartnersComeFromThePromptsOwnCategory() {
    Partners matched = Partners.of(Partners.Source.MATCHED, equalLengths(), 42);
    assertThat(matched.source().text()).isEqualTo("matched");
    Map<Long, Integer> drawn = new TreeMap<>();
    for (int i = 0; i < 1000; i++) {
      PromptTokens partner = matched.of(prompt("category 6", 10_000 + i, 20));
      assertThat(partner.category()).isEqualTo("category 6");
      drawn.merge(partner.index(), 1, Integer::sum);
    }
    assertThat(uniform(drawn.values(), 50)).isGreaterThan(.001);
    assertThat(matched.pool()).hasSize(500);
    assertThatThrownBy(() -> matched.of(prompt("hate", 1, 20)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("category hate has no safe discovery prompt that the model answered");
  }

  @Test
  void aPromptOfEqualTextIsNobodysPartner() {
    PromptTokens a = named(prompt("hate", 0, 4), "hate", 0, "one text");
    PromptTokens b = named(prompt("hate", 1, 4), "hate", 1, "another");
    PromptTokens toxic = named(prompt("violence", 2, 4), "violence", 2, "one text");
    for (int seed = 0; seed < 20; seed++) {
      assertThat(new Partners(List.of(a, b), seed).of(toxic)).isEqualTo(b);
    }
    assertThatThrownBy(() -> new Partners(List.of(a), 1).of(toxic))
        .isInstanceOf(UserException.class).hasMessageContaining("violence/2");
  }

  /** Sorting the pool for every prompt took 15 minutes for this. */
  @Test
  void manyDrawsFromALargePoolAreQuick() {
    List<PromptTokens> pool = new ArrayList<>();
    for (int i = 0; i < 50_000; i++) {
      pool.add(prompt("category " + i % 10, i, 10 + i % 40));
    }
    Partners partners = new Partners(pool, 42);
    long start = System.nanoTime();
    for (int i = 0; i < 5_000; i++) {
      partners.of(prompt("hate", 100_000 + i, 10 + i % 40));
    }
    assertThat((System.nanoTime() - start) / 1e9).as("seconds").isLessThan(10);
  }

  /** 50 prompts of 20 tokens in each of ten categories. */
  private static List<PromptTokens> equalLengths() {
    List<PromptTokens> pool = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      pool.add(prompt("category " + i / 50, i, 20));
    }
    return pool;
  }

  /** p of Pearson's chi-square against equal shares; cells that were never drawn count as 0. */
  private static double uniform(Collection<Integer> counts, int cells) {
    double expected = counts.stream().mapToInt(Integer::intValue).sum() / (double) cells;
    double chiSquare = (cells - counts.size()) * expected;
    for (int count : counts) {
      chiSquare += (count - expected) * (count - expected) / expected;
    }
    return 1 - new ChiSquaredDistribution(null, cells - 1).cumulativeProbability(chiSquare);
  }

  @Test
  void nobodyIsTheirOwnPartner() {
    List<PromptTokens> pool = List.of(prompt("hate", 0, 4), prompt("hate", 1, 4));
    for (int seed = 0; seed < 20; seed++) {
      assertThat(new Partners(pool, seed).of(pool.get(0))).isEqualTo(pool.get(1));
    }
  }

  @Test
  void anEmptyPoolIsAnErrorThatSaysSo() {
    assertThatThrownBy(() -> new Partners(List.of(), 1)).isInstanceOf(UserException.class).hasMessageContaining("answered");
  }
}
