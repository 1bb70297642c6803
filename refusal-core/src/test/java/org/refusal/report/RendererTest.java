package org.refusal.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.text.PDFTextStripper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;

class RendererTest {
  @TempDir Path folder;

  private Markdown document() {
    return new Markdown()
        .heading(1, "Is refusal one thing?")
        .paragraph("> **MONOLITHIC**: S ≥ .8, δ = .2")
        .heading(2, "Pairs")
        .table(List.of("pair", "S"), List.of(List.of("self-harm | hate", "0.91"), List.of("a_b", "0.88")))
        .picture("A picture", "a b.png");
  }

  @Test
  void pageHoldsTablesAndEmbeddedPictures() throws Exception {
    ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", folder.resolve("a b.png").toFile());

    String html = Renderer.html("A & B", document().toString(), folder);

    assertThat(html).contains("<title>A &amp; B</title>", "<table>", "self-harm | hate", "align=\"right\"");
    assertThat(html).contains("src=\"data:image/png;base64,");
  }

  @Test
  void pdfHoldsTheTextWithItsOwnFont() throws Exception {
    ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", folder.resolve("a b.png").toFile());
    ByteArrayOutputStream out = new ByteArrayOutputStream();

    Renderer.pdf(Renderer.html("T", document().toString(), folder), out);

    try (PDDocument pdf = Loader.loadPDF(out.toByteArray())) {
      assertThat(new PDFTextStripper().getText(pdf)).contains("Is refusal one thing?", "S ≥ .8, δ = .2", "0.91");
      for (var name : pdf.getPage(0).getResources().getFontNames()) {
        assertThat(pdf.getPage(0).getResources().getFont(name).isEmbedded()).as(name.getName()).isTrue();
      }
    }
  }

  @Test
  void theSamePageGivesTheSamePdf() throws Exception {
    ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", folder.resolve("a b.png").toFile());
    String html = Renderer.html("T", document().toString(), folder);
    ByteArrayOutputStream first = new ByteArrayOutputStream();
    ByteArrayOutputStream second = new ByteArrayOutputStream();

    Renderer.pdf(html, first);
    Thread.sleep(1100); // dates in a PDF have seconds
    Renderer.pdf(html, second);

    assertThat(second.toByteArray()).isEqualTo(first.toByteArray());
  }

  @Test
  void aMissingPictureIsNamed() {
    assertThatThrownBy(() -> Renderer.html("T", document().toString(), folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("a b.png");
  }

  @Test
  void escapesWhatMarkdownWouldActOn() {
    assertThat(Markdown.escape("self_harm*|<b>")).isEqualTo("self\\_harm\\*\\|\\<b\\>");
  }
}
