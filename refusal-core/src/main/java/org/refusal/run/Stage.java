package org.refusal.run;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.refusal.config.ModelSection;

/**
 * A step of the pipeline. Declared once: options, YAML keys, help text, validation, provenance and resume follow from
 * the config record and from what is said here.
 *
 * @param <C> the config record
 */
public interface Stage<C extends Record> {
  /** As on the command line: {@code train-saes}. */
  String name();

  /** One line of help: the question that the stage answers. */
  String summary();

  /** Raised whenever the same input and config would give another result than before. */
  int version();

  Class<C> configType();

  /** Where the results folder lies. */
  Path resultDir(C config);

  /** The files that the stage reads, in a fixed order; they must exist when it starts. Model weights included. */
  List<Path> inputs(C config);

  /** The model that the stage runs; empty when it runs none. */
  default Optional<ModelSection> modelRun(C config) {
    return Optional.empty();
  }

  /** The section that names the device on which the stage computes; empty when that is the CPU. */
  default Optional<ModelSection> computesOn(C config) {
    return modelRun(config);
  }

  /**
   * Does the work. Resumes what an earlier, interrupted run of the same key left in the work folder.
   *
   * @return the files written, and the lines that go to standard output
   */
  StageResult run(C config, StageContext context);
}
