package org.refusal.cli;

import java.nio.file.Path;
import org.refusal.base.ExitCode;
import org.refusal.circuit.HookPoint;
import org.refusal.run.ResultLayout;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeImport;
import org.refusal.sae.SaeSource;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code refusal import}: autoencoders that other tools trained, into the layout used here. */
final class ImportCommand {
  private ImportCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "import",
            "Bring a sparse autoencoder of SAELens, sparsify, dictionary_learning or a .pt file into the results.",
            arguments -> {
              Path source = arguments.matchedPositionalValue(0, null);
              String model = arguments.matchedOptionValue("--model", null);
              HookPoint point = HookPoint.parse(arguments.matchedOptionValue("--hook-point", ""));
              Integer k = arguments.matchedOptionValue("--k", null);
              Path results = Path.of(arguments.matchedOptionValue("--results-dir", "results"));
              SaeCheckpoint checkpoint =
                  SaeImport.read(source, new SaeSource(model, point.transformerLensName(), true), k);
              Path folder = new ResultLayout(results).sae(model, point);
              checkpoint.write(folder);
              console.out().println(
                  "%s: d_in %d, d_sae %d, k %d"
                      .formatted(
                          folder, checkpoint.weights().dIn(), checkpoint.weights().dSae(), checkpoint.weights().k()));
              return ExitCode.OK.code();
            });
    spec.addPositional(
        PositionalParamSpec.builder().index("0").type(Path.class).paramLabel("SOURCE").required(true)
            .description("Folder or .pt file. Pickles are read without executing anything.").build());
    spec.addOption(
        OptionSpec.builder("--model", "--model-name").type(String.class).paramLabel("NAME").required(true)
            .description("The model that it was trained on.").build());
    spec.addOption(
        OptionSpec.builder("--hook-point").type(String.class).paramLabel("NAME").required(true)
            .description("Where: residuals_N, mlp_N, attention_N or blocks.N.hook_resid_post.").build());
    spec.addOption(
        OptionSpec.builder("--k").type(Integer.class).paramLabel("N")
            .description("Active latents per token, for files that do not say.").build());
    spec.addOption(
        OptionSpec.builder("--results-dir", "--results_dir").type(String.class).paramLabel("FOLDER")
            .description("Results folder. Default: results.").build());
    return spec;
  }
}
