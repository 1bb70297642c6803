package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.DataType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;

/** What the estimators cost, in forward passes of one prompt; a pass that is recorded counts three times, as a backward follows. */
class AttributionCostTest {
  private static final int STEPS = 6;
  private static AttributionGolden golden;
  private static StudiedModel counted;
  private static double passes;

  @BeforeAll
  static void open() {
    golden = AttributionGolden.open(AttributionGolden.folders().get(0), DataType.FLOAT32);
    int layers = golden.lm().config().layers();
    CausalLm lm =
        (CausalLm)
            Proxy.newProxyInstance(
                CausalLm.class.getClassLoader(),
                new Class<?>[] {CausalLm.class},
                (proxy, method, arguments) -> {
                  double share =
                      switch (method.getName()) {
                        case "forward" -> ((TokenBatch) arguments[0]).size();
                        case "prefix" ->
                            ((TokenBatch) arguments[0]).size() * (((HookPoint) arguments[1]).layer() + 1.0) / layers;
                        case "suffix" -> {
                          Prefix prefix = (Prefix) arguments[0];
                          yield prefix.batch().size() * (layers - 1.0 - prefix.at().layer()) / layers;
                        }
                        default -> 0;
                      };
                  passes += share * (Autograd.isRecording() ? 3 : 1);
                  try {
                    return method.invoke(golden.lm(), arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    Partners partners = new Partners(golden.baselineSafe(), 42);
    counted =
        new StudiedModel(
            lm, golden.metric(), 0, golden.saes(),
            new PairedBaseline(golden.lm(), 0, partners, golden.saes(), SinkThresholds.none()), SinkThresholds.none());
  }

  @AfterAll
  static void close() {
    golden.close();
  }

  @Test
  void attributionPatchingOfAllHookPointsCostsThreePasses() {
    try (Memory.Scope scope = Memory.scope();
        AttributedBatch batch = new AttributedBatch(counted, prompts())) {
      double cost = 0;
      for (HookPoint at : counted.hookPoints()) {
        try (HookedBatch hooked = batch.at(at)) {
          cost += cost(() -> new AttributionPatching().estimate(hooked));
        }
      }
      print("atp, all hook points", cost);
      assertThat(cost).isPositive().isLessThanOrEqualTo(3);
    }
  }

  @Test
  void integratedGradientsCostThreePassesAboveThePointPerStepAndPath() {
    int layers = golden.lm().config().layers();
    try (Memory.Scope scope = Memory.scope();
        AttributedBatch batch = new AttributedBatch(counted, prompts())) {
      for (HookPoint at : counted.hookPoints()) {
        double above = (layers - 1.0 - at.layer()) / layers;
        for (boolean joint : new boolean[] {true, false}) {
          try (HookedBatch hooked = batch.at(at)) {
            double cost = cost(() -> new IntegratedGradients(STEPS, StepRule.MIDPOINT, joint).estimate(hooked));
            print("ig, %s, %d steps, %s".formatted(joint ? "joint" : "separate", STEPS, at.name()), cost);
            assertThat(cost).isPositive().isLessThanOrEqualTo((joint ? 3 : 6) * STEPS * above + 1e-9);
          }
        }
      }
    }
  }

  private static List<PromptTokens> prompts() {
    return golden.gold().subList(0, 3);
  }

  /** Passes per prompt. */
  private static double cost(Runnable work) {
    double before = passes;
    work.run();
    return (passes - before) / prompts().size();
  }

  private static void print(String what, double cost) {
    System.out.printf(Locale.ROOT, "AttributionCostTest %s: %.2f forward-equivalents per prompt%n", what, cost);
  }
}
