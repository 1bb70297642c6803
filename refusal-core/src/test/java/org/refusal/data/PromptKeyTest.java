package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.refusal.base.UserException;

class PromptKeyTest {
  private static final PromptKey FIRST = new PromptKey("hate", 3);
  private static final PromptKey SECOND = new PromptKey("hate", 12);
  private static final PromptKey OTHER = new PromptKey("privacy", 3);

  private record Row(PromptKey key, String what) {}

  @Test
  void isNamedByCategoryAndIndex() {
    assertThat(OTHER).hasToString("privacy/3");
  }

  @Test
  void isOrderedByCategoryAndThenByNumberNotByDigits() {
    assertThat(List.of(OTHER, SECOND, FIRST).stream().sorted()).containsExactly(FIRST, SECOND, OTHER);
  }

  @Test
  void rowsAreFoundByKeyAndKeepTheirOrder() {
    Map<PromptKey, Row> byKey =
        PromptKey.byKey(List.of(new Row(SECOND, "b"), new Row(OTHER, "c"), new Row(FIRST, "a")), Row::key);
    assertThat(byKey.keySet()).containsExactly(SECOND, OTHER, FIRST);
    assertThat(byKey.get(FIRST).what()).isEqualTo("a");
  }

  @Test
  void twoRowsOfOnePromptAreBadData() {
    assertThatThrownBy(() -> PromptKey.byKey(List.of(new Row(OTHER, "a"), new Row(OTHER, "b")), Row::key))
        .isInstanceOf(UserException.class)
        .hasMessageStartingWith("prompt privacy/3 is there twice");
  }

  @Test
  void rowsOfWantedPromptsAreAscendingAndOfOtherCategoriesNone() {
    List<PromptKey> rows = PromptKey.of("hate", new long[] {12, 3, 7});
    assertThat(PromptKey.rows(rows, Set.of(FIRST, SECOND))).containsExactly(0, 1);
    assertThat(PromptKey.rows(rows, Set.of(OTHER))).isEmpty();
  }
}
