package org.refusal.run;

/**
 * A file as a manifest names it.
 *
 * @param path relative to the results folder, or absolute when it lies outside
 * @param sha256 of its content
 */
public record ArtifactRef(String path, long bytes, String sha256) {}
