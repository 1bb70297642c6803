package org.refusal.stage;

import java.util.List;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.config.ModelSection;
import org.refusal.model.Models;
import org.refusal.run.Pipeline;
import org.refusal.run.Stage;
import org.refusal.run.StageRunner;
import org.refusal.torch.Memory;

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

  private static final StageRunner.Machine MACHINE =
      new StageRunner.Machine() {
        @Override
        public String device(ModelSection model) {
          return Models.device(model);
        }

        @Override
        public String dataType(ModelSection model) {
          return Models.dataType(model);
        }

        @Override
        public long peakResidentBytes() {
          return Memory.peakResidentBytes().orElse(-1);
        }
      };

  private Stages() {}

  public static List<Stage<?>> all() {
    return ALL;
  }

  public static List<String> names() {
    return ALL.stream().map(Stage::name).toList();
  }

  public static Pipeline pipeline() {
    return new Pipeline(ALL);
  }

  public static StageRunner runner(StageRunner.Options options) {
    return new StageRunner(options, names(), MACHINE);
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
