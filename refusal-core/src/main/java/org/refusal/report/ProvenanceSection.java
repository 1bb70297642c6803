package org.refusal.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.run.RunManifest;

/** Which runs made the results. Times and memory stay in the manifests: the same results give the same report. */
public final class ProvenanceSection implements Section {
  private final List<String> stages;

  /** @param stages whose last run counts, in the order of the table */
  public ProvenanceSection(List<String> stages) {
    this.stages = List.copyOf(stages);
  }

  @Override
  public String title() {
    return "Provenance";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of();
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    List<RunManifest> history = sources.history();
    Map<String, RunManifest> latest = new LinkedHashMap<>();
    stages.forEach(
        stage -> history.stream()
            .filter(run -> run.stage().equals(stage))
            .reduce((before, after) -> after)
            .ifPresent(run -> latest.put(stage, run)));
    if (latest.isEmpty()) {
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    Map<String, List<String>> versions = new LinkedHashMap<>();
    latest.forEach((stage, run) -> {
      rows.add(
          List.of(
              stage,
              "`" + run.key() + "`",
              Integer.toString(run.stageVersion()),
              Long.toString(run.seed()),
              Integer.toString(run.inputs().size()),
              Integer.toString(run.outputs().size())));
      run.versions().forEach((name, value) -> {
        List<String> seen = versions.computeIfAbsent(name, key -> new ArrayList<>());
        if (!seen.contains(value)) {
          seen.add(value);
        }
      });
    });
    page.text().table(List.of("stage", "key", "version", "seed", "files read", "files written"), rows);
    List<String> lines = new ArrayList<>();
    versions.forEach((name, seen) -> lines.add("%s: %s".formatted(name, Markdown.escape(String.join("; ", seen)))));
    page.text().list(lines);
    page.text().paragraph(
        "Resolved configs, digests of all files, times and memory: `manifests/STAGE-KEY.json` in the results folder.");
  }
}
