package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.AbstractList;
import java.util.List;

/** Python's range, of at most 100,000 numbers as jinja2's sandbox has it. */
record Range(long start, long stop, long step) {
  private static final long LONGEST = 100_000;

  static Range of(long start, long stop, long step) {
    if (step == 0) {
      throw new JinjaException("range() arg 3 must not be zero");
    }
    Range range = new Range(start, stop, step);
    if (range.size() > LONGEST) {
      throw new JinjaException("a range of more than %d numbers".formatted(LONGEST));
    }
    return range;
  }

  private long size() {
    long span = step > 0 ? stop - start : start - stop;
    return span <= 0 ? 0 : (span - 1) / Math.abs(step) + 1;
  }

  List<Object> items() {
    int size = (int) size();
    return new AbstractList<>() {
      @Override
      public Object get(int index) {
        return BigInteger.valueOf(start + index * step);
      }

      @Override
      public int size() {
        return size;
      }
    };
  }
}
