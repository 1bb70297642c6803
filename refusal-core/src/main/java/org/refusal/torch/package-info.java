/** What the engine needs beyond DJL: operations it lacks, gradients, devices, memory. DJL types appear from here on. */
package org.refusal.torch;
