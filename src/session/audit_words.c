/* session/audit_words.c - words and pairs of losing queries against winning ones. */
#include <math.h>

#include "explain/shares.h"
#include "session/audit.h"
#include "session/internal.h"

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

double imr_hypergeometric_p(size_t k, size_t n, size_t L, size_t N)
{
    double p = 0;
    for (size_t x = k; x <= n && x <= L; x++)
        if (n - x <= N - L)
            p += exp(log_choose((double)L, (double)x) +
                     log_choose((double)(N - L), (double)(n - x)) -
                     log_choose((double)N, (double)n));
    return fmin(p, 1);
}

typedef struct counting {
    imr_audit *a;
    imr_strmap places;
    IMR_ARRAY(imr_audit_word) words;
    size_t lost, won;
    imr_chars chars;
    imr_pieces pieces;
} counting;

static void counting_done(counting *c)
{
    imr_strmap_done(&c->places);
    IMR_FREE(c->words.v, c->chars.v, c->pieces.v);
}

/* A word stands in a query, once. document NULL: in its text. */
static imr_status count(counting *c, size_t row, const char *query, const char *document,
                        imr_error *err)
{
    const double gain = c->a->rows[row].number[IMR_AUDIT_GAIN];
    IMR_AUTOBUF imr_buf both = {0};
    imr_audit_word new = {.document = document};
    const char *key;
    uint32_t at;
    bool added;
    imr_buf_printf(&both, "%s\n%s", query, document ? document : "");
    IMR_TRY(imr_buf_keep(&key, &both, c->a->arena, err));
    IMR_NEED(new.query = imr_arena_strdup(c->a->arena, query), err);
    IMR_NEED(imr_strmap_add(&c->places, key, strlen(key), (uint32_t)c->words.n, &at, &added), err);
    if (added)
        IMR_NEED(IMR_PUSH(&c->words, new), err);
    imr_audit_word *w = &c->words.v[at];
    if (w->last == row + 1)
        return IMR_OK;
    w->last = row + 1;
    w->queries++;
    w->lost += gain < -IMR_TIE;
    w->won += gain > IMR_TIE;
    w->sum += gain;
    return IMR_OK;
}

static imr_status count_text(counting *c, size_t row, imr_error *err)
{
    imr_normalise_step steps[IMR_NORMALISE_BERT_STEPS];
    const size_t n = imr_normalise_bert(steps, true, true, true, true);
    const imr_split_rule rule = IMR_SPLIT_WORDS;
    const char *text = imr_audit_query(c->a, row).text;
    IMR_TRY(imr_normalise(steps, n, text, strlen(text), 0, &c->chars, err));
    IMR_TRY(imr_pretokenise(&rule, 1, &c->chars, 0, c->chars.n, &c->pieces, err));
    for (size_t i = 0; i < c->pieces.n; i++) {
        IMR_AUTOBUF imr_buf word = {0};
        const imr_piece p = c->pieces.v[i];
        imr_chars_spell(&word, c->chars.v + p.first, p.last - p.first);
        IMR_TRY(imr_buf_check(&word, err));
        if (imr_word_is_named(imr_buf_text(&word)))
            IMR_TRY(count(c, row, imr_buf_text(&word), NULL, err));
    }
    return IMR_OK;
}

/* The most telling first. */
static int by_p(const void *x, const void *y)
{
    const imr_audit_word *a = x, *b = y;
    if (a->p != b->p)
        return a->p < b->p ? -1 : 1;
    if (fabs(a->sum) != fabs(b->sum))
        return fabs(a->sum) > fabs(b->sum) ? -1 : 1;
    const int by = strcmp(a->query, b->query);
    return by || !a->document || !b->document ? by : strcmp(a->document, b->document);
}

/* Those that stand in more losing (or winning) queries than by chance. */
static size_t choose(imr_audit_word *out, counting *c, bool won)
{
    const size_t N = c->a->done, side = won ? c->won : c->lost;
    size_t n = 0;
    for (size_t i = 0; i < c->words.n; i++) {
        imr_audit_word *w = &c->words.v[i];
        const size_t found = won ? w->won : w->lost;
        w->chance = (double)(w->queries * side) / (double)N;
        w->p = (double)found > w->chance ? imr_hypergeometric_p(found, w->queries, side, N) : 2;
    }
    if (c->words.n)
        qsort(c->words.v, c->words.n, sizeof *c->words.v, by_p);
    for (; n < IMR_AUDIT_WORDS && n < c->words.n && c->words.v[n].p <= 1; n++)
        out[n] = c->words.v[n];
    return n;
}

imr_status imr_audit_count_words(imr_audit *a, imr_error *err)
{
    IMR_CLEANUP(counting_done) counting c = {.a = a};
    const imr_eval *e = a->eval;
    if (!e->has_adapter || !e->metrics)
        return IMR_OK;
    for (size_t i = 0; i < a->done; i++) {
        const imr_audit_row *r = &a->rows[i];
        c.lost += r->number[IMR_AUDIT_GAIN] < -IMR_TIE;
        c.won += r->number[IMR_AUDIT_GAIN] > IMR_TIE;
        IMR_TRY(count_text(&c, i, err));
        for (size_t p = 0; p < IMR_AUDIT_PAIRS && r->pairs[p].query[0]; p++)
            IMR_TRY(count(&c, i, r->pairs[p].query, r->pairs[p].document, err));
    }
    size_t n = 0;
    for (size_t i = 0; i < c.words.n; i++)
        if (c.words.v[i].queries >= 2)
            c.words.v[n++] = c.words.v[i];
    a->words = c.words.n = n;
    a->n_lost = choose(a->lost, &c, false);
    a->n_won = choose(a->won, &c, true);
    return IMR_OK;
}
