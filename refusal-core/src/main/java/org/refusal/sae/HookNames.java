package org.refusal.sae;

import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;

/**
 * Hook points as other tools write them: TransformerLens and SAELens ({@code blocks.1.hook_resid_pre}), the modules of
 * transformers whose output is encoded ({@code layers.1.mlp}, {@code model.layers.1}), dictionary_learning
 * ({@code resid_post_layer_1}).
 */
public final class HookNames {
  private static final Pattern MODULE = Pattern.compile("(?:model\\.)?layers\\.(\\d{1,4})(?:\\.(mlp|self_attn))?");
  private static final Pattern SUBMODULE = Pattern.compile("(resid_post|resid|mlp_out|mlp|attention_out|attn_out|attention|attn)_layer_(\\d{1,4})");

  private HookNames() {}

  /**
   * @param file that has the name, for messages
   * @throws UserException when it names no place at which activations are taken here
   */
  public static HookPoint parse(Path file, String name) {
    Optional<HookPoint> module = ofModule(name);
    if (module.isPresent()) {
      return module.get();
    }
    try {
      return HookPoint.parse(name);
    } catch (UserException e) {
      throw UserException.badData(
          file + ": " + e.getMessage(),
          e.advice().orElse("") + "; --hook-point overrules the file");
    }
  }

  /** The hook point of a module's output, or empty for what is no module's name. */
  static Optional<HookPoint> ofModule(String name) {
    Matcher module = MODULE.matcher(name.strip());
    if (module.matches()) {
      int layer = Integer.parseInt(module.group(1));
      return Optional.of(
          module.group(2) == null
              ? HookPoint.residuals(layer)
              : module.group(2).equals("mlp") ? HookPoint.mlp(layer) : HookPoint.attention(layer));
    }
    Matcher submodule = SUBMODULE.matcher(name.strip());
    if (!submodule.matches()) {
      return Optional.empty();
    }
    int layer = Integer.parseInt(submodule.group(2));
    char kind = submodule.group(1).charAt(0);
    return Optional.of(
        kind == 'r' ? HookPoint.residuals(layer) : kind == 'm' ? HookPoint.mlp(layer) : HookPoint.attention(layer));
  }
}
