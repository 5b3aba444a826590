#include "base/mem.h"
#include "encoder/encoder.h"
#include "encoder/train_static.h"
#include "math/blas.h"
#include "math/random.h"
#include "math/topk.h"
#include "retrieval/dataset.h"
#include "retrieval/metrics.h"
#include "retrieval/search.h"
#include "tests/support/test.h"

static imr_error err;

/* ---- corpora ---- */

typedef struct lines {
    const char *const *v;
} lines;

static imr_status line_text(void *user, size_t i, const char **text, size_t *len, imr_error *e)
{
    (void)e;
    *text = ((lines *)user)->v[i];
    *len = strlen(*text);
    return IMR_OK;
}

static imr_text_source source_of(lines *l, size_t n)
{
    return (imr_text_source){n, line_text, l};
}

#define DOCUMENTS 60
#define PER_DOC   40

/* Documents of made-up words, the small numbers much more frequent than the large ones. */
static char made[DOCUMENTS][PER_DOC * 6 + 1];
static const char *made_lines[DOCUMENTS];

static lines make_corpus(uint64_t seed)
{
    imr_random random;
    imr_random_init(&random, seed);
    for (size_t d = 0; d < DOCUMENTS; d++) {
        size_t used = 0;
        for (size_t i = 0; i < PER_DOC; i++) {
            double u = imr_random_uniform(&random);
            used += (size_t)snprintf(made[d] + used, sizeof made[d] - used, "w%u ",
                                     (unsigned)(u * u * 80) + (unsigned)(d % 4) * 10);
        }
        made_lines[d] = made[d];
    }
    return (lines){made_lines};
}

static uint32_t id_of(const imr_word_stream *s, const char *word)
{
    for (size_t i = 0; i < s->words; i++)
        if (strcmp(s->word[i], word) == 0)
            return (uint32_t)i;
    return UINT32_MAX;
}

/* ---- words ---- */

TEST("words are pieces with a letter or digit, numbered by frequency, neighbours of what is left")
{
    const char *text[] = {"The CAF\xC3\x89 -- 9 cafes!", "cafe: the rare 9", "The cafe, the 9 _ %"};
    lines l = {text};
    imr_text_source source = source_of(&l, 3);
    imr_word_stream s;
    CHECK_OK(imr_word_stream_init(&s, &source, 3, NULL, &err));
    CHECK_INT(s.words, 3);
    CHECK_STR(s.word[0], "the");
    CHECK_STR(s.word[1], "9"); /* as frequent as cafe: byte order */
    CHECK_STR(s.word[2], "cafe");
    CHECK_INT(s.count[0], 4);
    CHECK_INT(s.total, 10);
    const uint32_t end = IMR_DOCUMENT_END;
    const uint32_t expected[] = {end, 0, 2, 1, end, 2, 0, 1, end, 0, 2, 0, 1, end};
    CHECK_INT(s.length, IMR_LEN(expected));
    CHECK(memcmp(s.id, expected, sizeof expected) == 0);
    imr_word_stream_done(&s);
}

TEST("words beyond the length cap, broken UTF-8 and control bytes are passed over")
{
    static char huge[300000];
    memset(huge, 'x', sizeof huge - 1);
    const char *text[] = {huge,
                          "a\xFF\xFE"
                          "b \x01 c \xE2\x82",
                          "ab c", "", "\n\t"};
    lines l = {text};
    imr_text_source source = source_of(&l, 5);
    imr_word_stream s;
    CHECK_OK(imr_word_stream_init(&s, &source, 1, NULL, &err));
    CHECK_INT(s.words, 2);
    CHECK_INT(s.count[id_of(&s, "ab")], 2);
    CHECK_INT(s.count[id_of(&s, "c")], 2);
    imr_word_stream_done(&s);
}

/* ---- counts ---- */

/* The definition, over all pairs of places: positive entries as a full matrix. */
static void naive_ppmi(double *out, const imr_word_stream *s, size_t window)
{
    size_t n = s->words;
    double total = 0, powers = 0;
    double *sum = calloc(n, sizeof *sum);
    for (size_t i = 0; i < n * n; i++)
        out[i] = 0;
    for (size_t i = 0; i < s->length; i++) {
        if (s->id[i] == IMR_DOCUMENT_END)
            continue;
        for (size_t j = i + 1; s->id[j] != IMR_DOCUMENT_END; j++)
            if (j - i <= window) {
                out[s->id[i] * n + s->id[j]] += 1.0 / (double)(j - i);
                out[s->id[j] * n + s->id[i]] += 1.0 / (double)(j - i);
            }
    }
    for (size_t i = 0; i < n * n; i++) {
        sum[i / n] += out[i];
        total += out[i];
    }
    for (size_t i = 0; i < n; i++)
        powers += pow(sum[i], 0.75);
    for (size_t i = 0; i < n * n; i++) {
        double p = out[i] / total, pw = sum[i / n] / total, pc = pow(sum[i % n], 0.75) / powers;
        out[i] = out[i] > 0 && p > pw * pc ? log(p / (pw * pc)) : 0;
    }
    free(sum);
}

TEST("the sparse matrix of mutual information is the one its definition gives")
{
    lines l = make_corpus(1);
    imr_text_source source = source_of(&l, DOCUMENTS);
    imr_word_stream s;
    CHECK_OK(imr_word_stream_init(&s, &source, 2, NULL, &err));
    CHECK(s.words > 40);
    for (uint32_t window = 1; window <= 8; window += 7) {
        imr_ppmi p;
        CHECK_OK(imr_ppmi_init(&p, &s, window, NULL, &err));
        double *expected = malloc(s.words * s.words * sizeof *expected);
        naive_ppmi(expected, &s, window);
        size_t positive = 0;
        for (size_t i = 0; i < s.words * s.words; i++)
            positive += expected[i] > 1e-9;
        CHECK_INT(p.start[s.words], positive);
        for (size_t w = 0; w < s.words; w++)
            for (uint64_t e = p.start[w]; e < p.start[w + 1]; e++)
                CHECK_NEAR(p.value[e], expected[w * s.words + p.col[e]], 1e-6);
        free(expected);
        imr_ppmi_done(&p);
    }
    imr_word_stream_done(&s);
}

TEST("the counts are the same bytes for one thread and for several")
{
    lines l = make_corpus(2);
    imr_text_source source = source_of(&l, DOCUMENTS);
    imr_word_stream s;
    CHECK_OK(imr_word_stream_init(&s, &source, 1, NULL, &err));
    imr_ppmi one, many;
    imr_blas_set_threads(1);
    CHECK_OK(imr_ppmi_init(&one, &s, 8, NULL, &err));
    imr_blas_set_threads(3);
    CHECK_OK(imr_ppmi_init(&many, &s, 8, NULL, &err));
    imr_blas_set_threads(0);
    CHECK_INT(one.start[s.words], many.start[s.words]);
    size_t entries = (size_t)one.start[s.words];
    CHECK(memcmp(one.col, many.col, entries * sizeof *one.col) == 0);
    CHECK(memcmp(one.value, many.value, entries * sizeof *one.value) == 0);
    imr_ppmi_done(&one);
    imr_ppmi_done(&many);
    imr_word_stream_done(&s);
}

/* ---- training ---- */

static imr_static_train_options small_options(size_t dim)
{
    imr_static_train_options o = IMR_STATIC_TRAIN_DEFAULTS;
    o.dim = dim;
    return o;
}

TEST("training twice gives the same bytes, another seed only another sketch of the same space")
{
    lines l = make_corpus(3);
    imr_text_source source = source_of(&l, DOCUMENTS);
    imr_static_train_options o = small_options(16);
    imr_static_words a, b, c;
    CHECK_OK(imr_static_train(&a, &source, &o, NULL, &err));
    CHECK_OK(imr_static_train(&b, &source, &o, NULL, &err));
    o.seed = 7;
    CHECK_OK(imr_static_train(&c, &source, &o, NULL, &err));
    size_t n = a.rows.rows * a.rows.cols;
    CHECK_INT(a.rows.rows, a.stream.words);
    CHECK_INT(a.rows.cols, 16);
    CHECK(memcmp(a.rows.v, b.rows.v, n * sizeof *a.rows.v) == 0);
    CHECK(memcmp(a.rows.v, c.rows.v, n * sizeof *a.rows.v) != 0);
    imr_static_words_done(&a);
    imr_static_words_done(&b);
    imr_static_words_done(&c);
}

TEST("without their frequency weights the rows are U sqrt(S): orthogonal columns, falling lengths")
{
    lines l = make_corpus(4);
    imr_text_source source = source_of(&l, DOCUMENTS);
    imr_static_train_options o = small_options(12);
    imr_static_words w;
    CHECK_OK(imr_static_train(&w, &source, &o, NULL, &err));
    double gram[12][12] = {{0}};
    for (size_t t = 0; t < w.rows.rows; t++) {
        double p = (double)w.stream.count[t] / (double)w.stream.total, f = (1e-3 + p) / 1e-3;
        const float *row = imr_matrix_row(&w.rows, t);
        for (size_t i = 0; i < 12; i++)
            for (size_t j = 0; j < 12; j++)
                gram[i][j] += row[i] * f * row[j] * f;
    }
    for (size_t i = 0; i < 12; i++) {
        CHECK(i == 0 || gram[i][i] <= gram[i - 1][i - 1] * (1 + 1e-5));
        for (size_t j = 0; j < i; j++) /* float32 factors of a matrix of about 100 rows */
            CHECK_NEAR(gram[i][j] / sqrt(gram[i][i] * gram[j][j]), 0, 1e-5);
    }
    imr_static_words_done(&w);
}

static double cosine(const float *x, const float *y, size_t n)
{
    double dot = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return dot / sqrt(xx * yy);
}

TEST("words that keep the same company get near rows, others do not")
{
    const char *text[24];
    for (size_t i = 0; i < 24; i++)
        text[i] = i % 4 == 0   ? "one cat drinks warm milk on its soft mat"
                  : i % 4 == 1 ? "one kitten drinks warm milk on its soft mat"
                  : i % 4 == 2 ? "some engine burns heavy oil in that steel hull"
                               : "some motor burns heavy oil in that steel hull";
    lines l = {text};
    imr_text_source source = source_of(&l, 24);
    imr_static_train_options o = small_options(4);
    imr_static_words w;
    CHECK_OK(imr_static_train(&w, &source, &o, NULL, &err));
    const char *names[] = {"cat", "kitten", "motor"};
    const float *row[3];
    for (size_t i = 0; i < 3; i++) {
        CHECK(id_of(&w.stream, names[i]) != UINT32_MAX);
        row[i] = imr_matrix_row(&w.rows, id_of(&w.stream, names[i]));
    }
    CHECK(cosine(row[0], row[1], 4) > 0.9);
    CHECK(cosine(row[0], row[2], 4) < 0.1);
    imr_static_words_done(&w);
}

TEST("a corpus that cannot carry an encoder is refused with what is missing")
{
    const char *text[] = {"word word word", "word", "word word"};
    lines l = {text};
    imr_text_source none = source_of(&l, 0), source = source_of(&l, 3);
    imr_static_train_options o = small_options(1);
    imr_static_words w = {0};
    CHECK_INT(imr_static_train(&w, &none, &o, NULL, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "0 documents");
    CHECK_INT(imr_static_train(&w, &source, &o, NULL, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "no two words");
    o.dim = 2;
    CHECK_INT(imr_static_train(&w, &source, &o, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "at most 1 dimension");
    o = small_options(0);
    CHECK_INT(imr_static_train(&w, &source, &o, NULL, &err), IMR_E_USAGE);
    o = small_options(1);
    o.window = 0;
    CHECK_INT(imr_static_train(&w, &source, &o, NULL, &err), IMR_E_USAGE);
    o = small_options(1);
    o.min_documents = 0;
    CHECK_INT(imr_static_train(&w, &source, &o, NULL, &err), IMR_E_USAGE);
    CHECK(w.rows.v == NULL && w.stream.arena == NULL);
}

static bool stop_at(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user > 0;
}

TEST("training stops at every call of the progress function, leaving nothing")
{
    lines l = make_corpus(5);
    imr_text_source source = source_of(&l, DOCUMENTS);
    imr_static_train_options o = small_options(8);
    imr_static_words w = {0};
    for (int stop = 1; stop <= 4; stop++) {
        int left = stop;
        imr_progress progress = {stop_at, &left};
        CHECK_INT(imr_static_train(&w, &source, &o, &progress, &err), IMR_E_CANCELLED);
        CHECK(w.rows.v == NULL);
    }
}

TEST("every allocation of the training may fail")
{
    const char *text[] = {"red green blue", "green blue red two", "blue red two green", "two red"};
    lines l = {text};
    imr_text_source source = source_of(&l, 4);
    imr_static_train_options o = {2, 2, 2, 0};
    imr_static_words w = {0};
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i++) {
        imr_mem_fail_after(i);
        status = imr_static_train(&w, &source, &o, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        CHECK(status == IMR_OK || w.rows.v == NULL);
    }
    imr_static_words_done(&w);
}

TEST("saved and opened again, a text is the mean of its words' rows brought to length 1")
{
    lines l = make_corpus(6);
    imr_text_source source = source_of(&l, DOCUMENTS);
    imr_static_train_options o = small_options(8);
    imr_static_words w;
    CHECK_OK(imr_static_train(&w, &source, &o, NULL, &err));
    const char *folder = test_tmpdir();
    CHECK_OK(imr_static_write(folder, w.stream.word, w.stream.words, imr_matrix_view(&w.rows), true,
                              &err));
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    const char *text = "W3, w5! unheard-of W3";
    size_t len = strlen(text);
    imr_token_count count;
    float found[8], expected[8];
    CHECK_OK(imr_encoder_encode(e, &text, &len, 1, found, &count, NULL, &err));
    CHECK_INT(count.known, 3);
    double norm = 0;
    for (size_t j = 0; j < 8; j++) {
        expected[j] = 2 * imr_matrix_row(&w.rows, id_of(&w.stream, "w3"))[j] +
                      imr_matrix_row(&w.rows, id_of(&w.stream, "w5"))[j];
        norm += expected[j] * (double)expected[j];
    }
    for (size_t j = 0; j < 8; j++)
        expected[j] = (float)(expected[j] / sqrt(norm));
    CHECK_ALL_NEAR(found, expected, 8, 1e-6);
    imr_encoder_free(e);
    imr_static_words_done(&w);
}

/* ---- a real collection ---- */

typedef struct collection {
    imr_dataset *dataset;
    imr_buf text;
} collection;

static imr_status document_text(void *user, size_t i, const char **text, size_t *len, imr_error *e)
{
    collection *c = user;
    imr_buf_clear(&c->text);
    IMR_TRY(imr_dataset_text(c->dataset, i, &c->text, e));
    *text = imr_buf_text(&c->text);
    *len = c->text.len;
    return IMR_OK;
}

static void encode_documents(imr_matrix *out, const imr_encoder *e, collection *c)
{
    CHECK_OK(imr_matrix_init(out, c->dataset->documents.n, e->dim, &err));
    for (size_t i = 0; i < out->rows; i++) {
        const char *text;
        size_t len;
        CHECK_OK(document_text(c, i, &text, &len, &err));
        CHECK_OK(imr_encoder_encode(e, &text, &len, 1, imr_matrix_row(out, i), NULL, NULL, &err));
    }
}

/* Mean nDCG@10 and Recall@10 of the split's queries. */
static void measure(double out[2], const imr_encoder *e, const imr_matrix *documents,
                    const imr_dataset *d, const char *split)
{
    const imr_qrels *qrels = imr_dataset_qrels(d, split);
    CHECK(qrels != NULL);
    const imr_metric metrics[2] = {{IMR_METRIC_NDCG, 10}, {IMR_METRIC_RECALL, 10}};
    float *query = malloc(documents->cols * sizeof *query);
    float *scores = malloc(documents->rows * sizeof *scores);
    out[0] = out[1] = 0;
    for (size_t i = 0; i < qrels->queries.n; i++) {
        uint32_t q, best[10];
        const char *ids[10];
        CHECK(imr_ids_find(&d->query_ids, qrels->queries.v[i].id, &q));
        const char *text = d->query_texts[q];
        size_t len = strlen(text);
        CHECK_OK(imr_encoder_encode(e, &text, &len, 1, query, NULL, NULL, &err));
        imr_search_cosines(scores, imr_rows_of_view(imr_matrix_view(documents)), query, NULL, 1);
        size_t n = imr_topk(best, 10, scores, documents->rows, NULL);
        for (size_t j = 0; j < n; j++)
            ids[j] = imr_ids_at(&d->documents, best[j]);
        for (size_t m = 0; m < 2; m++) {
            double value;
            CHECK_OK(imr_metrics_of_ranking(&value, &metrics[m], 1, qrels, i, ids, n, &err));
            out[m] += value / (double)qrels->queries.n;
        }
    }
    free(query);
    free(scores);
}

TEST("trained on SciFact, the encoder reaches nDCG@10 0.47 on the test claims")
{
    const char *path = test_shared("datasets/scifact");
    collection c = {0};
    CHECK_OK(imr_dataset_open(&c.dataset, path, NULL, &err));
    imr_text_source source = {c.dataset->documents.n, document_text, &c};
    imr_static_train_options o = small_options(384);
    imr_static_words w;
    CHECK_OK(imr_static_train(&w, &source, &o, NULL, &err));
    const char *folder = test_tmpdir();
    CHECK_OK(imr_static_write(folder, w.stream.word, w.stream.words, imr_matrix_view(&w.rows), true,
                              &err));
    imr_static_words_done(&w);
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    imr_matrix documents;
    encode_documents(&documents, e, &c);
    double found[2];
    measure(found, e, &documents, c.dataset, "test");
    if (found[0] < 0.47 || found[1] < 0.63)
        FAIL("nDCG@10 %.4f, Recall@10 %.4f; expected at least 0.47 and 0.63", found[0], found[1]);
    test_count();
    imr_matrix_done(&documents);
    imr_encoder_free(e);
    imr_buf_done(&c.text);
    imr_dataset_free(c.dataset);
}
