/** What a sparse feature circuit is: hook points, nodes, edges, and its file. Pure values, no tensors. */
package org.refusal.circuit;
