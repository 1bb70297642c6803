package org.refusal.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.List;

/**
 * Operations that DJL lacks, does slowly, or does in a way that cuts the graph of {@link Autograd}. All of them keep
 * the graph unless they say otherwise; those whose name ends in {@code InPlace} change their first argument and must
 * not be used on recorded arrays. (DJL itself reports the type of a bfloat16 array as UNKNOWN; its arithmetic works,
 * reading its values does not: cast to FLOAT32 first.) Results belong to the innermost {@link Memory.Scope}.
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
          def cast_like(x: Tensor, like: Tensor) -> Tensor:
            return torch.to(x, like.dtype, False, True)
          def empty(like: Tensor, shape: List[int], dtype: int) -> Tensor:
            return torch.new_empty(like, shape, dtype=dtype)
          def assign(target: Tensor, begin: int, values: Tensor) -> None:
            torch.copy_(torch.narrow(target, 0, begin, torch.size(values, 0)), values)
          def bytes(x: Tensor) -> Tensor:
            return torch.view_copy(torch.reshape(torch.contiguous(x), [-1]), dtype=0)
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
          def topk(x: Tensor, k: int) -> List[Tensor]:
            values, indices = torch.topk(x, k, -1, True, True)
            return [values, indices]
          def gather(x: Tensor, indices: Tensor) -> Tensor:
            return torch.gather(x, -1, indices)
          def scatter(indices: Tensor, values: Tensor, width: int) -> Tensor:
            shape = torch.size(values)
            shape[torch.len(shape) - 1] = width
            return torch.scatter(torch.new_zeros(values, shape), -1, indices, values)
          def index_add(target: Tensor, rows: Tensor, values: Tensor) -> None:
            torch.index_add_(target, 0, rows, values)
          def equal_offsets(rows: Tensor) -> Tensor:
            count = torch.size(rows, 0)
            width = torch.size(rows, 1)
            return torch.arange(0, count * width, width, dtype=4, device=rows.device)
          def sparse_rows(dense: Tensor) -> List[Tensor]:
            width = torch.size(dense, 1)
            active = torch.ne(dense, 0)
            counts = torch.sum(active, [1])
            offsets = torch.cumsum(counts, 0) - counts
            flat = torch.reshape(torch.nonzero(torch.reshape(active, [-1])), [-1])
            values = torch.index_select(torch.reshape(dense, [-1]), 0, flat)
            return [offsets, torch.remainder(flat, width), values]
          def dense_rows(offsets: Tensor, indices: Tensor, values: Tensor, width: int) -> Tensor:
            count = torch.size(offsets, 0)
            ends = torch.cat([torch.narrow(offsets, 0, 1, count - 1), torch.full_like(torch.narrow(offsets, 0, 0, 1), \
          torch.size(indices, 0))], 0)
            rows = torch.repeat_interleave(torch.arange(count, dtype=4, device=indices.device), ends - offsets)
            zeros = torch.new_zeros(values, [count * width])
            return torch.reshape(torch.scatter(zeros, 0, rows * width + indices, values), [count, width])
          def sparse_decode(weight: Tensor, offsets: Tensor, indices: Tensor, values: Tensor) -> Tensor:
            sums, o, b, m = torch.embedding_bag(weight, indices, offsets, False, 0, False, values, False)
            return sums
          def weighted_row_sums(table: Tensor, rows: Tensor, offsets: Tensor, weights: Tensor, columns: int) -> Tensor:
            width = torch.size(table, 1)
            parts = annotate(List[Tensor], [])
            for begin in range(0, width, columns):
              count = columns
              if begin + count > width:
                count = width - begin
              sums, o, b, m = torch.embedding_bag(torch.narrow(table, 1, begin, count), rows, offsets, False, 0, False, \
          weights, False)
              parts = torch.append(parts, sums)
            if torch.len(parts) == 1:
              return parts[0]
            return torch.cat(parts, 1)
          def row_dots(bags: Tensor, table: Tensor, rows: Tensor, offsets: Tensor, bag: Tensor, columns: int) -> Tensor:
            width = torch.size(table, 1)
            dots = torch.zeros_like(rows, dtype=table.dtype)
            for begin in range(0, width, columns):
              count = columns
              if begin + count > width:
                count = width - begin
              left = torch.contiguous(torch.narrow(bags, 1, begin, count))
              right = torch.contiguous(torch.narrow(table, 1, begin, count))
              part = torch._embedding_bag_per_sample_weights_backward(left, right, rows, offsets, bag, 0, -1)
              torch.add_(dots, part)
            return dots
          def adam(parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, rate: float, beta1: float, \
          beta2: float, eps: float, step: int) -> None:
            torch.add_(torch.mul_(first, beta1), gradient, alpha=1.0 - beta1)
            torch.addcmul_(torch.mul_(second, beta2), gradient, gradient, value=1.0 - beta2)
            bias1 = 1.0 - beta1 ** float(step)
            bias2 = 1.0 - beta2 ** float(step)
            scale = torch.add_(torch.div_(torch.sqrt(second), bias2 ** 0.5), eps)
            torch.addcdiv_(parameter, first, scale, value=torch.neg(rate / bias1))
          def eigh(x: Tensor) -> List[Tensor]:
            values, vectors = torch.linalg_eigh(x)
            return [values, vectors]
          def matmul(a: Tensor, b: Tensor) -> Tensor:
            return torch.matmul(a, b)
          def einsum(equation: str, operands: List[Tensor]) -> Tensor:
            return torch.einsum(equation, operands)
          """);

  /** Floats of a table that are read at random at a time: 8 MiB. */
  private static final long CACHED_FLOATS = 1 << 21;

  private static final long FEWEST_COLUMNS = 64;

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

  /** The values in the type of another array, BFLOAT16 too, which DJL has no name for; otherwise as {@link #cast}. */
  public static NDArray castLike(NDArray x, NDArray like) {
    return SCRIPT.tensor("cast_like", x, like);
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

  /** The values as they lie in memory, row major and little endian; of any type, BFLOAT16 too. */
  public static byte[] bytes(NDArray x) {
    try (NDArray raw = SCRIPT.tensor("bytes", x)) {
      return raw.toByteArray();
    }
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

  /** The k largest of the last dimension, descending: values and INT64 indices. */
  public static TopK topK(NDArray x, int k) {
    List<NDArray> result = SCRIPT.tensors("topk", x, k);
    return new TopK(result.get(0), result.get(1));
  }

  /** What {@link #topK} finds. */
  public record TopK(NDArray values, NDArray indices) {}

  /** Rows of a matrix by INT64 index; the gradient of a row that is named twice is the sum. */
  public static NDArray indexRows(NDArray x, NDArray rows) {
    return SCRIPT.tensor("index_rows", x, rows);
  }

  /** x at the INT64 indices of the last dimension; both have the same number of dimensions. */
  public static NDArray gather(NDArray x, NDArray indices) {
    return SCRIPT.tensor("gather", x, indices);
  }

  /** The dense array of the given last width with the values at the indices, zero elsewhere. */
  public static NDArray scatter(NDArray indices, NDArray values, int width) {
    return SCRIPT.tensor("scatter", indices, values, width);
  }

  /** target[rows[i]] += values[i]. On GPUs the order of additions to one row is not fixed. */
  public static void indexAddInPlace(NDArray target, NDArray rows, NDArray values) {
    SCRIPT.invoke("index_add", target, rows, values);
  }

  /** Offsets of sparse rows that all have as many entries: 0, k, 2 k ... for {@code [rows, k]}. */
  public static NDArray equalOffsets(NDArray rows) {
    return SCRIPT.tensor("equal_offsets", rows);
  }

  /** What of a dense matrix {@code [rows, width]} is not zero; differentiable in the values. */
  public static SparseRows sparseRows(NDArray dense) {
    List<NDArray> result = SCRIPT.tensors("sparse_rows", dense);
    return new SparseRows(result.get(0), result.get(1), result.get(2));
  }

  /**
   * A sparse matrix, row by row.
   *
   * @param offsets INT64 {@code [rows]}, first entry of each row; rows may be empty
   * @param indices INT64 {@code [entries]}, columns
   * @param values {@code [entries]}
   */
  public record SparseRows(NDArray offsets, NDArray indices, NDArray values) {}

  /** @return {@code [rows, width]}, zero where nothing is said; differentiable in the values */
  public static NDArray denseRows(SparseRows sparse, int width) {
    return SCRIPT.tensor("dense_rows", sparse.offsets(), sparse.indices(), sparse.values(), width);
  }

  /**
   * Sum over the entries e of a row of values[e] * weight[indices[e]]: decoding active latents without the dense product.
   *
   * @param weight {@code [d_sae, d]}
   * @return {@code [rows, d]}; differentiable in weight and values
   */
  public static NDArray sparseDecode(NDArray weight, SparseRows sparse) {
    return SCRIPT.tensor("sparse_decode", weight, sparse.offsets(), sparse.indices(), sparse.values());
  }

  /**
   * Sums of weighted rows of a table, one sum per bag: the product of a sparse matrix in CSR form with a dense one. A sum
   * runs over its bag's entries in order, whatever the number of threads. The table is taken some columns at a time, so that
   * these stay in the cache while all bags read them. Cost: entries x d multiplications, and bags x d copies. Not
   * differentiable.
   *
   * @param table {@code [n, d]}
   * @param rows INT32 {@code [entries]}, entry by entry the row of the table; at least one entry
   * @param offsets INT32 {@code [bags]}, first entry of each bag; bags may be empty
   * @param weights {@code [entries]}
   * @return {@code [bags, d]}
   */
  public static NDArray weightedRowSums(NDArray table, NDArray rows, NDArray offsets, NDArray weights) {
    return SCRIPT.tensor("weighted_row_sums", table, rows, offsets, weights, cachedColumns(table));
  }

  /**
   * Chosen inner products of the rows of two matrices: bags[bag[e]] . table[rows[e]] for every entry e, summed over some
   * columns at a time as in {@link #weightedRowSums}. Cost: entries x d multiplications, and a copy of both matrices. Not
   * differentiable.
   *
   * @param bags {@code [bags, d]}
   * @param table {@code [n, d]}
   * @param rows INT32 {@code [entries]}, at least one entry
   * @param offsets INT32 {@code [bags]}, first entry of each bag
   * @param bag INT32 {@code [entries]}, the bag of each entry, ascending
   * @return {@code [entries]}
   */
  public static NDArray rowDots(NDArray bags, NDArray table, NDArray rows, NDArray offsets, NDArray bag) {
    return SCRIPT.tensor("row_dots", bags, table, rows, offsets, bag, cachedColumns(table));
  }

  /** As many columns of a table as a cache of the last level surely holds; at least a few cache lines of each row. */
  private static long cachedColumns(NDArray table) {
    return Math.max(FEWEST_COLUMNS, CACHED_FLOATS / Math.max(1, table.getShape().get(0)) / FEWEST_COLUMNS * FEWEST_COLUMNS);
  }

  /**
   * One step of Adam as torch does it (eps is added to sqrt(second / bias correction)).
   *
   * @param step from 1
   */
  public static void adamInPlace(
      NDArray parameter,
      NDArray gradient,
      NDArray first,
      NDArray second,
      double rate,
      double beta1,
      double beta2,
      double eps,
      long step) {
    SCRIPT.invoke("adam", parameter, gradient, first, second, rate, beta1, beta2, eps, step);
  }

  /** Eigenvalues of a symmetric matrix on the CPU, ascending, and its eigenvectors as columns. O(n^3). */
  public static Eigen eigh(NDArray symmetric) {
    List<NDArray> result = SCRIPT.tensors("eigh", symmetric);
    return new Eigen(result.get(0), result.get(1));
  }

  /** What {@link #eigh} finds. */
  public record Eigen(NDArray values, NDArray vectors) {}

  /** torch.matmul. */
  public static NDArray matmul(NDArray a, NDArray b) {
    return SCRIPT.tensor("matmul", a, b);
  }

  /** x weight^T + bias. */
  public static NDArray linear(NDArray x, NDArray weight, NDArray bias) {
    return SCRIPT.tensor("linear", x, weight, bias);
  }

  /** torch.einsum. */
  public static NDArray einsum(String equation, NDArray... operands) {
    return SCRIPT.tensor("einsum", equation, List.of(operands));
  }

  /** A copy that is no part of any graph. */
  public static NDArray detach(NDArray x) {
    return SCRIPT.tensor("detach", x);
  }
}
