package org.refusal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.io.CsvReader;
import org.refusal.io.Json;
import org.refusal.model.CheckpointFolder;
import org.refusal.text.ChatTemplate;
import org.refusal.text.Tokenizer;

/** Foreign files of text whose bytes or values went wrong: read, or refused in one line. */
class DamagedFilesTest {
  private static final List<String> VALUES =
      List.of("null", "true", "-1", "0", "1.5", "1e99", "2147483648", "99999999999999999999", "\"\"", "\"x\"", "[]", "{}", "[[]]", "{\"a\": 1}");

  @TempDir Path folder;

  private Path copied(String name) throws IOException, URISyntaxException {
    Path from = Path.of(DamagedFilesTest.class.getResource("/goldens/models/" + name).toURI());
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, folder.resolve(file.getFileName().toString()));
      }
    }
    return folder;
  }

  /** The bytes with one value of the JSON in them exchanged. */
  private static byte[] otherValue(byte[] whole, Random random) throws IOException {
    JsonNode root = Json.mapper().readTree(whole);
    List<JsonNode> parents = new ArrayList<>();
    collect(root, parents);
    JsonNode parent = parents.get(random.nextInt(parents.size()));
    JsonNode value = Json.mapper().readTree(VALUES.get(random.nextInt(VALUES.size())));
    int at = random.nextInt(parent.size());
    if (parent instanceof ObjectNode object) {
      List<String> keys = new ArrayList<>();
      object.fieldNames().forEachRemaining(keys::add);
      if (random.nextInt(4) == 0) {
        object.remove(keys.get(at));
      } else {
        object.set(keys.get(at), value);
      }
    } else {
      ((ArrayNode) parent).set(at, value);
    }
    return Json.mapper().writeValueAsBytes(root);
  }

  private static void collect(JsonNode node, List<JsonNode> parents) {
    if (node.isContainerNode() && !node.isEmpty()) {
      parents.add(node);
      int most = 12; // of a long list, as the vocabulary: enough to reach each kind
      for (JsonNode child : node) {
        if (most-- > 0) {
          collect(child, parents);
        }
      }
    }
  }

  @RandomSeeds(4)
  void aModelFolder(long seed) throws IOException, URISyntaxException {
    Random random = new Random(seed);
    Path model = copied("llama-tied-fp16");
    for (String name : List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")) {
      Path file = model.resolve(name);
      if (!Files.exists(file)) {
        continue;
      }
      byte[] whole = Files.readAllBytes(file);
      for (int i = 0; i < 100; i++) {
        Files.write(file, i % 4 == 0 ? Damage.of(whole, random) : otherValue(whole, random));
        byte[] damaged = Files.readAllBytes(file);
        try {
          Damage.assertReadOrRefused(() -> CheckpointFolder.open(model, "m").remarks());
          Damage.assertReadOrRefused(() -> {
            try (Tokenizer tokenizer = Tokenizer.load(model)) {
              ChatTemplate.of("auto", tokenizer, "").prompt("How are you?");
            }
          });
        } catch (AssertionError e) {
          throw new AssertionError(name + " as " + new String(damaged, StandardCharsets.UTF_8), e);
        }
      }
      Files.write(file, whole);
    }
  }

  @RandomSeeds(5)
  void aTable(long seed) {
    Random random = new Random(seed);
    byte[] whole = "prompt,category\r\n\"a, \"\"b\"\"\r\nc\",hate\r\nd\u00e9,\u65e5\u672c\r\n\r\n\"\",x\n".getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 300; i++) {
      byte[] damaged = Damage.of(whole, random);
      Damage.assertReadOrRefused(() -> {
        try (CsvReader reader = new CsvReader("a.csv", new ByteArrayInputStream(damaged))) {
          CsvReader.Row header = reader.next();
          for (CsvReader.Row row = header; row != null; row = reader.next()) {
            reader.requireWidth(row, header);
          }
        }
      });
    }
  }

  @RandomSeeds(5)
  void aConfig(long seed) throws IOException {
    Random random = new Random(seed);
    Path file = folder.resolve("a.yaml");
    byte[] whole =
        """
        base: &base {seed: 3}
        model:
          name: "org/m"   # a name
          device: cpu
        data: {prompts: data.csv, categories: [hate, 'self-harm']}
        inference:
          <<: *base
          batch_size: 8
          chat_template: |
            {{ x }}
        """
            .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 300; i++) {
      Files.write(file, Damage.of(whole, random));
      Damage.assertReadOrRefused(() -> Binder.bind(CollectConfig.class, Binder.file(file), Map.<String, String>of()::get));
    }
  }
}
