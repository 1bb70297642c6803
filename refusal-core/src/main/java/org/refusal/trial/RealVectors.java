package org.refusal.trial;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.EffectVectors;
import org.refusal.attribution.Readout;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.run.ResultLayout;

/** Differences and gradients of a model's refused discovery prompts, as {@code discover} left them in a results folder. */
public final class RealVectors {
  private static final String READOUT = "_readout.safetensors";

  private RealVectors() {}

  /**
   * @param results folder with the attributions of one model
   * @param hookPoint at which the effect vectors are taken
   */
  public static VectorCalibration.Vectors read(Path results, String hookPoint) {
    String model = model(results);
    ResultLayout layout = new ResultLayout(results);
    Map<HookPoint, Readout> readouts = Readout.read(layout.readout(model));
    HookPoint at = HookPoint.parse(hookPoint);
    if (!readouts.containsKey(at)) {
      throw UserException.badData(
          "%s: holds nothing for %s".formatted(layout.readout(model), at.name()),
          "one of " + String.join(", ", readouts.keySet().stream().map(HookPoint::name).toList()));
    }
    List<String> categories = readouts.get(at).categories();
    Map<String, Path> files = new LinkedHashMap<>();
    categories.forEach(category -> files.put(category, layout.attributions(model, category)));
    EffectVectors vectors = EffectVectors.read(files, at, (store, category) -> store.refusedHarmful());
    List<Double> gaps = new ArrayList<>();
    for (Map.Entry<String, Path> file : files.entrySet()) {
      try (AttributionStore store = AttributionStore.open(file.getValue(), file.getKey())) {
        double[] metric = store.metric();
        double[] partner = store.partnerMetric();
        for (int row : store.refusedHarmful()) {
          gaps.add(metric[row] - partner[row]);
        }
      }
    }
    for (int c = 0; c < categories.size(); c++) {
      if (vectors.rows(c).length < 2) {
        throw UserException.badData(
            "%s: %d refused discovery prompts, at least 2 are needed to draw from"
                .formatted(files.get(categories.get(c)), vectors.rows(c).length));
      }
    }
    return new VectorCalibration.Vectors(
        model,
        at.name(),
        categories,
        vectors.gradients(),
        vectors.differences(),
        gaps.stream().mapToDouble(Double::doubleValue).toArray(),
        vectors.categories());
  }

  /** The one model whose read-outs lie there, as in file names. */
  private static String model(Path results) {
    Path folder = new ResultLayout(results).readout("").getParent();
    List<String> models;
    if (!Files.isDirectory(folder)) {
      throw UserException.badData(folder + ": no such folder", "run 'refusal discover' first");
    }
    try (Stream<Path> files = Files.list(folder)) {
      models =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.endsWith(READOUT))
              .map(name -> name.substring(0, name.length() - READOUT.length()))
              .sorted()
              .toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
    if (models.size() != 1) {
      throw UserException.badData(
          models.isEmpty()
              ? folder + ": no read-out (*" + READOUT + ")"
              : "%s: read-outs of several models: %s".formatted(folder, String.join(", ", models)),
          models.isEmpty() ? "run 'refusal discover' first" : "give a results folder of one model");
    }
    return models.get(0);
  }
}
