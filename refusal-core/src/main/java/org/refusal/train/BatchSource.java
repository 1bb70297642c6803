package org.refusal.train;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.StoredPrompt;
import org.refusal.circuit.HookPoint;

/**
 * Batches of the token stream, read from the store within a bound of memory. If the training tokens fit the bound, they
 * are read once and stay. Otherwise the next batches that fit are read together, in the order of the files, so that each
 * window is one sweep over them. The batches do not depend on the bound.
 */
final class BatchSource {
  private final ActivationStore store;
  private final HookPoint at;
  private final List<StoredPrompt> prompts;
  private final int[] firstRow; // [prompts + 1], number of a prompt's first row
  private final TokenStream stream;
  private final int batchSize;
  private final long steps;
  private final int width;
  private final float scale;
  private final int stepsPerWindow;
  private final boolean resident;
  private final Map<Integer, float[]> residentRows = new HashMap<>();

  private long windowStart;
  private int windowSteps;
  private float[][] window = new float[0][]; // written anew by every sweep: garbage of this size would double the heap

  BatchSource(
      ActivationStore store, HookPoint at, List<StoredPrompt> prompts, TokenStream stream, long windowBytes,
      int batchSize, long steps, double scale) {
    this.store = store;
    this.at = at;
    this.prompts = prompts;
    this.stream = stream;
    this.batchSize = batchSize;
    this.steps = steps;
    this.width = store.dModel();
    this.scale = (float) scale;
    firstRow = new int[prompts.size() + 1];
    for (int i = 0; i < prompts.size(); i++) {
      firstRow[i + 1] = Math.addExact(firstRow[i], prompts.get(i).tokens());
    }
    long rowBytes = (long) width * Float.BYTES;
    resident = firstRow[prompts.size()] * rowBytes <= windowBytes;
    stepsPerWindow = resident ? 1 : (int) Math.max(1, windowBytes / (rowBytes * batchSize));
  }

  /**
   * The activations of a step times the input scale {@code [batch, d_in]}; steps are asked for in ascending order. The
   * array is written anew for a later step.
   */
  float[] batch(long step) {
    if (!isRead(step)) {
      windowStart = step;
      windowSteps = (int) Math.min(stepsPerWindow, steps - step);
      if (window.length < windowSteps) {
        window = new float[windowSteps][batchSize * width];
      }
      fillWindow();
    }
    return window[(int) (step - windowStart)];
  }

  private boolean isRead(long step) {
    return step >= windowStart && step < windowStart + windowSteps;
  }

  /** Steps below this one need no further reading when the step has been asked for. */
  long windowEnd(long step) {
    return resident ? steps : isRead(step) ? windowStart + windowSteps : Math.min(steps, step + stepsPerWindow);
  }

  private void fillWindow() {
    int[] rows = stream.rows(windowStart * batchSize, windowSteps * batchSize);
    long[] byRow = new long[rows.length];
    for (int i = 0; i < rows.length; i++) {
      byRow[i] = (long) rows[i] << 32 | i;
    }
    Arrays.sort(byRow);
    int next = 0;
    while (next < byRow.length) {
      int prompt = promptOf((int) (byRow[next] >>> 32));
      int end = next;
      while (end < byRow.length && (byRow[end] >>> 32) < firstRow[prompt + 1]) {
        end++;
      }
      int first = (int) (byRow[next] >>> 32);
      int last = (int) (byRow[end - 1] >>> 32);
      float[] values = resident ? whole(prompt) : read(prompt, first, last - first + 1);
      int base = resident ? firstRow[prompt] : first;
      for (; next < end; next++) {
        int place = (int) byRow[next];
        float[] batch = window[place / batchSize];
        int from = ((int) (byRow[next] >>> 32) - base) * width;
        int to = place % batchSize * width;
        for (int i = 0; i < width; i++) {
          batch[to + i] = values[from + i] * scale;
        }
      }
    }
  }

  private float[] whole(int prompt) {
    return residentRows.computeIfAbsent(prompt, p -> store.rows(prompts.get(p), at));
  }

  private float[] read(int prompt, int first, int count) {
    return store.rows(prompts.get(prompt), at, first - firstRow[prompt], count);
  }

  private int promptOf(int row) {
    int found = Arrays.binarySearch(firstRow, row);
    if (found < 0) {
      return -found - 2;
    }
    while (firstRow[found + 1] == row) {
      found++;
    }
    return found;
  }
}
