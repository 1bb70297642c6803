/**
 * What can be said before anything is computed: of the machine, of the config, of the model and its memory, and of the metric m
 * on answers that lie there already.
 */
package org.refusal.doctor;
