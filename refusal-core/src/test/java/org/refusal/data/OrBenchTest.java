package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.io.Json;

class OrBenchTest {
  private static final String SAFE = "or-bench-80k.csv";
  private static final String HARD = "or-bench-hard-1k.csv";
  private static final String TOXIC = "or-bench-toxic.csv";
  private static final Balancer.Options USE_ALL =
      new Balancer.Options(Balancer.Strategy.USE_ALL, false, 0, true, 42);

  @TempDir Path folder;

  @BeforeEach
  void files() throws IOException {
    write(SAFE, "prompt,category\nsafe one,hate\n\"safe, \"\"two\"\"\nlines\",hate\nsafe three,privacy\n");
    write(HARD, "prompt,category\n");
    write(TOXIC, "\uFEFFcategory,extra,prompt\r\nhate,x,toxic one\r\nprivacy,y,toxic two\r\n");
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(folder.resolve(name), content);
  }

  private static List<Prompt> prompts(Category category, Label label, int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new Prompt(category + " " + label.text() + " " + i, category, label, "f.csv", i + 1))
        .toList();
  }

  @Test
  void readsColumnsInAnyOrderWithMarkQuotesAndRecordNumbers() {
    OrBench data = OrBench.load(folder);
    assertThat(data.categories()).extracting(Category::name).containsExactly("hate", "privacy");
    assertThat(data.prompts()).hasSize(5);
    assertThat(data.prompts().get(1))
        .isEqualTo(new Prompt("safe, \"two\"\nlines", new Category("hate"), Label.SAFE, SAFE, 2));
    assertThat(data.prompts().get(4).source()).isEqualTo(TOXIC + ":2");
    assertThat(OrBench.load(folder, List.of("privacy")).prompts()).hasSize(2);
  }

  @Test
  void damageIsNamedWithFileLineAndRecord() throws IOException {
    assertThatThrownBy(() -> OrBench.load(folder, List.of("privcy")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("did you mean privacy?")
        .extracting(e -> ((UserException) e).exitCode()).isEqualTo(ExitCode.BAD_CONFIG);
    expect("prompt,category\na,hate\n\"b,hate\n", SAFE + ":3: record 2: a quote is opened");
    expect("prompt,category\n\"x\ny\",hate\n  ,hate\n", SAFE + ":4: record 2 has an empty prompt");
    expect("prompt,category\na,\n", "record 1 has no category");
    expect("prompt,category\na,hate,more\n", "record 1 has 3 cells, the header 2");
    expect("text,category\na,hate\n", "no column prompt; found: text, category");
    expect("", "empty file");
    expect("prompt,category\n", "no prompts");
    Files.delete(folder.resolve(SAFE));
    assertThatThrownBy(() -> OrBench.load(folder)).hasMessageContaining(SAFE + ": no such file");
    assertThatThrownBy(() -> OrBench.load(folder.resolve("no"))).hasMessageContaining("no such folder");
  }

  private void expect(String safe, String message) throws IOException {
    write(SAFE, safe);
    assertThatThrownBy(() -> OrBench.load(folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(message)
        .extracting(e -> ((UserException) e).exitCode()).isEqualTo(ExitCode.BAD_DATA);
  }

  @Test
  void balancesWithWarningAndWithoutEmptySides() {
    Category a = new Category("a");
    Category b = new Category("b");
    List<Prompt> all = new ArrayList<>(prompts(a, Label.SAFE, 10));
    all.addAll(prompts(a, Label.TOXIC, 4));
    all.addAll(prompts(b, Label.SAFE, 2));
    all.addAll(prompts(b, Label.HARD, 3));
    all.addAll(prompts(b, Label.TOXIC, 5));
    Balancer.Balanced result = Balancer.balance(all, List.of(a, b), USE_ALL);
    assertThat(result.sides())
        .containsExactlyInAnyOrderEntriesOf(Map.of(a, new Balancer.Sides(4, 4), b, new Balancer.Sides(5, 2)));
    assertThat(result.of(b).stream().filter(prompt -> prompt.label().toxic())).as("none is thrown away").hasSize(5);
    assertThat(result.warnings()).singleElement().asString()
        .isEqualTo("category b has only 2 safe prompts for 5 toxic ones: all of them are used, and the sides are uneven");
    assertThat(result).isEqualTo(Balancer.balance(all, List.of(a, b), USE_ALL));
    assertThat(Balancer.balance(all, List.of(a), USE_ALL).of(a)).isEqualTo(result.of(a));
    var hard = new Balancer.Options(Balancer.Strategy.EQUALIZE, true, 0, false, 1);
    assertThat(Balancer.balance(all, List.of(a, b), hard).sides())
        .containsEntry(a, new Balancer.Sides(4, 4)).containsEntry(b, new Balancer.Sides(4, 4));
    var capped = new Balancer.Options(Balancer.Strategy.USE_ALL, true, 2, true, 1);
    assertThat(Balancer.balance(all, List.of(a, b), capped).sides())
        .containsEntry(a, new Balancer.Sides(2, 2)).containsEntry(b, new Balancer.Sides(2, 2));
    assertThatThrownBy(() -> Balancer.balance(prompts(a, Label.SAFE, 3), List.of(a), USE_ALL))
        .hasMessageContaining("category a has no toxic prompt");
    assertThatThrownBy(() -> Balancer.balance(prompts(a, Label.TOXIC, 3), List.of(a), USE_ALL))
        .hasMessageContaining("category a has no safe prompt");
    assertThat(Balancer.weights(Map.of(a, 1, b, 3))).containsEntry(a, 0.75).containsEntry(b, 0.25);
  }

  @Test
  void splitsEveryStratumAndStaysTheSameWhenOthersJoin() {
    Category a = new Category("a");
    List<Prompt> some = new ArrayList<>(prompts(a, Label.TOXIC, 10));
    some.addAll(prompts(a, Label.SAFE, 2));
    Split split = Split.of(some, 0.3, 7);
    assertThat(split.sides().subList(0, 10).stream().filter(Split.Side.HELDOUT::equals)).hasSize(3);
    assertThat(split.sides().subList(10, 12)).containsExactlyInAnyOrder(Split.Side.HELDOUT, Split.Side.DISCOVERY);
    List<Prompt> more = new ArrayList<>(some);
    more.addAll(prompts(new Category("b"), Label.TOXIC, 8));
    assertThat(Split.of(more, 0.3, 7).sides().subList(0, 12)).isEqualTo(split.sides());
    assertThat(Split.of(some, 0, 7).indices(Split.Side.HELDOUT)).isEmpty();
    assertThatThrownBy(() -> Split.of(some, 1, 7)).hasMessageContaining("held-out fraction");
  }

  @Test
  void analysisIsJson() throws IOException {
    write(TOXIC, "prompt,category\ntoxic one,hate\nSafe three ,privacy\n");
    DataAnalysis analysis = DataAnalysis.of(OrBench.load(folder), USE_ALL, 0.6);
    assertThat(analysis.duplicates()).singleElement().satisfies(same -> {
      assertThat(same.conflict()).isTrue();
      assertThat(same.sources()).containsExactly(SAFE + ":3", TOXIC + ":2");
    });
    assertThat(analysis.warnings()).anyMatch(line -> line.contains("category hate: 1 toxic for 2 safe"));
    JsonNode json = Json.mapper().readTree(Json.toText(analysis));
    assertThat(json.path("by_category").path("hate").path("toxic_to_safe").doubleValue()).isEqualTo(0.5);
    assertThat(json.path("lengths").path("safe").path("words").path("median").doubleValue()).isEqualTo(2);
    assertThat(json.path("category_weights").path("hate").doubleValue()).isEqualTo(0.5);
  }
}
