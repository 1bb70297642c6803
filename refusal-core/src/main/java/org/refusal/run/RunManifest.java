package org.refusal.run;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.Map;

/**
 * What made a set of files: {@code manifests/{stage}-{key}.json}. Holds no secret: no environment but what is listed.
 *
 * @param key see {@link StageKey}
 * @param stageVersion raised when the stage computes something else than before
 * @param config the resolved config, every key
 * @param versions toolkit, commit, java, libtorch, operating system, device and, where a model was run, its type (dtype)
 * @param started and {@code finished}: ISO 8601, UTC
 * @param peakMemoryBytes largest resident memory of the process up to the end of the stage; -1 when not known
 * @param summary the lines that the stage printed
 */
@JsonNaming(SnakeCaseStrategy.class)
public record RunManifest(
    String stage,
    String key,
    int stageVersion,
    Map<String, Object> config,
    long seed,
    List<ArtifactRef> inputs,
    List<ArtifactRef> outputs,
    Map<String, String> versions,
    String started,
    String finished,
    double wallSeconds,
    long peakMemoryBytes,
    String slurmJobId,
    List<String> summary) {}
