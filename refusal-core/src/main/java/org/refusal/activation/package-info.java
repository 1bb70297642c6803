/** Activations on disk: written by collect, read by whoever needs them. */
package org.refusal.activation;
