package org.refusal.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.config.Key;
import org.refusal.io.Json;
import org.refusal.stage.Stages;

class StageRunnerTest {
  /** A stage's config with one key of every kind that matters to provenance. */
  record Config(
      @Key(doc = "What to write.", def = "a") String word,
      @Key(doc = "Where it runs.", def = "cpu", neutral = true) String device,
      @Key(doc = "Seed.", def = "1") long seed) {}

  /** Writes its input and its word; notes progress in the work folder; fails when told to. */
  private final class WordStage implements Stage<Config> {
    int version = 1;
    int runs;
    boolean fail;
    String foundInWork;

    @Override
    public String name() {
      return "words";
    }

    @Override
    public String summary() {
      return "Which word?";
    }

    @Override
    public int version() {
      return version;
    }

    @Override
    public Class<Config> configType() {
      return Config.class;
    }

    @Override
    public Path resultDir(Config config) {
      return results;
    }

    @Override
    public List<Path> inputs(Config config) {
      return List.of(input);
    }

    @Override
    public StageResult run(Config config, StageContext context) {
      runs++;
      Path half = context.work().resolve("half");
      try {
        foundInWork = Files.exists(half) ? Files.readString(half) : null;
        AtomicFiles.writeString(half, config.word());
        if (fail) {
          throw new UserException(ExitCode.INTERRUPTED, "interrupted");
        }
        AtomicFiles.writeString(output, Files.readString(input) + config.word());
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
      return new StageResult(List.of(output), List.of("the word is " + config.word()));
    }
  }

  @TempDir Path folder;
  private Path results;
  private Path input;
  private Path output;
  private final WordStage stage = new WordStage();

  @BeforeEach
  void files() throws IOException {
    results = folder.resolve("results");
    input = folder.resolve("input.txt");
    output = results.resolve("word.txt");
    Files.writeString(input, "in:");
  }

  private StageRunner.Outcome run(String word, String device, long seed, boolean fresh) {
    return Stages.runner(new StageRunner.Options(fresh, 1, Progress.none(), () -> Map.of("java", "17"), "4711"))
        .run(stage, new Config(word, device, seed));
  }

  private List<String> explain(String word) {
    return Stages.runner(new StageRunner.Options(false, 1, Progress.none(), Map::of, null))
        .explain(stage, new Config(word, "cpu", 1));
  }

  private Path work() {
    return new ResultLayout(results).work("words");
  }

  @Test
  void runsOnceAndSkipsWhatIsProvablyTheSame() {
    StageRunner.Outcome first = run("a", "cpu", 1, false);
    StageRunner.Outcome second = run("a", "cuda", 1, false);

    assertThat(first.skipped()).isFalse();
    assertThat(second.skipped()).as("the device does not count").isTrue();
    assertThat(Json.toText(second.manifest())).isEqualTo(Json.toText(first.manifest()));
    assertThat(stage.runs).isEqualTo(1);
    assertThat(output).hasContent("in:a");
    assertThat(work()).doesNotExist();
  }

  @Test
  void theManifestHoldsWhatMadeTheFiles() {
    RunManifest manifest = run("a", "cpu", 5, false).manifest();

    assertThat(manifest.config()).containsEntry("word", "a").containsEntry("device", "cpu");
    assertThat(manifest.seed()).isEqualTo(5);
    assertThat(manifest.inputs()).hasSize(1);
    assertThat(manifest.outputs().get(0).path()).isEqualTo("word.txt");
    assertThat(manifest.outputs().get(0).sha256()).isEqualTo(org.refusal.base.Digests.sha256("in:a"));
    assertThat(manifest.versions()).containsEntry("java", "17");
    assertThat(manifest.summary()).containsExactly("the word is a");
    assertThat(new ResultLayout(results).manifests().resolve("words-" + manifest.key() + ".json")).exists();
    assertThat(Json.toText(RunManifest.all(new ResultLayout(results)))).isEqualTo(Json.toText(List.of(manifest)));
  }

  @Test
  void whatDecidesTheResultMakesItRunAgain() throws IOException {
    run("a", "cpu", 1, false);
    assertThat(run("b", "cpu", 1, false).skipped()).as("config").isFalse();
    assertThat(run("b", "cpu", 2, false).skipped()).as("seed").isFalse();
    stage.version = 2;
    assertThat(run("b", "cpu", 2, false).skipped()).as("stage version").isFalse();
    Files.writeString(input, "new:");
    assertThat(run("b", "cpu", 2, false).skipped()).as("input").isFalse();
    Files.writeString(output, "changed");
    assertThat(run("b", "cpu", 2, false).skipped()).as("changed output").isFalse();
    assertThat(output).hasContent("new:b");
    Files.delete(output);
    assertThat(run("b", "cpu", 2, false).skipped()).as("missing output").isFalse();
    assertThat(run("b", "cpu", 2, true).skipped()).as("fresh").isFalse();
    assertThat(run("b", "cpu", 2, false).skipped()).isTrue();
  }

  @Test
  void goingBackToAnEarlierConfigDoesNotTrustItsOldManifest() {
    run("a", "cpu", 1, false);
    run("b", "cpu", 1, false);

    assertThat(run("a", "cpu", 1, false).skipped()).isFalse();
    assertThat(output).hasContent("in:a");
  }

  @Test
  void anotherConfigsRunLeavesTheWorkOfAnInterruptedOneAlone() {
    stage.fail = true;
    assertThatThrownBy(() -> run("a", "cpu", 1, false)).isInstanceOf(UserException.class);
    stage.fail = false;
    run("b", "cpu", 1, false);
    assertThat(stage.foundInWork).as("another key").isNull();
    run("a", "cpu", 1, false);
    assertThat(stage.foundInWork).isEqualTo("a");
    assertThat(work()).doesNotExist();
  }

  @Test
  void freshRemovesAllThatInterruptedRunsOfTheStageHaveLeft() {
    stage.fail = true;
    assertThatThrownBy(() -> run("a", "cpu", 1, false)).isInstanceOf(UserException.class);
    assertThatThrownBy(() -> run("b", "cpu", 1, false)).isInstanceOf(UserException.class);
    assertThat(work()).isDirectory();
    stage.fail = false;
    run("b", "cpu", 1, true);
    assertThat(stage.foundInWork).isNull();
    assertThat(work()).doesNotExist();
  }

  /** Of two manifests that name a file, the later counts, though both ended in the same second. */
  @Test
  void aRunFoundUpToDateIsTheLatestAgain() {
    RunManifest a = run("a", "cpu", 1, false).manifest();
    output = results.resolve("other.txt");
    RunManifest b = run("b", "cpu", 1, false).manifest();
    Lineage before = Lineage.of(new ResultLayout(results));
    assertThat(before.isLatest(b)).isTrue();
    assertThat(before.isLeftOver(results.resolve("word.txt"))).isTrue();
    assertThat(run("a", "cpu", 1, false).skipped()).isTrue();
    Lineage after = Lineage.of(new ResultLayout(results));
    assertThat(after.isLatest(a)).isTrue();
    assertThat(after.isLeftOver(results.resolve("word.txt"))).isFalse();
    assertThat(after.isLeftOver(results.resolve("other.txt"))).isTrue();
    assertThat(RunManifest.all(new ResultLayout(results))).extracting(RunManifest::sequence).containsExactly(2L, 3L);
  }

  @Test
  void anInterruptedStageFindsItsWorkAgainButNeverAnothersWork() throws IOException {
    stage.fail = true;
    assertThatThrownBy(() -> run("a", "cpu", 1, false)).isInstanceOf(UserException.class);
    assertThat(output).doesNotExist();
    assertThat(RunManifest.all(new ResultLayout(results))).isEmpty();

    assertThatThrownBy(() -> run("a", "cpu", 1, false)).isInstanceOf(UserException.class);
    assertThat(stage.foundInWork).as("same key").isEqualTo("a");

    assertThatThrownBy(() -> run("b", "cpu", 1, false)).isInstanceOf(UserException.class);
    assertThat(stage.foundInWork).as("another key").isNull();

    assertThatThrownBy(() -> run("b", "cpu", 1, true)).isInstanceOf(UserException.class);
    assertThat(stage.foundInWork).as("fresh").isNull();

    stage.fail = false;
    run("b", "cpu", 1, false);
    assertThat(stage.foundInWork).isEqualTo("b");
    assertThat(work()).as("fresh has removed the other key's").doesNotExist();
  }

  @Test
  void twoRunsInOneResultsFolderAreRefused() throws IOException {
    Files.createDirectories(results);
    try (FileChannel other =
            FileChannel.open(results.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        var held = other.lock()) {
      assertThat(held.isValid()).isTrue();
      assertThatThrownBy(() -> run("a", "cpu", 1, false))
          .isInstanceOfSatisfying(UserException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.ENVIRONMENT))
          .hasMessageContaining("another run is working in this results folder");
    }
    assertThat(run("a", "cpu", 1, false).skipped()).isFalse();
  }

  @Test
  void explainsWhatChanged() throws IOException {
    assertThat(explain("a")).containsExactly("words has never run here");
    run("a", "cpu", 1, false);
    assertThat(explain("a")).containsExactly("words is up to date");
    assertThat(explain("b")).containsExactly("config word: a, now b");
    Files.writeString(input, "other");
    assertThat(explain("a")).singleElement().asString().startsWith("input changed: ");
    Files.writeString(input, "in:");
    Files.delete(output);
    assertThat(explain("a")).containsExactly("output is gone: word.txt");
  }

  @Test
  void aMissingInputIsNamed() throws IOException {
    Files.delete(input);

    assertThatThrownBy(() -> run("a", "cpu", 1, false))
        .isInstanceOfSatisfying(UserException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA))
        .hasMessageContaining("input.txt: no such file");
  }

  @Test
  void nothingHalfWrittenIsLeft() throws IOException {
    run("a", "cpu", 1, false);

    try (Stream<Path> files = Files.walk(results)) {
      assertThat(files.map(Path::toString)).noneMatch(name -> name.endsWith(AtomicFiles.PARTIAL_SUFFIX));
    }
  }
}
