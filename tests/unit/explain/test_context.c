/* The corpus's own words: against the golden rows, and against plain loops over a made-up encoder. */
#include "explain/context.h"

#include <math.h>

#include "base/half.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "encoder/train_static.h"
#include "format/json.h"
#include "format/npy.h"
#include "retrieval/dataset.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

/* What a caller of the second pass keeps. */
typedef struct listening {
    imr_context *c;
    size_t first;
} listening;

static imr_status on_read(void *user, size_t text, const imr_tokens *tokens, imr_error *e)
{
    const listening *l = user;
    return imr_context_read(l->c, text, l->first + text, tokens, e);
}

static void on_heard(void *user, size_t text, imr_view rows)
{
    imr_context_hear(((listening *)user)->c, text, rows);
}

TEST("words, counts and rows of SciFact's first 200 documents are the golden ones")
{
    enum { N = 200, D = 384 };
    char model[512], words[512], rows[512], scifact[512];
    snprintf(model, sizeof model, "%s", test_shared("models/all-MiniLM-L6-v2"));
    snprintf(words, sizeof words, "%s", test_shared("oracle/context/words.json"));
    snprintf(rows, sizeof rows, "%s", test_shared("oracle/context/rows.npy"));
    snprintf(scifact, sizeof scifact, "%s", test_shared("datasets/scifact"));
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    imr_context *c = NULL;
    CHECK_OK(imr_encoder_open(&e, model, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, scifact, NULL, &err));
    CHECK_OK(imr_context_new(&c, e, N, 0, &err));
    static char *texts[N];
    static size_t lens[N];
    static float vectors[N * D];
    for (size_t i = 0; i < N; i++) {
        imr_buf b = {0};
        CHECK_OK(imr_dataset_text(d, i, &b, &err));
        lens[i] = b.len;
        texts[i] = imr_buf_take(&b);
        CHECK(imr_context_wants(c, i));
        CHECK_OK(imr_context_count(c, i, texts[i], lens[i], &err));
    }
    CHECK_OK(imr_context_choose(c, &err));
    listening l = {.c = c};
    const imr_encoder_listener listener = {on_read, on_heard, &l};
    for (l.first = 0; l.first < N; l.first += 50)
        CHECK_OK(imr_encoder_encode_heard(e, (const char *const *)texts + l.first, lens + l.first,
                                          50, vectors, NULL, &listener, NULL, &err));
    CHECK(imr_context_complete(c));
    imr_context_table r = {0};
    CHECK_OK(imr_context_finish(&r, c, &err));

    imr_json *json = NULL;
    imr_npy npy = {0};
    CHECK_OK(imr_json_open(&json, words, &err));
    CHECK_OK(imr_npy_open(&npy, rows, &err));
    IMR_AUTOFREE float *want = imr_alloc(npy.t.shape[0] * D, sizeof *want);
    CHECK_OK(imr_tensor_to_f32(&npy.t, want, &err));
    imr_strmap map = {0};
    const char *at = r.text;
    for (uint32_t w = 0; w < r.words; w++, at += strlen(at) + 1)
        CHECK(imr_strmap_add(&map, at, strlen(at), w, NULL, NULL));
    const imr_json *count = imr_json_child(imr_json_at(json, "count"));
    const imr_json *of = imr_json_child(imr_json_at(json, "documents_of"));
    size_t i = 0;
    for (const imr_json *word = imr_json_child(imr_json_at(json, "words")); word; i++) {
        uint32_t row;
        const char *text = imr_json_string_or(word, "", "");
        if (!imr_strmap_get(&map, text, strlen(text), &row))
            FAIL("\"%s\" has no row", text);
        CHECK_INT(r.count[row], imr_json_int_or(count, "", -1));
        CHECK_INT(r.documents[row], imr_json_int_or(of, "", -1));
        CHECK_ALL_NEAR(r.rows.v + row * D, want + i * D, D, 1e-5);
        word = imr_json_next(word);
        count = imr_json_next(count);
        of = imr_json_next(of);
    }
    CHECK_INT(r.words, i);
    imr_strmap_done(&map);
    for (i = 0; i < N; i++)
        imr_free(texts[i]);
    imr_npy_done(&npy);
    imr_json_free(json);
    imr_context_table_done(&r);
    imr_context_free(c);
    imr_dataset_free(d);
    imr_encoder_free(e);
}

/* ---- the twin ---- */

enum { DOCUMENTS = 40, LONGEST = 24, WIDEST = 12, KINDS = 26 };

/* Documents of words "wa" to "wt" and others, after a prefix "wa". */
typedef struct made {
    char text[DOCUMENTS][8 * LONGEST];
    size_t len[DOCUMENTS];
} made;

static void make_texts(made *m, imr_random *r)
{
    for (size_t i = 0; i < DOCUMENTS; i++) {
        const size_t n = 1 + imr_random_below(r, LONGEST);
        m->len[i] = (size_t)snprintf(m->text[i], sizeof m->text[i], "wa ");
        for (size_t k = 0; k < n; k++) {
            const uint64_t pick = imr_random_below(r, KINDS);
            m->len[i] += (size_t)snprintf(m->text[i] + m->len[i], 8, pick < 20 ? "W%c " : "x%c ",
                                          (char)('a' + pick));
        }
    }
}

/* What one word or all pieces add up to: [0] documents that are not held, [1] those that are. */
typedef struct sums {
    double sum[2][WIDEST], count[2];
    size_t documents;
} sums;

static void add(sums *s, size_t held, const double *h, size_t n)
{
    s->count[held]++;
    for (size_t j = 0; j < n; j++)
        s->sum[held][j] += h[j];
}

/* The words of a text behind the prefix in order, at most `most`: "wb" is 1; 20 and more are unknown
 * to the encoder. */
static size_t words_of(const char *text, size_t most, size_t *kind)
{
    size_t n = 0;
    for (const char *at = text + 3; *at && n < most; at += 3)
        kind[n++] = (size_t)(at[1] - 'a');
    return n;
}

static void same_rows(const imr_context_table *r, const sums *word, const sums *all, size_t n)
{
    const char *at = r->text;
    for (size_t w = 0; w < r->words; w++, at += strlen(at) + 1) {
        const sums *s = &word[at[1] - 'a'];
        CHECK_INT(r->documents[w], s->documents);
        CHECK_INT(r->count[w], s->count[0] + s->count[1]);
        for (size_t j = 0; j < n; j++) {
            CHECK_NEAR(r->rows.v[w * n + j],
                       (s->sum[0][j] + s->sum[1][j]) / (s->count[0] + s->count[1]) -
                           (all->sum[0][j] + all->sum[1][j]) / (all->count[0] + all->count[1]),
                       1e-5);
            /* Half floats: the expected value is rounded, too, and may fall on the other side. */
            const double without = s->sum[0][j] / s->count[0] - all->sum[0][j] / all->count[0];
            const float found = imr_f16_to_f32(r->without[w * n + j]);
            if (s->count[0] > 0)
                CHECK_NEAR(found, without, 1e-5 + fabs(without) / 2048);
            else
                CHECK(isnan(found));
        }
    }
    size_t expected = 0;
    for (size_t k = 0; k < KINDS; k++)
        expected += word[k].documents >= IMR_CONTEXT_FEW;
    CHECK_INT(r->words, expected);
}

/* Which documents are held is the table's choice; the words it notes of them must be theirs. */
static void find_held(bool held[DOCUMENTS], const imr_context_table *r, const made *m)
{
    CHECK_INT(r->held, DOCUMENTS / 4);
    for (size_t i = 0; i < r->held; i++) {
        const size_t d = r->held_documents[i];
        CHECK(d < DOCUMENTS && !held[d]);
        held[d] = true;
        for (size_t k = r->starts[i]; k < r->starts[i + 1]; k++) {
            const char *word = r->text + 3 * r->own[k];
            char upper[4];
            snprintf(upper, sizeof upper, "%c%c ", word[0] == 'w' ? 'W' : 'x', word[1]);
            CHECK(strstr(m->text[d] + 3, upper) != NULL);
            for (size_t before = r->starts[i]; before < k; before++)
                CHECK(r->own[before] != r->own[k]);
        }
    }
}

static void count_all(imr_context *c, const made *m)
{
    for (size_t i = 0; i < DOCUMENTS; i++)
        CHECK_OK(imr_context_count(c, i, m->text[i], m->len[i], &err));
    CHECK_OK(imr_context_choose(c, &err));
}

TEST("rows are plain means over what a transformer makes of each word, with and without the held")
{
    enum { H = 12, MOST = 16 };
    tiny t = tiny_new(false, H, 3, 20, MOST);
    imr_encoder *e = NULL;
    imr_context *c = NULL;
    static made m;
    float vectors[DOCUMENTS * H];
    const char *texts[DOCUMENTS];
    CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
    make_texts(&m, &t.random);
    for (size_t i = 0; i < DOCUMENTS; i++)
        texts[i] = m.text[i];
    CHECK_OK(imr_context_new(&c, e, DOCUMENTS, 3, &err));
    count_all(c, &m);
    listening l = {.c = c};
    const imr_encoder_listener listener = {on_read, on_heard, &l};
    /* Some are heard twice, as after a stop: they count once. */
    CHECK_OK(imr_encoder_encode_heard(e, texts, m.len, 10, vectors, NULL, &listener, NULL, &err));
    CHECK(!imr_context_complete(c) && !imr_context_wants(c, 9) && imr_context_wants(c, 10));
    CHECK_OK(
        imr_encoder_encode_heard(e, texts, m.len, DOCUMENTS, vectors, NULL, &listener, NULL, &err));
    CHECK(imr_context_complete(c));
    imr_context_table r = {0};
    CHECK_OK(imr_context_finish(&r, c, &err));

    bool held[DOCUMENTS] = {false};
    static sums word[KINDS], all;
    find_held(held, &r, &m);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        uint32_t ids[MOST] = {2, 4};
        size_t kind[MOST], n = words_of(m.text[i], MOST - 3, kind);
        for (size_t k = 0; k < n; k++)
            ids[k + 2] = kind[k] < 20 ? (uint32_t)(4 + kind[k]) : 1;
        ids[n + 2] = 3;
        double *x = twin_forward(&t, ids, n + 3);
        for (size_t k = 0; k < n; k++) {
            add(&word[kind[k]], held[i], x + (k + 2) * H, H);
            add(&all, held[i], x + (k + 2) * H, H);
            bool first = true;
            for (size_t before = 0; before < k; before++)
                first = first && kind[before] != kind[k];
            word[kind[k]].documents += first;
        }
        free(x);
    }
    same_rows(&r, word, &all, H);
    imr_context_table_done(&r);
    imr_context_free(c);
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("a static encoder's rows are its own, centred, without a second pass")
{
    enum { N = 4 };
    const char *words[20];
    char spelled[20][4];
    imr_random random;
    imr_random_init(&random, 7);
    float table[20 * N];
    imr_random_fill_normal(&random, table, 20 * N, 1);
    for (size_t i = 0; i < 20; i++) {
        snprintf(spelled[i], sizeof spelled[i], "w%c", (char)('a' + i));
        words[i] = spelled[i];
    }
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_tmpdir());
    CHECK_OK(imr_static_write(folder, words, 20, imr_view_of(table, 20, N), true, &err));
    imr_encoder *e = NULL;
    imr_context *c = NULL;
    static made m;
    make_texts(&m, &random);
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    CHECK_OK(imr_context_new(&c, e, DOCUMENTS, 3, &err));
    count_all(c, &m);
    CHECK(imr_context_complete(c));
    imr_context_table r = {0};
    CHECK_OK(imr_context_finish(&r, c, &err));
    bool held[DOCUMENTS] = {false};
    static sums word[KINDS], all;
    find_held(held, &r, &m);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        size_t kind[LONGEST], n = words_of(m.text[i], LONGEST, kind);
        for (size_t k = 0; k < n; k++) {
            double row[N];
            bool first = true;
            for (size_t before = 0; before < k; before++)
                first = first && kind[before] != kind[k];
            if (kind[k] >= 20)
                continue; /* unknown: no piece */
            for (size_t j = 0; j < N; j++)
                row[j] = (double)table[kind[k] * N + j];
            add(&word[kind[k]], held[i], row, N);
            add(&all, held[i], row, N);
            word[kind[k]].documents += first;
        }
    }
    same_rows(&r, word, &all, N);
    imr_context_table_done(&r);
    imr_context_free(c);

    /* Of a large collection a seeded sample is wanted, the same each time. */
    imr_context *again = NULL;
    const size_t many = 3 * IMR_CONTEXT_DOCUMENTS;
    size_t wanted = 0, low = 0;
    CHECK_OK(imr_context_new(&c, e, many, 0, &err));
    CHECK_OK(imr_context_new(&again, e, many, 0, &err));
    for (size_t i = 0; i < many; i++) {
        CHECK(imr_context_wants(c, i) == imr_context_wants(again, i));
        wanted += imr_context_wants(c, i);
        low += i < many / 2 && imr_context_wants(c, i);
    }
    CHECK_INT(wanted, IMR_CONTEXT_DOCUMENTS);
    CHECK(low > wanted * 48 / 100 && low < wanted * 52 / 100);
    CHECK(!imr_context_wants(c, many));
    imr_context_free(c);
    imr_context_free(again);
    imr_encoder_free(e);
}

TEST("an encoder whose vectors are no sum over words has no such table and says why")
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_shared("oracle/encoders/bge-like-cls"));
    imr_encoder *e = NULL;
    imr_context *c = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    CHECK_INT(imr_context_new(&c, e, 10, 0, &err), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "CLS pooling");
    CHECK(!c);
    imr_encoder_free(e);
}
