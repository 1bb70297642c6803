/** Files as the rest of the toolkit sees them: safetensors, CSV and JSON. */
package org.refusal.io;
