package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.collected.Collected;
import org.refusal.collected.MetricTokens;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.config.ModelSection;
import org.refusal.data.Category;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.doctor.Doctor;
import org.refusal.evaluation.LayerDecision;
import org.refusal.evaluation.LayerProposal;
import org.refusal.evaluation.LayersFile;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;

/** On planted models, which decide at residuals_2 (docs/planted.md). */
class LayerSearchTest {
  private static final List<Category> CATEGORIES = Category.OR_BENCH.subList(0, 3);

  @TempDir static Path shared;
  private static Path modular;
  private static Path silent;

  @TempDir Path folder;

  @BeforeAll
  static void plant() {
    modular = shared.resolve("modular");
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MODULAR, 5, 0, CATEGORIES, List.of(24, 24, 2), List.of(24, 24, 24), 0.01, 0,
            PlantedSpec.USUAL_SHARE),
        modular);
    silent = shared.resolve("silent");
    PlantedModel.write(new PlantedSpec(PlantedKind.NONE, 5, 0, CATEGORIES, 12, 12, 0.01, 0), silent);
  }

  private CollectConfig config(Path model, String... sets) {
    List<String> all =
        new ArrayList<>(List.of("model.name=" + model, "data.path=" + model, "output.result_dir=" + folder));
    all.addAll(List.of(sets));
    Binder.Draft draft = Binder.empty();
    for (String set : all) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return Binder.bind(CollectConfig.class, draft, name -> null);
  }

  private LayersFile find(CollectConfig config) {
    return new LayerSearch(config, Progress.none(), 1).run();
  }

  @Test
  void whereAPlantedModelDecidesIsFoundBeforeAnythingWasCollected() throws Exception {
    CollectConfig config = config(modular);
    LayersFile found = find(config);

    assertThat(found.proposal().decisionLayer()).isEqualTo("residuals_2");
    assertThat(found.profile().get(1).decided()).isLessThan(.2);
    assertThat(found.profile().get(2).decided()).isGreaterThan(.8);
    assertThat(found.option())
        .isEqualTo("--set model.activation_layers=[residuals_1,residuals_mid_2,residuals_2]");
    assertThat(found.profile().stream().map(LayerDecision::hookPoint))
        .startsWith("residuals_0", "residuals_1").doesNotHaveDuplicates().hasSize(6);
    Path file = LayerSearch.file(config);
    assertThat(file).isEqualTo(folder.resolve("decision").resolve("modular_layers.json"));
    assertThat(LayersFile.read(file)).usingRecursiveComparison().isEqualTo(found);
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files.filter(Files::isRegularFile)).as("nothing else is written").containsExactly(file);
    }
    assertThat(found.lines(file))
        .anyMatch(line -> line.startsWith("  residuals_2 ") && line.endsWith("|  decision layer"))
        .anyMatch(line -> line.startsWith("left out, too few refusals: " + CATEGORIES.get(2).name()))
        .contains("to capture them: " + found.option());
  }

  private static LayerDecision decided(int layer, double decided, double high) {
    return new LayerDecision("residuals_" + layer, new double[0][], new double[0][], decided, 2 * decided - high, high);
  }

  @Test
  void aLayerThatMayHaveDecidedBeforeIsNamed() {
    List<String> open = lines(decided(0, -.001, 0), decided(1, .48, .59), decided(2, .56, .66), decided(3, 1, 1));
    assertThat(open).anyMatch(line -> line.startsWith("not certain: the interval of residuals_1 reaches 0.5;"));
    assertThat(open).contains("  residuals_0   0.00  [0.00, 0.00]    |                    |  to capture");
    assertThat(lines(decided(0, 0, 0), decided(1, .2, .49), decided(2, .6, .9)))
        .noneMatch(line -> line.startsWith("not certain"));
    assertThat(lines(decided(0, 0, 0), decided(1, .4, .6))).noneMatch(line -> line.startsWith("not certain"));
  }

  private static List<String> lines(LayerDecision... profile) {
    return LayersFile.of(
            "m", "chatml", 42, new MetricTokens(List.of(), true), 1, Map.of(), Map.of(), List.of(profile),
            LayerProposal.of(List.of(profile)))
        .lines(Path.of("x"));
  }

  @Test
  void promptsAreDiscoveryPromptsThatCollectWouldNumberTheSame() {
    CollectConfig config = config(modular, "model.activation_layers=[residuals_2]", "inference.max_new_tokens=4");
    LayersFile found = find(config);
    new CollectStage().run(config, new StageContext(Progress.none(), folder.resolve(".work"), 1));
    Collected collected = Collected.open(new ResultLayout(folder), "modular", List.of());
    Set<String> partners = new HashSet<>();
    assertThat(found.prompts()).containsOnlyKeys(CATEGORIES.get(0).name(), CATEGORIES.get(1).name());
    found.prompts().forEach((category, pairs) -> {
      Map<Long, ModelOutput> outputs = new java.util.HashMap<>();
      collected.outputs(category).forEach(output -> outputs.put(output.promptIndex(), output));
      assertThat(pairs).hasSize(8);
      pairs.forEach(pair -> {
        ModelOutput output = outputs.get(pair.promptIndex());
        assertThat(output.split()).isEqualTo(Split.Side.DISCOVERY);
        assertThat(output.label()).isEqualTo(Label.TOXIC);
        assertThat(output.behaviour().refused()).isTrue();
        partners.add(pair.partner());
      });
    });
    assertThat(partners).hasSizeGreaterThan(2);
    assertThat(find(config)).as("the same seed").usingRecursiveComparison().isEqualTo(found);
  }

  @Test
  void withoutRefusalsItSaysWhatWasFound() {
    assertThatThrownBy(() -> find(config(silent)))
        .isInstanceOfSatisfying(
            UserException.class,
            e -> {
              assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA);
              assertThat(e.getMessage())
                  .startsWith("too few refusals to find layers: 0 of ")
                  .endsWith(" toxic prompts were refused, 3 or more in no category")
                  .doesNotContain("\n");
            });
    assertThat(LayerSearch.file(config(silent))).doesNotExist();
  }

  @Test
  void withoutATemplateNoTokenFollowsTheText() {
    assertThatThrownBy(() -> find(config(modular, "inference.chat_template=none")))
        .isInstanceOfSatisfying(
            UserException.class,
            e -> {
              assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_CONFIG);
              assertThat(e.getMessage()).contains("no token follows the user's text");
            });
  }

  @Test
  void doctorSaysWhatWasFoundOrHowToFindIt() {
    ModelSection model = config(modular).model();
    assertThat(layers(model)).contains("refusal collect --find-layers");
    find(config(modular));
    assertThat(layers(model))
        .startsWith("the model decides at residuals_2: --set model.activation_layers=[residuals_1,residuals_mid_2,residuals_2]");
  }

  private String layers(ModelSection model) {
    return Doctor.examine("cpu", model, folder, null).stream()
        .filter(finding -> finding.what().equals("layers"))
        .peek(finding -> assertThat(finding.good()).isTrue())
        .map(Doctor.Finding::text)
        .findFirst()
        .orElseThrow();
  }
}
