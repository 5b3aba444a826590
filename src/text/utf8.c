#include "text/utf8.h"

#include <utf8proc.h>

#include "base/limits.h"
#include "base/mem.h"

size_t imr_utf8_encode(uint32_t cp, char out[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        cp = IMR_UTF8_BAD;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3F));
    out[0] = (char)((0xF00u >> n & 0xFFu) | cp);
    return n;
}

size_t imr_utf8_count(const char *text, size_t len)
{
    size_t count = 0;
    uint32_t cp;
    for (size_t pos = 0; pos < len; count++)
        pos += imr_utf8_decode(text + pos, len - pos, &cp);
    return count;
}

static utf8proc_category_t category(uint32_t cp)
{
    return cp > 0x10FFFF ? UTF8PROC_CATEGORY_CN : utf8proc_category((utf8proc_int32_t)cp);
}

bool imr_utf8_is_word(uint32_t cp)
{
    utf8proc_category_t c = category(cp);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO);
}

bool imr_utf8_is_letter(uint32_t cp)
{
    utf8proc_category_t c = category(cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

uint32_t imr_utf8_lower(uint32_t cp)
{
    return cp > 0x10FFFF ? cp : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

int imr_utf8_cp_width(uint32_t cp)
{
    if (cp >= 0x20 && cp < 0x7F)
        return 1;
    if ((cp >= 0x1160 && cp <= 0x11FF) || (cp >= 0xD7B0 && cp <= 0xD7FF))
        return 0;
    switch (category(cp)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return 0;
    default:
        return utf8proc_charwidth((utf8proc_int32_t)cp) == 2 ? 2 : 1;
    }
}

size_t imr_utf8_sign(uint32_t cp, char out[16])
{
    if ((cp >= 0x20 && cp < 0x7F) || (cp >= 0xA0 && !imr_utf8_is_hidden(cp)))
        return 0;
    return (size_t)snprintf(out, 16, "<U+%04X>", (unsigned)cp);
}

size_t imr_utf8_width(const char *text, size_t len)
{
    size_t width = 0;
    uint32_t cp;
    char sign[16];
    for (size_t pos = 0; pos < len;) {
        pos += imr_utf8_decode(text + pos, len - pos, &cp);
        const size_t n = imr_utf8_sign(cp, sign);
        width += n ? n : (size_t)imr_utf8_cp_width(cp);
    }
    return width;
}

size_t imr_utf8_next(const char *text, size_t len, size_t pos)
{
    if (pos >= len)
        return len;
    uint32_t before, after;
    utf8proc_int32_t state = 0;
    pos += imr_utf8_decode(text + pos, len - pos, &before);
    while (pos < len) {
        size_t n = imr_utf8_decode(text + pos, len - pos, &after);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)after,
                                             &state))
            break;
        before = after;
        pos += n;
    }
    return pos;
}

size_t imr_utf8_prev(const char *text, size_t len, size_t pos)
{
    if (pos > len)
        pos = len;
    if (pos == 0)
        return 0;
    /* Between two printable ASCII bytes there is always a boundary: start there, not at 0. */
    size_t start = pos - 1;
    while (start > 0 && !(text[start] >= ' ' && text[start] <= '~' && text[start - 1] >= ' ' &&
                          text[start - 1] <= '~'))
        start--;
    for (;;) {
        size_t next = imr_utf8_next(text, len, start);
        if (next >= pos)
            return start;
        start = next;
    }
}

size_t imr_utf8_fit(const char *text, size_t len, size_t columns, size_t *used)
{
    size_t pos = 0, width = 0;
    while (pos < len) {
        size_t next = imr_utf8_next(text, len, pos);
        size_t w = imr_utf8_width(text + pos, next - pos);
        if (width + w > columns)
            break;
        width += w;
        pos = next;
    }
    if (used)
        *used = width;
    return pos;
}

size_t imr_utf8_clip(imr_buf *out, const char *text, size_t len, size_t columns,
                     const char *ellipsis)
{
    size_t used;
    size_t whole = imr_utf8_fit(text, len, columns, &used);
    if (whole == len) {
        imr_buf_add(out, text, len);
        return used;
    }
    size_t mark_used;
    size_t mark = imr_utf8_fit(ellipsis, strlen(ellipsis), columns, &mark_used);
    imr_buf_add(out, text, imr_utf8_fit(text, len, columns - mark_used, &used));
    imr_buf_add(out, ellipsis, mark);
    return used + mark_used;
}

/* ---- untrusted text ---- */

enum { MAX_MARKS = 2 };

typedef struct cleaner {
    imr_clean_flags flags;
    int marks;       /* after the current base; MAX_MARKS while there is none */
    bool joins;      /* the last code point may be joined to the next, or varied */
    bool was_return; /* the last code point was CR */
} cleaner;

/* What is shown for cp: 0 for nothing. */
static uint32_t clean_one(cleaner *c, uint32_t cp)
{
    const bool after_return = c->was_return, joined = c->joins;
    c->was_return = cp == '\r';
    c->joins = cp >= 0x590 && !imr_utf8_is_hidden(cp);
    if (cp == '\n' || cp == '\r' || cp == 0x85 || cp == 0x2028 || cp == 0x2029 || cp == '\v' ||
        cp == '\f') {
        c->marks = MAX_MARKS;
        if (cp == '\n' && after_return)
            return 0;
        return c->flags & IMR_CLEAN_NEWLINES ? '\n' : ' ';
    }
    if (cp == '\t')
        cp = ' ';
    if (joined && (cp == 0x200C || cp == 0x200D || (cp >= 0xFE00 && cp <= 0xFE0F)))
        return 0;
    if (cp == 0)
        return IMR_UTF8_BAD;
    char sign[16];
    if (imr_utf8_sign(cp, sign))
        return cp;
    const utf8proc_category_t k = category(cp);
    if (k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME)
        return c->marks++ < MAX_MARKS ? cp : 0;
    c->marks = 0;
    return k == UTF8PROC_CATEGORY_CN || k == UTF8PROC_CATEGORY_CS ? IMR_UTF8_BAD : cp;
}

static void clean(imr_buf *out, uint32_t *source, const char *text, size_t len,
                  imr_clean_flags flags)
{
    cleaner c = {.flags = flags, .marks = MAX_MARKS};
    size_t n = 0;
    for (size_t pos = 0; pos < len;) {
        uint32_t cp;
        size_t taken = imr_utf8_decode(text + pos, len - pos, &cp);
        uint32_t shown = clean_one(&c, cp);
        char bytes[16];
        const bool itself = shown == '\n' || flags & IMR_CLEAN_KEEP;
        size_t size = !shown || itself ? 0 : imr_utf8_sign(shown, bytes);
        if (!size && shown)
            size = imr_utf8_encode(shown, bytes);
        imr_buf_add(out, bytes, size);
        for (size_t i = 0; source && i < size; i++)
            source[n++] = (uint32_t)pos;
        pos += taken;
    }
    if (source)
        source[n] = (uint32_t)len;
}

void imr_utf8_clean(imr_buf *out, const char *text, size_t len, imr_clean_flags flags)
{
    clean(out, NULL, text, len, flags);
}

size_t imr_utf8_begins(const char *text, const char *prefix)
{
    if (!((*text | *prefix) & 0x80) && ((*text ^ *prefix) & ~0x20)) /* ASCII: most places */
        return 0;
    size_t i = 0, k = 0, m = strlen(prefix);
    while (k < m) {
        uint32_t a, b;
        size_t ua = imr_utf8_decode(text + i, strnlen(text + i, 4), &a);
        size_t ub = imr_utf8_decode(prefix + k, m - k, &b);
        if (!ua || imr_utf8_lower(a) != imr_utf8_lower(b))
            return 0;
        i += ua;
        k += ub;
    }
    return i;
}

bool imr_utf8_contains(const char *text, const char *part)
{
    bool found = !*part;
    for (; *text && !found; text++)
        found = (*text & 0xc0) != 0x80 && imr_utf8_begins(text, part);
    return found;
}

const char *imr_line_keep(const char *text, size_t len, imr_arena *arena)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, text, len, IMR_CLEAN_KEEP);
    return clean.failed ? NULL : imr_arena_strndup(arena, imr_buf_text(&clean), clean.len);
}

imr_status imr_utf8_clean_map(imr_buf *out, uint32_t **source, const char *text, size_t len,
                              imr_clean_flags flags, imr_error *err)
{
    if (len > IMR_MAX_LINE_BYTES)
        return imr_fail(err, IMR_E_LIMIT,
                        "a text of %zu bytes is longer than the %zu shown at once", len,
                        IMR_MAX_LINE_BYTES);
    /* One bad byte becomes the three of U+FFFD: the largest growth. */
    uint32_t *map IMR_AUTOFREE = IMR_NEW_ARRAY(uint32_t, 3 * len + 1);
    IMR_NEED(map, err);
    clean(out, map, text, len, flags | IMR_CLEAN_KEEP);
    IMR_TRY(imr_buf_check(out, err));
    return IMR_GIVE(source, map);
}
