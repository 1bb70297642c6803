package org.refusal.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * The tokens that a tokenizer takes whole, beside its vocabulary, as transformers 5.24 puts them together: those of
 * tokenizer.json, then those of {@code added_tokens_decoder} in tokenizer_config.json (whose flags overrule), the named special
 * tokens ({@code bos_token}, ...) and the additional ones. special_tokens_map.json and added_tokens.json are read only where
 * tokenizer_config.json has no {@code added_tokens_decoder}. A token that is new gets the next id; a file that says otherwise is
 * refused.
 *
 * @param tokens by id, in the order in which they were added
 * @param named texts of the special tokens by name
 * @param changed whether tokenizer.json alone says something else
 */
record AddedTokens(Map<Integer, Token> tokens, Map<String, String> named, boolean changed) {
  private static final List<String> NAMES =
      List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

  /** What classes of transformers take for names that tokenizer_config.json leaves out. */
  private static final Map<String, Map<String, String>> CLASS_DEFAULTS =
      Map.of(
          "LlamaTokenizer", Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>"),
          "CodeLlamaTokenizer", Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>"),
          "Qwen2Tokenizer",
              Map.of("eos_token", "<|endoftext|>", "pad_token", "<|endoftext|>", "unk_token", "<|endoftext|>"),
          "GPT2Tokenizer",
              Map.of("bos_token", "<|endoftext|>", "eos_token", "<|endoftext|>", "unk_token", "<|endoftext|>"));

  /** One token with the flags that tokenizer.json has for it. */
  record Token(String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {
    static Token special(String content) {
      return new Token(content, false, false, false, false, true);
    }

    /** @param special null: as the object says */
    static Token of(JsonNode json, Boolean special) {
      boolean isSpecial = special == null ? json.path("special").asBoolean(false) : special;
      return new Token(
          json.path("content").asText(),
          json.path("single_word").asBoolean(false),
          json.path("lstrip").asBoolean(false),
          json.path("rstrip").asBoolean(false),
          json.path("normalized").asBoolean(!isSpecial),
          isSpecial);
    }

    Token asSpecial() {
      return new Token(content, singleWord, lstrip, rstrip, normalized, true);
    }
  }

  /** Adds tokens one by one as the library does. */
  private static final class Builder {
    private final Map<String, Integer> vocabulary;
    private final Map<Integer, Token> tokens = new LinkedHashMap<>();
    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private int largest = -1;

    Builder(Map<String, Integer> vocabulary) {
      this.vocabulary = vocabulary;
    }

    void add(Candidate candidate) {
      Token token = candidate.token();
      Integer known = ids.getOrDefault(token.content(), vocabulary.get(token.content()));
      int size = vocabulary.size();
      int id = known != null ? known : largest >= size || size == 0 && largest >= 0 ? largest + 1 : size;
      boolean special = tokens.containsKey(id) && tokens.get(id).special(); // the library never takes it back
      tokens.put(id, special ? token.asSpecial() : token);
      ids.put(token.content(), id);
      largest = Math.max(largest, id);
      if (candidate.declared() != null && candidate.declared() != id) {
        throw UserException.badData(
            "%s: gives '%s' the id %d, but among the tokens of tokenizer.json it gets %d"
                .formatted(candidate.file(), token.content(), candidate.declared(), id),
            "the tokenizer's files do not belong together, or one was edited by hand");
      }
    }
  }

  /** A token that is to be added, and the id that its file declares, if it does. */
  private record Candidate(Token token, Path file, Integer declared) {}

  /**
   * @param file tokenizer.json
   * @param root its content
   * @param vocabulary ids of the model's pieces
   * @throws UserException naming a token whose declared id is not the one that it gets, or what is not supported
   */
  static AddedTokens read(Path file, JsonNode root, Map<String, Integer> vocabulary) {
    Builder builder = new Builder(vocabulary);
    for (JsonNode added : root.path("added_tokens")) {
      builder.add(new Candidate(Token.of(added, null), file, id(file, added.path("content").asText(), added.path("id"))));
    }
    Map<Integer, Token> own = new LinkedHashMap<>(builder.tokens);
    Declarations declared = Declarations.read(file.toAbsolutePath().getParent(), own, vocabulary.keySet());
    for (Candidate candidate : declared.missing(own)) {
      builder.add(candidate);
    }
    Map<String, String> named = new LinkedHashMap<>();
    declared.named().forEach((name, token) -> named.put(name, token.content()));
    return new AddedTokens(builder.tokens, named, !builder.tokens.equals(own));
  }

  /** tokenizer.json with these tokens in place of its own. */
  JsonNode amended(JsonNode root) {
    ObjectNode amended = ((ObjectNode) root).deepCopy();
    ArrayNode added = amended.putArray("added_tokens");
    tokens.forEach((id, token) ->
        added.addObject()
            .put("id", id)
            .put("content", token.content())
            .put("single_word", token.singleWord())
            .put("lstrip", token.lstrip())
            .put("rstrip", token.rstrip())
            .put("normalized", token.normalized())
            .put("special", token.special()));
    return amended;
  }

  static int id(Path file, String content, JsonNode id) {
    if (!id.isInt() || id.intValue() < 0 || id.intValue() == Integer.MAX_VALUE) {
      throw UserException.badData("%s: '%s' has the id %s, which is none".formatted(file, content, id));
    }
    return id.intValue();
  }

  /**
   * What the files beside tokenizer.json say.
   *
   * @param decoder tokens with declared ids, ascending
   * @param named special tokens by name
   * @param extra further special tokens
   */
  private record Declarations(
      Path decoderFile, Path namesFile, Map<Integer, Token> decoder, Map<String, Token> named, List<Token> extra) {

    /** @param pieces of the vocabulary */
    static Declarations read(Path folder, Map<Integer, Token> own, Set<String> pieces) {
      Path configFile = folder.resolve("tokenizer_config.json");
      JsonNode config = object(configFile);
      if (config.path("split_special_tokens").asBoolean(false)) {
        throw UserException.badData(
            configFile + ": split_special_tokens is true: special tokens cut into pieces are not supported");
      }
      Map<String, Token> named = classDefaults(TokenizerClass.of(folder, config));
      named.values().removeIf(token ->
          !pieces.contains(token.content()) && own.values().stream().noneMatch(each -> each.content().equals(token.content())));
      NAMES.forEach(name -> putNamed(named, name, config, null));
      List<Token> extra = extra(configFile, config);
      named.putAll(modelSpecific(config));
      if (config.has("added_tokens_decoder")) {
        Map<Integer, Token> decoder = new TreeMap<>();
        config.path("added_tokens_decoder").properties().forEach(entry ->
            decoder.put(number(configFile, entry.getKey()), Token.of(entry.getValue(), null)));
        return resolved(configFile, configFile, decoder, named, extra, decoder.values());
      }
      return legacy(folder, named, new ArrayList<>(extra), own);
    }

    /** Further named tokens: keys that end in _token and the object extra_special_tokens, else model_specific_special_tokens. */
    private static Map<String, Token> modelSpecific(JsonNode config) {
      Map<String, Token> specific = new LinkedHashMap<>();
      config.fieldNames().forEachRemaining(name -> {
        if (name.endsWith("_token") && !NAMES.contains(name) && config.path(name).isTextual()) {
          putNamed(specific, name, config, null);
        }
      });
      for (String key : List.of("extra_special_tokens", "model_specific_special_tokens")) {
        JsonNode object = config.path(key);
        if (object.isObject() && (key.startsWith("extra") || specific.isEmpty())) {
          object.fieldNames().forEachRemaining(name -> putNamed(specific, name, object, null));
        }
      }
      return specific;
    }

    private static Declarations legacy(
        Path folder, Map<String, Token> named, List<Token> extra, Map<Integer, Token> own) {
      Path mapFile = folder.resolve("special_tokens_map.json");
      JsonNode map = object(mapFile);
      NAMES.forEach(name -> putNamed(named, name, map, true));
      extra.addAll(tokens(map.path("additional_special_tokens"), true));
      extra.addAll(tokens(map.path("extra_special_tokens"), true));
      Set<String> special = new HashSet<>();
      named.values().forEach(token -> special.add(token.content()));
      extra.forEach(token -> special.add(token.content()));
      Path addedFile = folder.resolve("added_tokens.json");
      Map<Integer, Token> decoder = new TreeMap<>();
      object(addedFile).properties().forEach(entry -> {
        boolean isSpecial = special.contains(entry.getKey());
        decoder.put(
            id(addedFile, entry.getKey(), entry.getValue()),
            new Token(entry.getKey(), false, false, false, !isSpecial, isSpecial));
      });
      decoder.putAll(own);
      return resolved(addedFile, mapFile, decoder, named, extra, decoder.values());
    }

    /** A named token that is declared elsewhere has the flags from there. */
    private static Declarations resolved(
        Path decoderFile, Path namesFile, Map<Integer, Token> decoder, Map<String, Token> named, List<Token> extra,
        Iterable<Token> known) {
      Map<String, Token> byContent = new LinkedHashMap<>();
      known.forEach(token -> byContent.put(token.content(), token));
      named.replaceAll((name, token) -> byContent.getOrDefault(token.content(), token));
      return new Declarations(decoderFile, namesFile, decoder, named, extra);
    }

    /** In the order in which they are added to those of tokenizer.json. */
    List<Candidate> missing(Map<Integer, Token> own) {
      Set<String> special = new HashSet<>();
      named.values().forEach(token -> special.add(token.content()));
      Set<String> contents = new HashSet<>();
      own.values().forEach(token -> contents.add(token.content()));
      Set<Token> there = Set.copyOf(own.values());
      List<Candidate> missing = new ArrayList<>();
      decoder.forEach((id, token) -> {
        if (!there.contains(token)) {
          missing.add(new Candidate(special.contains(token.content()) ? token.asSpecial() : token, decoderFile, id));
          contents.add(token.content());
        }
      });
      List<Token> others = new ArrayList<>(named.values().stream().map(Token::asSpecial).toList());
      others.addAll(extra);
      for (Token token : others) {
        if (contents.add(token.content())) {
          missing.add(new Candidate(token, namesFile, null));
        }
      }
      return missing;
    }

    private static Map<String, Token> classDefaults(TokenizerClass tokenizer) {
      Map<String, Token> named = new LinkedHashMap<>();
      for (String name : NAMES) {
        String content = CLASS_DEFAULTS.getOrDefault(tokenizer.name(), Map.of()).get(name);
        if (content != null) {
          named.put(name, Token.special(content));
        }
      }
      return named;
    }

    /** extra_special_tokens (transformers 5) or, where there is none, additional_special_tokens (4). */
    private static List<Token> extra(Path file, JsonNode config) {
      List<Token> additional = tokens(config.path("additional_special_tokens"), null);
      List<Token> extra = tokens(config.path("extra_special_tokens"), null);
      if (!extra.isEmpty()) {
        for (Token token : additional) {
          if (!extra.contains(token)) {
            throw UserException.badData(
                "%s: additional_special_tokens names '%s', extra_special_tokens does not"
                    .formatted(file, token.content()),
                "transformers 5 reads the second alone, 4 the first: keep one of the two");
          }
        }
        return extra;
      }
      return additional;
    }

    private static void putNamed(Map<String, Token> named, String name, JsonNode source, Boolean special) {
      JsonNode value = source.path(name);
      if (value.isTextual()) {
        named.put(name, Token.special(value.textValue()));
      } else if (value.isObject()) {
        named.put(name, Token.of(value, special));
      } else if (value.isNull()) {
        named.remove(name);
      }
    }

    private static List<Token> tokens(JsonNode list, Boolean special) {
      List<Token> tokens = new ArrayList<>();
      if (list.isArray()) {
        list.forEach(each ->
            tokens.add(each.isObject() ? Token.of(each, special) : Token.special(each.asText())));
      }
      return tokens;
    }

    private static int number(Path file, String text) {
      if (!text.matches("\\d{1,9}")) {
        throw UserException.badData("%s: added_tokens_decoder: '%s' is no token id".formatted(file, text));
      }
      return Integer.parseInt(text);
    }

    /** An empty object where there is no such file. */
    private static JsonNode object(Path file) {
      if (!Files.isRegularFile(file)) {
        return Json.mapper().createObjectNode();
      }
      JsonNode root = Json.readPython(file);
      if (!root.isObject()) {
        throw UserException.badData(file + ": not a JSON object");
      }
      return root;
    }
  }
}
