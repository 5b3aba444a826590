/*
 * text/added.h - finds added tokens ("[MASK]") in text: leftmost, of those the longest.
 */
#ifndef IMR_TEXT_ADDED_H
#define IMR_TEXT_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strmap.h"

typedef struct imr_added {
    imr_strmap by_text; /* text -> index given when adding */
    uint32_t *lengths;  /* the different lengths, descending */
    size_t n, cap;
    bool first[256]; /* bytes some token begins with */
} imr_added;

void imr_added_done(imr_added *a); /* {0} is fine */

/* text is borrowed, not empty. The first of two equal texts wins. */
imr_status imr_added_put(imr_added *a, const char *text, size_t len, uint32_t index,
                         imr_error *err) IMR_NODISCARD;

/* The next match at or after `from`. False when there is none. */
bool imr_added_find(const imr_added *a, const char *text, size_t len, size_t from, size_t *start,
                    size_t *end, uint32_t *index);

#endif
