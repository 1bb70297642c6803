package org.refusal.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Documents a config key and gives its default. Stands on a component of a config record; the YAML key is the
 * component's name in snake case. Keys whose component is itself a record are sections and need only {@link #doc}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Key {
  /** One or two sentences: what the key does, unit, source. */
  String doc();

  /** The default as it would stand in YAML; {@link #NONE} when the key must be given, {@link #EMPTY} for null. */
  String def() default NONE;

  /** Values allowed, for texts; empty when any text is. */
  String[] choices() default {};

  /** Command-line options for the key, e.g. {@code --dataset-dir}; {@code --set} reaches every key without. */
  String[] options() default {};

  /** Whether a text may be empty; elsewhere an empty one is a variable of the shell that was not set. */
  boolean mayBeEmpty() default false;

  /** True when the key does not change any result: device, threads, folders. Such keys are no part of a stage key. */
  boolean neutral() default false;

  String NONE = "\0required";
  String EMPTY = "\0null";
}
