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
            return torch.to(x, dtype)
          def empty(like: Tensor, shape: List[int], dtype: int) -> Tensor:
            return torch.new_empty(like, shape, dtype=dtype)
          def bits_as(x: Tensor, dtype: int) -> Tensor:
            return torch.view(x, dtype)
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
          def linear(x: Tensor, weight: Tensor, bias: List[Tensor]) -> Tensor:
            if torch.len(bias) > 0:
              return torch.linear(x, weight, bias[0])
            return torch.linear(x, weight, None)
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

  /** The values in another type; keeps the graph, unlike DJL's {@code toType}. */
  public static NDArray cast(NDArray x, DataType type) {
    return SCRIPT.tensor("cast", x, code(type));
  }

  /** A copy that is no part of any graph. */
  public static NDArray detach(NDArray x) {
    return SCRIPT.tensor("detach", x);
  }
}
