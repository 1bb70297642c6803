package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;

/**
 * What a checkpoint says about generation: generation_config.json where it is there, and then it alone, else the keys of
 * config.json, as in transformers 5. Decoding here is greedy whatever the file says of sampling and beams' lengths; what
 * changes the greedy choice itself is obeyed (end tokens, {@code repetition_penalty}) or refused by name.
 *
 * @param endTokens ids that end a generation
 * @param repetitionPenalty 1 for none
 */
record GenerationDefaults(List<Integer> endTokens, double repetitionPenalty) {
  private static final Set<String> OBEYED = Set.of("eos_token_id", "repetition_penalty");

  /** Of sampling, of length (max_new_tokens is the stage's), of beams, of speed and of what is returned. */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "bos_token_id", "pad_token_id", "decoder_start_token_id", "max_length", "max_new_tokens", "do_sample", "temperature",
          "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff", "early_stopping", "length_penalty",
          "diversity_penalty", "renormalize_logits", "remove_invalid_values", "use_cache", "cache_implementation",
          "cache_config", "max_cache_len", "return_legacy_cache", "low_memory", "prefill_chunk_size", "num_return_sequences",
          "output_attentions", "output_hidden_states", "output_scores", "output_logits", "return_dict_in_generate",
          "is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
          "assistant_early_exit", "assistant_lookbehind", "target_lookbehind", "assistant_ensemble_weight",
          "prompt_lookup_num_tokens", "max_matching_ngram_size", "speculation_type", "compile_config", "disable_compile",
          "transformers_version", "generation_kwargs", "trust_remote_code", "chat_format", "max_window_size",
          "user_token_id", "assistant_token_id");

  /** Change the choice of tokens unless they have these values (or are null or empty). */
  private static final Map<String, Set<String>> ONLY_AS =
      Map.ofEntries(
          Map.entry("guidance_scale", Set.of("1", "1.0")),
          Map.entry("encoder_repetition_penalty", Set.of("1", "1.0")),
          Map.entry("num_beams", Set.of("1")),
          Map.entry("num_beam_groups", Set.of("1")),
          Map.entry("no_repeat_ngram_size", Set.of("0")),
          Map.entry("encoder_no_repeat_ngram_size", Set.of("0")),
          Map.entry("min_length", Set.of("0", "1")),
          Map.entry("min_new_tokens", Set.of("0")),
          Map.entry("penalty_alpha", Set.of("0", "0.0")),
          Map.entry("token_healing", Set.of("false")),
          Map.entry("bad_words_ids", Set.of()),
          Map.entry("sequence_bias", Set.of()),
          Map.entry("suppress_tokens", Set.of()),
          Map.entry("begin_suppress_tokens", Set.of()),
          Map.entry("forced_bos_token_id", Set.of()),
          Map.entry("forced_eos_token_id", Set.of()),
          Map.entry("forced_decoder_ids", Set.of()),
          Map.entry("exponential_decay_length_penalty", Set.of()),
          Map.entry("force_words_ids", Set.of()),
          Map.entry("constraints", Set.of()),
          Map.entry("watermarking_config", Set.of()),
          Map.entry("stop_strings", Set.of()),
          Map.entry("stop_words_ids", Set.of()),
          Map.entry("max_time", Set.of()),
          Map.entry("dola_layers", Set.of()),
          Map.entry("custom_generate", Set.of()));

  /**
   * Where neither file has eos_token_id there is no end token, whatever the configuration class takes for it: {@code generate} of
   * transformers goes on there too.
   */
  static GenerationDefaults read(ConfigObject config, Path generationFile) {
    boolean own = Files.isRegularFile(generationFile);
    ConfigObject source = own ? ConfigObject.read(generationFile) : config;
    for (Iterator<String> keys = source.keys(); keys.hasNext(); ) {
      check(source, keys.next(), own);
    }
    double penalty = source.has("repetition_penalty") ? source.requiredPositive("repetition_penalty") : 1;
    return new GenerationDefaults(endTokens(source), penalty);
  }

  /** Whether a key of config.json speaks of generation. */
  static boolean isKey(String key) {
    return OBEYED.contains(key) || WITHOUT_EFFECT.contains(key) || ONLY_AS.containsKey(key);
  }

  private static void check(ConfigObject source, String key, boolean own) {
    JsonNode value = source.get(key);
    boolean empty = value.isContainerNode() && value.isEmpty();
    if (!source.has(key) || empty) {
      return;
    }
    if (ONLY_AS.containsKey(key) && !ONLY_AS.get(key).contains(value.toString())) {
      throw UserException.badData(
          source.bad(key, "changes which tokens are generated, and is not supported").getMessage(),
          "take it out of " + source.file().getFileName() + " to generate without it");
    }
    if (own && !isKey(key) && !key.startsWith("_")) {
      throw UserException.badData(
          source.bad(key, "is not known: it may change which tokens are generated").getMessage(),
          "take it out of " + source.file().getFileName() + " if it has no effect");
    }
  }

  private static List<Integer> endTokens(ConfigObject source) {
    if (!source.has("eos_token_id")) {
      return List.of();
    }
    JsonNode node = source.get("eos_token_id");
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : node.isArray() ? node : List.of(node)) {
      if (!id.isInt() || id.intValue() < 0) {
        throw source.bad("eos_token_id", "is no token id");
      }
      ids.add(id.intValue());
    }
    return ids;
  }
}
