/**
 * How autoencoders are trained (docs/autoencoders.md): tokens in an order of the seed, the steps on CPUs and on a device, dead latents,
 * the state that training goes on from bit for bit, and the original project's training. What an autoencoder is and how it is
 * stored is in {@link org.refusal.sae}.
 */
package org.refusal.train;
