/** Causal evaluation on held-out prompts: circuits, transfer between categories, decision profile (METHODS 8 and 9). */
package org.refusal.evaluation;
