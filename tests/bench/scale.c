/*
 * bench make-cache DIR N n f32|f16: a made-up dataset of N documents in DIR/dataset and its cache
 * of n-dimensional vectors in DIR/cache, for looking at what grows with a collection.
 *
 * bench open-cache CACHE: how long any cache takes to open, and what memory; the same for the texts
 * of 100 documents anywhere in it, as a list of them needs.
 *
 * The same arguments give the same bytes. It goes through imr_store_build like any cache, so it can
 * be killed and started again.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"
#include "math/random.h"
#include "retrieval/store.h"
#include "tests/bench/bench.h"

enum { TITLE_WORDS = 5, TEXT_WORDS = 16, QUERY_WORDS = 6, JUDGED = 3 };

/* Odd, so that i -> i * SCATTER mod 2^32 repeats no id; ids are then in no order. */
#define SCATTER UINT32_C(2654435761)

static unsigned id_of(size_t document)
{
    return (unsigned)((uint32_t)document * SCATTER);
}

static imr_writer writer_in(const char *dir, const char *name)
{
    imr_error err;
    imr_writer w;
    char *path = imr_path_join(dir, name);
    if (!path)
        bench_need(imr_fail_memory(&err), &err);
    bench_need(imr_writer_open(&w, path, &err), &err);
    imr_free(path);
    return w;
}

static void put_lines(const char *dir, const char *name, size_t n, bool queries)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_error err;
    imr_random random;
    imr_random_init(&random, queries ? 2 : 1);
    imr_writer w = writer_in(dir, name);
    for (size_t i = 0; i < n; i++) {
        imr_buf_clear(&line);
        if (queries) {
            imr_buf_printf(&line, "{\"_id\":\"q%zu\",\"text\":\"", i);
            bench_sentence(&line, &random, QUERY_WORDS);
        } else {
            imr_buf_printf(&line, "{\"_id\":\"%08x\",\"title\":\"", id_of(i));
            bench_sentence(&line, &random, TITLE_WORDS);
            imr_buf_str(&line, "\",\"text\":\"");
            bench_sentence(&line, &random, TEXT_WORDS);
        }
        imr_buf_str(&line, "\"}\n");
        bench_need(imr_buf_check(&line, &err), &err);
        imr_writer_add(&w, line.data, line.len);
    }
    bench_need(imr_writer_commit(&w, &err), &err);
}

static void put_judgements(const char *dir, size_t documents)
{
    imr_error err;
    imr_random random;
    imr_random_init(&random, 3);
    imr_writer w = writer_in(dir, "test.tsv");
    imr_writer_printf(&w, "query-id\tcorpus-id\tscore\n");
    for (size_t i = 0; i < BENCH_QUERIES; i++) {
        size_t first = imr_random_below(&random, documents);
        for (size_t k = 0; k < JUDGED && k < documents; k++)
            imr_writer_printf(&w, "q%zu\t%08x\t1\n", i, id_of((first + k) % documents));
    }
    bench_need(imr_writer_commit(&w, &err), &err);
}

void bench_document_id(char out[32], size_t document)
{
    snprintf(out, 32, "%08x", id_of(document));
}

void bench_make_dataset(const char *dir, size_t documents)
{
    imr_error err;
    char *corpus = imr_path_join(dir, "corpus.jsonl"), *qrels = imr_path_join(dir, "qrels");
    if (!corpus || !qrels)
        bench_need(imr_fail_memory(&err), &err);
    if (!imr_file_exists(corpus)) {
        bench_need(imr_dir_make(qrels, &err), &err);
        put_lines(dir, "queries.jsonl", BENCH_QUERIES, true);
        put_judgements(qrels, documents);
        put_lines(dir, "corpus.jsonl", documents, false);
    }
    imr_free(corpus);
    imr_free(qrels);
}

/* Every value depends on the text alone: its hash seeds a generator of uniform values. */
static imr_status made_up(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    const size_t n = *(const size_t *)user;
    (void)err;
#pragma omp parallel for
    for (size_t i = 0; i < t->count; i++) {
        uint64_t h = UINT64_C(1469598103934665603);
        for (size_t j = 0; j < t->lens[i]; j++)
            h = (h ^ (unsigned char)t->texts[i][j]) * UINT64_C(1099511628211);
        for (size_t j = 0; j < n; j++) {
            h = h * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            out[i * n + j] = (float)(int32_t)(h >> 32) * 0x1p-31f;
        }
    }
    return IMR_OK;
}

static bool show(void *user, const imr_progress_info *info)
{
    double *shown = user, now = imr_clock_seconds();
    if (now - *shown > 1 && info->total) {
        printf("  %s %llu of %llu\n", info->what, (unsigned long long)info->done,
               (unsigned long long)info->total);
        *shown = now;
    }
    return true;
}

void bench_make(const char *dir, size_t documents, size_t n, imr_dtype dtype)
{
    imr_error err;
    double shown = imr_clock_seconds(), start = shown;
    char *data = imr_path_join(dir, "dataset"), *cache = imr_path_join(dir, "cache");
    if (!data || !cache)
        bench_need(imr_fail_memory(&err), &err);
    bench_make_dataset(data, documents);
    printf("  dataset of %zu documents: %.1f s\n", documents, imr_clock_seconds() - start);
    const imr_progress progress = {.fn = show, .user = &shown};
    const imr_dataset_options options = {.progress = &progress};
    imr_dataset *dataset;
    start = imr_clock_seconds();
    bench_need(imr_dataset_open(&dataset, data, &options, &err), &err);
    printf("  opened: %.1f s\n", imr_clock_seconds() - start);
    const imr_encoder_identity nobody = {.kind = "made-up", .name = "made-up"};
    const imr_store_plan plan = {.dataset = dataset, .encoder = &nobody, .n = n, .dtype = dtype};
    imr_store_result result;
    start = imr_clock_seconds();
    bench_need(imr_store_build(&result, cache, &plan, made_up, &n, &progress, &err), &err);
    printf("  cache: %.1f s, %zu rows of a stopped run, %zu new%s\n", imr_clock_seconds() - start,
           result.resumed_rows, result.encoded_rows, result.already ? ", it was there" : "");
    imr_dataset_free(dataset);
    imr_free(data);
    imr_free(cache);
}

/* Anonymous memory of this process in KB: what no file stands behind. */
static long anonymous_kb(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

static void open_once(void *user)
{
    imr_error err;
    imr_cache *c;
    bench_need(imr_cache_open(&c, user, NULL, &err), &err);
    imr_cache_free(c);
}

typedef struct page {
    const imr_cache *cache;
    imr_random random;
} page;

static void read_page(void *user)
{
    page *p = user;
    imr_error err;
    IMR_AUTOBUF imr_buf title = {0};
    IMR_AUTOBUF imr_buf text = {0};
    for (size_t i = 0; i < BENCH_K; i++) {
        size_t document = imr_random_below(&p->random, p->cache->documents.ids.n);
        bench_need(imr_cache_document(p->cache, document, &title, &text, &err), &err);
    }
}

int bench_open_cache(int argc, char **argv)
{
    imr_error err;
    imr_cache *c;
    if (argc != 1) {
        fputs("usage: ./dev bench open-cache CACHE\n", stderr);
        return 2;
    }
    double start = imr_clock_seconds();
    open_once(argv[0]);
    printf("  first opening: %.3f s\n", imr_clock_seconds() - start);
    bench_time t = bench_measure(open_once, argv[0]);
    long before = anonymous_kb();
    bench_need(imr_cache_open(&c, argv[0], NULL, &err), &err);
    printf("  %zu documents of %zu dimensions, %s%s%s, anonymous memory %ld KB\n",
           c->documents.ids.n, c->dim, imr_dtype_name(c->dtype), c->notice[0] ? ", " : "",
           c->notice, anonymous_kb() - before);
    bench_row("opening a cache", t, 0, "");
    page p = {.cache = c};
    imr_random_init(&p.random, 1);
    bench_row("100 documents anywhere", bench_measure(read_page, &p), 0, "");
    printf("  anonymous memory then %ld KB\n", anonymous_kb() - before);
    imr_cache_free(c);
    return 0;
}

static bool number_in(size_t *out, const char *text, int64_t most)
{
    int64_t v;
    if (!imr_parse_int(text, strlen(text), &v) || v < 1 || v > most)
        return false;
    *out = (size_t)v;
    return true;
}

int bench_make_cache(int argc, char **argv)
{
    size_t documents, n;
    if (argc != 4 || !number_in(&documents, argv[1], IMR_MAX_DOCUMENTS) ||
        !number_in(&n, argv[2], IMR_MAX_DIM) ||
        (strcmp(argv[3], "f32") != 0 && strcmp(argv[3], "f16") != 0)) {
        fputs("usage: ./dev bench make-cache DIR DOCUMENTS DIMENSION f32|f16\n", stderr);
        return 2;
    }
    bench_make(argv[0], documents, n, strcmp(argv[3], "f16") == 0 ? IMR_F16 : IMR_F32);
    return 0;
}
