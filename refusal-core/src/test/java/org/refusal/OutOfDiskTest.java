package org.refusal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.activation.ActivationWriter;
import org.refusal.activation.CapturedPrompt;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.ModelOutputs;
import org.refusal.data.PromptKey;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.SafetensorsWriter;
import org.refusal.plot.BarChart;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.Theme;
import org.refusal.report.Renderer;

/**
 * Every writer on a full disk. The partial file is made to lead to {@code /dev/full}, where the kernel refuses each byte
 * with the same error as a file system without space.
 */
@EnabledOnOs(OS.LINUX)
class OutOfDiskTest {
  private static final String BEFORE = "what was there before";

  @TempDir Path folder;

  private Path full(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Files.createSymbolicLink(
        file.resolveSibling(file.getFileName() + AtomicFiles.PARTIAL_SUFFIX), Path.of("/dev/full"));
    return file;
  }

  private void fails(Path file, ThrowingCallable write) throws IOException {
    full(file);
    Files.writeString(file, BEFORE);

    assertThatThrownBy(write)
        .isInstanceOf(UserException.class)
        .hasMessageContaining(file.getFileName() + ": cannot be written: No space left on device")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"))
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.ENVIRONMENT))
        .satisfies(e -> assertThat(((UserException) e).advice().orElseThrow()).contains("space left"));

    assertThat(file).hasContent(BEFORE);
    try (Stream<Path> left = Files.list(file.getParent())) {
      assertThat(left.filter(each -> each.toString().endsWith(AtomicFiles.PARTIAL_SUFFIX))).isEmpty();
    }
  }

  @Test
  void texts() throws IOException {
    Path file = folder.resolve("a.txt");
    fails(file, () -> AtomicFiles.writeString(file, "new"));
  }

  @Test
  void json() throws IOException {
    Path file = folder.resolve("a.json");
    fails(file, () -> Json.write(file, Map.of("a", 1)));
    Path outputs = folder.resolve("outputs.json");
    fails(outputs, () -> ModelOutputs.write(outputs, List.of()));
  }

  @Test
  void tensors() throws IOException {
    Path whole = folder.resolve("whole.safetensors");
    fails(whole, () -> Safetensors.write(whole, Map.of("a", Safetensors.Tensor.of(new float[4], 4)), Map.of()));
  }

  @Test
  void tensorsThatRunOutOfSpaceInTheMiddle() throws IOException {
    Path file = folder.resolve("late.safetensors");
    Files.writeString(file, BEFORE);
    SafetensorsWriter.Declaration declared = new SafetensorsWriter.Declaration("a", Safetensors.DType.F32, 4);
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(declared), Map.of())) {
      writer.append("a", new float[2]);
    }
    assertThat(file).hasContent(BEFORE);
    assertThat(folder.resolve("late.safetensors" + AtomicFiles.PARTIAL_SUFFIX)).doesNotExist();
  }

  @Test
  void figures() throws IOException {
    BarChart chart =
        new BarChart(
            "A", "b", List.of("c"), List.of(new BarChart.Bars("d", new double[] {1})), Double.NaN, Theme.LIGHT);
    Path png = folder.resolve("png").resolve("figure.png");
    fails(png, () -> FigureFiles.write(chart, png.getParent(), "figure", 72));
    Path svg = folder.resolve("svg").resolve("figure.svg");
    fails(svg, () -> FigureFiles.write(chart, svg.getParent(), "figure", 72));
  }

  @Test
  void pdf() throws IOException {
    String html = Renderer.html("Title", "# Heading\n\ntext\n", folder);
    Path file = folder.resolve("report.pdf");
    fails(file, () -> AtomicFiles.write(file, out -> Renderer.pdf(html, out)));
  }

  @Test
  void activations() throws IOException {
    HookPoint at = HookPoint.residuals(0);
    Path work = folder.resolve("work");
    ActivationWriter writer =
        ActivationWriter.open(
            folder.resolve("activations"), work, "hate", "stem",
            new ActivationWriter.Layout(List.of(at), 2, Safetensors.DType.F32, Map.of(), 1 << 20));
    ByteBuffer rows = Safetensors.encode(new float[] {1, 2}, Safetensors.DType.F32);
    writer.add(
        new CapturedPrompt(
            new PromptKey("hate", 0), new int[] {7},
            new int[] {0}, new int[] {0}, Map.of(at, rows), new float[] {1, 2}, new int[] {3}));
    full(work.resolve("stem.shard-00001.safetensors"));

    assertThatThrownBy(() -> writer.finish(List.of()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("cannot be written: No space left on device");

    assertThat(folder.resolve("activations")).doesNotExist();
    assertThat(Files.exists(work.resolve("stem.shard-00001.safetensors.partial"), LinkOption.NOFOLLOW_LINKS)).isFalse();
  }
}
