package org.refusal.io;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DatabindException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.CharConversionException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;

/**
 * JSON in and out. Objects are written with two blanks of indent, keys in the order in which they were put, a line
 * feed at the end, and the same text on every machine. Numbers that are not finite are written as the strings
 * {@code "NaN"}, {@code "Infinity"}, {@code "-Infinity"} by those who have them; plain NaN is not JSON.
 */
public final class Json {
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER) // the shortest digits; Java's own differ before and after 19
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
          .build();
  private static final DefaultPrettyPrinter PRINTER =
      new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));

  /** The library's lists of what it would have taken. */
  private static final Pattern EXPECTED =
      Pattern.compile(": (?:(?:was expecting|expected a valid value) \\(.*|only regular white space .*|has to be escaped .*)");

  private static final Pattern SOURCE = Pattern.compile("\\[Source:.*?line: (\\d+), column: (\\d+)]");

  private Json() {}

  public static ObjectMapper mapper() {
    return MAPPER;
  }

  /** Reads a file; one that is empty, cut off or no JSON is bad data, named with its place. */
  public static JsonNode read(Path file) {
    JsonNode node;
    try {
      node = MAPPER.readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      throw damaged("%s: not valid JSON: %s".formatted(place(file.toString(), e), reason(e)));
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    } catch (CharConversionException e) {
      throw damaged(file + ": not valid JSON: its bytes are no Unicode text");
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
    if (node == null || node.isMissingNode() || node.isNull()) {
      throw damaged(file + ": empty, no JSON in it");
    }
    return node;
  }

  /** Reads a file of Python's json, which writes numbers that are not finite as bare NaN and Infinity. */
  public static JsonNode readPython(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      JsonNode node =
          bytes.length == 0
              ? null
              : MAPPER.readerFor(JsonNode.class).with(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).readValue(bytes);
      if (node == null || node.isMissingNode() || node.isNull()) {
        throw damaged(file + ": empty, no JSON in it");
      }
      return node;
    } catch (JsonProcessingException e) {
      throw damaged("%s: not valid JSON: %s".formatted(place(file.toString(), e), reason(e)));
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    } catch (CharConversionException e) {
      throw damaged(file + ": not valid JSON: its bytes are no Unicode text");
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
  }

  /** Reads a file into a type that Jackson knows how to make; the message names the place of what does not fit. */
  public static <T> T read(Path file, Class<T> type) {
    JsonNode node = read(file);
    try {
      return MAPPER.treeToValue(node, type);
    } catch (UnrecognizedPropertyException e) {
      throw damaged("%s: not the file that is expected here: unknown key '%s'".formatted(file, e.getPropertyName()));
    } catch (ValueInstantiationException e) {
      throw damaged(file + ": not the file that is expected here: a key that it needs is missing, or its value is not possible");
    } catch (JsonMappingException e) {
      String path =
          e.getPath().stream()
              .map(step -> step.getFieldName() == null ? "[" + step.getIndex() + "]" : step.getFieldName())
              .collect(Collectors.joining("."));
      throw damaged(
          "%s: not the file that is expected here: %s".formatted(
              file, path.isEmpty() ? "another kind of JSON value" : "the value of '" + path + "' does not fit"));
    } catch (JsonProcessingException e) {
      throw damaged(file + ": not the file that is expected here: " + reason(e));
    }
  }

  /** A file that is there but not what it should be. */
  public static UserException damaged(String message) {
    return UserException.badData(
        message, "run the stage that writes it again (it notices the damage), or fetch it again if it came from elsewhere");
  }

  /** {@code FILE:LINE:COL}, or the file alone where the library does not say where it stopped. */
  public static String place(String file, JsonProcessingException e) {
    JsonLocation at = e.getLocation();
    return at == null || at.getLineNr() < 1 ? file : "%s:%d:%d".formatted(file, at.getLineNr(), at.getColumnNr());
  }

  /** What is wrong with a JSON text, in one line without names of the library. */
  public static String reason(JsonProcessingException e) {
    if (e instanceof JsonEOFException) {
      return "it ends in the middle; was it cut off?";
    }
    if (e instanceof StreamConstraintsException) {
      return e.getOriginalMessage().contains("depth") ? "it is nested too deep" : "a number or text in it is too long";
    }
    if (e instanceof DatabindException) {
      return e.getOriginalMessage().startsWith("Trailing token")
          ? "there is more after the first value"
          : "another kind of JSON value than is expected here";
    }
    String message = e.getOriginalMessage().lines().findFirst().orElse("unreadable");
    if (message.startsWith("Non-standard token")) {
      return message.replaceFirst("Non-standard token '(.*?)'.*", "$1 is no number of JSON");
    }
    String plain = EXPECTED.matcher(message).replaceFirst("").replaceFirst("\\(\\(CTRL-CHAR, (code \\d+)\\)\\)", "($1)");
    return SOURCE.matcher(plain).replaceAll("line $1, column $2");
  }

  public static String toText(Object value) {
    try {
      return MAPPER.writer(PRINTER).writeValueAsString(value) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot be written as JSON: " + value.getClass(), e);
    }
  }

  /** Writes whole or not at all. */
  public static void write(Path file, Object value) {
    AtomicFiles.writeString(file, toText(value));
  }
}
