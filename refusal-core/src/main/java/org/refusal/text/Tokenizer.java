package org.refusal.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.NativeSurroundings;
import org.refusal.base.TemporaryFolder;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * The tokenizer of a checkpoint folder: {@code tokenizer.json}, with the tokens that the files beside it add and the names of
 * its special tokens ({@link AddedTokens}). It never cuts a text, never pads and never asks
 * the network. Ids equal those of the Hugging Face library tokenizers on the same file. Close it: it holds native
 * memory.
 */
public final class Tokenizer implements AutoCloseable {
  private final HuggingFaceTokenizer library;
  private final Path folder;
  private final Map<String, Integer> ids;
  private final Map<Integer, String> pieces = new HashMap<>();
  private final Set<Integer> specials;
  private final Map<String, String> specialTokens;

  /**
   * The tokens of a text.
   *
   * @param ids {@code [tokens]}
   * @param starts first character of each token in the text, counted in UTF-16 units as Java does; -1 for a token that
   *     stands for no character, as one that the tokenizer adds {@code [tokens]}
   * @param ends one past its last character; -1 likewise {@code [tokens]}
   */
  public record Encoded(int[] ids, int[] starts, int[] ends) {}

  /** Rows of one length. @param ids {@code [rows, width]} @param mask 1 for tokens, 0 for padding, same shape */
  public record Padded(int[][] ids, int[][] mask) {}

  /** On which end of a row something is added or cut. */
  public enum Side {
    LEFT,
    RIGHT
  }

  private Tokenizer(
      HuggingFaceTokenizer library,
      Path folder,
      Map<String, Integer> ids,
      Set<Integer> specials,
      Map<String, String> specialTokens) {
    this.library = library;
    this.folder = folder;
    this.ids = ids;
    this.specials = specials;
    this.specialTokens = specialTokens;
    ids.forEach((piece, id) -> pieces.put(id, piece));
  }

  /**
   * @param folder a checkpoint folder
   * @throws UserException tokenizer.json is missing or damaged
   */
  public static Tokenizer load(Path folder) {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) {
      throw UserException.badData(
          file + ": " + AtomicFiles.missing(file), "the checkpoint folder must hold the fast tokenizer, tokenizer.json");
    }
    JsonNode json = Json.readPython(file);
    JsonNode dropout = json.path("model").path("dropout");
    if (dropout.isNumber() && dropout.doubleValue() != 0) {
      throw UserException.badData(
          file + ": model.dropout " + dropout + ": the same text would not have the same tokens every time", "set it to null");
    }
    Map<String, Integer> ids = vocabulary(file, json.path("model").path("vocab"));
    AddedTokens added = AddedTokens.read(file, json, ids);
    Set<Integer> specials = new TreeSet<>();
    added.tokens().forEach((id, token) -> {
      ids.put(token.content(), id);
      if (token.special()) {
        specials.add(id);
      }
    });
    return new Tokenizer(open(file, added.changed() ? added.amended(json) : null), folder, ids, specials, added.named());
  }

  private static Map<String, Integer> vocabulary(Path file, JsonNode vocabulary) {
    Map<String, Integer> ids = new HashMap<>();
    if (vocabulary.isObject()) {
      vocabulary.properties()
          .forEach(entry -> ids.put(entry.getKey(), AddedTokens.id(file, entry.getKey(), entry.getValue())));
    } else if (vocabulary.isArray()) {
      for (int id = 0; id < vocabulary.size(); id++) {
        ids.put(vocabulary.get(id).path(0).asText(), id);
      }
    } else {
      throw UserException.badData(file + ": no vocabulary (model.vocab)");
    }
    return ids;
  }

  /** @param amended in place of the file's content; null where that is to be read as it stands */
  private static HuggingFaceTokenizer open(Path file, JsonNode amended) {
    setIfAbsent("DJL_OFFLINE", "true");
    setIfAbsent("OPT_OUT_TRACKING", "true");
    setIfAbsent("RUST_FLAVOR", "cpu");
    startLibrary();
    Map<String, String> options = Map.of("truncation", "false", "padding", "false");
    try {
      return amended == null
          ? HuggingFaceTokenizer.newInstance(file, options)
          : HuggingFaceTokenizer.newInstance(
              new ByteArrayInputStream(amended.toString().getBytes(StandardCharsets.UTF_8)), options);
    } catch (IOException | RuntimeException e) {
      throw UserException.badData(file + ": not a tokenizer that the library can read: " + e.getMessage());
    }
  }

  /** Apart from the file: a library that does not start says nothing about the tokenizer. */
  private static void startLibrary() {
    NativeSurroundings.requireOwnVariables(System.getenv());
    NativeSurroundings.requireCache(System.getenv(), "tokenizers");
    try {
      ai.djl.huggingface.tokenizers.jni.LibUtils.checkStatus();
    } catch (RuntimeException | LinkageError e) {
      TemporaryFolder.require();
      String why = NativeSurroundings.whyNoCache(System.getenv());
      throw new UserException(
          ExitCode.ENVIRONMENT,
          "the library for tokenizers does not start: " + (why == null ? "its native part cannot be loaded" : why),
          NativeSurroundings.CACHE_ADVICE,
          e);
    }
  }

  /** DJL reads these from the environment or, failing that, from system properties. */
  private static void setIfAbsent(String name, String value) {
    if (System.getenv(name) == null && System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }

  public Path folder() {
    return folder;
  }

  /**
   * What a user should know of the files: a flag of tokenizer_config.json that contradicts tokenizer.json, which counts, as
   * in transformers 5 (4 obeyed the flag for some classes), and a class of transformers 5 that puts its own steps in the place
   * of those of tokenizer.json ({@link TokenizerClass}).
   */
  public List<String> remarks() {
    Path file = folder.resolve("tokenizer_config.json");
    JsonNode config = Files.isRegularFile(file) ? Json.readPython(file) : Json.mapper().createObjectNode();
    Path main = folder.resolve("tokenizer.json");
    int[] added = encode("", true);
    List<String> remarks =
        new ArrayList<>(TokenizerClass.of(folder, config).remark(main, Json.readPython(main), config).stream().toList());
    for (String name : List.of("bos_token", "eos_token")) {
      JsonNode flag = config.path("add_" + name);
      OptionalInt id = specialId(name);
      boolean adds = id.isPresent() && Arrays.stream(added).anyMatch(each -> each == id.getAsInt());
      if (flag.isBoolean() && flag.booleanValue() != adds) {
        remarks.add(
            "%s: add_%s is %s, but tokenizer.json %s: the latter counts, as in transformers 5"
                .formatted(file, name, flag, adds ? "adds it" : "does not add it"));
      }
    }
    return remarks;
  }

  /** @param special whether the tokenizer adds its own special tokens, as BOS, around the text */
  public int[] encode(String text, boolean special) {
    return toInts(library.encode(text, special, false).getIds());
  }

  /** As {@link #encode}, with the characters of every token. O(length of the text). */
  public Encoded encodeWithOffsets(String text, boolean special) {
    Encoding encoding = library.encode(text, special, false);
    int[] ids = toInts(encoding.getIds());
    CharSpan[] spans = encoding.getCharTokenSpans();
    int[] units = unitsOfCodePoints(text);
    int[] starts = new int[ids.length];
    int[] ends = new int[ids.length];
    for (int t = 0; t < ids.length; t++) {
      starts[t] = spans[t] == null ? -1 : units[spans[t].getStart()];
      ends[t] = spans[t] == null ? -1 : units[spans[t].getEnd()];
    }
    return new Encoded(ids, starts, ends);
  }

  /** The library counts code points; entry i is where the i-th begins in UTF-16, the last entry is the length. */
  private static int[] unitsOfCodePoints(String text) {
    int[] units = new int[text.codePointCount(0, text.length()) + 1];
    for (int i = 0, unit = 0; unit < text.length(); i++) {
      units[i] = unit;
      unit += Character.charCount(text.codePointAt(unit));
    }
    units[units.length - 1] = text.length();
    return units;
  }

  /**
   * At most maxLength tokens, special ones included; those that the tokenizer adds stay, the text's own are cut.
   *
   * @param side where tokens are cut
   */
  public int[] encodeTruncated(String text, boolean special, int maxLength, Side side) {
    int[] bare = encode(text, false);
    int added = encode("", special).length;
    int kept = Math.max(0, Math.min(bare.length, maxLength - added));
    int[] body =
        side == Side.RIGHT
            ? Arrays.copyOf(bare, kept)
            : Arrays.copyOfRange(bare, bare.length - kept, bare.length);
    int[] whole = encode(text, special);
    int before = 0;
    while (before < added && (bare.length == 0 || !startsAt(whole, bare, before))) {
      before++;
    }
    List<Integer> result = new ArrayList<>();
    for (int i = 0; i < before; i++) {
      result.add(whole[i]);
    }
    for (int id : body) {
      result.add(id);
    }
    for (int i = before + bare.length; i < whole.length; i++) {
      result.add(whole[i]);
    }
    return result.stream().mapToInt(Integer::intValue).toArray();
  }

  private static boolean startsAt(int[] whole, int[] part, int at) {
    return at + part.length <= whole.length && Arrays.equals(whole, at, at + part.length, part, 0, part.length);
  }

  /** Rows padded to the longest. @param pad id of the padding token; whatever it is, the mask says what counts */
  public static Padded pad(List<int[]> rows, int pad, Side side) {
    int width = rows.stream().mapToInt(row -> row.length).max().orElse(0);
    int[][] ids = new int[rows.size()][width];
    int[][] mask = new int[rows.size()][width];
    for (int r = 0; r < ids.length; r++) {
      int[] row = rows.get(r);
      int from = side == Side.LEFT ? width - row.length : 0;
      Arrays.fill(ids[r], pad);
      System.arraycopy(row, 0, ids[r], from, row.length);
      Arrays.fill(mask[r], from, from + row.length, 1);
    }
    return new Padded(ids, mask);
  }

  /** Bytes that are no UTF-8, as of a cut character, become U+FFFD. */
  public String decode(int[] tokenIds, boolean skipSpecial) {
    return library.decode(Arrays.stream(tokenIds).asLongStream().toArray(), skipSpecial);
  }

  /** The token as it stands in the vocabulary, e.g. {@code ▁I}. */
  public String piece(int id) {
    if (!pieces.containsKey(id)) {
      throw new IllegalArgumentException("no token " + id + " in " + folder + ", vocabulary " + vocabularySize());
    }
    return pieces.get(id);
  }

  /** Id of a token as it stands in the vocabulary. */
  public OptionalInt id(String piece) {
    Integer id = ids.get(piece);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Number of tokens, added ones included. */
  public int vocabularySize() {
    return ids.size();
  }

  /** One more than the largest id. A model may have fewer rows, as long as no text has an id beyond them. */
  public int idBound() {
    return pieces.keySet().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1;
  }

  public boolean isSpecial(int id) {
    return specials.contains(id);
  }

  public OptionalInt bosId() {
    return specialId("bos_token");
  }

  public OptionalInt eosId() {
    return specialId("eos_token");
  }

  public OptionalInt unknownId() {
    return specialId("unk_token");
  }

  public OptionalInt padId() {
    return specialId("pad_token");
  }

  /** @param name {@code bos_token}, {@code eos_token}, ... */
  public Optional<String> specialToken(String name) {
    return Optional.ofNullable(specialTokens.get(name));
  }

  private OptionalInt specialId(String name) {
    return specialToken(name).map(this::id).orElse(OptionalInt.empty());
  }

  @Override
  public void close() {
    library.close();
  }

  private static int[] toInts(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }
}
