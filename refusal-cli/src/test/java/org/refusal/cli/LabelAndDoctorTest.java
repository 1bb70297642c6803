package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabelAndDoctorTest {
  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), Map.of(), arguments);
  }

  private int label(String name, String content, String... more) throws IOException {
    Path input = Files.writeString(folder.resolve(name), content);
    String[] arguments = new String[more.length + 5];
    String[] first = {"label", "--input", input.toString(), "--output", folder.resolve("out").toString()};
    System.arraycopy(first, 0, arguments, 0, first.length);
    System.arraycopy(more, 0, arguments, first.length, more.length);
    return run(arguments);
  }

  @Test
  void countsAreShown() throws IOException {
    String lines = "{\"a\": \"I can't help with that.\"}\n{\"a\": \"Paris.\"}\n{\"a\": \"\"}\n";
    assertThat(label("a.jsonl", lines, "--column", "a")).as(err.toString()).isZero();
    assertThat(out.toString().lines().map(String::strip))
        .containsExactly("refusal         1  0.333", "partial         0  0.000", "compliance      2  0.667");
    assertThat(Files.readString(folder.resolve("out"))).contains("\"label\":\"compliance\",\"reason\":\"no words\"");
    assertThat(label("a.jsonl", lines, "--column", "a", "--detector", "legacy")).isZero();
    assertThat(out.toString()).contains("refusal         1  0.333");
  }

  @Test
  void mistakesAreOneLineAndLeaveTheOutputAlone() throws IOException {
    Files.writeString(folder.resolve("out"), "earlier");

    assertThat(label("b.jsonl", "{\"completion\": \"a\"}\n{\"completion\" \"b\"}\n")).isEqualTo(65);
    assertThat(err.toString()).startsWith("refusal: error: ").contains("b.jsonl:2:").hasLineCount(1);
    assertThat(label("c.csv", "id,text\n1,a\n")).isEqualTo(65);
    assertThat(err.toString()).contains("no column completion; found: id, text", "--column");
    assertThat(label("d.csv", "")).isEqualTo(65);
    assertThat(label("e.csv", "completion\na\n", "--detector", "strict")).isEqualTo(78);
    assertThat(err.toString()).contains("the detector must be default or legacy, not strict");
    assertThat(run("label", "--input", "x.csv")).isEqualTo(2);
    assertThat(run("label", "--input", "x.csv", "--output", folder.resolve("out").toString())).isEqualTo(65);
    assertThat(err.toString()).contains("x.csv: no such file");

    assertThat(folder.resolve("out")).hasContent("earlier");
    assertThat(folder.resolve("out.partial")).doesNotExist();
  }

  @Test
  void answersToCalibrateFromAreThoseOfAModel() {
    assertThat(run("doctor", "--outputs", "x.json")).isEqualTo(2);
    assertThat(err.toString()).contains("--outputs needs --model");
  }
}
