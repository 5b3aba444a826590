/* Do the words carry it: against texts without the words, encoded and scored by the definitions. */
#include "session/carry.h"

#include "adapter/adapter.h"
#include "explain/sentence.h"
#include "tests/unit/session/why_support.h"

enum { FIRST = 12 };

/* Ten or more of the words wwwa to wwwr in each; d3 has three. */
static void write_long_words(const char *dir)
{
    imr_random r;
    imr_random_init(&r, 8);
    imr_buf corpus = {0};
    for (int i = 0; i < FIRST; i++) {
        imr_buf_printf(&corpus, "{\"_id\": \"d%d\", \"title\": \"\", \"text\": \"", i);
        for (size_t w = 0; w < (i == 3 ? 3 : 12 + (size_t)i); w++)
            imr_buf_printf(&corpus, "%swww%c", w ? " " : "", (int)('a' + imr_random_below(&r, 18)));
        imr_buf_str(&corpus, "\"}\n");
    }
    put_file(dir, "corpus.jsonl", imr_buf_text(&corpus));
    put_file(dir, "queries.jsonl", "{\"_id\": \"q0\", \"text\": \"wwwa wwwb wwwc\"}\n");
    imr_buf_done(&corpus);
}

static fixture start_long(void)
{
    long_words = true;
    fixture f = start_with(NULL, write_long_words);
    long_words = false;
    return f;
}

static imr_detail *test_words(imr_session *s, const imr_trace *t, size_t place)
{
    imr_detail *d = NULL;
    CHECK_OK(imr_session_detail(s, t, place, IMR_DETAIL_DELETION, NULL, &d, &err));
    return d;
}

/* ---- by the definitions ---- */

/* text without the words of the list "a, b, c". */
static char *without(const char *text, const char *words)
{
    char *out = calloc(strlen(text) + 2, 1);
    size_t n = 0;
    for (const char *at = text; *at; at += at[4] ? 5 : 4) { /* words have four letters */
        const char word[] = {at[0], at[1], at[2], at[3], '\0'};
        if (strstr(words, word))
            continue;
        memcpy(out + n, word, 4);
        out[n + 4] = ' ';
        n += 5;
    }
    return out;
}

typedef struct naive {
    const imr_trace *t;
    const imr_cache *cache;
    const imr_weights *w;
    const imr_encoder *e;
    size_t place;
    imr_stage stage;
} naive;

/* The lead of the document over the average one at a stage, the texts as given. */
static double lead(const naive *v, const char *query, const char *document, bool query_changed)
{
    const imr_why_run *r = &v->t->run;
    float q[HIDDEN], d[HIDDEN];
    double sims[FIRST], mean = 0, qm[M], dm[M], q_double[HIDDEN], d_double[HIDDEN];
    encode(v->e, query, q);
    encode(v->e, document, d);
    for (size_t i = 0; i <= v->t->n_documents; i++) {
        const bool own = i == v->t->n_documents; /* the text given */
        float base[HIDDEN];
        memcpy(base, d, sizeof base);
        if (!own)
            CHECK_OK(imr_cache_read_rows(v->cache, v->t->documents[i].row, 1, base, &err));
        for (size_t j = 0; j < HIDDEN; j++)
            q_double[j] = (double)q[j], d_double[j] = (double)base[j];
        double sim = cosine(q_double, d_double, HIDDEN);
        if (v->stage == IMR_STAGE_AFTER) {
            modulate(v->w, IMR_W_QUERY_NORM, q, r->query_scale, r->query_bias, qm);
            modulate(v->w, IMR_W_DOC_NORM, base, r->document_scale, r->document_bias, dm);
            sim = cosine(qm, dm, M);
        }
        if (own)
            return (sim - (query_changed ? mean : v->t->reference[v->stage].mean)) /
                   v->t->reference[v->stage].sd;
        sims[i] = sim;
        mean += sims[i] / (double)v->t->n_documents;
    }
    return NAN;
}

/* Words of a side by their totals: the n-th largest (from 0), or from the end. */
static const char *by_share(const imr_pair_word *w, size_t n, imr_stage k, size_t nth, bool least)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = 0;
        for (size_t o = 0; o < n; o++)
            before += !w[o].special &&
                      (least ? w[o].total[k] < w[i].total[k] : w[o].total[k] > w[i].total[k]);
        if (!w[i].special && before == nth)
            return w[i].text;
    }
    return "none";
}

static void three(char out[64], const imr_pairs *p, imr_stage k, bool least)
{
    snprintf(out, 64, "%s, %s, %s", by_share(p->document, p->n_document, k, 0, least),
             by_share(p->document, p->n_document, k, 1, least),
             by_share(p->document, p->n_document, k, 2, least));
}

/* Is one of all threes of the document's words of this fall? */
static bool some_fall(const naive *v, const char *query, const imr_detail *d, double whole,
                      double fall)
{
    const imr_pair_word *w = d->why.pairs.document;
    const size_t n = d->why.pairs.n_document;
    bool found = false;
    for (size_t a = 0; a < n && !found; a++)
        for (size_t b = a + 1; b < n && !found; b++)
            for (size_t c = b + 1; c < n && !found; c++) {
                char words[64];
                if (w[a].special || w[b].special || w[c].special)
                    continue;
                snprintf(words, sizeof words, "%s, %s, %s", w[a].text, w[b].text, w[c].text);
                char *left = without(d->text, words);
                found |= fabs(whole - lead(v, query, left, false) - fall) < 1e-4;
                free(left);
            }
    return found;
}

static void check_carry(const naive *v, const char *query, const imr_detail *d)
{
    const imr_carry *c = d->why.carry[v->stage];
    const imr_pairs *p = &d->why.pairs;
    const double whole = v->t->documents[v->place].standing[v->stage];
    char expected[64];
    CHECK(c != NULL);
    CHECK_NEAR(c->lead, whole, 1e-9);
    three(expected, p, v->stage, false);
    CHECK_STR(c->of[IMR_CARRY_TOP].words, expected);
    for (int k = 0; k < IMR_CARRY_COUNT; k++) {
        const bool of_query = k >= IMR_CARRY_QUERY_TOP;
        if (!c->of[k].words)
            continue;
        char *left = without(of_query ? query : d->text, c->of[k].words);
        const double now = of_query ? lead(v, left, d->text, true) : lead(v, query, left, false);
        free(left);
        double mean = 0;
        for (const char *at = query; k == IMR_CARRY_QUERY_RANDOM && *at; at += at[4] ? 5 : 4) {
            const char word[] = {at[0], at[1], at[2], at[3], '\0'};
            left = without(query, word);
            mean += (whole - lead(v, left, d->text, true)) / 3; /* each of them */
            free(left);
        }
        if (k == IMR_CARRY_RANDOM) /* of two draws, this is one */
            CHECK(some_fall(v, query, d, whole, 2 * c->of[k].fall - (whole - now)));
        else if (k == IMR_CARRY_QUERY_RANDOM)
            CHECK_NEAR(c->of[k].fall, mean, 2e-4);
        else
            CHECK_NEAR(c->of[k].fall, whole - now, 2e-4);
    }
    three(expected, p, v->stage, true);
    for (size_t i = 0; i < 3; i++) {
        expected[6 * i + 4] = '\0';
        CHECK(strstr(c->of[IMR_CARRY_LEAST].words, expected + 6 * i) != NULL);
    }
    CHECK_STR(c->of[IMR_CARRY_QUERY_TOP].words, by_share(p->query, p->n_query, v->stage, 0, false));
}

TEST("what words carry is what the lead loses when the texts are encoded without them")
{
    const char query[] = "wwwa wwwb wwwc";
    fixture f = start_long();
    imr_session *s = open_session(&f, true, FIRST);
    imr_trace *t = ask(s, query, FIRST);
    imr_encoder *e = NULL;
    imr_adapter *a = NULL;
    imr_cache *cache = NULL;
    CHECK_OK(imr_encoder_open(&e, f.encoder, NULL, &err));
    CHECK_OK(imr_adapter_open(&a, f.adapter, IMR_FORM_AUTO, &err));
    CHECK_OK(imr_cache_open(&cache, f.cache, NULL, &err));
    size_t tested = 0;
    for (size_t place = 0; place < t->n_documents; place++) {
        imr_detail *d = test_words(s, t, place);
        if (strcmp(d->document_id, "d3") == 0) { /* three words: nothing to compare with */
            CHECK(!d->why.carry[IMR_STAGE_ENCODER]->of[IMR_CARRY_TOP].words);
            CHECK(!d->why.carry[IMR_STAGE_ENCODER]->of[IMR_CARRY_LEAST].words);
        } else if (tested < 2) {
            tested++;
            for (imr_stage k = IMR_STAGE_ENCODER; k < IMR_STAGE_COUNT; k += IMR_STAGE_AFTER)
                check_carry(&(naive){t, cache, &a->w, e, place, k}, query, d);
        }
        CHECK(d->why.carry[IMR_STAGE_BEFORE] == NULL && d->why.deletion == NULL);
        imr_detail_free(d);
    }
    imr_cache_free(cache);
    imr_adapter_free(a);
    imr_encoder_free(e);
    finish(&f, s, t, NULL);
}

TEST("the same words are drawn each time, and a deeper detail is kept in place of the other")
{
    fixture f = start_long();
    imr_session *s = open_session(&f, true, FIRST), *other = open_session(&f, true, FIRST);
    imr_trace *t = ask(s, "wwwa wwwb", FIRST), *u = ask(other, "wwwa wwwb", FIRST);
    imr_detail *plain = look(s, t, 1);
    CHECK(plain->why.carry[IMR_STAGE_AFTER] == NULL);
    imr_detail *x = test_words(s, t, 1), *y = test_words(other, u, 1), *again = look(s, t, 1);
    CHECK(again == x);
    CHECK_STR(x->why.carry[IMR_STAGE_AFTER]->of[IMR_CARRY_RANDOM].words,
              y->why.carry[IMR_STAGE_AFTER]->of[IMR_CARRY_RANDOM].words);
    CHECK_NEAR(x->why.carry[IMR_STAGE_AFTER]->of[IMR_CARRY_RANDOM].fall,
               y->why.carry[IMR_STAGE_AFTER]->of[IMR_CARRY_RANDOM].fall, 0);
    imr_detail_free(plain);
    imr_detail_free(again);
    imr_detail_free(y);
    imr_trace_free(u);
    imr_session_close(other);
    finish(&f, s, t, x);
}

TEST("where there is no reference, no sum or no text nothing is tested")
{
    fixture f = start_long();
    imr_session *s = open_session(&f, true, 1);
    imr_trace *t = ask(s, "wwwa wwwb", 1);
    imr_detail *d = test_words(s, t, 0);
    CHECK(!d->why.carry[IMR_STAGE_ENCODER] && !d->why.carry[IMR_STAGE_AFTER]);
    imr_faith faith = {0};
    CHECK_OK(imr_faith_open(&faith, s, NULL, &err));
    CHECK_OK(imr_faith_add(&faith, t, &err));
    CHECK(faith.n >= 2 && faith.rows[0].v[IMR_FAITH_TAU].n == 0 &&
          !imr_faith_holds(&faith.rows[0]));
    imr_faith_done(&faith);
    finish(&f, s, t, d);
    f = start("{\"pooling_mode_cls_token\":true}");
    s = open_session(&f, true, 10);
    t = ask(s, "wa wt wb", 10);
    d = test_words(s, t, 0);
    CHECK(!d->why.carry[IMR_STAGE_ENCODER] && d->why.n_deletion >= 1);
    CHECK_CONTAINS(d->why.pairs.problem, "CLS pooling");
    imr_detail_free(d);
    d = test_words(s, t, t->n_documents); /* one that left */
    CHECK(d->why.n_deletion > 1);
    finish(&f, s, t, d);
}

TEST("a test of words stops when it is told to, and every allocation of it can fail")
{
    fixture f = start_long();
    imr_session *s = open_session(&f, true, FIRST);
    imr_trace *t = ask(s, "wwwa wwwb wwwc", FIRST);
    imr_detail *d = NULL;
    imr_status status = IMR_E_MEMORY;
    int failures = 0;
    for (long i = 0; status != IMR_OK && i < 20000; i++) {
        imr_mem_fail_after(i);
        status = imr_session_detail(s, t, 1, IMR_DETAIL_DELETION, NULL, &d, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        failures += status != IMR_OK;
    }
    CHECK(failures > 50);
    for (int steps = 1;; steps++) {
        int left = steps;
        const imr_progress p = {after_some, &left};
        imr_detail_free(d);
        d = NULL;
        status = imr_session_detail(s, t, 2, IMR_DETAIL_DELETION, &p, &d, &err);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_CANCELLED);
        CHECK(steps < 500);
    }
    finish(&f, s, t, d);
}

/* ---- over queries ---- */

TEST("means and standard errors are those of the numbers, and what is not finite does not count")
{
    const double v[] = {2, NAN, 3.5, -1, 0.25};
    imr_spread s = {0};
    CHECK(isnan(imr_spread_mean(&s)) && isnan(imr_spread_error(&s)));
    for (size_t i = 0; i < IMR_LEN(v); i++)
        imr_spread_add(&s, v[i]);
    const double mean = (2 + 3.5 - 1 + 0.25) / 4;
    double square = 0;
    for (size_t i = 0; i < IMR_LEN(v); i++)
        square += i == 1 ? 0 : (v[i] - mean) * (v[i] - mean) / 3;
    CHECK_INT(s.n, 4);
    CHECK_NEAR(imr_spread_mean(&s), mean, 1e-12);
    CHECK_NEAR(imr_spread_error(&s), sqrt(square / 4), 1e-12);
}

TEST("words carry it when they beat random ones by far, and it is said when they do not")
{
    imr_carry c = {.lead = 3};
    imr_carry_table good = {0}, bad = {0}, none = {0};
    imr_buf text = {0};
    bool known;
    for (int i = 0; i < 10; i++) {
        c.of[IMR_CARRY_TOP].words = c.of[IMR_CARRY_RANDOM].words = "a";
        c.of[IMR_CARRY_TOP].fall = 2 + .1 * (i % 3);
        c.of[IMR_CARRY_RANDOM].fall = .1 * (i % 2);
        imr_carry_add(&good, &c);
        c.of[IMR_CARRY_TOP].fall = .2 + .3 * (i % 2);
        c.of[IMR_CARRY_RANDOM].fall = .2 + .3 * (i % 3 == 0);
        imr_carry_add(&bad, &c);
    }
    imr_carry_add(&none, NULL);
    CHECK(imr_carry_holds(&good, 0, &known) && known);
    CHECK(!imr_carry_holds(&bad, 0, &known) && known);
    CHECK(!imr_carry_holds(&good, 1, &known) && !known);
    CHECK(!imr_carry_holds(&none, 0, &known) && !known);
    imr_carry_say(&text, &good, 0);
    CHECK_CONTAINS(imr_buf_text(&text), "falls by 2.09 sd, without three random words of it it "
                                        "falls by 0.05: the words carry it.");
    imr_buf_clear(&text);
    imr_carry_say(&text, &bad, 0);
    CHECK_CONTAINS(imr_buf_text(&text), "do not carry it, no more than random ones do");
    imr_buf_clear(&text);
    imr_carry_say(&text, &good, 1);
    CHECK_INT(text.len, 0);
    imr_buf_done(&text);
}

/* ---- back-projected words ---- */

TEST("directions of words are taken out of every modulation as the definition has it")
{
    fixture f = start_long();
    imr_session *s = NULL;
    imr_adapter *a = NULL;
    imr_encoder *e = NULL;
    const imr_session_options o = {
        .adapter = f.adapter, .cache = f.cache, .token_table = "input", .settings.tokens = 10};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    CHECK_OK(imr_adapter_open(&a, f.adapter, IMR_FORM_AUTO, &err));
    CHECK_OK(imr_encoder_open(&e, f.encoder, NULL, &err));
    imr_trace *t = ask(s, "wwwa wwwb wwwc", FIRST);
    imr_faith faith = {0};
    CHECK_OK(imr_faith_open(&faith, s, NULL, &err));
    CHECK_INT(faith.n, 4); /* input and context */
    CHECK_OK(imr_faith_add(&faith, t, &err));
    imr_detail *d = NULL;
    const imr_request ten = {.text = "wwwa wwwb wwwc",
                             .settings = {.feedback_k = FIRST, .tokens = 10}};
    imr_trace_free(t);
    CHECK_OK(imr_session_run(s, &ten, &t, &err));
    d = look(s, t, 0);
    const imr_why_run *r = &t->run;
    const imr_word_list *l = &d->why.words[IMR_CHANGE_PAPER];
    const imr_view rows = imr_encoder_token_rows(e);
    const float *p = imr_weight(&a->w, IMR_W_PROJECTOR);
    double basis[10][M], sims[FIRST], mean = 0;
    CHECK(l->n_positive > 1);
    for (size_t w = 0; w < l->n_positive; w++) { /* Gram and Schmidt */
        double norm = 0;
        for (size_t i = 0; i < M; i++) {
            basis[w][i] = 0;
            for (size_t j = 0; j < HIDDEN; j++)
                basis[w][i] +=
                    (double)p[i * HIDDEN + j] * (double)imr_view_row(&rows, l->positive[w].id)[j];
        }
        for (int twice = 0; twice < 2; twice++)
            for (size_t b = 0; b < w; b++) {
                double dot = 0;
                for (size_t i = 0; i < M; i++)
                    dot += basis[b][i] * basis[w][i];
                for (size_t i = 0; i < M; i++)
                    basis[w][i] -= dot * basis[b][i];
            }
        for (size_t i = 0; i < M; i++)
            norm += basis[w][i] * basis[w][i];
        for (size_t i = 0; i < M; i++)
            basis[w][i] /= sqrt(norm);
    }
    for (size_t k = 0; k < FIRST; k++) {
        const float *x = r->d + k * M, *y = r->d_after + k * M;
        const double ratio = imr_nn_norm(y, M) / imr_nn_norm(x, M);
        double left[M], q[M];
        for (size_t i = 0; i < M; i++)
            left[i] = (double)y[i], q[i] = (double)r->q_after[i];
        for (size_t w = 0; w < l->n_positive; w++) {
            double part = 0;
            for (size_t i = 0; i < M; i++)
                part += basis[w][i] * ((double)y[i] - ratio * (double)x[i]);
            for (size_t i = 0; i < M; i++)
                left[i] -= part * basis[w][i];
        }
        sims[k] = cosine(q, left, M);
        mean += sims[k] / FIRST;
    }
    double tau = 0;
    size_t ten_still = 0;
    for (size_t i = 0; i < FIRST; i++) {
        size_t rank = 0;
        for (size_t k = 0; k < FIRST; k++) {
            rank += sims[k] > sims[i];
            if (k > i)
                tau += (sims[i] > sims[k] ? 1. : -1.) / (FIRST * (FIRST - 1) / 2.);
        }
        ten_still += i < 10 && rank < 10;
    }
    const imr_faith_row *row = &faith.rows[0];
    CHECK_STR(row->table, "input");
    CHECK_INT(row->kind, IMR_CHANGE_PAPER);
    CHECK_NEAR(imr_spread_mean(&row->v[IMR_FAITH_TAU]), tau, 1e-9);
    CHECK_NEAR(imr_spread_mean(&row->v[IMR_FAITH_OVERLAP]), (double)ten_still / 10, 1e-9);
    CHECK_NEAR(imr_spread_mean(&row->v[IMR_FAITH_FALL]),
               t->documents[0].standing[IMR_STAGE_AFTER] -
                   (sims[0] - mean) / t->reference[IMR_STAGE_AFTER].sd,
               1e-4);
    CHECK_NEAR(imr_spread_mean(&row->v[IMR_FAITH_BEATS]),
               imr_spread_mean(&row->v[IMR_FAITH_TAU_RANDOM]) -
                   imr_spread_mean(&row->v[IMR_FAITH_TAU]),
               1e-12);
    CHECK(imr_spread_mean(&row->v[IMR_FAITH_DRAWN]) >= 0);
    imr_faith_done(&faith);
    imr_encoder_free(e);
    imr_adapter_free(a);
    finish(&f, s, t, d);
}

TEST("an adapter of few dimensions is tested with fewer words")
{
    fixture f = start_long();
    imr_adapter *a = NULL;
    imr_session *s = NULL;
    imr_faith faith = {0};
    CHECK_OK(imr_adapter_new(&a, IMR_FORM_DIAGONAL, HIDDEN, 4, 4, 3, &err));
    snprintf(f.adapter, sizeof f.adapter, "%s", test_path(test_tmpdir(), "small.pt"));
    CHECK_OK(imr_adapter_save(a, f.adapter, NULL, 0, &err));
    imr_adapter_free(a);
    const imr_session_options o = {.adapter = f.adapter, .cache = f.cache};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    imr_trace *t = ask(s, "wwwa wwwb wwwc", FIRST);
    CHECK_OK(imr_faith_open(&faith, s, NULL, &err));
    CHECK_OK(imr_faith_add(&faith, t, &err));
    CHECK(faith.n == 4 && faith.rows[0].v[IMR_FAITH_TAU].n == 1);
    CHECK(isfinite(imr_spread_mean(&faith.rows[0].v[IMR_FAITH_TAU_RANDOM])));
    imr_faith_done(&faith);
    finish(&f, s, t, NULL);
}
