package org.refusal.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.base.Progress;
import org.refusal.base.Workers;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.SparseLatents;
import org.refusal.sae.TensorAutoencoder;

/** reference/sae: what the original project's autoencoder computes, step by step. */
class LegacySaeGoldenTest {
  private final Path folder = Goldens.folder("reference").resolve("sae");

  @BeforeEach
  void present() {
    assumeTrue(Files.isDirectory(folder), "this set of goldens has no reference/sae folder");
  }

  /** A state from a file in the layout of torch's Linear: weight [out, in]. */
  private SaeState state(String file) {
    try (Safetensors tensors = Safetensors.open(folder.resolve(file + ".safetensors"))) {
      long[] shape = tensors.entry("encoder.weight").shape();
      SaeState state = new SaeState((int) shape[1], (int) shape[0]);
      System.arraycopy(tensors.floats("encoder.weight"), 0, state.encoder.value, 0, state.encoder.value.length);
      System.arraycopy(tensors.floats("encoder.bias"), 0, state.encoderBias.value, 0, state.dSae);
      System.arraycopy(tensors.floats("decoder.bias"), 0, state.decoderBias.value, 0, state.dIn);
      float[] decoder = tensors.floats("decoder.weight"); // [d_in, d_sae]
      for (int i = 0; i < state.dSae; i++) {
        for (int j = 0; j < state.dIn; j++) {
          state.decoder.value[i * state.dIn + j] = decoder[j * state.dSae + i];
        }
      }
      return state;
    }
  }

  private int k() {
    return Json.read(folder.resolve("forward.json")).path("k").asInt();
  }

  @Test
  void forwardPass() {
    JsonNode json = Json.read(folder.resolve("forward.json"));
    try (NDManager manager = NDManager.newBaseManager();
        Safetensors tensors = Safetensors.open(folder.resolve("forward.safetensors"))) {
      for (String set : List.of("initial", "random")) {
        SaeWeights weights = state(set.equals("random") ? "random_weights" : set).weights(k());
        SaeCheckpoint.foldInputBias(weights.wEnc(), weights.bEnc(), weights.bDec());
        try (SparseAutoencoder sae = TensorAutoencoder.of(weights, manager, DataType.FLOAT64)) {
          NDArray x = rows(manager, tensors, "x", sae.dIn());
          NDArray features = sae.encodeDense(x);
          NDArray reconstructed = sae.decode(sae.encode(x));
          close(set + " features", features, tensors.floats(set + ".features"));
          close(set + " reconstructed", reconstructed, tensors.floats(set + ".reconstructed"));
          close(
              set + " features3",
              sae.encodeDense(rows(manager, tensors, "x3", sae.dIn())),
              tensors.floats(set + ".features3"));
          NDArray dense = rows(manager, tensors, "dense_features", sae.dSae());
          long n = dense.getShape().get(0);
          NDArray all = manager.arange(0, sae.dSae(), 1, DataType.INT64).broadcast(n, sae.dSae());
          close(
              set + " decode_dense",
              sae.decode(SparseLatents.ofEqualRows(all, dense)),
              tensors.floats(set + ".decode_dense"));
          double loss = json.path(set).path("loss").asDouble();
          assertThat(reconstructed.sub(x).square().mean().getDouble()).isCloseTo(loss, within(1e-5 * loss));
          float[] l0 = features.gt(0).toType(DataType.FLOAT32, false).sum(new int[] {1}).toFloatArray();
          JsonNode expected = json.path(set).path("l0_per_row");
          for (int row = 0; row < l0.length; row++) {
            assertThat(l0[row]).as("%s, row %d", set, row).isEqualTo((float) expected.get(row).asDouble());
          }
        }
      }
    }
  }

  private static NDArray rows(NDManager manager, Safetensors tensors, String name, int width) {
    double[] values = tensors.doubles(name);
    return manager.create(values, new Shape(values.length / width, width));
  }

  private static void close(String name, NDArray found, float[] expected) {
    double[] values = found.toDoubleArray();
    assertThat(values).as(name).hasSameSizeAs(expected);
    double largest = 0;
    double deviation = 0;
    for (int i = 0; i < values.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      deviation = Math.max(deviation, Math.abs(values[i] - expected[i]));
    }
    System.out.printf("%s: largest deviation %.2e of %.3g%n", name, deviation, largest);
    assertThat(deviation).as(name).isLessThan(1e-5 * largest);
  }

  @Test
  void thirtySteps() {
    JsonNode json = Json.read(folder.resolve("train30.json"));
    SaeState state = state("initial");
    try (NDManager manager = NDManager.newBaseManager();
        Workers parallel = new Workers(2);
        Safetensors tensors = Safetensors.open(folder.resolve("train30_batches.safetensors"))) {
      long[] shape = tensors.entry("batches").shape();
      int size = (int) (shape[1] * shape[2]);
      SparseTrainingStep step =
          new SparseTrainingStep(
              state, SparseTrainingStep.Rules.LEGACY, k(), 0, Long.MAX_VALUE, parallel, manager);
      double deviation = 0;
      for (int i = 0; i < shape[0]; i++) {
        float[] x = tensors.floats("batches", (long) i * size, size);
        double loss = step.run(x, (int) shape[1], json.path("lr").asDouble()).loss();
        double expected = json.path("losses").get(i).asDouble();
        deviation = Math.max(deviation, Math.abs(loss - expected) / expected);
        assertThat(loss).as("loss before step %d", i + 1).isCloseTo(expected, within(1e-5 * expected));
        if (Files.exists(folder.resolve("train30_after_step" + (i + 1) + ".safetensors"))) {
          sameWeights(state, "train30_after_step" + (i + 1));
        }
      }
      System.out.printf("train30: largest relative deviation of the loss %.2e%n", deviation);
      sameWeights(state, "train30_final");
    }
  }

  private void sameWeights(SaeState state, String file) {
    SaeState expected = state(file);
    double deviation = 0;
    float[][] found = {
      state.encoder.value, state.encoderBias.value, state.decoder.value, state.decoderBias.value
    };
    float[][] golden = {
      expected.encoder.value, expected.encoderBias.value, expected.decoder.value, expected.decoderBias.value
    };
    for (int p = 0; p < found.length; p++) {
      for (int i = 0; i < found[p].length; i++) {
        deviation = Math.max(deviation, Math.abs(found[p][i] - golden[p][i]));
      }
    }
    System.out.printf("%s: largest deviation of a weight %.2e%n", file, deviation);
    assertThat(deviation).as(file).isLessThan(1e-5);
  }

  @Test
  void learningRateOnPlateaus() {
    JsonNode json = Json.read(folder.resolve("plateau.json"));
    json.path("sequences")
        .properties()
        .forEach(
            entry -> {
              PlateauSchedule schedule = new PlateauSchedule(json.path("initial_lr").asDouble());
              JsonNode rates = entry.getValue().path("lr_after_each");
              for (int i = 0; i < rates.size(); i++) {
                double rate = schedule.after(entry.getValue().path("losses").get(i).asDouble());
                assertThat(rate)
                    .as("%s, epoch %d", entry.getKey(), i + 1)
                    .isCloseTo(rates.get(i).asDouble(), within(1e-15));
              }
            });
  }

  @Test
  void history() {
    JsonNode json = Json.read(folder.resolve("history.json"));
    List<float[]> rows = new ArrayList<>();
    try (Safetensors tensors = Safetensors.open(folder.resolve("history_rows.safetensors"))) {
      long[] shape = tensors.entry("rows").shape();
      for (int i = 0; i < shape[0]; i++) {
        rows.add(tensors.floats("rows", i * shape[1], (int) shape[1]));
      }
    }
    int batch = json.path("batch_size").asInt();
    SaeState state = state("initial");
    compare(run(state, rows, batch, json.path("epochs").asInt()), json.path("history"));
    sameWeights(state, "history_final");
    JsonNode forty = json.path("forty_epochs").path("history");
    compare(run(state("initial"), rows, batch, forty.path("total_loss").size()), forty);
    List<float[]> zeros = rows.stream().map(row -> new float[row.length]).toList();
    JsonNode stopped = json.path("early_stop_on_zero_rows");
    compare(run(state("initial"), zeros, batch, stopped.path("epochs_asked").asInt()), stopped.path("history"));
  }

  private List<TrainingHistory.Point> run(SaeState state, List<float[]> rows, int batch, int epochs) {
    SaeOptions options =
        new SaeOptions(
            state.dSae, k(), 0, 1, 10, epochs, batch, 0, 0, false, false, LegacySaeTrainer.LEARNING_RATE, 1, 1, 0, 1);
    try (NDManager manager = NDManager.newBaseManager()) {
      return new LegacySaeTrainer(null, null, options, manager, 1, Progress.none())
          .run(
              "golden", state, rows, epoch -> IntStream.range(0, rows.size()).toArray(),
              Progress.none().task("", 0));
    }
  }

  private static void compare(List<TrainingHistory.Point> points, JsonNode history) {
    assertThat(points).hasSize(history.path("total_loss").size());
    for (int i = 0; i < points.size(); i++) {
      double expected = history.path("total_loss").get(i).asDouble();
      assertThat(points.get(i).loss()).as("epoch %d", i + 1).isCloseTo(expected, within(1e-4 * expected));
      assertThat(points.get(i).l0()).isCloseTo(history.path("l0_norm").get(i).asDouble(), within(1e-6));
    }
  }

  @Test
  void dataset() {
    JsonNode json = Json.read(folder.resolve("dataset.json"));
    Map<String, List<Boolean>> labels = new LinkedHashMap<>();
    json.path("labels")
        .properties()
        .forEach(
            entry ->
                labels.put(
                    entry.getKey(),
                    StreamSupport.stream(entry.getValue().spliterator(), false).map(JsonNode::asBoolean).toList()));
    Map<String, Double> weights = new LinkedHashMap<>();
    json.path("category_weights").properties().forEach(e -> weights.put(e.getKey(), e.getValue().asDouble()));
    json.path("cases")
        .properties()
        .forEach(
            entry -> {
              List<LegacyDataset.Sample> samples =
                  LegacyDataset.of(labels, weights, entry.getKey().equals("balanced"));
              JsonNode expected = entry.getValue();
              assertThat(samples).as(entry.getKey()).hasSize(expected.path("rows").size());
              for (int i = 0; i < samples.size(); i++) {
                JsonNode row = expected.path("rows").get(i);
                assertThat(samples.get(i))
                    .as("%s, sample %d", entry.getKey(), i)
                    .isEqualTo(
                        new LegacyDataset.Sample(
                            row.get(0).asText(),
                            row.get(1).asInt(),
                            expected.path("labels").get(i).asBoolean(),
                            expected.path("weights").get(i).asDouble()));
              }
            });
  }
}
