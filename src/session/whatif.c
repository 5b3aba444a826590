#include "session/whatif.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/number.h"
#include "math/nn.h"
#include "session/internal.h"
#include "text/utf8.h"

enum { WITHOUT, PUSH, FORM, FEEDBACK, OFF, ALPHA, DIM, KINDS };
static const struct {
    const char *name, *usage;
    double low, high; /* of its number */
    const char *choices[3];
} kinds[KINDS] = {
    [WITHOUT] = {"without:", "without:WORD, a word of the query", 0, 0, {0}},
    [PUSH] = {"push:", "push:WORD=T with T from -10 to 10", -10, 10, {0}},
    [FORM] = {"form:", "form:diagonal, form:mean, form:full", 0, 0, {"diagonal", "mean", "full"}},
    [FEEDBACK] = {"feedback:", "feedback:-ID, a candidate behind a minus", 0, 0, {0}},
    [OFF] = {"off:", "off:query, off:document", 0, 0, {"query", "document"}},
    [ALPHA] = {"alpha:", "alpha:A with A from 0 to 1.5", 0, 1.5, {0}},
    [DIM] = {"dim:", "dim:-J, the number of a dimension behind a minus", 0, UINT16_MAX, {0}},
};

typedef struct item {
    int kind;
    const char *value; /* word, id; n bytes */
    size_t n;
    double number; /* or the place among the choices */
} item;

/* A term up to its end of line; false: it is none. kind KINDS: not even the name. */
static bool parse(item *x, const char *term)
{
    size_t len = strcspn(term, "\n"), head = 0, name = strcspn(term, ": ");
    *x = (item){.kind = 0};
    for (; x->kind < KINDS; x->kind++) {
        head = strlen(kinds[x->kind].name);
        if (name + 1 == head && strncmp(term, kinds[x->kind].name, name) == 0)
            break;
    }
    if (x->kind == KINDS || len <= head)
        return false;
    const bool minus = x->kind == FEEDBACK || x->kind == DIM;
    if (minus && term[head++] != '-')
        return false;
    x->value = term + head;
    x->n = len - head;
    size_t digits = x->kind == PUSH ? x->n : 0;
    while (digits && x->value[digits - 1] != '=')
        digits--;
    const double low = kinds[x->kind].low, high = kinds[x->kind].high;
    if (low < high && (!imr_parse_double(x->value + digits, x->n - digits, &x->number) ||
                       !(x->number >= low && x->number <= high) ||
                       (x->kind == DIM && x->number > floor(x->number))))
        return false;
    if (x->kind == PUSH)
        x->n = digits ? digits - 1 : 0;
    bool among = !kinds[x->kind].choices[0];
    for (size_t i = 0; i < 3 && !among && kinds[x->kind].choices[i]; i++) {
        const char *c = kinds[x->kind].choices[i];
        among = strlen(c) == x->n && memcmp(c, x->value, x->n) == 0;
        x->number = (double)i;
    }
    return among && x->n > 0;
}

/* The next term of a kind, or (KINDS) any. */
static bool next(const char **at, int kind, item *x)
{
    while (**at) {
        const char *term = *at;
        *at += strcspn(term, "\n") + 1;
        if (parse(x, term) && (kind == KINDS || x->kind == kind))
            return true;
    }
    return false;
}

static double number_of(const imr_whatif *w, int kind, double otherwise)
{
    const char *at = w->terms;
    item x;
    return next(&at, kind, &x) ? x.number : otherwise;
}

double imr_whatif_alpha(const imr_whatif *w)
{
    return number_of(w, ALPHA, 1);
}

imr_form imr_whatif_form(const imr_whatif *w)
{
    return (imr_form)(1 + number_of(w, FORM, -1)); /* AUTO is 0 */
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

imr_status imr_whatif_add(imr_whatif *w, const char *term, imr_error *err)
{
    IMR_AUTOBUF imr_buf clean = {0}, all = {0};
    item x;
    imr_utf8_clean(&clean, term, strlen(term), IMR_CLEAN_LINE);
    IMR_TRY(imr_buf_check(&clean, err));
    const bool sound = parse(&x, term) && strcmp(imr_buf_text(&clean), term) == 0;
    for (int k = 0; k < KINDS; k++)
        imr_buf_printf(&all, "%s%s", k ? "; " : "", kinds[k].usage);
    if (!sound)
        return imr_fail(err, IMR_E_USAGE, "what if '%.80s'? write %s", imr_buf_text(&clean),
                        x.kind < KINDS ? kinds[x.kind].usage : imr_buf_text(&all));
    imr_whatif changed = *w;
    char *line = clean.data; /* those it takes the place of begin as it does */
    line[strlen(kinds[x.kind].name) - 1] = ':';
    const size_t len = clean.len, same = x.kind == ALPHA || x.kind == FORM
                                             ? strlen(kinds[x.kind].name)
                                         : x.kind == PUSH ? (size_t)(x.value - term) + x.n + 1
                                                          : len;
    imr_buf_clear(&all);
    imr_buf_add(&all, line, same);
    imr_buf_str(&all, same == len ? "\n" : "");
    IMR_TRY(imr_buf_check(&all, err));
    imr_whatif_drop(&changed, imr_buf_text(&all));
    const size_t used = strlen(changed.terms);
    if (used + len + 1 >= sizeof changed.terms)
        return imr_fail(err, IMR_E_LIMIT, "what if has room for %d bytes", IMR_WHATIF_BYTES);
    if (x.kind != ALPHA || x.number < 1 || x.number > 1)
        snprintf(changed.terms + used, sizeof changed.terms - used, "%s\n", line);
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

static imr_status read_one(imr_whatif_parts *p, imr_blend blend[2], uint32_t *dims, const item *x,
                           const imr_adapter *a, const imr_cache *c, imr_error *err)
{
    char id[IMR_WHATIF_BYTES];
    if (x->kind == ALPHA) {
        blend[0].by *= x->number;
        blend[1].by *= x->number;
    } else if (x->kind == OFF) {
        blend[x->number > 0].by = 0;
    } else if (x->kind == FORM) {
        p->form = (imr_form)(1 + x->number);
        if (imr_form_scales(p->form) != imr_form_scales(a->w.form))
            return imr_fail(err, IMR_E_USAGE,
                            "what if the adapter were read as %s? its tensors are those of %s",
                            imr_form_name(p->form),
                            imr_form_scales(a->w.form) ? "diagonal and mean" : "full");
    } else if (x->kind == DIM) {
        dims[blend[0].n_dims] = (uint32_t)x->number;
        blend[1].n_dims = ++blend[0].n_dims;
        if (x->number >= (double)a->w.m || blend[0].n_dims == a->w.m)
            return imr_fail(err, IMR_E_USAGE,
                            "what if without dimension %.0f? the working space has %zu, from 0, "
                            "and one must stay",
                            x->number, a->w.m);
    } else if (x->kind == FEEDBACK) {
        snprintf(id, sizeof id, "%.*s", (int)x->n, x->value);
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
    item x;
    IMR_NEED(blend && numbers, err);
    *out = (imr_whatif_parts){.left_out = numbers + MOST};
    blend[0] = blend[1] = (imr_blend){.by = 1, .dims = numbers};
    for (const char *at = w->terms; next(&at, KINDS, &x);) {
        if (!adapter && x.kind >= FORM)
            return imr_fail(err, IMR_E_USAGE, "what if %s...? there is no adapter to change",
                            kinds[x.kind].name);
        IMR_TRY(read_one(out, blend, numbers, &x, adapter, cache, err));
    }
    const imr_blend **const sides[] = {&out->query, &out->document};
    for (size_t i = 0; i < 2; i++)
        if (blend[i].n_dims || blend[i].by < 1 || blend[i].by > 1)
            *sides[i] = &blend[i];
    return IMR_OK;
}

/* ---- the query ---- */

/* Marks the tokens of text that are of a word of the value; each must be there. */
static imr_status mark(bool *gone, const imr_session *s, const imr_tokens *text, const item *x,
                       imr_error *err)
{
    IMR_CLEANUP(imr_tokens_done) imr_tokens words = {0};
    IMR_TRY(imr_encoder_tokenize(s->encoder, x->value, x->n, false, &words, err));
    bool all = words.n > 0;
    for (size_t k = 0; k < words.n && all; k++) {
        const char *word = imr_tokens_word(&words, words.v[k].word);
        all = false;
        for (size_t i = 0; i < text->n; i++)
            if (strcmp(imr_tokens_word(text, text->v[i].word), word) == 0)
                gone[i] = all = true;
    }
    return all ? IMR_OK
               : imr_fail(err, IMR_E_USAGE, "what if without '%.*s'? it is no word of the query",
                          (int)x->n, x->value);
}

imr_status imr_whatif_words(imr_session *s, imr_trace *t, imr_error *err)
{
    IMR_CLEANUP(imr_tokens_done) imr_tokens tokens = {0};
    IMR_AUTOBUF imr_buf rest = {0};
    const char *terms = t->settings.what_if.terms, *text = t->query_text;
    item x;
    if (!next(&terms, WITHOUT, &x))
        return IMR_OK;
    if (!s->encoder)
        return imr_fail(err, IMR_E_NOT_FOUND, "what if without '%.*s'? the encoder is missing: %s",
                        (int)x.n, x.value, s->facts.encoder_problem);
    IMR_TRY(imr_encoder_tokenize(s->encoder, text, strlen(text), false, &tokens, err));
    IMR_AUTOFREE bool *gone = IMR_NEW_ARRAY(bool, tokens.n);
    IMR_NEED(gone, err);
    do
        IMR_TRY(mark(gone, s, &tokens, &x, err));
    while (next(&terms, WITHOUT, &x));
    size_t at = 0, left = 0;
    for (size_t i = 0; i < tokens.n; i++) {
        left += !gone[i];
        if (!gone[i] || tokens.v[i].start < at)
            continue;
        imr_buf_add(&rest, text + at, tokens.v[i].start - at);
        at = tokens.v[i].end;
    }
    imr_buf_str(&rest, text + at);
    return left ? imr_buf_keep(&t->query_read, &rest, t->arena, err)
                : imr_fail(err, IMR_E_USAGE, "what if without every word? nothing is left to ask");
}

/* out [n] = unit(E), E the row of the token table that the value names. */
static imr_status find_word(float *out, const imr_session *s, const item *x, imr_error *err)
{
    const imr_token_table *t = s->words.told ? &s->words.told->table : NULL;
    size_t row = 0;
    while (t && row < t->rows.rows &&
           (strlen(t->texts[row]) != x->n || strncasecmp(t->texts[row], x->value, x->n) != 0))
        row++;
    if (!t || row == t->rows.rows)
        return imr_fail(err, IMR_E_NOT_FOUND, "what if pushed along '%.*s'? %s", (int)x->n,
                        x->value,
                        t                       ? "the token table has no such word"
                        : s->facts.words_coming ? "the token table is not open yet"
                                                : s->facts.tokens_problem);
    for (size_t j = 0; j < t->rows.cols; j++)
        out[j] = imr_view_row(&t->rows, row)[j] - (t->centre ? t->centre[j] : 0);
    imr_nn_unit(out, out, t->rows.cols);
    return IMR_OK;
}

imr_status imr_whatif_push(imr_session *s, imr_trace *t, imr_error *err)
{
    const size_t n = s->cache->dim;
    const double length = imr_nn_norm(s->query_base, n);
    float *x = s->query_base;
    item along;
    IMR_AUTOFREE float *e = IMR_NEW_ARRAY(float, n);
    float *push = IMR_ARENA_ARRAY(t->arena, float, n);
    IMR_NEED(e && push, err);
    for (const char *at = t->settings.what_if.terms; next(&at, PUSH, &along); t->push = push) {
        IMR_TRY(find_word(e, s, &along, err));
        for (size_t j = 0; j < n; j++)
            push[j] += (float)(along.number * length * (double)e[j]);
    }
    for (size_t j = 0; j < n; j++)
        x[j] += push[j];
    t->push_by = t->push ? length / fmax(imr_nn_norm(x, n), IMR_NN_UNIT_FLOOR) : 1;
    for (size_t j = 0; j < n && t->push; j++) {
        push[j] = (float)(t->push_by * (double)push[j]);
        x[j] = (float)(t->push_by * (double)x[j]);
    }
    return IMR_OK;
}
