package org.refusal.run;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.config.Binder;
import org.refusal.config.Binder.Draft;
import org.refusal.config.Binder.Override;
import org.refusal.config.Keys;

/**
 * All stages from one YAML file. Its keys are stage names; each holds a config inline or the name of a config file,
 * relative to the pipeline's. {@code seed} at the top goes to every stage, and the model of {@code collect} to every
 * stage that does not name another. {@code seeds} at the top asks for one set of autoencoders per seed: the stages from
 * {@code train-saes} to {@code stats} run for each, and the verdict is INCONCLUSIVE unless all agree ({@link SaeSeeds}).
 *
 * @param stages in the order in which they run
 */
public record Pipeline(List<Stage<?>> stages) {
  private static final String SEED = "seed";
  private static final String SEEDS = "seeds";
  private static final String MODEL = "model";

  /** Options that mean the same in every stage; folders of single stages stay where the results folder puts them. */
  public static final List<String> SHARED_OPTIONS =
      List.of("--model", "--model-name", "--dataset-dir", "--results-dir", "--result-dir", "--categories", "--seed",
          "--device", "--cache-dir", "--format", "--no-visualizations", "--keep-going");

  /**
   * A stage with its config, ready to run.
   *
   * @param saeSeed seed of a further set of autoencoders, whose results have a folder of their own; null for the first
   * @param sharing the results folder whose collected files that folder shares; null for the first
   */
  public record Step<C extends Record>(Stage<C> stage, C config, Long saeSeed, Path sharing) {
    public StageRunner.Outcome run(StageRunner runner) {
      if (sharing != null) {
        SaeSeeds.share(new ResultLayout(sharing), new ResultLayout(stage.resultDir(config)));
      }
      return runner.run(stage, config);
    }

    /** As a person would call it: {@code train-saes}, or {@code train-saes (SAE seed 7)}. */
    public String title() {
      return saeSeed == null ? stage.name() : "%s (SAE seed %d)".formatted(stage.name(), saeSeed);
    }
  }

  /**
   * Reads and checks all configs before anything runs.
   *
   * @param options values of command-line options by option name, e.g. {@code --results-dir}; a list as YAML
   * @param sets {@code path=value} of {@code --set}; with a stage's name in front for that stage only
   */
  public List<Step<?>> plan(
      Path file, Map<String, String> options, List<String> sets, Map<String, String> environment) {
    Draft pipeline = Binder.file(file);
    List<String> names = stages.stream().map(Stage::name).toList();
    for (String key : pipeline.keys()) {
      if (!names.contains(key) && !key.equals(SEED) && !key.equals(SEEDS)) {
        List<String> known = new ArrayList<>(names);
        known.addAll(List.of(SEED, SEEDS));
        throw UserException.badConfig(
            "%s: unknown key '%s'%s".formatted(pipeline.origin(key), key, Suggestions.didYouMean(key, known)),
            "keys here: " + String.join(", ", known));
      }
    }
    Map<String, Draft> drafts = new LinkedHashMap<>();
    for (Stage<?> stage : stages) {
      drafts.put(stage.name(), draft(pipeline, stage.name(), file));
    }
    Draft collect = drafts.get("collect");
    List<String> unused = new ArrayList<>(sets);
    List<Long> seeds = SaeSeeds.read(pipeline, sets, environment::get);
    unused.removeIf(SaeSeeds::isSet);
    Map<String, Draft> resolved = new LinkedHashMap<>();
    for (Stage<?> stage : stages) {
      List<Keys.KeyInfo> keys = Keys.of(stage.configType());
      Draft draft = drafts.get(stage.name());
      if (keys.stream().anyMatch(key -> key.path().startsWith(MODEL + "."))) {
        draft = draft.under(collect, MODEL);
      }
      if (pipeline.has(SEED)) {
        draft = draft.under(pipeline, SEED);
      }
      for (Override override : Binder.environment(stage.configType(), environment)) {
        draft = draft.with(override);
      }
      for (String set : sets) {
        Override override = setFor(stage, keys, names, set);
        if (override != null) {
          unused.remove(set);
          draft = draft.with(override);
        }
      }
      for (Keys.KeyInfo key : keys) {
        for (String option : key.options()) {
          String value = SHARED_OPTIONS.contains(option) ? options.get(option) : null;
          value = value != null && key.negated(option) ? "false" : value;
          if (value != null) {
            boolean text = key.type().equals("text");
            draft = draft.with(new Override(key.path(), value, text, option));
          }
        }
      }
      resolved.put(stage.name(), draft);
    }
    if (!unused.isEmpty()) {
      String set = unused.get(0);
      TreeSet<String> paths = new TreeSet<>();
      stages.forEach(stage -> Keys.of(stage.configType()).forEach(key -> paths.add(key.path())));
      String path = set.split("=", 2)[0];
      throw UserException.badConfig(
          "--set %s: no stage has the key '%s'%s".formatted(set, path, Suggestions.didYouMean(path, paths)));
    }
    return steps(resolved, seeds, environment::get);
  }

  /** Further seeds come before the first one's {@code stats}, which compares them all. */
  private List<Step<?>> steps(
      Map<String, Draft> drafts, List<Long> seeds, UnaryOperator<String> environment) {
    List<Step<?>> steps = new ArrayList<>();
    for (Stage<?> stage : stages) {
      if (stage.name().equals(SaeSeeds.COMPARING)) {
        for (Long seed : seeds.subList(Math.min(1, seeds.size()), seeds.size())) {
          for (String name : SaeSeeds.REPEATED) {
            steps.add(repeated(named(name), drafts.get(name), seed, environment));
          }
        }
      }
      steps.add(step(stage, SaeSeeds.first(stage.name(), drafts.get(stage.name()), seeds), environment));
    }
    return steps;
  }

  private Stage<?> named(String name) {
    return stages.stream().filter(stage -> stage.name().equals(name)).findFirst().orElseThrow();
  }

  private static <C extends Record> Step<C> repeated(
      Stage<C> stage, Draft draft, long seed, UnaryOperator<String> environment) {
    Path sharing = stage.resultDir(Binder.bind(stage.configType(), draft, environment));
    Path folder = new ResultLayout(sharing).saeSeed(seed).root();
    Draft own = SaeSeeds.further(stage.name(), Keys.of(stage.configType()), draft, seed, folder);
    return new Step<>(stage, Binder.bind(stage.configType(), own, environment), seed, sharing);
  }

  private static <C extends Record> Step<C> step(Stage<C> stage, Draft draft, UnaryOperator<String> environment) {
    return new Step<>(stage, Binder.bind(stage.configType(), draft, environment), null, null);
  }

  private static Draft draft(Draft pipeline, String stage, Path file) {
    String name = pipeline.text(stage);
    if (name == null) {
      return pipeline.section(stage);
    }
    return Binder.file(file.toAbsolutePath().getParent().resolve(name).normalize());
  }

  /** The override that a {@code --set} means for a stage; null when it is not meant for it. */
  private static Override setFor(Stage<?> stage, List<Keys.KeyInfo> keys, List<String> stages, String set) {
    String[] parts = set.split("=", 2);
    if (parts.length != 2 || parts[0].isBlank()) {
      throw UserException.badConfig("--set " + set + ": expected path.to.key=value");
    }
    String path = parts[0].strip();
    if (SaeSeeds.isSet(set)) {
      return null;
    }
    String first = path.split("\\.", 2)[0];
    if (stages.contains(first)) {
      return first.equals(stage.name()) && path.contains(".")
          ? new Override(path.split("\\.", 2)[1], parts[1], false, "--set " + set)
          : null;
    }
    boolean has = keys.stream().anyMatch(key -> key.path().equals(path) || key.path().startsWith(path + "."));
    return has ? new Override(path, parts[1], false, "--set " + set) : null;
  }
}
