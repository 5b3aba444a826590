/* Filling an engine that is kept in memory and can be lost in the middle. */
#include "task/cache.h"
#include "task/fill.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

enum { N = 700, BATCHES = 3 };

typedef struct memory {
    uint64_t n, fail_at; /* documents in; batch that is lost, from 1; 0: none */
    size_t batches, largest, ends;
    bool half, into_existing;
    imr_buf rows; /* ids, titles, texts, each with its zero, and vectors */
} memory;

static imr_status begin(imr_engine *e, const imr_engine_plan *plan, uint64_t *done,
                        IMR_UNUSED const imr_progress *progress, IMR_UNUSED imr_error *why)
{
    memory *m = e->state;
    CHECK(plan->dim == 12 && plan->documents <= N && strlen(plan->encoder->sha256) == 64);
    m->half = plan->half;
    m->into_existing = plan->into_existing;
    *done = m->n;
    return IMR_OK;
}

static imr_status add(imr_engine *e, const imr_engine_row *rows, size_t n,
                      IMR_UNUSED const imr_progress *progress, imr_error *why)
{
    memory *m = e->state;
    m->batches++;
    m->largest = n > m->largest ? n : m->largest;
    if (m->batches == m->fail_at)
        return imr_fail(why, IMR_E_IO, "the connection is lost");
    for (size_t i = 0; i < n; i++) {
        const imr_engine_row *r = &rows[i];
        CHECK_INT(strlen(r->id), r->id_len);
        imr_buf_add(&m->rows, r->id, r->id_len + 1);
        imr_buf_add(&m->rows, r->title, r->title_len);
        imr_buf_char(&m->rows, '\0');
        imr_buf_add(&m->rows, r->text, r->text_len);
        imr_buf_char(&m->rows, '\0');
        imr_buf_add(&m->rows, r->vector, r->dim * sizeof *r->vector);
    }
    m->n += n;
    return IMR_OK;
}

static imr_status end(imr_engine *e, IMR_UNUSED const imr_progress *progress,
                      IMR_UNUSED imr_error *why)
{
    ((memory *)e->state)->ends++;
    return IMR_OK;
}

static imr_status find(imr_engine *e, imr_engine_rows *out, const char *const *ids, size_t n,
                       IMR_UNUSED const imr_progress *progress, imr_error *why)
{
    memory *m = e->state;
    CHECK(n == 1 && out->most == 1);
    for (const char *p = m->rows.data; p < m->rows.data + m->rows.len;) {
        const imr_engine_row row = {
            .id = p, .id_len = strlen(p), .vector = (const float[]){1}, .dim = 1};
        if (strcmp(p, ids[0]) == 0)
            return imr_engine_add(out, &row, why);
        for (int i = 0; i < 3; i++)
            p += strlen(p) + 1;
        p += 12 * sizeof(float);
    }
    return IMR_OK;
}

static const imr_engine_driver driver = {
    .kind = "memory", .find = find, .fill_begin = begin, .fill_add = add, .fill_end = end};

static imr_engine engine_of(memory *m)
{
    return (imr_engine){.driver = &driver, .facts = {.name = "memory://there"}, .state = m};
}

typedef struct collection {
    tiny t;
    imr_encoder *encoder;
    imr_dataset *dataset;
} collection;

static collection collect(void)
{
    static char corpus[N * 80];
    size_t len = 0;
    collection c = {.t = tiny_new(false, 12, 3, 20, 64)};
    for (int i = 0; i < N; i++)
        len += (size_t)snprintf(corpus + len, sizeof corpus - len,
                                "{\"_id\":\"d%03d\",\"title\":\"%.*s\",\"text\":\"a b %d\"}\n", i,
                                i % 5, "four", i * i);
    const char *dir = keep(test_path(test_tmpdir(), "dataset"));
    CHECK_OK(imr_dir_make(dir, &err));
    CHECK_OK(imr_file_write(imr_path_in(dir, "corpus.jsonl").s, corpus, len, &err));
    const char query[] = "{\"_id\":\"q\",\"text\":\"what\"}\n";
    CHECK_OK(imr_file_write(imr_path_in(dir, "queries.jsonl").s, query, sizeof query - 1, &err));
    CHECK_OK(imr_encoder_open(&c.encoder, c.t.dir, NULL, &err));
    CHECK_OK(imr_dataset_open(&c.dataset, dir, NULL, &err));
    return c;
}

static void collection_done(collection *c)
{
    imr_dataset_free(c->dataset);
    imr_encoder_free(c->encoder);
    tiny_done(&c->t);
}

static bool stop(void *user, const imr_progress_info *info)
{
    size_t *left = user;
    CHECK(info->done <= N && info->total == N && *left > 0);
    return --*left > 0;
}

TEST("a filling that was stopped or lost its engine goes on, and ends with the rows of one in one "
     "go")
{
    collection c = collect();
    memory whole = {0};
    imr_engine e = engine_of(&whole);
    imr_fill_result r;
    const imr_fill_plan plan = {.dataset = c.dataset, .encoder = c.encoder, .half = true};
    CHECK_OK(imr_engine_fill(&r, &e, &plan, NULL, &err));
    CHECK(r.there == 0 && r.filled == N && whole.n == N && whole.ends == 1 && whole.half);
    CHECK(whole.batches == BATCHES && whole.largest == 256 && !whole.into_existing);
    for (size_t k = 1; k <= 2 * BATCHES + 1; k++) {
        memory m = {.fail_at = k <= BATCHES ? k : 0};
        size_t left = k <= BATCHES ? SIZE_MAX : 1 + 3 * (k - BATCHES);
        const imr_progress p = {stop, &left};
        e = engine_of(&m);
        CHECK_INT(imr_engine_fill(&r, &e, &plan, &p, &err), m.fail_at ? IMR_E_IO : IMR_E_CANCELLED);
        CHECK_CONTAINS(err.text,
                       m.fail_at ? "the connection is lost; " : "filling was cancelled; ");
        CHECK_CONTAINS(err.text, " of 700 documents are in memory://there: run the same command "
                                 "again to go on");
        CHECK(r.filled == m.n && m.n < N && m.n % 256 == 0 && m.ends == 0);
        const uint64_t there = m.n;
        m.fail_at = 0;
        CHECK_OK(imr_engine_fill(&r, &e, &plan, NULL, &err));
        CHECK(r.there == there && r.filled == N - there && m.ends == 1);
        CHECK(m.rows.len == whole.rows.len &&
              memcmp(m.rows.data, whole.rows.data, m.rows.len) == 0);
        CHECK_OK(imr_engine_fill(&r, &e, &plan, NULL, &err));
        CHECK(r.there == N && r.filled == 0 && m.ends == 2 && m.rows.len == whole.rows.len);
        imr_buf_done(&m.rows);
    }
    imr_buf_done(&whole.rows);
    collection_done(&c);
}

TEST("vectors of a cache fill it as those that are encoded on the way, wherever it stopped")
{
    collection c = collect();
    imr_cache *cache = NULL;
    const char *dir = keep(test_path(test_tmpdir(), "cache"));
    CHECK_OK(imr_cache_encode(NULL, dir, c.dataset, c.encoder, IMR_F32, false, NULL, &err));
    CHECK_OK(imr_cache_open(&cache, dir, NULL, &err));
    memory encoded = {0}, taken = {.fail_at = 2};
    imr_fill_result r;
    imr_engine e = engine_of(&encoded), other = engine_of(&taken);
    const imr_fill_plan encode = {.dataset = c.dataset, .encoder = c.encoder},
                        take = {.from = cache, .into_existing = true};
    CHECK_OK(imr_engine_fill(&r, &e, &encode, NULL, &err));
    CHECK_INT(imr_engine_fill(&r, &other, &take, NULL, &err), IMR_E_IO);
    CHECK_OK(imr_engine_fill(&r, &other, &take, NULL, &err));
    CHECK(r.there == 256 && r.filled == N - 256 && taken.into_existing);
    CHECK(taken.rows.len == encoded.rows.len &&
          memcmp(taken.rows.data, encoded.rows.data, taken.rows.len) == 0);
    const uint64_t others[] = {N + 1, N};
    taken.rows.data[taken.rows.len - 12 * sizeof(float) - 1 - strlen("a b 488601") - 1 -
                    strlen("four") - 1 - 1] = 'x'; /* d699 */
    for (size_t i = 0; i < 2; i++) {
        taken.n = others[i];
        CHECK_INT(imr_engine_fill(&r, &other, &take, NULL, &err), IMR_E_IO);
        CHECK_STR(err.text, "memory://there was filled from another data set: name another one, or "
                            "delete it");
    }
    static const imr_engine_driver unfilled = {.kind = "other"};
    other.driver = &unfilled;
    CHECK_INT(imr_engine_fill(&r, &other, &take, NULL, &err), IMR_E_UNSUPPORTED);
    imr_buf_done(&encoded.rows);
    imr_buf_done(&taken.rows);
    imr_cache_free(cache);
    collection_done(&c);
}

TEST("a batch of long texts has fewer of them")
{
    collection c = collect();
    enum { LONG = 3 << 20, TEXTS = 7 };
    imr_buf corpus = {0};
    imr_dataset *d = NULL;
    for (int i = 0; i < TEXTS; i++) {
        imr_buf_printf(&corpus, "{\"_id\":\"%d\",\"text\":\"", i);
        imr_buf_fill(&corpus, 'a' + i, LONG);
        imr_buf_str(&corpus, "\"}\n");
    }
    CHECK_OK(imr_dataset_open_memory(&d, (imr_named_bytes){"corpus.jsonl", corpus.data, corpus.len},
                                     (imr_named_bytes){0}, NULL, 0, NULL, &err));
    memory m = {0};
    imr_fill_result r;
    imr_engine e = engine_of(&m);
    const imr_fill_plan plan = {.dataset = d, .encoder = c.encoder};
    CHECK_OK(imr_engine_fill(&r, &e, &plan, NULL, &err));
    CHECK(m.batches == 3 && m.largest == 3 && m.n == TEXTS);
    CHECK_INT(m.rows.len, TEXTS * (2 + 1 + LONG + 1 + 12 * sizeof(float)));
    imr_dataset_free(d);
    imr_buf_done(&m.rows);
    imr_buf_done(&corpus);
    collection_done(&c);
}
