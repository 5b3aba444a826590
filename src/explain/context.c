#include "explain/context.h"

#include <math.h>

#include "base/half.h"
#include "encoder/token_sum.h"
#include "explain/lens.h"
#include "math/random.h"

static const uint64_t SEED = 20260101; /* fixed: the same collection gives the same sample */

#define NO_ROW UINT32_MAX

/* A word of the corpus. */
typedef struct entry {
    const char *text;                /* the arena's */
    uint32_t documents, count, held; /* in how many; occurrences, and those in held documents */
    uint32_t last;                   /* document it was last seen in, plus one */
    uint32_t row;                    /* NO_ROW: none */
    uint32_t first_piece, pieces;    /* of a static encoder: in c->pieces */
} entry;

/* A token of a document that is read and not heard yet. */
typedef struct place {
    uint32_t row; /* of its word; NO_ROW: none */
    float weight; /* 1 / pieces of its word, 0: no piece */
} place;

typedef struct slot {
    IMR_ARRAY(place) places;
    size_t document;
    bool held;
} slot;

struct imr_context {
    const imr_encoder *e;
    size_t prefix_bytes, hidden;
    uint64_t *wanted, *held; /* bits; a document that was heard is wanted no more */
    size_t documents, sampled, missing;
    imr_tokens tokens;
    imr_arena *arena;
    imr_strmap by_text;
    IMR_ARRAY(entry) entries;
    IMR_ARRAY(uint32_t) pieces; /* ids */
    IMR_ARRAY(uint32_t) held_documents;
    IMR_ARRAY(uint32_t) starts, own; /* entries of held documents */
    uint32_t *order;                 /* [words] entries, in the order of their rows */
    size_t words;
    double *sum;     /* [words, hidden] of documents that are not held */
    float *held_sum; /* the same of those that are */
    double *all[2];  /* [hidden] sums over all pieces, likewise */
    double n_all[2]; /* pieces */
    IMR_ARRAY(slot) slots;
};

void imr_context_table_done(imr_context_table *t)
{
    imr_buf_done(&t->made);
    imr_file_unmap(&t->mapped);
    *t = (imr_context_table){0};
}

void imr_context_free(imr_context *c)
{
    if (!c)
        return;
    void *const all[] = {c->wanted,   c->held,  c->entries.v, c->pieces.v, c->held_documents.v,
                         c->starts.v, c->own.v, c->order,     c->sum,      c->held_sum,
                         c->all[0],   c->all[1]};
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_free(all[i]);
    imr_tokens_done(&c->tokens);
    imr_arena_free(c->arena);
    imr_strmap_done(&c->by_text);
    for (size_t i = 0; i < c->slots.n; i++)
        imr_free(c->slots.v[i].places.v);
    IMR_FREE(c->slots.v, c);
}

/* ---- which documents ---- */

static bool bit(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

/* Sets `need` of the bits that are set in `among` (NULL: of n), each subset of that size as likely
 * (Knuth, selection sampling). */
static void choose_some(uint64_t *bits, const uint64_t *among, size_t n, size_t left, size_t need,
                        imr_random *random)
{
    for (size_t i = 0; i < n && need > 0; i++) {
        if (among && !bit(among, i))
            continue;
        if (imr_random_below(random, left--) < need) {
            bits[i / 64] |= (uint64_t)1 << (i % 64);
            need--;
        }
    }
}

const char *imr_context_problem(const imr_encoder *e)
{
    const char *problem = imr_encoder_sum_problem(e);
    if (!*problem && imr_encoder_outputs(e) == 0)
        return "the encoder puts several poolings side by side, so a word has no one vector";
    return problem;
}

imr_status imr_context_new(imr_context **out, const imr_encoder *e, size_t documents,
                           size_t prefix_bytes, imr_error *err)
{
    const char *problem = imr_context_problem(e);
    if (*problem)
        return imr_fail(err, IMR_E_UNSUPPORTED, "there is no table of words in context: %s",
                        problem);
    imr_context *c = IMR_NEW(imr_context);
    IMR_NEED(c, err);
    c->e = e;
    c->prefix_bytes = prefix_bytes;
    c->hidden = imr_encoder_outputs(e);
    c->documents = documents;
    c->sampled = c->missing = documents < IMR_CONTEXT_DOCUMENTS ? documents : IMR_CONTEXT_DOCUMENTS;
    c->wanted = IMR_NEW_ARRAY(uint64_t, documents / 64 + 1);
    c->held = IMR_NEW_ARRAY(uint64_t, documents / 64 + 1);
    c->arena = imr_arena_new();
    c->all[0] = IMR_NEW_ARRAY(double, c->hidden);
    c->all[1] = IMR_NEW_ARRAY(double, c->hidden);
    if (!c->wanted || !c->held || !c->arena || !c->all[0] || !c->all[1] ||
        !IMR_PUSH(&c->starts, 0)) {
        imr_context_free(c);
        return imr_fail_memory(err);
    }
    imr_random random;
    imr_random_init(&random, SEED);
    const size_t quarter = c->sampled / 4;
    choose_some(c->wanted, NULL, documents, documents, c->sampled, &random);
    choose_some(c->held, c->wanted, documents, c->sampled,
                quarter < IMR_CONTEXT_HELD ? quarter : IMR_CONTEXT_HELD, &random);
    *out = c;
    return IMR_OK;
}

bool imr_context_wants(const imr_context *c, size_t document)
{
    return document < c->documents && bit(c->wanted, document);
}

bool imr_context_complete(const imr_context *c)
{
    return c->missing == 0;
}

/* ---- the first pass: which words ---- */

/* A static encoder has one row for all words it does not know, which says nothing of any. */
static bool is_piece(const imr_context *c, const imr_token *k)
{
    return k->word != IMR_NO_WORD && k->start >= c->prefix_bytes &&
           !(!c->e->transformer && c->e->tokenizer->flags[k->id] & IMR_TOKEN_UNKNOWN);
}

/* Pieces of the word that begins at token i, and where the next one begins. */
static size_t word_at(const imr_context *c, const imr_tokens *t, size_t i, size_t *next)
{
    size_t pieces = 0, at = i;
    for (; at < t->n && t->v[at].word == t->v[i].word; at++)
        pieces += is_piece(c, &t->v[at]);
    *next = at;
    return pieces;
}

static imr_status find_entry(entry **out, imr_context *c, const char *text, imr_error *err)
{
    uint32_t at;
    bool added;
    const size_t len = strlen(text);
    if (!imr_strmap_get(&c->by_text, text, len, &at)) {
        const char *kept = imr_arena_strndup(c->arena, text, len);
        if (!kept || !IMR_PUSH(&c->entries, (entry){.text = kept, .row = NO_ROW}) ||
            !imr_strmap_add(&c->by_text, kept, len, (uint32_t)c->entries.n - 1, &at, &added))
            return imr_fail_memory(err);
    }
    *out = &c->entries.v[at];
    return IMR_OK;
}

/* Of a static encoder all occurrences have the same pieces. */
static imr_status keep_pieces(imr_context *c, entry *e, size_t first, size_t last, imr_error *err)
{
    e->first_piece = (uint32_t)c->pieces.n;
    for (size_t i = first; i < last; i++) {
        if (!is_piece(c, &c->tokens.v[i]))
            continue;
        IMR_NEED(IMR_PUSH(&c->pieces, c->tokens.v[i].id), err);
        e->pieces++;
    }
    return IMR_OK;
}

imr_status imr_context_count(imr_context *c, size_t document, const char *text, size_t len,
                             imr_error *err)
{
    const bool held = bit(c->held, document);
    const imr_tokens *t = &c->tokens;
    IMR_TRY(imr_encoder_read_tokens(&c->tokens, c->e, text, len, err));
    for (size_t i = 0, next; i < t->n; i = next) {
        if (word_at(c, t, i, &next) == 0)
            continue;
        entry *e = NULL;
        IMR_TRY(find_entry(&e, c, imr_tokens_word(t, t->v[i].word), err));
        if (!c->e->transformer && e->count == 0)
            IMR_TRY(keep_pieces(c, e, i, next, err));
        e->count++;
        e->held += held;
        if (e->last == document + 1)
            continue;
        e->last = (uint32_t)document + 1;
        e->documents++;
        IMR_NEED(!held || IMR_PUSH(&c->own, (uint32_t)(e - c->entries.v)), err);
    }
    if (held && (!IMR_PUSH(&c->held_documents, (uint32_t)document) ||
                 !IMR_PUSH(&c->starts, (uint32_t)c->own.n)))
        return imr_fail_memory(err);
    return IMR_OK;
}

typedef struct ranked {
    const char *text;
    uint32_t documents, entry;
} ranked;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const ranked *)a)->text, ((const ranked *)b)->text);
}

static int by_documents(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->documents != y->documents)
        return x->documents > y->documents ? -1 : 1;
    return by_text(a, b);
}

/* A static encoder's words have the mean of their pieces' rows wherever they occur. */
static void sum_static(imr_context *c, double *word)
{
    const imr_view rows = imr_encoder_token_rows(c->e);
    for (size_t i = 0; i < c->entries.n; i++) {
        const entry *e = &c->entries.v[i];
        memset(word, 0, c->hidden * sizeof *word);
        for (size_t p = 0; p < e->pieces; p++) {
            const float *row = imr_view_row(&rows, c->pieces.v[e->first_piece + p]);
            for (size_t j = 0; j < c->hidden; j++)
                word[j] += (double)row[j];
        }
        const double held = e->held, others = (double)e->count - held, pieces = e->pieces;
        for (size_t j = 0; j < c->hidden; j++) {
            c->all[0][j] += others * word[j];
            c->all[1][j] += held * word[j];
        }
        c->n_all[0] += others * pieces;
        c->n_all[1] += held * pieces;
        for (size_t j = 0; j < c->hidden && e->row != NO_ROW; j++) {
            c->sum[e->row * c->hidden + j] = others * word[j] / pieces;
            c->held_sum[e->row * c->hidden + j] = (float)(held * word[j] / pieces);
        }
    }
    c->missing = 0;
}

imr_status imr_context_choose(imr_context *c, imr_error *err)
{
    const uint32_t least = c->sampled > IMR_CONTEXT_LARGE ? IMR_CONTEXT_MANY : IMR_CONTEXT_FEW;
    IMR_AUTOFREE ranked *all = IMR_NEW_ARRAY(ranked, c->entries.n);
    IMR_AUTOFREE double *word = IMR_NEW_ARRAY(double, c->hidden);
    IMR_NEED(all && word, err);
    size_t n = 0;
    for (size_t i = 0; i < c->entries.n; i++) {
        const entry *e = &c->entries.v[i];
        if (e->documents >= least && imr_token_is_word(e->text))
            all[n++] = (ranked){e->text, e->documents, (uint32_t)i};
    }
    if (n > IMR_CONTEXT_WORDS) {
        qsort(all, n, sizeof *all, by_documents);
        n = IMR_CONTEXT_WORDS;
    }
    if (n > 0)
        qsort(all, n, sizeof *all, by_text);
    c->order = IMR_NEW_ARRAY(uint32_t, n);
    c->sum = IMR_NEW_ARRAY(double, n * c->hidden);
    c->held_sum = IMR_NEW_ARRAY(float, n * c->hidden);
    IMR_NEED(c->order && c->sum && c->held_sum, err);
    c->words = n;
    for (size_t i = 0; i < n; i++) {
        c->order[i] = all[i].entry;
        c->entries.v[all[i].entry].row = (uint32_t)i;
    }
    if (!c->e->transformer)
        sum_static(c, word);
    return IMR_OK;
}

/* ---- the second pass: how they sound ---- */

imr_status imr_context_read(imr_context *c, size_t at, size_t document, const imr_tokens *tokens,
                            imr_error *err)
{
    while (c->slots.n <= at)
        IMR_NEED(IMR_PUSH(&c->slots, (slot){.document = 0}), err);
    slot *s = &c->slots.v[at];
    s->document = document;
    s->held = bit(c->held, document);
    s->places.n = 0;
    IMR_NEED(IMR_GROW(&s->places, tokens->n), err);
    for (size_t i = 0, next; i < tokens->n; i = next) {
        const size_t pieces = word_at(c, tokens, i, &next);
        uint32_t found, row = NO_ROW;
        if (pieces > 0) {
            const char *text = imr_tokens_word(tokens, tokens->v[i].word);
            if (imr_strmap_get(&c->by_text, text, strlen(text), &found))
                row = c->entries.v[found].row;
        }
        for (; i < next; i++)
            s->places.v[s->places.n++] =
                (place){row, is_piece(c, &tokens->v[i]) ? 1 / (float)pieces : 0};
    }
    return IMR_OK;
}

void imr_context_hear(imr_context *c, size_t at, imr_view rows)
{
    const slot *s = &c->slots.v[at];
    if (!imr_context_wants(c, s->document))
        return; /* heard before a stop */
    double *all = c->all[s->held];
    for (size_t i = 0; i < rows.rows; i++) {
        const place p = s->places.v[i];
        const float *h = imr_view_row(&rows, i);
        if (p.weight == 0)
            continue;
        c->n_all[s->held]++;
        for (size_t j = 0; j < c->hidden; j++)
            all[j] += (double)h[j];
        if (p.row == NO_ROW)
            continue;
        float *held = c->held_sum + p.row * c->hidden;
        double *sum = c->sum + p.row * c->hidden;
        if (s->held)
            for (size_t j = 0; j < c->hidden; j++)
                held[j] += p.weight * h[j];
        else
            for (size_t j = 0; j < c->hidden; j++)
                sum[j] += (double)p.weight * (double)h[j];
    }
    c->wanted[s->document / 64] &= ~((uint64_t)1 << (s->document % 64));
    c->missing--;
}

/* ---- the table ---- */

size_t imr_context_bytes(const imr_context_table *t)
{
    const size_t numbers = 2 * t->words + 2 * t->held + 1 + t->owned;
    return 6 * t->words * t->n + 4 * numbers + t->text_bytes;
}

void imr_context_lay_out(imr_context_table *t, const void *bytes)
{
    const float *rows = bytes;
    t->rows = imr_view_of(rows, t->words, t->n);
    t->documents = (const uint32_t *)(const void *)(rows + t->words * t->n);
    t->count = t->documents + t->words;
    t->held_documents = t->count + t->words;
    t->starts = t->held_documents + t->held;
    t->own = t->starts + t->held + 1;
    t->without = (const uint16_t *)(const void *)(t->own + t->owned);
    t->text = (const char *)(t->without + t->words * t->n);
}

/* The words of held documents that have a row: entries become their rows. */
static void keep_own(imr_context *c)
{
    uint32_t n = 0;
    for (size_t i = 0, k = 0; i < c->held_documents.n; i++) {
        for (; k < c->starts.v[i + 1]; k++) {
            const uint32_t row = c->entries.v[c->own.v[k]].row;
            if (row != NO_ROW)
                c->own.v[n++] = row;
        }
        c->starts.v[i + 1] = n;
    }
    c->own.n = n;
}

/* (sum [+ held]) / count - all / pieces for each word; NaN where count is 0. Without: as halves. */
static imr_status put_rows(imr_buf *out, const imr_context *c, bool with_held, imr_error *err)
{
    IMR_CLEANUP(imr_matrix_done) imr_matrix m = {0};
    IMR_TRY(imr_matrix_init(&m, c->words, c->hidden, err));
    const double pieces = c->n_all[0] + (with_held ? c->n_all[1] : 0);
    for (size_t w = 0; w < c->words; w++) {
        const entry *e = &c->entries.v[c->order[w]];
        const double count = (double)e->count - (with_held ? 0 : (double)e->held);
        const size_t at = w * c->hidden;
        for (size_t j = 0; j < c->hidden; j++) {
            const double sum = c->sum[at + j] + (with_held ? (double)c->held_sum[at + j] : 0);
            const double all = c->all[0][j] + (with_held ? c->all[1][j] : 0);
            m.v[at + j] = count > 0 ? (float)(sum / count - all / pieces) : NAN;
        }
    }
    IMR_TRY(imr_encoder_through_dense(&m, c->e, err));
    if (with_held)
        imr_buf_add(out, m.v, m.rows * m.cols * sizeof *m.v);
    for (size_t i = 0; !with_held && i < m.rows * m.cols; i++) {
        const uint16_t half = imr_f32_to_f16(m.v[i]);
        imr_buf_add(out, &half, sizeof half);
    }
    return imr_buf_check(out, err);
}

imr_status imr_context_finish(imr_context_table *out, imr_context *c, imr_error *err)
{
    IMR_CLEANUP(imr_context_table_done)
    imr_context_table t = {
        .words = c->words, .n = c->e->dim, .heard = c->sampled, .held = c->held_documents.n};
    imr_buf *b = &t.made;
    keep_own(c);
    t.owned = c->own.n;
    IMR_TRY(put_rows(b, c, true, err));
    for (size_t w = 0; w < c->words; w++)
        imr_buf_add(b, &c->entries.v[c->order[w]].documents, sizeof(uint32_t));
    for (size_t w = 0; w < c->words; w++)
        imr_buf_add(b, &c->entries.v[c->order[w]].count, sizeof(uint32_t));
    imr_buf_add(b, c->held_documents.v, t.held * sizeof(uint32_t));
    imr_buf_add(b, c->starts.v, c->starts.n * sizeof(uint32_t));
    imr_buf_add(b, c->own.v, t.owned * sizeof(uint32_t));
    IMR_TRY(put_rows(b, c, false, err));
    t.text_bytes = b->len;
    for (size_t w = 0; w < c->words; w++) {
        const char *text = c->entries.v[c->order[w]].text;
        imr_buf_add(b, text, strlen(text) + 1);
    }
    t.text_bytes = b->len - t.text_bytes;
    IMR_TRY(imr_buf_check(b, err));
    imr_context_lay_out(&t, b->data);
    *out = IMR_TAKE(t);
    return IMR_OK;
}
