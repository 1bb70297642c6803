package org.refusal.sae;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.io.NamePrefix;
import org.refusal.io.Safetensors.Tensor;

/**
 * The weights of an autoencoder in a file of {@code torch.save}: the dictionary that holds an encoder's matrix, at the top
 * or inside a training checkpoint, without the prefix of a wrapper.
 *
 * @param tensors by name
 * @param beside what else the file says at its top
 */
record StateDict(Map<String, Tensor> tensors, Map<String, Object> beside) {
  private static final int DEEPEST = 4;

  /** Keys that would change the function, and the values that do not. */
  private static final Set<String> SWITCHES =
      Set.of(
          "activation", "activation_fn", "normalize", "normalize_activations", "normalization", "norm_factor", "input_scale",
          "scaling_factor", "input_mean", "input_std", "mean", "std", "threshold", "signed", "transcode", "skip_connection");

  private static final Set<String> HARMLESS = Set.of("none", "false", "topk", "relu", "1", "1.0");

  static StateDict find(Path file, Object content) {
    if (!(content instanceof Map<?, ?> map)) {
      throw UserException.badData(file + ": holds no dictionary of tensors");
    }
    List<Map<String, Tensor>> found = new ArrayList<>();
    search(map, 0, found, Collections.newSetFromMap(new IdentityHashMap<>()));
    if (found.size() > 1) {
      throw UserException.badData(
          file + ": holds " + found.size() + " autoencoders, of which none is said to be the right one",
          "save the state_dict of one of them");
    }
    Map<String, Object> beside = new LinkedHashMap<>();
    map.forEach((key, value) -> beside.put(String.valueOf(key), value));
    refuseSwitches(
        file, map, 0, found.isEmpty() ? Set.of() : found.get(0).keySet(), Collections.newSetFromMap(new IdentityHashMap<>()));
    return new StateDict(found.isEmpty() ? tensors(map) : found.get(0), beside);
  }

  /**
   * @param state names of the tensors that are read; at any depth, as a config may stand inside a training checkpoint
   * @param seen dictionaries that were looked at: one may stand in several places, and in itself
   */
  private static void refuseSwitches(Path file, Map<?, ?> map, int depth, Set<String> state, Set<Map<?, ?>> seen) {
    if (!seen.add(map)) {
      return;
    }
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      String key = String.valueOf(entry.getKey());
      Object value = entry.getValue();
      if (value instanceof Map<?, ?> inner) {
        if (depth < DEEPEST) {
          refuseSwitches(file, inner, depth + 1, state, seen);
        }
      } else if (SWITCHES.contains(key)
          && value != null
          && !(value instanceof Tensor && state.contains(key))
          && !HARMLESS.contains(String.valueOf(value).toLowerCase(Locale.ROOT))) {
        throw UserException.badData(
            "%s: '%s' is set%s: it may change what the autoencoder computes, and is not read"
                .formatted(file, key, value instanceof Tensor ? "" : " to " + value));
      }
    }
  }

  private static void search(Map<?, ?> map, int depth, List<Map<String, Tensor>> found, Set<Map<?, ?>> seen) {
    if (!seen.add(map)) {
      return;
    }
    Map<String, Tensor> tensors = tensors(map);
    if (tensors.containsKey("encoder.weight") || tensors.containsKey("W_enc")) {
      found.add(tensors);
      return;
    }
    if (depth < DEEPEST) {
      for (Object value : map.values()) {
        if (value instanceof Map<?, ?> inner) {
          search(inner, depth + 1, found, seen);
        }
      }
    }
  }

  private static Map<String, Tensor> tensors(Map<?, ?> map) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    map.forEach((name, value) -> {
      if (value instanceof Tensor tensor) {
        tensors.put(String.valueOf(name), tensor);
      }
    });
    return NamePrefix.strip(tensors);
  }
}
