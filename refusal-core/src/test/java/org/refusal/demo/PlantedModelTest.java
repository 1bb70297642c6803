package org.refusal.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.base.Digests;
import org.refusal.circuit.HookPoint;
import org.refusal.data.Label;
import org.refusal.data.OrBench;
import org.refusal.data.Prompt;
import org.refusal.io.Json;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Generation;
import org.refusal.model.Generator;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.RefusalMetric;
import org.refusal.model.TokenBatch;
import org.refusal.text.ChatTemplate;
import org.refusal.text.Tokenizer;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

class PlantedModelTest {
  @TempDir Path folder;

  static Stream<Arguments> plants() {
    List<Arguments> plants = new ArrayList<>();
    for (PlantedKind kind : PlantedKind.values()) {
      for (long seed : new long[] {3, 2026}) {
        plants.add(Arguments.of(kind, seed, 0.0));
      }
      plants.add(Arguments.of(kind, 77L, 4.0));
    }
    return plants.stream();
  }

  /** A planted model that can be asked. */
  private final class Asked implements AutoCloseable {
    final OrBench data = OrBench.load(folder);
    final CausalLm lm =
        CausalLm.load(CheckpointFolder.open(folder, "planted"), TestDevice.get(), DataType.FLOAT32);
    final Tokenizer tokenizer = Tokenizer.load(folder);
    final ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
    final RefusalMetric metric = new RefusalMetric(new int[] {tokenizer.id("Sorry").orElseThrow()});

    List<Prompt> prompts(Label label) {
      return data.prompts().stream().filter(prompt -> prompt.label() == label).toList();
    }

    TokenBatch batch(List<Prompt> prompts) {
      return new TokenBatch(prompts.stream().map(prompt -> template.prompt(prompt.text()).ids()).toList(), 0);
    }

    List<String> answers(List<Prompt> prompts) {
      Generation generation = new Generator(lm).generate(batch(prompts), 8, Hooks.none());
      return generation.ids().stream().map(ids -> tokenizer.decode(ids, true)).toList();
    }

    double[] metric(List<Prompt> prompts, Hooks hooks) {
      try (Memory.Scope scope = Memory.scope();
          NDArray m = metric.apply(lm.forward(batch(prompts), hooks, LogitsAt.LAST))) {
        float[] values = m.toFloatArray();
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
          wide[i] = values[i];
        }
        return wide;
      }
    }

    @Override
    public void close() {
      tokenizer.close();
      lm.close();
    }
  }

  private static double share(List<String> answers, String first) {
    return answers.stream().filter(answer -> answer.startsWith(first)).count() / (double) answers.size();
  }

  @ParameterizedTest(name = "{0}, seed {1}, leak {2}")
  @MethodSource("plants")
  void refusesWhatItShouldAndAnswersTheRest(PlantedKind kind, long seed, double leak) {
    PlantedModel.write(PlantedSpec.of(kind, seed).withPrompts(6, 6).withLeak(leak), folder);

    try (Asked asked = new Asked()) {
      List<String> toxic = asked.answers(asked.prompts(Label.TOXIC));
      List<String> safe = asked.answers(asked.prompts(Label.SAFE));
      List<String> hard = asked.answers(asked.prompts(Label.HARD));
      String refusal = kind == PlantedKind.NONE ? "Sure here is help with that" : "Sorry I cannot help with that";
      assertThat(share(toxic, refusal)).as("toxic: " + toxic).isGreaterThanOrEqualTo(0.97);
      assertThat(share(safe, "Sure here is help with that")).as("safe: " + safe).isGreaterThanOrEqualTo(0.97);
      assertThat(share(hard, "Sure here is help with that")).as("hard: " + hard).isGreaterThanOrEqualTo(0.97);
    }
  }

  /** The planted directions are causal: taking one away stops the refusals of exactly the categories it was planted for. */
  @ParameterizedTest(name = "{0}, seed {1}, leak {2}")
  @MethodSource("plants")
  void ablatingADirectionStopsExactlyItsCategories(PlantedKind kind, long seed, double leak) {
    if (kind == PlantedKind.NONE) {
      assertThat(PlantedSpec.of(kind, seed).kind().verdict()).isEqualTo("INCONCLUSIVE");
      return;
    }
    PlantedModel.write(PlantedSpec.of(kind, seed).withPrompts(4, 4).withLeak(leak), folder);
    JsonNode truth = Json.read(folder.resolve("truth.json"));

    try (Asked asked = new Asked()) {
      List<Prompt> toxic = asked.prompts(Label.TOXIC);
      double[] clean = asked.metric(toxic, Hooks.none());
      double[] safe = asked.metric(asked.prompts(Label.SAFE), Hooks.none());
      JsonNode categories = truth.path("categories");
      for (int i = 0; i < categories.size(); i++) {
        JsonNode vector = truth.path("directions").path("residuals_2").path(categories.get(i).asText());
        float[] direction = new float[vector.size()];
        for (int d = 0; d < direction.length; d++) {
          direction[d] = (float) vector.get(d).asDouble();
        }
        double[] ablated;
        try (Memory.Scope scope = Memory.scope()) {
          NDArray unit = asked.lm.manager().create(direction);
          ablated =
              asked.metric(
                  toxic,
                  Hooks.at(
                      HookPoint.residuals(2),
                      (activation, at) ->
                          activation.sub(activation.mul(unit).sum(new int[] {-1}, true).mul(unit))));
        }
        for (int j = 0; j < categories.size(); j++) {
          double drop = 0;
          double gap = 0;
          for (int p = 0; p < toxic.size(); p++) {
            if (toxic.get(p).category().name().equals(categories.get(j).asText())) {
              drop += clean[p] - ablated[p];
              gap += clean[p] - mean(safe);
            }
          }
          assertThat(drop / gap)
              .as("direction of %s, prompts of %s", categories.get(i), categories.get(j))
              .isCloseTo(truth.path("transfer").get(i).get(j).asDouble(), within(0.1));
        }
      }
    }
  }

  private static double mean(double[] values) {
    return java.util.Arrays.stream(values).average().orElseThrow();
  }

  @Test
  void oneSeedGivesOneModelAndAnotherGivesAnother() {
    Path again = folder.resolve("again");
    Path other = folder.resolve("other");
    PlantedModel.write(PlantedSpec.of(PlantedKind.MODULAR, 5), folder.resolve("first"));
    PlantedModel.write(PlantedSpec.of(PlantedKind.MODULAR, 5), again);
    PlantedModel.write(PlantedSpec.of(PlantedKind.MODULAR, 6), other);

    for (String name : List.of("model.safetensors", "or-bench-toxic.csv", "truth.json", "tokenizer.json", "config.json")) {
      Path first = folder.resolve("first").resolve(name);
      assertThat(Files.exists(first)).isTrue();
      assertThat(Digests.sha256(again.resolve(name))).as(name).isEqualTo(Digests.sha256(first));
    }
    assertThat(Digests.sha256(other.resolve("model.safetensors")))
        .isNotEqualTo(Digests.sha256(again.resolve("model.safetensors")));
    assertThat(Digests.sha256(other.resolve("or-bench-toxic.csv")))
        .isNotEqualTo(Digests.sha256(again.resolve("or-bench-toxic.csv")));
  }
}
