package org.refusal.attribution;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.refusal.run.Lineage;
import org.refusal.subject.Subject;

/** What discover left of a subject for the stages after it. */
public record Discovered(Subject subject) {

  /** Written by every discover, whatever it found. */
  public Path check() {
    return subject.layout().attributionCheck(subject.model());
  }

  /** An empty check says that nothing was attributed: files of an earlier or an unfinished run do not count. */
  public boolean isAttributed() {
    return Files.isRegularFile(check()) && !AttributionCheck.read(check()).isEmpty();
  }

  /** Why discover attributed nothing, where it says so and the prompts give the reason. */
  public Optional<String> nothing(boolean force) {
    return Files.isRegularFile(check()) && !isAttributed() ? subject.nothingToDo(force) : Optional.empty();
  }

  /** The attributions of the latest discover, by category. */
  public Map<String, Path> attributions() {
    Lineage lineage = subject.collected().lineage();
    Map<String, Path> files = new LinkedHashMap<>();
    for (String category : subject.categories()) {
      Path file = subject.layout().attributions(subject.model(), category);
      if (lineage.isCurrent(file)) {
        files.put(category, file);
      }
    }
    return files;
  }
}
