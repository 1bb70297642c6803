package org.refusal.torch;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import ai.djl.util.Utils;
import java.io.File;
import org.refusal.base.ExitCode;
import org.refusal.base.NativeSurroundings;
import org.refusal.base.TemporaryFolder;
import org.refusal.base.UserException;

/**
 * Starts libtorch, once per process, from the native library on the class path (or from the folder in
 * {@code PYTORCH_LIBRARY_PATH}). Nothing is fetched and nothing is reported to anyone: the switches that DJL has for
 * that are set before it is touched.
 */
public final class TorchRuntime {
  private static final String OWN_LIBRARY = NativeSurroundings.OWN_LIBRARY;

  private static Engine engine;

  private TorchRuntime() {}

  /** Starts the engine if it is not running; the first call takes about a second. */
  public static synchronized Engine start() {
    if (engine == null) {
      stayOffline();
      NativeSurroundings.requireOwnVariables(System.getenv());
      NativeSurroundings.requireCache(System.getenv(), "pytorch");
      chooseLibrary();
      try {
        engine = Engine.getEngine("PyTorch");
      } catch (EngineException | LinkageError | IllegalStateException e) {
        TemporaryFolder.require();
        String why = NativeSurroundings.whyNoCache(System.getenv());
        throw new UserException(
            ExitCode.ENVIRONMENT,
            "libtorch does not start: " + (why == null ? rootMessage(e) : why),
            why == null
                ? "check that $DJL_CACHE_DIR (default ~/.djl.ai) is writable and has 1 GB free, or set"
                    + " PYTORCH_LIBRARY_PATH and PYTORCH_FLAVOR to a libtorch 2.5.1 of this machine"
                : NativeSurroundings.CACHE_ADVICE,
            e);
      }
    }
    return engine;
  }

  private static void chooseLibrary() {
    String own = System.getenv(OWN_LIBRARY);
    if (own != null && !own.isEmpty()) {
      requireLibrary(own);
    } else {
      GpuNatives natives = GpuNatives.find(TorchRuntime.class.getClassLoader());
      if (natives != null) {
        natives.prepare();
      }
    }
  }

  /** DJL takes the library on the class path when it finds none where it was told to look; that is never what was meant. */
  private static void requireLibrary(String folder) {
    File[] libraries = new File(folder).listFiles((there, name) -> name.contains("torch_cpu."));
    if (libraries == null || libraries.length == 0) {
      throw UserException.environment(
          "$%s: there is no libtorch in %s".formatted(OWN_LIBRARY, folder),
          "name the folder that holds libtorch_cpu.so of a libtorch 2.5.1, or unset the variable");
    }
    OwnLibrary.requireVersion(libraries[0].toPath(), NativeSurroundings.LIBTORCH);
  }

  /** Keeps DJL and its tokenizers from the network. Called by {@link #start}; earlier where they are used before. */
  public static void stayOffline() {
    setIfAbsent("DJL_OFFLINE", "true");
    setIfAbsent("ai.djl.offline", "true");
    setIfAbsent("OPT_OUT_TRACKING", "true");
    setIfAbsent("RUST_FLAVOR", "cpu");
    setIfAbsent("ai.djl.pytorch.graph_optimizer", "false");
  }

  /** The version of libtorch, such as {@code 2.5.1}. */
  public static String version() {
    return start().getVersion();
  }

  /** The folder that libtorch was loaded from. */
  public static String libraryPath() {
    start();
    return LibUtils.getLibtorchPath();
  }

  /** Whether this libtorch is known to be made for GPUs, be there one or not. */
  static boolean isForGpus() {
    String flavor = Utils.getEnvOrSystemProperty("PYTORCH_FLAVOR");
    return flavor != null && flavor.startsWith("cu");
  }

  /** Threads that one operation may use. */
  public static int threads() {
    start();
    return JniUtils.getNumThreads();
  }

  /** Sets the number of threads that one operation may use. */
  public static void setThreads(int threads) {
    if (threads < 1) {
      throw UserException.badConfig("threads: " + threads + " is less than 1");
    }
    start();
    JniUtils.setNumThreads(threads);
  }

  private static void setIfAbsent(String key, String value) {
    if (System.getProperty(key) == null && System.getenv(key) == null) {
      System.setProperty(key, value);
    }
  }

  private static String rootMessage(Throwable thrown) {
    Throwable root = thrown;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    String message = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
    return message.lines().findFirst().orElse(message);
  }
}
