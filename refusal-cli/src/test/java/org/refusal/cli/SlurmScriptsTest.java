package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The batch scripts, with a stand-in for Slurm and for the program. */
@EnabledOnOs(OS.LINUX)
class SlurmScriptsTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @TempDir Path folder;

  @BeforeEach
  void copy() throws IOException {
    for (String tree : List.of("scripts/slurm", "environment", "configs")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(tree))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          Path target = folder.resolve(ROOT.relativize(file));
          Files.createDirectories(target.getParent());
          Files.copy(file, target);
        }
      }
    }
  }

  private void executable(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/usr/bin/env bash\n" + text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private ProcessBuilder bash(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("bash"));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().put("PATH", folder.resolve("bin") + ":" + System.getenv("PATH"));
    builder.environment().put("SLURM_JOB_ID", "123");
    builder.environment().put("SLURM_SUBMIT_DIR", folder.toString());
    builder.environment().put("SLURM_CPUS_PER_TASK", "3");
    builder.redirectErrorStream(true).redirectOutput(folder.resolve("output").toFile());
    return builder;
  }

  private int end(Process process) throws IOException, InterruptedException {
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private String text(String name) throws IOException {
    return Files.exists(folder.resolve(name)) ? Files.readString(folder.resolve(name)) : "";
  }

  @Test
  void theChainWaitsStageForStageAndKeepsArgumentsWhole() throws Exception {
    executable("bin/sbatch", "printf '<%s>' \"$@\" >> submitted; echo >> submitted; echo \"$(wc -l < submitted)\"\n");

    int code = end(bash(List.of("scripts/slurm/chain.sh", "llama", "--results-dir", "my results/$HOME")).start());

    assertThat(code).as(text("output")).isZero();
    List<String> jobs = text("submitted").lines().toList();
    assertThat(jobs).hasSize(8);
    assertThat(jobs.get(0))
        .doesNotContain("--dependency")
        .contains("<scripts/slurm/stage.sbatch><analyze-data><--config><configs/data/orbench_analysis.yaml>");
    for (int i = 1; i < jobs.size(); i++) {
      assertThat(jobs.get(i)).contains("<--dependency=afterok:" + i + "><--kill-on-invalid-dep=yes>");
    }
    assertThat(jobs).allMatch(job -> job.endsWith("<--results-dir><my results/$HOME>"));
    assertThat(jobs.get(5)).contains("<evaluate><--model><meta-llama/Llama-2-7b-chat-hf>");
    List<Integer> onGpus = IntStream.range(0, 8).filter(i -> jobs.get(i).contains("<--gres=gpu:1>")).boxed().toList();
    assertThat(onGpus).as("collect, train-saes, discover, evaluate").containsExactly(1, 2, 3, 5);
    assertThat(text("output")).contains("report: job 8");
  }

  @Test
  void theChainOfAnUnknownModelIsAnError() throws Exception {
    assertThat(end(bash(List.of("scripts/slurm/chain.sh", "lama")).start())).isEqualTo(2);
    assertThat(text("output")).isEqualTo("chain.sh: unknown model: lama (llama or mistral)\n");
  }

  @ParameterizedTest
  @CsvSource({"USR1, run.sbatch configs/pipeline/llama2_7b.yaml", "TERM, stage.sbatch collect"})
  void aSignalLetsTheProgramSaveItsProgressAndRequeuesTheJob(String signal, String job) throws Exception {
    executable("bin/scontrol", "echo \"$@\" > requeued\n");
    executable(
        "scripts/refusal",
        "trap 'sleep 1; echo saved > saved; exit 75' TERM\necho \"$@\" > arguments\nwhile :; do sleep 0.1; done\n");
    List<String> command = new ArrayList<>(List.of(job.split(" ")));
    command.set(0, "scripts/slurm/" + command.get(0));
    command.addAll(List.of("--results-dir", "my results"));
    Process process = bash(command).start();
    for (int i = 0; text("arguments").isEmpty() && i < 600; i++) {
      Thread.sleep(50);
    }

    for (int i = 0; i < 2; i++) { // the announcement, and the end itself while the program still saves
      assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor()).isZero();
      Thread.sleep(200);
    }

    assertThat(end(process)).as(text("output")).isEqualTo(75);
    assertThat(text("saved")).isEqualTo("saved\n");
    assertThat(text("requeued")).isEqualTo("requeue 123\n");
    assertThat(text("arguments")).contains("--threads 3").contains("--results-dir my results");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 65, 137})
  void whatEndsByItselfIsNotRequeuedAndKeepsItsCode(int code) throws Exception {
    executable("bin/scontrol", "echo \"$@\" > requeued\n");
    executable("scripts/refusal", "exit " + code + "\n");

    assertThat(end(bash(List.of("scripts/slurm/stage.sbatch", "stats")).start())).isEqualTo(code);
    assertThat(text("requeued")).isEmpty();
  }
}
