package org.refusal.model;

/**
 * Which projections of a layer have biases.
 *
 * @param queriesKeysValues of queries, keys and values
 * @param output of the attention's output
 * @param mlp of the three of the MLP
 */
public record Biases(boolean queriesKeysValues, boolean output, boolean mlp) {
  static final Biases NONE = new Biases(false, false, false);

  /** {@code attention_bias} switches all of the attention's; {@code mlp_bias}, which these models do not have, is refused. */
  static Biases ofAttention(ConfigObject config, Family family) {
    refuse(config, "mlp_bias", family);
    boolean attention = config.flag("attention_bias", false);
    return new Biases(attention, attention, false);
  }

  /** transformers ignores the switch in models of this family, which then contradict themselves. */
  static void refuse(ConfigObject config, String key, Family family) {
    if (config.flag(key, false)) {
      throw config.bad(key, "is not supported: " + family.modelType() + " models of transformers have no such bias");
    }
  }
}
