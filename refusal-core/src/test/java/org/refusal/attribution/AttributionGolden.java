package org.refusal.attribution;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.refusal.Goldens;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.RefusalMetric;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.GroupMeans;
import org.refusal.subject.MeanBaseline;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.TestDevice;

/** One folder of goldens/attribution, loaded in one dtype: model, autoencoders, prompts, group means. */
public record AttributionGolden(
    Path folder,
    JsonNode json,
    CausalLm lm,
    RefusalMetric metric,
    Map<HookPoint, SparseAutoencoder> saes,
    Map<HookPoint, GroupMeans> means,
    List<PromptTokens> gold,
    List<PromptTokens> baselineSafe)
    implements AutoCloseable {
  private static final int BATCH = 32;

  /** Every folder of the set; fails without any. */
  public static List<Path> folders() {
    try (Stream<Path> list = Files.list(Goldens.folder("attribution"))) {
      List<Path> folders = list.filter(Files::isDirectory).sorted().toList();
      if (folders.isEmpty()) {
        throw new IllegalStateException("no attribution goldens below " + Goldens.root());
      }
      return folders;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static AttributionGolden open(Path folder, DataType type) {
    JsonNode json = Json.read(folder.resolve("goldens.json"));
    CausalLm lm =
        CausalLm.load(CheckpointFolder.open(folder.resolve("model"), folder.getFileName().toString()), TestDevice.get(), type);
    Map<HookPoint, SparseAutoencoder> saes = new TreeMap<>();
    try (Stream<Path> list = Files.list(folder.resolve("sae"))) {
      list.sorted()
          .forEach(
              sae ->
                  saes.put(
                      HookPoint.parse(sae.getFileName().toString()), SaeCheckpoint.load(sae, lm.manager(), type)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    JsonNode prompts = Json.read(folder.resolve("prompts.json"));
    List<int[]> goldIds = ids(prompts.path("gold"));
    List<int[]> safeIds = ids(prompts.path("baseline_safe"));
    List<int[]> all = new ArrayList<>(goldIds);
    all.addAll(safeIds);
    int before = common(all, false);
    int after = common(all, true);
    List<PromptTokens> gold = prompts(prompts.path("gold"), goldIds, before, after, true);
    List<PromptTokens> safe = prompts(prompts.path("baseline_safe"), safeIds, before, after, false);
    Map<HookPoint, GroupMeans> means = GroupMeans.over(lm, 0, saes, safe, SinkThresholds.none(), BATCH);
    return new AttributionGolden(
        folder, json, lm, new RefusalMetric(ints(json.path("refusal_token_ids"))), saes, means, gold, safe);
  }

  /** With the mean baseline, as the goldens have it. */
  public StudiedModel model() {
    return new StudiedModel(lm, metric, 0, saes, new MeanBaseline(means, saes), SinkThresholds.none());
  }

  public Safetensors tensors() {
    return Safetensors.open(folder.resolve("goldens.safetensors"));
  }

  private static List<int[]> ids(JsonNode prompts) {
    List<int[]> ids = new ArrayList<>();
    prompts.forEach(prompt -> ids.add(ints(prompt.path("ids"))));
    return ids;
  }

  public static int[] ints(JsonNode list) {
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).intValue();
    }
    return values;
  }

  private static List<PromptTokens> prompts(
      JsonNode json, List<int[]> ids, int before, int after, boolean harmful) {
    List<PromptTokens> prompts = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) {
      prompts.add(
          new PromptTokens(
              json.get(i).path("category").asText(), i, harmful, harmful, ids.get(i), before, ids.get(i).length - after));
    }
    return prompts;
  }

  /** Tokens that all prompts share at their beginning, or at their end: the template. */
  private static int common(List<int[]> ids, boolean atEnd) {
    int shortest = ids.stream().mapToInt(row -> row.length).min().orElseThrow();
    int[] first = ids.get(0);
    for (int t = 0; t < shortest; t++) {
      int offset = t;
      int token = atEnd ? first[first.length - 1 - t] : first[t];
      if (ids.stream().anyMatch(row -> (atEnd ? row[row.length - 1 - offset] : row[offset]) != token)) {
        return t;
      }
    }
    return shortest;
  }

  /** Largest difference over the largest expected size. */
  public static double relativeDeviation(double[] found, double[] expected) {
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    double deviation = 0;
    for (int i = 0; i < expected.length; i++) {
      deviation = Math.max(deviation, Math.abs(found[i] - expected[i]));
    }
    return found.length != expected.length || Double.isNaN(deviation) ? Double.POSITIVE_INFINITY : deviation / largest;
  }

  @Override
  public void close() {
    means.values().forEach(GroupMeans::close);
    saes.values().forEach(SparseAutoencoder::close);
    lm.close();
  }
}
