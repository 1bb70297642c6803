/**
 * The instrument put to the test where the truth is known: the whole pipeline on planted models (docs/planted.md), the statistics
 * and the verdict on simulated prompts and on a real model's prompts drawn into categories (docs/calibration.md).
 */
package org.refusal.trial;
