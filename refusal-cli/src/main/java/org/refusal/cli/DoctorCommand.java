package org.refusal.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import org.refusal.base.ExitCode;
import org.refusal.config.Binder;
import org.refusal.config.CollectConfig;
import org.refusal.config.ModelSection;
import org.refusal.doctor.Doctor;
import org.refusal.run.Pipeline;
import org.refusal.stage.Stages;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal doctor}: what this machine can run. */
final class DoctorCommand {
  private static final String MODEL = "model.";

  private DoctorCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "doctor",
            "What can this machine run? Device, memory, model files, tokenizer, template, refusal tokens, layers, configs.",
            arguments -> {
              String model = arguments.matchedOptionValue("--model", null);
              if (model == null) {
                CommandTree.refuse(arguments, "without --model", "--cache-dir", "--outputs");
              }
              Path results = ResultsOption.of(arguments, console);
              ModelSection section = model == null ? null : section(arguments, model, console);
              String device =
                  section == null ? arguments.matchedOptionValue("--device", "auto") : section.device();
              Path outputs = arguments.matchedOptionValue("--outputs", null);
              boolean good = true;
              for (Doctor.Finding finding : Doctor.examine(device, section, results, outputs)) {
                console.out().println("%-4s %-10s %s".formatted(finding.good() ? "ok" : "BAD", finding.what(), finding.text()));
                good &= finding.good();
              }
              Path config = arguments.matchedOptionValue("--config", null);
              if (config != null) {
                var values = new LinkedHashMap<String, String>();
                if (model != null) {
                  values.put("--model", model);
                }
                Stages.pipeline().plan(config, values, List.of(), console.environment());
                console.out().println("ok   config     " + config + " binds");
              }
              return good ? ExitCode.OK.code() : ExitCode.ENVIRONMENT.code();
            });
    spec.addOption(
        OptionSpec.builder("--model", "--model-name", "--model_name").type(String.class).paramLabel("NAME")
            .description("Hub name or folder of the model to look at.").build());
    spec.addOption(
        OptionSpec.builder("--device").type(String.class).paramLabel("NAME")
            .description("auto, cpu, cuda or cuda:N. Default: auto.").build());
    spec.addOption(
        OptionSpec.builder("--cache-dir", "--cache_dir").type(String.class).paramLabel("FOLDER")
            .description("Folder of the Hugging Face cache.").build());
    ResultsOption.add(spec);
    spec.addOption(
        OptionSpec.builder("--outputs").type(Path.class).paramLabel("FILE")
            .description("Answers to calibrate the refusal tokens from: a JSON array as in model_outputs.").build());
    spec.addOption(
        OptionSpec.builder("--config").type(Path.class).paramLabel("FILE")
            .description("Pipeline file to check.").build());
    return spec;
  }

  /** As a stage would have it: options win over {@code REFUSAL_MODEL_...} variables, these over defaults. */
  private static ModelSection section(ParseResult arguments, String model, Console console) {
    Binder.Draft draft = Binder.empty();
    for (Binder.Override override : Binder.environment(CollectConfig.class, console.environment())) {
      if (override.path().startsWith(MODEL)) {
        draft = draft.with(new Binder.Override(
            override.path().substring(MODEL.length()), override.value(), override.literal(), override.origin()));
      }
    }
    draft = draft.with(new Binder.Override("name", model, true, "--model"));
    for (String option : List.of("device", "cache-dir")) {
      String value = arguments.matchedOptionValue("--" + option, null);
      if (value != null) {
        draft = draft.with(new Binder.Override(option.replace('-', '_'), value, true, "--" + option));
      }
    }
    return Binder.bind(ModelSection.class, draft, console.environment()::get);
  }
}
