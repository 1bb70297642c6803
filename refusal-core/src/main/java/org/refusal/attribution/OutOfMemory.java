package org.refusal.attribution;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.refusal.base.UserException;
import org.refusal.torch.Memory;

/** Work that is done in smaller batches when native memory runs out. */
final class OutOfMemory {
  private OutOfMemory() {}

  /**
   * Applies the work to the whole list, or to its halves when memory runs out, and so on.
   *
   * @return the results in the order of the list
   */
  static <T, R> List<R> halving(List<T> items, Function<List<T>, List<R>> work) {
    try {
      return work.apply(items);
    } catch (RuntimeException e) {
      if (!Memory.ranOut(e)) {
        throw e;
      }
      if (items.size() == 1) {
        throw new UserException(
            org.refusal.base.ExitCode.ENVIRONMENT,
            "out of memory with a single prompt (%s)".formatted(items.get(0)),
            "use a half type (model.torch_dtype), a smaller SAE, or a device with more memory",
            e);
      }
    }
    int middle = items.size() / 2;
    List<R> results = new ArrayList<>(halving(items.subList(0, middle), work));
    results.addAll(halving(items.subList(middle, items.size()), work));
    return results;
  }
}
