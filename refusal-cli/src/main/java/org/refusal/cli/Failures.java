package org.refusal.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;
import org.refusal.torch.Memory;
import picocli.CommandLine;

/** What a person sees when something goes wrong, and which exit code the shell gets. */
final class Failures {
  private static final String PREFIX = "refusal: error: ";
  private static final int LONGEST = 4000;

  private Failures() {}

  /** A mistake on the command line: one line, and how to get help. */
  static int usage(CommandLine.ParameterException e, PrintWriter err) {
    String message = e.getMessage().lines().findFirst().orElse("wrong usage");
    if (e.getCause() instanceof InvalidPathException path) {
      return failed(path, err, false);
    }
    if (e instanceof CommandLine.UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
      message = unmatched(unmatched);
    }
    err.println(PREFIX + line(message));
    err.println("see: " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
    return ExitCode.USAGE.code();
  }

  private static String unmatched(CommandLine.UnmatchedArgumentException e) {
    String written = e.getUnmatched().get(0);
    CommandLine.Model.CommandSpec spec = e.getCommandLine().getCommandSpec();
    if (written.startsWith("-")) {
      List<String> options = spec.options().stream().flatMap(o -> List.of(o.names()).stream()).toList();
      return "unknown option '" + written + "'" + Suggestions.didYouMean(written, options);
    }
    boolean hasCommands = !spec.subcommands().isEmpty();
    return (hasCommands ? "unknown command '" : "unexpected argument '") + written + "'"
        + (hasCommands ? Suggestions.didYouMean(written, spec.subcommands().keySet()) : "");
  }

  /** One line that a terminal can show, whatever stood in the file that it speaks of. */
  private static String line(String message) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < message.length(); i += Character.charCount(message.codePointAt(i))) {
      if (line.length() >= LONGEST) {
        return line + "...";
      }
      int c = message.codePointAt(i);
      int type = Character.getType(c);
      boolean shown = type != Character.CONTROL && type != Character.FORMAT && type != Character.SURROGATE
          && type != Character.LINE_SEPARATOR && type != Character.PARAGRAPH_SEPARATOR;
      line.append(shown ? Character.toString(c) : "\\u%04X".formatted(c));
    }
    return line.toString();
  }

  /** A name that the file system cannot have: for want of a locale, or because of a character that none has. */
  private static UserException noName(InvalidPathException e) {
    String name = e.getInput().replaceAll("\\p{Cntrl}", "\uFFFD");
    String encoding = System.getProperty("sun.jnu.encoding", "UTF-8");
    return e.getInput().indexOf('\0') < 0 && Surroundings.isPlain(encoding)
        ? Surroundings.cannotName(name, encoding)
        : UserException.badConfig("'%s' cannot be the name of a file or folder".formatted(name), "give it another name");
  }

  private static int outOfMemory(Throwable thrown, PrintWriter err, boolean trace) {
    Throwable root = thrown;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    boolean heap = root instanceof OutOfMemoryError;
    err.println(PREFIX + "out of memory: " + String.valueOf(root.getMessage()).lines().findFirst().orElse(""));
    err.println(
        heap
            ? "give Java more (REFUSAL_JAVA_OPTS=-Xmx8g), or use fewer prompts at once (--set inference.batch_size=4)"
            : "use a smaller batch (--set inference.batch_size=4), a half type (--set model.torch_dtype=bfloat16), or a"
                + " machine with more memory; see: refusal doctor");
    if (trace) {
      thrown.printStackTrace(err);
    }
    return ExitCode.ENVIRONMENT.code();
  }

  /** A failed command. Only a defect of the toolkit shows its trace. */
  static int failed(Throwable thrown, PrintWriter err, boolean trace) {
    Throwable cause = thrown;
    while (cause != null) {
      if (cause instanceof UserException user) {
        err.println(PREFIX + line(user.getMessage()));
        user.advice().ifPresent(advice -> err.println(line(advice)));
        if (trace) {
          thrown.printStackTrace(err);
        }
        return user.exitCode().code();
      }
      cause = cause.getCause();
    }
    for (Throwable each = thrown; each != null; each = each.getCause()) {
      if (each instanceof InvalidPathException path) {
        return failed(noName(path), err, trace);
      }
    }
    for (Throwable each = thrown; each != null; each = each.getCause()) {
      if (each instanceof UncheckedIOException unchecked && unchecked.getCause() instanceof FileSystemException file) {
        return failed(AtomicFiles.cannotRead(Path.of(file.getFile()), file), err, trace);
      }
    }
    if (Memory.ranOut(thrown)) {
      return outOfMemory(thrown, err, trace);
    }
    err.println(PREFIX + "a defect of refusal, please report it: " + thrown);
    thrown.printStackTrace(err);
    return ExitCode.BUG.code();
  }
}
