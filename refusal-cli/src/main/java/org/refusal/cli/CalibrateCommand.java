package org.refusal.cli;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.config.Binder;
import org.refusal.config.StatsConfig;
import org.refusal.io.Json;
import org.refusal.verdict.Calibration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code refusal calibrate}: error rates, coverage and power of the statistics, by simulation. */
final class CalibrateCommand {
  private CalibrateCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "calibrate",
            "Error rates of the statistics by simulation: p-values, coverage, wrong verdicts, power.",
            arguments -> {
              long seed = (long) arguments.commandSpec().findOption("--seed").getValue();
              int threads = (int) arguments.commandSpec().findOption("--threads").getValue();
              StatsConfig.Verdict thresholds =
                  Binder.bind(StatsConfig.Verdict.class, Binder.empty(), console.environment()::get);
              AtomicBoolean interrupted = Interruption.listen();
              Calibration calibration =
                  Calibration.run(
                      Calibration.Options.full(seed, threads),
                      thresholds,
                      new ConsoleProgress(console, false, System::currentTimeMillis, interrupted));
              console.out().println(calibration.markdown());
              Path output = arguments.matchedOptionValue("--output", null);
              if (output != null) {
                Json.write(output.resolve("calibration.json"), calibration);
                AtomicFiles.writeString(output.resolve("calibration.md"), calibration.markdown());
              }
              return ExitCode.OK.code();
            });
    spec.addOption(
        OptionSpec.builder("--seed").type(long.class).paramLabel("N").defaultValue("42")
            .description("Seed of the simulations. Default: ${DEFAULT-VALUE}.").build());
    spec.addOption(
        OptionSpec.builder("--threads").type(int.class).paramLabel("N")
            .defaultValue(Integer.toString(Runtime.getRuntime().availableProcessors()))
            .description("CPU threads to use; does not change results. Default: all (${DEFAULT-VALUE}).").build());
    spec.addOption(
        OptionSpec.builder("--output", "--output-dir").type(Path.class).paramLabel("FOLDER")
            .description("Also write calibration.json and calibration.md there.").build());
    return spec;
  }
}
