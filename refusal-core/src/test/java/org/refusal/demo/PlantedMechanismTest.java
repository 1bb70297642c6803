package org.refusal.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.circuit.HookPoint;
import org.refusal.data.Category;
import org.refusal.data.Label;
import org.refusal.data.OrBench;
import org.refusal.io.Json;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.TokenBatch;
import org.refusal.text.ChatTemplate;
import org.refusal.text.Tokenizer;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/** The planted mechanism, seen without the engine: {@link PlainLlama} runs the checkpoint in float64. */
class PlantedMechanismTest {
  /** The template positions after the user's text: {@code [/INST] =>}. */
  private static final int POST_INSTRUCTION = 2;

  @TempDir Path folder;

  private record Asked(String category, int[] tokens) {}

  private record Prompts(List<Asked> toxic, List<Asked> safe, int sorry) {}

  static Stream<Arguments> refusing() {
    List<Arguments> plants = new ArrayList<>();
    for (PlantedKind kind : List.of(PlantedKind.MONOLITHIC, PlantedKind.MODULAR, PlantedKind.MIXED, PlantedKind.GRADED)) {
      plants.add(Arguments.of(kind, 901L, 0.0));
      plants.add(Arguments.of(kind, 903L, 4.0));
    }
    return plants.stream();
  }

  private Prompts prompts(int perCategory) {
    List<Asked> toxic = new ArrayList<>();
    List<Asked> safe = new ArrayList<>();
    Map<String, Integer> taken = new HashMap<>();
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      OrBench.load(folder).prompts().forEach(prompt -> {
        String category = prompt.category().name();
        if (prompt.label() != Label.HARD
            && taken.merge(prompt.label() + category, 1, Integer::sum) <= perCategory) {
          (prompt.label() == Label.TOXIC ? toxic : safe)
              .add(new Asked(category, template.prompt(prompt.text()).ids()));
        }
      });
      return new Prompts(toxic, safe, tokenizer.id("Sorry").orElseThrow());
    }
  }

  @ParameterizedTest
  @EnumSource(PlantedKind.class)
  void theEngineComputesWhatTheFormulasSay(PlantedKind kind) {
    PlantedModel.write(PlantedSpec.of(kind, 811).withPrompts(2, 2), folder);
    PlainLlama plain = new PlainLlama(folder);
    Prompts prompts = prompts(1);
    List<Asked> all = new ArrayList<>(prompts.toxic().subList(0, 3));
    all.addAll(prompts.safe().subList(0, 3));

    try (CausalLm lm = CausalLm.load(CheckpointFolder.open(folder, "planted"), TestDevice.get(), DataType.FLOAT32)) {
      for (Asked asked : all) {
        PlainLlama.Run expected = plain.run(asked.tokens(), (layer, residuals) -> {});
        Map<HookPoint, Hook> hooks = new HashMap<>();
        Map<Integer, float[]> seen = new HashMap<>();
        for (int layer = 0; layer < expected.residuals().length; layer++) {
          int at = layer;
          hooks.put(HookPoint.residuals(layer), (activation, point) -> {
            seen.put(at, activation.toFloatArray());
            return activation;
          });
        }
        float[] logits;
        try (Memory.Scope scope = Memory.scope()) {
          NDArray computed = lm.forward(new TokenBatch(List.of(asked.tokens()), 0), new Hooks(hooks), LogitsAt.LAST);
          logits = computed.toFloatArray();
        }
        assertThat(seen).hasSize(expected.residuals().length);
        assertNear("logits", logits, expected.logits());
        seen.forEach((layer, values) ->
            assertNear(
                "residuals_" + layer,
                values,
                Stream.of(expected.residuals()[layer]).flatMapToDouble(Arrays::stream).toArray()));
      }
    }
  }

  private static void assertNear(String what, float[] actual, double[] expected) {
    assertThat(actual.length).as(what).isEqualTo(expected.length);
    double furthest =
        IntStream.range(0, expected.length).mapToDouble(i -> Math.abs(actual[i] - expected[i])).max().orElseThrow();
    assertThat(furthest).as(what).isLessThan(1e-4);
  }

  /** docs/definitions.md: with the post-instruction positions at a safe prompt's values nothing changes before, all from there on. */
  @ParameterizedTest(name = "{0}, seed {1}, leak {2}")
  @MethodSource("refusing")
  void refusalIsDecidedAtTheDecisionLayer(PlantedKind kind, long seed, double leak) {
    PlantedModel.write(PlantedSpec.of(kind, seed).withPrompts(3, 3).withLeak(leak), folder);
    int decision = HookPoint.parse(Json.read(folder.resolve("truth.json")).path("decision_layer").asText()).layer();
    PlainLlama plain = new PlainLlama(folder);
    Prompts prompts = prompts(1);
    List<PlainLlama.Run> safe = prompts.safe().stream().map(asked -> plain.run(asked.tokens(), (l, x) -> {})).toList();
    double answered = safe.stream().mapToDouble(run -> m(run, prompts)).average().orElseThrow();

    double[] clean =
        prompts.toxic().stream().mapToDouble(asked -> m(plain.run(asked.tokens(), (l, x) -> {}), prompts)).toArray();
    for (int at = 0; at < safe.get(0).residuals().length; at++) {
      double drop = 0;
      double gap = 0;
      for (int p = 0; p < prompts.toxic().size(); p++) {
        int[] tokens = prompts.toxic().get(p).tokens();
        double[][] partner = safe.get(p).residuals()[at];
        int here = at;
        double patched = m(plain.run(tokens, (layer, x) -> {
          for (int back = 1; layer == here && back <= POST_INSTRUCTION; back++) {
            x[x.length - back] = partner[partner.length - back].clone();
          }
        }), prompts);
        drop += clean[p] - patched;
        gap += clean[p] - answered;
      }
      assertThat(drop / gap).as("decided at residuals_" + at).isCloseTo(at < decision ? 0 : 1, within(0.05));
    }
  }

  /** truth.json's transfer, entry by entry, with the directions of its own decision layer. */
  @ParameterizedTest(name = "{0}, seed {1}, leak {2}")
  @MethodSource("refusing")
  void transferIsAsWritten(PlantedKind kind, long seed, double leak) {
    PlantedModel.write(PlantedSpec.of(kind, seed).withPrompts(2, 2).withLeak(leak), folder);
    JsonNode truth = Json.read(folder.resolve("truth.json"));
    PlainLlama plain = new PlainLlama(folder);
    Prompts prompts = prompts(1);
    double answered =
        prompts.safe().stream()
            .mapToDouble(asked -> m(plain.run(asked.tokens(), (l, x) -> {}), prompts))
            .average()
            .orElseThrow();

    List<String> categories = new ArrayList<>();
    truth.path("categories").forEach(category -> categories.add(category.asText()));
    for (Asked asked : prompts.toxic()) {
      int j = categories.indexOf(asked.category());
      double refused = m(plain.run(asked.tokens(), (l, x) -> {}), prompts);
      for (int i = 0; i < categories.size(); i++) {
        double[] direction = direction(truth, 2, categories.get(i));
        double left = m(plain.run(asked.tokens(), without(2, direction)), prompts);
        assertThat((refused - left) / (refused - answered))
            .as("residuals_2, direction of %s, prompt of %s", categories.get(i), asked.category())
            .isCloseTo(truth.path("transfer").get(i).get(j).asDouble(), within(0.1));
      }
      // From residuals_3 on the decision is one axis for all.
      double left = m(plain.run(asked.tokens(), without(3, direction(truth, 3, categories.get(0)))), prompts);
      assertThat((refused - left) / (refused - answered))
          .as("residuals_3, direction of %s, prompt of %s", categories.get(0), asked.category())
          .isCloseTo(1, within(0.1));
    }
  }

  static Stream<Arguments> shares() {
    return DoubleStream.of(0.2, 0.4, 0.6, 0.8, 0.9)
        .boxed()
        .flatMap(
            share ->
                Stream.of(
                    Arguments.of(share, 911L, PlantedVariant.PLAIN),
                    Arguments.of(share, 913L, PlantedVariant.LEAK),
                    Arguments.of(share, 914L, PlantedVariant.NOISE)));
  }

  /** 1 - D of the true directions: mean drop that other categories' bring about, over that of the own. */
  @ParameterizedTest(name = "share {0}, seed {1}, {2}")
  @MethodSource("shares")
  void theSharedPartOfAGradedModelIsItsShare(double share, long seed, PlantedVariant variant) {
    PlantedSpec spec =
        new PlantedSpec(PlantedKind.GRADED, seed, 0, Category.OR_BENCH.subList(0, 4), 6, 6, 0.01, 0).withShare(share);
    PlantedModel.write(variant.of(spec), folder);
    JsonNode truth = Json.read(folder.resolve("truth.json"));
    assertThat(truth.path("share").asDouble()).isEqualTo(share);
    assertThat(truth.path("shared_part").asDouble()).isCloseTo(share, within(0.05));
    assertThat(truth.path("verdict").asText())
        .isEqualTo(share < 0.5 ? "MODULAR" : share > 0.8 ? "MONOLITHIC" : "GRADED");

    PlainLlama plain = new PlainLlama(folder);
    Prompts prompts = prompts(6);
    List<String> categories = new ArrayList<>();
    truth.path("categories").forEach(category -> categories.add(category.asText()));
    List<PlainLlama.Run> safe = prompts.safe().stream().map(asked -> plain.run(asked.tokens(), (l, x) -> {})).toList();
    double own = 0;
    double others = 0;
    for (int p = 0; p < prompts.toxic().size(); p++) {
      Asked asked = prompts.toxic().get(p);
      double refused = m(plain.run(asked.tokens(), (l, x) -> {}), prompts);
      double[][] partner = safe.get(p).residuals()[2];
      for (String category : categories) {
        PlainLlama.Change taken =
            taken(direction(truth, 2, category), direction(truth, 2, asked.category()), partner);
        double drop = refused - m(plain.run(asked.tokens(), taken), prompts);
        if (category.equals(asked.category())) {
          own += drop;
        } else {
          others += drop / (categories.size() - 1);
        }
      }
    }
    System.out.printf("share %.2f, seed %d, %s: own drop %.2f, shared part %.3f, truth %.3f%n",
        share, seed, variant.text(), own / prompts.toxic().size(), others / own, truth.path("shared_part").asDouble());
    assertThat(others / own).isCloseTo(truth.path("shared_part").asDouble(), within(0.02));
  }

  /** What the prompt has more than its partner along its own direction, at the template positions, taken along another. */
  private static PlainLlama.Change taken(double[] direction, double[] own, double[][] partner) {
    return (layer, residuals) -> {
      for (int back = 1; layer == 2 && back <= POST_INSTRUCTION; back++) {
        double[] row = residuals[residuals.length - back];
        double[] other = partner[partner.length - back];
        double amount = IntStream.range(0, row.length).mapToDouble(d -> (row[d] - other[d]) * own[d]).sum();
        for (int d = 0; d < row.length; d++) {
          row[d] -= amount * direction[d];
        }
      }
    };
  }

  private static double[] direction(JsonNode truth, int layer, String category) {
    JsonNode vector = truth.path("directions").path("residuals_" + layer).path(category);
    return IntStream.range(0, vector.size()).mapToDouble(d -> vector.get(d).asDouble()).toArray();
  }

  private static PlainLlama.Change without(int at, double[] direction) {
    return (layer, residuals) -> {
      if (layer != at) {
        return;
      }
      for (double[] row : residuals) {
        double along = IntStream.range(0, row.length).mapToDouble(d -> row[d] * direction[d]).sum();
        for (int d = 0; d < row.length; d++) {
          row[d] -= along * direction[d];
        }
      }
    };
  }

  private static double m(PlainLlama.Run run, Prompts prompts) {
    return PlainLlama.logOdds(run.logits(), prompts.sorry());
  }
}
