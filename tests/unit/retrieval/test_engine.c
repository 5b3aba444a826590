/* What all engines share, on our own store as the engine. */
#include <math.h>

#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/engine.h"
#include "tests/unit/retrieval/made_cache.h"

enum { N = 40, DIM = 5 };

static imr_status encode(IMR_UNUSED void *user, const imr_encode_texts *t, float *out,
                         IMR_UNUSED imr_error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        unsigned state = 7 + (unsigned)t->lens[i];
        for (size_t k = 0; k < t->lens[i]; k++)
            state = state * 31 + (unsigned char)t->texts[i][k];
        for (size_t j = 0; j < DIM; j++)
            out[i * DIM + j] =
                (float)((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
    }
    return IMR_OK;
}

static imr_cache *make(void)
{
    static char corpus[N * 80];
    size_t len = 0;
    for (int i = 0; i < N; i++)
        len += (size_t)snprintf(corpus + len, sizeof corpus - len,
                                "{\"_id\":\"d%02d\",\"title\":\"title %d\",\"text\":\"text %d\"}\n",
                                i, i, i * i);
    const char query[] = "{\"_id\":\"q\",\"text\":\"what\"}\n";
    const char qrels[] = "query-id\tcorpus-id\tscore\nq\td03\t1\n";
    const imr_named_bytes files[] = {{"corpus.jsonl", corpus, len},
                                     {"queries.jsonl", query, sizeof query - 1},
                                     {"qrels/test.tsv", qrels, sizeof qrels - 1}};
    static const imr_encoder_identity identity = {.kind = "made", .name = "made"};
    return made_cache(files, 3, &identity, DIM, encode, NULL);
}

static imr_engine *open_made(imr_cache **c)
{
    imr_error err;
    imr_engine *e = NULL;
    *c = make();
    const imr_engine_options o = {.url = (*c)->path};
    CHECK_OK(imr_engine_open(&e, &o, NULL, &err));
    return e;
}

TEST("a window holds the nearest documents of a query, each as the cache has it, and those asked "
     "for")
{
    imr_error err;
    imr_cache *c, *w = NULL;
    imr_engine *e = open_made(&c);
    float q[DIM], scores[N], row[DIM];
    uint32_t best[N], at;
    CHECK_OK(imr_cache_read_query(c, 0, q, &err));
    for (size_t i = 0; i < N; i++) {
        CHECK_OK(imr_cache_read_rows(c, i, 1, row, &err));
        scores[i] = (float)imr_nn_cosine(q, row, DIM);
    }
    imr_topk(best, N, scores, N, c->documents.ids.places);
    const char *ids[] = {imr_ids_at(&c->documents.ids, best[N - 1]), "no such document",
                         imr_ids_at(&c->documents.ids, best[2])};
    CHECK_OK(imr_engine_window(&w, e, q, 10, ids, 3, NULL, &err));
    CHECK_INT(w->documents.ids.n, 11);
    CHECK_INT(imr_cache_ranked(w), 10);
    CHECK_STR(imr_ids_at(&w->documents.ids, 10), ids[0]);
    for (size_t i = 0; i < 10; i++) {
        IMR_AUTOBUF imr_buf title = {0}, text = {0}, there = {0};
        CHECK(imr_ids_find(&c->documents.ids, imr_ids_at(&w->documents.ids, i), &at));
        CHECK_INT(at, best[i]);
        CHECK_OK(imr_cache_document(w, i, &title, &text, &err));
        CHECK_OK(imr_cache_document(c, at, NULL, &there, &err));
        CHECK_STR(imr_buf_text(&text), imr_buf_text(&there));
        CHECK(title.len > 0);
        CHECK_OK(imr_cache_read_rows(c, at, 1, row, &err));
        CHECK(memcmp(row, imr_matrix_row(&w->documents.owned, i), sizeof row) == 0);
    }
    imr_cache_free(imr_cache_share(w));
    CHECK_STR(imr_ids_at(&w->documents.ids, 10), ids[0]);
    imr_cache_free(w);
    imr_engine_close(e);
    imr_cache_free(c);
}

TEST("recall is 1 of an engine that is exact, against itself and against a sample")
{
    imr_error err;
    imr_cache *c, *sample = NULL;
    imr_engine *e = open_made(&c);
    imr_engine_recall r;
    CHECK_OK(imr_engine_sample(&sample, e, 20, NULL, &err));
    CHECK_INT(sample->documents.ids.n, 20);
    const imr_view queries = imr_matrix_view(&sample->documents.owned);
    CHECK_OK(imr_engine_measure(&r, e, queries, 10, sample, 60, NULL, &err));
    CHECK(r.recall == 1 && r.exact && r.queries == 20 && r.k == 10);
    imr_cache_free(sample);
    imr_engine_close(e);
    imr_cache_free(c);
}

/* Answers the first documents there are, and nothing exactly: it cannot, or takes too long. */
static imr_status not_exactly;
static imr_status nearest_by_order(imr_engine *e, imr_engine_rows *out,
                                   IMR_UNUSED const float *vector, size_t k, bool exact,
                                   const imr_progress *progress, imr_error *err)
{
    const char *ids[] = {"d00", "d01", "d02", "d03", "d04", "d05", "d06", "d07", "d08", "d09"};
    return exact ? imr_fail(err, not_exactly, "no")
                 : imr_engine_store.find(e, out, ids, k, progress, err);
}

TEST("recall against a sample counts the sampled documents nearer than the last one found")
{
    imr_error err;
    imr_cache *c, *all = NULL;
    imr_engine *e = open_made(&c);
    imr_engine_driver poor = imr_engine_store;
    imr_engine_recall r;
    size_t hits = 0, of = 0;
    poor.nearest = nearest_by_order;
    CHECK_OK(imr_engine_sample(&all, e, N, NULL, &err));
    e->driver = &poor;
    const imr_view queries = imr_view_of(all->documents.owned.v, 3, DIM);
    for (size_t q = 0; q < 3; q++) {
        double last = 2, to[N];
        for (size_t i = 0; i < N; i++) {
            to[i] = imr_nn_cosine(imr_view_row(&queries, q),
                                  imr_matrix_row(&all->documents.owned, i), DIM);
            last = i < 10 ? fmin(last, to[i]) : last;
        }
        for (size_t i = 0; i < N; i++) {
            of += to[i] > last;
            hits += to[i] > last && i < 10;
        }
    }
    for (int slow = 0; slow < 2; slow++) {
        not_exactly = slow ? IMR_E_IO : IMR_E_UNSUPPORTED;
        CHECK_OK(imr_engine_measure(&r, e, queries, 10, all, 60, NULL, &err));
        CHECK(!r.exact && hits < of);
        CHECK_NEAR(r.recall, (double)hits / (double)of, 1e-12);
    }
    imr_cache_free(all);
    imr_engine_close(e);
    imr_cache_free(c);
}

TEST("what an engine answers is checked like a file")
{
    const float v[] = {1, 2}, bad[] = {1, NAN};
    const struct {
        const char *what;
        imr_engine_row row;
        imr_status status;
    } cases[] = {
        {"no id", {.id = "", .vector = v, .dim = 2}, IMR_E_FORMAT},
        {"an escape sequence in an id",
         {.id = "a\x1b[2J", .id_len = 5, .vector = v, .dim = 2},
         IMR_E_FORMAT},
        {"a zero in an id", {.id = "a\0b", .id_len = 3, .vector = v, .dim = 2}, IMR_E_FORMAT},
        {"an id that is not UTF-8",
         {.id = "\xff", .id_len = 1, .vector = v, .dim = 2},
         IMR_E_FORMAT},
        {"another dimension", {.id = "x", .id_len = 1, .vector = v, .dim = 1}, IMR_E_SHAPE},
        {"a NaN", {.id = "x", .id_len = 1, .vector = bad, .dim = 2}, IMR_E_NUMERIC},
        {"one row too many", {.id = "x", .id_len = 1, .vector = v, .dim = 2}, IMR_E_FORMAT},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_error err;
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 1};
        const imr_engine_row first = {.id = "first", .id_len = 5, .vector = v, .dim = 2};
        CHECK_OK(imr_engine_add(&r, &first, &err));
        CHECK_OK(imr_engine_add(&r, &first, &err)); /* again: left out, counted */
        CHECK_INT(r.repeated, 1);
        CHECK_INT(imr_engine_add(&r, &cases[i].row, &err), cases[i].status);
        CHECK_INT(r.rows.n, 1);
    }
}

TEST("a text of an engine is cut at a character, and is UTF-8 without a zero")
{
    imr_error err;
    const float v[] = {1};
    const size_t len = IMR_ENGINE_TEXT + 5;
    char *text = malloc(len);
    memset(text, 'a', len);
    text[0] = '\0';
    text[1] = '\xff';
    memcpy(text + IMR_ENGINE_TEXT - 1, "\xc3\xa4", 2); /* lies across the end */
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 1};
    CHECK_OK(imr_engine_add(
        &r,
        &(imr_engine_row){
            .id = "x", .id_len = 1, .vector = v, .dim = 1, .text = text, .text_len = len},
        &err));
    CHECK_INT(strlen(r.rows.v[0].text), IMR_ENGINE_TEXT - 1 + 4); /* two bytes became six */
    CHECK(strncmp(r.rows.v[0].text,
                  "\xef\xbf\xbd\xef\xbf\xbd"
                  "aa",
                  8) == 0);
    CHECK_INT(r.cut, 1);
    free(text);
}

TEST("URLs: which engine, parameters taken out and decoded, no secrets")
{
    imr_error err;
    imr_engine *e = NULL;
    static const struct {
        const char *url, *says;
    } wrong[] = {
        {"mongodb://x", "names no engine"},
        {"postgresql://me:secret@host/db?table=docs", "a password in a URL"},
        {"postgresql://host/db?table=docs&password=secret", "a password"},
        {"solr+http://me:secret@host:8983/solr/docs", "a password in a URL"},
        {"no/such/folder", "there is no cache folder"},
    };
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        const imr_engine_options o = {.url = wrong[i].url};
        CHECK(imr_engine_open(&e, &o, NULL, &err) != IMR_OK);
        CHECK_CONTAINS(err.text, wrong[i].says);
        CHECK(!strstr(err.text, "secret"));
    }
    static const struct {
        const char *url, *value, *left;
        imr_status status;
    } parameters[] = {
        {"p://h/d?table=a%20b&x=1", "a b", "p://h/d?x=1", IMR_OK},
        {"p://h/d?x=1&table=t", "t", "p://h/d?x=1", IMR_OK},
        {"p://h/d?table=t", "t", "p://h/d", IMR_OK},
        {"p://h/d?x=1&table=t&y=2", "t", "p://h/d?x=1&y=2", IMR_OK},
        {"p://h/d?tables=t", NULL, "p://h/d?tables=t", IMR_OK},
        {"p://h/d", NULL, "p://h/d", IMR_OK},
        {"p://h/d?table=a&table=b", NULL, NULL, IMR_E_USAGE},
        {"p://h/d?table=", NULL, NULL, IMR_E_USAGE},
        {"p://h/d?table=%2", NULL, NULL, IMR_E_USAGE},
        {"p://h/d?table=%00", NULL, NULL, IMR_E_USAGE},
        {"p://h/d?table=%zz", NULL, NULL, IMR_E_USAGE},
    };
    for (size_t i = 0; i < IMR_LEN(parameters); i++) {
        IMR_AUTOBUF imr_buf url = {0};
        imr_engine made = {.arena = imr_arena_new()};
        const char *value = NULL;
        imr_buf_str(&url, parameters[i].url);
        CHECK_INT(imr_engine_parameter(&value, &made, &url, "table", &err), parameters[i].status);
        if (parameters[i].status == IMR_OK) {
            CHECK((value == NULL) == (parameters[i].value == NULL));
            if (value && parameters[i].value)
                CHECK_STR(value, parameters[i].value);
            CHECK_STR(imr_buf_text(&url), parameters[i].left);
            CHECK_INT(url.len, strlen(url.data));
        }
        imr_arena_free(made.arena);
    }
}

TEST("a window fails cleanly wherever memory runs out, and the next request works")
{
    imr_error err;
    imr_cache *c;
    imr_engine *e = open_made(&c);
    float q[DIM];
    CHECK_OK(imr_cache_read_query(c, 0, q, &err));
    imr_status status = IMR_E_MEMORY;
    size_t fails = 0;
    const char *ids[] = {"d00", "d39"};
    for (long n = 0; status != IMR_OK; n++) {
        imr_cache *w = NULL;
        imr_mem_fail_after(n);
        status = imr_engine_window(&w, e, q, 5, ids, 2, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || (status == IMR_E_MEMORY && !w));
        fails += status != IMR_OK;
        imr_cache_free(w);
    }
    CHECK(fails > 10);
    imr_engine_close(e);
    imr_cache_free(c);
}
