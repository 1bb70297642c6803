/**
 * The report: what each section says, charts of results, and pages. A report is composed once as Markdown, rendered from it to a
 * single-file HTML page and to PDF. Nothing is computed here; every number comes from a file that an earlier stage wrote.
 */
package org.refusal.report;
