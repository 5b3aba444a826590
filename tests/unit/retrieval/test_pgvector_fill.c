/* Filling tables of a running PostgreSQL. */
#define PGVECTOR_TESTS "fill"
#include "tests/unit/retrieval/pgvector_server.h"

enum { N = 300, DIM = 3 };

static const imr_encoder_identity made = {.kind = "bert",
                                          .name = "made",
                                          .path = "/somewhere",
                                          .sha256 = "12",
                                          .query_prefix = "query: ",
                                          .passage_prefix = "it's \\\"so\\\": "};
static const imr_engine_plan plan = {.encoder = &made, .dim = DIM, .documents = N};

static imr_engine *open_to_fill(const char *more)
{
    char url[1024];
    imr_error err;
    imr_engine *e = NULL;
    snprintf(url, sizeof url, "%s%s", base, more);
    const imr_engine_options o = {.url = url, .fill = true};
    CHECK_OK(imr_engine_open(&e, &o, NULL, &err));
    return e;
}

/* Documents [first, first+n): "d'0" and so on, with texts that are awkward. */
static imr_status add(imr_engine *e, size_t first, size_t n, const char *prefix, imr_error *err)
{
    static char ids[N][24];
    static float vectors[N][DIM];
    imr_engine_row rows[N];
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%s%zu", prefix, first + i);
        for (size_t j = 0; j < DIM; j++)
            vectors[i][j] = (float)(((first + i) * 7 + j * 3) % 11) + 0.5f;
        rows[i] = (imr_engine_row){.id = ids[i],
                                   .id_len = strlen(ids[i]),
                                   .title = "'; drop\ttable docs; --\\.",
                                   .title_len = 24,
                                   .text = "a\0b\xff\xf0\x9f\x98\x80",
                                   .text_len = 8,
                                   .vector = vectors[i],
                                   .dim = DIM};
    }
    return e->driver->fill_add(e, rows, n, NULL, err);
}

static void check_whole(const char *more, const char *type, double tolerance)
{
    imr_error err;
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok(more, NULL);
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 2};
    const char *ids[] = {"d'0", "d'299", "none"};
    CHECK_INT(e->facts.documents, N);
    CHECK_INT(e->facts.dim, DIM);
    CHECK_STR(e->facts.type, type);
    CHECK_STR(e->facts.index, "hnsw");
    CHECK(!strstr(e->facts.fields, "not filled"));
    CHECK_STR(e->facts.encoder.sha256, "12");
    CHECK_STR(e->facts.encoder.passage_prefix, made.passage_prefix);
    CHECK_STR(e->facts.encoder.path, "");
    CHECK_OK(e->driver->find(e, &rows, ids, 3, NULL, &err));
    CHECK_INT(rows.rows.n, 2);
    CHECK_STR(rows.rows.v[0].title, "'; drop\ttable docs; --\\.");
    CHECK_STR(rows.rows.v[0].text, "a\xef\xbf\xbd"
                                   "b\xef\xbf\xbd\xf0\x9f\x98\x80");
    CHECK_NEAR(rows.vectors.v[1], 3.5, tolerance);
}

TEST("pgvector: a table is made, filled, indexed, and once more it is there already")
{
    static const struct {
        const char *more, *type;
        bool half;
    } cases[] = {{"&table=docs", "vector", false},
                 {"&table=public.A%20%22b&id=i%20d&vector=V", "halfvec", true}};
    start();
    sql("drop extension vector");
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_error err;
        uint64_t done = 9;
        imr_engine_plan p = plan;
        p.half = cases[i].half;
        imr_engine *e = open_to_fill(cases[i].more);
        CHECK_OK(e->driver->fill_begin(e, &p, &done, NULL, &err));
        CHECK_INT(done, 0);
        CHECK_OK(add(e, 0, 200, "d'", &err));
        CHECK_OK(add(e, 200, 100, "d'", &err));
        CHECK_OK(e->driver->fill_end(e, NULL, &err));
        imr_engine_close(e);
        check_whole(cases[i].more, cases[i].type, cases[i].half ? 2e-3 : 0);
        e = open_to_fill(cases[i].more);
        CHECK_OK(e->driver->fill_begin(e, &p, &done, NULL, &err));
        CHECK_INT(done, N);
        CHECK_OK(e->driver->fill_end(e, NULL, &err));
        imr_engine_close(e);
    }
}

static bool never(IMR_UNUSED void *user, IMR_UNUSED const imr_progress_info *info)
{
    return false;
}

TEST("pgvector: filling that was killed or cancelled goes on behind what is in")
{
    imr_error err;
    uint64_t done = 9;
    const imr_progress stop = {never, NULL};
    start();
    imr_engine *e = open_to_fill("&table=docs");
    CHECK_OK(e->driver->fill_begin(e, &plan, &done, NULL, &err));
    CHECK_OK(add(e, 0, 120, "d'", &err));
    CHECK(add(e, 119, 100, "d'", &err) == IMR_E_IO); /* all or nothing: one of them is in */
    imr_engine_close(e);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *half = open_ok("", NULL);
    CHECK_CONTAINS(half->facts.fields, ", not filled to the end");
    e = open_to_fill("&table=docs");
    CHECK_OK(e->driver->fill_begin(e, &plan, &done, NULL, &err));
    CHECK_INT(done, 120);
    CHECK_OK(add(e, 120, 180, "d'", &err));
    CHECK_INT(e->driver->fill_end(e, &stop, &err), IMR_E_CANCELLED);
    imr_engine_close(e);
    e = open_to_fill("&table=docs");
    CHECK_OK(e->driver->fill_begin(e, &plan, &done, NULL, &err));
    CHECK_INT(done, N);
    CHECK_OK(e->driver->fill_end(e, NULL, &err));
    imr_engine_close(e);
    check_whole("", "vector", 0);
}

TEST("pgvector: what somebody else made is left alone, or added to when that is said")
{
    imr_error err;
    uint64_t done = 9;
    imr_engine_plan p = plan;
    start();
    sql("create table docs(id bigint primary key, text text, v vector(3)); insert into docs values "
        "(7, "
        "'mine', '[1,2,3]'); create table plain(x int)");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_to_fill("&table=docs");
    CHECK_INT(e->driver->fill_begin(e, &p, &done, NULL, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "table public.docs was not made by imrnn");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *other = open_to_fill("&table=plain");
    CHECK_INT(other->driver->fill_begin(other, &p, &done, NULL, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "relation \"plain\" already exists");
    p.into_existing = true;
    CHECK_INT(other->driver->fill_begin(other, &p, &done, NULL, &err), IMR_E_NOT_FOUND);
    for (int again = 0; again < 2; again++) {
        CHECK_OK(e->driver->fill_begin(e, &p, &done, NULL, &err));
        CHECK_INT(done, 0);
        CHECK_OK(add(e, 0, 20, "", &err));
        CHECK_OK(e->driver->fill_end(e, NULL, &err));
        CHECK_INT(add(e, 20, 2, "d", &err), IMR_E_IO);
        CHECK_CONTAINS(err.text, "invalid input syntax for type bigint");
    }
    IMR_CLEANUP(imr_engine_close_at) imr_engine *there = open_ok("", NULL);
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 30};
    CHECK_INT(there->facts.documents, 20);
    CHECK_STR(there->facts.index, "");
    CHECK_OK(there->driver->find(there, &rows, (const char *const[]){"7"}, 1, NULL, &err));
    CHECK_STR(rows.rows.v[0].text, "mine");
}

TEST("pgvector: a table of another encoder, of other numbers or documents is refused")
{
    imr_error err;
    uint64_t done = 9;
    imr_encoder_identity other = made;
    start();
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_to_fill("&table=docs");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *nameless = open_to_fill("");
    imr_engine_plan p = plan;
    CHECK_OK(e->driver->fill_begin(e, &p, &done, NULL, &err));
    other.name = "moved";
    other.path = "/elsewhere";
    p.encoder = &other;
    CHECK_OK(e->driver->fill_begin(e, &p, &done, NULL, &err));
    other.sha256 = "13";
    CHECK_INT(e->driver->fill_begin(e, &p, &done, NULL, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "by the encoder \"made\": take another table, or drop this one");
    p = plan;
    p.documents++;
    CHECK_INT(e->driver->fill_begin(e, &p, &done, NULL, &err), IMR_E_IO);
    p = plan;
    p.half = true;
    CHECK_INT(e->driver->fill_begin(e, &p, &done, NULL, &err), IMR_E_IO);
    p = plan;
    p.dim = 4;
    CHECK_INT(e->driver->fill_begin(e, &p, &done, NULL, &err), IMR_E_SHAPE);
    CHECK_INT(nameless->driver->fill_begin(nameless, &plan, &done, NULL, &err), IMR_E_USAGE);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *large = open_to_fill("&table=large");
    p.dim = 2001;
    CHECK_INT(large->driver->fill_begin(large, &p, &done, NULL, &err), IMR_E_UNSUPPORTED);
}

TEST("pgvector: without the right to make the extension, a sentence says who may")
{
    imr_error err;
    uint64_t done;
    start();
    sql("drop extension vector; drop role if exists imrnn_test_weak; create role imrnn_test_weak "
        "login; "
        "grant all on schema public to imrnn_test_weak");
    IMR_CLEANUP(imr_engine_close_at)
    imr_engine *e = open_to_fill("&user=imrnn_test_weak&table=docs");
    const imr_status status = e->driver->fill_begin(e, &plan, &done, NULL, &err);
    sql("drop owned by imrnn_test_weak; drop role imrnn_test_weak");
    CHECK_CONTAINS(err.text, "CREATE EXTENSION vector");
    CHECK_INT(status, IMR_E_IO);
}
