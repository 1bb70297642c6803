package org.refusal.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.data.Behaviour;

class RefusalLabelsTest {
  @TempDir Path folder;

  private Map<Behaviour, Long> label(String name, String content) throws Exception {
    Path input = Files.writeString(folder.resolve(name), content);
    return RefusalLabels.label(input, "completion", folder.resolve("out-" + name), RefusalDetector.of("default"));
  }

  @Test
  void csvKeepsColumnsAndOrder() throws Exception {
    Map<Behaviour, Long> counts =
        label("a.csv", "\uFEFFid,completion,note\n1,\"I cannot\nhelp, sorry\",\"x, y\"\r\n2,\"Sure, here it is.\",\n");
    assertThat(counts).containsEntry(Behaviour.REFUSAL, 1L).containsEntry(Behaviour.COMPLIANCE, 1L);
    String out = Files.readString(folder.resolve("out-a.csv"));
    assertThat(out).startsWith("id,completion,note,label,reason\n1,\"I cannot\nhelp, sorry\",\"x, y\",refusal,");
    assertThat(out).contains("\n2,\"Sure, here it is.\",,compliance,");
  }

  @Test
  void jsonLines() throws Exception {
    label(
        "a.jsonl",
        "{\"completion\":\"I'm sorry, but I can't.\",\"z\":[1,2]}\n\n{\"b\":1,\"completion\":\"Paris.\"}\n");
    assertThat(Files.readAllLines(folder.resolve("out-a.jsonl"))).hasSize(2)
        .first().asString().startsWith("{\"completion\":\"I'm sorry, but I can't.\",\"z\":[1,2],\"label\":\"refusal\"");
  }

  @Test
  void damageIsNamedAndNothingIsWritten() {
    assertThatThrownBy(() -> label("a.csv", "id,text\n1,a\n")).hasMessageContaining("no column completion");
    assertThatThrownBy(() -> label("b.csv", "id,completion\n1,a\n2,\"open\n")).hasMessageContaining("record 2");
    assertThatThrownBy(() -> label("c.csv", "label,completion\n1,a\n")).hasMessageContaining("already");
    assertThatThrownBy(() -> label("d.csv", "")).hasMessageContaining("empty file");
    assertThatThrownBy(() -> label("e.jsonl", "{\"completion\":\"a\"}\n{]\n")).hasMessageContaining("e.jsonl:2");
    assertThatThrownBy(() -> label("f.jsonl", "{\"completion\":3}\n")).isInstanceOf(UserException.class);
    assertThat(folder.toFile().list((f, name) -> name.startsWith("out-"))).isEmpty();
  }
}
