package org.refusal.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.config.Binder;
import org.refusal.config.Binder.Draft;
import org.refusal.config.Binder.Override;
import org.refusal.config.Key;
import org.refusal.config.Keys;

/**
 * Several sets of autoencoders on the same activations, told apart by the seed of their training. Everything else (split,
 * partners, permutations) keeps the pipeline's {@code seed}, so that only the autoencoders differ. Results of the first
 * seed lie in the results folder, those of every further one in {@code sae_seeds/SEED}, a results folder that shares what
 * {@code collect} wrote.
 */
final class SaeSeeds {
  static final String KEY = "seeds";
  /** Stages that run again for every further seed; what describes or reports is done for the first only. */
  static final List<String> REPEATED = List.of("train-saes", "discover", "evaluate", "stats");
  /** The stage at which the first seed's verdict is compared with the others'. */
  static final String COMPARING = "stats";
  private static final String TRAINING = "train-saes";
  private static final String COMPARED = "stats.sae_seeds";
  private static final List<String> COLLECTED =
      List.of("activations", "model_outputs", "refusal_labels", "splits.json", "category_weights.json");
  /** Folders that a config may put elsewhere; a further seed's lie in its own results folder. */
  private static final Set<String> FOLDERS =
      Set.of(
          "output.save_dir", "output.circuits_dir", "output.visualizations_dir", "output.reports_dir", "output.dir");

  private SaeSeeds() {}

  private record Seeds(@Key(doc = "Seeds of the autoencoders.", def = "[]") List<Long> seeds) {}

  static boolean isSet(String set) {
    return set.split("=", 2)[0].strip().equals(KEY);
  }

  /** What a pipeline or {@code --set seeds=[1, 2, 3]} asks for; empty for one set under the stages' own seed. */
  static List<Long> read(Draft pipeline, List<String> sets, UnaryOperator<String> environment) {
    Draft draft = Binder.empty().under(pipeline, KEY);
    for (String set : sets) {
      if (isSet(set) && set.contains("=")) {
        draft = draft.with(new Override(KEY, set.split("=", 2)[1], false, "--set " + set));
      }
    }
    List<Long> seeds = Binder.bind(Seeds.class, draft, environment).seeds();
    if (new LinkedHashSet<>(seeds).size() < seeds.size()) {
      throw UserException.badConfig(
          "%s: '%s' names a seed twice".formatted(draft.origin(KEY), KEY), "every seed is to be another autoencoder");
    }
    return seeds;
  }

  /** A stage of the first seed. */
  static Draft first(String stage, Draft draft, List<Long> seeds) {
    if (seeds.isEmpty()) {
      return draft;
    }
    if (stage.equals(TRAINING)) {
      return draft.with(seed(seeds.get(0)));
    }
    return stage.equals(COMPARING) && seeds.size() > 1
        ? draft.with(new Override(COMPARED, seeds.toString(), false, KEY))
        : draft;
  }

  /** The same stage of a further seed. */
  static Draft further(String stage, List<Keys.KeyInfo> keys, Draft draft, long seed, Path folder) {
    Draft own = draft.with(new Override("output.result_dir", folder.toString(), true, KEY));
    for (Keys.KeyInfo key : keys) {
      if (FOLDERS.contains(key.path())) {
        own = own.with(new Override(key.path(), "null", false, KEY));
      }
    }
    return stage.equals(TRAINING) ? own.with(seed(seed)) : own;
  }

  private static Override seed(long seed) {
    return new Override("seed", Long.toString(seed), false, KEY);
  }

  /** Puts what {@code collect} wrote into a further seed's folder: by hard links, or copies where there are none. */
  static void share(ResultLayout from, ResultLayout to) {
    for (String name : COLLECTED) {
      Path source = from.root().resolve(name);
      Path target = to.root().resolve(name);
      try {
        removeStale(source, target);
        if (Files.exists(source)) {
          for (Path file : files(source)) {
            link(file, target.resolve(source.relativize(file).toString()));
          }
        }
      } catch (IOException e) {
        throw AtomicFiles.cannotWrite(target, e);
      }
    }
  }

  private static void removeStale(Path source, Path target) throws IOException {
    if (Files.exists(target)) {
      for (Path file : files(target)) {
        if (!Files.exists(source.resolve(target.relativize(file).toString()))) {
          Files.delete(file);
        }
      }
    }
  }

  private static List<Path> files(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(Files::isRegularFile).sorted(Comparator.naturalOrder()).toList();
    }
  }

  private static void link(Path source, Path target) throws IOException {
    if (Files.exists(target)) {
      if (Files.isSameFile(source, target)) {
        return;
      }
      Files.delete(target);
    }
    Files.createDirectories(target.getParent());
    try {
      Files.createLink(target, source);
    } catch (UnsupportedOperationException | IOException noHardLinks) {
      Files.copy(source, target, StandardCopyOption.COPY_ATTRIBUTES);
    }
  }
}
