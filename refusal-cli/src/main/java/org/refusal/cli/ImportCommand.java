package org.refusal.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.OriginalOutputs;
import org.refusal.original.OriginalImport;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.sae.HookNames;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeImport;
import org.refusal.sae.SaeSource;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal import}: what other tools left, into the layout used here. */
final class ImportCommand {
  private static final Pattern HOOK_POINT = Pattern.compile("((?:residuals|residuals_mid|mlp|attention)_\\d+)(?:_sae)?(?:\\.pt)?");

  private ImportCommand() {}

  static CommandSpec spec(Console console) {
    CommandSpec spec =
        CommandTree.command(
            "import",
            "Bring in autoencoders of other tools (SAELens, sparsify, ...), or results of the original project.",
            arguments -> {
              lines(arguments, console).forEach(console.out()::println);
              return ExitCode.OK.code();
            });
    spec.addPositional(
        PositionalParamSpec.builder().index("0").type(Path.class).paramLabel("SOURCE").required(true)
            .description(
                "An autoencoder's folder or .pt file, activations (.pt), or a whole results folder of the original project.",
                "Pickles are read without executing anything.")
            .build());
    spec.addOption(
        OptionSpec.builder("--model", "--model-name", "--model_name").type(String.class).paramLabel("NAME").required(true)
            .description("The model that it comes from.").build());
    ResultsOption.add(spec);
    spec.addOption(
        OptionSpec.builder("--hook-point", "--hook_point").type(String.class).paramLabel("NAME")
            .description(
                "Of an autoencoder: residuals_N, residuals_mid_N, mlp_N, attention_N or blocks.N.hook_resid_post. Default: what its name,"
                    + " its folder's (layers.N.mlp) or its config says.")
            .build());
    spec.addOption(
        OptionSpec.builder("--k").type(Integer.class).paramLabel("N")
            .description("Active latents per token, for autoencoders that do not say.").build());
    spec.addOption(
        OptionSpec.builder("--labels").type(Path.class).paramLabel("FILE")
            .description(
                "Of activations: the original's ..._outputs.json or ..._refusal.json, from which the prompts of the rows are"
                    + " known.")
            .build());
    spec.addOption(
        OptionSpec.builder("--category").type(String.class).paramLabel("NAME")
            .description("Of activations. Default: what the file's name says (MODEL_CATEGORY_activations.pt).").build());
    return spec;
  }

  /** As results name a model: a folder by its last part. */
  static String modelName(String given) {
    return Files.isDirectory(Path.of(given)) ? Path.of(given).toAbsolutePath().normalize().getFileName().toString() : given;
  }

  private static Progress progress(Console console) {
    return new ConsoleProgress(console, false, System::currentTimeMillis, new AtomicBoolean());
  }

  private static List<String> lines(ParseResult arguments, Console console) {
    Path source = arguments.matchedPositionalValue(0, Path.of(""));
    String model = modelName(arguments.matchedOptionValue("--model", ""));
    Path results = ResultsOption.given(arguments, console).orElse(null);
    if (!Files.exists(source)) {
      throw UserException.badData(source + (Files.isSymbolicLink(source) ? ": " + AtomicFiles.missing(source) : ": no such file or folder"));
    }
    if (Files.isDirectory(source) && OriginalOutputs.isResults(source)) {
      CommandTree.refuse(arguments, "on a results folder", "--hook-point", "--k", "--labels", "--category");
      return OriginalImport.folder(source, results == null ? source : results, model, progress(console));
    }
    Path target = results == null ? Path.of("results") : results;
    if (Files.isRegularFile(source) && OriginalImport.isActivations(source)) {
      CommandTree.refuse(arguments, "on activations", "--hook-point", "--k");
      Path labels = arguments.matchedOptionValue("--labels", null);
      if (labels == null) {
        throw UserException.usage(
            source + ": holds activations; nothing in it tells which prompt a row belongs to",
            "give --labels with the ..._outputs.json or ..._refusal.json of the same run");
      }
      return OriginalImport.activations(
          source, labels, target, model, category(arguments, source, model), progress(console));
    }
    CommandTree.refuse(arguments, "on an autoencoder", "--labels", "--category");
    return List.of(autoencoder(arguments, source, model, target));
  }

  private static String category(ParseResult arguments, Path file, String model) {
    String given = arguments.matchedOptionValue("--category", null);
    String name = file.getFileName().toString();
    String prefix = ResultLayout.fileName(model) + "_";
    if (given != null) {
      return given;
    }
    if (name.startsWith(prefix) && name.endsWith("_activations.pt")) {
      return name.substring(prefix.length(), name.length() - "_activations.pt".length());
    }
    throw UserException.usage(
        "%s: its name tells no category".formatted(file), "give --category, or name it %sCATEGORY_activations.pt".formatted(prefix));
  }

  /** By the name of the file or folder, or by what is in it; both must say the same. */
  private static HookPoint hookPoint(Path source, String inside) {
    Matcher name = HOOK_POINT.matcher(source.toAbsolutePath().normalize().getFileName().toString());
    HookPoint byName = name.matches() ? HookPoint.parse(name.group(1)) : null;
    HookPoint byContent = inside.isEmpty() ? null : HookNames.parse(source, inside);
    if (byName != null && byContent != null && !byName.equals(byContent)) {
      throw UserException.usage(
          "%s: its name says %s, its config %s (%s)".formatted(source, byName, inside, byContent),
          "give --hook-point with the right one");
    }
    if (byName == null && byContent == null) {
      throw UserException.usage(source + ": does not say at which hook point it was trained", "give --hook-point");
    }
    return byName == null ? byContent : byName;
  }

  private static String autoencoder(ParseResult arguments, Path source, String model, Path results) {
    String given = arguments.matchedOptionValue("--hook-point", null);
    Integer k = arguments.matchedOptionValue("--k", null);
    SaeCheckpoint read = SaeImport.read(source, new SaeSource(model, "", true), k);
    HookPoint named = given == null ? hookPoint(source, read.source().hookName()) : HookPoint.parse(given);
    ResultLayout layout = new ResultLayout(results);
    Path folder = layout.sae(model, named);
    new SaeCheckpoint(read.weights(), new SaeSource(model, named.transformerLensName(), read.source().prependBos()))
        .write(folder);
    Lineage.imported(
        layout, model, List.of(folder.resolve(SaeCheckpoint.CONFIG), folder.resolve(SaeCheckpoint.WEIGHTS)), Versions.map());
    return "%s: %s".formatted(folder, read.weights().summary());
  }
}
