package org.refusal.cli;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.model.HubCache;
import org.refusal.model.HubEnvironment;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** {@code refusal download}: Hub models and data sets into the standard cache. The only command that uses the network. */
final class DownloadCommand {
  private static final String HUB = "https://huggingface.co";
  private static final String OR_BENCH = "bench-llm/or-bench";

  private final Console console;

  DownloadCommand(Console console) {
    this.console = console;
  }

  CommandSpec spec() {
    CommandSpec spec =
        CommandTree.command(
            "download", "Fetch models and data sets of the Hugging Face Hub into its usual cache.", this::run);
    spec.addOption(
        OptionSpec.builder("--model", "--model-name", "--model_name").type(String.class).paramLabel("ORG/NAME[@REVISION]")
            .description("Model to fetch: safetensors, configs, tokenizer.").build());
    spec.addOption(
        OptionSpec.builder("--data").type(String.class).paramLabel("NAME")
            .description("Data set to fetch: or-bench, or ORG/NAME of the Hub; its CSV files go to data/NAME.").build());
    spec.addOption(
        OptionSpec.builder("--cache-dir", "--cache_dir").type(Path.class).paramLabel("FOLDER")
            .description("Cache folder. Default: $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub.").build());
    return spec;
  }

  private int run(ParseResult arguments) {
    String model = arguments.matchedOptionValue("--model", null);
    String data = arguments.matchedOptionValue("--data", null);
    if (model == null && data == null) {
      throw new UserException(ExitCode.USAGE, "nothing to download", "give --model ORG/NAME or --data or-bench");
    }
    Map<String, String> environment = console.environment();
    HubDownload hub =
        new HubDownload(
            endpoint(environment),
            token(environment),
            new ConsoleProgress(console, false, System::currentTimeMillis, new AtomicBoolean()));
    Path cache = 
        HubCache.of(
                Optional.ofNullable(arguments.matchedOptionValue("--cache-dir", (Path) null)), HubEnvironment.of(environment))
            .root();
    if (model != null) {
      console.out().println(hub.fetch(HubDownload.Kind.MODELS, model, cache));
    }
    if (data != null) {
      String name = data.equals("or-bench") ? OR_BENCH : data;
      Path snapshot = hub.fetch(HubDownload.Kind.DATASETS, name, cache);
      Path folder = Path.of("data", name.substring(name.indexOf('/') + 1));
      copy(snapshot, folder);
      console.out().println(folder);
    }
    return ExitCode.OK.code();
  }

  private static void copy(Path snapshot, Path folder) {
    try (Stream<Path> files = Files.walk(snapshot)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        AtomicFiles.write(folder.resolve(snapshot.relativize(file)), out -> Files.copy(file, out));
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(folder, e);
    }
  }

  /** The Hub, or the mirror that {@code $HF_ENDPOINT} names. */
  private static URI endpoint(Map<String, String> environment) {
    String given = environment.getOrDefault("HF_ENDPOINT", "").strip();
    String address = given.isEmpty() ? HUB : given.replaceFirst("/+$", "");
    try {
      URI endpoint = new URI(address);
      if (endpoint.getHost() != null && List.of("http", "https").contains(String.valueOf(endpoint.getScheme()))) {
        return endpoint;
      }
    } catch (URISyntaxException e) {
      throw noAddress(given, e);
    }
    throw noAddress(given, null);
  }

  private static UserException noAddress(String given, URISyntaxException cause) {
    return new UserException(
        ExitCode.BAD_CONFIG, "$HF_ENDPOINT: '%s' is no address of a mirror".formatted(given), "for example: https://huggingface.co", cause);
  }

  /** From {@code $HF_TOKEN} or its older name, else the file in which the Hugging Face tools keep it. */
  static Optional<String> token(Map<String, String> environment) {
    for (String name : List.of("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")) {
      Optional<String> token = sendable("$" + name, environment.getOrDefault(name, ""));
      if (token.isPresent()) {
        return token;
      }
    }
    Path file = HubEnvironment.of(environment).tokenFile();
    try {
      return Files.isRegularFile(file)
          ? sendable(file.toString(), Files.readString(file))
          : Optional.empty();
    } catch (IOException e) {
      throw UserException.environment(file + ": cannot be read: " + AtomicFiles.reason(e), "set HF_TOKEN instead");
    }
  }

  /** Without line ends, as huggingface_hub reads it; none if nothing is left. */
  private static Optional<String> sendable(String where, String text) {
    String token = text.replaceAll("[\r\n]", "").strip();
    if (!token.chars().allMatch(each -> each > ' ' && each < 0x7f)) {
      throw UserException.environment(where + " holds characters that no token has", "copy the token again");
    }
    return Optional.of(token).filter(kept -> !kept.isEmpty());
  }
}
