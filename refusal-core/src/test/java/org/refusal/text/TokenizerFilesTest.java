package org.refusal.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/** Tokens that stand in the files beside tokenizer.json, against the ids that transformers 5.24 gives (expected.json). */
class TokenizerFilesTest {
  private static final JsonNode EXPECTED = Json.read(Path.of("src/test/resources/foreign-tokenizers/expected.json"));

  @TempDir Path folder;

  static Stream<String> cases() {
    return StreamSupport.stream(EXPECTED.path("cases").spliterator(), false).map(each -> each.path("name").asText());
  }

  private void write(JsonNode added, Map<String, JsonNode> files) {
    ObjectNode tokenizer = EXPECTED.path("tokenizer").deepCopy();
    added.forEach(each -> ((ArrayNode) tokenizer.path("added_tokens")).add(each));
    Json.write(folder.resolve("tokenizer.json"), tokenizer);
    files.forEach((name, content) -> Json.write(folder.resolve(name), content));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void hasTheTokensThatTransformersHas(String name) {
    JsonNode each =
        StreamSupport.stream(EXPECTED.path("cases").spliterator(), false)
            .filter(found -> found.path("name").asText().equals(name))
            .findFirst()
            .orElseThrow();
    Map<String, JsonNode> files = Json.mapper().convertValue(each.path("files"), Json.mapper().getTypeFactory()
        .constructMapType(java.util.LinkedHashMap.class, String.class, JsonNode.class));
    write(each.path("added"), files);
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(tokenizer.encode(EXPECTED.path("text").asText(), false)).containsExactly(ids(each.path("ids")));
      assertThat(tokenizer.encode("a b", true)).containsExactly(ids(each.path("with_special")));
      assertThat(tokenizer.decode(ids(each.path("ids")), true)).isEqualTo(each.path("skipped").asText());
      for (String token : new String[] {"bos_token", "eos_token", "unk_token", "pad_token"}) {
        assertThat(tokenizer.specialToken(token).orElse(null)).isEqualTo(each.path("named").path(token).textValue());
      }
      for (int id : ids(each.path("ids"))) {
        assertThat(tokenizer.id(tokenizer.piece(id))).hasValue(id);
      }
      assertThat(tokenizer.remarks()).hasSize(name.equals("add_bos_token false") ? 2 : 0);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      value = {
        "llama ~ LlamaTokenizerFast ~ null ~ {'type': 'Metaspace', 'prepend_scheme': 'first', 'split': false} ~ false",
        "llama ~ LlamaTokenizer ~ null ~ {'type': 'Metaspace', 'prepend_scheme': 'always', 'split': false} ~ true",
        "llama ~ LlamaTokenizer ~ {'type': 'Replace', 'pattern': {'String': ' '}, 'content': 'x'} ~ null ~ true",
        "llama ~ LlamaTokenizer ~ null ~ {'type': 'ByteLevel', 'add_prefix_space': false, 'trim_offsets': true, 'use_regex': true} ~ false",
        "llama ~ PreTrainedTokenizerFast ~ {'type': 'Lowercase'} ~ null ~ false",
        "mistral ~ LlamaTokenizer ~ {'type': 'Lowercase'} ~ null ~ false",
        "qwen2 ~ PreTrainedTokenizerFast ~ {'type': 'Lowercase'} ~ null ~ true",
        "qwen2 ~ Qwen2Tokenizer ~ {'type': 'NFC'} ~ QWEN2 ~ false",
        "qwen2 ~ Qwen2Tokenizer ~ null ~ QWEN2 ~ true",
      })
  void aClassOfTransformersFiveThatReadsOtherwiseIsTold(
      String modelType, String tokenizerClass, String normalizer, String before, boolean told) throws Exception {
    String qwen2 =
        """
        {"type": "Sequence", "pretokenizers": [
          {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"}},
          {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]}
        """;
    ObjectNode tokenizer = EXPECTED.path("tokenizer").deepCopy();
    tokenizer.set("normalizer", Json.mapper().readTree(normalizer.replace('\'', '"')));
    tokenizer.set("pre_tokenizer", Json.mapper().readTree(before.equals("QWEN2") ? qwen2 : before.replace('\'', '"')));
    ObjectNode config = Json.mapper().createObjectNode().put("tokenizer_class", tokenizerClass).put("eos_token", "</s>");
    Json.write(folder.resolve("config.json"), Map.of("model_type", modelType));
    TokenizerClass found = TokenizerClass.of(folder, config);
    assertThat(found.remark(folder, tokenizer, config).isPresent()).isEqualTo(told);
  }

  private static int[] ids(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      value = {
        "{'added_tokens_decoder': {'600': {'content': '<|x|>', 'special': true}}} ~ gives '<|x|>' the id 600, but among the tokens of tokenizer.json it gets 12",
        "{'added_tokens_decoder': {'99999999999': {'content': '<|x|>'}}} ~ '99999999999' is no token id",
        "{'split_special_tokens': true} ~ split_special_tokens is true",
        "{'additional_special_tokens': ['<|x|>'], 'extra_special_tokens': ['<|y|>']} ~ additional_special_tokens names '<|x|>'",
        "[] ~ not a JSON object",
      })
  void whatNoTokenizerCanObeyIsRefusedByName(String config, String message) throws Exception {
    write(Json.mapper().createArrayNode(), Map.of());
    java.nio.file.Files.writeString(folder.resolve("tokenizer_config.json"), config.replace('\'', '"'));
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(UserException.class)
        .hasMessageStartingWith(folder.resolve("tokenizer_config.json").toString())
        .hasMessageContaining(message);
  }

  @Test
  void numbersOfTokenizerJsonSizeNothing() {
    ObjectNode token = Json.mapper().createObjectNode().put("id", 2_000_000_000).put("content", "<|x|>");
    write(Json.mapper().createArrayNode().add(token), Map.of());
    assertThatThrownBy(() -> Tokenizer.load(folder)).hasMessageContaining("'<|x|>' the id 2000000000");
    token.put("id", 1L << 40);
    write(Json.mapper().createArrayNode().add(token), Map.of());
    assertThatThrownBy(() -> Tokenizer.load(folder)).hasMessageContaining("the id 1099511627776, which is none");
    ObjectNode tokenizer = EXPECTED.path("tokenizer").deepCopy();
    ((ObjectNode) tokenizer.path("model").path("vocab")).put("cat", 2_000_000_000);
    Json.write(folder.resolve("tokenizer.json"), tokenizer);
    try (Tokenizer sparse = Tokenizer.load(folder)) {
      assertThat(sparse.piece(2_000_000_000)).isEqualTo("cat");
      assertThat(sparse.idBound()).isEqualTo(2_000_000_001);
    }
  }
}
