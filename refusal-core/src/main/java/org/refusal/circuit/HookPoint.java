package org.refusal.circuit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.base.UserException;

/**
 * A place in a decoder at which activations are read or replaced.
 *
 * @param layer decoder layer, from 0
 * @param site what is read there
 */
public record HookPoint(int layer, Site site) implements Comparable<HookPoint> {
  private static final Pattern NAME = Pattern.compile("(residuals_mid|residuals|mlp|attention)_(\\d+)(?:-(\\d+))?");
  private static final Pattern TRANSFORMER_LENS = Pattern.compile("blocks\\.(\\d+)\\.(hook_\\w+)");

  /** What enters a layer: the output of the one before it. */
  private static final String RESID_PRE = "hook_resid_pre";

  public HookPoint {
    if (layer < 0) {
      throw new IllegalArgumentException("layer " + layer + " is negative");
    }
  }

  /** The tensors of a decoder layer, each {@code [batch, pos, d_model]}, in the order in which a forward pass reaches them. */
  public enum Site {
    /** What the attention block adds to the residual stream: after its output projection, and after a norm that follows. */
    ATTN_OUT("attention", "hook_attn_out"),
    /** The residual stream between attention and MLP: what the layer read plus the output of its attention block. */
    RESID_MID("residuals_mid", "hook_resid_mid"),
    /** What the MLP adds to the residual stream, after a norm that follows it. */
    MLP_OUT("mlp", "hook_mlp_out"),
    /** The residual stream after the MLP: the output of the layer. */
    RESID_POST("residuals", "hook_resid_post");

    private final String yamlName;
    private final String transformerLensName;

    /** Whether it is a state of the residual stream, and not what a block adds to it. */
    public boolean isStream() {
      return this == RESID_MID || this == RESID_POST;
    }

    Site(String yamlName, String transformerLensName) {
      this.yamlName = yamlName;
      this.transformerLensName = transformerLensName;
    }
  }

  public static HookPoint residuals(int layer) {
    return new HookPoint(layer, Site.RESID_POST);
  }

  /** Between attention and MLP of a layer. */
  public static HookPoint residualsMid(int layer) {
    return new HookPoint(layer, Site.RESID_MID);
  }

  public static HookPoint mlp(int layer) {
    return new HookPoint(layer, Site.MLP_OUT);
  }

  public static HookPoint attention(int layer) {
    return new HookPoint(layer, Site.ATTN_OUT);
  }

  /** The name used in YAML, in file names and as tensor name: {@code residuals_2}. */
  public String name() {
    return site.yamlName + "_" + layer;
  }

  /** The name TransformerLens and SAELens use: {@code blocks.2.hook_resid_post}. */
  public String transformerLensName() {
    return "blocks." + layer + "." + site.transformerLensName;
  }

  /** Reads one name of either form; {@code blocks.N.hook_resid_pre} is the residual stream after layer N - 1. */
  public static HookPoint parse(String text) {
    List<HookPoint> points = parseRange(text);
    if (points.size() != 1) {
      throw unknown(text);
    }
    return points.get(0);
  }

  /** Reads a list of names and ranges such as {@code residuals_21-31}; a hook point named twice is an error. */
  public static List<HookPoint> parseAll(List<String> names) {
    List<HookPoint> points = new ArrayList<>();
    for (String name : names) {
      for (HookPoint point : parseRange(name)) {
        if (points.contains(point)) {
          throw UserException.badConfig("hook point " + point.name() + " is listed twice");
        }
        points.add(point);
      }
    }
    return List.copyOf(points);
  }

  /**
   * Reads a list in which {@code all} means every residual stream, {@code mlp_all} every MLP, and so on.
   *
   * @param every the hook points that there are
   */
  public static List<HookPoint> parseAll(List<String> names, Collection<HookPoint> every) {
    List<String> expanded = new ArrayList<>();
    for (String name : names) {
      String site = name.strip().equals("all") ? "residuals_all" : name.strip();
      if (Arrays.stream(Site.values()).noneMatch(known -> site.equals(known.yamlName + "_all"))) {
        expanded.add(name);
        continue;
      }
      every.stream().filter(point -> site.equals(point.site.yamlName + "_all")).sorted().map(HookPoint::name)
          .forEachOrdered(expanded::add);
    }
    return parseAll(expanded);
  }

  private static List<HookPoint> parseRange(String text) {
    String trimmed = text.strip();
    Matcher matcher = NAME.matcher(trimmed);
    if (matcher.matches()) {
      for (Site site : Site.values()) {
        if (site.yamlName.equals(matcher.group(1))) {
          int first = layerNumber(matcher.group(2), text);
          int last = matcher.group(3) == null ? first : layerNumber(matcher.group(3), text);
          if (last < first) {
            throw UserException.badConfig("hook points '" + text + "': the range ends before it begins");
          }
          List<HookPoint> points = new ArrayList<>();
          for (int layer = first; layer <= last; layer++) {
            points.add(new HookPoint(layer, site));
          }
          return points;
        }
      }
    }
    Matcher transformerLens = TRANSFORMER_LENS.matcher(trimmed);
    if (transformerLens.matches() && transformerLens.group(2).equals(RESID_PRE)) {
      int layer = layerNumber(transformerLens.group(1), text);
      if (layer == 0) {
        throw UserException.badConfig(
            "'" + text + "' is the embedding, before the first layer, which is no hook point here",
            "the first is residuals_0, the output of layer 0: blocks.1.hook_resid_pre or blocks.0.hook_resid_post");
      }
      return List.of(residuals(layer - 1));
    }
    if (transformerLens.matches()) {
      for (Site site : Site.values()) {
        if (site.transformerLensName.equals(transformerLens.group(2))) {
          return List.of(new HookPoint(layerNumber(transformerLens.group(1), text), site));
        }
      }
    }
    throw unknown(text);
  }

  private static int layerNumber(String digits, String text) {
    if (digits.length() > 4) {
      throw unknown(text);
    }
    return Integer.parseInt(digits);
  }

  private static UserException unknown(String text) {
    return UserException.badConfig(
        "'" + text + "' names no hook point",
        "use residuals_N, residuals_mid_N, mlp_N or attention_N (ranges: residuals_21-31, all: residuals_all), or"
            + " blocks.N.hook_resid_post");
  }

  /** In the order in which a forward pass reaches them. */
  @Override
  public int compareTo(HookPoint other) {
    return layer != other.layer ? Integer.compare(layer, other.layer) : site.compareTo(other.site);
  }

  @Override
  public String toString() {
    return name();
  }
}
