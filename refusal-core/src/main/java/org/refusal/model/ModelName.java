package org.refusal.model;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.base.UserException;

/**
 * A model as a user names it on the Hub: {@code ORG/NAME}, or {@code ORG/NAME@REVISION} for a branch, a tag or a commit other
 * than that of {@code refs/main}.
 */
public record ModelName(String repository, Optional<String> revision) {
  private static final Pattern NAME = Pattern.compile("([\\w.-]+(?:/[\\w.-]+)?)(?:@([\\w.-]+(?:/[\\w.-]+)*))?");
  private static final Pattern ADDRESS = Pattern.compile("https?://[^/]+/([\\w.-]+/[\\w.-]+?)(?:\\.git)?(?:/.*)?");

  /** Empty for what is no name of the Hub. */
  public static Optional<ModelName> parse(String text) {
    Matcher matcher = NAME.matcher(text);
    boolean sound = matcher.matches() && !text.matches("(.*[/@])?\\.{1,2}([/@].*)?");
    return sound
        ? Optional.of(new ModelName(matcher.group(1), Optional.ofNullable(matcher.group(2))))
        : Optional.empty();
  }

  /** @throws UserException saying what to give instead of an address, a GGUF file or a file of a model's folder */
  public static void refuseOtherThings(String given) {
    if (given.matches("\\w+://.*")) {
      Matcher address = ADDRESS.matcher(given);
      throw UserException.badConfig(
          "model '" + given + "' is an address, not a model's name or folder",
          address.matches() ? "its name is " + address.group(1) : "give a folder, or ORG/NAME of the Hub");
    }
    Path path;
    try {
      path = Path.of(given);
    } catch (InvalidPathException e) {
      throw UserException.badConfig("model '" + given + "' is neither a folder nor a name: " + e.getReason());
    }
    boolean gguf = given.toLowerCase(Locale.ROOT).endsWith(".gguf");
    if (!Files.isRegularFile(path)) {
      if (gguf) {
        throw UserException.badConfig(given + ": no such file, and GGUF files are not read", "give a folder with safetensors");
      }
      return;
    }
    if (gguf) {
      throw UserException.badConfig(
          given + ": a GGUF file, which is not read",
          "give the folder of the model that it was made from, with its safetensors, config.json and tokenizer.json");
    }
    Path folder = path.toAbsolutePath().normalize().getParent();
    CheckpointFolder.refuseAdapter(folder);
    throw UserException.badConfig(given + ": a file, where a model's folder is expected", "give its folder: " + folder);
  }
}
