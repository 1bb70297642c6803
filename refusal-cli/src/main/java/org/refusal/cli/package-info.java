/** The command line: reads arguments, shows progress and errors, and chooses the exit code. No science here. */
package org.refusal.cli;
