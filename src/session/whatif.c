#include "session/whatif.h"

#include <math.h>

#include "base/number.h"
#include "text/utf8.h"

/* FORM and those behind it take an adapter. */
static const struct {
    const char *name, *usage;
    double low, high; /* of its number */
    const char *choices[3];
    bool minus; /* before the value */
} kinds[IMR_WHATIF_ANY] = {
    [IMR_WHATIF_WITHOUT] = {"without", "without:WORD, a word of the query"},
    [IMR_WHATIF_PUSH] = {"push", "push:WORD=T with T from -10 to 10", -10, 10},
    [IMR_WHATIF_FORM] =
        {"form", "form:diagonal, form:mean, form:full", 0, 0, {"diagonal", "mean", "full"}},
    [IMR_WHATIF_FEEDBACK] = {"feedback", "feedback:-ID, a candidate behind a minus", .minus = true},
    [IMR_WHATIF_OFF] = {"off", "off:query, off:document", 0, 0, {"query", "document"}},
    [IMR_WHATIF_ALPHA] = {"alpha", "alpha:A with A from 0 to 1.5", 0, 1.5},
    [IMR_WHATIF_DIM] =
        {"dim", "dim:-J, the number of a dimension behind a minus", 0, UINT16_MAX, {0}, true},
};

/* A term up to its end of line; false: it is none. kind ANY: not even the name. */
static bool parse(imr_whatif_term *x, const char *text)
{
    const char *end = text + strcspn(text, "\n"), *at = text + strcspn(text, ": \n");
    const size_t name = (size_t)(at - text);
    *x = (imr_whatif_term){.kind = 0};
    while (x->kind < IMR_WHATIF_ANY &&
           (strlen(kinds[x->kind].name) != name || strncmp(text, kinds[x->kind].name, name) != 0))
        x->kind++;
    if (x->kind == IMR_WHATIF_ANY || at == end || ++at == end ||
        (kinds[x->kind].minus && *at++ != '-'))
        return false;
    const double low = kinds[x->kind].low, high = kinds[x->kind].high;
    const char *digits = x->kind == IMR_WHATIF_PUSH ? end : at, *const *choices =
                                                                    kinds[x->kind].choices;
    while (digits > at && digits[-1] != '=')
        digits--;
    x->value = at;
    x->n = (int)(x->kind != IMR_WHATIF_PUSH ? end - at : digits > at ? digits - 1 - at : 0);
    if (low < high && (!imr_parse_double(digits, (size_t)(end - digits), &x->number) ||
                       !(x->number >= low && x->number <= high) ||
                       (x->kind == IMR_WHATIF_DIM && x->number > floor(x->number))))
        return false;
    bool among = !choices[0];
    for (size_t i = 0; i < 3 && !among && choices[i]; i++) {
        among = (int)strlen(choices[i]) == x->n && memcmp(choices[i], at, (size_t)x->n) == 0;
        x->number = (double)i;
    }
    return among && x->n > 0;
}

bool imr_whatif_next(imr_whatif_term *x, const char **at, imr_whatif_kind kind)
{
    while (**at) {
        const char *text = *at;
        *at += strcspn(text, "\n") + 1;
        if (parse(x, text) && (kind == IMR_WHATIF_ANY || x->kind == kind))
            return true;
    }
    return false;
}

double imr_whatif_alpha(const imr_whatif *w)
{
    const char *at = w->terms;
    imr_whatif_term x;
    return imr_whatif_next(&x, &at, IMR_WHATIF_ALPHA) ? x.number : 1;
}

imr_form imr_whatif_form(const imr_whatif *w)
{
    const char *at = w->terms;
    imr_whatif_term x;
    return imr_whatif_next(&x, &at, IMR_WHATIF_FORM) ? (imr_form)(1 + x.number) : IMR_FORM_AUTO;
}

bool imr_whatif_drop(imr_whatif *w, const char *beginning)
{
    bool any = false;
    for (char *at = w->terms; *at;) {
        const size_t n = strcspn(at, "\n") + 1;
        const bool goes = strncmp(at, beginning, strlen(beginning)) == 0;
        any |= goes;
        if (goes)
            memmove(at, at + n, strlen(at + n) + 1);
        else
            at += n;
    }
    return any;
}

imr_status imr_whatif_add(imr_whatif *w, const char *text, imr_error *err)
{
    IMR_AUTOBUF imr_buf line = {0}, all = {0};
    imr_whatif_term x;
    imr_utf8_clean(&line, text, strlen(text), IMR_CLEAN_LINE);
    IMR_TRY(imr_buf_check(&line, err));
    const bool sound = parse(&x, text) && strcmp(imr_buf_text(&line), text) == 0;
    for (imr_whatif_kind k = 0; k < IMR_WHATIF_ANY; k++)
        imr_buf_printf(&all, "%s%s", k ? "; " : "", kinds[k].usage);
    if (!sound)
        return imr_fail(err, IMR_E_USAGE, "what if '%.80s'? write %s", imr_buf_text(&line),
                        x.kind < IMR_WHATIF_ANY ? kinds[x.kind].usage : imr_buf_text(&all));
    imr_whatif changed = *w;
    const size_t name = strlen(kinds[x.kind].name) + 1, used = line.len + 1;
    line.data[name - 1] = ':';
    imr_buf_char(&line, '\n');
    imr_buf_clear(&all); /* those it takes the place of begin as it does */
    imr_buf_add(&all, imr_buf_text(&line),
                x.kind == IMR_WHATIF_ALPHA || x.kind == IMR_WHATIF_FORM ? name
                : x.kind == IMR_WHATIF_PUSH ? (size_t)(x.value - text + x.n + 1)
                                            : used);
    IMR_TRY(imr_buf_check(&line, err));
    IMR_TRY(imr_buf_check(&all, err));
    imr_whatif_drop(&changed, imr_buf_text(&all));
    char *end = changed.terms + strlen(changed.terms);
    if (end + used >= changed.terms + sizeof changed.terms)
        return imr_fail(err, IMR_E_LIMIT, "what if has room for %d bytes", IMR_WHATIF_BYTES);
    if (x.kind != IMR_WHATIF_ALPHA || x.number < 1 || x.number > 1)
        memcpy(end, imr_buf_text(&line), used + 1);
    *w = changed;
    return IMR_OK;
}

void imr_whatif_tell(imr_buf *out, const imr_whatif *w)
{
    for (const char *at = w->terms; *at; at += strcspn(at, "\n") + 1) {
        const int name = (int)strcspn(at, ":"), value = (int)strcspn(at + name + 1, "\n");
        imr_buf_printf(out, "%s%.*s %.*s", at > w->terms ? "; " : "", name, at, value,
                       at + name + 1);
    }
}

/* ---- for an adapter and a cache ---- */

static imr_status read_one(imr_whatif_parts *p, imr_blend blend[2], uint32_t *dims,
                           const imr_whatif_term *x, const imr_adapter *a, const imr_cache *c,
                           imr_error *err)
{
    char id[IMR_WHATIF_BYTES];
    if (x->kind == IMR_WHATIF_ALPHA) {
        blend[0].by *= x->number;
        blend[1].by *= x->number;
    } else if (x->kind == IMR_WHATIF_OFF) {
        blend[x->number > 0].by = 0;
    } else if (x->kind == IMR_WHATIF_FORM) {
        p->form = (imr_form)(1 + x->number);
        if (imr_form_scales(p->form) != imr_form_scales(a->w.form))
            return imr_fail(err, IMR_E_USAGE,
                            "what if the adapter were read as %s? its tensors are those of %s",
                            imr_form_name(p->form),
                            imr_form_scales(a->w.form) ? "diagonal and mean" : "full");
    } else if (x->kind == IMR_WHATIF_DIM) {
        dims[blend[0].n_dims] = (uint32_t)x->number;
        blend[1].n_dims = ++blend[0].n_dims;
        if (x->number >= (double)a->w.m || blend[0].n_dims == a->w.m)
            return imr_fail(err, IMR_E_USAGE,
                            "what if without dimension %.0f? the working space has %zu, from 0, "
                            "and one must stay",
                            x->number, a->w.m);
    } else if (x->kind == IMR_WHATIF_FEEDBACK) {
        snprintf(id, sizeof id, "%.*s", x->n, x->value);
        if (!imr_ids_find(&c->documents.ids, id, &p->left_out[p->n_left_out++]))
            return imr_fail(err, IMR_E_NOT_FOUND,
                            "what if %s gave no feedback? the cache %s has no such document", id,
                            c->path);
    }
    return IMR_OK;
}

imr_status imr_whatif_read(imr_whatif_parts *out, const imr_whatif *w, const imr_adapter *adapter,
                           const imr_cache *cache, imr_arena *arena, imr_error *err)
{
    enum { MOST = IMR_WHATIF_BYTES / 6 }; /* of the shortest terms */
    imr_blend *blend = IMR_ARENA_ARRAY(arena, imr_blend, 2);
    uint32_t *numbers = IMR_ARENA_ARRAY(arena, uint32_t, 2 * MOST);
    imr_whatif_term x;
    IMR_NEED(blend && numbers, err);
    *out = (imr_whatif_parts){.left_out = numbers + MOST};
    blend[0] = blend[1] = (imr_blend){.by = 1, .dims = numbers};
    for (const char *at = w->terms; imr_whatif_next(&x, &at, IMR_WHATIF_ANY);) {
        if (!adapter && x.kind >= IMR_WHATIF_FORM)
            return imr_fail(err, IMR_E_USAGE, "what if %s:...? there is no adapter to change",
                            kinds[x.kind].name);
        IMR_TRY(read_one(out, blend, numbers, &x, adapter, cache, err));
    }
    const imr_blend **const sides[] = {&out->query, &out->document};
    for (size_t i = 0; i < 2; i++)
        if (blend[i].n_dims || blend[i].by < 1 || blend[i].by > 1)
            *sides[i] = &blend[i];
    return IMR_OK;
}
