package org.refusal.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.HookPoint.Site;
import org.refusal.model.DecoderForm.HeadNorm;
import org.refusal.torch.Autograd;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;
import org.refusal.torch.ScriptModule;
import org.refusal.torch.ScriptModule.Tensors;
import org.refusal.torch.TorchOps;

/** Any of {@link Families}: RMS norms, rotary positions, grouped queries, gated MLP. Layers are in {@link DecoderScript}. */
final class DecoderLm implements CausalLm {
  private static final ScriptModule SCRIPT = DecoderScript.SCRIPT;
  private static final Tensors NOTHING = Tensors.of(List.of());

  /** Added to the scores of positions that are not seen: finite in every type, so that no row of scores is all -inf. */
  private static final double LOWEST = -30000;

  /** Weights of one layer, as the script takes them. */
  private record Layer(Tensors attention, Tensors attentionBiases, Tensors mlp, Tensors mlpBiases) {
    void close() {
      List.of(attention, attentionBiases, mlp, mlpBiases).forEach(Tensors::close);
    }
  }

  /**
   * What all layers of one pass share.
   *
   * @param begin column of the first position that is run
   * @param packed weights to use instead of the plain ones; null for a pass that uses those
   */
  private record Pass(
      ModelConfig config,
      List<Tensors> rotations,
      Map<Integer, Tensors> masks,
      KvCache cache,
      KvCache past,
      int begin,
      PackedWeights packed,
      Hooks hooks)
      implements AutoCloseable {
    Tensors mask(int layer) {
      return masks.get(config.slidingWindows().get(layer));
    }

    Tensors cache(int layer) {
      return cache == null ? NOTHING : cache.layer(layer);
    }

    Tensors past(int layer) {
      return past == null ? NOTHING : past.layer(layer);
    }

    @Override
    public void close() {
      rotations.forEach(Tensors::close);
      masks.values().stream().filter(mask -> mask != NOTHING).forEach(Tensors::close);
    }
  }

  private final ModelConfig config;
  private final Device device;
  private final DataType type;
  private final List<NDArray> owned = new ArrayList<>();
  private final List<Layer> layers = new ArrayList<>();
  private final RotaryTables rotary;
  private final ScriptModule blocks;
  private PackedWeights packed; // null where there are none
  private NDArray embedding; // [vocab, d_model]
  private NDArray finalNorm; // [d_model]
  private NDArray unembedding; // [vocab, d_model]

  private DecoderLm(ModelConfig config, Device device, DataType type) {
    this.config = config;
    this.device = device;
    this.type = type;
    this.rotary = new RotaryTables(config, Devices.manager(device), type);
    this.blocks = DecoderScript.of(config.form());
  }

  static DecoderLm load(CheckpointFolder checkpoint, Device device, DataType type) {
    DecoderLm lm = new DecoderLm(checkpoint.config(), device, type);
    try (WeightLoader loader = new WeightLoader(checkpoint, device, type)) {
      lm.read(loader, checkpoint.headDiffers());
      return lm;
    } catch (RuntimeException | Error e) {
      lm.close();
      throw e;
    }
  }

  /** @param ownHead whether the head is read though the config ties it to the embedding */
  private void read(WeightLoader loader, boolean ownHead) {
    long d = config.dModel();
    packed = PackedWeights.worthwhile(config, device, type) ? new PackedWeights() : null;
    boolean headInstead = config.tiedEmbeddings() && !loader.has(TensorNames.EMBEDDING);
    embedding = own(loader.load(headInstead ? TensorNames.HEAD : TensorNames.EMBEDDING, config.vocabSize(), d));
    for (int i = 0; i < config.layers(); i++) {
      readLayer(loader, TensorNames.layer(i));
    }
    finalNorm = own(loader.load(TensorNames.FINAL_NORM, d));
    unembedding =
        config.tiedEmbeddings() && !ownHead ? embedding : own(loader.load(TensorNames.HEAD, config.vocabSize(), d));
    if (packed != null) {
      packed.setUnembedding(unembedding);
    }
  }

  private void readLayer(WeightLoader loader, String layer) {
    LayerTensors names = config.family().tensors();
    long d = config.dModel();
    long q = (long) config.heads() * config.headDim();
    long kv = (long) config.kvHeads() * config.headDim();
    long hidden = config.intermediate();
    long[] qkvRows = TensorNames.rows(names.queriesKeysValues(), q, kv, kv);
    long[] gateAndUpRows = TensorNames.rows(names.gateAndUp(), hidden, hidden);

    List<NDArray> attention = new ArrayList<>();
    attention.add(own(loader.stack(named(layer, names.queriesKeysValues(), ".weight"), qkvRows, d)));
    attention.add(own(loader.load(layer + TensorNames.OUTPUT + ".weight", d, q)));
    for (Optional<String> norm : List.of(names.normBeforeAttention(), names.normAfterAttention())) {
      norm.ifPresent(name -> attention.add(own(loader.load(layer + name + ".weight", d))));
    }
    if (config.form().headNorm() != HeadNorm.NONE) {
      attention.add(headNorms(loader, layer));
    }
    List<NDArray> attentionBiases = new ArrayList<>();
    if (config.biases().queriesKeysValues()) {
      attentionBiases.add(own(loader.stack(named(layer, names.queriesKeysValues(), ".bias"), qkvRows)));
    }
    if (config.biases().output()) {
      attentionBiases.add(own(loader.load(layer + TensorNames.OUTPUT + ".bias", d)));
    }

    List<NDArray> mlp = new ArrayList<>();
    mlp.add(own(loader.stack(named(layer, names.gateAndUp(), ".weight"), gateAndUpRows, d)));
    mlp.add(own(loader.load(layer + TensorNames.DOWN + ".weight", d, hidden)));
    for (Optional<String> norm : List.of(names.normBeforeMlp(), names.normAfterMlp())) {
      norm.ifPresent(name -> mlp.add(own(loader.load(layer + name + ".weight", d))));
    }
    List<NDArray> mlpBiases = new ArrayList<>();
    if (config.biases().mlp()) {
      mlpBiases.add(own(loader.stack(named(layer, names.gateAndUp(), ".bias"), gateAndUpRows)));
      mlpBiases.add(own(loader.load(layer + TensorNames.DOWN + ".bias", d)));
    }
    layers.add(new Layer(Tensors.of(attention), Tensors.of(attentionBiases), Tensors.of(mlp), Tensors.of(mlpBiases)));
    if (packed != null) {
      packed.addAttention(attention);
      packed.addMlp(mlp);
    }
  }

  private static List<String> named(String layer, List<String> projections, String kind) {
    return projections.stream().map(name -> layer + name + kind).toList();
  }

  /** Weights of the norms of all query heads, then of all key heads {@code [heads + kv_heads, 1, head_dim]}. */
  private NDArray headNorms(WeightLoader loader, String layer) {
    int width = config.headDim();
    boolean shared = config.form().headNorm() == HeadNorm.PER_HEAD;
    int queries = config.heads();
    int keys = config.kvHeads();
    List<String> names = new ArrayList<>();
    List<Long> rows = new ArrayList<>();
    for (int head = 0; head < (shared ? queries : 1); head++) {
      names.add(layer + TensorNames.QUERY_NORM);
      rows.add(shared ? (long) width : (long) queries * width);
    }
    for (int head = 0; head < (shared ? keys : 1); head++) {
      names.add(layer + TensorNames.KEY_NORM);
      rows.add(shared ? (long) width : (long) keys * width);
    }
    return own(
        loader.stack(names, rows.stream().mapToLong(Long::longValue).toArray()).reshape(queries + keys, 1, width));
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public DataType dataType() {
    return type;
  }

  @Override
  public NDManager manager() {
    return Devices.manager(device);
  }

  @Override
  public NDArray forward(TokenBatch batch, Hooks hooks, LogitsAt logits) {
    check(batch, 0, hooks);
    try (Pass pass = promptPass(batch, null, hooks)) {
      Stream x = new Stream(pass, embed(batch, 0));
      runToLogits(x, 0, logits);
      return logits(x, logits);
    }
  }

  @Override
  public Prefix prefix(TokenBatch batch, HookPoint at, Hooks hooks) {
    check(batch, 0, hooks);
    checkPoint(at);
    return prefix(batch, at, null, hooks);
  }

  @Override
  public Prefix prefixToGenerate(TokenBatch batch, HookPoint at, Hooks hooks) {
    check(batch, 0, hooks);
    checkPoint(at);
    KvCache below = newCache(batch, batch.width(), at.layer() + 1);
    try {
      Prefix prefix = prefix(batch, at, below, hooks);
      below.advance(batch.width());
      return prefix;
    } catch (RuntimeException | Error e) {
      below.close();
      throw e;
    }
  }

  private Prefix prefix(TokenBatch batch, HookPoint at, KvCache below, Hooks hooks) {
    try (Pass pass = promptPass(batch, below, hooks)) {
      Stream x = new Stream(pass, embed(batch, 0));
      runLayers(x, 0, at.layer());
      if (at.site() == Site.ATTN_OUT) {
        return new Prefix(batch, at, attention(pass, at.layer(), x.value), x.value, 0, null, below);
      }
      if (at.site() == Site.RESID_POST) {
        runBlock(x, at.layer());
        return new Prefix(batch, at, x.value, null, 0, null, below);
      }
      addAttention(x, at.layer());
      if (at.site() == Site.RESID_MID) {
        return new Prefix(batch, at, x.value, null, 0, null, below);
      }
      x.hook(HookPoint.residualsMid(at.layer()));
      return new Prefix(batch, at, mlp(pass, at.layer(), x.value), x.value, 0, null, below);
    }
  }

  @Override
  public NDArray suffix(Prefix prefix, NDArray activation, Hooks hooks, LogitsAt logits) {
    TokenBatch batch = prefix.batch();
    check(batch, 0, hooks);
    int columns = columns(prefix, activation);
    try (NDArray padding = padding(batch);
        Pass pass = pass(padding, padded(batch), beyond(batch), prefix.begin(), columns, null, prefix.past(), hooks)) {
      Stream x = above(prefix, activation, pass);
      runToLogits(x, prefix.at().layer() + 1, logits);
      return logits(x, logits);
    }
  }

  /** How many columns an activation that takes the place of the prefix's has. */
  private int columns(Prefix prefix, NDArray activation) {
    int columns = prefix.batch().width() - prefix.begin();
    Shape expected = new Shape(prefix.batch().size(), columns, config.dModel());
    if (!activation.getShape().equals(expected)) {
      throw new IllegalArgumentException(
          "activation at %s has shape %s, the prefix %s".formatted(prefix.at(), activation.getShape(), expected));
    }
    return columns;
  }

  /** The residual stream after the layer of the prefix. */
  private Stream above(Prefix prefix, NDArray activation, Pass pass) {
    HookPoint at = prefix.at();
    Stream x = new Stream(pass, activation);
    x.mine = false;
    if (at.site() == Site.RESID_POST) {
      return x;
    }
    if (at.site() != Site.RESID_MID) {
      x.set(prefix.stream().add(activation));
    }
    if (at.site() == Site.ATTN_OUT) {
      x.hook(HookPoint.residualsMid(at.layer()));
    }
    if (at.site() != Site.MLP_OUT) {
      addMlp(x, at.layer());
    }
    x.hook(HookPoint.residuals(at.layer()));
    return x;
  }

  @Override
  public Prefix share(Prefix prefix, int columns) {
    if (prefix.begin() > 0 || columns < 1 || columns >= prefix.batch().width()) {
      throw new IllegalArgumentException(
          "%d of %d columns, of which %d are shared already".formatted(columns, prefix.batch().width(), prefix.begin()));
    }
    TokenBatch batch = prefix.batch();
    KvCache past = newCache(batch, columns, config.layers());
    try (Prefix head = prefix.columns(0, columns, null);
        Pass pass = pass(past.padding(), padded(batch), beyond(batch), 0, columns, past, null, Hooks.none())) {
      Stream x = above(head, head.activation(), pass);
      runLayers(x, prefix.at().layer() + 1, config.layers());
      x.free();
      past.advance(columns);
      return prefix.columns(columns, batch.width(), past);
    } catch (RuntimeException | Error e) {
      past.close();
      throw e;
    }
  }

  @Override
  public Prefill prefill(TokenBatch batch, int shared, int newTokens, Hooks once, Hooks hooks) {
    check(batch, newTokens, hooks);
    checkHooks(once);
    if (shared < 0 || shared > batch.sharedTokens()) {
      throw new IllegalArgumentException("%d shared tokens; the rows have %d".formatted(shared, batch.sharedTokens()));
    }
    int own = batch.width() - shared;
    KvCache cache = newCache(batch, batch.width() + newTokens, config.layers());
    try {
      if (shared > 0) {
        runShared(new TokenBatch(List.of(Arrays.copyOf(batch.rows().get(0), shared)), batch.padId()), beyond(batch), cache, once);
      }
      try (Pass pass = pass(cache.padding(), padded(batch), beyond(batch), shared, own, cache, null, hooks)) {
        Stream x = new Stream(pass, embed(batch, shared));
        runToLogits(x, 0, LogitsAt.LAST);
        cache.advance(batch.width());
        return new Prefill(logits(x, LogitsAt.LAST), cache);
      }
    } catch (RuntimeException | Error e) {
      cache.close();
      throw e;
    }
  }

  /** Keys and values of the tokens that all rows of a cache begin with, wherever a row's padding ends. */
  private void runShared(TokenBatch tokens, boolean beyond, KvCache cache, Hooks hooks) {
    try (KvCache source = newCache(tokens, tokens.width(), config.layers());
        Pass pass = pass(source.padding(), false, beyond, 0, tokens.width(), source, null, hooks)) {
      Stream x = new Stream(pass, embed(tokens, 0));
      runLayers(x, 0, config.layers());
      x.free();
      for (int layer = 0; layer < config.layers(); layer++) {
        SCRIPT.invoke("spread", cache.layer(layer), source.layer(layer), cache.padding());
      }
    }
  }

  @Override
  public Prefill prefill(Prefix prefix, NDArray activation, int newTokens, Hooks hooks) {
    TokenBatch batch = prefix.batch();
    check(batch, newTokens, hooks);
    if (prefix.below() == null) {
      throw new IllegalArgumentException("the prefix at " + prefix.at() + " kept no keys and values to generate from");
    }
    int columns = columns(prefix, activation);
    int above = prefix.at().layer() + 1;
    KvCache cache = newCache(batch, batch.width() + newTokens, config.layers());
    try (Pass pass = pass(cache.padding(), padded(batch), beyond(batch), prefix.begin(), columns, cache, null, hooks)) {
      fill(cache, prefix.below(), 0, above);
      if (prefix.past() != null) {
        fill(cache, prefix.past(), above, config.layers());
      }
      Stream x = above(prefix, activation, pass);
      runToLogits(x, above, LogitsAt.LAST);
      cache.advance(batch.width());
      return new Prefill(logits(x, LogitsAt.LAST), cache);
    } catch (RuntimeException | Error e) {
      cache.close();
      throw e;
    }
  }

  /** The first columns of some layers; every row of the source as often as the cache repeats it. */
  private static void fill(KvCache cache, KvCache source, int from, int to) {
    for (int layer = from; layer < to; layer++) {
      SCRIPT.invoke("fill", cache.layer(layer), source.layer(layer));
    }
  }

  @Override
  public NDArray step(KvCache cache, int[] tokens, Hooks hooks) {
    if (cache.filled() >= cache.capacity()) {
      throw new IllegalArgumentException("the cache has room for " + cache.capacity() + " columns");
    }
    if (tokens.length != cache.batch().size()) {
      throw new IllegalArgumentException(tokens.length + " tokens for " + cache.batch().size() + " rows");
    }
    checkHooks(hooks);
    long[] ids = new long[tokens.length];
    for (int row = 0; row < ids.length; row++) {
      ids[row] = checkedToken(tokens[row], row);
    }
    try (Pass pass = pass(cache.padding(), padded(cache.batch()), beyond(cache.batch()), cache.filled(), 1, cache, null, hooks)) {
      Stream x = new Stream(pass, embed(ids, ids.length, 1));
      runLayers(x, 0, config.layers());
      cache.advance(1);
      return logits(x, LogitsAt.LAST);
    }
  }

  @Override
  public void close() {
    if (packed != null) {
      packed.close();
      packed = null;
    }
    layers.forEach(Layer::close);
    layers.clear();
    rotary.close();
    owned.forEach(NDArray::close);
    owned.clear();
  }

  /** The residual stream on its way through the layers: frees what nobody else can see. */
  private static final class Stream {
    private final Pass pass;
    private NDArray value; // [batch, pos, d_model]
    private boolean mine = true;

    private Stream(Pass pass, NDArray value) {
      this.pass = pass;
      this.value = value;
    }

    private void set(NDArray next) {
      free();
      value = next;
      mine = true;
    }

    private void hook(HookPoint at) {
      pass.hooks.find(at)
          .ifPresent(
              hook -> {
                NDArray replaced = hook.apply(value, at);
                if (!replaced.getShape().equals(value.getShape())) {
                  throw new IllegalStateException(
                      "the hook at %s was given %s and returned %s"
                          .formatted(at, value.getShape(), replaced.getShape()));
                }
                value = replaced;
                mine = false;
              });
    }

    private void add(NDArray output, HookPoint at) {
      Stream addend = new Stream(pass, output);
      addend.hook(at);
      set(value.add(addend.value));
      addend.free();
    }

    private void free() {
      if (mine) {
        value.close();
      }
    }
  }

  private void runLayers(Stream x, int from, int to) {
    for (int layer = from; layer < to; layer++) {
      runBlock(x, layer);
      x.hook(HookPoint.residuals(layer));
    }
  }

  /** All layers from here on; of the last one only the last position, where nobody looks at the others. */
  private void runToLogits(Stream x, int from, LogitsAt logits) {
    int last = config.layers() - 1;
    boolean seen = x.pass.hooks.byPoint().keySet().stream().anyMatch(point -> point.layer() == last);
    if (logits != LogitsAt.LAST || seen || from > last) {
      runLayers(x, from, config.layers());
      return;
    }
    runLayers(x, from, last);
    x.set(layer(x, last, Math.toIntExact(x.value.getShape().get(1)) - 1));
  }

  private ScriptModule blocks(Pass pass) {
    return pass.packed == null ? blocks : DecoderScript.packed(config.form());
  }

  private Tensors attentionWeights(Pass pass, int layer) {
    return pass.packed == null ? layers.get(layer).attention : pass.packed.attention(layer);
  }

  private Tensors mlpWeights(Pass pass, int layer) {
    return pass.packed == null ? layers.get(layer).mlp : pass.packed.mlp(layer);
  }

  /** @param first position of the pass from which on the layer's output is wanted */
  private NDArray layer(Stream x, int layer, int first) {
    Layer weights = layers.get(layer);
    return blocks(x.pass).tensor(
        "layer",
        x.value,
        attentionWeights(x.pass, layer),
        weights.attentionBiases,
        mlpWeights(x.pass, layer),
        weights.mlpBiases,
        rotation(x.pass, layer),
        x.pass.mask(layer),
        x.pass.cache(layer),
        x.pass.past(layer),
        x.pass.begin,
        first,
        config.heads(),
        config.kvHeads(),
        config.rmsNormEps());
  }

  private Tensors rotation(Pass pass, int layer) {
    return pass.rotations.get(rotary.kind(layer));
  }

  private void runBlock(Stream x, int layer) {
    Hooks hooks = x.pass.hooks;
    boolean inside =
        hooks.byPoint().keySet().stream().anyMatch(point -> point.layer() == layer && point.site() != Site.RESID_POST);
    if (inside) {
      addAttention(x, layer);
      x.hook(HookPoint.residualsMid(layer));
      addMlp(x, layer);
      return;
    }
    x.set(layer(x, layer, 0));
  }

  private void addAttention(Stream x, int layer) {
    x.add(attention(x.pass, layer, x.value), HookPoint.attention(layer));
  }

  private void addMlp(Stream x, int layer) {
    x.add(mlp(x.pass, layer, x.value), HookPoint.mlp(layer));
  }

  private NDArray attention(Pass pass, int layer, NDArray x) {
    return blocks(pass).tensor(
        "attention",
        x,
        attentionWeights(pass, layer),
        layers.get(layer).attentionBiases,
        rotation(pass, layer),
        pass.mask(layer),
        pass.cache(layer),
        pass.past(layer),
        pass.begin,
        0,
        config.heads(),
        config.kvHeads(),
        config.rmsNormEps());
  }

  private NDArray mlp(Pass pass, int layer, NDArray x) {
    return blocks(pass).tensor("mlp", x, mlpWeights(pass, layer), layers.get(layer).mlpBiases, config.rmsNormEps());
  }

  private NDArray logits(Stream x, LogitsAt at) {
    NDArray weight = x.pass.packed == null ? unembedding : x.pass.packed.unembedding();
    NDArray logits =
        blocks(x.pass).tensor("logits", x.value, finalNorm, weight, config.rmsNormEps(), at == LogitsAt.LAST);
    x.free();
    return logits;
  }

  /** Of the columns from {@code begin} on. */
  private NDArray embed(TokenBatch batch, int begin) {
    int count = batch.width() - begin;
    long[] ids = new long[batch.size() * count];
    for (int row = 0; row < batch.size(); row++) {
      int padding = batch.padding(row);
      for (int column = Math.max(begin, padding); column < batch.width(); column++) {
        ids[row * count + column - begin] = batch.rows().get(row)[column - padding];
      }
    }
    return embed(ids, batch.size(), count);
  }

  private NDArray embed(long[] ids, int rows, int columns) {
    try (NDArray array = manager().create(ids, new Shape(rows, columns))) {
      return blocks.tensor("embed", embedding, array);
    }
  }

  private NDArray padding(TokenBatch batch) {
    long[] padding = new long[batch.size()];
    for (int row = 0; row < padding.length; row++) {
      padding[row] = batch.padding(row);
    }
    return manager().create(padding);
  }

  private static boolean padded(TokenBatch batch) {
    return batch.rows().stream().anyMatch(row -> row.length != batch.width());
  }

  /** The same for all rows: {@link #checkBoundary} has seen to it. */
  private boolean beyond(TokenBatch batch) {
    return batch.length(0) > config.rotaryBoundary();
  }

  private Pass promptPass(TokenBatch batch, KvCache cache, Hooks hooks) {
    try (NDArray padding = padding(batch)) {
      return pass(padding, padded(batch), beyond(batch), 0, batch.width(), cache, null, hooks);
    }
  }

  /**
   * Rotations and masks for {@code count} columns from {@code begin} on.
   *
   * @param beyond whether the whole texts are longer than the rotary boundary
   */
  private Pass pass(
      NDArray padding, boolean padded, boolean beyond, int begin, int count, KvCache cache, KvCache past, Hooks hooks) {
    boolean usesPacked = count == 1 && cache != null && !Autograd.isRecording();
    List<Tensors> rotations;
    try (NDArray positions = SCRIPT.tensor("positions", padding, begin, count)) {
      rotations = rotary.rotations(positions, begin + count, beyond);
    }
    Map<Integer, Tensors> masks = new HashMap<>();
    for (int window : config.slidingWindows()) {
      int effective = window < begin + count ? window : 0;
      if (!masks.containsKey(window)) {
        boolean causalAlone = config.form().attentionCap() == 0 && begin == 0;
        if (!padded && effective == 0 && (causalAlone || count == 1)) {
          masks.put(window, NOTHING); // plain causal attention, or one position that sees all
        } else {
          try (NDArray mask =
              SCRIPT.tensor("mask", embedding, padding, begin, count, effective, LOWEST)) {
            masks.put(window, Tensors.of(List.of(mask)));
          }
        }
      }
    }
    return new Pass(config, rotations, masks, cache, past, begin, usesPacked ? packed : null, hooks);
  }

  private KvCache newCache(TokenBatch batch, int capacity, int count) {
    List<NDArray> arrays = new ArrayList<>();
    List<Tensors> perLayer = new ArrayList<>();
    for (int layer = 0; layer < count; layer++) {
      List<NDArray> pair = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        pair.add(
            Memory.own(TorchOps.empty(embedding, type, batch.size(), config.kvHeads(), capacity, config.headDim())));
      }
      arrays.addAll(pair);
      perLayer.add(Tensors.of(pair));
    }
    return new KvCache(batch, capacity, arrays, perLayer, Memory.own(padding(batch)));
  }

  private NDArray own(NDArray array) {
    owned.add(array);
    return Memory.own(array);
  }

  private void check(TokenBatch batch, int newTokens, Hooks hooks) {
    if (batch.width() + newTokens > config.maxPositions()) {
      throw new IllegalArgumentException(
          "%d tokens%s exceed the context of %d"
              .formatted(batch.width(), newTokens == 0 ? "" : " and " + newTokens + " new ones", config.maxPositions()));
    }
    for (int row = 0; row < batch.size(); row++) {
      for (int token : batch.rows().get(row)) {
        checkedToken(token, row);
      }
    }
    checkBoundary(batch, newTokens);
    checkHooks(hooks);
  }

  /** Texts on both sides of the boundary have other rotations each: not in one batch, and not before and after a new token. */
  private void checkBoundary(TokenBatch batch, int newTokens) {
    int boundary = config.rotaryBoundary();
    boolean beyond = beyond(batch);
    for (int row = 0; row < batch.size(); row++) {
      int length = batch.length(row);
      if (length > boundary != beyond) {
        throw UserException.badData(
            "%s turns texts of more than %d tokens otherwise than shorter ones, and a batch holds texts of %d and of %d tokens"
                .formatted(config.name(), boundary, batch.length(0), length),
            "take batches of one text, or shorter texts");
      }
      if (!beyond && length + (long) newTokens > boundary) {
        throw UserException.badData(
            "%s turns texts of more than %d tokens otherwise than shorter ones, and a text of %d tokens gets %d new ones"
                .formatted(config.name(), boundary, length, newTokens),
            "take fewer new tokens, or shorter texts");
      }
    }
  }

  private int checkedToken(int token, int row) {
    if (token < 0 || token >= config.vocabSize()) {
      throw new IllegalArgumentException(
          "row %d holds token %d, the vocabulary ends at %d".formatted(row, token, config.vocabSize() - 1));
    }
    return token;
  }

  private void checkHooks(Hooks hooks) {
    hooks.byPoint().keySet().forEach(this::checkPoint);
  }

  private void checkPoint(HookPoint at) {
    if (at.layer() >= config.layers()) {
      throw UserException.badConfig(
          "hook point %s: %s has layers 0 to %d".formatted(at, config.name(), config.layers() - 1));
    }
  }
}
