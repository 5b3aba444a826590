#include "retrieval/bm25.h"

#include <assert.h>
#include <math.h>

#include <libstemmer.h>

#include "math/topk.h"
#include "text/utf8.h"

#define LONGEST_FUNCTION_WORD 6

typedef struct posting {
    uint32_t document, tf;
} posting;

typedef struct term {
    const char *text;
    double idf;
    IMR_ARRAY(posting) postings; /* documents ascending */
} term;

struct imr_bm25 {
    const imr_dataset *dataset; /* for ids; must outlive the index */
    imr_bm25_form form;
    IMR_ARRAY(term) terms;
    imr_strmap by_text;
    uint32_t *lengths;
    size_t n;
    double average;
};

void imr_bm25_free(imr_bm25 *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->terms.n; i++) {
        IMR_FREE((void *)(uintptr_t)b->terms.v[i].text, b->terms.v[i].postings.v);
    }
    IMR_FREE(b->terms.v, b->lengths);
    imr_strmap_done(&b->by_text);
    imr_free(b);
}

/* ---- terms ---- */

static bool is_function_word(const imr_buf *word, bool english)
{
    static const char reference[] =
        " the a an and or but in on at to for of with by is are was were be been being have has "
        "had "
        "do does did will would could should may might must can this that these those ";
    static const char lucene[] =
        " a an and are as at be but by for if in into is it no not of on or such that the their "
        "then there these they this to was will with ";
    char padded[LONGEST_FUNCTION_WORD + 3];
    if (word->len > LONGEST_FUNCTION_WORD)
        return false;
    snprintf(padded, sizeof padded, " %s ", imr_buf_text(word));
    return strstr(english ? lucene : reference, padded) != NULL;
}

/* Walks over the terms of a text. For the reference a run of letters, digits and underscores counts
 * only when it is ASCII letters throughout. */
typedef struct term_scan {
    const char *text;
    size_t len, pos;
    imr_buf word; /* the term found, lower-cased */
    bool english;
    struct sb_stemmer *stemmer; /* of English */
} term_scan;

static bool is_letter(uint32_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* The character at s->pos, lower-cased; false when it ends a run. */
static bool run_continues(const term_scan *s, uint32_t *c, size_t *n)
{
    unsigned char byte = (unsigned char)s->text[s->pos];
    *n = 1;
    if (byte < 0x80) { /* nearly always */
        *c = is_letter(byte) ? byte | 32 : byte;
        return is_letter(byte) || (byte >= '0' && byte <= '9') || byte == '_';
    }
    *n = imr_utf8_decode(s->text + s->pos, s->len - s->pos, c);
    bool word = imr_utf8_is_word(*c) && imr_utf8_cp_width(*c) > 0; /* marks end a run */
    *c = imr_utf8_lower(*c);                                       /* the Kelvin sign becomes a k */
    return word;
}

/* Whether the run in s->word is a term; an English one is stemmed. */
static bool take_term(term_scan *s, bool plain, size_t characters)
{
    if ((!s->english && (!plain || characters < 3)) || characters < 2 ||
        is_function_word(&s->word, s->english))
        return false;
    if (!s->english)
        return true;
    if (!s->stemmer && !(s->stemmer = sb_stemmer_new("english", NULL))) {
        s->word.failed = true;
        return false;
    }
    const sb_symbol *stem =
        sb_stemmer_stem(s->stemmer, (const sb_symbol *)imr_buf_text(&s->word), (int)s->word.len);
    const size_t n = (size_t)sb_stemmer_length(s->stemmer);
    imr_buf_clear(&s->word);
    imr_buf_add(&s->word, stem ? (const char *)stem : "", stem ? n : 0);
    s->word.failed |= !stem;
    return !s->word.failed;
}

/* The next term in s->word; false at the end or when memory ran out (imr_buf_check tells). */
static bool next_term(term_scan *s)
{
    while (s->pos < s->len) {
        uint32_t c;
        size_t n = 1, characters = 0;
        bool plain = true;
        imr_buf_clear(&s->word);
        for (; s->pos < s->len && run_continues(s, &c, &n); characters++) {
            s->pos += n;
            plain = plain && c >= 'a' && c <= 'z';
            char bytes[4];
            if (plain || s->english)
                imr_buf_add(&s->word, bytes, imr_utf8_encode(c, bytes));
        }
        if (!s->word.failed && take_term(s, plain, characters))
            return true;
        if (s->word.failed)
            return false;
        if (!characters)
            s->pos += n;
    }
    imr_buf_clear(&s->word);
    return false;
}

static void term_scan_done(term_scan *s)
{
    imr_buf_done(&s->word);
    sb_stemmer_delete(s->stemmer);
}

/* ---- building ---- */

static imr_status term_number(uint32_t *number, imr_bm25 *b, const imr_buf *word, imr_error *err)
{
    if (imr_strmap_get(&b->by_text, imr_buf_text(word), word->len, number))
        return IMR_OK;
    char *copy = imr_strndup(imr_buf_text(word), word->len);
    if (!copy || !IMR_PUSH(&b->terms, (term){.text = copy})) {
        imr_free(copy);
        return imr_fail_memory(err);
    }
    *number = (uint32_t)(b->terms.n - 1);
    return imr_strmap_add(&b->by_text, copy, word->len, *number, NULL, NULL) ? IMR_OK
                                                                             : imr_fail_memory(err);
}

static imr_status add_document(imr_bm25 *b, size_t document, const char *text, size_t len,
                               imr_error *err)
{
    IMR_CLEANUP(term_scan_done)
    term_scan s = {.text = text, .len = len, .english = b->form.english};
    while (next_term(&s)) {
        uint32_t number;
        IMR_TRY(term_number(&number, b, &s.word, err));
        assert(b->terms.v);
        term *t = &b->terms.v[number];
        size_t last = t->postings.n;
        if (last && t->postings.v[last - 1].document == document)
            t->postings.v[last - 1].tf++;
        else if (!IMR_PUSH(&t->postings, (posting){(uint32_t)document, 1}))
            return imr_fail_memory(err);
        b->lengths[document]++;
    }
    return imr_buf_check(&s.word, err);
}

static void finish(imr_bm25 *b)
{
    uint64_t total = 0;
    for (size_t i = 0; i < b->n; i++)
        total += b->lengths[i];
    b->average = b->n ? (double)total / (double)b->n : 0;
    for (size_t i = 0; i < b->terms.n; i++) {
        double df = (double)b->terms.v[i].postings.n;
        b->terms.v[i].idf = log(1 + ((double)b->n - df + 0.5) / (df + 0.5));
    }
}

imr_status imr_bm25_build(imr_bm25 **out, const imr_dataset *dataset, imr_bm25_form form,
                          const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_bm25_free_at) imr_bm25 *b = IMR_NEW(imr_bm25);
    IMR_NEED(b, err);
    b->form = form;
    b->dataset = dataset;
    b->n = dataset->documents.n;
    IMR_NEED(b->lengths = IMR_NEW_ARRAY(uint32_t, b->n), err);
    IMR_AUTOBUF imr_buf text = {0};
    IMR_AUTOBUF imr_buf body = {0};
    for (size_t i = 0; i < b->n; i++) {
        imr_buf_clear(&text);
        imr_buf_clear(&body);
        IMR_TRY(imr_dataset_read(dataset, i, &text, &body, err));
        imr_buf_char(&text, ' ');
        imr_buf_add(&text, imr_buf_text(&body), body.len);
        IMR_TRY(imr_buf_check(&text, err));
        IMR_TRY(add_document(b, i, text.data, text.len, err));
        if (i % 64 == 0 && !imr_progress_step(progress, "indexing words", i, b->n))
            return imr_fail(err, IMR_E_CANCELLED, "indexing words was cancelled");
    }
    finish(b);
    return IMR_GIVE(out, b);
}

imr_status imr_bm25_scores(const imr_bm25 *b, const char *query, size_t len, double *scores,
                           imr_error *err)
{
    for (size_t i = 0; i < b->n; i++)
        scores[i] = 0;
    IMR_CLEANUP(term_scan_done)
    term_scan s = {.text = query, .len = len, .english = b->form.english};
    while (next_term(&s)) {
        uint32_t number;
        if (!imr_strmap_get(&b->by_text, imr_buf_text(&s.word), s.word.len, &number))
            continue;
        const term *t = &b->terms.v[number];
        const imr_bm25_form f = b->form;
        for (size_t i = 0; i < t->postings.n; i++) {
            posting p = t->postings.v[i];
            double tf = p.tf;
            double norm = f.k1 * (1 - f.b + f.b * ((double)b->lengths[p.document] / b->average));
            scores[p.document] += t->idf * ((tf * (f.k1 + 1)) / (tf + norm));
        }
    }
    return imr_buf_check(&s.word, err);
}

imr_status imr_bm25_cache_scores(float *scores, const imr_bm25 *b, const imr_cache *c,
                                 const char *query, imr_error *err)
{
    IMR_AUTOFREE double *own = IMR_NEW_ARRAY(double, b->n);
    IMR_NEED(own, err);
    IMR_TRY(imr_bm25_scores(b, query, strlen(query), own, err));
    for (size_t i = 0; i < c->documents.ids.n; i++) {
        const uint32_t at = c->dataset_rows ? c->dataset_rows[i] : (uint32_t)i;
        scores[i] = at == UINT32_MAX ? 0 : (float)own[at];
    }
    return IMR_OK;
}

imr_status imr_bm25_negatives(const imr_bm25 *b, const char *query, size_t len,
                              const imr_qrels *qrels, const char *query_id, size_t want,
                              size_t pool, uint32_t *out, size_t *found, imr_error *err)
{
    IMR_AUTOFREE double *scores = IMR_NEW_ARRAY(double, b->n);
    IMR_AUTOFREE float *rounded = IMR_NEW_ARRAY(float, b->n);
    IMR_AUTOFREE uint32_t *ranked = IMR_NEW_ARRAY(uint32_t, pool < b->n ? pool : b->n);
    IMR_NEED(scores && rounded && ranked, err);
    IMR_TRY(imr_bm25_scores(b, query, len, scores, err));
    for (size_t i = 0; i < b->n; i++)
        rounded[i] = (float)scores[i];
    pool = imr_topk(ranked, pool, rounded, b->n, NULL);
    uint32_t at = 0;
    bool judged = qrels && imr_qrels_find(qrels, query_id, &at);
    size_t n = 0;
    for (size_t i = 0; i < pool && n < want; i++) {
        const char *id = imr_ids_at(&b->dataset->documents, ranked[i]);
        if (!judged || imr_qrels_grade(qrels, at, id, NULL) <= 0)
            out[n++] = ranked[i];
    }
    *found = n;
    return IMR_OK;
}
