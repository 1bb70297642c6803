package org.refusal.text;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The published formats of chat families, for checkpoints that bring no template: Llama-2-chat (Touvron et al. 2023,
 * arXiv 2307.09288) with its optional system block, and Mistral-7B-Instruct (Jiang et al. 2023, arXiv 2310.06825), in
 * which a system prompt is put before the first instruction.
 */
final class FamilyTemplates {
  private static final String LLAMA_2 =
      """
      {%- set ns = namespace(system='') -%}
      {%- for message in messages -%}
      {%- if message['role'] == 'system' -%}
      {%- set ns.system = '<<SYS>>\\n' + message['content'] + '\\n<</SYS>>\\n\\n' -%}
      {%- elif message['role'] == 'user' -%}
      {{- bos_token + '[INST] ' + ns.system + message['content'].strip() + ' [/INST]' -}}
      {%- set ns.system = '' -%}
      {%- else -%}
      {{- ' ' + message['content'].strip() + ' ' + eos_token -}}
      {%- endif -%}
      {%- endfor -%}
      """;

  private static final String MISTRAL =
      """
      {{- bos_token -}}
      {%- set ns = namespace(system='') -%}
      {%- for message in messages -%}
      {%- if message['role'] == 'system' -%}
      {%- set ns.system = message['content'] + '\\n\\n' -%}
      {%- elif message['role'] == 'user' -%}
      {{- '[INST] ' + ns.system + message['content'] + ' [/INST]' -}}
      {%- set ns.system = '' -%}
      {%- else -%}
      {{- message['content'] + eos_token + ' ' -}}
      {%- endif -%}
      {%- endfor -%}
      """;

  /** @param format for people @param source Jinja */
  record Published(String format, String source) {}

  private static final Map<String, Published> BY_FAMILY =
      Map.of("llama", new Published("Llama-2-chat", LLAMA_2), "mistral", new Published("Mistral-7B-Instruct v0.1", MISTRAL));

  /** Tokens with which other formats mark a turn. */
  private static final List<String> FOREIGN =
      List.of(
          "<|start_header_id|>", "<|begin_of_text|>", "<|eot_id|>", "<|im_start|>", "<|user|>", "<|assistant|>",
          "<|User|>", "<start_of_turn>", "<|start_of_role|>", "<|start|>", "[INST]");

  /** Llama-2 and Mistral-7B have 32,000 ids and few added ones. */
  private static final int MOST_IDS = 40_000;

  private FamilyTemplates() {}

  /** @param family {@code model_type} of config.json */
  static Optional<Published> of(String family) {
    return Optional.ofNullable(BY_FAMILY.get(family));
  }

  /** Why the formats above cannot be those of a model with this tokenizer; empty where nothing speaks against them. */
  static Optional<String> misfit(Tokenizer tokenizer) {
    for (String mark : FOREIGN) {
      if (tokenizer.id(mark).isPresent()) {
        return Optional.of("its vocabulary has the mark %s of another".formatted(mark));
      }
    }
    if (tokenizer.idBound() > MOST_IDS) {
      return Optional.of("its vocabulary has %d ids".formatted(tokenizer.idBound()));
    }
    for (String mark : List.of("<s>", "</s>")) {
      if (tokenizer.id(mark).isEmpty()) {
        return Optional.of("its vocabulary lacks the mark " + mark);
      }
    }
    return Optional.empty();
  }
}
