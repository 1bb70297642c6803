package org.refusal.model;

import org.refusal.torch.ScriptModule;

/**
 * The decoder layer of the Llama family, one call per block, so that between the calls hooks can read and replace what
 * flows. Shapes: x {@code [batch, pos, d_model]}; cos, sin {@code [batch, 1, pos, head_dim]}; mask {@code [batch, 1,
 * pos, keys]}; cache, which is written, and past, which is read and may have fewer rows: keys and values {@code [batch,
 * kv_heads, columns, head_dim]}.
 */
final class DecoderScript {
  private static final String SOURCE =
      """
      def embed(weight: Tensor, ids: Tensor) -> Tensor:
        return torch.embedding(weight, ids)
      def positions(padding: Tensor, begin: int, count: int) -> Tensor:
        columns = torch.arange(begin, begin + count, dtype=4, device=padding.device)
        return torch.clamp_min(torch.unsqueeze(columns, 0) - torch.unsqueeze(padding, 1), 0)
      def rotation(table: Tensor, positions: Tensor) -> Tensor:
        return torch.unsqueeze(torch.embedding(table, positions), 1)
      def mask(like: Tensor, padding: Tensor, begin: int, count: int, window: int, lowest: float) -> Tensor:
        queries = torch.unsqueeze(torch.arange(begin, begin + count, dtype=4, device=padding.device), 1)
        keys = torch.unsqueeze(torch.arange(0, begin + count, dtype=4, device=padding.device), 0)
        hidden = torch.gt(keys, queries)
        if window > 0:
          hidden = torch.logical_or(hidden, torch.le(keys, queries - window))
        padded = torch.lt(torch.unsqueeze(keys, 0), torch.unsqueeze(torch.unsqueeze(padding, 1), 2))
        all = torch.unsqueeze(torch.logical_or(torch.unsqueeze(hidden, 0), padded), 1)
        zero = torch.new_zeros(like, [torch.size(padding, 0), 1, count, begin + count])
        return torch.masked_fill(zero, all, lowest)
      def norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
        h = x
        if torch.eq(torch.element_size(x), 2):
          h = torch.to(x, 6)
        h = h * torch.rsqrt(torch.mean(h * h, [-1], True) + eps)
        return torch.to(h, x.dtype) * weight
      def linear(x: Tensor, weight: Tensor, biases: List[Tensor], i: int) -> Tensor:
        if torch.len(biases) > i:
          return self.affine(x, weight, biases[i])
        return self.affine(x, weight, None)
      def after(past: List[Tensor], i: int, x: Tensor) -> Tensor:
        if torch.len(past) == 0:
          return x
        times = torch.floordiv(torch.size(x, 0), torch.size(past[i], 0))
        return torch.cat([torch.repeat_interleave(past[i], times, 0), x], 2)
      def fill(cache: List[Tensor], past: List[Tensor]) -> None:
        times = torch.floordiv(torch.size(cache[0], 0), torch.size(past[0], 0))
        count = torch.size(past[0], 2)
        torch.copy_(torch.narrow(cache[0], 2, 0, count), torch.repeat_interleave(past[0], times, 0))
        torch.copy_(torch.narrow(cache[1], 2, 0, count), torch.repeat_interleave(past[1], times, 0))
      def spread_one(cache: Tensor, source: Tensor, tokens: Tensor) -> None:
        batch = torch.size(tokens, 0)
        count = torch.size(tokens, 1)
        rows = torch.index_select(source, 2, torch.reshape(tokens, [batch * count]))
        rows = torch.view(rows, [torch.size(source, 1), batch, count, torch.size(source, 3)])
        torch.copy_(torch.narrow(cache, 2, 0, count), torch.transpose(rows, 0, 1))
      def spread(cache: List[Tensor], source: List[Tensor], padding: Tensor) -> None:
        tokens = self.positions(padding, 0, torch.size(source[0], 2))
        self.spread_one(cache[0], source[0], tokens)
        self.spread_one(cache[1], source[1], tokens)
      def attention(x: Tensor, weights: List[Tensor], biases: List[Tensor], rotation: List[Tensor], \
      mask: List[Tensor], cache: List[Tensor], past: List[Tensor], begin: int, heads: int, kv_heads: int, \
      eps: float) -> Tensor:
        batch = torch.size(x, 0)
        count = torch.size(x, 1)
        width = torch.floordiv(torch.size(weights[2], 1), heads)
        qkv = self.linear(self.norm(x, weights[0], eps), weights[1], biases, 0)
        qkv = torch.transpose(torch.view(qkv, [batch, count, heads + 2 * kv_heads, width]), 1, 2)
        qk = torch.narrow(qkv, 1, 0, heads + kv_heads)
        half = torch.floordiv(width, 2)
        turned = torch.cat([torch.neg(torch.narrow(qk, 3, half, half)), torch.narrow(qk, 3, 0, half)], -1)
        qk = qk * rotation[0] + turned * rotation[1]
        q = torch.narrow(qk, 1, 0, heads)
        k = torch.narrow(qk, 1, heads, kv_heads)
        v = torch.narrow(qkv, 1, heads + kv_heads, kv_heads)
        if torch.len(cache) > 0:
          torch.copy_(torch.narrow(cache[0], 2, begin, count), k)
          torch.copy_(torch.narrow(cache[1], 2, begin, count), v)
          k = torch.narrow(cache[0], 2, 0, begin + count)
          v = torch.narrow(cache[1], 2, 0, begin + count)
        k = self.after(past, 0, k)
        v = self.after(past, 1, v)
        groups = torch.floordiv(heads, kv_heads)
        if groups > 1:
          if count == 1:
            q = torch.reshape(q, [batch, kv_heads, groups, width])
          else:
            k = torch.repeat_interleave(k, groups, 1)
            v = torch.repeat_interleave(v, groups, 1)
        if torch.len(mask) > 0:
          a = torch.scaled_dot_product_attention(q, k, v, mask[0], 0.0, False)
        else:
          a = torch.scaled_dot_product_attention(q, k, v, None, 0.0, count > 1)
        if count == 1:
          a = torch.reshape(a, [batch, 1, heads * width])
        else:
          a = torch.reshape(torch.transpose(a, 1, 2), [batch, count, heads * width])
        return self.linear(a, weights[2], biases, 1)
      def mlp(x: Tensor, weights: List[Tensor], biases: List[Tensor], eps: float) -> Tensor:
        both = self.linear(self.norm(x, weights[0], eps), weights[1], biases, 0)
        width = torch.size(weights[2], 1)
        h = torch.silu(torch.narrow(both, 2, 0, width)) * torch.narrow(both, 2, width, width)
        return self.linear(h, weights[2], biases, 1)
      def layer(x: Tensor, attention_weights: List[Tensor], attention_biases: List[Tensor], \
      mlp_weights: List[Tensor], mlp_biases: List[Tensor], rotation: List[Tensor], mask: List[Tensor], \
      cache: List[Tensor], past: List[Tensor], begin: int, heads: int, kv_heads: int, eps: float) -> Tensor:
        h = x + self.attention(x, attention_weights, attention_biases, rotation, mask, cache, past, begin, heads, \
      kv_heads, eps)
        return h + self.mlp(h, mlp_weights, mlp_biases, eps)
      def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        half = torch.floordiv(torch.size(x, 3), 2)
        turned = torch.cat([torch.neg(torch.narrow(x, 3, half, half)), torch.narrow(x, 3, 0, half)], -1)
        return x * cos + turned * sin
      def last_layer(x: Tensor, attention_weights: List[Tensor], attention_biases: List[Tensor], \
      mlp_weights: List[Tensor], mlp_biases: List[Tensor], rotation: List[Tensor], mask: List[Tensor], \
      past: List[Tensor], heads: int, kv_heads: int, eps: float) -> Tensor:
        batch = torch.size(x, 0)
        end = torch.size(x, 1) - 1
        width = torch.floordiv(torch.size(attention_weights[2], 1), heads)
        split = heads * width
        rest = 2 * kv_heads * width
        h = self.norm(x, attention_weights[0], eps)
        query = self.affine(torch.narrow(h, 1, end, 1), torch.narrow(attention_weights[1], 0, 0, split), None)
        kv = self.affine(h, torch.narrow(attention_weights[1], 0, split, rest), None)
        if torch.len(attention_biases) > 0:
          query = query + torch.narrow(attention_biases[0], 0, 0, split)
          kv = kv + torch.narrow(attention_biases[0], 0, split, rest)
        kv = torch.transpose(torch.view(kv, [batch, end + 1, 2 * kv_heads, width]), 1, 2)
        k = self.after(past, 0, self.turn(torch.narrow(kv, 1, 0, kv_heads), rotation[0], rotation[1]))
        v = self.after(past, 1, torch.narrow(kv, 1, kv_heads, kv_heads))
        q = torch.reshape(query, [batch, heads, 1, width])
        q = self.turn(q, torch.narrow(rotation[0], 2, end, 1), torch.narrow(rotation[1], 2, end, 1))
        q = torch.reshape(q, [batch, kv_heads, torch.floordiv(heads, kv_heads), width])
        if torch.len(mask) > 0:
          seen = torch.narrow(mask[0], 2, end, 1)
          a = torch.scaled_dot_product_attention(q, k, v, seen, 0.0, False)
        else:
          a = torch.scaled_dot_product_attention(q, k, v, None, 0.0, False)
        a = torch.reshape(a, [batch, 1, split])
        y = torch.narrow(x, 1, end, 1) + self.linear(a, attention_weights[2], attention_biases, 1)
        return y + self.mlp(y, mlp_weights, mlp_biases, eps)
      def logits(x: Tensor, norm: Tensor, weight: Tensor, eps: float, last: bool) -> Tensor:
        h = x
        if last:
          h = torch.select(x, 1, -1)
        z = self.affine(self.norm(h, norm, eps), weight, None)
        if torch.eq(torch.element_size(z), 2):
          return torch.to(z, 6)
        return z
      def metric(logits: Tensor, tokens: Tensor) -> Tensor:
        own = torch.clone(tokens)
        chosen = torch.logsumexp(torch.index_select(logits, -1, own), [-1])
        return chosen - torch.logsumexp(torch.index_fill(logits, -1, own, -inf), [-1])
      def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
        chosen = torch.squeeze(torch.gather(logits, -1, torch.unsqueeze(tokens, -1)), -1)
        return torch.to(chosen, 7) - torch.to(torch.logsumexp(logits, [-1]), 7)
      def greedy(logits: Tensor) -> Tensor:
        return torch.argmax(logits, -1)
      """;

  private static final String PLAIN =
      """
      def affine(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        return torch.linear(x, weight, bias)
      """;

  private static final String PACKED =
      """
      def affine(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        return ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], None)
      def pack(weight: Tensor) -> Tensor:
        return ops.mkldnn._reorder_linear_weight(weight, 16)
      """;

  static final ScriptModule SCRIPT = ScriptModule.compile("Decoder", PLAIN + SOURCE);

  private DecoderScript() {}

  /**
   * The same functions, but {@code last_layer}, on weights that {@code pack} has laid out as oneDNN's kernels read them,
   * where this libtorch has these: on x86 processors. Without gradients.
   */
  static final class Packed {
    static final ScriptModule SCRIPT = ScriptModule.compile("PackedDecoder", PACKED + SOURCE);

    private Packed() {}
  }
}
