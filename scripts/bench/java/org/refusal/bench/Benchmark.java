package org.refusal.bench;

import java.util.List;

/** One NAME of {@code scripts/bench/run}. */
interface Benchmark {
  String name();

  /** One sentence: what is measured against what. */
  String summary();

  List<Option> options();

  Result run(Arguments arguments);
}
