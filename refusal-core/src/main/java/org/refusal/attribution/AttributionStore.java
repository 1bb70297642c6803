package org.refusal.attribution;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.io.Safetensors;

/** Reads an attribution file; see the package's description for the format. Rows are read when asked for. */
public final class AttributionStore implements AutoCloseable {
  private final Safetensors file;
  private final List<HookPoint> hookPoints;
  private final List<PromptKey> prompts;

  private AttributionStore(Safetensors file, List<HookPoint> hookPoints) {
    this.file = file;
    this.hookPoints = hookPoints;
    this.prompts = PromptKey.of(file.metadata().get("category"), file.longs("prompt_index"));
  }

  /** The prompts' attributions over the latents of one hook point, as compressed sparse rows. */
  public record SparseRows(int width, long[] offsets, int[] latents, float[] values) {
    public int rows() {
      return offsets.length - 1;
    }

    /** Only the given rows, in that order. */
    public SparseRows select(int[] rows) {
      long[] selectedOffsets = new long[rows.length + 1];
      for (int i = 0; i < rows.length; i++) {
        selectedOffsets[i + 1] = selectedOffsets[i] + offsets[rows[i] + 1] - offsets[rows[i]];
      }
      int count = Math.toIntExact(selectedOffsets[rows.length]);
      int[] selectedLatents = new int[count];
      float[] selectedValues = new float[count];
      for (int i = 0; i < rows.length; i++) {
        int from = (int) offsets[rows[i]];
        int length = (int) (offsets[rows[i] + 1] - offsets[rows[i]]);
        System.arraycopy(latents, from, selectedLatents, (int) selectedOffsets[i], length);
        System.arraycopy(values, from, selectedValues, (int) selectedOffsets[i], length);
      }
      return new SparseRows(width, selectedOffsets, selectedLatents, selectedValues);
    }

    /** Mean over the rows {@code [width]}, zero without rows. */
    public double[] mean() {
      double[] mean = new double[width];
      for (int i = 0; i < latents.length; i++) {
        mean[latents[i]] += values[i];
      }
      for (int i = 0; i < width && rows() > 0; i++) {
        mean[i] /= rows();
      }
      return mean;
    }
  }

  /**
   * The attributions of one category.
   *
   * @throws UserException bad data, where the file holds another category's, whatever its name says
   */
  public static AttributionStore open(Path path, String category) {
    AttributionStore store = open(path);
    if (!store.category().equals(category)) {
      String found = store.category();
      store.close();
      throw UserException.badData(
          "%s: holds the attributions of %s, and not of %s".formatted(path, found, category), "run 'refusal discover' again");
    }
    return store;
  }

  public static AttributionStore open(Path path) {
    Safetensors file = Safetensors.open(path);
    try {
      String format = file.metadata().get("format");
      String version = file.metadata().get("version");
      if (!AttributionWriter.FORMAT.equals(format) || !AttributionWriter.VERSION.equals(version)) {
        throw UserException.badData(
            "%s: format %s version %s is not %s version %s"
                .formatted(path, format, version, AttributionWriter.FORMAT, AttributionWriter.VERSION),
            "run 'refusal discover' again");
      }
      if (!file.metadata().containsKey("category")) {
        throw UserException.badData(path + ": does not say of which category it is", "run 'refusal discover' again");
      }
      List<HookPoint> points =
          HookPoint.parseAll(Arrays.asList(file.metadata().getOrDefault("hook_points", "").split(",")));
      return new AttributionStore(file, points);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  public String category() {
    return file.metadata().get("category");
  }

  public String estimator() {
    return file.metadata().get("estimator");
  }

  public String baseline() {
    return file.metadata().get("baseline");
  }

  /**
   * Where the prompts' partners come from: {@code matched}, their own category, or {@code pool}, all categories. What the
   * baseline has and the prompts lack (the partner side) is alike for all categories by construction with a pool.
   */
  public String partners() {
    String partners = file.metadata().get("partners");
    if (!"matched".equals(partners) && !"pool".equals(partners)) {
      throw UserException.badData(
          "%s: does not say where partners come from (partners: matched or pool)".formatted(file.file()),
          "run 'refusal discover' again");
    }
    return partners;
  }

  /** In forward order. */
  public List<HookPoint> hookPoints() {
    return hookPoints;
  }

  public int size() {
    return prompts.size();
  }

  /** Which prompt every row is of. */
  public List<PromptKey> prompts() {
    return prompts;
  }

  /** Which prompts count as toxic, by the label source of the discovery. */
  public boolean[] harmful() {
    return flags("harmful");
  }

  public boolean[] refused() {
    return flags("refused");
  }

  /** Rows of the toxic prompts that the model refused, ascending. */
  public int[] refusedHarmful() {
    boolean[] refused = refused();
    boolean[] harmful = harmful();
    return IntStream.range(0, size()).filter(row -> refused[row] && harmful[row]).toArray();
  }

  public int[] tokens() {
    return file.ints("tokens");
  }

  /** m of every prompt as it is {@code [n]}. */
  public double[] metric() {
    return file.doubles("metric");
  }

  /** m of every prompt's partner {@code [n]}; the mean difference is the refusal gap on these prompts. */
  public double[] partnerMetric() {
    return file.doubles("partner_metric");
  }

  /** m of every prompt with everything set to its baseline at the hook point {@code [n]}. */
  public double[] baselineMetric(HookPoint at) {
    return file.doubles(at.name() + ".baseline_metric");
  }

  public int dSae(HookPoint at) {
    String width = file.metadata().get(at.name() + ".d_sae");
    if (width == null) {
      throw UserException.badData("%s: holds nothing for %s".formatted(file.file(), at.name()));
    }
    return Integer.parseInt(width);
  }

  /** Indirect effects. */
  public SparseRows total(HookPoint at) {
    return rows(at, ".values");
  }

  /** Whether effects are split by side; not so with exact patching. */
  public boolean hasPromptSide(HookPoint at) {
    return file.has(at.name() + ".prompt_side");
  }

  /** Prompt side of the indirect effects. */
  public SparseRows promptSide(HookPoint at) {
    return rows(at, ".prompt_side");
  }

  /** Effects of the error node {@code [n]}. */
  public double[] error(HookPoint at) {
    return file.doubles(at.name() + ".error");
  }

  /** v_p, the difference from the partner as the model reads it, of some rows {@code [rows][d_model]}. */
  public double[][] effect(HookPoint at, int[] rows) {
    return vectors(at.name() + ".effect", rows);
  }

  /** The weighted mean of the path-averaged gradient over tokens, of some rows {@code [rows][d_model]}. */
  public double[][] gradient(HookPoint at, int[] rows) {
    return vectors(at.name() + ".gradient", rows);
  }

  private double[][] vectors(String name, int[] rows) {
    int width = Math.toIntExact(file.entry(name).shape()[1]);
    double[][] vectors = new double[rows.length][width];
    for (int i = 0; i < rows.length; i++) {
      float[] row = file.floats(name, (long) rows[i] * width, width);
      for (int d = 0; d < width; d++) {
        vectors[i][d] = row[d];
      }
    }
    return vectors;
  }

  /** Tokens left alone as attention sinks {@code [n]}. */
  public int[] sinks(HookPoint at) {
    return file.ints(at.name() + ".sinks");
  }

  @Override
  public void close() {
    file.close();
  }

  private SparseRows rows(HookPoint at, String part) {
    return new SparseRows(
        dSae(at), file.longs(at.name() + ".indptr"), file.ints(at.name() + ".indices"), file.floats(at.name() + part));
  }

  private boolean[] flags(String name) {
    int[] values = file.ints(name);
    boolean[] flags = new boolean[values.length];
    for (int i = 0; i < flags.length; i++) {
      flags[i] = values[i] != 0;
    }
    return flags;
  }
}
