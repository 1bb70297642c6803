package org.refusal.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.Test;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

class MemoryTest {
  @Test
  void libtorchThatCannotAllocateIsKnown() {
    Throwable failure = catchThrowable(() -> Devices.manager(TestDevice.get()).zeros(new Shape(1L << 46)).close());

    assertThat(failure).isNotNull();
    assertThat(Memory.ranOut(failure)).as(String.valueOf(failure)).isTrue();
    assertThat(Memory.ranOut(new IllegalStateException(failure))).as("wrapped").isTrue();
  }

  @Test
  void theHeapIsMemoryTooAndNothingElseIs() {
    assertThat(Memory.ranOut(new OutOfMemoryError("Java heap space"))).isTrue();
    assertThat(Memory.ranOut(new IllegalStateException("shapes differ"))).isFalse();
    assertThat(Memory.ranOut(new UserException(ExitCode.BAD_DATA, "prompt 'I ran out of memory' is empty"))).isFalse();
  }
}
