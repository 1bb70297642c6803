/** The stages of the pipeline: what each answers, reads and writes. */
package org.refusal.stage;
