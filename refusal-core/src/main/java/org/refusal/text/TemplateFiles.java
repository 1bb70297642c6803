package org.refusal.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * The chat templates that a checkpoint brings, as transformers 5 reads them for a tokenizer: {@code chat_template.jinja}
 * and the files in {@code additional_chat_templates}, else {@code chat_template} of {@code tokenizer_config.json}, a
 * text or several by name. Of several the one named default is taken; without one none is.
 */
final class TemplateFiles {
  private static final String DEFAULT = "default";

  private TemplateFiles() {}

  /** @param place the file, for messages */
  record Source(String place, String text) {}

  /** @throws UserException there are templates, but none that transformers would take */
  static Optional<Source> own(Path folder) {
    Map<String, Source> files = files(folder);
    if (!files.isEmpty()) {
      return Optional.of(byDefault(folder, files));
    }
    Optional<Source> configured = configured(folder.resolve("tokenizer_config.json"));
    Path processor = folder.resolve("chat_template.json");
    if (configured.isEmpty() && Files.isRegularFile(processor)) {
      throw UserException.badData(
          processor + ": transformers reads this file for processors of images, not for tokenizers, and there is no other template",
          "save the text in it as chat_template.jinja, or set inference.chat_template");
    }
    return configured;
  }

  private static Source byDefault(Path where, Map<String, Source> named) {
    Source source = named.get(DEFAULT);
    if (source == null) {
      throw UserException.badData(
          "%s: several chat templates (%s), but none named default".formatted(where, String.join(", ", named.keySet())),
          "save the one to use as a Jinja file and set inference.chat_template to it");
    }
    return source;
  }

  private static Map<String, Source> files(Path folder) {
    Map<String, Source> files = new TreeMap<>();
    Path single = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(single)) {
      files.put(DEFAULT, new Source(single.toString(), read(single)));
    }
    Path several = folder.resolve("additional_chat_templates");
    if (Files.isDirectory(several)) {
      try (DirectoryStream<Path> found = Files.newDirectoryStream(several, "*.jinja")) {
        for (Path file : found) {
          String name = file.getFileName().toString();
          files.put(name.substring(0, name.length() - ".jinja".length()), new Source(file.toString(), read(file)));
        }
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(several, e);
      }
    }
    return files;
  }

  private static Optional<Source> configured(Path config) {
    if (!Files.isRegularFile(config)) {
      return Optional.empty();
    }
    JsonNode template = Json.readPython(config).path("chat_template");
    if (template.isMissingNode() || template.isNull()) {
      return Optional.empty();
    }
    if (template.isTextual()) {
      return Optional.of(new Source(config + ": chat_template", template.textValue()));
    }
    Map<String, Source> named = new TreeMap<>();
    if (template.isObject()) {
      for (Map.Entry<String, JsonNode> entry : template.properties()) {
        put(named, config, entry.getKey(), entry.getValue().textValue());
      }
    } else {
      for (JsonNode each : template) {
        put(named, config, each.path("name").textValue(), each.path("template").textValue());
      }
    }
    return Optional.of(byDefault(config, named));
  }

  private static void put(Map<String, Source> named, Path config, String name, String text) {
    if (name == null || text == null) {
      throw UserException.badData(config + ": chat_template: each of several templates needs a name and a text");
    }
    named.put(name, new Source("%s: chat_template '%s'".formatted(config, name), text));
  }

  /** @throws UserException it is not there, or no text in UTF-8 */
  static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw UserException.badConfig(
          file + ": no such chat template file", "inference.chat_template is auto, none or the name of a Jinja file");
    } catch (CharacterCodingException e) {
      throw UserException.badData(file + ": the chat template is not in UTF-8");
    } catch (IOException e) {
      throw UserException.badConfig(file + ": the chat template cannot be read", "give the name of a Jinja file");
    }
  }
}
