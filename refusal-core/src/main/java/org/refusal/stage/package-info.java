/**
 * The stages of the pipeline and their order. A stage reads its config, asks the rooms below, and writes the files; what has a
 * formula, a file format or a figure lives in the room of its trade. {@code docs/stages.md} describes the stages one by one.
 */
package org.refusal.stage;
