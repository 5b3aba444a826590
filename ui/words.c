/* ui/words.c */
#include "ui/words.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"

size_t ui_begins(const char *text, const char *prefix)
{
    size_t i = 0, n = strlen(text), k = 0, m = strlen(prefix);
    while (k < m) {
        uint32_t a, b;
        size_t ua = imr_utf8_decode(text + i, n - i, &a);
        size_t ub = imr_utf8_decode(prefix + k, m - k, &b);
        if (!ua || imr_utf8_lower(a) != imr_utf8_lower(b))
            return 0;
        i += ua;
        k += ub;
    }
    return i;
}

bool ui_contains(const char *text, const char *part)
{
    if (!*part)
        return true;
    for (size_t i = 0, n = strlen(text); i < n;) {
        uint32_t code;
        if (ui_begins(text + i, part))
            return true;
        i += imr_utf8_decode(text + i, n - i, &code);
    }
    return false;
}

static bool word_at(const char *text, size_t at, size_t len)
{
    uint32_t code;
    return at < len && imr_utf8_decode(text + at, len - at, &code) && imr_utf8_is_word(code);
}

bool ui_find_word(const char *text, size_t at, const char *word, size_t *start, size_t *end)
{
    bool inside = false; /* a word that began before */
    for (size_t len = strlen(text); at < len; at = imr_utf8_next(text, len, at)) {
        size_t n = inside ? 0 : ui_begins(text + at, word);
        if (n && !(word_at(text, at, len) && word_at(text, at + n, len))) {
            *start = at;
            *end = at + n;
            return true;
        }
        inside = word_at(text, at, len);
    }
    return false;
}

void ui_replace(char **slot, const char *text)
{
    char *copy = text ? imr_strdup(text) : NULL;
    imr_free(*slot);
    *slot = copy;
}
