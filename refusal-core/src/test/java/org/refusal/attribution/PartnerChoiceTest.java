package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.collected.Collected;
import org.refusal.config.Binder;
import org.refusal.config.DiscoverConfig;
import org.refusal.data.Behaviour;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.ModelOutputs;
import org.refusal.data.Split;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.subject.Partners;

class PartnerChoiceTest {
  private static final List<String> VERBS = List.of("pick", "sell", "find", "hide", "bring");
  @TempDir Path folder;

  /** Safe prompts of a category, answered on the discovery side unless said otherwise. */
  private record Safe(String topic, int count, Behaviour behaviour, Split.Side side) {
    Safe(String topic, int count) {
      this(topic, count, Behaviour.COMPLIANCE, Split.Side.DISCOVERY);
    }
  }

  private void collected(Map<String, List<Safe>> categories) {
    ResultLayout layout = new ResultLayout(folder);
    Json.write(layout.splits(), Map.of("categories", categories));
    categories.forEach((category, groups) -> {
      List<ModelOutput> outputs = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        outputs.add(output(category, i, Label.TOXIC, category, Behaviour.REFUSAL, Split.Side.DISCOVERY));
      }
      for (Safe safe : groups) {
        for (int i = 0; i < safe.count(); i++) {
          outputs.add(output(category, outputs.size(), Label.SAFE, safe.topic(), safe.behaviour(), safe.side()));
        }
      }
      ModelOutputs.write(layout.outputs("tiny", category), outputs);
    });
  }

  private static ModelOutput output(
      String category, int index, Label label, String topic, Behaviour behaviour, Split.Side side) {
    String prompt =
        "%s the %s number %d of %s".formatted(VERBS.get(index % VERBS.size()), topic, index, label.text() + category);
    return new ModelOutput(
        index, prompt, "f.csv:" + index, label, new int[] {1, index, 2}, 1, 2, new int[0], true, "", behaviour, 0, side,
        true);
  }

  private PartnerChoice choice(String... sets) {
    Binder.Draft draft = Binder.empty();
    List<String> all = new ArrayList<>(List.of("model.name=tiny", "output.result_dir=" + folder));
    all.addAll(List.of(sets));
    for (String set : all) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    DiscoverConfig config = Binder.bind(DiscoverConfig.class, draft, name -> null);
    return PartnerChoice.of(
        config, Collected.open(new ResultLayout(folder), "tiny", config.discovery().categories()));
  }

  @Test
  void matchedWhereEveryCategoryHasEnoughOnItsOwnTopic() {
    collected(Map.of("guns", List.of(new Safe("guns", 20)), "locks", List.of(new Safe("locks", 25))));
    PartnerChoice auto = choice();
    assertThat(auto.source()).isEqualTo(Partners.Source.MATCHED);
    assertThat(auto.partners().source()).isEqualTo(Partners.Source.MATCHED);
    assertThat(auto.line())
        .startsWith("partners: matched (the safe prompts of every category are about the same as its harmful ones: ")
        .contains("guns 20 of 20 nearest by words, 50 % by chance", "locks 25 of 25");
    assertThat(choice("circuit.partners=pool").line()).isEqualTo("partners: pool (as circuit.partners says)");
    assertThat(auto.json().at("/topic_membership/guns/own").intValue()).isEqualTo(20);
  }

  @Test
  void poolWhereOneCategoryHasTooFew() {
    collected(
        Map.of(
            "guns",
            List.of(
                new Safe("guns", 19), new Safe("guns", 5, Behaviour.REFUSAL, Split.Side.DISCOVERY),
                new Safe("guns", 5, Behaviour.COMPLIANCE, Split.Side.HELDOUT)),
            "locks", List.of(new Safe("locks", 25))));
    assertThat(choice().line())
        .isEqualTo("partners: pool (guns has 19 answered safe discovery prompts, fewer than 20)");
    assertThat(choice("discovery.categories=[locks]").source()).isEqualTo(Partners.Source.MATCHED);
    assertThat(choice("circuit.partners=matched").line())
        .isEqualTo(
            "partners: matched (as circuit.partners says, although guns has 19 answered safe discovery prompts, fewer than 20)");
  }

  @Test
  void poolWhereTheSafePromptsAreAboutSomethingElse() {
    collected(Map.of("guns", List.of(new Safe("weather", 30)), "locks", List.of(new Safe("locks", 25))));
    assertThat(choice().source()).isEqualTo(Partners.Source.POOL);
    assertThat(choice().reason()).startsWith("the safe prompts of guns are not about the same as its harmful ones: guns ");
  }

  @Test
  void matchedIsRefusedWhereACategoryHasNothingToMatchWith() {
    collected(Map.of("guns", List.of(new Safe("guns", 1)), "locks", List.of(new Safe("locks", 25))));
    assertThatThrownBy(() -> choice("circuit.partners=matched"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("circuit.partners: matched is not possible: category guns has 1 answered safe");
    assertThat(choice().source()).isEqualTo(Partners.Source.POOL);
  }
}
