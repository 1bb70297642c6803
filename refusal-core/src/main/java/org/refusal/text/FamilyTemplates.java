package org.refusal.text;

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

  private static final Map<String, String> BY_FAMILY = Map.of("llama", LLAMA_2, "mistral", MISTRAL);

  private FamilyTemplates() {}

  /** @param family {@code model_type} of config.json */
  static Optional<String> of(String family) {
    return Optional.ofNullable(BY_FAMILY.get(family));
  }
}
