/** Llama-family decoders as plain tensor code with hooks between the layers. */
package org.refusal.model;
