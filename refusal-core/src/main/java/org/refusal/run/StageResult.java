package org.refusal.run;

import java.nio.file.Path;
import java.util.List;

/**
 * @param outputs every file that the stage is answerable for
 * @param summary a few lines for a person
 */
public record StageResult(List<Path> outputs, List<String> summary) {
  public StageResult {
    outputs = List.copyOf(outputs);
    summary = List.copyOf(summary);
  }
}
