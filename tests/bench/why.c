/* A key to its ranking, and the why of the document looked at: SciFact's size, MiniLM's shape. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/adapter.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "encoder/encoder.h"
#include "session/async.h"
#include "math/blas.h"
#include "retrieval/search.h"
#include "retrieval/store.h"
#include "session/ranker.h"
#include "tests/bench/bench.h"
#include "tests/bench/model.h"

enum { LONG = 400, LONG_TOKENS = 256, SHORT_TOKENS = 16, ASKED = 40, QUERY_WORDS = 9 };

typedef struct files {
    char *dir, *dataset, *cache, *encoder, *adapter;
} files;

static void write_dataset(const files *p, const bench_texts *t)
{
    imr_error err;
    imr_writer w;
    char *path = imr_path_join(p->dataset, "corpus.jsonl");
    bench_need(imr_dir_make(p->dataset, &err), &err);
    bench_need(imr_writer_open(&w, path, &err), &err);
    for (size_t i = 0; i < t->n; i++)
        imr_writer_printf(&w, "{\"_id\": \"d%zu\", \"title\": \"\", \"text\": \"%.*s\"}\n", i,
                          (int)t->len[i] - 1, t->text[i]);
    bench_need(imr_writer_commit(&w, &err), &err);
    imr_free(path);
}

/* Long texts get their vectors, as the cache of any collection has them; short ones vectors that
 * depend on their bytes alone, so that they are no candidates and cost no time. */
static imr_status vectors(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        imr_random r;
        uint64_t h = UINT64_C(1469598103934665603);
        if (t->lens[i] > 5 * SHORT_TOKENS) {
            IMR_TRY(imr_encoder_encode(user, &t->texts[i], &t->lens[i], 1, out + i * BENCH_N, NULL,
                                       NULL, err));
            continue;
        }
        for (size_t j = 0; j < t->lens[i]; j++)
            h = (h ^ (unsigned char)t->texts[i][j]) * UINT64_C(1099511628211);
        imr_random_init(&r, h);
        imr_random_fill_normal(&r, out + i * BENCH_N, BENCH_N, 0.05);
    }
    return IMR_OK;
}

static imr_session_options options_of(const files *p)
{
    return (imr_session_options){.adapter = p->adapter,
                                 .cache = p->cache,
                                 .token_table = "context",
                                 .settings = {.feedback_k = BENCH_K, .tokens = 10},
                                 .background = true};
}

/* Everything is kept for the next run. */
static void make(files *p, const bench_texts *t)
{
    imr_error err;
    imr_dataset *d;
    imr_encoder *e;
    imr_adapter *a;
    p->dir = bench_file("why");
    p->dataset = imr_path_join(p->dir, "dataset");
    p->cache = imr_path_join(p->dir, "cache");
    p->encoder = imr_path_join(p->dir, "encoder");
    p->adapter = imr_path_join(p->dir, "adapter.pt");
    if (imr_file_exists(p->adapter))
        return;
    bench_remove(p->dir);
    write_dataset(p, t);
    bench_model_write(p->encoder);
    bench_need(imr_dataset_open(&d, p->dataset, NULL, &err), &err);
    bench_need(imr_encoder_open(&e, p->encoder, NULL, &err), &err);
    char sha256[IMR_SHA256_HEX];
    bench_need(imr_encoder_sha256(e, sha256, &err), &err);
    const imr_encoder_identity identity = {
        .kind = "bert", .name = "why", .path = p->encoder, .sha256 = sha256};
    const imr_store_plan plan = {.dataset = d, .encoder = &identity, .n = BENCH_N};
    bench_need(imr_store_build(NULL, p->cache, &plan, vectors, e, NULL, &err), &err);
    bench_need(imr_adapter_new(&a, IMR_FORM_MEAN, BENCH_N, BENCH_N, BENCH_H, 1, &err), &err);
    bench_need(imr_adapter_save(a, p->adapter, NULL, 0, &err), &err);
    imr_adapter_free(a);
    imr_encoder_free(e);
    imr_dataset_free(d);
    imr_session *s; /* hears the words of the collection, as making a cache of it does */
    const imr_session_options o = options_of(p);
    bench_need(imr_session_open(&s, &o, NULL, &err), &err);
    imr_session_close(s);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return v[n / 2];
}

/* The first words of a long document: it is among the first of the ranking. */
static size_t query_of(char out[256], const bench_texts *t, size_t document, size_t words)
{
    size_t n = 0;
    for (size_t w = 0; w < words && n < 255; n++) {
        out[n] = t->text[document][n];
        w += out[n] == ' ';
    }
    out[n - 1] = '\0';
    return n - 1;
}

/* ---- one call after the other ---- */

static double measure_calls(const files *p, const bench_texts *t)
{
    imr_error err;
    imr_session *s;
    imr_encoder *e;
    double key[ASKED], parts[ASKED], why[ASKED], encoding[ASKED];
    float out[BENCH_N];
    const imr_session_options o = options_of(p);
    bench_need(imr_session_open(&s, &o, NULL, &err), &err);
    bench_need(imr_encoder_open(&e, p->encoder, NULL, &err), &err);
    for (size_t i = 0; i < ASKED; i++) {
        char text[256];
        imr_trace *trace;
        imr_detail *detail;
        query_of(text, t, i, QUERY_WORDS);
        const imr_request r = {.text = text};
        double at = imr_clock_seconds();
        bench_need(imr_session_run(s, &r, &trace, &err), &err);
        key[i] = imr_clock_seconds() - at;
        parts[i] = 1e-3 * (trace->timing.encode + trace->timing.search + trace->timing.adapt);
        const uint32_t row = trace->documents[0].row;
        const char *whole = t->text[row];
        const size_t len = t->len[row] - 1;
        at = imr_clock_seconds();
        bench_need(imr_encoder_encode(e, &whole, &len, 1, out, NULL, NULL, &err), &err);
        encoding[i] = imr_clock_seconds() - at;
        at = imr_clock_seconds();
        bench_need(imr_session_detail(s, trace, 0, IMR_DETAIL_WORDS, NULL, &detail, &err), &err);
        why[i] = imr_clock_seconds() - at;
        if (detail->why.pairs.problem[0])
            printf("  no pairs: %s\n", detail->why.pairs.problem);
        imr_detail_free(detail);
        imr_trace_free(trace);
    }
    const double a = median(key, ASKED), b = median(parts, ASKED), c = median(why, ASKED),
                 d = median(encoding, ASKED);
    printf("  %-44s%9.2f ms         %8.2f x encode + scan + adapt\n", "key to its ranking", 1e3 * a,
           a / b);
    printf("  %-44s%9.2f ms         %8.2f x encoding that document\n",
           "why of a document of 256 tokens, with pairs", 1e3 * c, c / d);
    imr_encoder_free(e);
    imr_session_close(s);
    return c;
}

/* ---- what is asked of one document ---- */

/* A depth of detail, made anew each time: a key is pressed before it. */
static double ask(imr_session *s, const char *text, size_t place, imr_detail_depth depth)
{
    imr_error err;
    imr_trace *trace;
    imr_detail *detail;
    const imr_request r = {.text = text, .settings = {.feedback_k = BENCH_K, .tokens = 10}};
    bench_need(imr_session_run(s, &r, &trace, &err), &err);
    const double at = imr_clock_seconds();
    bench_need(imr_session_detail(s, trace, place, depth, NULL, &detail, &err), &err);
    const double seconds = imr_clock_seconds() - at;
    imr_detail_free(detail);
    imr_trace_free(trace);
    return seconds;
}

/* A key, and the same with something else supposed. */
static void measure_what_if(imr_session *s, const bench_texts *t)
{
    enum { TIMES = 15 };
    static const char *const what[] = {"", "alpha:0.5", "off:document", "form:diagonal",
                                       "without:"};
    double key = 0;
    for (size_t k = 0; k < IMR_LEN(what); k++) {
        double seconds[TIMES];
        for (size_t i = 0; i < TIMES; i++) {
            imr_error err;
            imr_trace *trace;
            char text[256], term[64];
            query_of(text, t, 50 + k * TIMES + i, QUERY_WORDS);
            imr_request r = {.text = text, .settings = {.feedback_k = BENCH_K, .tokens = 10}};
            snprintf(term, sizeof term, "%s%.*s", what[k], k == IMR_LEN(what) - 1 ? 4 : 0, text);
            if (term[0])
                bench_need(imr_whatif_add(&r.settings.what_if, term, &err), &err);
            const double at = imr_clock_seconds();
            bench_need(imr_session_run(s, &r, &trace, &err), &err);
            seconds[i] = imr_clock_seconds() - at;
            imr_trace_free(trace);
        }
        const double found = median(seconds, TIMES);
        key = k ? key : found;
        char name[64];
        snprintf(name, sizeof name, what[k][0] ? "what if %s" : "a key", what[k]);
        printf("  %-44s%9.2f ms         %8.2f x a key\n", name, 1e3 * found, found / key);
    }
}

/* Why-not and deletion beside the why they contain. */
static void measure_questions(const files *p, const bench_texts *t)
{
    enum { TIMES = 9 };
    static const struct {
        const char *name;
        imr_detail_depth depth;
    } v[] = {{"why, as above", IMR_DETAIL_WORDS},
             {"why-not of the last listed", IMR_DETAIL_WHY_NOT},
             {"deletion of one query and document", IMR_DETAIL_DELETION}};
    imr_error err;
    imr_session *s;
    double why = 0;
    const imr_session_options o = options_of(p);
    bench_need(imr_session_open(&s, &o, NULL, &err), &err);
    for (size_t k = 0; k < IMR_LEN(v); k++) {
        double seconds[TIMES];
        for (size_t i = 0; i <= TIMES; i++) { /* the first builds what is kept: BM25 */
            char text[256];
            query_of(text, t, i, QUERY_WORDS);
            seconds[i ? i - 1 : 0] = ask(s, text, BENCH_K - 1, v[k].depth);
        }
        const double found = median(seconds, TIMES);
        why = k ? why : found;
        printf("  %-44s%9.2f ms         %8.2f x the why\n", v[k].name, 1e3 * found, found / why);
    }
    measure_what_if(s, t);
    imr_session_close(s);
}

/* ---- what each feedback document does ---- */

typedef struct leaving {
    imr_ranker ranker;
    imr_listing listing;
    imr_matrix left, right, out;
} leaving;

static void leave_each(void *user)
{
    leaving *x = user;
    imr_error err;
    bench_need(imr_ranker_influence(&x->ranker, &x->listing, &err), &err);
}

static void multiply(void *user)
{
    leaving *x = user;
    imr_blas_gemm(x->out.v, x->out.cols, 1, imr_matrix_view(&x->left), IMR_PLAIN,
                  imr_matrix_view(&x->right), IMR_TRANSPOSED, 0);
}

static void rank_a_key(void *user)
{
    leaving *x = user;
    imr_error err;
    imr_arena *arena = imr_arena_new();
    const imr_trace_settings settings = {.feedback_k = BENCH_K};
    bench_need(imr_ranker_run(&x->ranker, x->left.v, &settings, arena, NULL, &x->listing, &err),
               &err);
    imr_arena_free(arena);
}

static void rank_the_rest(void *user)
{
    imr_ranker *r = &((leaving *)user)->ranker;
    imr_error err;
    bench_need(
        imr_adapter_score(r->adapter, &r->run, r->projected.d, r->sim[IMR_STAGE_AFTER], NULL, &err),
        &err);
}

static void rank_words(void *user)
{
    leaving *x = user;
    imr_error err;
    uint32_t rank[3];
    const imr_trace_settings settings = {.feedback_k = BENCH_K};
    bench_need(imr_ranker_try(&x->ranker, rank, imr_view_of(x->left.v, 3, BENCH_N), 0, &settings,
                              NULL, &err),
               &err);
}

static void scan_once(void *user)
{
    const imr_ranker *r = &((leaving *)user)->ranker;
    imr_search_cosines(r->sim[IMR_STAGE_BEFORE], r->projected.d, r->query, NULL, 1);
}

/* What a why-not reads of the corpus, beside one product of all documents with a query. */
static void measure_reads(leaving *x)
{
    const bench_time product = bench_measure(scan_once, x);
    bench_row("key: all documents, 2 rankings", bench_measure(rank_a_key, x), product.wall,
              "a product with all");
    bench_row("why-not: all documents, the third", bench_measure(rank_the_rest, x), product.wall,
              "a product with all");
    bench_row("why-not: its rank for 3 more queries", bench_measure(rank_words, x), product.wall,
              "a product with all");
}

/* Beside one product with as many multiplications as the nets and the scores have. */
static void measure_influence(const files *p, imr_form form)
{
    enum { COLUMNS = BENCH_H + BENCH_H * BENCH_H / 2 / BENCH_N + BENCH_H + BENCH_K };
    imr_error err;
    imr_adapter *a;
    imr_cache *c;
    leaving x = {.left = bench_normal(BENCH_K, BENCH_N, 1),
                 .right = bench_normal(COLUMNS, BENCH_N, 2),
                 .out = bench_normal(BENCH_K, COLUMNS, 3)};
    imr_arena *arena = imr_arena_new();
    const imr_trace_settings settings = {.feedback_k = BENCH_K};
    bench_need(imr_adapter_open(&a, p->adapter, form, &err), &err);
    bench_need(imr_cache_open(&c, p->cache, NULL, &err), &err);
    bench_need(imr_ranker_init(&x.ranker, a, c, SIZE_MAX, NULL, &err), &err);
    bench_need(imr_ranker_run(&x.ranker, x.left.v, &settings, arena, NULL, &x.listing, &err), &err);
    const bench_time product = bench_measure(multiply, &x);
    char name[64];
    snprintf(name, sizeof name, "influence of 100 documents, form %s", imr_form_name(form));
    bench_row(name, bench_measure(leave_each, &x), product.wall, "a product of the same size");
    if (form == IMR_FORM_MEAN)
        measure_reads(&x);
    imr_ranker_done(&x.ranker);
    imr_cache_free(c);
    imr_adapter_free(a);
    imr_arena_free(arena);
    imr_matrix_done(&x.left), imr_matrix_done(&x.right), imr_matrix_done(&x.out);
}

/* ---- as the explorer calls ---- */

typedef struct desk {
    imr_async *jobs;
    imr_trace *trace;
    double ranked, looked, stopped; /* when the last of each came */
    size_t details;
} desk;

static void deliver(void *user, const imr_delivery *d)
{
    desk *k = user;
    const double now = imr_clock_seconds();
    if (d->status != IMR_E_CANCELLED)
        bench_need(d->status, &d->error);
    if (d->kind == IMR_ASYNC_QUERY && d->trace) {
        imr_trace_free(k->trace);
        k->trace = d->trace;
        k->ranked = now;
    }
    if (d->kind == IMR_ASYNC_DETAIL) {
        *(d->status == IMR_OK ? &k->looked : &k->stopped) = now;
        k->details += d->status == IMR_OK;
        imr_detail_free(d->detail);
    }
}

static void wait_for(desk *k, double seconds)
{
    const double end = imr_clock_seconds() + seconds;
    while (seconds > 0 ? imr_clock_seconds() < end : imr_async_pending(k->jobs) > 0) {
        struct pollfd fd = {imr_async_fd(k->jobs), POLLIN, 0};
        const double left = seconds > 0 ? end - imr_clock_seconds() : 1;
        (void)poll(&fd, 1, left > 0 ? (int)(left * 1e3) + 1 : 0);
        imr_async_reap(k->jobs);
    }
}

static double press(desk *k, const char *text)
{
    imr_error err;
    const imr_request r = {.text = text, .settings = {.feedback_k = BENCH_K, .tokens = 10}};
    const double at = imr_clock_seconds();
    bench_need(imr_async_query(k->jobs, &r, &err), &err);
    return at;
}

/* why: seconds that one takes. */
static void measure_worker(const files *p, const bench_texts *t, double why)
{
    imr_error err;
    desk k = {0};
    double stopped[ASKED], both[ASKED], next[ASKED];
    size_t n_stopped = 0, ahead = 0;
    const imr_session_options o = options_of(p);
    bench_need(imr_async_new(&k.jobs, deliver, &k, &err), &err);
    bench_need(imr_async_open(k.jobs, &o, &err), &err);
    wait_for(&k, 0);
    for (size_t i = 0; i < ASKED; i++) {
        char text[256], longer[256];
        query_of(text, t, ASKED + i, QUERY_WORDS);
        query_of(longer, t, ASKED + i, QUERY_WORDS + 1);
        double at = press(&k, text);
        while (k.ranked < at) /* the why begins */
            wait_for(&k, 1e-3);
        wait_for(&k, 1e-3 * (double)(1 + i % 20));
        at = press(&k, longer);
        wait_for(&k, 0);
        if (k.stopped > at)
            stopped[n_stopped++] = k.stopped - at;
        both[i] = k.looked - at;
        wait_for(&k, 5 * why); /* the neighbours are made */
        at = imr_clock_seconds();
        bench_need(imr_async_detail(k.jobs, k.trace, 1, IMR_DETAIL_WORDS, &err), &err);
        wait_for(&k, 0);
        next[ahead++] = k.looked - at;
    }
    const double stop = n_stopped ? median(stopped, n_stopped) : 0, all = median(both, ASKED),
                 at_once = median(next, ahead);
    if (n_stopped)
        printf("  %-44s%9.2f ms median%9.2f ms most, of %zu\n",
               "a why that a key overtakes stops after", 1e3 * stop, 1e3 * stopped[n_stopped - 1],
               n_stopped);
    printf("  %-44s%9.2f ms median\n", "key to its ranking and its why", 1e3 * all);
    printf("  %-44s%9.2f ms median%9.2f ms most\n", "j, when its document was made ahead",
           1e3 * at_once, 1e3 * next[ahead - 1]);
    imr_async_free(k.jobs);
    imr_trace_free(k.trace);
}

void bench_why(void)
{
    files p;
    size_t *tokens = bench_alloc(BENCH_DOCUMENTS, sizeof *tokens);
    for (size_t i = 0; i < BENCH_DOCUMENTS; i++)
        tokens[i] = i < LONG ? LONG_TOKENS : SHORT_TOKENS;
    bench_texts t = bench_texts_new("why", tokens, BENCH_DOCUMENTS, 17);
    make(&p, &t);
    measure_influence(&p, IMR_FORM_DIAGONAL);
    measure_influence(&p, IMR_FORM_MEAN);
    measure_questions(&p, &t);
    measure_worker(&p, &t, measure_calls(&p, &t));
    bench_texts_done(&t);
    imr_free(tokens);
    imr_free(p.dir);
    imr_free(p.dataset);
    imr_free(p.cache);
    imr_free(p.encoder);
    imr_free(p.adapter);
}
