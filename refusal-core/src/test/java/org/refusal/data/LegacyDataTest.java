package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;

/** What only looks like the original's missing values, beside what is one. */
class LegacyDataTest {
  @TempDir private Path folder;

  private List<String> read(List<String> cells) throws IOException {
    StringBuilder csv = new StringBuilder("prompt,category\n");
    cells.forEach(cell -> csv.append('"').append(cell).append("\",hate\n"));
    write(csv.toString());
    List<Prompt> prompts =
        new ArrayList<>(
            LegacyData.load(folder)
                .balance(List.of(new Category("hate")), Balancer.Strategy.USE_ALL)
                .get(new Category("hate")));
    return prompts.stream().filter(prompt -> prompt.label().toxic()).map(Prompt::text).toList();
  }

  private void write(String csv) throws IOException {
    for (String file : OrBench.FILES.values()) {
      Files.writeString(folder.resolve(file), csv, StandardCharsets.UTF_8);
    }
  }

  @Test
  void missingValuesBecomeNan() throws IOException {
    List<String> missing = List.of("", "NA", "N/A", "n/a", "#N/A", "<NA>", "null", "NULL", "None", "nan", "NaN", "-nan");
    assertThat(read(missing)).hasSameSizeAs(missing).containsOnly("nan");
  }

  @Test
  void nearMissesStayWhatTheyAre() throws IOException {
    List<String> near = List.of("na", "Na", "N/a", "n.a.", "none", "NONE", "Null", "NAN", "-NAN", "#n/a", "nil", "-", "<na>", "nan.");
    assertThat(read(near)).isEqualTo(near);
    assertThat(read(List.of(" NA", "nan ", "\u00a0None\u3000"))).containsExactly("NA", "nan", "None");
  }

  @Test
  void aCategoryThatIsMissingIsRefusedByName() throws IOException {
    for (String category : List.of("", " ", "NA", "None")) {
      write("prompt,category\nHow?,hate\nWhy?," + category + "\n");
      assertThatThrownBy(() -> LegacyData.load(folder))
          .as("[%s]", category)
          .isInstanceOf(UserException.class)
          .hasMessageContaining(":3: record 2: the category")
          .hasMessageContaining("missing value");
    }
    write("prompt,category\nHow?,none\n");
    assertThat(LegacyData.load(folder).categories()).containsExactly(new Category("none"));
  }
}
