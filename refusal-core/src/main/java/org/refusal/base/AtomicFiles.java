package org.refusal.base;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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

  /** A device or pipe that stands there ({@code /dev/null}) is written as it is, and stays what it is. */
  public static void write(Path file, StreamWriter writer) {
    if (isDevice(file)) {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file, StandardOpenOption.WRITE), 1 << 16)) {
        writer.writeTo(out);
      } catch (IOException e) {
        throw cannotWrite(file, e);
      }
      return;
    }
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

  /**
   * Hands the writer a name beside the final one; when it returns, that file is forced to disk and renamed. A link stays, and the file
   * that it names is written.
   */
  public static void writeFile(Path file, FileWriter writer) {
    Path absolute = target(file);
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

  private static boolean isDevice(Path file) {
    return Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file);
  }

  /** Where the file goes: what a link names, else itself. */
  private static Path target(Path file) {
    if (isDevice(file)) {
      throw cannotWrite(file, "a device or pipe stands there");
    }
    if (Files.isDirectory(file)) {
      throw cannotWrite(file, "a folder stands there");
    }
    try {
      return Files.isSymbolicLink(file) && Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
    } catch (IOException e) {
      throw cannotWrite(file, e);
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

  private static UserException cannotWrite(Path file, String why) {
    return UserException.environment(file + ": cannot be written: " + why, "give the name of a file");
  }

  /** The one line a user sees when a file or folder that is there cannot be read. */
  public static UserException cannotRead(Path file, IOException e) {
    return new UserException(
        ExitCode.ENVIRONMENT, file + ": cannot be read: " + reason(e), "check that you may read it", e);
  }

  /** Why there is no file of the name to read: none, a folder, a link to nothing, or a folder that may not be entered. */
  public static String missing(Path file) {
    if (Files.isDirectory(file)) {
      return "a folder, not a file";
    }
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null && Files.isDirectory(folder) && !Files.isExecutable(folder)) {
      return "not to be seen: permission denied for its folder";
    }
    return Files.isSymbolicLink(file) ? "a link to something that is not there" : "no such file";
  }

  /** What the file system says, in a few words and without the name of a class. */
  public static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NotDirectoryException || e instanceof FileAlreadyExistsException) {
      return "a file stands where a folder is needed";
    }
    if (e instanceof NoSuchFileException) {
      return "no such file or folder";
    }
    if (e instanceof DirectoryNotEmptyException) {
      return "a folder stands there, with something in it";
    }
    if (e instanceof FileSystemLoopException) {
      return "links that lead in a circle";
    }
    if (e instanceof FileSystemException fileSystem) {
      return fileSystem.getReason() == null ? "the file system refuses it" : fileSystem.getReason();
    }
    return e.getMessage() == null ? "the system does not say why" : e.getMessage().lines().findFirst().orElse("");
  }

  private static void discard(Path partial, Throwable cause) {
    try {
      Files.deleteIfExists(partial);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }
}
