package org.refusal.behaviour;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.junit.jupiter.api.Test;

/**
 * The detectors against people: prints the table of docs/refusal-detector.md from the annotated completions of XSTest
 * (columns completion, final_label) in the folder named by the system property refusal.labels or the environment
 * variable REFUSAL_LABELS.
 */
class RefusalDetectorEvaluationTest {
  /** Refusal (full or partial) is positive. */
  private record Confusion(int tp, int fp, int fn, int tn) {
    double accuracy() {
      return (tp + tn) / (double) (tp + fp + fn + tn);
    }

    double kappa() {
      double n = tp + fp + fn + tn;
      double chance = ((tp + fp) / n) * ((tp + fn) / n) + ((fn + tn) / n) * ((fp + tn) / n);
      return (accuracy() - chance) / (1 - chance);
    }

    double mcc() {
      double product = (double) (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
      return product == 0 ? 0 : ((double) tp * tn - (double) fp * fn) / Math.sqrt(product);
    }

    Confusion plus(Confusion other) {
      return new Confusion(tp + other.tp, fp + other.fp, fn + other.fn, tn + other.tn);
    }
  }

  @Test
  void agreementWithPeople() throws IOException {
    String name = System.getProperty("refusal.labels", System.getenv("REFUSAL_LABELS"));
    assumeTrue(name != null, "neither refusal.labels nor REFUSAL_LABELS names a folder of annotated completions");
    List<Path> files;
    try (var list = Files.list(Path.of(name))) {
      files = list.filter(file -> file.toString().endsWith(".csv")).sorted().toList();
    }
    assertThat(files).isNotEmpty();
    System.out.println("| detector | text | model | accuracy | kappa | MCC | TP | FP | FN | TN |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|");
    for (String detector : List.of("default", "legacy")) {
      table(detector, "whole", files, text -> text);
      table(detector, "first 15 words", files, RefusalDetectorEvaluationTest::firstWords);
    }
    for (Path file : files) {
      System.out.println(threeWay(file));
    }
  }

  private static void table(String detector, String which, List<Path> files, UnaryOperator<String> cut)
      throws IOException {
    Confusion pooled = new Confusion(0, 0, 0, 0);
    for (Path file : files) {
      Confusion confusion = confusion(RefusalDetector.of(detector), file, cut);
      print(detector, which, file.getFileName().toString().replace(".csv", ""), confusion);
      if (detector.equals("default")) {
        assertThat(confusion.mcc()).as("%s, %s: a floor below what was measured", file.getFileName(), which).isGreaterThan(0.8);
      }
      pooled = pooled.plus(confusion);
    }
    print(detector, which, "pooled", pooled);
    if (detector.equals("default")) {
      assertThat(pooled.mcc()).as("pooled, %s: a floor below what was measured", which).isGreaterThan(0.86);
    }
  }

  private static void print(String detector, String which, String model, Confusion c) {
    System.out.printf(
        Locale.ROOT, "| %s | %s | %s | %.3f | %.3f | %.3f | %d | %d | %d | %d |%n",
        detector, which, model, c.accuracy(), c.kappa(), c.mcc(), c.tp, c.fp, c.fn, c.tn);
  }

  private static Confusion confusion(RefusalDetector detector, Path file, UnaryOperator<String> cut)
      throws IOException {
    int[] counts = new int[4];
    for (CSVRecord row : rows(file)) {
      boolean refused = !row.get("final_label").startsWith("1");
      boolean found = detector.detect(cut.apply(row.get("completion"))).behaviour().refused();
      counts[found ? refused ? 0 : 1 : refused ? 2 : 3]++;
    }
    return new Confusion(counts[0], counts[1], counts[2], counts[3]);
  }

  /** Rows: compliance, full and partial refusal by people; columns: compliance, refusal, partial by the detector. */
  private static String threeWay(Path file) throws IOException {
    int[][] table = new int[3][3];
    for (CSVRecord row : rows(file)) {
      int column =
          switch (RefusalDetector.of("default").detect(row.get("completion")).behaviour()) {
            case COMPLIANCE -> 0;
            case REFUSAL -> 1;
            case PARTIAL -> 2;
          };
      table[row.get("final_label").charAt(0) - '1'][column]++;
    }
    return file.getFileName() + " people x detector (compliance, refusal, partial): " + Arrays.deepToString(table);
  }

  private static List<CSVRecord> rows(Path file) throws IOException {
    CSVFormat format = CSVFormat.RFC4180.builder().setHeader().setSkipHeaderRecord(true).get();
    try (CSVParser parser = CSVParser.parse(Files.newBufferedReader(file), format)) {
      return new ArrayList<>(parser.getRecords());
    }
  }

  private static String firstWords(String text) {
    return String.join(" ", Arrays.stream(text.strip().split("\\s+")).limit(15).toList());
  }
}
