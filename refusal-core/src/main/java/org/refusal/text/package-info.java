/**
 * Texts as a chat model reads and writes them: tokenizer, chat template, and the place of the user's words among a prompt's
 * tokens.
 */
package org.refusal.text;
