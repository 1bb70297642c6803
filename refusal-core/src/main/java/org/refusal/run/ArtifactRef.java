package org.refusal.run;

import java.util.Objects;

/**
 * A file as a manifest names it.
 *
 * @param path relative to the results folder, or absolute when it lies outside
 * @param sha256 of its content
 */
public record ArtifactRef(String path, long bytes, String sha256) {
  public ArtifactRef {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(sha256, "sha256");
  }
}
