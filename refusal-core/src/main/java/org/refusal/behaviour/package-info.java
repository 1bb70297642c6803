/**
 * What a model's answer is: a refusal in full or in part, or none (docs/refusal-detector.md). Rules on the text, labels that
 * somebody gave, the original project's detector, and which tokens a refusal begins with.
 */
package org.refusal.behaviour;
