package org.refusal.torch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

/** Work that is done in smaller batches when native memory runs out. */
public final class OutOfMemory {
  private OutOfMemory() {}

  /**
   * Applies the work to the whole list, or to its halves when memory runs out, and so on.
   *
   * @return the results in the order of the list
   */
  public static <T, R> List<R> halving(List<T> items, Function<List<T>, List<R>> work) {
    try {
      return work.apply(items);
    } catch (RuntimeException e) {
      List<R> results = new ArrayList<>();
      halve(e, items, item -> " (" + item + ")", part -> results.addAll(halving(part, work)));
      return results;
    }
  }

  /**
   * Does the work on either half of a list on which it has failed; throws the failure on unless memory ran out.
   *
   * @param name what the message adds when not even a single prompt fits
   */
  public static <T> void halve(
      RuntimeException failure, List<T> items, Function<T, String> name, Consumer<List<T>> work) {
    if (!Memory.ranOut(failure)) {
      throw failure;
    }
    if (items.size() == 1) {
      throw new UserException(
          ExitCode.ENVIRONMENT,
          "out of memory with a single prompt" + name.apply(items.get(0)),
          "use a half type (model.torch_dtype), a smaller SAE, or a device with more memory",
          failure);
    }
    work.accept(items.subList(0, items.size() / 2));
    work.accept(items.subList(items.size() / 2, items.size()));
  }
}
