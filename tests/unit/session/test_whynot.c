/* Why a document is not higher: against rankings of all documents by the definitions. */
#include "retrieval/bm25.h"
#include "tests/unit/session/find.h"
#include "tests/unit/session/why_support.h"

enum { K = 6 };

static imr_trace *ask_pinned(imr_session *s, const char *text, const char *id,
                             imr_trace_settings settings)
{
    imr_trace *t = NULL;
    const imr_request r = {
        .text = text, .pinned = &id, .n_pinned = id != NULL, .settings = settings};
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

static imr_detail *why_not(imr_session *s, const imr_trace *t, const char *id)
{
    imr_detail *d = NULL;
    CHECK(imr_trace_place(t, id) != SIZE_MAX);
    CHECK_OK(imr_session_detail(s, t, imr_trace_place(t, id), IMR_DETAIL_WHY_NOT, NULL, &d, &err));
    CHECK(d->why.why_not != NULL && d->why.why_not->sentence[0]);
    CHECK(strstr(d->why.why_not->sentence, "nan") == NULL);
    return d;
}

typedef struct set {
    imr_cache *cache;
    imr_adapter *adapter; /* NULL: the encoder alone */
    imr_encoder *encoder;
} set;

static set open_set(const fixture *f, bool adapter)
{
    set x = {0};
    CHECK_OK(imr_cache_open(&x.cache, f->cache, NULL, &err));
    CHECK_OK(imr_encoder_open(&x.encoder, f->encoder, NULL, &err));
    if (adapter)
        CHECK_OK(imr_adapter_open(&x.adapter, f->adapter, IMR_FORM_AUTO, &err));
    return x;
}

static void close_set(set *x)
{
    imr_encoder_free(x->encoder);
    imr_adapter_free(x->adapter);
    imr_cache_free(x->cache);
}

/* Cosines of all documents at a stage, for the query of a run. */
static void cosines(double out[DOCUMENTS], const set *x, const imr_why_run *r, imr_stage k)
{
    for (size_t i = 0; i < DOCUMENTS; i++) {
        float base[HIDDEN], d[M];
        double q[HIDDEN], doc[HIDDEN], modulated[M];
        const size_t n = k == IMR_STAGE_ENCODER ? HIDDEN : M;
        const float *from = k == IMR_STAGE_ENCODER  ? r->query_base
                            : k == IMR_STAGE_BEFORE ? r->q
                                                    : r->q_after;
        CHECK_OK(imr_cache_read_rows(x->cache, i, 1, base, &err));
        if (k == IMR_STAGE_BEFORE)
            CHECK_OK(imr_adapter_project(x->adapter, imr_view_of(base, 1, HIDDEN), d, &err));
        if (k == IMR_STAGE_AFTER)
            modulate(&x->adapter->w, IMR_W_DOC_NORM, base, r->document_scale, r->document_bias,
                     modulated);
        for (size_t j = 0; j < n; j++) {
            q[j] = (double)from[j];
            doc[j] = k == IMR_STAGE_ENCODER  ? (double)base[j]
                     : k == IMR_STAGE_BEFORE ? (double)d[j]
                                             : modulated[j];
        }
        out[i] = cosine(q, doc, n);
    }
}

/* Equal ones stand by id descending; closer than rounding only d9 and d10 are. */
static uint32_t rank_of(const double *v, uint32_t row)
{
    uint32_t rank = 1;
    for (size_t i = 0; i < DOCUMENTS; i++)
        rank += v[i] > v[row] + 1e-7;
    return rank;
}

static void check_ranks(const set *x, const imr_trace *t, const imr_why_not *w, uint32_t row)
{
    for (imr_stage k = 0; k < (x->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++) {
        double v[DOCUMENTS];
        cosines(v, x, &t->run, k);
        CHECK_INT(w->rank[k], rank_of(v, row));
        if (k + 1 == (x->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE)) {
            CHECK_NEAR(w->gap, v[t->documents[w->k - 1].row] - v[row], 1e-6);
            CHECK_NEAR(w->gap_sd, w->gap / t->reference[k].sd, 1e-9);
        }
    }
}

static bool says(const char *text, const char *word)
{
    char padded[4096], sought[16];
    snprintf(padded, sizeof padded, " %s ", text);
    for (char *c = padded; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 32) : *c == '\n' ? ' ' : *c;
    snprintf(sought, sizeof sought, " %s ", word);
    return strstr(padded, sought) != NULL;
}

/* The pairs are of the document at rank k, its words are not this one's, and none is larger. */
static void check_lacks(imr_session *s, const imr_trace *t, const imr_detail *d)
{
    const imr_why_not *w = d->why.why_not;
    imr_detail *above = look(s, t, w->k - 1);
    const imr_pairs *p = &above->why.pairs;
    const imr_stage k = p->raw[IMR_STAGE_AFTER] ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    size_t larger = 0, found = 0;
    CHECK_STR(above->document_id, w->above);
    for (size_t a = 0; a < p->n_query; a++)
        for (size_t b = 0; b < p->n_document; b++) {
            const double share = p->centred[k][a * (p->n_document + 1) + b] / p->reference[k].sd;
            bool has = false, listed = false;
            for (size_t i = 0; i < d->why.pairs.n_document; i++)
                has |= strcmp(d->why.pairs.document[i].text, p->document[b].text) == 0;
            for (size_t i = 0; i < w->n_lacks; i++)
                if (strcmp(w->lacks[i].query, p->query[a].text) == 0 &&
                    strcmp(w->lacks[i].document, p->document[b].text) == 0) {
                    CHECK_NEAR(w->lacks[i].share, share, 1e-12);
                    CHECK(!has);
                    listed = true;
                }
            found += listed;
            larger += !listed && !has && p->query[a].named && p->document[b].named &&
                      share >= 0.02 &&
                      (w->n_lacks < IMR_WHY_NOT_PAIRS || share > w->lacks[w->n_lacks - 1].share);
        }
    CHECK_INT(found, w->n_lacks);
    CHECK_INT(larger, 0);
    for (size_t i = 1; i < w->n_lacks; i++)
        CHECK(w->lacks[i].share <= w->lacks[i - 1].share);
    imr_detail_free(above);
}

/* How far a query brings the document above the listed ones, for the encoder. */
static double lead_of(const set *x, const imr_trace *t, const char *query, uint32_t row)
{
    float q[HIDDEN];
    double v[DOCUMENTS], mean = 0;
    imr_why_run run = t->run;
    encode(x->encoder, query, q);
    run.query_base = q;
    cosines(v, x, &run, IMR_STAGE_ENCODER);
    for (size_t i = 0; i < t->n_documents; i++)
        mean += v[t->documents[i].row] / (double)t->n_documents;
    return v[row] - mean;
}

static void check_words(imr_session *s, const set *x, const imr_trace *t, const imr_detail *d,
                        const char *query, uint32_t row)
{
    const imr_why_not *w = d->why.why_not;
    imr_trace_settings settings = t->settings;
    double least = INFINITY;
    char text[200];
    CHECK_INT(w->n_words, IMR_WHY_NOT_WORDS);
    settings.scope = IMR_SCOPE_RESCORE;
    for (size_t i = 0; i < w->n_words; i++) {
        double v[DOCUMENTS];
        snprintf(text, sizeof text, "%s %s", query, w->words[i].text);
        least = fmin(least, lead_of(x, t, text, row));
        imr_trace *with = ask_pinned(s, text, NULL, settings);
        cosines(v, x, &with->run, x->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER);
        CHECK_INT(w->words[i].rank, rank_of(v, row));
        CHECK(i == 0 || w->words[i - 1].rank <= w->words[i].rank);
        imr_trace_free(with);
    }
    for (char c = 'a'; c <= 'r'; c++) { /* no other word of it lifts it further */
        const char word[] = {'w', c, '\0'};
        bool among = false;
        for (size_t i = 0; i < w->n_words; i++)
            among |= strcmp(w->words[i].text, word) == 0;
        snprintf(text, sizeof text, "%s %s", query, word);
        if (!among && c != 'e' /* we */ && says(d->text, word) && !says(query, word))
            CHECK(lead_of(x, t, text, row) <= least + 1e-6);
    }
}

static void check_bm25(const set *x, const imr_why_not *w, const char *query, uint32_t row)
{
    imr_bm25 *index = NULL;
    double v[DOCUMENTS];
    uint32_t rank = 1;
    CHECK_OK(
        imr_bm25_build(&index, x->cache->dataset, (imr_bm25_form){true, 0.9, 0.4}, NULL, &err));
    CHECK_OK(imr_bm25_scores(index, query, strlen(query), v, &err));
    const char *own = imr_ids_at(&x->cache->documents.ids, row);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        rank += (float)v[i] > (float)v[row] ||
                ((float)v[i] == (float)v[row] &&
                 strcmp(imr_ids_at(&x->cache->documents.ids, i), own) > 0);
    CHECK(w->has_bm25);
    CHECK_INT(w->bm25, v[row] > 0 ? rank : 0);
    imr_bm25_free(index);
}

static void check_all(bool adapter, const char *query)
{
    fixture f = start(NULL);
    set x = open_set(&f, adapter);
    imr_session *s = open_session(&f, adapter, K);
    const imr_trace_settings settings = {.feedback_k = K, .tokens = 5, .ranking_k = 4};
    size_t outside = 0, inside = 0;
    for (uint32_t row = 0; row < DOCUMENTS; row += 3) {
        const char *id = imr_ids_at(&x.cache->documents.ids, row);
        imr_trace *t = ask_pinned(s, query, id, settings);
        imr_detail *d = why_not(s, t, id);
        const imr_why_not *w = d->why.why_not;
        const imr_trace_document *of = imr_trace_at(t, d->place);
        CHECK_INT(w->k, 4);
        CHECK_INT(w->rank[IMR_STAGE_ENCODER], of->rank_encoder);
        check_ranks(&x, t, w, row);
        check_lacks(s, t, d);
        check_bm25(&x, w, query, row);
        if (w->n_words == IMR_WHY_NOT_WORDS)
            check_words(s, &x, t, d, query, row);
        CHECK(w->candidate == (d->place < t->n_documents));
        if (w->candidate) {
            inside++;
        } else if (adapter) {
            imr_trace *wide =
                ask_pinned(s, query, NULL, (imr_trace_settings){.feedback_k = w->smallest_k});
            const size_t then = listed_at(wide, id);
            CHECK(then != SIZE_MAX && wide->documents[then].rank_after == w->rank_then);
            imr_trace_free(wide);
            wide =
                ask_pinned(s, query, NULL, (imr_trace_settings){.feedback_k = w->smallest_k - 1});
            CHECK(listed_at(wide, id) == SIZE_MAX);
            imr_trace_free(wide);
            CHECK_CONTAINS(w->sentence, "fell outside the 6 candidates. It becomes one from K = ");
            outside++;
        }
        imr_detail_free(d);
        imr_trace_free(t);
    }
    CHECK(inside > 0 && (!adapter || outside > 3));
    close_set(&x);
    finish(&f, s, NULL, NULL);
}

TEST("why a document is not higher: ranks, distance, candidates, pairs, words and BM25 as defined")
{
    check_all(true, "wa wt wb");
}

TEST("without an adapter there is one ranking, and no candidate to become")
{
    check_all(false, "wc wd");
}

TEST("a pinned document is in the trace whatever its rank, once, and an unknown one is not")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, K);
    const imr_trace_settings settings = {.feedback_k = K, .tokens = 5};
    imr_trace *t = ask_pinned(s, "wa wt wb", "nobody", settings);
    CHECK(imr_trace_place(t, "nobody") == SIZE_MAX);
    const size_t plain = t->n_left;
    imr_trace *listed = ask_pinned(s, "wa wt wb", t->documents[2].id, settings);
    imr_trace *left = ask_pinned(s, "wa wt wb", t->left[0].id, settings);
    CHECK_INT(listed->n_left, plain);
    CHECK_INT(left->n_left, plain);
    imr_trace_free(listed);
    imr_trace_free(left);
    imr_trace_free(t);
    t = ask_pinned(s, "wa wt wb", NULL, (imr_trace_settings){.feedback_k = DOCUMENTS});
    const imr_trace_document *last = &t->documents[0];
    for (size_t i = 0; i < t->n_documents; i++)
        last = t->documents[i].rank_encoder > last->rank_encoder ? &t->documents[i] : last;
    imr_trace *far = ask_pinned(s, "wa wt wb", last->id, settings);
    const size_t place = imr_trace_place(far, last->id);
    CHECK_INT(place, far->n_documents + far->n_left - 1);
    CHECK_INT(imr_trace_at(far, place)->rank_encoder, last->rank_encoder);
    CHECK_INT(imr_trace_at(far, place)->rank_before, last->rank_before);
    CHECK_INT(imr_trace_at(far, place)->rank_after, 0);
    CHECK_NEAR(imr_trace_at(far, place)->sim_before, last->sim_before, 0);
    imr_trace_free(far);
    finish(&f, s, t, NULL);
}

static void write_equal_words(const char *dir)
{
    imr_buf corpus = {0};
    for (int i = 0; i < 12; i++)
        imr_buf_printf(&corpus, "{\"_id\": \"d%d\", \"title\": \"\", \"text\": \"wb wc\"}\n", i);
    put_file(dir, "corpus.jsonl", imr_buf_text(&corpus));
    put_file(dir, "queries.jsonl", "{\"_id\": \"q0\", \"text\": \"wa\"}\n");
    imr_buf_done(&corpus);
}

TEST(
    "what cannot be asked is said, and equal documents, one candidate, no sum and no text are told")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, K);
    imr_trace *t = NULL;
    imr_detail *d = NULL;
    const imr_request beyond = {.text = "wa", .settings = {.feedback_k = K, .ranking_k = K + 1}};
    CHECK_INT(imr_session_run(s, &beyond, &t, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "rank 7 asked for, but 6 documents are listed");
    const imr_request pair = {.text = "wa", .document = "wb wc"};
    CHECK_OK(imr_session_run(s, &pair, &t, &err));
    CHECK_INT(imr_session_detail(s, t, 0, IMR_DETAIL_WHY_NOT, NULL, &d, &err), IMR_E_USAGE);
    imr_trace_free(t);
    t = ask_pinned(s, "wa", "d30", (imr_trace_settings){.feedback_k = 1});
    d = why_not(s, t, "d30");
    CHECK(isnan(d->why.why_not->gap_sd) && d->why.why_not->n_lacks == 0);
    CHECK(strstr(d->why.why_not->sentence, "sd") == NULL);
    finish(&f, s, t, d);
    f = start_with(NULL, write_equal_words);
    s = open_session(&f, true, 5);
    t = ask_pinned(s, "wa wb", "d0", (imr_trace_settings){.feedback_k = 5});
    d = why_not(s, t, "d0");
    CHECK(fabs(d->why.why_not->gap) < 1e-6 && isnan(d->why.why_not->gap_sd));
    finish(&f, s, t, d);
    f = start("{\"pooling_mode_cls_token\":true}");
    s = open_session(&f, true, K);
    t = ask_pinned(s, "wa wt wb", "d30", (imr_trace_settings){.feedback_k = K});
    d = why_not(s, t, "d30");
    CHECK_INT(d->why.why_not->n_lacks, 0);
    CHECK_INT(d->why.why_not->n_words, IMR_WHY_NOT_WORDS);
    CHECK_CONTAINS(d->why.pairs.problem, "CLS pooling");
    finish(&f, s, t, d);
    f = start(NULL);
    char corpus[600];
    snprintf(corpus, sizeof corpus, "%s/corpus.jsonl", f.dataset);
    CHECK_INT(remove(corpus), 0);
    s = open_session(&f, true, K);
    t = ask_pinned(s, "wa wt wb", "d30", (imr_trace_settings){.feedback_k = K});
    d = why_not(s, t, "d30");
    CHECK(d->why.why_not->n_words == 0 && !d->why.why_not->has_bm25);
    CHECK_CONTAINS(d->why.pairs.problem, "--dataset");
    finish(&f, s, t, d);
}

TEST("a why-not stops when it is told to, and every allocation of it can fail")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, K);
    imr_trace *t = ask_pinned(s, "wa wt wb", "d30", (imr_trace_settings){.feedback_k = K});
    const size_t place = imr_trace_place(t, "d30");
    imr_status status = IMR_E_MEMORY;
    imr_detail *d = NULL;
    int failures = 0;
    for (long i = 0; status != IMR_OK && i < 20000; i += i < 400 ? 1 : 7) {
        imr_mem_fail_after(i);
        status = imr_session_detail(s, t, place, IMR_DETAIL_WHY_NOT, NULL, &d, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        failures += status != IMR_OK;
    }
    CHECK(failures > 50 && status == IMR_OK);
    for (int steps = 1;; steps++) {
        int left = steps;
        const imr_progress p = {after_some, &left};
        imr_detail_free(d);
        d = NULL;
        imr_detail *other = look(s, t, 0); /* so that it is made anew */
        imr_detail_free(other);
        status = imr_session_detail(s, t, place > 0 ? 1 : 0, IMR_DETAIL_WHY_NOT, &p, &d, &err);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_CANCELLED);
        CHECK(steps < 500);
    }
    finish(&f, s, t, d);
}

TEST("what if holds for a why-not, too")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, K);
    static const char *const terms[] = {"alpha:0\n", "alpha:0.4\n", "off:query\n", "dim:-3\n",
                                        "without:wb\n"};
    for (size_t i = 0; i < IMR_LEN(terms); i++) {
        imr_trace_settings settings = {.feedback_k = K};
        snprintf(settings.what_if.terms, sizeof settings.what_if.terms, "%s", terms[i]);
        imr_trace *t = ask_pinned(s, "wa wt wb", "d30", settings);
        imr_detail *d = why_not(s, t, "d30");
        const imr_why_not *w = d->why.why_not;
        if (i == 0) /* now is before */
            CHECK_INT(w->rank[IMR_STAGE_AFTER], w->rank[IMR_STAGE_BEFORE]);
        settings.feedback_k = w->smallest_k;
        imr_trace *wide = ask_pinned(s, "wa wt wb", NULL, settings);
        const size_t place = listed_at(wide, "d30");
        CHECK(w->candidate || wide->documents[place].rank_after == w->rank_then);
        imr_trace_free(wide);
        imr_detail_free(d);
        imr_trace_free(t);
    }
    finish(&f, s, NULL, NULL);
}
