package org.refusal.behaviour;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedWriter;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.behaviour.RefusalLabels.Source;
import org.refusal.data.Behaviour;

class RefusalLabelsTest {
  @TempDir Path folder;

  private Map<Behaviour, Long> label(String name, String content) throws Exception {
    Path input = Files.writeString(folder.resolve(name), content);
    return RefusalLabels.label(
        Source.ofFile(input), RecordFormat.ofFile(input), "completion", folder.resolve("out-" + name), RefusalDetector.of("default"));
  }

  @Test
  void csvKeepsColumnsAndOrder() throws Exception {
    Map<Behaviour, Long> counts =
        label("a.csv", "\uFEFFid,completion,note\n1,\"I cannot\nhelp, sorry\",\"x, y\"\r\n2,\"Sure, here it is.\",\n");
    assertThat(counts).containsEntry(Behaviour.REFUSAL, 1L).containsEntry(Behaviour.COMPLIANCE, 1L);
    String out = Files.readString(folder.resolve("out-a.csv"));
    assertThat(out).startsWith("id,completion,note,label,reason\n1,\"I cannot\nhelp, sorry\",\"x, y\",refusal,");
    assertThat(out).contains("\n2,\"Sure, here it is.\",,compliance,");
  }

  @Test
  void jsonLines() throws Exception {
    label(
        "a.jsonl",
        "{\"completion\":\"I'm sorry, but I can't.\",\"z\":[1,2]}\n\n{\"b\":1,\"completion\":\"Paris.\"}\n");
    assertThat(Files.readAllLines(folder.resolve("out-a.jsonl"))).hasSize(2)
        .first().asString().startsWith("{\"completion\":\"I'm sorry, but I can't.\",\"z\":[1,2],\"label\":\"refusal\"");
  }

  @Test
  void numbersOfPythonStayAsTheyStand() throws Exception {
    label("n.jsonl", "{\"completion\":\"I won't.\",\"score\":NaN,\"low\":[-Infinity,Infinity]}\n");
    assertThat(Files.readString(folder.resolve("out-n.jsonl")))
        .startsWith("{\"completion\":\"I won't.\",\"score\":NaN,\"low\":[-Infinity,Infinity],\"label\":\"refusal\"");
    label("n.json", "[{\"completion\":\"Paris.\",\"score\":NaN}]");
    assertThat(Files.readString(folder.resolve("out-n.json"))).contains("\"score\":NaN,\"label\":\"compliance\"");
  }

  @Test
  void jsonArray() throws Exception {
    label("a.json", "[{\"completion\":\"I won't.\",\"n\":1.50},\n {\"completion\":\"Paris.\"}]");
    assertThat(Files.readString(folder.resolve("out-a.json")))
        .startsWith("[\n{\"completion\":\"I won't.\",\"n\":1.50,\"label\":\"refusal\"")
        .endsWith("{\"completion\":\"Paris.\",\"label\":\"compliance\",\"reason\":\"nothing refuses\"}\n]\n");
    label("b.json", "[]");
    assertThat(folder.resolve("out-b.json")).hasContent("[]\n");
  }

  @Test
  void aHeaderAloneAndNoLineAreFilesWithoutRecords() throws Exception {
    assertThat(label("a.csv", "completion\n").values()).containsOnly(0L);
    assertThat(folder.resolve("out-a.csv")).hasContent("completion,label,reason\n");
    assertThat(label("a.jsonl", "").values()).containsOnly(0L);
    assertThat(folder.resolve("out-a.jsonl")).isEmptyFile();
  }

  @Test
  void quotesBreaksAndCommasComeBackAsTheyWere() throws Exception {
    String first = "\"say \"\"no\"\", twice\"";
    label("a.csv", "\"a,b\",completion\n" + first + ",\"I can't,\n\"\"really\"\".\"\n");
    List<CSVRecord> rows = CSVFormat.RFC4180.parse(Files.newBufferedReader(folder.resolve("out-a.csv"))).getRecords();
    assertThat(rows.get(0).toList()).containsExactly("a,b", "completion", "label", "reason");
    assertThat(rows.get(1).toList())
        .containsExactly("say \"no\", twice", "I can't,\n\"really\".", "refusal", "inability \"I can't\"");
  }

  @Test
  void allDetectorsAndNoOther() throws Exception {
    Path input = Files.writeString(folder.resolve("a.csv"), "completion\nIt is against our policy.\n");
    RefusalLabels.label(Source.ofFile(input), RecordFormat.CSV, "completion", folder.resolve("out.csv"), RefusalDetector.of("legacy"));
    assertThat(folder.resolve("out.csv")).content().contains("refusal,\"keyword \"\"policy\"\"\"");
    assertThatThrownBy(() -> RefusalDetector.of("other")).hasMessageContaining("default or legacy");
  }

  @Test
  void aWriterIsLeftOpenAndASourceClosed() throws Exception {
    for (RecordFormat format : RecordFormat.values()) {
      String text =
          switch (format) {
            case CSV -> "completion\nI won't.\n";
            case JSONL -> "{\"completion\":\"I won't.\"}\n";
            case JSON -> "[{\"completion\":\"I won't.\"}]";
          };
      boolean[] closed = new boolean[2];
      InputStream input =
          new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)) {
            @Override
            public void close() {
              closed[0] = true;
            }
          };
      StringWriter output =
          new StringWriter() {
            @Override
            public void close() {
              closed[1] = true;
            }
          };
      assertThat(
              RefusalLabels.label(
                  new Source("there", input), format, "completion", output, RefusalDetector.of("default")))
          .containsEntry(Behaviour.REFUSAL, 1L);
      assertThat(output.toString()).as(format.name()).contains("refusal", "inability");
      assertThat(closed).as(format.name()).containsExactly(true, false);
    }
  }

  @Test
  void theNameOfAFileSaysItsFormat() {
    assertThat(RecordFormat.ofFile(Path.of("a.b/C.CSV"))).isEqualTo(RecordFormat.CSV);
    assertThat(RecordFormat.ofFile(Path.of("c.ndjson"))).isEqualTo(RecordFormat.JSONL);
    assertThat(RecordFormat.ofFile(Path.of("c.jsonl"))).isEqualTo(RecordFormat.JSONL);
    assertThat(RecordFormat.ofFile(Path.of("c.json"))).isEqualTo(RecordFormat.JSON);
    assertThat(RecordFormat.of("jsonl")).isEqualTo(RecordFormat.JSONL);
    assertThatThrownBy(() -> RecordFormat.ofFile(Path.of("answers"))).hasMessageContaining("answers: its name does not say");
    assertThatThrownBy(() -> RecordFormat.of("xml")).hasMessageContaining("--input-format xml: no such format");
  }

  /** Rows are read and written one at a time: a file far larger than what may be allocated at once goes through. */
  @Test
  void largeFilesAreStreamed() throws Exception {
    Path input = folder.resolve("large.csv");
    String row = "I cannot help with that." + " x".repeat(2000) + "\n";
    int rows = 5_000;
    try (BufferedWriter writer = Files.newBufferedWriter(input)) {
      writer.write("completion\n");
      for (int i = 0; i < rows; i++) {
        writer.write(row);
      }
    }
    long before = usedAfterCollection();
    RefusalLabels.label(Source.ofFile(input), RecordFormat.CSV, "completion", folder.resolve("large-out.csv"), answer -> {
      peak = Math.max(peak, counter++ % 1000 == 999 ? usedAfterCollection() : 0);
      return RefusalDetector.of("legacy").detect(answer);
    });
    assertThat(Files.size(input)).isGreaterThan(20_000_000L);
    assertThat(peak - before).as("bytes alive on the way").isLessThan(8_000_000L);
    try (Stream<String> lines = Files.lines(folder.resolve("large-out.csv"))) {
      assertThat(lines.count()).isEqualTo(rows + 1);
    }
  }

  @Test
  void whatIsNotUnderstoodStaysAsItStands() throws Exception {
    String row =
        "{ \"completion\" : \"I can't.\", \"score\": NaN, \"big\": 12345678901234567890123, \"e\":1E400, \"z\": -0.0,"
            + " \"half\":\"\\ud83d \\/ \\u00e9\", \"deep\": {\"a\":[1.50, Infinity,\t-Infinity]} ";
    String added = ",\"label\":\"refusal\",\"reason\":\"inability \\\"I can't\\\"\"";
    label("a.jsonl", row + "}\r\n" + row + "}");
    assertThat(Files.readString(folder.resolve("out-a.jsonl")))
        .isEqualTo((row.strip() + added + " }\r\n" + row.strip() + added + " }"));

    label("a.json", "\uFEFF[\n  " + row + "\n  }\n]");
    assertThat(Files.readString(folder.resolve("out-a.json"))).isEqualTo("[\n" + row.strip() + added + " \n  }\n]\n");

    label("a.csv", "id,\"completion\"\r\n\"1\",I can't.\r\n\r\n 2 ,\"It's 5\"\" \"");
    assertThat(Files.readString(folder.resolve("out-a.csv")))
        .isEqualTo(
            "id,\"completion\",label,reason\r\n\"1\",I can't.,refusal,\"inability \"\"I can't\"\"\"\r\n\r\n 2 ,\"It's 5\"\" \",compliance,nothing refuses");
  }

  @Test
  void quotesSeparatorsAndEncodingsAreNamedWithTheirLine() {
    assertThatThrownBy(() -> label("a.csv", "id,completion\n1,\"a \\\"b\\\" c\"\n"))
        .hasMessageContaining("a.csv:2: record 1: not valid CSV")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("Exception"));
    assertThatThrownBy(() -> label("b.csv", "id;completion\n1;a\n"))
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("semicolons"));
    assertThatThrownBy(() -> label("c.jsonl", "{\"completion\":\"a\"} {}\n")).hasMessageContaining("c.jsonl:1: there is more");
  }

  private long peak;
  private int counter;

  private static long usedAfterCollection() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  @Test
  void damageIsNamedAndNothingIsWritten() throws Exception {
    assertThatThrownBy(() -> label("a.csv", "id,text\n1,a\n")).hasMessageContaining("no column completion");
    assertThatThrownBy(() -> label("b.csv", "id,completion\n1,a\n2,\"open\n")).hasMessageContaining("record 2");
    assertThatThrownBy(() -> label("c.csv", "label,completion\n1,a\n")).hasMessageContaining("already");
    assertThatThrownBy(() -> label("d.csv", "")).hasMessageContaining("empty file");
    assertThatThrownBy(() -> label("e.jsonl", "{\"completion\":\"a\"}\n{]\n")).hasMessageContaining("e.jsonl:2");
    assertThatThrownBy(() -> label("f.jsonl", "{\"completion\":3}\n")).isInstanceOf(UserException.class)
        .hasMessageContaining("f.jsonl:1: completion is no text");
    assertThatThrownBy(() -> label("g.jsonl", "{\"text\":\"a\"}\n")).hasMessageContaining("no key completion; found: text");
    assertThatThrownBy(() -> label("h.jsonl", "[1]\n")).hasMessageContaining("h.jsonl:1: not a JSON object");
    assertThatThrownBy(() -> label("i.json", "{\"completion\":\"a\"}")).hasMessageContaining("not a JSON array");
    assertThatThrownBy(() -> label("j.json", "[{\"completion\":\"a\"},\n{]")).hasMessageContaining("j.json:2:");
    assertThatThrownBy(() -> label("k.json", "[{\"completion\":\"a\"}")).hasMessageContaining("not valid JSON");
    assertThatThrownBy(() -> label("l.csv", "id,completion\n1,a,b\n")).hasMessageContaining("record 1 has 3 cells");
    Path latin = Files.write(folder.resolve("m.csv"), "completion\ncaf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(
            () -> RefusalLabels.label(
                Source.ofFile(latin), RecordFormat.CSV, "completion", folder.resolve("out-m.csv"), RefusalDetector.of("default")))
        .hasMessageContaining("not UTF-8");
    assertThatThrownBy(
            () -> RefusalLabels.label(
                Source.ofFile(folder.resolve("none.csv")), RecordFormat.CSV, "completion", folder.resolve("out-n"), RefusalDetector.of("default")))
        .hasMessageContaining("no such file");
    assertThat(folder.toFile().list((f, name) -> name.startsWith("out-"))).isEmpty();
  }
}
