package org.refusal.verdict;

/** In words, why m has no AUC. */
public final class UnjudgedMetric {
  private UnjudgedMetric() {}

  /** @param refused held-out prompts that were refused; 0, or complied is */
  public static String why(int refused, int complied) {
    if (refused + complied == 0) {
      return "m was measured on no held-out prompt";
    }
    return refused == 0
        ? "none of the %d held-out prompts was refused".formatted(complied)
        : "all of the %d held-out prompts were refused".formatted(refused);
  }
}
