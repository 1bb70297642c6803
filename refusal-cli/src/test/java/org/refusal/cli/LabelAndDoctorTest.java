package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
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

  private int pipe(String standardInput, String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    ByteArrayInputStream in = new ByteArrayInputStream(standardInput.getBytes(StandardCharsets.UTF_8));
    return Main.run(in, new PrintWriter(out, true), new PrintWriter(err, true), Map.of(), arguments);
  }

  @Test
  void fromStandardInputToStandardOutput() throws IOException {
    String lines = "{\"completion\": \"I can\u2019t help with that.\"}\n{\"completion\": \"Paris.\"}\n";
    assertThat(pipe(lines, "label", "--input", "-", "--input-format", "jsonl", "--output", "-")).as(err.toString()).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "{\"completion\": \"I can\u2019t help with that.\",\"label\":\"refusal\",\"reason\":\"inability \\\"I can\u2019t\\\"\"}",
            "{\"completion\": \"Paris.\",\"label\":\"compliance\",\"reason\":\"nothing refuses\"}");
    assertThat(err.toString()).contains("refusal         1  0.500").doesNotContain("error");

    assertThat(pipe("completion\nI won't.\n", "label", "--input", "-", "--input-format", "csv", "--output", "-")).isZero();
    assertThat(out.toString()).isEqualTo("completion,label,reason\nI won't.,refusal,\"inability \"\"I won't\"\"\"\n");

    Path file = folder.resolve("labelled");
    assertThat(pipe("[{\"completion\":\"No.\"}]", "label", "--input", "-", "--input-format", "json", "--output", file.toString()))
        .isZero();
    assertThat(file).content().startsWith("[\n{\"completion\":\"No.\"");
    assertThat(out.toString()).contains("compliance      1  1.000");
  }

  @Test
  void aFormatIsNamedOrGivenNeverGuessed() throws IOException {
    assertThat(pipe("completion\na\n", "label", "--input", "-", "--output", "-")).isEqualTo(2);
    assertThat(err.toString()).contains("--input - has no name that says its format", "--input-format csv, jsonl or json");
    assertThat(out.toString()).isEmpty();
    assertThat(label("answers", "completion\na\n")).isEqualTo(2);
    assertThat(err.toString()).contains("answers: its name does not say what it holds");
    assertThat(label("answers", "completion\na\n", "--input-format", "csv")).as(err.toString()).isZero();
    assertThat(label("answers.csv", "{\"completion\": \"a\"}\n", "--input-format", "jsonl")).as(err.toString()).isZero();
    assertThat(label("answers", "a", "--input-format", "xml")).isEqualTo(2);
    assertThat(err.toString()).contains("--input-format xml: no such format");
  }

  @Test
  void aDamagedRecordOnAPipeIsAnError() {
    String lines = "{\"completion\": \"I won't.\"}\n{\"completion\" \"b\"}\n";
    assertThat(pipe(lines, "label", "--input", "-", "--input-format", "jsonl", "--output", "-")).isEqualTo(65);
    assertThat(err.toString()).startsWith("refusal: error: standard input:2:");
    assertThat(out.toString().lines()).hasSize(1);
  }

  @Test
  void answersToCalibrateFromAreThoseOfAModel() {
    assertThat(run("doctor", "--outputs", "x.json")).isEqualTo(2);
    assertThat(err.toString()).contains("--outputs has no effect without --model");
  }

  @Test
  void whatIsWrongWithAModelIsSaidOnce() throws IOException {
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"gpt2\"}");
    assertThat(run("doctor", "--model", folder.toString())).isEqualTo(69);
    assertThat(out.toString().split("is none of", -1)).as(out.toString()).hasSize(2);
    assertThat(out.toString()).contains("BAD  tokenizer  not known, see model");
  }

  @Test
  void aTemporaryFolderOfNoUseIsSaidOnceAndNothingElseIsBlamed() {
    String usual = System.getProperty("java.io.tmpdir");
    System.setProperty("java.io.tmpdir", folder.resolve("none").toString());
    try {
      assertThat(run("doctor", "--device", "cpu")).isEqualTo(69);
    } finally {
      System.setProperty("java.io.tmpdir", usual);
    }
    assertThat(out.toString().split("is of no use", -1)).as(out.toString()).hasSize(2);
    assertThat(out.toString()).contains("BAD  device     not known, see temporary").contains("BAD  fonts      not known, see temporary");
  }

  @Test
  void theDeviceIsLookedAtWithoutAModelToo() {
    assertThat(run("doctor", "--device", "cpu")).isZero();
    assertThat(out.toString()).contains("ok   device     cpu, libtorch").contains("ok   fonts ");

    assertThat(run("doctor", "--device", "cuda:99")).isEqualTo(69);
    assertThat(out.toString()).contains("BAD  device     device 'cuda:99'");
  }
}
