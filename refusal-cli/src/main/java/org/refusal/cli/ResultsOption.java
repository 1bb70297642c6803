package org.refusal.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.refusal.config.AnalyzeDataConfig;
import org.refusal.config.Binder;
import org.refusal.config.Binder.Draft;
import org.refusal.config.Binder.Override;
import org.refusal.config.Keys;
import org.refusal.config.Keys.KeyInfo;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** The results folder of commands that are no stage: named by the same options and variable as the stages', with the same default. */
final class ResultsOption {
  private static final String SECTION = "output.";
  private static final KeyInfo FOLDER =
      Keys.of(AnalyzeDataConfig.class).stream()
          .filter(key -> key.path().equals(SECTION + "result_dir"))
          .findFirst()
          .orElseThrow();

  private ResultsOption() {}

  static void add(CommandSpec spec) {
    StageCommand.addConfigOptions(spec, List.of(FOLDER), Set.of());
  }

  /** Where the option or the variable says; {@code results} where neither was given. */
  static Path of(ParseResult arguments, Console console) {
    return given(arguments, console).orElseGet(() -> Path.of(FOLDER.def()));
  }

  /** Empty where neither was given. */
  static Optional<Path> given(ParseResult arguments, Console console) {
    String option = FOLDER.options().get(0);
    String value = StageCommand.value(arguments, option, FOLDER);
    String variable = Binder.variable(FOLDER.path());
    Draft draft = Binder.empty();
    if (value != null) {
      draft = draft.with(new Override("result_dir", value, true, option));
    } else if (console.environment().containsKey(variable)) {
      draft = draft.with(new Override("result_dir", console.environment().get(variable), true, "$" + variable));
    } else {
      return Optional.empty();
    }
    return Optional.of(Path.of(Binder.bind(AnalyzeDataConfig.Output.class, draft, console.environment()::get).resultDir()));
  }
}
