/* pgvector against a running PostgreSQL: IMRNN_TEST_PGVECTOR is the address of a database of it, as
 * a user who may make another one. */
#include <time.h>

#include "base/clock.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/engine.h"
#define PGVECTOR_TESTS "read"
#include "tests/unit/retrieval/pgvector_server.h"

enum { N = 400, DIM = 16, K = 20 };

static float at(size_t i, size_t j)
{
    return (float)sin((double)(i * 37 + 1) * (double)(j + 1) * 0.7) + (float)(i % 7 == j % 7);
}

/* docs(id, title, text, v): text i, lang of i % 4. */
static void make(const char *table, const char *id_type, const char *vector_type, const char *index)
{
    static char text[N * (DIM * 20 + 200) + 1000];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "create table %s(id %s primary key, title text, body text, lang "
                                "int, v %s(%d)); insert into %s values ",
                                table, id_type, vector_type, DIM, table);
    for (size_t i = 0; i < N; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "%s('%zu', 'title %zu', 'text %zu', %zu, '[", i ? "," : "", i, i, i,
                              i % 4);
        for (size_t j = 0; j < DIM; j++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%.9g", j ? "," : "", at(i, j));
        n += (size_t)snprintf(text + n, sizeof text - n, "]')");
    }
    snprintf(text + n, sizeof text - n, "; %s", index);
    sql(text);
}

static void query(float *q)
{
    for (size_t j = 0; j < DIM; j++)
        q[j] = at(N + 5, j);
}

/* The ids of the k best of those with i % 4 < langs. */
static void best(uint32_t *out, size_t k, size_t langs)
{
    float q[DIM], row[DIM], score[N];
    query(q);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < DIM; j++)
            row[j] = at(i, j);
        score[i] = i % 4 < langs ? (float)imr_nn_cosine(q, row, DIM) : -2;
    }
    uint32_t places[N];
    for (uint32_t i = 0; i < N; i++)
        places[i] = i;
    imr_topk(out, k, score, N, places);
}

static void check_nearest(imr_engine *e, bool exact, size_t langs, double tolerance)
{
    imr_error err;
    float q[DIM];
    uint32_t expected[K];
    char name[32];
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = K, .dim = DIM};
    query(q);
    best(expected, K, langs);
    CHECK_OK(e->driver->nearest(e, &rows, q, K, exact, NULL, &err));
    CHECK_INT(rows.rows.n, K);
    for (size_t i = 0; i < K; i++) {
        snprintf(name, sizeof name, "%u", expected[i]);
        CHECK_STR(rows.rows.v[i].id, name);
        snprintf(name, sizeof name, "title %u", expected[i]);
        CHECK_STR(rows.rows.v[i].title, name);
        snprintf(name, sizeof name, "text %u", expected[i]);
        CHECK_STR(rows.rows.v[i].text, name);
        for (size_t j = 0; j < DIM; j++)
            CHECK_NEAR(rows.vectors.v[i * DIM + j], at(expected[i], j), tolerance);
    }
}

TEST("pgvector: nearest is what a scan of everything finds, with the index and without, whatever "
     "the types")
{
    static const struct {
        const char *id, *type, *index, *what, *metric;
    } cases[] = {
        {"text", "vector", "", "", "none"},
        {"bigint", "vector", "create index on docs using hnsw (v vector_cosine_ops)", "hnsw",
         "cosine"},
        {"varchar(20)", "halfvec", "create index on docs using hnsw (v halfvec_cosine_ops)", "hnsw",
         "cosine"},
        {"smallint", "vector",
         "create index on docs using ivfflat (v vector_cosine_ops) with (lists = 4)", "ivfflat",
         "cosine"},
    };
    start();
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        sql("drop table if exists docs");
        make("docs", cases[i].id, cases[i].type, cases[i].index);
        IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", NULL);
        const double tolerance = strcmp(cases[i].type, "halfvec") == 0 ? 2e-3 : 1e-7;
        CHECK_STR(e->facts.type, cases[i].type);
        CHECK_STR(e->facts.index, cases[i].what);
        CHECK_STR(imr_engine_metric_names[e->facts.metric], cases[i].metric);
        CHECK_STR(e->facts.fields, "table public.docs, id id, vector v, title title, text body");
        CHECK_INT(e->facts.documents, N);
        CHECK_INT(e->facts.dim, DIM);
        check_nearest(e, true, 4, tolerance);
        check_nearest(e, false, 4, tolerance);
    }
}

TEST("pgvector: an index by inner product or L2 is asked in its own order")
{
    static const struct {
        const char *ops, *metric, *order;
    } cases[] = {{"vector_ip_ops", "inner product", "<#>"}, {"vector_l2_ops", "L2", "<->"}};
    start();
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_error err;
        float q[DIM];
        char index[100];
        query(q);
        sql("drop table if exists docs");
        snprintf(index, sizeof index, "create index on docs using hnsw (v %s)", cases[i].ops);
        make("docs", "int", "vector", index);
        IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", NULL);
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = K};
        CHECK_STR(imr_engine_metric_names[e->facts.metric], cases[i].metric);
        CHECK_OK(e->driver->nearest(e, &rows, q, K, true, NULL, &err));
        double last = -1e9;
        for (size_t r = 0; r < K; r++) {
            double d = 0;
            for (size_t j = 0; j < DIM; j++) {
                const double x = rows.vectors.v[r * DIM + j];
                d += i ? (x - q[j]) * (x - q[j]) : -x * q[j];
            }
            CHECK(d >= last - 1e-4);
            last = d;
        }
    }
}

TEST("pgvector: a filter goes with every query, comments and operators in it do not get out, and a "
     "wrong one is an error of its own")
{
    imr_error err;
    float q[DIM];
    start();
    query(q);
    make("docs", "int", "vector", "create index on docs using hnsw (v vector_cosine_ops)");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *two = open_ok("", "lang < 2");
    check_nearest(two, false, 2, 1e-7);
    check_nearest(two, true, 2, 1e-7);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *one = open_ok("", "lang = 5 or lang = 0 -- all?");
    check_nearest(one, false, 1, 1e-7);
    static const char *const wrong[] = {
        "lang <",
        "language = 1",
        "true) or (true",
        "1",
        "true); drop table docs; --",
        "exists(select set_config('x.y', nextval('s')::text, false))"};
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        if (i == 2)
            continue; /* the user's own, and harmless */
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = K};
        IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", wrong[i]);
        const imr_status status = e->driver->nearest(e, &rows, q, K, false, NULL, &err);
        CHECK(status == IMR_E_IO || status == IMR_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, "is --store-filter right?");
    }
    IMR_CLEANUP(imr_engine_close_at)
    imr_engine *writes = open_ok("", "(select count(*) from (delete from docs returning 1) d) > 0");
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = K};
    CHECK(writes->driver->nearest(writes, &rows, q, K, false, NULL, &err) != IMR_OK);
    check_nearest(two, true, 2, 1e-7);
}

TEST("pgvector: documents are found by id of any type; what is none is only not found")
{
    static const struct {
        const char *type, *ids[4], *others[6];
    } cases[] = {
        {"text",
         {"a'b", "c\"d\\e", "{f,g}", "'; drop table docs; --"},
         {"a", "NULL", "", "{}", "\\", "\xff"}},
        {"bigint",
         {"7", "-3", "1234567890123456789", "9223372036854775807"},
         {"007", "x", "9223372036854775808", "99999999999999999999", "7.0", ""}},
        {"smallint", {"7", "-3", "0", "32767"}, {"70000", "x"}},
        {"uuid",
         {"00000000-0000-0000-0000-000000000001", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
          "ffffffff-ffff-ffff-ffff-ffffffffffff", "12345678-1234-1234-1234-123456789abc"},
         {"x", "00000000000000000000000000000001", "", "----"}},
        {"char(8)", {"a", "b'", "c", "d"}, {"A", ""}},
        {"numeric", {"1.5", "2", "3", "4"}, {"x", "1.50"}},
    };
    start();
    for (size_t c = 0; c < IMR_LEN(cases); c++) {
        imr_error err;
        const char *ids[10];
        size_t n = 0;
        IMR_AUTOBUF imr_buf text = {0};
        PGconn *conn = PQconnectdb(base);
        imr_buf_printf(
            &text, "drop table if exists docs; create table docs(id %s primary key, v vector(2));",
            cases[c].type);
        for (size_t i = 0; i < 4; i++) {
            char *quoted = PQescapeLiteral(conn, cases[c].ids[i], strlen(cases[c].ids[i]));
            imr_buf_printf(&text, "insert into docs values (%s, '[%zu,1]');", quoted, i);
            PQfreemem(quoted);
            ids[n++] = cases[c].ids[i];
        }
        PQfinish(conn);
        sql(text.data);
        for (size_t i = 0; i < IMR_LEN(cases[c].others) && cases[c].others[i]; i++)
            ids[n++] = cases[c].others[i];
        IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", NULL);
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = n};
        CHECK_OK(e->driver->find(e, &rows, ids, n, NULL, &err));
        CHECK_INT(rows.rows.n, 4);
        for (size_t i = 0; i < 4; i++) {
            uint32_t row;
            CHECK(imr_strmap_get(&rows.by_id, ids[i], strlen(ids[i]), &row));
            CHECK_NEAR(rows.vectors.v[2 * row], (float)i, 0);
        }
    }
}

TEST("pgvector: a sample is the same each time, from all over, and filtered")
{
    imr_error err;
    start();
    sql("create table docs(id int primary key, title text, v vector(2)); "
        "insert into docs select i, 'x', format('[%s,1]', i)::vector from generate_series(1, "
        "20000) i; "
        "analyze docs");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", NULL);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *few = open_ok("", "id % 1000 = 0");
    IMR_CLEANUP(imr_engine_rows_done)
    imr_engine_rows a = {.most = 400}, b = {.most = 400}, c = {.most = 400};
    CHECK_OK(e->driver->sample(e, &a, 200, NULL, &err));
    CHECK_OK(e->driver->sample(e, &b, 200, NULL, &err));
    CHECK_OK(few->driver->sample(few, &c, 200, NULL, &err));
    CHECK_INT(a.rows.n, 200);
    CHECK_INT(b.rows.n, 200);
    CHECK_INT(c.rows.n, 20);
    double mean = 0;
    for (size_t i = 0; i < 200; i++) {
        CHECK_STR(a.rows.v[i].id, b.rows.v[i].id);
        mean += a.vectors.v[2 * i] / 200;
    }
    CHECK(mean > 7000 && mean < 13000);
}

TEST("pgvector: tables and columns are looked up, and where there are several or none a sentence "
     "names them")
{
    static const struct {
        const char *more, *says;
    } wrong[] = {
        {"", "public.a.v, public.b.other, public.b.v"},
        {"&table=b", "several columns of vectors (public.b.other, public.b.v)"},
        {"&table=none", "there is no column of vectors in a table none; columns of vectors: "},
        {"&table=a&vector=w", "there is no column w in a table a"},
        {"&table=a&title=heading", "table public.a has no column heading: title="},
        {"&table=a&id=ident", "table public.a has no column ident: id="},
        {"&table=keyless", "has no column that looks like an id: id="},
        {"&table=empty", "table public.empty holds no vectors"},
        {"&table=a'%3B%20drop%20table%20a%3B%20--", "there is no column of vectors in a table"},
    };
    imr_error err;
    start();
    IMR_CLEANUP(imr_engine_close_at) imr_engine *none = open_with("", NULL, &err);
    CHECK(!none);
    CHECK_CONTAINS(err.text, "no table with a column of type vector or halfvec");
    sql("create table a(doc_id int, headline varchar(9), content text, name text, v vector(2)); "
        "insert into a values (1, 'h', 'c', 'n', '[1,2]')");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *only = open_ok("", NULL);
    CHECK_STR(only->facts.fields, "table public.a, id doc_id, vector v, title name, text content");
    sql("create table b(id int primary key, v vector(2), other vector); "
        "create table keyless(x int, w vector(2)); create table empty(id int, e vector); "
        "create schema \"Other\"; create table \"Other\".\"a \"\"b\"(\"I d\" int primary key, "
        "\"Ti'tle\" text, \"v v\" halfvec(2), w vector); "
        "insert into \"Other\".\"a \"\"b\" values (1, 't', '[1,2]', '[1,2,3]')");
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_with(wrong[i].more, NULL, &err);
        CHECK(!e);
        CHECK_INT(err.status, IMR_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, wrong[i].says);
    }
    IMR_CLEANUP(imr_engine_close_at)
    imr_engine *quoted = open_ok("&table=Other.a%20%22b&vector=v%20v&title=Ti'tle", NULL);
    CHECK_STR(quoted->facts.fields,
              "table \"Other\".\"a \"\"b\", id \"I d\", vector \"v v\", title \"Ti'tle\"");
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 3};
    CHECK_OK(quoted->driver->nearest(quoted, &rows, (const float[]){1, 1}, 3, false, NULL, &err));
    CHECK_INT(rows.rows.n, 1);
    CHECK_STR(rows.rows.v[0].title, "t");
    IMR_CLEANUP(imr_engine_close_at)
    imr_engine *free_size = open_ok("&table=Other.a%20%22b&vector=w", NULL);
    CHECK_INT(free_size->facts.dim, 3);
}

/* Asks to stop, once so many steps were made. */
static bool stop_after(void *user, IMR_UNUSED const imr_progress_info *info)
{
    return --*(int *)user > 0;
}

TEST("pgvector: a request is cancelled and the next one works; one that is too slow says so")
{
    imr_error err;
    float q[DIM];
    int steps = 5;
    char url[1024];
    const imr_progress progress = {stop_after, &steps};
    imr_engine *slow = NULL;
    start();
    query(q);
    make("docs", "int", "vector", "");
    sql("create function wait(s float) returns bool language sql as 'select pg_sleep(s) is not "
        "null'");
    IMR_CLEANUP(imr_engine_close_at)
    imr_engine *e = open_ok("", "id >= 0 and (id <> 0 or wait(5))");
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = K};
    double before = imr_clock_seconds();
    CHECK_INT(e->driver->nearest(e, &rows, q, K, true, &progress, &err), IMR_E_CANCELLED);
    CHECK(imr_clock_seconds() - before < 3);
    const char *ids[] = {"3"};
    CHECK_OK(e->driver->find(e, &rows, ids, 1, NULL, &err));
    CHECK_INT(rows.rows.n, 1);
    snprintf(url, sizeof url, "%s", base);
    const imr_engine_options o = {.url = url, .filter = "id <> 0 or wait(5)", .timeout = 0.3};
    CHECK_OK(imr_engine_open(&slow, &o, NULL, &err));
    before = imr_clock_seconds();
    CHECK_INT(slow->driver->nearest(slow, &rows, q, K, true, NULL, &err), IMR_E_IO);
    CHECK_STR(err.text, "PostgreSQL is slower than the 0.3 s allowed (--store-timeout)");
    CHECK(imr_clock_seconds() - before < 3);
    imr_engine_rows_done(&rows);
    rows.most = K;
    CHECK_OK(slow->driver->find(slow, &rows, ids, 1, NULL, &err));
    imr_engine_close(slow);
}

TEST("pgvector: a connection that is ended is made again; a table that changes is a sentence")
{
    imr_error err;
    float q[DIM];
    start();
    query(q);
    make("docs", "int", "vector", "");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", NULL);
    const char *end = "select pg_terminate_backend(pid) from pg_stat_activity where "
                      "application_name = 'imrnn' and datname = current_database()";
    sql(end);
    check_nearest(e, false, 4, 1e-7);
    sql(end);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    e->driver->wake(e);
    check_nearest(e, false, 4, 1e-7);
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = K, .dim = DIM};
    sql("update docs set v = null where id = 3; alter table docs rename column body to words");
    CHECK_INT(e->driver->nearest(e, &rows, q, K, false, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "column \"body\" does not exist (was the table changed meanwhile?)");
    sql("alter table docs rename column words to body; alter table docs alter column v "
        "type vector; update docs set v = '[1,2]' where id = 7");
    const imr_status status = e->driver->nearest(e, &rows, q, K, false, NULL, &err);
    CHECK(status == IMR_E_IO);
    CHECK_CONTAINS(err.text, "different vector dimensions");
    sql("drop table docs");
    CHECK_INT(e->driver->nearest(e, &rows, q, K, false, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "relation \"public.docs\" does not exist");
}

TEST("pgvector: nulls are left out, a text of 100 MB is cut by the server")
{
    imr_error err;
    start();
    sql("create table docs(id text, title text, body text, v vector(2)); insert into docs values "
        "('a', null, repeat('x', 100000000), '[1,2]'), (null, '', '', '[1,2]'), ('b', '', '', "
        "null), "
        "('c', '', null, '[1,3]')");
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = open_ok("", NULL);
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 9};
    CHECK_INT(e->facts.documents, 2);
    CHECK_OK(e->driver->nearest(e, &rows, (const float[]){1, 2}, 9, false, NULL, &err));
    CHECK_INT(rows.rows.n, 2);
    CHECK_INT(rows.cut, 1);
    CHECK_INT(strlen(rows.rows.v[0].text), IMR_ENGINE_TEXT - 1);
    CHECK_STR(rows.rows.v[1].text, "");
    imr_engine_rows_done(&rows);
    rows.most = 9;
    sql("update docs set id = E'a\\nb' where id = 'a'");
    CHECK_INT(e->driver->nearest(e, &rows, (const float[]){1, 2}, 9, false, NULL, &err),
              IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "an id with the control character 0x0a");
}
