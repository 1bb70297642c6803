package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.refusal.Goldens;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.Collected;
import org.refusal.collected.ContentFree;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.ModelSection;
import org.refusal.data.Category;
import org.refusal.data.EqualTexts;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.doctor.Doctor;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.stats.Interval;
import org.refusal.stats.Wilson;
import org.refusal.text.Positions;

/** Collect on a planted model of two categories, 10 toxic and 10 safe prompts each, some of the toxic harmless. */
class CollectStageTest {
  private static final List<Category> CATEGORIES = Category.OR_BENCH.subList(0, 2);
  @TempDir static Path shared;
  private static Path model;
  @TempDir Path folder;
  private final List<String> notes = new ArrayList<>();
  private final List<String> tasks = new ArrayList<>();

  @BeforeAll
  static void plant() {
    model = shared.resolve("planted");
    PlantedModel.write(new PlantedSpec(PlantedKind.MODULAR, 5, 0, CATEGORIES, 10, 10, 0.01, 0.2), model);
  }

  private CollectConfig config(String... sets) {
    Binder.Draft draft = Binder.empty();
    List<String> all = new ArrayList<>(
        List.of(
            "model.name=" + model, "model.activation_layers=[residuals_2]", "data.path=" + model,
            "output.result_dir=" + folder));
    all.addAll(List.of(sets));
    for (String set : all) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return Binder.bind(CollectConfig.class, draft, name -> null);
  }

  private StageContext context() throws IOException {
    Progress silent = Progress.none();
    Progress noting =
        new Progress() {
          @Override
          public Task task(String name, long steps) {
            tasks.add(name);
            return silent.task(name, steps);
          }

          @Override
          public void note(String line) {
            notes.add(line);
          }
        };
    return new StageContext(noting, Files.createTempDirectory(folder, "work"), 1);
  }

  private StageResult collect(String... sets) throws IOException {
    return new CollectStage().run(config(sets), context());
  }

  private Collected collected() {
    return Collected.open(new ResultLayout(folder), "planted", List.of());
  }

  @Test
  void ratesAreCountedFromTheOutputsWithWilsonIntervals() throws IOException {
    StageResult result = collect();

    Collected collected = collected();
    CollectReport report = collected.report();
    int toxic = 0;
    int refused = 0;
    long promptTokens = 0;
    for (String category : collected.categories()) {
      List<ModelOutput> outputs = collected.outputs(category);
      List<ModelOutput> side = outputs.stream().filter(output -> output.label() == Label.TOXIC).toList();
      int here = (int) side.stream().filter(output -> output.behaviour().refused()).count();
      CollectReport.Rate rate = report.categories().get(category).toxic();
      Interval wilson = Wilson.interval(here, side.size(), 0.95);
      assertThat(rate)
          .isEqualTo(
              new CollectReport.Rate(
                  side.size(), here, 0, (double) here / side.size(), wilson.low(), wilson.high(), side.size()));
      assertThat(report.categories().get(category).hard()).isNull();
      toxic += side.size();
      refused += here;
      promptTokens += outputs.stream().mapToLong(output -> output.promptIds().length).sum();
    }
    assertThat(refused).as("some toxic prompts are harmless, the model knows").isBetween(10, toxic - 1);
    assertThat(report.total().toxic().refused()).isEqualTo(refused);
    assertThat(report.overRefusal().refused()).isZero();
    assertThat(report.overRefusal().prompts()).isEqualTo(20);
    assertThat(report.promptTokens()).isEqualTo(promptTokens);
    assertThat(report.refusalTokens()).extracting(CollectReport.RefusalToken::piece).containsExactly("Sorry");
    assertThat(report.calibrated()).isTrue();
    assertThat(report.separation().auc()).isCloseTo(1, within(1e-9));
    List<ModelOutput> heldOut =
        collected.categories().stream()
            .flatMap(category -> collected.outputs(category).stream())
            .filter(output -> output.split() == Split.Side.HELDOUT)
            .toList();
    int refusedHeldOut = (int) heldOut.stream().filter(output -> output.behaviour().refused()).count();
    assertThat(report.separation().refused()).isPositive().isEqualTo(refusedHeldOut);
    assertThat(report.separation().complied()).isEqualTo(heldOut.size() - refusedHeldOut);
    List<String> table = Files.readAllLines(new ResultLayout(folder).collectTable("planted"));
    assertThat(table.get(0)).startsWith("category,side,prompts,refused,partial,refusal_rate,wilson_low,wilson_high,kept");
    String toxicRow = "all,toxic,%d,%d,0,".formatted(toxic, refused);
    assertThat(table).hasSize(1 + 2 * 2 + 2 + 1)
        .anyMatch(line -> line.startsWith(toxicRow))
        .anyMatch(line -> line.startsWith("all,hard and safe,20,0,0,0.0,0.0,"));
    assertThat(folder.resolve("visualizations/planted/refusal_rates.png")).isNotEmptyFile();
    assertThat(String.join("\n", result.summary()))
        .contains("  all ", "AUC 1.000", "throughput: 40 prompts (%d prompt tokens".formatted(promptTokens));
  }

  @Test
  void behaviourConsistentPromptsAreCountedAndTheOthersNotUsed() throws IOException {
    StageResult result = collect("data.keep=behaviour_consistent");

    Collected collected = collected();
    CollectReport report = collected.report();
    int kept = 0;
    for (String category : collected.categories()) {
      CollectReport.Sides sides = report.categories().get(category);
      assertThat(sides.toxic().kept()).isEqualTo(sides.toxic().refused());
      assertThat(sides.safe().kept()).isEqualTo(sides.safe().prompts() - sides.safe().refused());
      assertThat(collected.outputs(category))
          .hasSize(sides.toxic().kept() + sides.safe().kept())
          .allMatch(output -> output.label().toxic() == output.behaviour().refused());
      kept += sides.toxic().kept();
    }
    assertThat(kept).isLessThan(20).isEqualTo(report.total().toxic().kept());
    assertThat(result.summary()).anyMatch(line -> line.contains("data.keep: behaviour_consistent"));
  }

  @ParameterizedTest
  @EnumSource(Positions.class)
  void everyOptionOfPositionsKeepsItsTokens(Positions positions) throws IOException {
    collect("inference.positions=" + positions.text(), "inference.max_new_tokens=4");

    Collected collected = collected();
    try (ActivationStore store = collected.activations()) {
      for (String category : collected.categories()) {
        for (ModelOutput output : collected.outputs(category)) {
          int length = output.promptIds().length;
          int run = output.ended() ? output.generatedIds().length : output.generatedIds().length - 1;
          int[] expected =
              switch (positions) {
                case PROMPT -> range(0, length);
                case LAST_PROMPT -> range(length - 1, length);
                case POST_INSTRUCTION -> range(output.userTo(), length);
                case GENERATED -> range(length, length + run);
                case LAST_GENERATED -> range(length + run - 1, length + run);
              };
          StoredPrompt stored = store.find(category, output.promptIndex()).orElseThrow();
          assertThat(store.positions(stored)).isEqualTo(expected);
          assertThat(store.rows(stored, HookPoint.residuals(2))).hasSize(expected.length * store.dModel());
        }
      }
    }
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  @Test
  void promptsThatDoNotFitAreNamedAndLeftOut() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    for (String file : List.of("or-bench-80k.csv", "or-bench-hard-1k.csv", "or-bench-toxic.csv")) {
      Files.copy(model.resolve(file), data.resolve(file));
    }
    Path toxic = data.resolve("or-bench-toxic.csv");
    List<String> lines = new ArrayList<>(Files.readAllLines(toxic));
    String category = CATEGORIES.get(0).name();
    lines.add("help " + "with that ".repeat(150) + "," + category);
    Files.write(toxic, lines);

    StageResult result = collect("data.path=" + data, "data.category_balance_strategy=use_all");

    CollectReport report = collected().report();
    assertThat(report.overLength()).hasSize(1).first().asString().startsWith(category + "/");
    assertThat(notes).anyMatch(note -> note.contains("1 prompts with more than") && note.contains(report.overLength().get(0)));
    assertThat(result.summary()).contains("left out, too long for the model's context: 1");
  }

  /** Every prompt stands twice, one of the toxic ones among the safe prompts of the other category too. */
  @Test
  void equalTextsStayOnOneSideOfTheSplitAndAreCounted() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    String conflict = null;
    for (String file : List.of("or-bench-hard-1k.csv", "or-bench-toxic.csv", "or-bench-80k.csv")) {
      List<String> lines = Files.readAllLines(model.resolve(file));
      List<String> all = new ArrayList<>(lines);
      lines.subList(1, lines.size()).forEach(line -> all.add(line.toUpperCase(Locale.ROOT).replace(" ", "  ")
          .replaceFirst("[^,]*$", line.substring(line.lastIndexOf(',') + 1))));
      if (file.contains("toxic")) {
        conflict = lines.get(1);
      } else if (file.contains("80k")) {
        String category = conflict.endsWith(CATEGORIES.get(0).name()) ? CATEGORIES.get(1).name() : CATEGORIES.get(0).name();
        all.add(conflict.substring(0, conflict.lastIndexOf(',') + 1) + category);
      }
      Files.write(data.resolve(file), all);
    }

    StageResult result = collect("data.path=" + data, "data.max_prompts_per_category=0");

    Map<String, Set<String>> sides = new TreeMap<>();
    for (String category : collected().categories()) {
      collected().outputs(category).forEach(output -> sides
          .computeIfAbsent(EqualTexts.key(output.prompt()), text -> new TreeSet<>())
          .add(output.split().text()));
    }
    assertThat(sides).allSatisfy((text, of) -> assertThat(of).as(text).hasSize(1));
    assertThat(sides.values().stream().filter(of -> of.contains("heldout")).count()).isBetween(6L, 18L);
    EqualTexts equal = collected().report().equalTexts();
    assertThat(equal.texts()).isGreaterThanOrEqualTo(20);
    assertThat(Json.read(new ResultLayout(folder).splits()).at("/equal_texts/texts").intValue()).isEqualTo(equal.texts());
    assertThat(notes).anyMatch(note -> note.startsWith("warning: %d texts stand more than once".formatted(equal.texts())));
    assertThat(result.summary()).anyMatch(line -> line.contains("equal texts stay on one side of the split"));
  }

  @Test
  void refusalTokensOfTheConfigAreCheckedAgainstTheTokenizer() throws IOException {
    collect("inference.refusal_tokens=[Sorry, I]");

    CollectReport report = collected().report();
    assertThat(report.calibrated()).isFalse();
    assertThat(report.refusalTokens()).extracting(CollectReport.RefusalToken::piece)
        .containsExactlyInAnyOrder("Sorry", "I");
    assertThatThrownBy(() -> collect("inference.refusal_tokens=[Unheard]"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("inference.refusal_tokens: \"Unheard\" is not one token");
  }

  @Test
  void aMetricThatDoesNotSeparateStopsDiscoveryUnlessForced() throws IOException {
    collect();
    ResultLayout layout = new ResultLayout(folder);

    setAuc(layout, 0.55);
    StageResult stopped = new DiscoverStage().run(discover(), context());
    assertThat(stopped.summary())
        .containsExactly(
            "no circuits: the metric m does not separate refused from answered held-out prompts (AUC 0.550, below .6;"
                + " discovery.force: true goes on all the same)");
    assertThat(notes).anyMatch(note -> note.startsWith("warning: no circuits are sought"));
    assertThatThrownBy(() -> new DiscoverStage().run(discover("discovery.force=true"), context()))
        .as("forced, it looks for autoencoders, which are not there")
        .hasMessageContaining("autoencoder");

    notes.clear();
    setAuc(layout, 0.7);
    assertThatThrownBy(() -> new DiscoverStage().run(discover(), context())).hasMessageContaining("autoencoder");
    assertThat(notes).containsExactly(
        "warning: the metric m separates refused from answered held-out prompts poorly (AUC 0.700, below .8)");

    notes.clear();
    setAuc(layout, 0.9);
    assertThatThrownBy(() -> new DiscoverStage().run(discover(), context())).hasMessageContaining("autoencoder");
    assertThat(notes).isEmpty();
  }

  @Test
  void theContentFreePromptsAreSomeThirtyLinesOfTheirOwn() {
    assertThat(ContentFree.prompts()).hasSize(30).doesNotHaveDuplicates().allMatch(line -> line.equals(line.strip()))
        .noneMatch(String::isEmpty);
  }

  @Test
  void refusalByDefaultIsAskedApartFromAllCategories() throws IOException {
    StageContext context = context();
    StageResult result = new CollectStage().run(config(), context);

    Interval wilson = Wilson.interval(0, 30, 0.95);
    assertThat(collected().report().defaultRefusal())
        .isEqualTo(new CollectReport.DefaultRefusal(30, 0, 0, wilson.low(), wilson.high()));
    assertThat(result.summary()).contains("refusal by default: 0 of 30 content-free prompts = 0.00 [0.00, 0.11]");
    Path file = folder.resolve("model_outputs/planted_content_free.json");
    assertThat(result.outputs()).contains(file);
    JsonNode answers = Json.read(file);
    assertThat(answers).hasSize(30);
    for (int i = 0; i < 30; i++) {
      JsonNode answer = answers.get(i);
      assertThat(answer.path("prompt_index").intValue()).isEqualTo(i);
      assertThat(answer.path("prompt").textValue()).isEqualTo(ContentFree.prompts().get(i));
      assertThat(answer.path("completion").textValue()).startsWith("Sure");
      assertThat(answer.path("refused").booleanValue()).isFalse();
    }
    assertThat(collected().categories()).containsExactly(CATEGORIES.get(0).name(), CATEGORIES.get(1).name());
    assertThat(Json.read(new ResultLayout(folder).splits()).toString()).doesNotContain("content");
    assertThat(tasks).contains("collect content_free");

    String written = Files.readString(file);
    tasks.clear();
    new CollectStage().run(config(), context);
    assertThat(tasks).as("finished before").isEmpty();
    assertThat(file).hasContent(written);

    assertThat(collect("inference.content_free=false").summary()).noneMatch(line -> line.contains("by default"));
    assertThat(collected().report().defaultRefusal()).isNull();
    assertThat(file).doesNotExist();
  }

  @Test
  void withoutHeldOutPromptsTheMetricIsNotJudged() throws IOException {
    StageResult result = collect("data.heldout_fraction=0");

    String why = "m was measured on no held-out prompt";
    assertThat(collected().report().separation().judged()).isFalse();
    assertThat(result.summary()).contains("metric m: cannot be judged, since " + why);
    assertThat(new DiscoverStage().run(discover(), context()).summary())
        .containsExactly(
            "no circuits: the metric m cannot be judged, since " + why + " (discovery.force: true goes on all the same)");
    assertThatThrownBy(() -> new DiscoverStage().run(discover("discovery.force=true"), context()))
        .as("forced, it looks for autoencoders, which are not there")
        .hasMessageContaining("autoencoder");
  }

  private DiscoverConfig discover(String... sets) {
    Binder.Draft draft = Binder.empty();
    List<String> all = new ArrayList<>(List.of("model.name=" + model, "output.result_dir=" + folder));
    all.addAll(List.of(sets));
    for (String set : all) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return Binder.bind(DiscoverConfig.class, draft, name -> null);
  }

  private static void setAuc(ResultLayout layout, double auc) {
    Path file = layout.collectReport("planted");
    JsonNode report = Json.read(file);
    ((ObjectNode) report.path("separation")).put("auc", auc);
    Json.write(file, report);
  }

  @Test
  void doctorSaysWhatIsKnownOfTheRefusalTokens() throws IOException {
    ModelSection section = config().model();
    Map<String, Doctor.Finding> before = findings(Doctor.examine("auto", section, folder, null));
    assertThat(before.get("metric").good()).isTrue();
    assertThat(before.get("metric").text()).contains("not calibrated", "collect calibrates", "'Sorry'", "--outputs");

    collect();
    Doctor.Finding calibrated = findings(Doctor.examine("auto", section, folder, null)).get("metric");
    assertThat(calibrated.good()).isTrue();
    assertThat(calibrated.text())
        .contains("refusal tokens R ['Sorry' ", "calibrated on this model's answers (template: ", "AUC 1.000");

    Path outputs = new ResultLayout(folder).outputs("planted", CATEGORIES.get(0).name());
    Doctor.Finding fromFile = findings(Doctor.examine("auto", section, folder.resolve("empty"), outputs)).get("metric");
    assertThat(fromFile.text()).contains("refusal tokens R ['Sorry' ", "(begins ", "calibrated on ");

    Path texts = folder.resolve("texts.json");
    Files.writeString(
        texts,
        "[" + "{\"completion\": \"Sorry I cannot help with that\"},".repeat(4)
            + "{\"completion\": \"Sure here is help\"},".repeat(4) + "{\"completion\": \"\"}]");
    assertThat(findings(Doctor.examine("auto", section, folder, texts)).get("metric").text())
        .contains("'Sorry'", "(begins 4 refused, 0 answered)", "4 refused and 5 answered");
    Files.writeString(texts, "[{\"answer\": 1}]");
    assertThat(findings(Doctor.examine("auto", section, folder, texts)).get("metric"))
        .isEqualTo(new Doctor.Finding(false, "metric", texts + ": record 1 has no completion"));

    setAuc(new ResultLayout(folder), 0.5);
    Doctor.Finding bad = findings(Doctor.examine("auto", section, folder, null)).get("metric");
    assertThat(bad.good()).isFalse();
    assertThat(bad.text()).contains("below .6: discover stops");
  }

  @Test
  void aTemplateThatTheModelDoesNotBringIsSaidByCollectAndDoctor() throws IOException {
    Path source = Goldens.folder("models").resolve("llama-mha-fp32");
    Path bare = Files.createDirectory(folder.resolve("bare"));
    for (String file : List.of("config.json", "generation_config.json", "tokenizer.json", "model.safetensors")) {
      Files.copy(source.resolve(file), bare.resolve(file));
    }
    ObjectNode tokens = (ObjectNode) Json.read(source.resolve("tokenizer_config.json"));
    tokens.remove("chat_template");
    Json.write(bare.resolve("tokenizer_config.json"), tokens);
    String[] sets = {"model.name=" + bare, "model.activation_layers=[residuals_0]", "inference.max_new_tokens=1"};

    collect(sets);
    assertThat(notes).anyMatch(note -> note.startsWith("warning: " + bare) && note.contains("that of Llama-2-chat is taken"));
    Doctor.Finding finding = findings(Doctor.examine("auto", config(sets).model(), folder, null)).get("template");
    assertThat(finding.good()).isTrue();
    assertThat(finding.text()).startsWith("warning: ").contains("brings no chat template", "Llama-2-chat");
  }

  private static Map<String, Doctor.Finding> findings(List<Doctor.Finding> findings) {
    return findings.stream().collect(Collectors.toMap(Doctor.Finding::what, Function.identity()));
  }
}
