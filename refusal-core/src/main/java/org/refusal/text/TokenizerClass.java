package org.refusal.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.refusal.io.Json;

/**
 * The class that transformers 5.24 takes for a tokenizer. Some of its classes put their own normalizer and pre-tokenizer in
 * the place of those of tokenizer.json, which count here, as in transformers 4.
 *
 * @param name without {@code Fast}; empty for the class that reads tokenizer.json as it stands
 */
record TokenizerClass(String name) {
  private static final String QWEN2 = "Qwen2Tokenizer";
  private static final String LLAMA = "LlamaTokenizer";
  private static final String QWEN2_PIECES =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /**
   * By model_type of config.json and tokenizer_class of tokenizer_config.json or, failing that, of config.json.
   *
   * @param config tokenizer_config.json; an empty object where there is none
   */
  static TokenizerClass of(Path folder, JsonNode config) {
    Path modelFile = folder.resolve("config.json");
    JsonNode model = Files.isRegularFile(modelFile) ? Json.readPython(modelFile) : Json.mapper().createObjectNode();
    String declared = config.path("tokenizer_class").asText(model.path("tokenizer_class").asText("")).replaceFirst("Fast$", "");
    return switch (model.path("model_type").asText("")) {
      case "qwen2" -> new TokenizerClass(config.has("auto_map") ? declared : QWEN2);
      case "mistral" -> new TokenizerClass("");
      default -> new TokenizerClass(declared);
    };
  }

  /** Whether that class would read texts otherwise than tokenizer.json says, as far as is known. @param json tokenizer.json */
  boolean differs(JsonNode json, JsonNode config) {
    JsonNode before = json.path("pre_tokenizer");
    JsonNode normalizer = json.path("normalizer");
    return switch (name) {
      case LLAMA -> !json.toString().contains("\"ByteLevel\"") && !isLlama(normalizer, before, config);
      case QWEN2 -> !(normalizer.path("type").asText().equals("NFC") && isQwen2(before));
      default -> false;
    };
  }

  private static boolean isLlama(JsonNode normalizer, JsonNode before, JsonNode config) {
    String scheme =
        !config.path("add_prefix_space").asBoolean(true) ? "never" : config.path("legacy").asBoolean(false) ? "always" : "first";
    return (normalizer.isNull() || normalizer.isMissingNode())
        && before.path("type").asText().equals("Metaspace")
        && before.path("prepend_scheme").asText().equals(scheme)
        && !before.path("split").asBoolean(true);
  }

  private static boolean isQwen2(JsonNode before) {
    JsonNode split = before.path("pretokenizers").path(0);
    JsonNode bytes = before.path("pretokenizers").path(1);
    return before.path("pretokenizers").size() == 2
        && split.path("pattern").path("Regex").asText().equals(QWEN2_PIECES)
        && split.path("behavior").asText().equals("Isolated")
        && bytes.path("type").asText().equals("ByteLevel")
        && !bytes.path("add_prefix_space").asBoolean(true)
        && !bytes.path("use_regex").asBoolean(true);
  }

  /** What to tell a user; empty where the two agree. */
  Optional<String> remark(Path file, JsonNode json, JsonNode config) {
    return differs(json, config)
        ? Optional.of(
            "%s: normalizer and pre_tokenizer count as they stand, as in transformers 4; version 5 has its own for %s, which gives some texts other ids"
                .formatted(file, name))
        : Optional.empty();
  }
}
