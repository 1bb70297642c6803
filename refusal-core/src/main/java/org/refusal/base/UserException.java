package org.refusal.base;

import java.util.Optional;

/**
 * A failure that the user can mend. The message is one line that says where and what is wrong; the advice, if there is
 * one, is one further line that says what to do. Neither ever contains a token or a password.
 */
public final class UserException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ExitCode exitCode;
  private final String advice;

  public UserException(ExitCode exitCode, String message) {
    this(exitCode, message, null, null);
  }

  public UserException(ExitCode exitCode, String message, String advice) {
    this(exitCode, message, advice, null);
  }

  public UserException(ExitCode exitCode, String message, String advice, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
    this.advice = advice;
  }

  public static UserException usage(String message, String advice) {
    return new UserException(ExitCode.USAGE, message, advice);
  }

  public static UserException badData(String message) {
    return new UserException(ExitCode.BAD_DATA, message);
  }

  public static UserException badData(String message, String advice) {
    return new UserException(ExitCode.BAD_DATA, message, advice);
  }

  public static UserException badConfig(String message) {
    return new UserException(ExitCode.BAD_CONFIG, message);
  }

  public static UserException badConfig(String message, String advice) {
    return new UserException(ExitCode.BAD_CONFIG, message, advice);
  }

  public static UserException environment(String message, String advice) {
    return new UserException(ExitCode.ENVIRONMENT, message, advice);
  }

  public ExitCode exitCode() {
    return exitCode;
  }

  public Optional<String> advice() {
    return Optional.ofNullable(advice);
  }
}
