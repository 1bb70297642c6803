package org.refusal.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.refusal.Goldens;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/** Every text, id list, conversation, batch and cut of expected/tokenizers.json. */
class TokenizerGoldenTest {
  private int checks;
  private final List<String> mismatches = new ArrayList<>();

  @TestFactory
  List<DynamicTest> everyTokenizer() {
    JsonNode golden = Json.read(Goldens.folder("expected").resolve("tokenizers.json"));
    List<DynamicTest> tests = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : golden.path("tokenizers").properties()) {
      tests.add(DynamicTest.dynamicTest(entry.getKey(), () -> check(entry.getKey(), entry.getValue())));
    }
    assertThat(tests).isNotEmpty();
    return tests;
  }

  private void check(String name, JsonNode golden) {
    Path folder = Goldens.folder(golden.path("folder").asText());
    assumeTrue(Files.isDirectory(folder), "not among these goldens (its licence is another's): " + folder);
    checks = 0;
    mismatches.clear();
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      equal("vocabulary", tokenizer.vocabularySize(), golden.path("vocab_size").intValue());
      equal("bos", tokenizer.bosId().orElse(-1), golden.path("bos_token_id").asInt(-1));
      equal("eos", tokenizer.eosId().orElse(-1), golden.path("eos_token_id").asInt(-1));
      equal("unk", tokenizer.unknownId().orElse(-1), golden.path("unk_token_id").asInt(-1));
      golden.path("texts").forEach(text -> checkText(tokenizer, text));
      golden.path("id_lists").forEach(list -> {
        int[] ids = ints(list.path("ids"));
        equal("decode " + list, tokenizer.decode(ids, false), list.path("decode").asText());
        equal("decode " + list, tokenizer.decode(ids, true), list.path("decode_skip_special").asText());
      });
      if (!golden.path("chats").isEmpty()) {
        ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
        golden.path("chats").forEach(chat -> checkChat(tokenizer, template, chat));
      }
      golden.path("batches").forEach(batch -> checkBatch(tokenizer, batch));
      golden.path("truncation").forEach(cut -> checkTruncation(tokenizer, cut));
    }
    System.out.printf("tokenizer %s: %d checks, %d mismatches%n", name, checks, mismatches.size());
    assertThat(mismatches).isEmpty();
  }

  private void checkText(Tokenizer tokenizer, JsonNode golden) {
    String text = golden.path("text").asText();
    int[] ids = ints(golden.path("ids"));
    int[] bare = ints(golden.path("ids_no_special"));
    equal("ids of " + golden.path("text"), tokenizer.encode(text, true), ids);
    equal("ids without special of " + golden.path("text"), tokenizer.encode(text, false), bare);
    equal("decode " + golden.path("text"), tokenizer.decode(ids, false), golden.path("decode").asText());
    equal("skip special " + golden.path("text"), tokenizer.decode(ids, true),
        golden.path("decode_skip_special").asText());
    equal("decode bare " + golden.path("text"), tokenizer.decode(bare, false),
        golden.path("decode_no_special").asText());
    Tokenizer.Encoded encoded = tokenizer.encodeWithOffsets(text, true);
    equal("offsets' ids of " + golden.path("text"), encoded.ids(), ids);
    for (int t = 0; t < ids.length; t++) {
      boolean inside =
          encoded.starts()[t] == -1
              || (encoded.starts()[t] >= 0
                  && encoded.starts()[t] <= encoded.ends()[t]
                  && encoded.ends()[t] <= text.length());
      equal("offset " + t + " of " + golden.path("text"), inside, true);
    }
  }

  private void checkChat(Tokenizer tokenizer, ChatTemplate template, JsonNode golden) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode message : golden.path("messages")) {
      messages.add(new Message(message.path("role").asText(), message.path("content").asText()));
    }
    boolean generation = golden.path("add_generation_prompt").asBoolean();
    if (golden.has("error")) {
      String error = "no error";
      try {
        template.render(messages, generation);
      } catch (UserException e) {
        error = e.getMessage();
      }
      equal("error of " + golden.path("messages"), error.endsWith(golden.path("error").asText()), true);
      return;
    }
    String rendered = template.render(messages, generation);
    equal("rendered " + golden.path("messages"), rendered, golden.path("rendered").asText());
    equal("chat ids " + golden.path("messages"), tokenizer.encode(rendered, false), ints(golden.path("ids")));
    if (messages.size() == 1 && messages.get(0).role().equals("user")) {
      RenderedPrompt prompt = template.prompt(messages.get(0).content());
      if (generation || template.render(messages, true).equals(rendered)) {
        equal("prompt ids " + golden.path("messages"), prompt.ids(), ints(golden.path("ids")));
      }
    }
  }

  private void checkBatch(Tokenizer tokenizer, JsonNode golden) {
    List<int[]> rows = new ArrayList<>();
    for (JsonNode text : golden.path("texts")) {
      rows.add(
          golden.has("max_length")
              ? tokenizer.encodeTruncated(
                  text.asText(), true, golden.path("max_length").intValue(), side(golden.path("truncation_side")))
              : tokenizer.encode(text.asText(), true));
    }
    Tokenizer.Padded padded =
        Tokenizer.pad(rows, golden.path("pad_token_id").intValue(), side(golden.path("padding_side")));
    for (int r = 0; r < rows.size(); r++) {
      equal("batch " + golden, padded.ids()[r], ints(golden.path("input_ids").get(r)));
      equal("mask " + golden, padded.mask()[r], ints(golden.path("attention_mask").get(r)));
    }
  }

  private void checkTruncation(Tokenizer tokenizer, JsonNode golden) {
    String text = golden.path("text").asText();
    int length = golden.path("max_length").intValue();
    Tokenizer.Side side = side(golden.path("side"));
    equal("cut " + golden, tokenizer.encodeTruncated(text, true, length, side), ints(golden.path("ids")));
    equal("cut " + golden, tokenizer.encodeTruncated(text, false, length, side),
        ints(golden.path("ids_no_special")));
  }

  private void equal(String what, Object actual, Object expected) {
    checks++;
    boolean same =
        actual instanceof int[] a && expected instanceof int[] b ? Arrays.equals(a, b) : actual.equals(expected);
    if (!same) {
      mismatches.add("%s: %s instead of %s".formatted(what, shown(actual), shown(expected)));
    }
  }

  private static Tokenizer.Side side(JsonNode text) {
    return text.asText().equals("left") ? Tokenizer.Side.LEFT : Tokenizer.Side.RIGHT;
  }

  private static String shown(Object value) {
    return value instanceof int[] ints ? Arrays.toString(ints) : value.toString();
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }
}
