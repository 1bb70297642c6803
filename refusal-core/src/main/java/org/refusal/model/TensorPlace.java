package org.refusal.model;

import java.nio.file.Path;

/** Where a tensor of a checkpoint lies, and under which name the file has it. */
public record TensorPlace(Path file, String storedName) {}
