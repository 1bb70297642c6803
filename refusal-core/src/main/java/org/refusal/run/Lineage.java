package org.refusal.run;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * Which run made a file of a results folder, from what, and whether all that still lies on disk as it was then
 * (docs/stages.md). A file that no manifest names was brought in from elsewhere and is taken as it is; a file that is
 * gone contradicts nothing. Files that a run read from outside the folder (a model, prompts) count like those inside.
 *
 * <p>Cost: reads every manifest once; every file of the line of descent is digested once per instance, from the memory of
 * {@link DigestCache} where it has not changed.
 */
public final class Lineage {
  /** Results folders with further autoencoder seeds: they share what the folder around them has collected. */
  static final String SEEDS = "sae_seeds";

  /** Mends what is wrong in a seed's folder, whose stages have no command of their own. */
  private static final String WHOLE_RUN = "the whole pipeline";

  /**
   * What is wrong with a file.
   *
   * @param stage that must run again
   * @param what one line that names the file
   */
  public record Fault(String stage, String what) {}

  /** Brings in files from elsewhere; every such manifest stands for itself. */
  public static final String IMPORT = "import";

  /** What one look at some files brings. */
  private static final class Findings {
    final List<Fault> faults = new ArrayList<>();
    final Map<Path, Boolean> files = new HashMap<>();
    final Map<RunManifest, Boolean> runs = new IdentityHashMap<>();

    void add(String stage, String what) {
      faults.add(new Fault(stage, what));
    }
  }

  private final ResultLayout layout;
  private final Path root;
  private final DigestCache digests;
  private final Path digestRoot;
  private final List<String> damaged = new ArrayList<>();
  /** The latest run that wrote a file. */
  private final Map<Path, RunManifest> makers = new HashMap<>();
  /** The latest run of a stage with a model. */
  private final Map<String, RunManifest> latest = new HashMap<>();
  private final Map<Path, String> contents = new HashMap<>();
  private final Map<Path, Lineage> seeds = new HashMap<>();
  private Lineage around;
  private long last;

  private Lineage(ResultLayout layout, DigestCache digests, Path digestRoot) {
    this.layout = layout;
    this.root = absolute(layout.root());
    this.digests = digests;
    this.digestRoot = digestRoot;
    for (RunManifest run : RunManifest.readable(layout, damaged)) {
      last = Math.max(last, run.sequence());
      boolean here = false;
      for (ArtifactRef output : run.outputs()) {
        Path file = resolve(output.path());
        makers.put(file, run);
        here |= file.startsWith(root);
      }
      if (here) {
        latest.put(line(run), run);
      }
    }
  }

  /** Of a results folder; one without manifests knows nothing and objects to nothing. */
  public static Lineage of(ResultLayout layout, DigestCache digests) {
    return new Lineage(layout, digests, layout.root());
  }

  public static Lineage of(ResultLayout layout) {
    return of(layout, DigestCache.of(layout));
  }

  /** Manifests that cannot be read, one line each. What they would say is not known. */
  public List<String> damaged() {
    return List.copyOf(damaged);
  }

  /** Whether any run is known to have written the file. */
  public boolean knows(Path file) {
    return makers.containsKey(absolute(file));
  }

  /**
   * Whether the file is left over from an earlier run of the stage that wrote it: its latest run with that model, which had
   * another config or found nothing, did not write it.
   */
  public boolean isLeftOver(Path file) {
    RunManifest maker = makers.get(absolute(file));
    return maker != null && latest.containsKey(line(maker)) && latest.get(line(maker)) != maker;
  }

  /** Whether the file is there and no leftover ({@link #isLeftOver}). */
  public boolean isCurrent(Path file) {
    return Files.isRegularFile(file) && !isLeftOver(file);
  }

  /** Whether a run is the latest of its stage with its model. */
  public boolean isLatest(RunManifest run) {
    RunManifest last = latest.get(line(run));
    return last != null && last.key().equals(run.key());
  }

  /** The number for a run that ends now. */
  public long next() {
    return last + 1;
  }

  /**
   * Refuses files that are not what their run wrote, or that were made from something else than what lies on disk now.
   *
   * @param order names of all stages in the order in which they run
   * @throws UserException bad data, with the file and the stages to run again, for the fault that must be mended first
   */
  public void require(List<Path> files, List<String> order) {
    List<Fault> faults = sorted(faults(files), order);
    if (!faults.isEmpty()) {
      Set<String> again = faults.stream().map(Fault::stage).collect(Collectors.toCollection(LinkedHashSet::new));
      throw UserException.badData(
          faults.get(0).what(), "run %s again".formatted(String.join(" again, then ", again)));
    }
  }

  /** All that is wrong with the files and with what they were made from. */
  public List<Fault> faults(List<Path> files) {
    Findings found = new Findings();
    files.forEach(file -> examine(absolute(file), found));
    return found.faults;
  }

  /** All that is wrong with the outputs of a run and with what they were made from, what must be mended first in front. */
  public List<Fault> faults(RunManifest run, List<String> order) {
    return sorted(
        faults(
            run.outputs().stream().map(output -> resolve(output.path())).filter(file -> makers.get(file) == run).toList()),
        order);
  }

  private static List<Fault> sorted(List<Fault> faults, List<String> order) {
    return faults.stream().sorted(Comparator.comparingInt(fault -> order.indexOf(fault.stage()))).toList();
  }

  /** The latest run of every stage and model, in the order in which they ended. */
  public List<RunManifest> latest() {
    return latest.values().stream().sorted(Comparator.comparingLong(RunManifest::sequence)).toList();
  }

  /** Adds the faults of a file and of what it was made from to those found; whether there is any. */
  private boolean examine(Path file, Findings found) {
    Boolean known = found.files.get(file);
    if (known != null) {
      return known;
    }
    found.files.put(file, false);
    boolean bad = isBad(file, found);
    found.files.put(file, bad);
    return bad;
  }

  private boolean isBad(Path file, Findings found) {
    Optional<Lineage> seed = seed(file);
    if (seed.isPresent()) {
      Findings there = new Findings();
      seed.get().examine(file, there);
      there.faults.forEach(fault -> found.add(WHOLE_RUN, fault.what()));
      return !there.faults.isEmpty();
    }
    RunManifest maker = makers.get(file);
    if (maker == null) {
      Optional<Path> original = shared(file);
      return original.isPresent() && isNoLonger(file, original.get(), found);
    }
    Boolean known = found.runs.get(maker);
    boolean bad = known != null ? known : isStale(file, maker, found);
    found.runs.put(maker, bad);
    String written =
        maker.outputs().stream().filter(output -> resolve(output.path()).equals(file)).findFirst().orElseThrow().sha256();
    if (Files.isRegularFile(file) && !content(file).equals(written)) {
      found.add(maker.stage(), "%s: was made by %s, but has changed since".formatted(shown(file), maker.stage()));
      return true;
    }
    return bad;
  }

  private boolean isStale(Path file, RunManifest maker, Findings found) {
    String reason = null;
    for (ArtifactRef input : maker.inputs()) {
      Path from = resolve(input.path());
      if (Files.isRegularFile(from)) {
        boolean bad = examine(from, found);
        if (!content(from).equals(input.sha256())) {
          reason = reason == null ? stale(file, maker, from) : reason;
        } else if (bad) {
          reason =
              reason == null
                  ? "%s: was made by %s from %s, which is to be made anew"
                      .formatted(shown(file), maker.stage(), shown(from))
                  : reason;
        }
      }
    }
    if (reason != null) {
      found.add(maker.stage(), reason);
    }
    return reason != null;
  }

  /** Whether a file that a seed's folder shares is another one than in the folder around it. */
  private boolean isNoLonger(Path file, Path original, Findings found) {
    boolean bad = around().examine(original, found);
    RunManifest maker = around().makers.get(original);
    if (maker != null && Files.isRegularFile(original) && !content(original).equals(content(file))) {
      found.add(maker.stage(), "%s: is no longer %s".formatted(shown(file), around().shown(original)));
      return true;
    }
    return bad;
  }

  private String stale(Path file, RunManifest maker, Path from) {
    RunManifest anew = makers.get(from);
    boolean byStage =
        anew != null
            && anew.outputs().stream()
                .anyMatch(output -> resolve(output.path()).equals(from) && output.sha256().equals(content(from)));
    return "%s: was made by %s from %s, which %s"
        .formatted(
            shown(file), maker.stage(), shown(from),
            byStage ? anew.stage() + " has made anew since" : "has changed since");
  }

  /** A seed's folder lies in this one and has manifests of its own. */
  private Optional<Lineage> seed(Path file) {
    Path inside = root.resolve(SEEDS);
    if (!file.startsWith(inside) || file.getNameCount() < inside.getNameCount() + 2) {
      return Optional.empty();
    }
    Path folder = inside.resolve(file.getName(inside.getNameCount()).toString());
    return Optional.of(
        seeds.computeIfAbsent(
            folder,
            each -> {
              Path named = layout.root().resolve(SEEDS).resolve(folder.getFileName().toString());
              Lineage lineage = new Lineage(new ResultLayout(named), digests, digestRoot);
              lineage.around = this;
              return lineage;
            }));
  }

  /** What a file of a seed's folder, which no run made there, is a copy or a link of. */
  private Optional<Path> shared(Path file) {
    return isSeed() && file.startsWith(root)
        ? Optional.of(absolute(around().layout.root()).resolve(root.relativize(file).toString()))
        : Optional.empty();
  }

  private boolean isSeed() {
    return root.getParent() != null
        && root.getParent().getFileName() != null
        && root.getParent().getFileName().toString().equals(SEEDS);
  }

  private Lineage around() {
    if (around == null) {
      Path outer = layout.root().resolve("..").resolve("..").normalize();
      around = new Lineage(new ResultLayout(outer), digests, digestRoot);
    }
    return around;
  }

  private String content(Path file) {
    return contents.computeIfAbsent(file, each -> digests.of(each, digestRoot).sha256());
  }

  /** As a person would write it: below the results folder as that was given. */
  private String shown(Path file) {
    return file.startsWith(root)
        ? layout.root().resolve(root.relativize(file).toString()).toString()
        : file.toString();
  }

  /** A path of a manifest: relative to the results folder, else as it was when the run was started. */
  private Path resolve(String path) {
    Path inside = root.resolve(path).normalize();
    return Files.exists(inside) || !Files.exists(Path.of(path)) ? inside : absolute(Path.of(path));
  }

  /**
   * Notes that files were brought in from elsewhere, in place of whatever lay there: from now on they are what they are.
   *
   * @param versions of the program, for the manifest
   */
  public static void imported(ResultLayout layout, String model, List<Path> files, Map<String, String> versions) {
    DigestCache digests = DigestCache.of(layout);
    List<ArtifactRef> outputs = files.stream().map(file -> digests.of(file, layout.root())).toList();
    Map<String, Object> config = Map.of("model", Map.of("name", model));
    String key = StageKey.of(IMPORT, 1, Map.of("files", outputs.stream().map(ArtifactRef::path).toList()), List.of());
    String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    Json.write(
        layout.manifests().resolve(IMPORT + "-" + key + ".json"),
        new RunManifest(
            IMPORT, key, of(layout, digests).next(), 1, config, 0, List.of(), outputs, versions, now, now, 0, -1, null,
            List.of()));
    digests.save();
  }

  private static String line(RunManifest run) {
    if (run.stage().equals(IMPORT)) {
      return IMPORT + " " + run.key();
    }
    String model = run.config().get("model") instanceof Map<?, ?> section ? String.valueOf(section.get("name")) : "";
    return run.stage() + " " + model;
  }

  private static Path absolute(Path path) {
    return path.toAbsolutePath().normalize();
  }
}
