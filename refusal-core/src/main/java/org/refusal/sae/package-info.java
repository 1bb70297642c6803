/** Top-k sparse autoencoders: the map between activations and latents, its training, its files. */
package org.refusal.sae;
