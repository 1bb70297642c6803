package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrateCommandTest {
  @TempDir Path folder;
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    err.getBuffer().setLength(0);
    return Main.run(new PrintWriter(new StringWriter(), true), new PrintWriter(err, true), Map.of(), arguments);
  }

  @Test
  void modesExcludeEachOther() {
    assertThat(run("calibrate", "--vectors", "results")).isEqualTo(2);
    assertThat(err.toString()).contains("--vectors and --hook-point belong together");
    assertThat(run("calibrate", "--hook-point", "residuals_2")).isEqualTo(2);
    assertThat(run("calibrate", "--vectors", "results", "--hook-point", "residuals_2", "--planted")).isEqualTo(2);
    assertThat(err.toString()).contains("--planted and --vectors exclude each other");
    assertThat(run("calibrate", "--vectors", "results", "--hook-point", "residuals_2", "--kinds", "all")).isEqualTo(2);
    assertThat(err.toString()).contains("--kinds needs --planted");
    assertThat(run("calibrate", "--simulations", "0")).isEqualTo(2);
  }

  @Test
  void aFolderWithoutResultsIsBadData() {
    assertThat(run("calibrate", "--vectors", folder.toString(), "--hook-point", "residuals_2")).isEqualTo(65);
    assertThat(err.toString()).startsWith("refusal: error: ").contains("no such folder", "refusal discover");
  }
}
