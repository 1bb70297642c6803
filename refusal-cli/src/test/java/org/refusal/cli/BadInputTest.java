package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.io.Json;

/** {@code collect} with models, prompts and devices that will not do. */
class BadInputTest {
  @TempDir Path folder;
  private Path model;
  private Path results;

  @BeforeEach
  void model() {
    model = Cli.smallModel(folder.resolve("small"));
    results = folder.resolve("results");
  }

  private Cli collect(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "collect", "--model", model.toString(), "--dataset-dir", model.toString(), "--results-dir",
                results.toString(), "--set", "model.activation_layers=[residuals_1]",
                "--set", "inference.max_new_tokens=4"));
    arguments.addAll(List.of(more));
    return Cli.run(Map.of(), arguments);
  }

  private void json(String name, Consumer<ObjectNode> change) {
    ObjectNode root = (ObjectNode) Json.read(model.resolve(name));
    change.accept(root);
    Json.write(model.resolve(name), root);
  }

  @FunctionalInterface
  interface Damage {
    void to(BadInputTest test) throws IOException;
  }

  private static Arguments damage(String name, String message, Damage damage) {
    return Arguments.of(name, message, damage);
  }

  static Stream<Arguments> checkpoints() {
    return Stream.of(
        damage("unknown architecture", "config.json: model_type \"gpt2\" is none of",
            test -> test.json("config.json", root -> root.put("model_type", "gpt2"))),
        damage("truncated weights", "model.safetensors: tensor '",
            test -> {
              Path file = test.model.resolve("model.safetensors");
              byte[] bytes = Files.readAllBytes(file);
              Files.write(file, Arrays.copyOf(bytes, bytes.length - 100));
            }),
        damage("NaN weight", "holds NaN or infinite values",
            test -> {
              Path file = test.model.resolve("model.safetensors");
              byte[] bytes = Files.readAllBytes(file);
              ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - 4, Float.NaN);
              Files.write(file, bytes);
            }),
        damage("misshapen weights", "model.safetensors: tensor '",
            test -> test.json("config.json", root -> root.put("intermediate_size", 7))),
        damage("missing tensor", "model.layers.6.",
            test -> test.json("config.json", root -> root.put("num_hidden_layers", 7))),
        damage("tokenizer of another model", "tokenizer.json: prompt ",
            test -> test.json("tokenizer.json", root -> {
              ObjectNode vocabulary = (ObjectNode) root.path("model").path("vocab");
              List<String> added = new ArrayList<>();
              root.path("added_tokens").forEach(token -> added.add(token.path("content").asText()));
              List<String> words = new ArrayList<>();
              vocabulary.fieldNames().forEachRemaining(words::add);
              words.removeAll(added);
              words.forEach(word -> vocabulary.put(word, vocabulary.path(word).asInt() + 100_000));
            })),
        damage("no tokenizer", "tokenizer.json", test -> Files.delete(test.model.resolve("tokenizer.json"))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("checkpoints")
  void aDamagedCheckpointIsOneLine(String name, String message, Damage damage) throws IOException {
    damage.to(this);

    Cli ran = collect();

    assertThat(ran.complaint()).as(ran.err()).hasSizeBetween(1, 2);
    assertThat(ran.complaint().get(0)).startsWith("refusal: error: ").contains(message);
    assertThat(ran.err()).doesNotContain("Exception", "\tat ");
    assertThat(ran.code()).isEqualTo(65);
    assertThat(results.resolve("activations")).doesNotExist();
  }

  @Test
  void promptsLongerThanTheContextAreCountedAndNamedNeverCut() throws IOException {
    Path file = model.resolve("or-bench-80k.csv");
    List<String> lines = new ArrayList<>(Files.readAllLines(file));
    String category = lines.get(1).substring(lines.get(1).lastIndexOf(',') + 1);
    String word = lines.get(1).replaceAll("[\",].*", "").strip().split(" ")[0];
    json("config.json", root -> root.put("max_position_embeddings", 60));
    lines.set(1, (word + " ").repeat(80).strip() + "," + category);
    Files.write(file, lines);

    Cli ran = collect("--categories", category);

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err())
        .containsPattern("warning: 1 prompts? with more than 56 tokens do(es)? not fit the model's context of 60");
    JsonNode report = Json.read(results.resolve("model_outputs").resolve("small_collect.json"));
    assertThat(report.path("over_length")).hasSize(1);
    JsonNode outputs = Json.read(results.resolve("model_outputs").resolve("small_" + category + "_outputs.json"));
    outputs.forEach(output -> assertThat(output.path("prompt").asText()).doesNotStartWith((word + " ").repeat(70)));
  }

  @Test
  void aPaddingTokenBeyondTheEmbeddingIsNoFault() throws IOException {
    int rows = Json.read(model.resolve("config.json")).path("vocab_size").asInt();
    json("tokenizer_config.json", root -> root.put("pad_token", "[PAD]"));

    Cli doctor = Cli.run("doctor", "--model", model.toString());
    assertThat(doctor.out()).contains("ok   tokenizer  %d ids, vocabulary of %d: a prompt that holds an id from".formatted(rows + 1, rows));

    Files.writeString(model.resolve("or-bench-80k.csv"), "prompt,category\nhello [PAD],violence\nhello,violence\n");
    Files.writeString(model.resolve("or-bench-toxic.csv"), "prompt,category\nhello you,violence\nyou,violence\n");
    Files.writeString(model.resolve("or-bench-hard-1k.csv"), "prompt,category\n");
    Cli ran = collect();
    assertThat(ran.code()).isEqualTo(65);
    assertThat(ran.complaint().get(0)).contains("prompt violence/", "holds token " + rows + " ('[PAD]')");

    Files.writeString(model.resolve("or-bench-80k.csv"), "prompt,category\nhello there,violence\nhello,violence\n");
    assertThat(collect().code()).isZero();
  }

  @Test
  void moreNewTokensThanTheContextHoldsIsAnErrorOfTheConfig() {
    int context = Json.read(model.resolve("config.json")).path("max_position_embeddings").asInt();

    Cli ran = collect("--set", "inference.max_new_tokens=100000");
    assertThat(ran.code()).isEqualTo(78);
    assertThat(ran.complaint().get(0)).contains("inference.max_new_tokens: 100000", "the model's context of " + context);

    Cli none = collect("--set", "inference.max_new_tokens=" + (context - 1));
    assertThat(none.code()).isEqualTo(65);
    assertThat(none.complaint().get(0)).contains("no prompt is left");
    assertThat(results.resolve("model_outputs")).doesNotExist();
  }

  @Test
  void aCategoryWithoutToxicPromptsIsWarnedOf() throws IOException {
    Path file = model.resolve("or-bench-toxic.csv");
    List<String> lines = Files.readAllLines(file);
    Files.write(file, lines.stream().filter(line -> !line.endsWith("harassment")).toList());

    Cli ran =
        Cli.run("analyze-data", "--dataset-dir", model.toString(), "--results-dir", results.toString());

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("warning: ").contains("harassment");
    assertThat(ran.out()).containsPattern("harassment +0 toxic .* balanced: not possible");
  }

  @Test
  void aGpuThatIsNotThereIsAnErrorOfTheEnvironment() {
    Cli ran = collect("--device", "cuda:99");

    assertThat(ran.code()).as(ran.err()).isEqualTo(69);
    assertThat(ran.complaint()).hasSize(2);
    assertThat(ran.complaint().get(0)).contains("device 'cuda:99'");
    assertThat(collect("--device", "gpu").code()).isEqualTo(78);
  }

  @Test
  void aCategoryThatIsNeverRefusedEndsWithTheVerdictInconclusive() throws IOException {
    List<String> safe = Files.readAllLines(model.resolve("or-bench-80k.csv"));
    List<String> harmless =
        safe.subList(1, 21).stream().map(row -> row.substring(0, row.lastIndexOf(',')) + ",unethical").toList();
    append("or-bench-toxic.csv", harmless.subList(0, 10));
    append("or-bench-80k.csv", harmless.subList(10, 20));
    List<String> arguments = new ArrayList<>(Cli.pipeline(model, results));
    arguments.addAll(List.of("--set", "collect.data.keep=behaviour_consistent"));

    Cli ran = Cli.run(Map.of(), arguments);

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out())
        .contains("no circuits: no toxic discovery prompt is left in unethical")
        .contains("verdict: INCONCLUSIVE")
        .contains("too few refusals to seek circuits in every category");
  }

  private void append(String name, List<String> rows) throws IOException {
    Files.writeString(
        model.resolve(name), String.join("\n", rows) + "\n", java.nio.file.StandardOpenOption.APPEND);
  }
}
