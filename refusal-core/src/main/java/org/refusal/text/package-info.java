/**
 * Texts as a chat model reads and writes them: tokenizer, chat template, the place of the user's words among a prompt's
 * tokens, and whether an answer is a refusal.
 */
package org.refusal.text;
