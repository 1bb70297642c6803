package org.refusal.base;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Optional;
import java.util.Set;

/**
 * Names that people give, as parts of file names. Small letters, digits, {@code - _ .} and blanks inside stay as they are;
 * everything else is written as its bytes in UTF-8, {@code %XX} each, as in web addresses: capitals (some file systems do not tell
 * them from small letters), separators, dots and blanks at either end, the first letter of names that Windows keeps for devices.
 * {@link #read} gives the name back. A result longer than {@value #LONGEST} bytes is cut and ends in {@code %~} and 16 digits of
 * the SHA-256 of the name. Different names never give the same file name, whatever the case.
 */
public final class FileNames {
  private static final int LONGEST = 96;
  private static final int KEPT = 64;
  private static final String CUT = "%~";
  private static final Set<String> DEVICES = Set.of("con", "prn", "aux", "nul");

  private FileNames() {}

  /** The name as part of a file name. */
  public static String of(String name) {
    StringBuilder written = new StringBuilder();
    for (int i = 0; i < name.length(); i += Character.charCount(name.codePointAt(i))) {
      int c = name.codePointAt(i);
      int end = i + Character.charCount(c);
      boolean edge = i == 0 || end == name.length();
      boolean device = i == 0 && isDevice(name);
      if (!device && (isPlain(c) || (!edge && (c == '.' || c == ' ')))) {
        written.appendCodePoint(c);
      } else {
        written.append(escaped(Character.toString(c)));
      }
    }
    return shortened(written.toString(), name);
  }

  /** What the name was; empty if it was too long to stand there whole, or if this is no name that {@link #of} gives. */
  public static Optional<String> read(String written) {
    byte[] bytes = written.getBytes(StandardCharsets.UTF_8);
    byte[] name = new byte[bytes.length];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != '%') {
        name[length++] = bytes[i];
        continue;
      }
      if (i + 2 >= bytes.length || Character.digit(bytes[i + 1], 16) < 0 || Character.digit(bytes[i + 2], 16) < 0) {
        return Optional.empty();
      }
      name[length++] = (byte) (Character.digit(bytes[i + 1], 16) * 16 + Character.digit(bytes[i + 2], 16));
      i += 2;
    }
    return Optional.of(new String(name, 0, length, StandardCharsets.UTF_8));
  }

  /** Characters that no file system may have in a name, or takes for something else, as {@code %XX}; all others stay. */
  public static String withoutForbidden(String name) {
    StringBuilder written = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean edge = i == 0 || i == name.length() - 1;
      boolean forbidden = Character.isISOControl(c) || "%/\\:*?\"<>|".indexOf(c) >= 0 || (edge && c == '.');
      written.append(forbidden || (i == 0 && isDevice(name)) ? escaped(String.valueOf(c)) : String.valueOf(c));
    }
    return shortened(written.toString(), name);
  }

  /** A text as {@code %XX} for every byte. */
  public static String escaped(String text) {
    StringBuilder written = new StringBuilder();
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      written.append('%').append("0123456789ABCDEF".charAt(each >> 4 & 15)).append("0123456789ABCDEF".charAt(each & 15));
    }
    return written.toString();
  }

  private static boolean isPlain(int c) {
    if (c < 128) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    String text = Character.toString(c);
    return Character.isLetterOrDigit(c)
        && Character.toLowerCase(Character.toUpperCase(c)) == c
        && Normalizer.isNormalized(text, Normalizer.Form.NFKC);
  }

  private static boolean isDevice(String name) {
    String stem = name.toLowerCase(java.util.Locale.ROOT).replaceFirst("[. ].*", "");
    return DEVICES.contains(stem) || stem.matches("(?:com|lpt)[0-9]");
  }

  private static String shortened(String written, String name) {
    if (written.getBytes(StandardCharsets.UTF_8).length <= LONGEST) {
      return written;
    }
    StringBuilder kept = new StringBuilder();
    int bytes = 0;
    for (int i = 0; i < written.length(); ) {
      int c = written.codePointAt(i);
      int end = c == '%' ? i + 3 : i + Character.charCount(c);
      String piece = written.substring(i, end);
      bytes += piece.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > KEPT) {
        break;
      }
      kept.append(piece);
      i = end;
    }
    return kept + CUT + Digests.sha256(name).substring(0, 16);
  }
}
