/* tests/unit/session/why_support.h - a session on a made-up BERT and a made-up collection, and what
 * holds of any why. */
#ifndef TESTS_WHY_SUPPORT_H
#define TESTS_WHY_SUPPORT_H

#include "adapter/adapter.h"
#include "base/mem.h"
#include "math/nn.h"
#include "math/random.h"
#include "session/session.h"
#include "task/cache.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

enum { DOCUMENTS = 40, HIDDEN = 48, LONGEST = 32 };

typedef struct fixture {
    tiny t;
    char encoder[512], dataset[512], cache[512], adapter[1024];
} fixture;

/* Documents of 3 to 28 words wa to wr; d7 says wt only after the encoder stopped reading, d8 is one
 * word, d9 and d10 are equal. Between the words of every fourth is what turns and hides texts. */
IMR_UNUSED static void write_dataset(const char *dir)
{
    imr_random r;
    imr_random_init(&r, 5);
    imr_buf corpus = {0};
    for (int i = 0; i < DOCUMENTS; i++) {
        imr_buf_printf(&corpus, "{\"_id\": \"d%d\", \"title\": \"%s\", \"text\": \"", i,
                       i % 3 ? "" : "Wa Wq");
        const char *between = i % 4 ? " " : "\xe2\x80\xae \xc2\xad";
        if (i == 9 || i == 10)
            imr_random_init(&r, 99);
        const size_t words = i == 8              ? 1
                             : i == 7            ? 40
                             : i == 9 || i == 10 ? 9
                                                 : 3 + imr_random_below(&r, 25);
        for (size_t w = 0; w < words; w++)
            imr_buf_printf(&corpus, "%sw%c", w ? between : "",
                           (int)('a' + imr_random_below(&r, 18)));
        imr_buf_printf(&corpus, "%s\"}\n", i == 7 ? " wt" : "");
    }
    put_file(dir, "corpus.jsonl", imr_buf_text(&corpus));
    put_file(dir, "queries.jsonl",
             "{\"_id\": \"q0\", \"text\": \"wa wt wb\"}\n{\"_id\": \"q1\", \"text\": \"wc wd\"}\n");
    put_file(dir, "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq0\td3\t1\n");
    imr_buf_done(&corpus);
}

/* The vocabulary's words "wa" become "wwwa": long enough to be taken out (session/carry.h). */
static bool long_words;
IMR_UNUSED static void lengthen(const char *dir)
{
    imr_buf b = {0};
    FILE *text = fopen(test_path(dir, "tokenizer.json"), "r");
    for (int c, before = 0; (c = fgetc(text)) != EOF; before = c)
        imr_buf_printf(&b, before == '"' && c == 'w' ? "ww%c" : "%c", c);
    fclose(text);
    put_file(dir, "tokenizer.json", imr_buf_text(&b));
    imr_buf_done(&b);
}

IMR_UNUSED static fixture start_with(const char *pooling, void (*corpus)(const char *dir))
{
    fixture f = {.t = tiny_new(false, HIDDEN, 3, 20, LONGEST)};
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    snprintf(f.encoder, sizeof f.encoder, "%s", f.t.dir);
    f.t.dir = f.encoder;
    if (long_words)
        lengthen(f.encoder);
    snprintf(f.dataset, sizeof f.dataset, "%s", test_tmpdir());
    snprintf(f.cache, sizeof f.cache, "%s/cache", test_tmpdir());
    snprintf(f.adapter, sizeof f.adapter, "%s", test_golden("tiny/adapter-v1.pt")); /* n is 48 */
    corpus(f.dataset);
    if (pooling)
        tiny_modules(&f.t, pooling, "");
    CHECK_OK(imr_encoder_open(&e, f.encoder, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, f.dataset, NULL, &err));
    CHECK_OK(imr_cache_encode(NULL, f.cache, d, e, IMR_F32, false, NULL, &err));
    imr_dataset_free(d);
    imr_encoder_free(e);
    return f;
}

IMR_UNUSED static fixture start(const char *pooling)
{
    return start_with(pooling, write_dataset);
}

IMR_UNUSED static imr_session *open_session(const fixture *f, bool adapter, uint32_t k)
{
    imr_session *s = NULL;
    const imr_session_options o = {.adapter = adapter ? f->adapter : NULL,
                                   .cache = f->cache,
                                   .background = true,
                                   .settings = {.feedback_k = k, .tokens = 5}};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

IMR_UNUSED static imr_trace *ask(imr_session *s, const char *text, uint32_t k)
{
    imr_trace *t = NULL;
    const imr_request r = {.text = text, .settings = {.feedback_k = k, .tokens = 5}};
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

IMR_UNUSED static imr_detail *look(imr_session *s, const imr_trace *t, size_t place)
{
    imr_detail *d = NULL;
    CHECK_OK(imr_session_detail(s, t, place, IMR_DETAIL_WORDS, NULL, &d, &err));
    return d;
}

IMR_UNUSED static void finish(fixture *f, imr_session *s, imr_trace *t, imr_detail *d)
{
    imr_detail_free(d);
    imr_trace_free(t);
    imr_session_close(s);
    tiny_done(&f->t);
}

IMR_UNUSED static double sum_of(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

/* Sums, totals and names of the pairs of one document. */
IMR_UNUSED static void check_pairs(const imr_trace *t, const imr_why *w, size_t stages)
{
    const imr_pairs *p = &w->pairs;
    const size_t cells = (p->n_query + 1) * (p->n_document + 1);
    CHECK_STR(p->problem, "");
    CHECK(p->n_query >= 3 && p->n_document >= 3);
    CHECK(p->query[p->n_query].text == NULL && p->document[p->n_document].text == NULL);
    CHECK_STR(p->query[0].text, "[CLS]");
    CHECK_STR(p->document[p->n_document - 1].text, "[SEP]");
    CHECK(p->document[0].special && !p->document[0].named);
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        CHECK((p->raw[k] != NULL) == (k < stages));
        if (k >= stages)
            continue;
        const double standing = w->standing[k] * t->reference[k].sd;
        double query = 0, document = 0;
        CHECK_NEAR(p->residual[k], 0, 1e-6);
        CHECK_NEAR(sum_of(p->raw[k], cells), p->similarity[k], 1e-6);
        CHECK_NEAR(sum_of(p->centred[k], cells), standing, 2e-6);
        for (size_t a = 0; a <= p->n_query; a++)
            query += p->query[a].total[k];
        for (size_t b = 0; b <= p->n_document; b++)
            document += p->document[b].total[k];
        CHECK_NEAR(query, standing, 2e-6);
        CHECK_NEAR(document, standing, 2e-6);
    }
}

/* ---- by the definitions ---- */

enum { M = 16 }; /* of the adapter */

IMR_UNUSED static void encode(const imr_encoder *e, const char *text, float *out)
{
    const size_t len = strlen(text);
    CHECK_OK(imr_encoder_encode(e, &text, &len, 1, out, NULL, NULL, &err));
}

/* LN(unit(P x + c) * scale + bias; gain, shift), in double. */
IMR_UNUSED static void modulate(const imr_weights *w, imr_weight_id norm, const float *x,
                                const float *scale, const float *bias, double out[M])
{
    const float *p = imr_weight(w, IMR_W_PROJECTOR), *c = imr_weight(w, IMR_W_PROJECTOR_BIAS);
    const float *gain = imr_weight(w, norm), *shift = imr_weight(w, norm + 1);
    double z[M], length = 0, mean = 0, square = 0;
    for (size_t i = 0; i < M; i++) {
        z[i] = c ? c[i] : 0;
        for (size_t j = 0; j < HIDDEN; j++)
            z[i] += (double)p[i * HIDDEN + j] * x[j];
        length += z[i] * z[i];
    }
    for (size_t i = 0; i < M; i++) {
        z[i] = z[i] / sqrt(length) * scale[i] + bias[i];
        mean += z[i] / M;
    }
    for (size_t i = 0; i < M; i++)
        square += (z[i] - mean) * (z[i] - mean) / M;
    for (size_t i = 0; i < M; i++)
        out[i] = (z[i] - mean) / sqrt(square + 1e-5) * gain[i] + shift[i];
}

IMR_UNUSED static double cosine(const double *x, const double *y, size_t n)
{
    double dot = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++)
        dot += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
    return dot / sqrt(xx * yy);
}

IMR_UNUSED static bool after_some(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user > 0;
}

#endif
