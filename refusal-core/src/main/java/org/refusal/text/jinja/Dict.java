package org.refusal.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Python's dict: in order of insertion; equal keys of different types, as 1, 1.0 and True, are one key. */
final class Dict {
  /** @param key as it was first put */
  record Entry(Object key, Object value) {}

  private record Key(Object value) {}

  private static final int DEEPEST = 1;

  private final Map<Object, Entry> entries = new LinkedHashMap<>();

  Dict put(Object key, Object value) {
    Object hash = hash(key);
    Entry old = entries.get(hash);
    entries.put(hash, new Entry(old == null ? key : old.key(), value));
    return this;
  }

  /** @return null if there is none */
  Object get(Object key) {
    Entry entry = entries.get(hash(key));
    return entry == null ? null : entry.value();
  }

  int size() {
    return entries.size();
  }

  List<Entry> entries() {
    return List.copyOf(entries.values());
  }

  List<Object> keys() {
    return entries.values().stream().map(Entry::key).toList();
  }

  List<Object> values() {
    return entries.values().stream().map(Entry::value).toList();
  }

  Set<Object> hashes() {
    return entries.keySet();
  }

  /** What equal keys have in common. @throws JinjaException for lists and dicts, which are no keys, and for functions and the like */
  static Object hash(Object key) {
    return hash(key, 0);
  }

  private static Object hash(Object key, int depth) {
    if (depth > DEEPEST) {
      throw new JinjaException("a key that is a tuple of tuples is not supported");
    }
    if (key instanceof Boolean truth) {
      return new Key(BigDecimal.valueOf(truth ? 1 : 0));
    }
    if (key instanceof BigInteger integer) {
      return new Key(new BigDecimal(integer));
    }
    if (key instanceof Double real && !real.isNaN() && !real.isInfinite()) {
      BigDecimal exact = new BigDecimal(real).stripTrailingZeros();
      return new Key(exact.scale() < 0 ? exact.setScale(0) : exact);
    }
    if (key instanceof Markup markup) {
      return markup.text();
    }
    if (key instanceof Tuple tuple) {
      return new Key(tuple.items().stream().map(item -> hash(item, depth + 1)).toList());
    }
    if (key instanceof Undefined) {
      return new Key(Undefined.class);
    }
    if (key instanceof List || key instanceof Dict || key instanceof DictView) {
      throw new JinjaException("unhashable type: '%s'".formatted(Types.name(key)));
    }
    if (key instanceof String || key == None.NONE || key instanceof Double) {
      return key;
    }
    throw new JinjaException("a %s as a key is not supported".formatted(Types.name(key)));
  }
}
