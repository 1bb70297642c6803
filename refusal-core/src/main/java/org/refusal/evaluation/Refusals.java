package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.function.Predicate;
import org.refusal.model.Generator;
import org.refusal.subject.PromptTokens;

/**
 * Which held-out prompts the model as it is refuses, by its own text: what transfer by behaviour is compared with.
 *
 * @param newTokens at most so many generated tokens are read
 * @param promptIndex of the prompts {@code [j][prompt]}; categories j as in the file
 * @param refused by the refusal detector {@code [j][prompt]}
 * @param rate share refused {@code [j]}
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Refusals(int newTokens, long[][] promptIndex, boolean[][] refused, Share[] rate) {

  /**
   * How text is written and judged.
   *
   * @param refusal whether generated token ids are a refusal
   */
  public record Writer(Generator generator, int newTokens, Predicate<int[]> refusal) {
    boolean[] refused(int[][] generated) {
      boolean[] refused = new boolean[generated.length];
      for (int p = 0; p < refused.length; p++) {
        refused[p] = refusal.test(generated[p]);
      }
      return refused;
    }
  }

  /** One text per prompt. */
  public static Refusals measure(PatchedRuns runs, Writer writer, List<List<PromptTokens>> heldout) {
    boolean[][] refused = new boolean[heldout.size()][];
    long[][] index = new long[heldout.size()][];
    for (int j = 0; j < refused.length; j++) {
      List<PromptTokens> prompts = heldout.get(j);
      refused[j] = writer.refused(runs.generate(prompts, writer.generator(), writer.newTokens()));
      index[j] = prompts.stream().mapToLong(PromptTokens::index).toArray();
    }
    return new Refusals(writer.newTokens(), index, refused, Share.each(refused));
  }
}
