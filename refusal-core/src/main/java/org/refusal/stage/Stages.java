package org.refusal.stage;

import java.util.List;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;

/** The stages in the order in which they run. */
public final class Stages {
  private static final List<Stage<?>> ALL =
      List.of(
          new AnalyzeDataStage(),
          new CollectStage(),
          new TrainSaesStage(),
          new DiscoverStage(),
          new AnalyzeStage(),
          new EvaluateStage(),
          new StatsStage(),
          new ReportStage());

  private Stages() {}

  public static List<Stage<?>> all() {
    return ALL;
  }

  public static List<String> names() {
    return ALL.stream().map(Stage::name).toList();
  }

  public static Stage<?> named(String name) {
    List<String> names = names();
    return ALL.stream()
        .filter(stage -> stage.name().equals(name))
        .findFirst()
        .orElseThrow(() -> UserException.badConfig(
            "no stage '" + name + "'" + Suggestions.didYouMean(name, names), "stages: " + String.join(", ", names)));
  }
}
