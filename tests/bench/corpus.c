/* A corpus with encoder, cache and adapter in a temporary folder: SciFact when IMRNN_SHARED has it,
 * else a made-up one of its size. IMRNN_BENCH_DIR names a folder to keep them in for the next run.
 */
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/adapter.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "math/random.h"
#include "task/cache.h"
#include "task/cache.h"
#include "task/train.h"
#include "tests/bench/bench.h"

enum { WORDS = 30000, DOCUMENT_WORDS = 200, MADE_QUERIES = 300, QUERY_WORDS = 11 };

static char folder[512];
static bool keep;
static bench_corpus corpus;

/* ---- made-up text: Zipf's law over words of two to four syllables ---- */

static void word(imr_buf *out, size_t i)
{
    static const char *const syllables[] = {"ba",  "ce",  "di",  "fo",  "gu",  "ha",  "je",  "ki",
                                            "lo",  "mu",  "na",  "pe",  "qui", "ro",  "su",  "ta",
                                            "ve",  "wi",  "xo",  "zu",  "bra", "cle", "dri", "flo",
                                            "gru", "ska", "ple", "tri", "sto", "pru"};
    const size_t n = IMR_LEN(syllables);
    for (i += n; i > 0; i /= n)
        imr_buf_str(out, syllables[i % n]);
}

static size_t draw(const double *sums, imr_random *random)
{
    const double at = imr_random_uniform(random) * sums[WORDS - 1];
    size_t low = 0, high = WORDS - 1;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (sums[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void bench_sentence(imr_buf *out, imr_random *random, size_t words)
{
    static double sums[WORDS];
    for (size_t i = 0; i < WORDS && sums[WORDS - 1] == 0; i++)
        sums[i] = (i ? sums[i - 1] : 0) + 1 / (2.7 + (double)i);
    for (size_t i = 0; i < words; i++) {
        imr_buf_str(out, i ? " " : "");
        word(out, draw(sums, random));
    }
}

static void save(const char *name, imr_buf *text)
{
    imr_error err;
    char *path = imr_path_join(corpus.dataset, name);
    bench_need(imr_buf_check(text, &err), &err);
    bench_need(imr_file_write(path, text->data, text->len, &err), &err);
    imr_free(path);
    imr_buf_clear(text);
}

static void make_dataset(void)
{
    IMR_AUTOBUF imr_buf text = {0};
    imr_error err;
    imr_random random;
    imr_random_init(&random, 1);
    bench_need(imr_dir_make(corpus.dataset, &err), &err);
    for (size_t i = 0; i < BENCH_DOCUMENTS; i++) {
        imr_buf_printf(&text, "{\"_id\":\"%zu\",\"title\":\"", i);
        bench_sentence(&text, &random, 8);
        imr_buf_str(&text, "\",\"text\":\"");
        bench_sentence(&text, &random,
                       DOCUMENT_WORDS / 2 + imr_random_below(&random, DOCUMENT_WORDS));
        imr_buf_str(&text, ".\"}\n");
    }
    save("corpus.jsonl", &text);
    for (size_t i = 0; i < MADE_QUERIES; i++) {
        imr_buf_printf(&text, "{\"_id\":\"q%zu\",\"text\":\"", i);
        bench_sentence(&text, &random, QUERY_WORDS);
        imr_buf_str(&text, "\"}\n");
    }
    save("queries.jsonl", &text);
}

/* ---- everything a session needs ---- */

static void make_encoder(const imr_dataset *dataset)
{
    imr_error err;
    imr_static_train_options options = IMR_STATIC_TRAIN_DEFAULTS;
    size_t words;
    options.dim = BENCH_N;
    const double start = imr_clock_seconds(), cpu = bench_cpu_seconds();
    bench_need(imr_encoder_train(&words, corpus.encoder, dataset, &options, NULL, &err), &err);
    printf("  (encoder of %zu words, n %d, trained in %.1f s, %.1f s cpu)\n", words, BENCH_N,
           imr_clock_seconds() - start, bench_cpu_seconds() - cpu);
}

static void make_cache(const imr_dataset *dataset)
{
    imr_error err;
    imr_encoder *encoder;
    const double start = imr_clock_seconds(), cpu = bench_cpu_seconds();
    bench_need(imr_encoder_open(&encoder, corpus.encoder, NULL, &err), &err);
    bench_need(imr_cache_encode(NULL, corpus.cache, dataset, encoder, IMR_F32, true, NULL, &err),
               &err);
    imr_encoder_free(encoder);
    printf("  (cache of %zu documents and %zu queries in %.1f s, %.1f s cpu)\n",
           dataset->documents.n, dataset->query_ids.n, imr_clock_seconds() - start,
           bench_cpu_seconds() - cpu);
}

/* Two epochs where there are judgements; the made-up corpus has none, and the clock does not see
 * what the weights are. */
static void make_adapter(void)
{
    imr_error err;
    imr_train_outcome trained = {0};
    if (corpus.real) {
        imr_cache *cache;
        const imr_cache_options options = {.dataset = corpus.dataset};
        imr_train_plan plan = imr_train_plan_of(IMR_RECIPE_IMRNNS_01);
        plan.output_dim = BENCH_M;
        plan.hidden_dim = BENCH_H;
        plan.feedback_k = BENCH_K;
        plan.options.epochs = 2;
        const double start = imr_clock_seconds(), cpu = bench_cpu_seconds();
        bench_need(imr_cache_open(&cache, corpus.cache, &options, &err), &err);
        bench_need(imr_train_cache(&trained, cache, NULL, &plan, NULL, &err), &err);
        imr_cache_free(cache);
        printf("  (adapter: 2 epochs in %.1f s, %.1f s cpu)\n", imr_clock_seconds() - start,
               bench_cpu_seconds() - cpu);
    } else {
        bench_need(imr_adapter_new(&trained.adapter, IMR_FORM_DIAGONAL, BENCH_N, BENCH_M, BENCH_H,
                                   1, &err),
                   &err);
    }
    bench_need(imr_adapter_save(trained.adapter, corpus.adapter, NULL, 0, &err), &err);
    imr_train_outcome_done(&trained);
}

static char *path_of(const char *dir, const char *name)
{
    imr_error err;
    char *path = imr_path_join(dir, name);
    if (!path)
        bench_need(imr_fail_memory(&err), &err);
    return path;
}

static void choose_folder(void)
{
    const char *kept = getenv("IMRNN_BENCH_DIR"), *tmp = getenv("TMPDIR");
    imr_error err;
    if (folder[0])
        return;
    keep = kept && kept[0];
    if (keep) {
        snprintf(folder, sizeof folder, "%s", kept);
        bench_need(imr_dir_make(folder, &err), &err);
        return;
    }
    snprintf(folder, sizeof folder, "%s/imrnn-bench-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    if (!mkdtemp(folder)) {
        folder[0] = '\0';
        bench_need(imr_fail(&err, IMR_E_IO, "cannot make a temporary folder"), &err);
    }
}

static void choose_dataset(void)
{
    corpus.dataset = bench_shared("datasets/scifact");
    corpus.real = corpus.dataset != NULL;
    if (!corpus.real) {
        corpus.dataset = path_of(folder, "dataset");
        make_dataset();
    }
}

char *bench_shared(const char *name)
{
    const char *shared = getenv("IMRNN_SHARED");
    char *path = path_of(shared && shared[0] ? shared : "../shared", name);
    if (imr_dir_exists(path) || imr_file_exists(path))
        return path;
    imr_free(path);
    return NULL;
}

char *bench_file(const char *name)
{
    choose_folder();
    return path_of(folder, name);
}

const bench_corpus *bench_corpus_get(void)
{
    imr_error err;
    imr_dataset *dataset;
    if (corpus.adapter)
        return &corpus;
    choose_folder();
    choose_dataset();
    printf("  (%s)\n", corpus.real ? "SciFact" : "a made-up corpus of SciFact's size");
    corpus.encoder = path_of(folder, "encoder");
    corpus.cache = path_of(folder, "cache");
    corpus.adapter = path_of(folder, "adapter.pt");
    bench_need(imr_dataset_open(&dataset, corpus.dataset, NULL, &err), &err);
    if (!imr_dir_exists(corpus.encoder))
        make_encoder(dataset);
    if (!imr_dir_exists(corpus.cache))
        make_cache(dataset);
    if (!imr_file_exists(corpus.adapter))
        make_adapter();
    imr_dataset_free(dataset);
    return &corpus;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

void bench_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void bench_corpus_remove(void)
{
    if (folder[0] && !keep)
        bench_remove(folder);
    folder[0] = '\0';
    imr_free(corpus.dataset);
    imr_free(corpus.encoder);
    imr_free(corpus.cache);
    imr_free(corpus.adapter);
    corpus = (bench_corpus){0};
}
