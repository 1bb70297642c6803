/** Where results lie, what made them, and what can be skipped: layout, manifests, keys. */
package org.refusal.run;
