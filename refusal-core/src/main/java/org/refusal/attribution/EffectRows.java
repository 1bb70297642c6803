package org.refusal.attribution;

import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.EqualTexts;
import org.refusal.data.ModelOutput;
import org.refusal.data.PromptKey;
import org.refusal.data.Split;
import org.refusal.stats.SparseRows;

/**
 * x_p, the vector that stands for a prompt's attribution at a hook point, and the prompts that similarity is about: the one
 * place where either is chosen, for analyze and stats alike (docs/statistics.md).
 */
public final class EffectRows {
  private EffectRows() {}

  /**
   * What x_p holds of the indirect effects over the latents, the error node left out: {@code prompt_side} where partners come
   * from a pool, since what the partners have is then alike for all categories by construction; {@code total}, both sides,
   * where they are matched, since what they have is then no more alike than the categories themselves.
   */
  public static String kind(AttributionStore store) {
    return store.partners().equals("matched") ? "total" : "prompt_side";
  }

  /**
   * Whether the store holds such vectors: exact patching splits no sides.
   *
   * @throws UserException when it holds nothing at all for the hook point
   */
  public static boolean known(AttributionStore store, HookPoint at) {
    return store.dSae(at) > 0 && (kind(store).equals("total") || store.hasPromptSide(at));
  }

  /** x_p of the given rows of the store, in that order. */
  public static SparseRows rows(AttributionStore store, HookPoint at, int[] rows) {
    AttributionStore.SparseRows chosen = of(store, at).select(rows);
    return new SparseRows(
        chosen.width(),
        Arrays.stream(chosen.offsets()).mapToInt(Math::toIntExact).toArray(),
        chosen.latents(),
        chosen.values());
  }

  /** x_p of all rows, as the store has them. */
  public static AttributionStore.SparseRows of(AttributionStore store, HookPoint at) {
    return kind(store).equals("total") ? store.total(at) : store.promptSide(at);
  }

  /** Rows of the store whose prompts are toxic and were refused, of equal texts the first, ascending. O(rows). */
  public static int[] refusedToxic(AttributionStore store, List<ModelOutput> outputs) {
    boolean[] refused = store.refused();
    return Arrays.stream(PromptKey.rows(store.prompts(), distinct(store, outputs, true))).filter(row -> refused[row]).toArray();
  }

  /** Rows of the store whose prompts are not toxic, of equal texts the first, ascending. O(rows). */
  public static int[] harmless(AttributionStore store, List<ModelOutput> outputs) {
    return PromptKey.rows(store.prompts(), distinct(store, outputs, false));
  }

  /** Imported outputs may not tell their prompts: those are taken for different ones. */
  private static String text(ModelOutput output) {
    return output.prompt() == null || output.prompt().isBlank()
        ? Long.toString(output.promptIndex())
        : EqualTexts.key(output.prompt());
  }

  /** Of equal texts the first: twice the same prompt is one observation. */
  private static Set<PromptKey> distinct(AttributionStore store, List<ModelOutput> outputs, boolean toxic) {
    Map<String, PromptKey> byText = new LinkedHashMap<>();
    outputs.stream()
        .filter(output -> output.split() == Split.Side.DISCOVERY && output.label().toxic() == toxic)
        .forEach(output -> byText.putIfAbsent(text(output), output.key(store.category())));
    return new HashSet<>(byText.values());
  }
}
