package org.refusal.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.refusal.model.DecoderForm.HeadNorm;
import org.refusal.torch.ScriptModule;

/**
 * The decoder layer, one call per block, so that between the calls hooks can read and replace what flows. One source for
 * all families: the few functions in which they differ are chosen by a {@link DecoderForm}.
 *
 * <p>Shapes: x {@code [batch, pos, d_model]}; rotation, cos and sin, {@code [batch, 1, pos, rotated]}; mask {@code [batch,
 * 1, pos, keys]}; cache, which is written, and past, which is read and may have fewer rows: keys and values {@code
 * [batch, kv_heads, columns, head_dim]}. Weights of a block: its two matrices, then those of {@link #norms} that the form
 * has. Outputs are computed for the positions from {@code first} on, keys and values for all.
 */
final class DecoderScript {
  private static final String COMMON =
      """
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

  private static final String BLOCKS =
      """
      def norm_over(x: Tensor, weight: Tensor, eps: float, dims: List[int]) -> Tensor:
        h = x
        if torch.eq(torch.element_size(x), 2):
          h = torch.to(x, 6)
        h = h * torch.rsqrt(torch.mean(h * h, dims, True) + eps)
        return self.weighted(h, weight, x)
      def norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
        return self.norm_over(x, weight, eps, [-1])
      def linear(x: Tensor, weight: Tensor, biases: List[Tensor], i: int) -> Tensor:
        if torch.len(biases) > i:
          return self.affine(x, weight, biases[i])
        return self.affine(x, weight, None)
      def appended(past: List[Tensor], i: int, x: Tensor) -> Tensor:
        if torch.len(past) == 0:
          return x
        times = torch.floordiv(torch.size(x, 0), torch.size(past[i], 0))
        return torch.cat([torch.repeat_interleave(past[i], times, 0), x], 2)
      def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        half = torch.floordiv(torch.size(x, 3), 2)
        turned = torch.cat([torch.neg(torch.narrow(x, 3, half, half)), torch.narrow(x, 3, 0, half)], -1)
        return x * cos + turned * sin
      def projected(h: Tensor, weights: List[Tensor], biases: List[Tensor], rotation: List[Tensor], first: int, \
      heads: int, kv_heads: int, width: int, eps: float) -> Tuple[Tensor, Tensor, Tensor]:
        batch = torch.size(h, 0)
        count = torch.size(h, 1)
        if first == 0:
          qkv = self.linear(h, weights[0], biases, 0)
          qkv = torch.transpose(torch.view(qkv, [batch, count, heads + 2 * kv_heads, width]), 1, 2)
          qk = self.norm_heads(torch.narrow(qkv, 1, 0, heads + kv_heads), weights, 0, heads, eps)
          qk = self.turn(qk, rotation[0], rotation[1])
          q = torch.narrow(qk, 1, 0, heads)
          k = torch.narrow(qk, 1, heads, kv_heads)
          v = torch.narrow(qkv, 1, heads + kv_heads, kv_heads)
        else:
          rows = count - first
          split = heads * width
          rest = 2 * kv_heads * width
          query = self.affine(torch.narrow(h, 1, first, rows), torch.narrow(weights[0], 0, 0, split), None)
          kv = self.affine(h, torch.narrow(weights[0], 0, split, rest), None)
          if torch.len(biases) > 0:
            query = query + torch.narrow(biases[0], 0, 0, split)
            kv = kv + torch.narrow(biases[0], 0, split, rest)
          q = torch.transpose(torch.view(query, [batch, rows, heads, width]), 1, 2)
          kv = torch.transpose(torch.view(kv, [batch, count, 2 * kv_heads, width]), 1, 2)
          q = self.norm_heads(q, weights, 0, heads, eps)
          q = self.turn(q, torch.narrow(rotation[0], 2, first, rows), torch.narrow(rotation[1], 2, first, rows))
          k = self.norm_heads(torch.narrow(kv, 1, 0, kv_heads), weights, heads, heads, eps)
          k = self.turn(k, rotation[0], rotation[1])
          v = torch.narrow(kv, 1, kv_heads, kv_heads)
        return (q, k, v)
      def attention(x: Tensor, weights: List[Tensor], biases: List[Tensor], rotation: List[Tensor], \
      mask: List[Tensor], cache: List[Tensor], past: List[Tensor], begin: int, first: int, heads: int, kv_heads: int, \
      eps: float) -> Tensor:
        batch = torch.size(x, 0)
        count = torch.size(x, 1)
        rows = count - first
        width = torch.floordiv(torch.size(weights[1], 1), heads)
        h = self.before(x, weights, eps)
        q, k, v = self.projected(h, weights, biases, rotation, first, heads, kv_heads, width, eps)
        if torch.len(cache) > 0:
          torch.copy_(torch.narrow(cache[0], 2, begin, count), k)
          torch.copy_(torch.narrow(cache[1], 2, begin, count), v)
          k = torch.narrow(cache[0], 2, 0, begin + count)
          v = torch.narrow(cache[1], 2, 0, begin + count)
        k = self.appended(past, 0, k)
        v = self.appended(past, 1, v)
        groups = torch.floordiv(heads, kv_heads)
        if groups > 1:
          if rows == 1:
            q = torch.reshape(q, [batch, kv_heads, groups, width])
          else:
            k = torch.repeat_interleave(k, groups, 1)
            v = torch.repeat_interleave(v, groups, 1)
        seen = mask
        if first > 0 and torch.len(mask) > 0:
          seen = [torch.narrow(mask[0], 2, first, rows)]
        a = self.attend(q, k, v, seen, rows > 1)
        if rows == 1:
          a = torch.reshape(a, [batch, 1, heads * width])
        else:
          a = torch.reshape(torch.transpose(a, 1, 2), [batch, rows, heads * width])
        return self.after(self.linear(a, weights[1], biases, 1), weights, eps)
      def mlp(x: Tensor, weights: List[Tensor], biases: List[Tensor], eps: float) -> Tensor:
        both = self.linear(self.before(x, weights, eps), weights[0], biases, 0)
        width = torch.size(weights[1], 1)
        h = self.activated(torch.narrow(both, 2, 0, width)) * torch.narrow(both, 2, width, width)
        return self.after(self.linear(h, weights[1], biases, 1), weights, eps)
      def layer(x: Tensor, attention_weights: List[Tensor], attention_biases: List[Tensor], \
      mlp_weights: List[Tensor], mlp_biases: List[Tensor], rotation: List[Tensor], mask: List[Tensor], \
      cache: List[Tensor], past: List[Tensor], begin: int, first: int, heads: int, kv_heads: int, eps: float) -> Tensor:
        a = self.attention(x, attention_weights, attention_biases, rotation, mask, cache, past, begin, first, heads, \
      kv_heads, eps)
        h = x
        if first > 0:
          h = torch.narrow(x, 1, first, torch.size(x, 1) - first)
        h = h + a
        return h + self.mlp(h, mlp_weights, mlp_biases, eps)
      def logits(x: Tensor, norm: Tensor, weight: Tensor, eps: float, last: bool) -> Tensor:
        h = x
        if last:
          h = torch.select(x, 1, -1)
        z = self.affine(self.norm(h, norm, eps), weight, None)
        if torch.eq(torch.element_size(z), 2):
          z = torch.to(z, 6)
        return self.capped_logits(z)
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
      """;

  private static final String PACK =
      """
      def pack(weight: Tensor) -> Tensor:
        return ops.mkldnn._reorder_linear_weight(weight, 16)
      """;

  /** GELU is x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 here (Hendrycks and Gimpel 2016, arXiv 1606.08415). */
  private static final double GELU_CUBIC = 0.044715;

  /** What no family does otherwise. */
  static final ScriptModule SCRIPT = ScriptModule.compile("Decoder", COMMON);

  private static final Map<DecoderForm, ScriptModule> PLAIN_BY_FORM = new ConcurrentHashMap<>();
  private static final Map<DecoderForm, ScriptModule> PACKED_BY_FORM = new ConcurrentHashMap<>();

  private DecoderScript() {}

  /** The blocks of a form. */
  static ScriptModule of(DecoderForm form) {
    return PLAIN_BY_FORM.computeIfAbsent(form, f -> ScriptModule.compile("DecoderBlocks", PLAIN + special(f) + BLOCKS));
  }

  /**
   * The same on weights that {@link Packing} has laid out as oneDNN's kernels read them, where this libtorch has these: on
   * x86 processors. Without gradients, and only with {@code first} 0.
   */
  static ScriptModule packed(DecoderForm form) {
    return PACKED_BY_FORM.computeIfAbsent(
        form, f -> ScriptModule.compile("PackedDecoderBlocks", PACKED + special(f) + BLOCKS));
  }

  /** Lays out a weight for {@link #packed}. */
  static final class Packing {
    static final ScriptModule SCRIPT = ScriptModule.compile("Packing", PACK);

    private Packing() {}
  }

  /** Norms among a block's weights, from the third on: before, after, of the heads. */
  private static List<String> norms(DecoderForm form) {
    List<String> names = new ArrayList<>();
    if (form.normsBefore()) {
      names.add("before");
    }
    if (form.normsAfter()) {
      names.add("after");
    }
    if (form.headNorm() != HeadNorm.NONE) {
      names.add("heads");
    }
    return names;
  }

  private static String weight(DecoderForm form, String norm) {
    return "weights[%d]".formatted(2 + norms(form).indexOf(norm));
  }

  /** The functions that are not the same in all families. */
  private static String special(DecoderForm form) {
    return weighted(form) + norm(form, "before") + norm(form, "after") + headNorm(form) + turn(form) + attend(form)
        + activation(form) + embedding(form) + logitCap(form);
  }

  private static String weighted(DecoderForm form) {
    String result =
        switch (form.norm()) {
          case WEIGHT -> "torch.to(h, x.dtype) * weight";
          case WEIGHT_BEFORE_ROUNDING -> "torch.to(h * weight, x.dtype)";
          case ONE_PLUS_WEIGHT -> "torch.to(h * (torch.to(weight, h.dtype) + 1.0), x.dtype)";
        };
    return """
        def weighted(h: Tensor, weight: Tensor, x: Tensor) -> Tensor:
          return %s
        """
        .formatted(result);
  }

  private static String norm(DecoderForm form, String name) {
    boolean there = norms(form).contains(name);
    return """
        def %s(x: Tensor, weights: List[Tensor], eps: float) -> Tensor:
          return %s
        """
        .formatted(name, there ? "self.norm(x, " + weight(form, name) + ", eps)" : "x");
  }

  /** x {@code [batch, n, pos, head_dim]}: heads from {@code begin} on, where those of the keys follow the queries'. */
  private static String headNorm(DecoderForm form) {
    String body =
        switch (form.headNorm()) {
          case NONE -> "return x";
          case PER_HEAD -> "return self.norm(x, torch.narrow(WEIGHT, 0, begin, torch.size(x, 1)), eps)";
          case FULL_WIDTH ->
              """
              n = torch.size(x, 1)
                own = torch.narrow(WEIGHT, 0, begin, n)
                if begin == 0 and n > heads:
                  q = self.norm_over(torch.narrow(x, 1, 0, heads), torch.narrow(own, 0, 0, heads), eps, [1, 3])
                  k = self.norm_over(torch.narrow(x, 1, heads, n - heads), torch.narrow(own, 0, heads, n - heads), eps, [1, 3])
                  return torch.cat([q, k], 1)
                return self.norm_over(x, own, eps, [1, 3])""";
        };
    return """
        def norm_heads(x: Tensor, weights: List[Tensor], begin: int, heads: int, eps: float) -> Tensor:
          %s
        """
        .formatted(body)
        .replace("WEIGHT", form.headNorm() == HeadNorm.NONE ? "" : weight(form, "heads"));
  }

  private static String turn(DecoderForm form) {
    return form.rotatesPart()
        ? """
          def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
            part = torch.size(cos, 3)
            rest = torch.narrow(x, 3, part, torch.size(x, 3) - part)
            return torch.cat([self.rotated(torch.narrow(x, 3, 0, part), cos, sin), rest], -1)
          """
        : """
          def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
            return self.rotated(x, cos, sin)
          """;
  }

  private static String attend(DecoderForm form) {
    if (form.attentionCap() == 0) {
      return """
          def attend(q: Tensor, k: Tensor, v: Tensor, mask: List[Tensor], causal: bool) -> Tensor:
            if torch.len(mask) > 0:
              a = torch.scaled_dot_product_attention(q, k, v, mask[0], 0.0, False, scale=SCALE)
            else:
              a = torch.scaled_dot_product_attention(q, k, v, None, 0.0, causal, scale=SCALE)
            return a
          """
          .replace("SCALE", Double.toString(form.attentionScale()));
    }
    return """
        def attend(q: Tensor, k: Tensor, v: Tensor, mask: List[Tensor], causal: bool) -> Tensor:
          scores = torch.tanh(torch.matmul(q * SCALE, torch.transpose(k, 2, 3))) * CAP
          if torch.len(mask) > 0:
            scores = scores + mask[0]
          if torch.eq(torch.element_size(scores), 2):
            scores = torch.to(scores, 6)
          return torch.matmul(torch.to(torch.softmax(scores, -1), q.dtype), v)
        """
        .replace("SCALE", Double.toString(form.attentionScale() / form.attentionCap()))
        .replace("CAP", Double.toString(form.attentionCap()));
  }

  private static String activation(DecoderForm form) {
    return switch (form.activation()) {
      case SILU -> """
          def activated(x: Tensor) -> Tensor:
            return torch.silu(x)
          """;
      case GELU_TANH -> """
          def activated(x: Tensor) -> Tensor:
            h = x
            if torch.eq(torch.element_size(x), 2):
              h = torch.to(x, 6)
            inner = h * (h * h * CUBIC + LINEAR)
            return torch.to(h * (torch.tanh(inner) + 1.0) * 0.5, x.dtype)
          """
          .replace("LINEAR", Double.toString(Math.sqrt(2 / Math.PI)))
          .replace("CUBIC", Double.toString(Math.sqrt(2 / Math.PI) * GELU_CUBIC));
    };
  }

  /** The scale is rounded to the model's type before it is used. */
  private static String embedding(DecoderForm form) {
    String scale = form.embeddingScale() == 1 ? "" : " * torch.new_full(weight, [1], " + form.embeddingScale() + ")";
    return """
        def embed(weight: Tensor, ids: Tensor) -> Tensor:
          return torch.embedding(weight, ids)%s
        """
        .formatted(scale);
  }

  private static String logitCap(DecoderForm form) {
    String result = form.logitCap() == 0 ? "z" : "torch.tanh(z / CAP) * CAP".replace("CAP", Double.toString(form.logitCap()));
    return """
        def capped_logits(z: Tensor) -> Tensor:
          return %s
        """
        .formatted(result);
  }
}
