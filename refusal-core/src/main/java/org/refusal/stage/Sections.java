package org.refusal.stage;

import java.util.List;
import org.refusal.original.LegacySection;
import org.refusal.report.AutoencodersSection;
import org.refusal.report.BehaviourSection;
import org.refusal.report.CircuitsSection;
import org.refusal.report.CompletenessSection;
import org.refusal.report.DecisionSection;
import org.refusal.report.FaithfulnessSection;
import org.refusal.report.HeadlineSection;
import org.refusal.report.MethodsSection;
import org.refusal.report.PairsSection;
import org.refusal.report.ProvenanceSection;
import org.refusal.report.Section;
import org.refusal.report.SideEffectsSection;
import org.refusal.report.SimilaritySection;
import org.refusal.report.StatisticsSection;
import org.refusal.report.ThresholdsSection;
import org.refusal.report.TransferSection;
import org.refusal.report.TruthSection;

/** The sections of the report, in the order in which they stand there. */
public final class Sections {
  private static final List<Section> ALL =
      List.of(
          new HeadlineSection(),
          new TruthSection(),
          new DecisionSection(),
          new PairsSection(),
          new TransferSection(),
          new BehaviourSection(),
          new CircuitsSection(),
          new CompletenessSection(),
          new SimilaritySection(),
          new FaithfulnessSection(),
          new SideEffectsSection(),
          new StatisticsSection(),
          new LegacySection(),
          new AutoencodersSection(),
          new MethodsSection(),
          new ThresholdsSection(),
          new ProvenanceSection(
              Stages.names().stream().filter(stage -> !stage.equals(ReportStage.NAME)).toList()));

  private Sections() {}

  public static List<Section> all() {
    return ALL;
  }
}
