package org.refusal.stage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.activation.CapturedPrompt;
import org.refusal.activation.CollectedOutputs;
import org.refusal.activation.Collector;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.collected.AnswerReader;
import org.refusal.collected.CollectReport;
import org.refusal.collected.MetricTokens;
import org.refusal.config.CollectConfig;
import org.refusal.data.Behaviour;
import org.refusal.data.Category;
import org.refusal.data.Split;
import org.refusal.evaluation.LayerDecision;
import org.refusal.evaluation.LayerProposal;
import org.refusal.evaluation.LayerScan;
import org.refusal.evaluation.LayersFile;
import org.refusal.io.Json;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Models;
import org.refusal.model.RefusalMetric;
import org.refusal.run.ResultLayout;
import org.refusal.stats.Auc;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.text.ChatTemplate;
import org.refusal.text.Positions;
import org.refusal.text.RenderedPrompt;
import org.refusal.text.Tokenizer;

/**
 * {@code collect --find-layers}: which hook points to capture, before anything was collected. Runs the model on a few
 * discovery prompts as collect would (config, prompts, template, detector, R), and measures at every layer how far it has
 * decided (docs/evaluation.md). Writes {@code decision/{model}_layers.json} and nothing else.
 */
public final class LayerSearch {
  /** Toxic prompts that are run, over all categories; a category gets its share, ... */
  private static final int TOXIC = 96;

  /** ... within these bounds, and as many safe ones. */
  private static final int LEAST_PER_CATEGORY = 6;

  private static final int MOST_PER_CATEGORY = 12;

  /** Refused prompts of a category that are measured. */
  private static final int MEASURED = 8;

  /** A category with fewer refused prompts is left out. */
  private static final int LEAST_REFUSED = 3;

  /** Answered safe prompts that are needed, so that partners differ. */
  private static final int LEAST_ANSWERED = Partners.NEAREST;

  private static final int BOOTSTRAP = 1000;

  private final CollectConfig config;
  private final Progress progress;
  private final int threads;

  public LayerSearch(CollectConfig config, Progress progress, int threads) {
    this.config = config;
    this.progress = progress;
    this.threads = threads;
  }

  /** The file that is written. */
  public static Path file(CollectConfig config) {
    return new ResultLayout(Path.of(config.output().resultDir())).layers(Models.name(config.model()));
  }

  /** A prompt that is run. */
  private record Asked(String category, CollectStage.Entry entry, RenderedPrompt rendered) {}

  /** The same with what the model made of it. */
  private record Answered(Asked asked, AnswerReader.Answer answer, float[] logits) {
    boolean refused() {
      return answer.behaviour().refused();
    }

    boolean toxic() {
      return asked.entry.prompt().label().toxic();
    }

    PromptTokens tokens() {
      RenderedPrompt rendered = asked.rendered;
      return new PromptTokens(
          asked.category, asked.entry.index(), toxic(), refused(), rendered.ids(), rendered.userFrom(), rendered.userTo());
    }
  }

  /**
   * One pass and {@code max_new_tokens} steps over some 100 to 200 prompts, and a scan of at most {@value #MEASURED} refused ones of each
   * category ({@link LayerScan}).
   *
   * @throws UserException too few prompts were refused or answered to measure anything
   */
  public LayersFile run() {
    CheckpointFolder checkpoint = Models.checkpoint(config.model());
    try (Tokenizer tokenizer = Tokenizer.load(checkpoint.folder())) {
      CollectStage.requireRoom(config, checkpoint);
      Models.remarks(checkpoint, tokenizer).forEach(remark -> progress.note("warning: " + remark));
      ChatTemplate template = CollectStage.template(config, tokenizer);
      template.warnings().forEach(warning -> progress.note("warning: " + warning));
      List<Asked> asked = prompts(template, checkpoint);
      asked.forEach(each ->
          CollectStage.requireFit(each.category + "/" + each.entry.index(), each.rendered, tokenizer, checkpoint));
      if (asked.stream().allMatch(each -> each.rendered.userTo() == each.rendered.length())) {
        throw UserException.badConfig(
            "no token follows the user's text with the template %s, so that no layer can be told from another there"
                .formatted(template.name()),
            "use inference.chat_template: auto");
      }
      try (CausalLm lm = Models.load(config.model(), checkpoint, threads)) {
        List<Answered> answered = answers(lm, checkpoint, tokenizer, asked);
        MetricTokens tokens =
            MetricTokens.of(config, tokenizer, answered.stream().map(Answered::answer).toList());
        Map<String, List<PromptTokens>> refused = refused(answered);
        List<PromptTokens> safe =
            answered.stream()
                .filter(each -> !each.toxic() && each.answer.behaviour() == Behaviour.COMPLIANCE)
                .map(Answered::tokens)
                .toList();
        Map<String, LayersFile.Rate> rates = rates(answered);
        requireEnough(refused, safe, rates, tokens);
        Partners partners = new Partners(safe, config.seed());
        List<LayerDecision> profile =
            new LayerScan(
                    lm,
                    new RefusalMetric(tokens.tokens().stream().mapToInt(CollectReport.RefusalToken::id).toArray()),
                    padId(checkpoint), partners, SinkThresholds.none(), config.inference().batchSize())
                .measure(
                    List.copyOf(refused.values()), BOOTSTRAP,
                    at -> Seeds.random(config.seed(), "decision by layer", at.name()), progress);
        LayersFile file =
            LayersFile.of(
                Models.name(config.model()), template.name(), config.seed(), tokens, auc(answered, tokens), rates,
                prompts(refused, partners), profile,
                LayerProposal.of(profile));
        Json.write(file(config), file);
        return file;
      }
    }
  }

  private static int padId(CheckpointFolder checkpoint) {
    return checkpoint.config().padToken().orElse(0);
  }

  /** Some discovery prompts of either side of every category, drawn with the seed, that fit the model's context. */
  private List<Asked> prompts(ChatTemplate template, CheckpointFolder checkpoint) {
    Map<Category, List<CollectStage.Entry>> all = CollectStage.prompts(config, progress);
    int most = Math.max(LEAST_PER_CATEGORY, Math.min(MOST_PER_CATEGORY, TOXIC / all.size()));
    int room = checkpoint.config().maxPositions() - config.inference().maxNewTokens();
    List<Asked> asked = new ArrayList<>();
    all.forEach((category, entries) -> {
      for (boolean toxic : new boolean[] {true, false}) {
        List<Asked> side =
            entries.stream()
                .filter(entry -> entry.side() == Split.Side.DISCOVERY && entry.prompt().label().toxic() == toxic)
                .map(entry -> new Asked(category.name(), entry, template.prompt(entry.prompt().text())))
                .filter(each -> each.rendered.length() <= room)
                .toList();
        int[] order =
            Seeds.permutation(
                side.size(), Seeds.random(config.seed(), "find layers", category.name(), toxic ? "toxic" : "safe"));
        Arrays.stream(order).limit(most).sorted().mapToObj(side::get).forEach(asked::add);
      }
    });
    return asked;
  }

  /** Greedy answers, as collect generates them; no activation is captured. */
  private List<Answered> answers(CausalLm lm, CheckpointFolder checkpoint, Tokenizer tokenizer, List<Asked> asked) {
    AnswerReader reader =
        new AnswerReader(
            tokenizer, RefusalDetector.of(config.inference().detector()), config.inference().maxNewTokens());
    Collector.Options options =
        new Collector.Options(
            List.of(), Positions.LAST_PROMPT, config.inference().maxNewTokens(), config.inference().batchSize(),
            padId(checkpoint), false);
    List<Collector.Input> inputs = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      inputs.add(new Collector.Input(i, asked.get(i).rendered));
    }
    List<Answered> answered = new ArrayList<>();
    new Collector(lm, options, progress)
        .collect(
            "a few prompts", inputs, List.of(),
            (CapturedPrompt captured) ->
                answered.add(
                    new Answered(
                        asked.get((int) captured.promptIndex()),
                        reader.read(
                            new CollectedOutputs.Output(
                                captured.promptIndex(), captured.lastLogits(), captured.generatedIds())),
                        captured.lastLogits())));
    return answered;
  }

  private static Map<String, LayersFile.Rate> rates(List<Answered> answered) {
    Map<String, List<Answered>> byCategory =
        answered.stream()
            .collect(Collectors.groupingBy(each -> each.asked.category, LinkedHashMap::new, Collectors.toList()));
    Map<String, LayersFile.Rate> rates = new LinkedHashMap<>();
    byCategory.forEach((category, all) ->
        rates.put(
            category,
            new LayersFile.Rate(
                count(all, true, false), count(all, true, true), count(all, false, false), count(all, false, true))));
    return rates;
  }

  private static int count(List<Answered> answered, boolean toxic, boolean refusedOnly) {
    return (int)
        answered.stream().filter(each -> each.toxic() == toxic && (!refusedOnly || each.refused())).count();
  }

  /** Refused toxic prompts of the categories that have enough of them, the first of each. */
  private static Map<String, List<PromptTokens>> refused(List<Answered> answered) {
    Map<String, List<PromptTokens>> byCategory = new LinkedHashMap<>();
    answered.stream()
        .filter(each -> each.toxic() && each.refused())
        .forEach(each -> byCategory.computeIfAbsent(each.asked.category, key -> new ArrayList<>()).add(each.tokens()));
    byCategory.values().removeIf(prompts -> prompts.size() < LEAST_REFUSED);
    byCategory.replaceAll((category, prompts) -> prompts.subList(0, Math.min(MEASURED, prompts.size())));
    return byCategory;
  }

  private static void requireEnough(
      Map<String, List<PromptTokens>> refused, List<PromptTokens> safe, Map<String, LayersFile.Rate> rates,
      MetricTokens tokens) {
    int all = rates.values().stream().mapToInt(LayersFile.Rate::toxicRefused).sum();
    int toxic = rates.values().stream().mapToInt(LayersFile.Rate::toxic).sum();
    if (refused.isEmpty() || tokens.tokens().isEmpty()) {
      throw UserException.badData(
          "too few refusals to find layers: %d of %d toxic prompts were refused, %d or more in no category"
              .formatted(all, toxic, LEAST_REFUSED),
          "use prompts that this model refuses (--dataset-dir, --categories), or a model that refuses");
    }
    if (safe.size() < LEAST_ANSWERED) {
      throw UserException.badData(
          "too few answers to find layers: %d of %d safe prompts were answered, and partners need %d"
              .formatted(safe.size(), rates.values().stream().mapToInt(LayersFile.Rate::safe).sum(), LEAST_ANSWERED),
          "use more safe prompts (--dataset-dir, --categories)");
    }
  }

  private static double auc(List<Answered> answered, MetricTokens tokens) {
    return Auc.of(metrics(answered, tokens, true), metrics(answered, tokens, false)).value();
  }

  private static double[] metrics(List<Answered> answered, MetricTokens tokens, boolean refused) {
    return answered.stream()
        .filter(each -> each.refused() == refused)
        .mapToDouble(each -> tokens.metric(each.logits))
        .toArray();
  }

  private static Map<String, List<LayersFile.Pair>> prompts(
      Map<String, List<PromptTokens>> refused, Partners partners) {
    Map<String, List<LayersFile.Pair>> pairs = new LinkedHashMap<>();
    refused.forEach((category, prompts) ->
        pairs.put(
            category,
            prompts.stream()
                .map(prompt -> new LayersFile.Pair(prompt.index(), partners.of(prompt).id()))
                .toList()));
    return pairs;
  }
}
