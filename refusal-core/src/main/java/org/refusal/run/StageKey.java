package org.refusal.run;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.Digests;
import org.refusal.io.Json;

/**
 * Names everything that decides a stage's result: its version, its config without device, threads and folders, its seed
 * and the content of its inputs. Two runs of one key give the same result; a run is skipped only when its key and the
 * content of its outputs are those of an earlier run.
 */
public final class StageKey {
  private static final int LENGTH = 16;

  private StageKey() {}

  /**
   * @param config without neutral keys
   * @param inputs in the stage's order; only names of files and contents count, not where they lie
   */
  public static String of(String stage, int version, Map<String, Object> config, List<ArtifactRef> inputs) {
    Map<String, Object> parts = new LinkedHashMap<>();
    parts.put("stage", stage);
    parts.put("version", version);
    parts.put("config", config);
    parts.put(
        "inputs",
        inputs.stream()
            .map(input -> input.fileName() + " " + input.sha256())
            .toList());
    return Digests.sha256(Json.toText(parts)).substring(0, LENGTH);
  }
}
