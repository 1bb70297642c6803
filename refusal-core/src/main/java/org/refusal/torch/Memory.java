package org.refusal.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import org.refusal.base.UserException;

/**
 * Native memory. The garbage collector does not see tensors; a scope frees them:
 *
 * <pre>{@code
 * try (Memory.Scope scope = Memory.scope()) {
 *   NDArray logits = lm.forward(batch, Hooks.none(), LogitsAt.LAST);
 *   return scope.keep(logits.argMax(-1));   // all else is freed
 * }
 * }</pre>
 *
 * <p>Every array that the calling thread makes between opening and closing belongs to the innermost open scope,
 * whichever manager it is attached to. Arrays that are to outlive it are kept and then belong to the scope around it,
 * or to nobody if there is none (then they live until they are closed). Scopes are opened and closed on one thread,
 * innermost first.
 */
public final class Memory {
  private static final List<String> NATIVE_FAILURES =
      List.of("out of memory", "can't allocate memory", "not enough memory", "bad_alloc");

  private Memory() {}

  /** Opens a scope on this thread. */
  public static Scope scope() {
    TorchRuntime.start();
    return new Scope();
  }

  /** Frees, when closed, the arrays made meanwhile on this thread. */
  public static final class Scope implements AutoCloseable {
    private final NDScope arrays = new NDScope();
    private final List<NDArray> kept = new ArrayList<>();

    private Scope() {}

    /** Lets an array outlive this scope. */
    public NDArray keep(NDArray array) {
      kept.add(array);
      return array;
    }

    /** Lets arrays outlive this scope. */
    public List<NDArray> keep(List<NDArray> arrays) {
      kept.addAll(arrays);
      return arrays;
    }

    @Override
    public void close() {
      kept.forEach(NDScope::unregister);
      arrays.close();
      kept.forEach(NDScope::register);
    }
  }

  /**
   * Takes an array out of the innermost scope of this thread: it lives until it is closed. For what a class holds on to
   * (weights, optimiser state) and closes itself.
   */
  public static NDArray own(NDArray array) {
    NDScope.unregister(array);
    return array;
  }

  /**
   * Whether something failed because memory ran out: the Java heap, or an allocation of libtorch on a device or on the
   * host, which DJL reports by message only.
   */
  public static boolean ranOut(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage() == null ? "" : cause.getMessage().toLowerCase(Locale.ROOT);
      if (cause instanceof OutOfMemoryError
          || (!(cause instanceof UserException) && NATIVE_FAILURES.stream().anyMatch(message::contains))) {
        return true;
      }
    }
    return false;
  }

  /** Resident memory of this process in bytes, where the system tells (Linux). */
  public static OptionalLong residentBytes() {
    return status("VmRSS:");
  }

  /** Largest resident memory of this process so far in bytes, where the system tells (Linux). */
  public static OptionalLong peakResidentBytes() {
    return status("VmHWM:");
  }

  private static OptionalLong status(String key) {
    Path file = Path.of("/proc/self/status");
    if (!Files.isReadable(file)) {
      return OptionalLong.empty();
    }
    try {
      for (String line : Files.readString(file, StandardCharsets.ISO_8859_1).split("\n")) {
        if (line.startsWith(key)) {
          return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")) * 1024);
        }
      }
      return OptionalLong.empty();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
