package org.refusal.bench;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.data.OrBench;
import org.refusal.data.Prompt;

/** Texts to run a real model on. */
final class PromptTexts {
  private static final int SHORTEST = 6;
  private static final int LONGEST = 60;
  private static final String[] WORDS =
      ("how can a person write the letter about people in work and what should they do with time when every city has"
              + " many schools but few books explain why water moves slowly through old stone walls near green fields"
              + " tell me which steps help small groups plan their year without much money or advice from others please"
              + " describe an idea for better food at home during cold winter months while friends visit often")
          .split(" ");

  private PromptTexts() {}

  /** Sentences of 6 to 60 common English words, short ones more often. */
  static List<String> generated(int count, long seed) {
    List<String> texts = new ArrayList<>();
    SplittableRandom random = Seeds.random(seed, "bench prompts");
    for (int i = 0; i < count; i++) {
      double draw = random.nextDouble();
      int length = SHORTEST + (int) (draw * draw * (LONGEST - SHORTEST + 1));
      List<String> words = new ArrayList<>();
      for (int w = 0; w < length; w++) {
        words.add(WORDS[random.nextInt(WORDS.length)]);
      }
      texts.add(String.join(" ", words));
    }
    return texts;
  }

  /** The prompts of a data set folder, the column {@code prompt} of a CSV file, or the lines of any other file. */
  static List<String> read(Path file) {
    if (Files.isDirectory(file)) {
      return OrBench.load(file).prompts().stream().map(Prompt::text).toList();
    }
    try {
      List<String> texts =
          file.toString().endsWith(".csv")
              ? column(file)
              : Files.readAllLines(file, StandardCharsets.UTF_8).stream().filter(line -> !line.isBlank()).toList();
      if (texts.isEmpty()) {
        throw UserException.badData(file + ": holds no prompt");
      }
      return texts;
    } catch (IOException e) {
      throw UserException.badData(file + ": cannot be read: " + e.getMessage(), "--prompts takes a number or a file");
    }
  }

  private static List<String> column(Path file) throws IOException {
    CSVFormat format = CSVFormat.RFC4180.builder().setHeader().setSkipHeaderRecord(true).get();
    try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        CSVParser records = CSVParser.parse(reader, format)) {
      if (!records.getHeaderMap().containsKey("prompt")) {
        throw UserException.badData(file + ": has no column 'prompt'; it has " + records.getHeaderNames());
      }
      List<String> texts = new ArrayList<>();
      for (CSVRecord row : records) {
        texts.add(row.get("prompt"));
      }
      return texts;
    }
  }
}
