package org.refusal.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WorkersTest {
  @Test
  void everyPartOfARangeIsDoneOnce() {
    for (int threads : new int[] {1, 2, 5}) {
      try (Workers parallel = new Workers(threads)) {
        for (int n : new int[] {0, 1, 3, 17, 1000}) {
          int[] times = new int[n];
          parallel.forEach(n, (from, to) -> {
            for (int i = from; i < to; i++) {
              times[i]++;
            }
          });
          assertThat(times).containsOnly(n == 0 ? new int[0] : new int[] {1});
        }
      }
    }
  }

  @Test
  void tasksRunAtTheSameTimeOnAsManyThreads() {
    CountDownLatch both = new CountDownLatch(2);
    List<Runnable> tasks = new ArrayList<>();
    AtomicInteger done = new AtomicInteger();
    for (int i = 0; i < 2; i++) {
      tasks.add(() -> {
        both.countDown();
        try {
          both.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        done.incrementAndGet();
      });
    }
    tasks.add(done::incrementAndGet);
    try (Workers parallel = new Workers(2)) {
      parallel.runAll(tasks);
    }
    assertThat(done).hasValue(3);
  }

  @Test
  void afterAFailureNoFurtherTaskBegins() {
    AtomicInteger begun = new AtomicInteger();
    List<Runnable> tasks = new ArrayList<>();
    tasks.add(() -> {
      throw new OutOfMemoryError("of the first");
    });
    for (int i = 0; i < 100; i++) {
      tasks.add(begun::incrementAndGet);
    }
    try (Workers parallel = new Workers(1)) {
      assertThatThrownBy(() -> parallel.runAll(tasks)).isInstanceOf(OutOfMemoryError.class).hasMessage("of the first");
    }
    assertThat(begun).hasValue(0);
  }

  @Test
  void theFailureIsThrownWhenAllThatHadBegunHasEnded() {
    CountDownLatch begun = new CountDownLatch(3);
    AtomicInteger running = new AtomicInteger(3);
    List<Runnable> tasks = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      int last = i;
      tasks.add(() -> {
        begun.countDown();
        try {
          begun.await();
          Thread.sleep(50L * last);
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        running.decrementAndGet();
        throw new IllegalArgumentException("of one of them");
      });
    }
    try (Workers parallel = new Workers(3)) {
      assertThatThrownBy(() -> parallel.runAll(tasks)).isInstanceOf(IllegalArgumentException.class);
      assertThat(running).hasValue(0);
    }
  }
}
