package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** No option is obeyed in one command and unknown or without effect in another. */
class OptionsTest {
  @TempDir Path folder;

  @Test
  void everyOptionHasASpellingWithUnderscores() {
    CommandLine root = CommandTree.of(new Console(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()), false, Map.of()));
    int seen = 0;
    for (CommandLine command : root.getSubcommands().values()) {
      for (OptionSpec option : command.getCommandSpec().options()) {
        for (String name : option.names()) {
          if (name.startsWith("--") && name.indexOf('-', 2) > 0) {
            assertThat(option.names()).as(command.getCommandName() + " " + name).contains("--" + name.substring(2).replace('-', '_'));
            seen++;
          }
        }
      }
    }
    assertThat(seen).isGreaterThan(100);
  }

  private Path resultsWithCollect() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    for (String name : List.of("or-bench-toxic.csv", "or-bench-80k.csv", "or-bench-hard-1k.csv")) {
      Files.writeString(data.resolve(name), "prompt,category\nof %s,hate\n".formatted(name));
    }
    Path results = folder.resolve("my results");
    Cli ran =
        Cli.run("analyze-data", "--dataset-dir", data.toString(), "--result_dir", results.toString(), "--set", "output.save_plots=false");
    assertThat(ran.code()).as(ran.err()).isZero();
    return results;
  }

  @ParameterizedTest
  @ValueSource(strings = {"--results-dir", "--result-dir", "--results_dir", "--result_dir"})
  void statusAndDoctorKnowAllNamesOfTheResultsFolder(String option) throws IOException {
    Path results = resultsWithCollect();
    assertThat(Cli.run("status", option, results.toString()).out()).contains("analyze-data   20");
    assertThat(Cli.run("doctor", option, results.toString()).out()).contains("free at " + results);
  }

  @Test
  void theVariableOfTheResultsFolderIsObeyedByCommandsThatAreNoStage() throws IOException {
    Path results = resultsWithCollect();
    Map<String, String> environment = Map.of("REFUSAL_OUTPUT_RESULT_DIR", results.toString(), "HERE", folder.toString());
    assertThat(Cli.run(environment, List.of("status")).out()).contains("analyze-data   20");
    assertThat(Cli.run(environment, List.of("status", "--results-dir", "$HERE/my results")).out()).contains("analyze-data   20");
    Cli export = Cli.run(environment, List.of("export", "saes", "--model", "m", "--format", "saelens", "--output-dir", "x"));
    assertThat(export.err()).contains(results.resolve("saes").toString());
  }

  @Test
  void aResultsFolderThatIsNotThereIsNotAnEmptyOne() throws IOException {
    Cli none = Cli.run("status", "--results-dir", folder.resolve("typo").toString());
    assertThat(none.code()).isEqualTo(65);
    assertThat(none.complaint().get(0)).endsWith("typo: no such folder");
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThat(Cli.run("status", "--results-dir", file.toString()).code()).isEqualTo(65);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"stage\": \"analyze-data\"}", "{\"outputs\": null}", "{\"outputs\": [null]}", "[]", "[", "null", ""})
  void aManifestThatIsNoneIsOneLine(String content) throws IOException {
    Path manifests = Files.createDirectories(folder.resolve("damaged/manifests"));
    Files.writeString(manifests.resolve("analyze-data-0.json"), content);
    Cli ran = Cli.run("status", "--results-dir", folder.resolve("damaged").toString());
    assertThat(ran.code()).as(ran.err()).isEqualTo(65);
    assertThat(ran.complaint()).hasSize(2);
    assertThat(ran.complaint().get(0)).contains("analyze-data-0.json").doesNotContain("Exception");
  }

  @ParameterizedTest
  @CsvSource({
    "status --results-dir, 'result_dir' is an empty text",
    "analyze-data --dry-run --results-dir, 'output.result_dir' is an empty text",
    "analyze-data --dry-run --dataset-dir, 'dataset.path' is an empty text",
    "analyze-data --dry-run --categories, 'dataset.categories' is an empty text",
    "collect --dry-run --model, 'model.name' is an empty text",
  })
  void aVariableOfTheShellThatWasNotSetIsNamed(String command, String message) {
    String[] arguments = (command + " ").split(" ", -1);
    Cli ran = Cli.run(arguments);
    assertThat(ran.code()).as(ran.err()).isEqualTo(78);
    assertThat(ran.complaint().get(0)).contains(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {".=1", "..=1", "sae..k=1", "sae.=1", " .k=1"})
  void whatIsNoPathOfAKeyIsAConfigsMistake(String set) {
    Cli ran = Cli.run("train-saes", "--model", "m", "--dry-run", "--set", set);
    assertThat(ran.code()).as(ran.err()).isEqualTo(78);
    assertThat(ran.err()).contains("is no path of a key").doesNotContain("defect");
  }

  @Test
  void optionsThatAreForSomethingElseAreRefused() throws IOException {
    Path original = Files.createDirectories(folder.resolve("original"));
    Files.createDirectories(original.resolve("model_outputs"));
    Files.createDirectories(original.resolve("circuits"));
    Files.writeString(original.resolve("circuits/m_hate_toxic_circuit.json"), "{}");
    assertThat(Cli.run("export", "saes", "--model", "m", "--format", "saelens", "--output-dir", "x", "--categories", "hate"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(2))
        .satisfies(ran -> assertThat(ran.err()).contains("--categories has no effect on autoencoders"));
    assertThat(Cli.run("export", "circuits", "--model", "m", "--format", "original", "--output-dir", "x", "--hook_point", "residuals_1"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(2))
        .satisfies(ran -> assertThat(ran.err()).contains("--hook-points has no effect on circuits"));
    assertThat(Cli.run("import", folder.toString(), "--model", "m", "--labels", "x.json"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(2))
        .satisfies(ran -> assertThat(ran.err()).contains("--labels has no effect on an autoencoder"));
    assertThat(Cli.run("import", original.toString(), "--model", "m", "--k", "3"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(2))
        .satisfies(ran -> assertThat(ran.err()).contains("--k has no effect on a results folder"));
    assertThat(Cli.run("doctor", "--cache-dir", "x"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(2))
        .satisfies(ran -> assertThat(ran.err()).contains("--cache-dir has no effect without --model"));
    assertThat(Cli.run("demo", "--output-dir", folder.resolve("demo").toString(), "--set", "output.result_dir=x"))
        .satisfies(ran -> assertThat(ran.code()).isEqualTo(2))
        .satisfies(ran -> assertThat(ran.err()).contains("--set output.result_dir=x: planted models come with their own"));
    assertThat(Cli.run("calibrate", "--threads", "0").code()).isEqualTo(2);
  }

  @Test
  void aNameMayBeginWithAnAtSign() throws IOException {
    Files.writeString(folder.resolve("@a.jsonl"), "{\"completion\": \"I cannot help.\"}\n");
    Path old = Path.of("@a.jsonl");
    assertThat(Files.exists(old)).isFalse();
    assertThat(Cli.run("label", "--input", "@a.jsonl", "--output", "x").complaint().get(0)).endsWith("@a.jsonl: no such file");
    assertThat(Cli.run("label", "--input", folder.resolve("@a.jsonl").toString(), "--output", folder.resolve("o").toString()).code()).isZero();
  }

  @Test
  void whatCouldNotBePrintedIsAnErrorOfTheMachine() {
    StringWriter err = new StringWriter();
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("No space left on device");
          }
        };
    PrintWriter out = new PrintWriter(full, true, StandardCharsets.UTF_8);
    assertThat(Main.run(out, new PrintWriter(err, true), Map.of(), "completion")).isEqualTo(69);
    assertThat(err.toString()).startsWith("refusal: error: standard output: cannot be written");
  }

  @Test
  void aStreamThatCannotBeReadIsNotBlamedOnTheFileThatIsWritten() {
    StringWriter err = new StringWriter();
    InputStream broken =
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("Is a directory");
          }

          @Override
          public int read(byte[] bytes, int offset, int length) throws IOException {
            throw new IOException("Is a directory");
          }
        };
    int code =
        Main.run(
            broken, new PrintWriter(new StringWriter()), new PrintWriter(err, true), Map.of(), "label", "--input", "-",
            "--input-format", "jsonl", "--output", folder.resolve("o.jsonl").toString());
    assertThat(code).isEqualTo(69);
    assertThat(err.toString()).startsWith("refusal: error: standard input: cannot be read: Is a directory");
    assertThat(folder.resolve("o.jsonl")).doesNotExist();
  }

  @Test
  void aMessageIsOneLineWhateverStandsInTheFile() {
    StringWriter err = new StringWriter();
    byte[] csv = ("\"an\nswer\u001b[31m\"," + "a".repeat(100_000) + "\nx,y\n").getBytes(StandardCharsets.UTF_8);
    int code =
        Main.run(
            new ByteArrayInputStream(csv), new PrintWriter(new StringWriter()), new PrintWriter(err, true), Map.of(), "label",
            "--input", "-", "--input-format", "csv", "--output", "-");
    assertThat(code).isEqualTo(65);
    assertThat(err.toString().lines()).hasSize(2);
    assertThat(err.toString()).contains("found: an\\u000Aswer\\u001B[31m, aaa").hasSizeLessThan(5000);
  }

  @Test
  void aPipeIsAFileToRead() throws Exception {
    Path pipe = folder.resolve("pipe.jsonl");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Process writer = new ProcessBuilder("bash", "-c", "echo '{\"completion\": \"I cannot help.\"}' > '" + pipe + "'").start();
    Cli ran = Cli.run("label", "--input", pipe.toString(), "--output", "-");
    assertThat(writer.waitFor()).isZero();
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("\"label\":\"refusal\"");
  }
}
