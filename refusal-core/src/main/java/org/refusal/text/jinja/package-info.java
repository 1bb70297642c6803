/**
 * Jinja templates rendered as jinja2 3.1.6 renders them in the environment that transformers sets up for chat templates:
 * an immutable sandbox with trim_blocks, lstrip_blocks, break and continue, the tag {@code generation}, transformers' own
 * {@code tojson}, {@code raise_exception} and {@code strftime_now}. Values behave as Python's. Reading the source
 * ({@link org.refusal.text.jinja.JinjaTemplate#parse}) refuses by name, with the line, whatever is not known to give the
 * same text; rendering has bounds on work, depth and size. No Java is reachable from a template.
 *
 * <p>Sources: the template designer documentation of Jinja 3.1 (jinja.palletsprojects.com), the library reference of
 * Python 3, and texts made with jinja2 that are committed beside the tests.
 *
 * <p>Values: String (counted in code points), BigInteger, Double, Boolean, {@code None}, List (Python's list), and the
 * records and classes of this package.
 */
package org.refusal.text.jinja;
