package org.refusal.evaluation;

import java.util.BitSet;

/** What is replaced at one hook point, by the baseline's (the partner's) values unless said otherwise. */
public sealed interface Replacement {

  /**
   * Latents, and the SAE error if asked for, each computed from the activation that arrives.
   *
   * @param latents those that are replaced
   * @param error whether the error is replaced as well
   */
  record Nodes(BitSet latents, boolean error) implements Replacement {
    public Nodes {
      latents = (BitSet) latents.clone();
    }

    public static Nodes latents(int... latents) {
      BitSet set = new BitSet();
      for (int latent : latents) {
        set.set(latent);
      }
      return new Nodes(set, false);
    }
  }

  /** The whole activation. */
  record Everything() implements Replacement {}

  /**
   * A change along some directions in the amount by which the partner differs along others: x + sum_k ((x' - x) · amount_k)
   * basis_k. The component in a subspace is set to the partner's where both are the same.
   *
   * @param basis orthonormal rows {@code [rank][d_model]}
   * @param amount orthonormal rows, as many {@code [rank][d_model]}
   */
  record Span(double[][] basis, double[][] amount) implements Replacement {
    public Span {
      if (basis.length != amount.length) {
        throw new IllegalArgumentException(basis.length + " directions with " + amount.length + " amounts");
      }
    }

    /** The component in a subspace: x + P (x' - x). */
    public Span(double[][] basis) {
      this(basis, basis);
    }
  }

  /**
   * A subspace projected out: x - P x (Arditi et al. 2024, section 2.4).
   *
   * @param basis orthonormal rows {@code [rank][d_model]}
   */
  record Ablation(double[][] basis) implements Replacement {}
}
