/*
 * ui/words.h - the words of a document that matter, from the spans of its detail, and searching in
 * short texts.
 *
 * A span is highlighted when its |effect| is at least a quarter of the document's largest; touching
 * spans of one sign are one highlight. The word list sums the effects of a token's places, largest
 * |sum| first.
 */
#ifndef UI_WORDS_H
#define UI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct ui_app;

/* Fills a->highlights and a->words from a->detail. */
void ui_words_of(struct ui_app *a);

/* Case does not count; "" is in everything. */
bool ui_contains(const char *text, const char *part);
/* Bytes of text that `prefix` takes up when text begins with it, 0 when it does not. */
size_t ui_begins(const char *text, const char *prefix);

#endif
