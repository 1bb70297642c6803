package org.refusal.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.refusal.io.Json;

class KeysTest {
  private static Binder.Draft draft(String... sets) {
    Binder.Draft draft = Binder.empty();
    for (String set : sets) {
      int at = set.indexOf('=');
      draft = draft.with(new Binder.Override(set.substring(0, at), set.substring(at + 1), false, "--set"));
    }
    return draft;
  }

  private static Map<String, Object> read(Record config) {
    Map<String, Object> map = new LinkedHashMap<>();
    Json.mapper()
        .convertValue(Binder.toMap(config, true), Map.class)
        .forEach((key, value) -> map.put(String.valueOf(key), value));
    return map;
  }

  @Test
  void whatWasSetDiffersFromTheDefaultsAndNothingElse() {
    DiscoverConfig config =
        Binder.bind(
            DiscoverConfig.class,
            draft("model.name=tiny", "circuit.ig_steps=3", "discovery.categories=[hate, privacy]"), name -> null);

    assertThat(Keys.differing(DiscoverConfig.class, read(config)))
        .isEqualTo(Map.of("model.name", "tiny", "circuit.ig_steps", 3, "discovery.categories", List.of("hate", "privacy")));
  }

  @Test
  void everyStagesDefaultsAreRecognisedAsDefaults() {
    for (Class<? extends Record> type :
        List.of(CollectConfig.class, TrainSaesConfig.class, DiscoverConfig.class, EvaluateConfig.class, StatsConfig.class)) {
      Record config = Binder.bind(type, draft("model.name=tiny"), name -> null);
      assertThat(Keys.differing(type, read(config)).keySet()).as(type.getSimpleName()).isSubsetOf("model.name", "data.path");
    }
  }

  @Test
  void aKeyThatAnOlderConfigLacksIsNoDifference() {
    assertThat(Keys.differing(DiscoverConfig.class, Map.of("model", Map.of("name", "tiny")))).containsOnlyKeys("model.name");
  }
}
