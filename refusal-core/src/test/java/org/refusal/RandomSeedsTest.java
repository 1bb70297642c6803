package org.refusal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

class RandomSeedsTest {
  private record Call(Method getExecutable, List<Object> getArguments) implements ReflectiveInvocationContext<Method> {
    @Override
    public Class<?> getTargetClass() {
      return RandomSeedsTest.class;
    }

    @Override
    public Optional<Object> getTarget() {
      return Optional.empty();
    }
  }

  @Test
  void beginsWithTheSeedAskedForAndGoesOnWithOthers() {
    assertThat(RandomSeeds.Source.seeds(77, 3).boxed()).hasSize(3).startsWith(77L).doesNotHaveDuplicates();
    assertThat(RandomSeeds.Source.seeds(77, 2).boxed()).isEqualTo(RandomSeeds.Source.seeds(77, 3).limit(2).boxed().toList());
  }

  @Test
  void aFailureNamesTheSeed() throws NoSuchMethodException {
    Call call = new Call(RandomSeedsTest.class.getDeclaredMethod("aFailureNamesTheSeed"), List.of(42L));
    AssertionError wrong = new AssertionError("1 is not 2");

    assertThatThrownBy(
            () -> new RandomSeeds.Report().interceptTestTemplateMethod(() -> {
              throw wrong;
            }, call, null))
        .isInstanceOf(AssertionError.class)
        .hasMessage("seed 42 (again: -Dtest=RandomSeedsTest#aFailureNamesTheSeed -Dtest.seed=42): 1 is not 2")
        .hasCause(wrong);
  }
}
