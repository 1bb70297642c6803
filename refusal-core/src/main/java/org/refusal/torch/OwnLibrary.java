package org.refusal.torch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.base.AtomicFiles;
import org.refusal.base.NativeSurroundings;
import org.refusal.base.UserException;

/**
 * A libtorch that the site brings. One of another version would end the process while it is loaded, so that its version is looked
 * at first: in the files that PyTorch and libtorch put beside it, else in the library itself, which holds its number as a text.
 */
final class OwnLibrary {
  private static final Pattern NUMBER = Pattern.compile("(\\d+\\.\\d+\\.\\d+)");
  private static final int WINDOW = 1 << 28;

  private OwnLibrary() {}

  /**
   * @param library {@code libtorch_cpu} in its folder
   * @throws UserException of the environment: it is of another version
   */
  static void requireVersion(Path library, String version) {
    String found = stated(library.toAbsolutePath().getParent());
    boolean right = found == null ? holds(library, version) : found.equals(version);
    if (!right) {
      throw UserException.environment(
          "$%s: the libtorch in %s is %s, and %s is needed"
              .formatted(
                  NativeSurroundings.OWN_LIBRARY, library.getParent(), found == null ? "of another version" : found, version),
          "name the folder of a libtorch " + version + ", or unset the variable: refusal brings its own");
    }
  }

  /** As {@code torch/version.py} or {@code libtorch/build-version} beside the folder says; null without them. */
  private static String stated(Path folder) {
    for (String name : new String[] {"version.py", "build-version"}) {
      Path file = folder.resolveSibling(name);
      if (Files.isRegularFile(file)) {
        Matcher number = NUMBER.matcher(read(file));
        if (number.find()) {
          return number.group(1);
        }
      }
    }
    return null;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
  }

  /** Whether the text stands in the file between two zero bytes, as a constant of C does. */
  private static boolean holds(Path library, String version) {
    byte[] wanted = ('\0' + version + '\0').getBytes(StandardCharsets.US_ASCII);
    try (FileChannel file = FileChannel.open(library)) {
      for (long from = 0; from < file.size(); from += WINDOW) {
        long length = Math.min(file.size() - from, (long) WINDOW + wanted.length - 1);
        if (holds(file.map(FileChannel.MapMode.READ_ONLY, from, length), wanted)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(library, e);
    }
  }

  private static boolean holds(ByteBuffer bytes, byte[] wanted) {
    for (int i = 0; i <= bytes.limit() - wanted.length; i++) {
      if (bytes.get(i + 1) == wanted[1] && bytes.get(i) == 0) {
        int same = 2;
        while (same < wanted.length && bytes.get(i + same) == wanted[same]) {
          same++;
        }
        if (same == wanted.length) {
          return true;
        }
      }
    }
    return false;
  }
}
