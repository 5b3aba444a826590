#include "base/mem.h"
#include "encoder/encoder.h"
#include "encoder/transformer.h"
#include "format/npy.h"
#include "math/blas.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

static imr_encoder *open_or_fail(const char *folder)
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    return e;
}

/* ---- the oracle ---- */

static void same_as_oracle(const char *name, const char *kind, size_t dim, size_t longest)
{
    enum { MOST = 64, WIDEST = 24 };
    char part[128];
    snprintf(part, sizeof part, "oracle/encoders/%s", name);
    const char *folder = keep(test_shared(part));
    imr_encoder *e = open_or_fail(folder);
    CHECK_STR(e->kind, kind);
    CHECK_INT(e->dim, dim);
    CHECK_INT(e->max_tokens, longest);
    imr_json *json = NULL;
    CHECK_OK(imr_json_open(&json, test_path(folder, "expected_texts.json"), &err));
    imr_npy expected = {0};
    CHECK_OK(imr_npy_open(&expected, test_path(folder, "expected.npy"), &err));
    const char *texts[MOST];
    size_t lens[MOST], n = 0;
    imr_token_count counts[MOST];
    for (const imr_json *t = imr_json_child(json); t && n < MOST; t = imr_json_next(t)) {
        texts[n] = imr_json_string_or(t, "", "");
        lens[n] = strlen(texts[n]);
        n++;
    }
    CHECK(n > 5);
    CHECK_INT(expected.t.shape[0], n);
    CHECK_INT(expected.t.shape[1], dim);
    float found[MOST * WIDEST], want[MOST * WIDEST], one[WIDEST];
    CHECK_OK(imr_encoder_encode(e, texts, lens, n, found, counts, NULL, &err));
    CHECK_OK(imr_tensor_to_f32(&expected.t, want, &err));
    CHECK_ALL_NEAR(found, want, n * dim, 1e-5);
    CHECK_INT(counts[1].known - counts[2].known,
              2); /* "hello world" over the empty text, prefix or not */
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(imr_encoder_encode(e, texts + i, lens + i, 1, one, NULL, NULL, &err));
        CHECK_ALL_NEAR(one, found + i * dim, dim, 1e-6);
    }
    imr_npy_done(&expected);
    imr_json_free(json);
    imr_encoder_free(e);
}

TEST("a BERT with mean pooling gives the oracle's vectors")
{
    same_as_oracle("minilm-like-mean", "bert", 24, 256);
}

TEST("a BERT with CLS pooling gives the oracle's vectors")
{
    same_as_oracle("bge-like-cls", "bert", 16, 512);
}

TEST("a BERT in half precision with prompts gives the oracle's vectors")
{
    same_as_oracle("e5-like-prompt-fp16", "bert", 16, 512);
}

TEST("a BERT in pytorch_model.bin, max pooling, not normalised gives the oracle's vectors")
{
    same_as_oracle("bert-bin-max-unnormalised", "bert", 16, 128);
}

TEST("an MPNet gives the oracle's vectors")
{
    same_as_oracle("mpnet-like", "mpnet", 16, 384);
}

/* ---- the twin ---- */

/* A text of n random words, some unknown, the rest of the special tokens among them. */
static char *random_text(imr_random *r, size_t n)
{
    imr_buf b = {0};
    for (size_t i = 0; i < n; i++) {
        uint64_t pick = imr_random_below(r, 22);
        if (pick < 20)
            imr_buf_printf(&b, "w%c ", (char)('a' + pick));
        else
            imr_buf_str(&b, pick == 20 ? "unheard " : "<pad> ");
    }
    imr_buf_str(&b, "");
    char *text = strdup(imr_buf_text(&b));
    imr_buf_done(&b);
    CHECK(text != NULL);
    return text;
}

/* The ids the model sees: the first longest-1 and the last one. */
static size_t cut_ids(const tiny *t, const imr_encoder *e, const char *text, uint32_t *ids)
{
    imr_tokens tokens = {0};
    CHECK_OK(imr_encoder_tokenize(e, text, strlen(text), true, &tokens, &err));
    size_t n = tokens.n < t->longest ? tokens.n : t->longest;
    for (size_t i = 0; i < n; i++)
        ids[i] = tokens.v[i + 1 == n ? tokens.n - 1 : i].id;
    imr_tokens_done(&tokens);
    return n;
}

static void mean_of_twin(const tiny *t, const imr_encoder *e, const char *text, float *out)
{
    uint32_t ids[TINY_WIDEST];
    size_t n = cut_ids(t, e, text, ids);
    double *x = twin_forward(t, ids, n);
    for (size_t j = 0; j < t->hidden; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[i * t->hidden + j];
        out[j] = (float)(sum / (double)n);
    }
    free(x);
}

static void same_as_twin(const imr_kernels *kernels, bool mpnet, size_t hidden, size_t heads,
                         size_t inner, size_t longest)
{
    enum { N = 12, WIDEST = 80 };
    const imr_encoder_options options = {.kernels = kernels};
    tiny t = tiny_new(mpnet, hidden, heads, inner, longest);
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, t.dir, &options, &err));
    CHECK_INT(e->max_tokens, longest);
    char *texts[N];
    size_t lens[N];
    for (size_t i = 0; i < N; i++) {
        texts[i] = random_text(&t.random, i < 6 ? i : i * longest / 9);
        lens[i] = strlen(texts[i]);
    }
    float found[N * WIDEST], want[WIDEST], one[WIDEST];
    CHECK_OK(imr_encoder_encode(e, (const char *const *)texts, lens, N, found, NULL, NULL, &err));
    for (size_t i = 0; i < N; i++) {
        mean_of_twin(&t, e, texts[i], want);
        /* float32 through two layers of values of order 1 */
        CHECK_ALL_NEAR(found + i * hidden, want, hidden, 5e-6);
        CHECK_OK(imr_encoder_encode(e, (const char *const *)texts + i, lens + i, 1, one, NULL, NULL,
                                    &err));
        CHECK_ALL_NEAR(one, found + i * hidden, hidden, 5e-6);
        free(texts[i]);
    }
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("BERT equals a naive twin in double, whatever the sizes, lengths and kernels")
{
    const imr_kernels *k;
    for (size_t i = 0; (k = imr_kernels_at(i)); i++) {
        same_as_twin(k, false, 12, 3, 20, 40);
        same_as_twin(k, false, 40, 2, 8, 17);
        same_as_twin(k, false, 80, 5, 50, 60);
        same_as_twin(k, false, 7, 1, 1, 9);
    }
}

TEST("MPNet equals a naive twin in double, also beyond the farthest bucket")
{
    const imr_kernels *k;
    for (size_t i = 0; (k = imr_kernels_at(i)); i++) {
        same_as_twin(k, true, 12, 3, 20, 40);
        same_as_twin(k, true, 32, 2, 16, 300);
    }
}

TEST("relative positions fall into MPNet's buckets")
{
    static const struct {
        int64_t relative;
        size_t bucket;
    } rows[] = {{0, 0},    {-1, 1},   {-7, 7},    {-8, 8},     {-11, 8},  {-12, 9},
                {-15, 9},  {-16, 10}, {-22, 10},  {-23, 11},   {-32, 12}, {-64, 14},
                {-90, 14}, {-91, 15}, {-128, 15}, {-9999, 15}, {1, 17},   {7, 23},
                {8, 24},   {16, 26},  {31, 27},   {32, 28},    {127, 31}, {9999, 31}};
    for (size_t i = 0; i < IMR_LEN(rows); i++)
        CHECK_INT(imr_mpnet_bucket(rows[i].relative), rows[i].bucket);
    for (long r = -600; r <= 600; r++)
        CHECK_INT(imr_mpnet_bucket(r), twin_bucket(r));
}

/* ---- tokens alone ---- */

/* [CLS] id [SEP] through the twin, whatever the id is: also special ones, which no text gives. */
static void tokens_as_twin(bool mpnet)
{
    enum { D = 12 };
    tiny t = tiny_new(mpnet, D, 3, 20, 3);
    imr_encoder *e = open_or_fail(t.dir);
    uint32_t ids[TINY_VOCAB];
    float found[TINY_VOCAB * D], want[TINY_VOCAB * D] = {0}, again[D];
    for (uint32_t i = 0; i < TINY_VOCAB; i++) {
        ids[i] = i;
        const uint32_t framed[3] = {mpnet ? 0 : 2, i, mpnet ? 2 : 3};
        double *x = twin_forward(&t, framed, 3);
        for (size_t j = 0; j < D; j++)
            want[i * D + j] = (float)((x[j] + x[D + j] + x[2 * D + j]) / 3);
        free(x);
    }
    CHECK_OK(imr_encoder_encode_tokens(e, ids, TINY_VOCAB, found, NULL, &err));
    CHECK_ALL_NEAR(found, want, TINY_VOCAB * D, 5e-6);
    for (uint32_t i = 4; i < TINY_VOCAB; i++) {
        const char *text = imr_encoder_token_text(e, i);
        const size_t len = strlen(text);
        CHECK_OK(imr_encoder_encode(e, &text, &len, 1, again, NULL, NULL, &err));
        CHECK_ALL_NEAR(again, found + i * D, D, 1e-6);
    }
    ids[0] = TINY_VOCAB;
    CHECK_INT(imr_encoder_encode_tokens(e, ids, 1, found, NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "no token 24");
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("a token alone is encoded between the special tokens, as the twin does it")
{
    tokens_as_twin(false);
    tokens_as_twin(true);
}

/* Tokens whose name, as a text, gives that token only. */
static void tokens_as_texts(const char *name)
{
    enum { SOME = 40, WIDEST = 24 };
    char part[128];
    snprintf(part, sizeof part, "oracle/encoders/%s", name);
    imr_encoder *e = open_or_fail(test_shared(part));
    const size_t n = e->dim, vocab = imr_encoder_token_count(e);
    CHECK(n <= WIDEST);
    float found[WIDEST], want[WIDEST];
    size_t compared = 0;
    imr_tokens tokens = {0};
    for (uint32_t id = 0; id < vocab && compared < SOME; id++) {
        const char *text = imr_encoder_token_text(e, id);
        const size_t len = strlen(text);
        CHECK_OK(imr_encoder_tokenize(e, text, len, false, &tokens, &err));
        if (tokens.n != 1 || tokens.v[0].id != id || (e->tokenizer->flags[id] & IMR_TOKEN_UNKNOWN))
            continue;
        CHECK_OK(imr_encoder_encode(e, &text, &len, 1, want, NULL, NULL, &err));
        CHECK_OK(imr_encoder_encode_tokens(e, &id, 1, found, NULL, &err));
        CHECK_ALL_NEAR(found, want, n, 1e-6);
        compared++;
    }
    CHECK(compared > 10);
    imr_tokens_done(&tokens);
    imr_encoder_free(e);
}

TEST("a token alone has the vector of the text that is only it, in every folder of the oracle")
{
    static const char *const names[] = {"minilm-like-mean",
                                        "bge-like-cls",
                                        "e5-like-prompt-fp16",
                                        "bert-bin-max-unnormalised",
                                        "mpnet-like",
                                        "static-model2vec",
                                        "static-sentence-transformers"};
    for (size_t i = 0; i < IMR_LEN(names); i++)
        tokens_as_texts(names[i]);
}

/* ---- threads ---- */

typedef struct watcher {
    size_t calls, stop_after, total;
    uint64_t done;
} watcher;

static bool watch(void *user, const imr_progress_info *info)
{
    watcher *w = user;
    CHECK(info->done >= w->done && info->total == w->total);
    w->done = info->done;
    return ++w->calls != w->stop_after;
}

/* Large enough that threads pay: a text of 40 tokens is shared by columns, one of 100 by rows, and
 * all of them by text. */
TEST("a vector is the same to the bit with any number of threads and any texts beside it")
{
    enum { N = 40, HIDDEN = 96, LONGEST = 100 };
    tiny t = tiny_new(true, HIDDEN, 3, 384, LONGEST);
    imr_encoder *e = open_or_fail(t.dir);
    char *texts[N];
    size_t lens[N];
    static float alone[N * HIDDEN], found[N * HIDDEN], twin[HIDDEN];
    imr_blas_set_threads(1);
    for (size_t i = 0; i < N; i++) {
        texts[i] = random_text(&t.random, i == 7 ? 2 * LONGEST : i == 8 ? 38 : i * 2);
        lens[i] = strlen(texts[i]);
        CHECK_OK(imr_encoder_encode(e, (const char *const *)texts + i, lens + i, 1,
                                    alone + i * HIDDEN, NULL, NULL, &err));
        mean_of_twin(&t, e, texts[i], twin);
        CHECK_ALL_NEAR(alone + i * HIDDEN, twin, HIDDEN, 1e-5);
    }
    for (int threads = 1; threads <= 5; threads++) {
        imr_blas_set_threads(threads);
        for (size_t n = 1; n <= N; n = n < 4 ? n + 1 : n * 3) {
            for (size_t first = 0; first + n <= N; first += n) {
                CHECK_OK(imr_encoder_encode(e, (const char *const *)texts + first, lens + first, n,
                                            found + first * HIDDEN, NULL, NULL, &err));
                CHECK(memcmp(found + first * HIDDEN, alone + first * HIDDEN,
                             n * HIDDEN * sizeof *found) == 0);
            }
        }
    }
    /* Inside a parallel region there are fewer threads than asked for. */
    imr_status inside = IMR_E_MEMORY;
#pragma omp parallel num_threads(2)
#pragma omp single
    inside =
        imr_encoder_encode(e, (const char *const *)texts + 8, lens + 8, 1, found, NULL, NULL, NULL);
    CHECK_INT(inside, IMR_OK);
    CHECK(memcmp(found, alone + 8 * HIDDEN, HIDDEN * sizeof *found) == 0);
    watcher w = {.stop_after = 2, .total = N};
    imr_progress p = {watch, &w};
    for (size_t n = 1; n <= N; n += N - 1) {
        w.calls = w.done = 0;
        w.total = n;
        imr_blas_set_threads(2);
        CHECK_INT(imr_encoder_encode(e, (const char *const *)texts + (n == 1 ? 7 : 0),
                                     lens + (n == 1 ? 7 : 0), n, found, NULL, &p, &err),
                  IMR_E_CANCELLED);
    }
    imr_blas_set_threads(0);
    for (size_t i = 0; i < N; i++)
        free(texts[i]);
    imr_encoder_free(e);
    tiny_done(&t);
}

/* ---- kernels ---- */

TEST("attention with scores in the hundreds neither overflows nor loses the largest")
{
    /* One head of width 1, two tokens: scores q k = 400, 0 and 0, 0. */
    const float qkv[6] = {20, 20, 1, 0, 0, 3};
    const size_t starts[2] = {0, 2};
    for (size_t i = 0; imr_kernels_at(i); i++) {
        imr_attention a = {
            .kernels = imr_kernels_at(i), .width = 1, .qkv = qkv, .stride = 3, .starts = starts};
        float *scratch = imr_alloc_aligned(imr_layer_scratch(a.kernels, 2, 1), sizeof(float));
        CHECK(scratch != NULL);
        float out[2];
        imr_layer_attend(out, 1, &a, 0, scratch);
        CHECK_NEAR(out[0], 1, 1e-6);
        CHECK_NEAR(out[1], 2, 1e-6);
        imr_free(scratch);
    }
}

/* ---- calls ---- */

TEST("known counts neither special nor unknown tokens, and the table is the word embeddings")
{
    tiny t = tiny_new(false, 12, 3, 20, 8);
    imr_encoder *e = open_or_fail(t.dir);
    const char *texts[] = {"wa unheard wb", "", "[SEP] wa", "wa wb wc wd we wf wg wh"};
    size_t lens[] = {13, 0, 8, 23};
    imr_token_count counts[4];
    float out[48];
    CHECK_OK(imr_encoder_encode(e, texts, lens, 4, out, counts, NULL, &err));
    CHECK_INT(counts[0].known, 2);
    CHECK_INT(counts[1].known, 0);
    CHECK_INT(counts[2].known, 1);
    CHECK_INT(counts[3].known, 6); /* [CLS] and [SEP] take two of eight */
    imr_view rows = imr_encoder_token_rows(e);
    CHECK_INT(rows.rows, TINY_VOCAB);
    CHECK(memcmp(rows.v, tiny_at(&t, "embeddings.word_embeddings.weight"),
                 TINY_VOCAB * 12 * sizeof(float)) == 0);
    CHECK_OK(imr_encoder_encode(e, NULL, NULL, 0, NULL, NULL, NULL, &err));
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("many texts go through batches with progress, can be stopped, and name the one that fails")
{
    enum { N = 600, D = 12 };
    tiny t = tiny_new(false, D, 3, 20, 12);
    imr_encoder *e = open_or_fail(t.dir);
    char *texts[N];
    size_t lens[N];
    for (size_t i = 0; i < N; i++) {
        texts[i] = random_text(&t.random, i < 520 ? imr_random_below(&t.random, 12) : 0);
        lens[i] = strlen(texts[i]);
    }
    static float out[N * D], again[N * D];
    const char *const *given = (const char *const *)texts;
    watcher w = {.total = N};
    imr_progress p = {watch, &w};
    CHECK_OK(imr_encoder_encode(e, given, lens, N, out, NULL, &p, &err));
    CHECK_INT(w.done, N);
    CHECK(w.calls > 6);
    for (size_t first = 0; first < N; first += 37) {
        size_t n = N - first < 37 ? N - first : 37;
        CHECK_OK(imr_encoder_encode(e, given + first, lens + first, n, again + first * D, NULL,
                                    NULL, &err));
    }
    CHECK_ALL_NEAR(again, out, N * D, 1e-6);
    w = (watcher){.stop_after = 4, .total = N};
    CHECK_INT(imr_encoder_encode(e, given, lens, N, out, NULL, &p, &err), IMR_E_CANCELLED);
    CHECK_INT(w.calls, 4);
    lens[70] = IMR_MAX_TEXT_BYTES + 1;
    CHECK_INT(imr_encoder_encode(e, given, lens, N, out, NULL, NULL, &err), IMR_E_LIMIT);
    CHECK_CONTAINS(err.text, "text 70: ");
    for (size_t i = 0; i < N; i++)
        free(texts[i]);
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("weights that overflow give an error that names the text, not a vector")
{
    tiny t = tiny_new(false, 12, 3, 20, 12);
    float *words = tiny_at(&t, "embeddings.word_embeddings.weight");
    float *gain = tiny_at(&t, "embeddings.LayerNorm.weight");
    words[5 * 12] = 1e30f; /* wb */
    gain[0] = 3e38f;
    put_tensors(t.dir, t.items, t.n);
    imr_encoder *e = open_or_fail(t.dir);
    const char *texts[] = {"wb", "wb"};
    size_t lens[] = {2, 2};
    float out[24];
    CHECK_INT(imr_encoder_encode(e, texts, lens, 2, out, NULL, NULL, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "text 0: its vector is not finite");
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("every allocation of opening a transformer and encoding with it may fail")
{
    tiny t = tiny_new(true, 12, 3, 20, 12);
    const char *texts[] = {"wa wb", "wc"};
    size_t lens[] = {5, 2};
    const uint32_t ids[] = {5, 9};
    imr_status s = IMR_E_MEMORY;
    for (long i = 0; s != IMR_OK; i++) {
        imr_encoder *e = NULL;
        float v[24];
        imr_mem_fail_after(i);
        s = imr_encoder_open(&e, t.dir, NULL, &err);
        if (s == IMR_OK)
            s = imr_encoder_encode(e, texts, lens, 2, v, NULL, NULL, &err);
        if (s == IMR_OK)
            s = imr_encoder_encode_tokens(e, ids, 2, v, NULL, &err);
        imr_mem_fail_after(-1);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
        imr_encoder_free(e);
    }
    tiny_done(&t);
}
