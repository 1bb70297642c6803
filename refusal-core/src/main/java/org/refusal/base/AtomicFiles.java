package org.refusal.base;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that are there whole or not at all: written beside their final name, forced to disk, then renamed. A process
 * killed at any point leaves the old file or none, and at most a file whose name ends in {@value #PARTIAL_SUFFIX}.
 */
public final class AtomicFiles {
  public static final String PARTIAL_SUFFIX = ".partial";

  private AtomicFiles() {}

  /** Writes to an open stream. */
  @FunctionalInterface
  public interface StreamWriter {
    void writeTo(OutputStream out) throws IOException;
  }

  /** Writes a file of the given name. */
  @FunctionalInterface
  public interface FileWriter {
    void writeTo(Path partial) throws IOException;
  }

  public static void write(Path file, StreamWriter writer) {
    writeFile(file, partial -> {
      try (OutputStream out =
          new BufferedOutputStream(
              Channels.newOutputStream(
                  FileChannel.open(
                      partial,
                      StandardOpenOption.CREATE,
                      StandardOpenOption.TRUNCATE_EXISTING,
                      StandardOpenOption.WRITE)),
              1 << 16)) {
        writer.writeTo(out);
      }
    });
  }

  public static void writeString(Path file, String text) {
    write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Hands the writer a name beside the final one; when it returns, that file is forced to disk and renamed. */
  public static void writeFile(Path file, FileWriter writer) {
    Path absolute = file.toAbsolutePath();
    Path partial = absolute.resolveSibling(absolute.getFileName() + PARTIAL_SUFFIX);
    try {
      Files.createDirectories(absolute.getParent());
      writer.writeTo(partial);
      try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(partial, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      discard(partial, e);
      throw cannotWrite(file, e);
    } catch (RuntimeException | Error e) {
      discard(partial, e);
      throw e;
    }
  }

  /** The one line a user sees when a file cannot be written, with the reason that the file system gave. */
  public static UserException cannotWrite(Path file, IOException e) {
    return new UserException(
        ExitCode.ENVIRONMENT,
        file + ": cannot be written: " + reason(e),
        "check that the folder exists, is writable and has space left",
        e);
  }

  /** The one line a user sees when a file or folder that is there cannot be read. */
  public static UserException cannotRead(Path file, IOException e) {
    return new UserException(
        ExitCode.ENVIRONMENT, file + ": cannot be read: " + reason(e), "check that you may read it", e);
  }

  /** What the file system says, in a few words and without the name of a class. */
  public static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NotDirectoryException || e instanceof FileAlreadyExistsException) {
      return "a file stands where a folder is needed";
    }
    return e instanceof FileSystemException fileSystem && fileSystem.getReason() != null
        ? fileSystem.getReason()
        : String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName());
  }

  private static void discard(Path partial, Throwable cause) {
    try {
      Files.deleteIfExists(partial);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }
}
