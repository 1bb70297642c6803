package org.refusal.demo;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.base.AtomicFiles;
import org.refusal.circuit.HookPoint;
import org.refusal.data.Category;
import org.refusal.data.Label;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;

/** Writes a planted model: a Hugging Face folder that also holds the prompts and the truth. */
public final class PlantedModel {
  private static final String TEMPLATE =
      "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %} [INST] {{ message['content'] }}"
          + " [/INST] =>{% else %} {{ message['content'] }} {{ eos_token }}{% endif %}{% endfor %}";
  private static final int CONTEXT = 256;

  private PlantedModel() {}

  /** The same spec gives the same bytes. */
  public static void write(PlantedSpec spec, Path folder) {
    PlantedWords words = new PlantedWords(spec.categories().size());
    PlantedWeights weights = new PlantedWeights(spec, words);
    Safetensors.write(folder.resolve("model.safetensors"), weights.tensors(), Map.of("format", "pt"));
    Json.write(folder.resolve("config.json"), config(words));
    Map<String, Object> generation = new LinkedHashMap<>();
    generation.put("bos_token_id", PlantedWords.BEGIN);
    generation.put("eos_token_id", PlantedWords.END);
    Json.write(folder.resolve("generation_config.json"), generation);
    Json.write(folder.resolve("tokenizer.json"), tokenizer(words));
    Json.write(folder.resolve("tokenizer_config.json"), tokenizerConfig());
    PlantedPrompts prompts = new PlantedPrompts(spec, words);
    for (Label label : Label.values()) {
      AtomicFiles.writeString(folder.resolve(PlantedPrompts.file(label)), prompts.csv(label));
    }
    Json.write(folder.resolve("truth.json"), truth(spec, weights, transfer(spec, words, weights, folder)));
  }

  /** As planted; of a graded model, as it comes out. */
  private static PlantedTransfer transfer(PlantedSpec spec, PlantedWords words, PlantedWeights weights, Path folder) {
    int categories = spec.categories().size();
    return switch (spec.kind()) {
      case MONOLITHIC, MODULAR, MIXED -> PlantedTransfer.planted(spec.kind().clusters(categories), categories);
      case NONE -> PlantedTransfer.planted(List.of(), categories);
      case GRADED -> PlantedTransfer.measured(
          new PlainLlama(folder),
          spec,
          words,
          IntStream.range(0, categories).mapToObj(weights::evidenceDirection).toArray(double[][]::new));
    };
  }

  private static Map<String, Object> config(PlantedWords words) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("LlamaForCausalLM"));
    config.put("model_type", "llama");
    config.put("attention_bias", false);
    config.put("bos_token_id", PlantedWords.BEGIN);
    config.put("eos_token_id", PlantedWords.END);
    config.put("hidden_act", "silu");
    config.put("hidden_size", PlantedWeights.D_MODEL);
    config.put("intermediate_size", PlantedWeights.INTERMEDIATE);
    config.put("max_position_embeddings", CONTEXT);
    config.put("num_attention_heads", PlantedWeights.HEADS);
    config.put("num_hidden_layers", PlantedWeights.LAYERS);
    config.put("num_key_value_heads", PlantedWeights.HEADS);
    config.put("rms_norm_eps", 1e-5);
    config.put("rope_scaling", null);
    config.put("rope_theta", 10000.0);
    config.put("tie_word_embeddings", false);
    config.put("torch_dtype", "float32");
    config.put("vocab_size", words.size());
    return config;
  }

  private static Map<String, Object> tokenizer(PlantedWords words) {
    Map<String, Integer> vocabulary = words.vocabulary();
    List<Map<String, Object>> added =
        List.of(added(0, "<unk>"), added(1, "<s>"), added(2, "</s>"));
    Map<String, Object> begin = Map.of("SpecialToken", special("<s>"));
    Map<String, Object> processor = new LinkedHashMap<>();
    processor.put("type", "TemplateProcessing");
    processor.put("single", List.of(begin, Map.of("Sequence", special("A"))));
    processor.put("pair", List.of(begin, Map.of("Sequence", special("A")), Map.of("Sequence", special("B"))));
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("id", "<s>");
    token.put("ids", List.of(PlantedWords.BEGIN));
    token.put("tokens", List.of("<s>"));
    processor.put("special_tokens", Map.of("<s>", token));
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("type", "WordLevel");
    model.put("vocab", vocabulary);
    model.put("unk_token", "<unk>");
    Map<String, Object> tokenizer = new LinkedHashMap<>();
    tokenizer.put("version", "1.0");
    tokenizer.put("truncation", null);
    tokenizer.put("padding", null);
    tokenizer.put("added_tokens", added);
    tokenizer.put("normalizer", null);
    tokenizer.put("pre_tokenizer", Map.of("type", "WhitespaceSplit"));
    tokenizer.put("post_processor", processor);
    tokenizer.put("decoder", null);
    tokenizer.put("model", model);
    return tokenizer;
  }

  private static Map<String, Object> special(String id) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("id", id);
    entry.put("type_id", 0);
    return entry;
  }

  private static Map<String, Object> added(int id, String content) {
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("id", id);
    token.put("content", content);
    token.put("single_word", false);
    token.put("lstrip", false);
    token.put("rstrip", false);
    token.put("normalized", false);
    token.put("special", true);
    return token;
  }

  private static Map<String, Object> tokenizerConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("bos_token", "<s>");
    config.put("eos_token", "</s>");
    config.put("unk_token", "<unk>");
    config.put("model_max_length", CONTEXT);
    config.put("clean_up_tokenization_spaces", false);
    config.put("chat_template", TEMPLATE);
    return config;
  }

  private static Map<String, Object> truth(PlantedSpec spec, PlantedWeights weights, PlantedTransfer transfer) {
    boolean refuses = spec.kind() != PlantedKind.NONE;
    Map<String, Object> truth = new LinkedHashMap<>();
    truth.put("kind", spec.kind().text());
    truth.put("seed", spec.seed());
    truth.put("leak", spec.leak());
    truth.put("verdict", spec.verdict());
    truth.put("categories", spec.categories());
    truth.put(
        "clusters",
        spec.trueClusters().stream().map(members -> members.stream().map(spec.categories()::get).toList()).toList());
    truth.put("share", spec.kind() == PlantedKind.GRADED ? spec.share() : null);
    truth.put("shared_part", refuses ? transfer.sharedPart() : null);
    truth.put("decision_layer", refuses ? "residuals_2" : null);
    truth.put(
        "first_shared_layer",
        refuses ? (spec.verdict().equals(PlantedKind.MONOLITHIC.verdict()) ? "residuals_2" : "residuals_3") : null);
    truth.put("refusal_tokens", refuses ? List.of(PlantedWords.REFUSAL.get(0)) : List.of());
    Map<String, Map<String, double[]>> directions = new LinkedHashMap<>();
    if (refuses) {
      for (int layer = 2; layer <= 4; layer++) {
        Map<String, double[]> here = new LinkedHashMap<>();
        for (int category = 0; category < spec.categories().size(); category++) {
          Category name = spec.categories().get(category);
          here.put(name.name(), layer == 2 ? weights.evidenceDirection(category) : weights.refuseDirection());
        }
        directions.put(HookPoint.residuals(layer).name(), here);
      }
    }
    truth.put("directions", directions);
    truth.put("transfer", transfer.relative());
    return truth;
  }
}
