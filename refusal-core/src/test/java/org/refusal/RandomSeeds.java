package org.refusal;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.Method;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.support.ParameterDeclarations;
import org.refusal.base.Seeds;

/**
 * A property that holds for random data: a test method with one parameter, the {@code long} seed. {@code -Dtest.seed=N} begins
 * with seed N (without it: 1), {@code -Dtest.repeat=K} runs K times as many seeds. A failure names the seed.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest(name = "seed {0}")
@ArgumentsSource(RandomSeeds.Source.class)
@ExtendWith(RandomSeeds.Report.class)
public @interface RandomSeeds {
  /** Seeds that one run of the suite tries. */
  int value() default 1;

  /** The first is the one asked for, so that a seed that failed is the first to be tried again. */
  final class Source implements ArgumentsProvider {
    @Override
    public Stream<? extends Arguments> provideArguments(ParameterDeclarations parameters, ExtensionContext context) {
      int count = context.getRequiredTestMethod().getAnnotation(RandomSeeds.class).value();
      return seeds(Long.getLong("test.seed", 1), count * Integer.getInteger("test.repeat", 1)).mapToObj(Arguments::of);
    }

    static LongStream seeds(long first, int count) {
      return IntStream.range(0, count).mapToLong(i -> i == 0 ? first : Seeds.derive(first, Integer.toString(i)));
    }
  }

  /** Says how to run what failed again. */
  final class Report implements InvocationInterceptor {
    @Override
    public void interceptTestTemplateMethod(
        Invocation<Void> invocation, ReflectiveInvocationContext<Method> call, ExtensionContext context) throws Throwable {
      try {
        invocation.proceed();
      } catch (AssertionError | Exception failure) {
        throw new AssertionError(
            "seed %s (again: -Dtest=%s#%s -Dtest.seed=%s): %s"
                .formatted(
                    call.getArguments().get(0), call.getTargetClass().getSimpleName(), call.getExecutable().getName(),
                    call.getArguments().get(0), failure.getMessage()),
            failure);
      }
    }
  }
}
