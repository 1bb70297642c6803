package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.compare.SimilarityFile.Group;
import org.refusal.io.Json;
import org.refusal.report.SimilarityFigures;
import org.refusal.stats.SparseRows;

class CircuitComparisonTest {
  private static final HookPoint EARLY = HookPoint.residuals(2);
  private static final HookPoint LATE = HookPoint.residuals(3);
  /** Latents 0 and 1 write the same direction, 2 another. */
  private static final Map<Integer, float[]> DECODER =
      Map.of(0, new float[] {1, 0}, 1, new float[] {1, 0}, 2, new float[] {0, 1});

  @TempDir Path folder;

  private static Circuit circuit(int... latents) {
    List<ScoredNode> nodes = new ArrayList<>();
    for (int latent : latents) {
      nodes.add(new ScoredNode(new LatentNode(EARLY, latent), -1, 1));
    }
    return new Circuit(nodes, List.of());
  }

  private static SparseRows rows(int latent) {
    return new SparseRows(3, new int[] {0, 1, 2}, new int[] {latent, latent}, new float[] {-1, -3});
  }

  private static ComparedSide toxic() {
    Map<String, Circuit> circuits = new LinkedHashMap<>();
    circuits.put("hate", circuit(0));
    circuits.put("privacy", circuit(2));
    circuits.put("sexual", circuit(1));
    Map<String, SparseRows> effects = new LinkedHashMap<>();
    effects.put("hate", rows(0));
    effects.put("privacy", rows(2));
    effects.put("sexual", rows(1));
    Map<HookPoint, Map<String, SparseRows>> byPoint = new LinkedHashMap<>();
    byPoint.put(EARLY, effects);
    SparseRows silent = new SparseRows(3, new int[] {0, 0, 0}, new int[0], new float[0]);
    byPoint.put(LATE, Map.of("hate", silent, "privacy", silent, "sexual", silent));
    return new ComparedSide("toxic", circuits, byPoint);
  }

  private static CircuitComparison comparison(ComparedSide... sides) {
    return new CircuitComparison(
        List.of(EARLY, LATE),
        Optional.of(
            new CircuitComparison.Dictionaries(
                Map.of(EARLY, DECODER, LATE, DECODER), new RandomCircuits(Map.of(EARLY, 3, LATE, 3), 200, 1))),
        List.of(sides),
        false,
        1);
  }

  @Test
  void aDirectionSplitOverTwoLatentsIsSeenInDecoderSpaceOnly() {
    Group group = comparison(toxic()).within(toxic());

    assertThat(group.pooled(CircuitComparison.DISATTENUATED)[0]).containsExactly(1, 0, 0);
    assertThat(group.pooled(CircuitComparison.WEIGHTED_JACCARD)[0]).containsExactly(1, 0, 0);
    assertThat(group.pooled(CircuitComparison.DECODER)[0]).containsExactly(1, 0, 1);
    assertThat(group.measures().get(CircuitComparison.DECODER).get("residuals_3")[0][2]).isNaN();
    assertThat(group.measures().get(CircuitComparison.DISATTENUATED).get("residuals_3")[0][2]).isNaN();
    assertThat(group.means().get(CircuitComparison.DECODER).get("pooled").between()).isCloseTo(1.0 / 3, within(1e-12));
    assertThat(group.tree().order()).hasSize(3);
    // circuits of one latent of three share it by chance in one pair of three
    assertThat(group.chance().get(CircuitComparison.WEIGHTED_JACCARD).mean()).isCloseTo(1.0 / 3, within(0.06));
  }

  @Test
  void sidesOfOneCategoryAreTheDiagonalOfTheCrossMatrix() {
    ComparedSide safe = new ComparedSide("safe", Map.of("hate", circuit(0, 2)), Map.of());

    Group cross = comparison(toxic(), safe).across(safe, toxic());

    assertThat(cross.rows()).containsExactly("hate");
    assertThat(cross.columns()).containsExactly("hate", "privacy", "sexual");
    assertThat(cross.measures()).doesNotContainKey(CircuitComparison.COSINE);
    assertThat(cross.means().get(CircuitComparison.WEIGHTED_JACCARD).get("pooled").sameCategory()).isEqualTo(0.5);
    assertThat(cross.tree()).isNull();
  }

  @Test
  void oneCategoryAndEmptyCircuitsAreDefined() {
    ComparedSide side = new ComparedSide("toxic", Map.of("hate", circuit()), Map.of());

    Group group = comparison(side).within(side);

    assertThat(group.pooled(CircuitComparison.WEIGHTED_JACCARD)[0][0]).isNaN();
    assertThat(group.pooled(CircuitComparison.LEGACY)[0][0]).isEqualTo(1);
    assertThat(group.means().get(CircuitComparison.LEGACY).get("pooled").between()).isNaN();
    assertThat(group.tree()).isNull();
  }

  @Test
  void theFileReadsBackAndItsFiguresAreDrawn() throws Exception {
    CircuitComparison comparison = comparison(toxic());
    SimilarityFile written =
        new SimilarityFile(
            SimilarityFile.FORMAT, SimilarityFile.VERSION, "m", null, "prompt_side", -1,
            List.of(EARLY.name(), LATE.name()), CircuitComparison.definitions(),
            Map.of("toxic_toxic", comparison.within(toxic())));
    Path file = folder.resolve("m_similarity.json");
    written.write(file);

    SimilarityFile read = SimilarityFile.read(file);

    assertThat(Json.toText(read)).isEqualTo(Json.toText(written));
    List<Path> figures = SimilarityFigures.write(read, folder);
    assertThat(figures).hasSize(12).allMatch(Files::exists);
  }
}
