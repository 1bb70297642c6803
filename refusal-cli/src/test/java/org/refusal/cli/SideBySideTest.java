package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SideBySideTest {
  private final StringWriter shown = new StringWriter();
  private final PrintWriter both = new PrintWriter(shown, true);
  private final Console console = new Console(both, both, true, Map.of());

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatALaterTaskPrintsWaitsForItsTurn() {
    CountDownLatch laterPrinted = new CountDownLatch(1);
    List<Function<Console, Integer>> tasks =
        List.of(
            own -> {
              own.out().println("first, result");
              await(laterPrinted);
              assertThat(shown.toString()).isEqualTo("first, result\n");
              own.err().println("first, log");
              return 1;
            },
            own -> {
              own.out().println("second, result");
              own.err().println("second, log");
              laterPrinted.countDown();
              return 2;
            });
    assertThat(SideBySide.run(tasks, 2, console)).containsExactly(1, 2);
    assertThat(shown.toString()).isEqualTo("first, result\nfirst, log\nsecond, result\nsecond, log\n");
  }

  @Test
  void onlyTheFirstHasABarWhenSeveralRunTogether() {
    List<Function<Console, Boolean>> terminal = List.of(Console::terminal, Console::terminal, Console::terminal);
    assertThat(SideBySide.run(terminal, 2, console)).containsExactly(true, false, false);
    assertThat(SideBySide.run(terminal, 1, console)).containsExactly(true, true, true);
  }

  @Test
  void theFirstFailureIsThrownWhenAllHaveEnded() {
    AtomicInteger ended = new AtomicInteger();
    CountDownLatch failed = new CountDownLatch(1);
    List<Function<Console, Integer>> tasks =
        List.of(
            own -> {
              await(failed);
              own.out().println("went on");
              return ended.incrementAndGet();
            },
            own -> {
              own.out().println("before the failure");
              failed.countDown();
              throw new IllegalArgumentException("one");
            },
            own -> {
              throw new IllegalStateException("two");
            });
    assertThatThrownBy(() -> SideBySide.run(tasks, 2, console))
        .hasMessage("one")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()).extracting(Throwable::getMessage).containsExactly("two"));
    assertThat(ended).hasValue(1);
    assertThat(shown.toString()).isEqualTo("went on\nbefore the failure\n");
  }
}
