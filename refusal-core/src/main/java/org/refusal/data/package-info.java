/**
 * Prompts: where they come from, how they are balanced, split and counted.
 *
 * <p>Files read: the three OR-Bench files {@code or-bench-80k.csv} (safe), {@code or-bench-hard-1k.csv} (hard: safe but
 * borderline) and {@code or-bench-toxic.csv} (toxic) of one folder (Cui et al. 2024, arXiv 2405.20947). RFC 4180 in
 * UTF-8, a byte order mark is ignored, the first record names the columns; {@code prompt} and {@code category} are
 * read, in any order, others are ignored. Records are numbered from 1, the first after the header.
 */
package org.refusal.data;
