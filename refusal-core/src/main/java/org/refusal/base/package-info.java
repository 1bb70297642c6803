/** Errors, atomic files, digests, progress and seeds: what every other package may use. */
package org.refusal.base;
