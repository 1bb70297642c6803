package org.refusal.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/** Files of three stages: data -> collect -> train -> discover, written by hand with their manifests. */
class LineageTest {
  private static final List<String> ORDER = List.of("collect", "train", "discover");

  @TempDir Path folder;
  private ResultLayout layout;
  private Path data;
  private Path outputs;
  private Path sae;
  private Path effects;

  @BeforeEach
  void chain() throws IOException {
    layout = new ResultLayout(folder.resolve("results"));
    data = write(folder.resolve("data.csv"), "data");
    outputs = write(layout.root().resolve("outputs.json"), "outputs");
    ran("collect", 1, "m", List.of(data), outputs);
    sae = write(layout.root().resolve("saes/sae.bin"), "sae");
    ran("train", 1, "m", List.of(outputs), sae);
    effects = write(layout.root().resolve("effects.bin"), "effects");
    ran("discover", 1, "m", List.of(outputs, sae), effects);
  }

  private static Path write(Path file, String content) throws IOException {
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  private void ran(String stage, int key, String model, List<Path> inputs, Path... written) {
    ran(layout, stage, key, model, inputs, written);
  }

  private static void ran(
      ResultLayout layout, String stage, int key, String model, List<Path> inputs, Path... written) {
    DigestCache digests = new DigestCache(layout.manifests().resolve("none.txt"));
    Json.write(
        layout.manifests().resolve(stage + "-" + key + ".json"),
        new RunManifest(
            stage, stage + key, Lineage.of(layout, digests).next(), 1, Map.of("model", Map.of("name", model)), 0,
            inputs.stream().map(file -> digests.of(file, layout.root())).toList(),
            Arrays.stream(written).map(file -> digests.of(file, layout.root())).toList(),
            Map.of(), "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", 0, -1, null, List.of()));
  }

  private Lineage lineage() {
    return Lineage.of(layout);
  }

  private void refused(Path file, String message, String advice) {
    assertThatThrownBy(() -> lineage().require(List.of(file), ORDER))
        .isInstanceOfSatisfying(
            UserException.class,
            e -> {
              assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA);
              assertThat(e.advice()).contains(advice);
            })
        .hasMessage(message);
  }

  @Test
  void whatIsAsItWasMadeIsTaken() {
    lineage().require(List.of(effects, sae, outputs, data), ORDER);
    assertThat(lineage().knows(effects)).isTrue();
    assertThat(lineage().knows(data)).isFalse();
  }

  @Test
  void aChangedFileNamesItsStage() throws IOException {
    write(sae, "sbe");
    refused(sae, sae + ": was made by train, but has changed since", "run train again");
  }

  @Test
  void whatWasMadeFromSomethingElseNamesTheStageThatMustRunFirst() throws IOException {
    write(sae, "new");
    ran("train", 2, "m", List.of(outputs), sae);
    lineage().require(List.of(sae), ORDER);
    refused(
        effects, effects + ": was made by discover from " + sae + ", which train has made anew since",
        "run discover again");

  }

  /** Seen through two stages: everything after the file that changed is named, in order. */
  @Test
  void filesOutsideTheFolderCountToo() throws IOException {
    write(data, "other");
    refused(effects, outputs + ": was made by collect from " + data + ", which has changed since",
        "run collect again, then train again, then discover again");
    Files.delete(data);
    lineage().require(List.of(effects), ORDER);
  }

  @Test
  void allStagesThatMustRunAreNamedInOrder() throws IOException {
    write(outputs, "anew");
    ran("collect", 2, "m", List.of(data), outputs);
    refused(
        effects, sae + ": was made by train from " + outputs + ", which collect has made anew since",
        "run train again, then discover again");
  }

  @Test
  void whatNoManifestKnowsIsTakenAsItIs() throws IOException {
    Path imported = write(layout.root().resolve("circuits/x.json"), "1");
    ran("analyze", 1, "m", List.of(imported), write(layout.root().resolve("similarity.json"), "1"));
    lineage().require(List.of(imported), ORDER);
    write(imported, "2");
    lineage().require(List.of(imported), ORDER);
    assertThat(lineage().faults(List.of(layout.root().resolve("similarity.json")))).hasSize(1);
    Lineage none = Lineage.of(new ResultLayout(folder.resolve("elsewhere")));
    none.require(List.of(imported), ORDER);
    assertThat(none.isLeftOver(imported)).isFalse();
  }

  @Test
  void anImportTakesThePlaceOfWhatLayThere() throws IOException {
    write(sae, "imported");
    Lineage.imported(layout, "m", List.of(sae), Map.of());
    lineage().require(List.of(sae), ORDER);
    assertThat(lineage().isLeftOver(sae)).isFalse();
    refused(
        effects, effects + ": was made by discover from " + sae + ", which import has made anew since",
        "run discover again");
  }

  @Test
  void leftoversAreThoseThatTheLatestRunWithTheModelDidNotWrite() throws IOException {
    Path other = write(layout.root().resolve("saes/other.bin"), "other");
    ran("train", 2, "another", List.of(outputs), other);
    assertThat(lineage().isLeftOver(sae)).as("another model's run").isFalse();
    ran("train", 3, "m", List.of(outputs), other);
    assertThat(lineage().isLeftOver(sae)).isTrue();
    assertThat(lineage().isCurrent(sae)).isFalse();
    assertThat(lineage().isCurrent(other)).isTrue();
    lineage().require(List.of(sae), ORDER);
    ran("train", 4, "m", List.of(outputs), write(folder.resolve("outside.bin"), "1"));
    assertThat(lineage().isLeftOver(other)).as("a run that wrote elsewhere").isFalse();
  }

  /** A seed's folder has manifests of its own and shares what was collected around it. */
  @Test
  void seedsFoldersAreLookedInto() throws IOException {
    ResultLayout seed = layout.saeSeed(7);
    Path shared = write(seed.root().resolve("outputs.json"), "outputs");
    Path seedSae = write(seed.root().resolve("saes/sae.bin"), "seven");
    ran(seed, "train", 1, "m", List.of(shared), seedSae);
    lineage().require(List.of(seedSae), ORDER);
    Lineage.of(seed).require(List.of(seedSae), ORDER);

    write(seedSae, "changed");
    refused(seedSae, seedSae + ": was made by train, but has changed since", "run the whole pipeline again");
    write(seedSae, "seven");
    write(outputs, "anew");
    ran("collect", 2, "m", List.of(data), outputs);
    refused(seedSae, shared + ": is no longer " + outputs, "run the whole pipeline again");
  }

  @Test
  void aDamagedManifestIsNamedAndSaysNothing() throws IOException {
    Path manifest = layout.manifests().resolve("train-1.json");
    Files.writeString(manifest, "{");
    assertThat(lineage().damaged()).singleElement().asString().startsWith(manifest.toString());
    assertThat(lineage().knows(sae)).isFalse();
    assertThatThrownBy(() -> RunManifest.all(layout)).isInstanceOf(UserException.class);
  }

  /** A folder that was moved with its times is not read again. */
  @Test
  void digestsAreRememberedByThePlaceInTheFolder() throws IOException {
    Path old = write(layout.root().resolve("old.bin"), "old");
    Files.setLastModifiedTime(old, java.nio.file.attribute.FileTime.fromMillis(1_000_000_000_000L));
    DigestCache digests = DigestCache.of(layout);
    String digest = digests.of(old, layout.root()).sha256();
    digests.save();
    Path moved = folder.resolve("moved");
    Files.move(layout.root(), moved);
    Files.writeString(moved.resolve("old.bin"), "OLD");
    Files.setLastModifiedTime(
        moved.resolve("old.bin"), java.nio.file.attribute.FileTime.fromMillis(1_000_000_000_000L));
    ResultLayout there = new ResultLayout(moved);
    assertThat(DigestCache.of(there).of(moved.resolve("old.bin"), moved).sha256()).isEqualTo(digest);
  }
}
