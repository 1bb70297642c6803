package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.Digests;
import org.refusal.io.Json;

/** Results are the same bytes whatever language the machine speaks, however Java hashes and on however many threads. */
@Tag("slow")
class SameBytesTest {
  @TempDir Path folder;

  private static final List<List<String>> MACHINES =
      List.of(
          List.of("-Duser.language=en", "-Duser.country=US"),
          List.of("-Duser.language=tr", "-Duser.country=TR", "-Dline.separator=\r\n", "-Duser.timezone=Asia/Tokyo", "-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=0"),
          List.of("-Duser.language=ar", "-Duser.country=EG", "-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=3"));

  private void run(List<String> machine, String... arguments) throws IOException, InterruptedException {
    List<String> options = new ArrayList<>(machine);
    options.add("-XX:TieredStopAtLevel=1");
    Process process = new ProcessBuilder(Cli.process(options, List.of(arguments))).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
  }

  private static Map<String, String> files(Path results) throws IOException {
    Map<String, String> digests = new TreeMap<>();
    try (Stream<Path> all = Files.walk(results)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        String name = results.relativize(file).toString();
        if (!name.startsWith("manifests") && !name.startsWith(".")) {
          digests.put(name, Digests.sha256(file));
        }
      }
    }
    return digests;
  }

  /** Nodes with an enum in their key, of importances whose sum depends on the order in which they are added. */
  private void circuits(Path results) {
    SplittableRandom random = new SplittableRandom(11);
    for (String category : List.of("deception", "hate", "privacy", "sexual")) {
      Map<String, Object> nodes = new LinkedHashMap<>();
      for (int i = 0; i < 40; i++) {
        int layer = 1 + random.nextInt(3);
        int latent = random.nextInt(60);
        Map<String, Object> node = new LinkedHashMap<>();
        node.put("feature_id", Integer.toString(latent));
        node.put("layer", layer);
        node.put("position", 0);
        node.put("importance", Math.exp(3 * random.nextDouble()));
        node.put("type", "sae_feature");
        nodes.put("sae_feature_%d_0_%d".formatted(layer, latent), node);
      }
      Json.write(
          results.resolve("circuits").resolve("modular_" + category + "_toxic_circuit.json"),
          new TreeMap<>(Map.of("nodes", nodes, "edges", Map.of())));
    }
  }

  @Test
  void similarityOfCircuits() throws Exception {
    List<Map<String, String>> found = new ArrayList<>();
    for (int i = 0; i < MACHINES.size(); i++) {
      Path results = folder.resolve("results-" + i);
      circuits(results);
      run(MACHINES.get(0), "import", results.toString(), "--model", "modular");
      run(
          MACHINES.get(i), "analyze", "--model", "modular", "--results-dir", results.toString(), "--set",
          "circuit.attribution_method=stats", "--threads", Integer.toString(i + 1));
      found.add(files(results));
    }
    assertThat(found.get(0)).containsKey("similarity/modular_similarity.json");
    assertThat(found).allSatisfy(each -> assertThat(each).isEqualTo(found.get(0)));
  }

  @Test
  void promptsAndWhatIsCountedOfThem() throws Exception {
    Path model = Cli.smallModel(folder.resolve("small"));
    List<Map<String, String>> found = new ArrayList<>();
    for (int i = 0; i < MACHINES.size(); i++) {
      Path results = folder.resolve("data-" + i);
      run(MACHINES.get(i), "analyze-data", "--dataset-dir", model.toString(), "--results-dir", results.toString());
      run(
          MACHINES.get(i), "collect", "--model", model.toString(), "--dataset-dir", model.toString(), "--results-dir",
          results.toString(), "--set", "model.activation_layers=[residuals_1, residuals_2]", "--threads", "1");
      found.add(files(results));
    }
    assertThat(found.get(0)).hasSizeGreaterThan(8);
    assertThat(found).allSatisfy(each -> assertThat(each).isEqualTo(found.get(0)));
  }
}
