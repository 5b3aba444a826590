/*
 * ui/words.h - short texts: finding a part in one, and keeping one.
 */
#ifndef UI_WORDS_H
#define UI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Case does not count; "" is in everything. */
bool ui_contains(const char *text, const char *part);
/* Bytes of text that `prefix` takes up when text begins with it, 0 when it does not. */
size_t ui_begins(const char *text, const char *prefix);
/* The next whole word `word` in text from byte `at` on; false when there is none. */
bool ui_find_word(const char *text, size_t at, const char *word, size_t *start, size_t *end);
/* Frees the old text and keeps a copy of the new one; NULL clears. */
void ui_replace(char **slot, const char *text);

#endif
