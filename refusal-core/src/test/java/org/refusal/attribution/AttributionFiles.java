package org.refusal.attribution;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.run.ResultLayout;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.subject.PromptTokens;

/** Attribution files as discover leaves them, of made-up effect vectors. */
public final class AttributionFiles {
  public static final int WIDTH = 24;

  private AttributionFiles() {}

  /**
   * A results folder of one model: every category is read along its own axis; every fourth prompt was answered.
   *
   * @param prompts of each category
   */
  public static void write(Path results, String model, List<String> categories, int prompts, HookPoint at) {
    ResultLayout layout = new ResultLayout(results);
    SplittableRandom random = Seeds.random(1, "attribution files");
    List<double[]> gradients = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int c = 0; c < categories.size(); c++) {
      try (AttributionWriter writer =
          new AttributionWriter(
              layout.attributions(model, categories.get(c)), results.resolve("scratch"), Map.of(at, 4), WIDTH, true,
              Map.of("model", model, "category", categories.get(c)))) {
        for (int p = 0; p < prompts; p++) {
          float[] gradient = noise(random);
          float[] difference = noise(random);
          gradient[c] += 2;
          difference[c] += 3;
          difference[WIDTH - 1] += 5; // common to all, read by nobody
          boolean refused = p % 4 != 3;
          PromptTokens prompt = new PromptTokens(categories.get(c), p, true, refused, new int[] {1, 2, 3}, 0, 1);
          NodeEffects nodes =
              new NodeEffects(new int[] {0}, new double[] {-6}, Optional.of(new double[] {-6}), 0);
          writer.append(
              new PromptAttribution(
                  prompt, 4 + p, -2,
                  Map.of(at, new PromptAttribution.AtPoint(nodes, new EffectForm(difference, gradient), -2, 0))));
          if (refused) {
            double[] wide = new double[WIDTH];
            for (int i = 0; i < WIDTH; i++) {
              wide[i] = gradient[i];
            }
            gradients.add(wide);
            labels.add(c);
          }
        }
        writer.commit();
      }
    }
    ReproducibleReadout readout =
        ReproducibleReadout.of(
            gradients.toArray(double[][]::new), labels.stream().mapToInt(Integer::intValue).toArray(),
            categories.size(), new SplittableRandom(1));
    Readout.write(
        layout.readout(model), model,
        Map.of(at, new Readout(categories, readout, new PooledReadout(new double[0][], new double[0]))));
  }

  private static float[] noise(SplittableRandom random) {
    float[] noise = new float[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      noise[i] = (float) (.1 * random.nextGaussian());
    }
    return noise;
  }
}
