package org.refusal.stage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.refusal.activation.ActivationWriter;
import org.refusal.activation.CollectedOutputs;
import org.refusal.activation.Collector;
import org.refusal.activation.MissingPrompt;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.behaviour.RefusalTokens;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.AnswerReader;
import org.refusal.collected.CollectReport;
import org.refusal.collected.ContentFree;
import org.refusal.collected.MetricTokens;
import org.refusal.collected.OriginalFiles;
import org.refusal.collected.RefusalRates;
import org.refusal.collected.Throughput;
import org.refusal.config.CollectConfig;
import org.refusal.config.ModelSection;
import org.refusal.data.Balancer;
import org.refusal.data.Category;
import org.refusal.data.EqualTexts;
import org.refusal.data.Label;
import org.refusal.data.LegacyData;
import org.refusal.data.ModelOutput;
import org.refusal.data.ModelOutputs;
import org.refusal.data.OrBench;
import org.refusal.data.Prompt;
import org.refusal.data.Split;
import org.refusal.io.Json;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Models;
import org.refusal.plot.Fonts;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.text.ChatTemplate;
import org.refusal.text.Positions;
import org.refusal.text.RenderedPrompt;
import org.refusal.text.Tokenizer;

/** Runs the model on the prompts: activations, answers, behaviour, metric, and the split that all later stages obey. */
public final class CollectStage implements Stage<CollectConfig> {

  @Override
  public String name() {
    return "collect";
  }

  @Override
  public String summary() {
    return "What does the model do, and with which activations? Runs it on the prompts and keeps both.";
  }

  @Override
  public int version() {
    return 2;
  }

  @Override
  public Class<CollectConfig> configType() {
    return CollectConfig.class;
  }

  @Override
  public Path resultDir(CollectConfig config) {
    return Path.of(config.output().resultDir());
  }

  @Override
  public List<Path> inputs(CollectConfig config) {
    List<Path> inputs = new ArrayList<>(AnalyzeDataStage.datasetFiles(config.data().path()));
    inputs.addAll(Models.checkpoint(config.model()).files());
    if (!Set.of("auto", "none").contains(config.inference().chatTemplate())) {
      inputs.add(Path.of(config.inference().chatTemplate()));
    }
    return inputs;
  }

  @Override
  public Optional<ModelSection> modelRun(CollectConfig config) {
    return Optional.of(config.model());
  }

  @Override
  public StageResult run(CollectConfig config, StageContext context) {
    ResultLayout layout = new ResultLayout(resultDir(config));
    CheckpointFolder checkpoint = Models.checkpoint(config.model());
    requireRoom(config, checkpoint);
    List<HookPoint> points =
        config.inference().saveActivations() ? Models.requireHookPoints(config.model(), checkpoint) : List.of();
    Map<Category, List<Entry>> prompts = prompts(config, context.progress());
    String model = Models.name(config.model());

    try (Tokenizer tokenizer = Tokenizer.load(checkpoint.folder())) {
      RefusalTokens.ids(config.inference().refusalTokens(), tokenizer); // before hours of work
      Models.remarks(checkpoint, tokenizer).forEach(remark -> context.progress().note("warning: " + remark));
      ChatTemplate template = template(config, tokenizer);
      template.warnings().forEach(warning -> context.progress().note("warning: " + warning));
      prompts.replaceAll(
          (category, entries) ->
              entries.stream().map(entry -> entry.with(template.prompt(entry.prompt().text()))).toList());
      prompts.forEach((category, entries) -> entries.forEach(entry ->
          requireFit(category + "/" + entry.index(), entry.rendered(), tokenizer, checkpoint)));
      int room = checkpoint.config().maxPositions() - config.inference().maxNewTokens();
      List<String> overLength = new ArrayList<>();
      prompts.forEach((category, entries) -> entries.stream()
          .filter(entry -> entry.rendered().length() > room)
          .forEach(entry -> overLength.add(category + "/" + entry.index())));
      long all = prompts.values().stream().mapToLong(List::size).sum();
      if (all > 0 && overLength.size() == all) {
        throw UserException.badData(
            "no prompt is left: all %d have more than %d tokens, which is what %d new tokens leave of the model's context of %d"
                .formatted(all, room, config.inference().maxNewTokens(), checkpoint.config().maxPositions()),
            "lower inference.max_new_tokens, or take a model of longer context");
      }
      List<Collector.Input> contentFree = config.inference().contentFree() ? ContentFree.inputs(template) : List.of();
      contentFree.stream()
          .filter(input -> input.prompt().length() > room)
          .forEach(input -> overLength.add(ContentFree.NAME + "/" + input.promptIndex()));
      if (!overLength.isEmpty()) {
        context.progress().note(
            "warning: %d prompts with more than %d tokens do not fit the model's context of %d with %d new tokens and are left out: %s"
                .formatted(overLength.size(), room, checkpoint.config().maxPositions(),
                    config.inference().maxNewTokens(), String.join(", ", overLength)));
      }
      Map<String, String> missing = new TreeMap<>();
      List<Path> outputs = new ArrayList<>();
      Throughput throughput = new Throughput();
      collect(config, context, checkpoint, points, prompts, contentFree, room, layout, missing, outputs, throughput);
      StageResult result =
          finish(config, context, layout, prompts, tokenizer, template, model, overLength, missing, outputs);
      List<String> summary = new ArrayList<>(result.summary());
      summary.add(throughput.line());
      return new StageResult(result.outputs(), summary);
    }
  }

  /** A prompt on its way; {@code index} is its number within the category. */
  record Entry(long index, Prompt prompt, Split.Side side, RenderedPrompt rendered) {
    Entry with(RenderedPrompt value) {
      return new Entry(index, prompt, side, value);
    }
  }

  static ChatTemplate template(CollectConfig config, Tokenizer tokenizer) {
    return ChatTemplate.of(
        config.inference().chatTemplate(),
        tokenizer,
        config.inference().systemPrompt() == null ? "" : config.inference().systemPrompt());
  }

  /** The prompts with their numbers and sides, not yet rendered. */
  static Map<Category, List<Entry>> prompts(CollectConfig config, Progress progress) {
    CollectConfig.Data options = config.data();
    Balancer.Balanced balanced = balanced(options, config.seed());
    balanced.warnings().forEach(warning -> progress.note("warning: " + warning));
    EqualTexts.count(balanced.prompts()).warnings().forEach(warning -> progress.note("warning: " + warning));
    Split split = Split.of(balanced.prompts(), options.heldoutFraction(), config.seed());
    Map<Category, List<Entry>> byCategory = new LinkedHashMap<>();
    for (int i = 0; i < balanced.prompts().size(); i++) {
      Prompt prompt = balanced.prompts().get(i);
      List<Entry> entries = byCategory.computeIfAbsent(prompt.category(), category -> new ArrayList<>());
      entries.add(new Entry(entries.size(), prompt, split.sides().get(i), null));
    }
    return byCategory;
  }

  private static Balancer.Balanced balanced(CollectConfig.Data options, long seed) {
    Path folder = Path.of(options.path());
    Balancer.Strategy strategy = Balancer.Strategy.of(options.categoryBalanceStrategy());
    if (options.variant().equals("legacy")) {
      return LegacyData.load(folder).balanced(options.categories(), strategy);
    }
    OrBench data = OrBench.load(folder, options.categories());
    Balancer.Balanced balanced =
        Balancer.balance(
            data.prompts(),
            data.categories(),
            new Balancer.Options(strategy, options.includeHard(), options.maxPromptsPerCategory(), true, seed));
    return balanced.warning(data.warnings());
  }

  /**
   * @param name of the prompt, for messages
   * @throws UserException naming a token of the prompt that the model has no embedding for
   */
  static void requireFit(String name, RenderedPrompt prompt, Tokenizer tokenizer, CheckpointFolder checkpoint) {
    int rows = checkpoint.config().vocabSize();
    for (int token : prompt.ids()) {
      if (token >= rows) {
        throw UserException.badData(
            "%s: prompt %s holds token %d ('%s'), and the model's embedding ends at %d"
                .formatted(
                    checkpoint.folder().resolve("tokenizer.json"), name, token, tokenizer.piece(token), rows - 1),
            "the tokenizer belongs to another model, or has a token that was never added to this one");
      }
    }
  }

  /** @throws UserException when the model's context has no place for a prompt and so many new tokens */
  static void requireRoom(CollectConfig config, CheckpointFolder checkpoint) {
    int context = checkpoint.config().maxPositions();
    if (config.inference().maxNewTokens() >= context) {
      throw UserException.badConfig(
          "inference.max_new_tokens: %d leaves no room for a prompt in the model's context of %d"
              .formatted(config.inference().maxNewTokens(), context),
          "set it well below " + context);
    }
  }

  /** Fills the activation files and, in the work folder, what the model answered. */
  private static void collect(
      CollectConfig config, StageContext context, CheckpointFolder checkpoint, List<HookPoint> points,
      Map<Category, List<Entry>> prompts, List<Collector.Input> contentFree, int room, ResultLayout layout,
      Map<String, String> missing, List<Path> outputs, Throughput throughput) {
    String model = Models.name(config.model());
    try (CausalLm lm = Models.load(config.model(), checkpoint, context.threads())) {
      ActivationWriter.Layout shards =
          new ActivationWriter.Layout(
              points,
              checkpoint.config().dModel(),
              Collector.storedType(lm.dataType()),
              Map.of("model", model),
              ActivationWriter.Layout.DEFAULT_SHARD_BYTES);
      Collector.Options options =
          new Collector.Options(
              points,
              Positions.of(config.inference().positions()),
              config.inference().maxNewTokens(),
              config.inference().batchSize(),
              checkpoint.config().padToken().orElse(0),
              config.inference().keepGoing());
      Run run = new Run(context, layout.activationsFolder(), room, missing);
      for (Map.Entry<Category, List<Entry>> category : prompts.entrySet()) {
        String name = category.getKey().name();
        List<Collector.Input> inputs =
            category.getValue().stream().map(entry -> new Collector.Input(entry.index(), entry.rendered())).toList();
        outputs.addAll(run.all(lm, options, shards, name, layout.activationsStem(model, name), inputs, throughput));
      }
      if (!contentFree.isEmpty()) {
        run.all(
            lm, options.withoutHookPoints(), shards.withoutHookPoints(), ContentFree.NAME, layout.contentFreeStem(model),
            contentFree, new Throughput());
      }
    }
  }

  /**
   * Runs prompts, those that an earlier run has finished left out.
   *
   * @param room tokens that a prompt may have
   * @param missing takes the prompts that could not be run
   */
  private record Run(StageContext context, Path folder, int room, Map<String, String> missing) {
    List<Path> all(
        CausalLm lm, Collector.Options options, ActivationWriter.Layout shards, String name, String stem,
        List<Collector.Input> prompts, Throughput throughput) {
      ActivationWriter writer = ActivationWriter.open(folder, context.work(), stem, shards);
      List<MissingPrompt> lost;
      if (writer.finished()) {
        lost = ActivationWriter.missing(context.work(), stem);
      } else {
        Collector collector = new Collector(lm, options, context.progress());
        List<Collector.Input> inputs = prompts.stream().filter(input -> input.prompt().length() <= room).toList();
        lost =
            throughput.measure(inputs, writer::add, sink -> collector.collect(name, inputs, writer.done(), sink));
      }
      List<Path> files = writer.finish(lost);
      lost.forEach(prompt -> missing.put(name + "/" + prompt.promptIndex(), prompt.reason()));
      return files;
    }
  }

  /** From the answers to behaviour, refusal tokens and metric; writes everything but the activations. */
  private StageResult finish(
      CollectConfig config, StageContext context, ResultLayout layout, Map<Category, List<Entry>> prompts,
      Tokenizer tokenizer, ChatTemplate template, String model, List<String> overLength, Map<String, String> missing,
      List<Path> files) {
    List.of(layout.outputs(model, "").getParent(), layout.refusalLabels(model, "").getParent(), layout.categoryWeights())
        .forEach(place -> OriginalFiles.keep(place, context.progress()));
    RefusalDetector detector = RefusalDetector.of(config.inference().detector());
    AnswerReader answers =
        new AnswerReader(tokenizer, detector, config.inference().maxNewTokens());
    Map<Category, List<AnswerReader.Answer>> byCategory = new LinkedHashMap<>();
    prompts.forEach((category, entries) -> {
      List<AnswerReader.Answer> read = new ArrayList<>();
      CollectedOutputs.forEach(
          context.work(),
          layout.activationsStem(model, category.name()),
          output -> read.add(answers.read(output)));
      byCategory.put(category, read);
    });

    MetricTokens tokens = MetricTokens.of(config, tokenizer, discovery(prompts, byCategory));
    Map<String, CollectReport.Sides> sides = new LinkedHashMap<>();
    List<ModelOutput> all = new ArrayList<>();
    List<Path> outputs = new ArrayList<>(files);
    prompts.forEach((category, entries) -> {
      Map<Long, AnswerReader.Answer> answer = new TreeMap<>();
      byCategory.get(category).forEach(each -> answer.put(each.promptIndex(), each));
      Map<Long, Double> metric = new TreeMap<>();
      CollectedOutputs.forEach(
          context.work(),
          layout.activationsStem(model, category.name()),
          output -> metric.put(output.promptIndex(), tokens.metric(output.lastLogits())));
      List<ModelOutput> lines =
          entries.stream()
              .filter(entry -> answer.containsKey(entry.index()))
              .map(entry -> line(
                  entry, answer.get(entry.index()), metric.get(entry.index()),
                  config.data().keep().equals("all")))
              .toList();
      outputs.addAll(write(layout, model, category, lines, answer));
      sides.put(category.name(), RefusalRates.of(lines));
      all.addAll(lines);
    });
    EqualTexts equalTexts =
        EqualTexts.count(prompts.values().stream().flatMap(List::stream).map(Entry::prompt).toList());
    List<AnswerReader.Answer> contentFree = new ArrayList<>();
    if (config.inference().contentFree()) {
      CollectedOutputs.forEach(
          context.work(), layout.contentFreeStem(model), output -> contentFree.add(answers.read(output)));
      Json.write(layout.contentFree(model), ContentFree.entries(contentFree));
      outputs.add(layout.contentFree(model));
    } else {
      removeOfAnotherRun(layout.contentFree(model));
    }
    CollectReport report =
        new CollectReport(
            model, template.name(), tokens.tokens(), tokens.calibrated(), RefusalRates.separation(all), sides,
            RefusalRates.of(all), RefusalRates.overRefusal(all), config.data().keep(), overLength, missing,
            all.stream().mapToLong(line -> line.promptIds().length).sum(),
            all.stream().mapToLong(line -> line.generatedIds().length).sum(),
            legacyOptions(config), equalTexts, RefusalRates.byDefault(contentFree));
    Path reportFile = layout.collectReport(model);
    Json.write(reportFile, report);
    outputs.add(reportFile);
    RefusalRates.writeTable(report, layout.collectTable(model));
    outputs.add(layout.collectTable(model));
    outputs.addAll(writeShared(config, layout, prompts, equalTexts));
    outputs.addAll(chart(report, layout.visualizations(model), context.progress()));
    return new StageResult(outputs, RefusalRates.summary(report));
  }

  /** What the model did is worth more than its picture: a machine that cannot draw keeps the rest. */
  private static List<Path> chart(CollectReport report, Path folder, Progress progress) {
    try {
      Fonts.regular(10);
    } catch (UserException e) {
      progress.note("warning: no chart of the refusal rates: " + e.getMessage());
      return List.of();
    }
    return RefusalRates.chart(report, folder);
  }

  private static void removeOfAnotherRun(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
  }

  private static List<String> legacyOptions(CollectConfig config) {
    List<String> legacy = new ArrayList<>();
    if (config.data().variant().equals("legacy")) {
      legacy.add("data.variant: legacy");
    }
    if (config.inference().chatTemplate().equals("none")) {
      legacy.add("inference.chat_template: none");
    }
    if (config.inference().positions().equals("last_generated")) {
      legacy.add("inference.positions: last_generated");
    }
    if (config.inference().detector().equals("legacy")) {
      legacy.add("inference.detector: legacy");
    }
    return legacy;
  }

  private static List<AnswerReader.Answer> discovery(
      Map<Category, List<Entry>> prompts, Map<Category, List<AnswerReader.Answer>> answers) {
    List<AnswerReader.Answer> kept = new ArrayList<>();
    prompts.forEach((category, entries) -> {
      Set<Long> discovery = new LinkedHashSet<>();
      entries.stream()
          .filter(entry -> entry.side() == Split.Side.DISCOVERY)
          .forEach(entry -> discovery.add(entry.index()));
      answers.get(category).stream().filter(each -> discovery.contains(each.promptIndex())).forEach(kept::add);
    });
    return kept;
  }

  private static ModelOutput line(Entry entry, AnswerReader.Answer answer, double metric, boolean keepAll) {
    return new ModelOutput(
        entry.index(),
        entry.prompt().text(),
        entry.prompt().source(),
        entry.prompt().label(),
        entry.rendered().ids(),
        entry.rendered().userFrom(),
        entry.rendered().userTo(),
        answer.generatedIds(),
        answer.ended(),
        answer.completion(),
        answer.behaviour(),
        metric,
        entry.side(),
        keepAll || entry.prompt().label().toxic() == answer.behaviour().refused());
  }

  private static List<Path> write(
      ResultLayout layout, String model, Category category, List<ModelOutput> lines,
      Map<Long, AnswerReader.Answer> answers) {
    Path file = layout.outputs(model, category.name());
    ModelOutputs.write(file, lines);
    Path labels = layout.refusalLabels(model, category.name());
    List<Map<String, Object>> entries = new ArrayList<>();
    for (ModelOutput line : lines) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("prompt_index", line.promptIndex());
      entry.put("label", line.label());
      entry.put("refused", line.behaviour().refused());
      entry.put("behaviour", line.behaviour());
      entry.put("reason", answers.get(line.promptIndex()).reason());
      entries.add(entry);
    }
    Json.write(labels, entries);
    return List.of(file, labels);
  }

  private static List<Path> writeShared(
      CollectConfig config, ResultLayout layout, Map<Category, List<Entry>> prompts, EqualTexts equalTexts) {
    Map<Category, Integer> toxic = new LinkedHashMap<>();
    Map<String, Map<String, Map<String, List<Long>>>> categories = new LinkedHashMap<>();
    prompts.forEach((category, entries) -> {
      toxic.put(category, (int) entries.stream().filter(entry -> entry.prompt().label().toxic()).count());
      Map<String, Map<String, List<Long>>> labels = new LinkedHashMap<>();
      for (Label label : Label.values()) {
        Map<String, List<Long>> bySide = new LinkedHashMap<>();
        for (Split.Side side : Split.Side.values()) {
          bySide.put(
              side.text(),
              entries.stream()
                  .filter(entry -> entry.prompt().label() == label && entry.side() == side)
                  .map(Entry::index)
                  .toList());
        }
        labels.put(label.text(), bySide);
      }
      categories.put(category.name(), labels);
    });
    Map<String, Double> weights = new LinkedHashMap<>();
    Balancer.weights(toxic).forEach((category, weight) -> weights.put(category.name(), weight));
    Json.write(layout.categoryWeights(), weights);
    Map<String, Object> splits = new LinkedHashMap<>();
    splits.put("seed", config.seed());
    splits.put("heldout_fraction", config.data().heldoutFraction());
    splits.put("equal_texts", equalTexts);
    Map<String, String> fileNames = new LinkedHashMap<>();
    categories.keySet().stream()
        .filter(name -> !ResultLayout.categoryName(name).equals(name))
        .forEach(name -> fileNames.put(name, ResultLayout.categoryName(name)));
    if (!fileNames.isEmpty()) {
      splits.put("file_names", fileNames);
    }
    splits.put("categories", categories);
    Json.write(layout.splits(), splits);
    return List.of(layout.categoryWeights(), layout.splits());
  }
}
