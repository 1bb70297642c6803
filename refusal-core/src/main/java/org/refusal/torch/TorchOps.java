package org.refusal.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.List;

/**
 * Operations that DJL lacks, does slowly, or does in a way that cuts the graph of {@link Autograd}. All of them keep
 * the graph unless they say otherwise; those whose name ends in {@code InPlace} change their first argument and must
 * not be used on recorded arrays. Results belong to the innermost {@link Memory.Scope}.
 */
public final class TorchOps {
  static final ScriptModule SCRIPT =
      ScriptModule.compile(
          "RefusalOps",
          """
          def watch(x: Tensor) -> Tensor:
            y = torch.clone(torch.detach(x))
            return torch.requires_grad_(y, True)
          def gradients(scalar: Tensor, inputs: List[Tensor]) -> List[Tensor]:
            grads = torch.grad([scalar], inputs, None, True, False, True)
            result = annotate(List[Tensor], [])
            for i in range(torch.len(inputs)):
              grad = grads[i]
              if torch.__isnot__(grad, None):
                result = torch.append(result, unchecked_cast(Tensor, grad))
              else:
                result = torch.append(result, torch.zeros_like(inputs[i]))
            return result
          def detach(x: Tensor) -> Tensor:
            return torch.clone(torch.detach(x))
          def cast(x: Tensor, dtype: int) -> Tensor:
            return torch.to(x, dtype, False, True)
          def empty(like: Tensor, shape: List[int], dtype: int) -> Tensor:
            return torch.new_empty(like, shape, dtype=dtype)
          def assign(target: Tensor, begin: int, values: Tensor) -> None:
            torch.copy_(torch.narrow(target, 0, begin, torch.size(values, 0)), values)
          def all_finite(x: Tensor) -> bool:
            return bool(torch.all(torch.isfinite(x)))
          def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
            h = x
            if x.dtype == 5 or x.dtype == 15:
              h = torch.to(x, 6)
            h = h * torch.rsqrt(torch.mean(h * h, [-1], True) + eps)
            return torch.to(h, x.dtype) * weight
          def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
            half = torch.floordiv(torch.size(x, -1), 2)
            a = torch.narrow(x, -1, 0, half)
            b = torch.narrow(x, -1, half, half)
            return x * cos + torch.cat([torch.neg(b), a], -1) * sin
          def silu_gate(gate: Tensor, up: Tensor) -> Tensor:
            return torch.silu(gate) * up
          def attention(q: Tensor, k: Tensor, v: Tensor, mask: List[Tensor]) -> Tensor:
            groups = torch.floordiv(torch.size(q, 1), torch.size(k, 1))
            keys = k
            values = v
            if groups > 1:
              keys = torch.repeat_interleave(k, groups, 1)
              values = torch.repeat_interleave(v, groups, 1)
            if torch.len(mask) > 0:
              return torch.scaled_dot_product_attention(q, keys, values, mask[0], 0.0, False)
            return torch.scaled_dot_product_attention(q, keys, values, None, 0.0, True)
          def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return torch.linear(x, weight, bias)
          def logsumexp(x: Tensor) -> Tensor:
            return torch.logsumexp(x, [-1])
          def index_rows(x: Tensor, rows: Tensor) -> Tensor:
            return torch.index_select(x, 0, rows)
          def repeat_rows(x: Tensor, times: int) -> Tensor:
            return torch.repeat_interleave(x, times, 0)
          """);

  private TorchOps() {}

  /** libtorch's number of a floating type. */
  static int code(DataType type) {
    return switch (type) {
      case FLOAT16 -> 5;
      case FLOAT32 -> 6;
      case FLOAT64 -> 7;
      case INT32 -> 3;
      case INT64 -> 4;
      case BOOLEAN -> 11;
      case BFLOAT16 -> 15;
      default -> throw new IllegalArgumentException("no type of this toolkit: " + type);
    };
  }

  /**
   * The values in another type; keeps the graph, unlike DJL's {@code toType}. Always a copy: an array made from Java
   * values lies in Java's memory, and a view of it does not keep that alive.
   */
  public static NDArray cast(NDArray x, DataType type) {
    return SCRIPT.tensor("cast", x, code(type));
  }

  /** An array without defined content, on the device of another. */
  public static NDArray empty(NDArray like, DataType type, long... shape) {
    return SCRIPT.tensor("empty", like, shape, code(type));
  }

  /** Sets rows {@code begin ..} of the target, converting type and device. */
  public static void assignInPlace(NDArray target, long begin, NDArray values) {
    SCRIPT.invoke("assign", target, begin, values);
  }

  /** Whether no element is NaN or infinite. */
  public static boolean allFinite(NDArray x) {
    return SCRIPT.truth("all_finite", x);
  }

  /** Every row the given number of times in a row. */
  public static NDArray repeatRows(NDArray x, int times) {
    return SCRIPT.tensor("repeat_rows", x, times);
  }

  /** x / sqrt(mean(x^2) + eps) * weight over the last dimension, computed in float32 at least. */
  public static NDArray rmsNorm(NDArray x, NDArray weight, double eps) {
    return SCRIPT.tensor("rms_norm", x, weight, eps);
  }

  /**
   * Rotary position embedding, halves convention: x cos + (-x_b, x_a) sin for x = (x_a, x_b).
   *
   * @param x {@code [batch, heads, pos, head_dim]}
   * @param cos {@code [batch, 1, pos, head_dim]}, both halves alike
   */
  public static NDArray rope(NDArray x, NDArray cos, NDArray sin) {
    return SCRIPT.tensor("rope", x, cos, sin);
  }

  /** gate * sigmoid(gate) * up. */
  public static NDArray siluGate(NDArray gate, NDArray up) {
    return SCRIPT.tensor("silu_gate", gate, up);
  }

  /**
   * softmax(q k^T / sqrt(head_dim) + mask) v; key-value head h serves the query heads h g .. h g + g - 1.
   *
   * @param q {@code [batch, heads, pos, head_dim]}
   * @param k {@code [batch, heads / g, keys, head_dim]}
   * @param mask finite, {@code [batch, 1, pos, keys]}, added to the scores
   */
  public static NDArray attention(NDArray q, NDArray k, NDArray v, NDArray mask) {
    return SCRIPT.tensor("attention", q, k, v, List.of(mask));
  }

  /** log(sum(exp(x))) over the last dimension. */
  public static NDArray logSumExp(NDArray x) {
    return SCRIPT.tensor("logsumexp", x);
  }

  /** A copy that is no part of any graph. */
  public static NDArray detach(NDArray x) {
    return SCRIPT.tensor("detach", x);
  }
}
