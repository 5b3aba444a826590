/* ui/words.c */
#include "ui/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "ui/app.h"

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

static bool has_letter(const char *text, size_t start, size_t end)
{
    while (start < end) {
        uint32_t code;
        start += imr_utf8_decode(text + start, end - start, &code);
        if (imr_utf8_is_word(code))
            return true;
    }
    return false;
}

static void find_highlights(ui_app *a)
{
    const imr_detail *d = a->detail;
    double largest = 0;
    a->n_highlights = 0;
    for (size_t i = 0; i < d->n_spans; i++)
        if (isfinite(d->spans[i].effect))
            largest = fmax(largest, fabs((double)d->spans[i].effect));
    if (largest == 0)
        return;
    for (size_t i = 0; i < d->n_spans; i++) {
        const imr_detail_span *s = &d->spans[i];
        if (!(fabs((double)s->effect) >= largest / 4) || !has_letter(d->text, s->start, s->end))
            continue;
        ui_highlight *last = a->n_highlights ? &a->highlights[a->n_highlights - 1] : NULL;
        if (last && last->end <= s->start && s->start - last->end <= 1 &&
            (last->effect > 0) == (s->effect > 0) &&
            (s->start == last->end || d->text[last->end] == ' ')) {
            last->end = s->end;
            last->effect += s->effect;
            continue;
        }
        if (!imr_array_grow(&a->highlights, a->n_highlights, &a->cap_highlights, 1,
                            sizeof *a->highlights))
            return;
        a->highlights[a->n_highlights++] = (ui_highlight){s->start, s->end, s->effect};
    }
}

static int by_token(const void *x, const void *y)
{
    const ui_word *a = x, *b = y;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

static int by_effect(const void *x, const void *y)
{
    const ui_word *a = x, *b = y;
    double p = fabs(a->effect), q = fabs(b->effect);
    if (p != q)
        return p > q ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

void ui_words_of(ui_app *a)
{
    const imr_detail *d = a->detail;
    find_highlights(a);
    a->n_words = 0;
    if (d->n_spans == 0 ||
        !imr_array_grow(&a->words, 0, &a->cap_words, d->n_spans, sizeof *a->words))
        return;
    size_t n = 0;
    for (size_t i = 0; i < d->n_spans; i++) {
        const imr_detail_span *s = &d->spans[i];
        if (isfinite(s->effect) && has_letter(d->text, s->start, s->end))
            a->words[n++] = (ui_word){s->start, s->end, 1, s->id, s->effect};
    }
    qsort(a->words, n, sizeof *a->words, by_token);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept && a->words[kept - 1].id == a->words[i].id) {
            a->words[kept - 1].count++;
            a->words[kept - 1].effect += a->words[i].effect;
        } else {
            a->words[kept++] = a->words[i];
        }
    }
    qsort(a->words, kept, sizeof *a->words, by_effect);
    a->n_words = kept;
}
