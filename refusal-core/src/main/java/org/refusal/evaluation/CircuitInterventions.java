package org.refusal.evaluation;

import java.util.BitSet;
import java.util.Collection;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;

/**
 * The runs that score a circuit C (Marks et al. 2024, section 3.3; docs/evaluation.md): what is set to its baseline at all the
 * hook points at once. At each of them latents and error are computed from the stream as already patched.
 *
 * @param latents number of latents of the SAE of every hook point that takes part
 */
public record CircuitInterventions(SortedMap<HookPoint, Integer> latents, ErrorMode errors) {
  public CircuitInterventions(Map<HookPoint, Integer> latents, ErrorMode errors) {
    this(new TreeMap<>(latents), errors);
  }

  /** Everything outside the circuit at its baseline: F(C). */
  public Intervention circuit(String name, Collection<? extends Node> nodes) {
    return intervention(name, nodes, true);
  }

  /** The circuit at its baseline: F(M\C). */
  public Intervention complement(String name, Collection<? extends Node> nodes) {
    return intervention(name, nodes, false);
  }

  /** All at its baseline: F(∅). */
  public Intervention empty() {
    return circuit("the empty circuit", java.util.List.of());
  }

  private Intervention intervention(String name, Collection<? extends Node> nodes, boolean outside) {
    SortedMap<HookPoint, Replacement> byPoint = new TreeMap<>();
    for (Map.Entry<HookPoint, Integer> entry : latents.entrySet()) {
      HookPoint at = entry.getKey();
      BitSet chosen = new BitSet(entry.getValue());
      boolean error = false;
      for (Node node : nodes) {
        if (node.at().equals(at)) {
          if (node instanceof LatentNode latent) {
            chosen.set(latent.latent());
          } else if (node instanceof ErrorNode) {
            error = true;
          }
        }
      }
      if (outside) {
        chosen.flip(0, entry.getValue());
      }
      boolean replaceError =
          switch (errors) {
            case KEEP -> false;
            case CIRCUIT -> error != outside;
            case ABLATE -> true;
          };
      byPoint.put(at, new Replacement.Nodes(chosen, replaceError));
    }
    for (Node node : nodes) {
      if (!latents.containsKey(node.at())) {
        throw new IllegalArgumentException("a node at " + node.at().name() + ", which takes no part");
      }
    }
    return new Intervention(name, byPoint, Positions.ALL);
  }
}
