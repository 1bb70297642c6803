package org.refusal.torch;

import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;

/**
 * The one call for which DJL 0.32 has no public method: running a function of a TorchScript module with arbitrary
 * arguments and without its inference guard, under which every result would be an inference tensor that can never take
 * part in a graph. (The public call with arbitrary arguments sets the guard; the one without the guard takes tensors
 * only.) Reached by reflection; a test fails if another version of DJL moves it.
 */
final class Native {
  private static final MethodHandle RUN_METHOD;
  private static final MethodHandle NEW_VALUE;
  private static final ThreadLocal<Boolean> PREPARED = ThreadLocal.withInitial(() -> false);

  static {
    try {
      Class<?> library = Class.forName("ai.djl.pytorch.jni.PyTorchLibrary");
      Field instance = library.getDeclaredField("LIB");
      instance.setAccessible(true);
      Method method =
          library.getDeclaredMethod(
              "moduleRunMethod", long.class, String.class, long[].class, boolean.class, boolean.class);
      method.setAccessible(true);
      RUN_METHOD = MethodHandles.lookup().unreflect(method).bindTo(instance.get(null));
      Constructor<IValue> constructor = IValue.class.getDeclaredConstructor(long.class);
      constructor.setAccessible(true);
      NEW_VALUE =
          MethodHandles.lookup()
              .unreflectConstructor(constructor)
              .asType(MethodType.methodType(IValue.class, long.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private Native() {}

  /** Both are settings of the thread: graphs are off unless recording, functions run as written without warm-up. */
  static void prepareThread() {
    if (!PREPARED.get()) {
      JniUtils.setGraphExecutorOptimize(false);
      JniUtils.setGradMode(Autograd.isRecording());
      PREPARED.set(true);
    }
  }

  static IValue run(PtSymbolBlock module, String function, long[] arguments) {
    try {
      long handle = (long) RUN_METHOD.invoke(module.getHandle().longValue(), function, arguments, true, false);
      return (IValue) NEW_VALUE.invoke(handle);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
