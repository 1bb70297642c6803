/**
 * The engine: what a stage is, what it needs, and what can be skipped. {@link org.refusal.run.StageRunner} runs one stage,
 * {@link org.refusal.run.Pipeline} several in order; {@link org.refusal.run.ResultLayout} says where results lie, {@link
 * org.refusal.run.RunManifest} what made them, {@link org.refusal.run.Lineage} whether they are still what they were made from.
 *
 * <p>No stage is known here: the list of stages is handed in.
 */
package org.refusal.run;
