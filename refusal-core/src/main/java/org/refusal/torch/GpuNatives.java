package org.refusal.torch;

import ai.djl.util.Utils;
import com.sun.jna.NativeLibrary;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import org.refusal.base.UserException;

/**
 * The libtorch for NVIDIA GPUs that a build brings along ({@code -Pcuda}), unpacked and shown to DJL. Left to itself, DJL
 * takes it only where a CUDA toolkit of the same release is installed, since it asks the toolkit's runtime for the GPUs;
 * here it asks the runtime that came with libtorch, so that a driver is all that a node needs. Without a driver the CPU
 * is there. cuDNN and the linear algebra for GPUs, which no stage calls, stay packed: a gigabyte less.
 */
final class GpuNatives {
  private static final String PROPERTIES = "native/lib/pytorch.properties";

  /** The one library that needs the driver to be loaded, and that no other one needs. */
  private static final String NEEDS_DRIVER = "libcaffe2_nvrtc.so";

  private static final List<String> LEFT_OUT = List.of("libcudnn_", "libtorch_cuda_linalg");

  private static final String LIBRARIES = "lib";
  private static final String WITHOUT_DRIVER = "without-driver";
  private static final String RUNTIME = "runtime";

  private final String flavor;
  private final String version;
  private final String classifier;
  private final List<String> libraries;

  private final ClassLoader classPath;

  private GpuNatives(Properties properties, ClassLoader classPath) {
    this.classPath = classPath;
    flavor = properties.getProperty("flavor", "");
    version = properties.getProperty("version", "");
    classifier = properties.getProperty("classifier", "");
    libraries =
        List.of(properties.getProperty("libraries", "").split(",")).stream()
            .filter(library -> LEFT_OUT.stream().noneMatch(library::startsWith))
            .toList();
  }

  /** What is on the class path; null if that is for CPUs, for another system than Linux, or nothing. */
  static GpuNatives find(ClassLoader classPath) {
    Properties properties = new Properties();
    try (InputStream in = classPath.getResourceAsStream(PROPERTIES)) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new IllegalStateException(PROPERTIES + " on the class path cannot be read", e);
    }
    GpuNatives natives = new GpuNatives(properties, classPath);
    return natives.flavor.startsWith("cu") && natives.classifier.startsWith("linux") ? natives : null;
  }

  /** Unpacks the libraries unless they are there already, and tells DJL where they are. To be called before DJL starts. */
  void prepare() {
    Path folder = unpacked(Utils.getEngineCacheDir("pytorch"));
    System.setProperty("PYTORCH_LIBRARY_PATH", folder.resolve(hasDriver() ? LIBRARIES : WITHOUT_DRIVER).toString());
    System.setProperty("PYTORCH_VERSION", version.replaceAll("-.*", ""));
    System.setProperty("PYTORCH_FLAVOR", flavor);
    String others = System.getProperty("jna.library.path");
    System.setProperty("jna.library.path", folder.resolve(RUNTIME) + (others == null ? "" : File.pathSeparator + others));
  }

  /** The folder of the libraries below a cache; whole or not there. */
  Path unpacked(Path cache) {
    Path folder = cache.resolve("refusal-%s-%s-%s".formatted(version, flavor, classifier));
    if (!Files.isDirectory(folder)) {
      unpack(folder);
    }
    return folder;
  }

  private static boolean hasDriver() {
    try {
      NativeLibrary.getInstance("libcuda.so.1");
      return true;
    } catch (UnsatisfiedLinkError e) {
      return false;
    }
  }

  private void unpack(Path folder) {
    Path parent = folder.getParent();
    Path work = parent.resolve("%s.%s".formatted(folder.getFileName(), UUID.randomUUID()));
    try {
      Files.createDirectories(work);
      removeAbandoned(folder);
      Path all = Files.createDirectory(work.resolve(LIBRARIES));
      Path withoutDriver = Files.createDirectory(work.resolve(WITHOUT_DRIVER));
      Path runtime = Files.createDirectory(work.resolve(RUNTIME));
      for (String library : libraries) {
        String resource = "pytorch/%s/%s/%s".formatted(flavor, classifier, library);
        try (InputStream in = classPath.getResourceAsStream(resource)) {
          if (in == null) {
            throw new IllegalStateException("missing from the class path: " + resource);
          }
          Files.copy(in, all.resolve(library));
        }
        if (!library.equals(NEEDS_DRIVER)) {
          link(withoutDriver.resolve(library), library);
        }
        if (library.startsWith("libcudart")) { // by the name that DJL looks for
          link(runtime.resolve("libcudart.so"), library);
        }
      }
      Files.move(work, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileSystemException e) {
      if (!Files.isDirectory(folder)) { // another process was not first either
        throw cannotUnpack(parent, e);
      }
    } catch (IOException e) {
      throw cannotUnpack(parent, e);
    } finally {
      Utils.deleteQuietly(work);
    }
  }

  /** What an unpacking that was killed has left; another may be under way, so only what is older than an hour. */
  private static void removeAbandoned(Path folder) throws IOException {
    Instant limit = Instant.now().minus(Duration.ofHours(1));
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder.getParent(), folder.getFileName() + ".*")) {
      for (Path work : all) {
        if (Files.getLastModifiedTime(work).toInstant().isBefore(limit)) {
          Utils.deleteQuietly(work);
        }
      }
    }
  }

  private static void link(Path link, String library) throws IOException {
    Files.createSymbolicLink(link, Path.of("..", LIBRARIES, library));
  }

  private static UserException cannotUnpack(Path parent, IOException e) {
    return UserException.environment(
        "libtorch cannot be unpacked in %s: %s".formatted(parent, e.getMessage()),
        "3 GB are needed there; $DJL_CACHE_DIR names another folder");
  }
}
