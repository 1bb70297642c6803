package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * f = ReLU(exp(r_mag) W_enc (x - b_dec) + b_mag) where p is above 0, else 0; p has the gate's bias for b_enc (Rajamanoharan et
 * al. 2024, gated).
 *
 * @param rMag {@code [d_sae]}
 * @param bMag {@code [d_sae]}
 */
public record Gated(float[] rMag, float[] bMag) implements Architecture {
  static final Form FORM =
      new Form(
          "gated", "gated", "b_gate", Set.of(), Set.of("r_mag", "b_mag"),
          given -> new Gated(given.vector("r_mag"), given.vector("b_mag")));

  @Override
  public Form form() {
    return FORM;
  }

  @Override
  public Map<String, Object> settings() {
    return Map.of();
  }

  @Override
  public Map<String, float[]> parameters() {
    Map<String, float[]> parameters = new LinkedHashMap<>();
    parameters.put("b_mag", bMag);
    parameters.put("r_mag", rMag);
    return parameters;
  }

  @Override
  public String summary() {
    return "gated";
  }

  @Override
  public void check(int dSae) {
    Parameters.check("r_mag", rMag, dSae);
    Parameters.check("b_mag", bMag, dSae);
  }

  @Override
  public Architecture shifted(float[] shifts) {
    float[] shifted = new float[bMag.length];
    for (int i = 0; i < shifted.length; i++) {
      shifted[i] = (float) (bMag[i] + Math.exp(rMag[i]) * shifts[i]);
    }
    return new Gated(rMag, shifted);
  }

  @Override
  public Architecture scaled(float[] factors) {
    return new Gated(rMag, Parameters.product(bMag, factors));
  }

  @Override
  public Activation on(NDManager manager, DataType dtype, NDArray bEnc) {
    NDArray rate = Memory.own(Parameters.array(manager, rMag, dtype, rMag.length).exp());
    rate.attach(manager);
    NDArray offset = Memory.own(Parameters.array(manager, bMag, dtype, bMag.length).sub(bEnc.mul(rate)));
    offset.attach(manager);
    return new Activation() {
      @Override
      public NDArray dense(NDArray p) {
        return active(p).getNDArrayInternal().relu().mul(TorchOps.cast(p.gt(0), p.getDataType()));
      }

      @Override
      public NDArray active(NDArray p) {
        return p.mul(rate).add(offset);
      }

      @Override
      public NDArray active(NDArray p, int latent) {
        String one = "%d:%d".formatted(latent, latent + 1);
        return p.mul(rate.get(one)).add(offset.get(one));
      }
    };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Gated that && Arrays.equals(rMag, that.rMag) && Arrays.equals(bMag, that.bMag);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(rMag) + Arrays.hashCode(bMag);
  }
}
