/** One record per YAML file, and how YAML becomes one. Every key, its meaning and its default stand in the records. */
package org.refusal.config;
