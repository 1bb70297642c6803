package org.refusal.bench;

/**
 * An option of a benchmark.
 *
 * @param name with its dashes
 * @param value how help names the value
 * @param standard the default as help shows it; null if there is none
 */
record Option(String name, String value, String standard, String about) {
  static final Option THREADS = new Option("--threads", "N", "all cores", "Threads that either side may use.");
  static final Option REPEATS = new Option("--repeats", "N", "3", "Measurements of each side; the median counts.");
  static final Option SEED = new Option("--seed", "N", "1", "Seed of everything that is generated.");
  static final Option MODEL =
      new Option(
          "--model", "NAME|FOLDER", null,
          "A checkpoint (or a model in the Hugging Face cache); without it a planted one is generated.");

  static final Option DEVICE =
      new Option("--device", "cpu|cuda", "cpu", "Where the model runs; on cuda in its own half type, on the CPU in float32.");

  static Option prompts(int standard) {
    return new Option(
        "--prompts", "N|PATH", Integer.toString(standard),
        "So many generated prompts; or a data set folder, a CSV file with a column 'prompt', a text file with one a line.");
  }

  static Option number(String name, Object standard, String about) {
    return new Option(name, "N", String.valueOf(standard), about);
  }
}
