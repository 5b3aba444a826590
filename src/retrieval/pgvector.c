/* PostgreSQL with pgvector: what is where, and what is near. */
#include "retrieval/pgvector.h"

#include <libpq-fe.h>
#include <math.h>

#include "assets/pgvector.h"
#include "base/half.h"
#include "base/number.h"
#include "format/json.h"
#include "retrieval/cache_internal.h"
#include "text/utf8.h"

enum { MOST_SEARCH = 1000, MOST_PROBES = 32768 }; /* pgvector's own limits */
static const char *const parameters[] = {"table", "id", "vector", "title", "text"};

/* ---- looking up ---- */

static int64_t number(const char *text)
{
    int64_t n = 0;
    return imr_parse_int(text, strlen(text), &n) ? n : 0;
}

/* The first row, and the names of those that fit as well. */
static imr_status keep_best(imr_engine *e, const PGresult *r, imr_error *err)
{
    imr_pgvector *s = e->state;
    if (s->fit && *PQgetvalue(r, 0, 0) != *s->at.fits)
        return IMR_OK;
    for (int i = 0; i < IMR_PG_FOUND && !s->fit; i++) /* a null has the value "" */
        IMR_NEED(s->at.all[i] = imr_arena_strdup(e->arena, PQgetvalue(r, 0, i)), err);
    imr_buf_printf(&s->names, "%s%s.%s", s->fit++ ? ", " : "", PQgetvalue(r, 0, 1),
                   PQgetvalue(r, 0, 2 + IMR_PG_VECTOR));
    return imr_buf_check(&s->names, err);
}

static imr_status keep_counts(imr_engine *e, const PGresult *r, IMR_UNUSED imr_error *err)
{
    e->facts.documents = (uint64_t)number(PQgetvalue(r, 0, 0));
    e->facts.dim = (size_t)number(PQgetvalue(r, 0, 1));
    return IMR_OK;
}

static imr_status check_choice(const imr_pgvector *s, imr_error *err)
{
    IMR_AUTOBUF imr_buf names = {0};
    imr_utf8_clean(&names, imr_buf_text(&s->names), s->names.len, IMR_CLEAN_LINE);
    const char *table = s->named[0], *vector = s->named[1 + IMR_PG_VECTOR];
    if (!s->fit)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the database has no table with a column of type vector or halfvec");
    if (*s->at.fits == '0')
        return imr_fail(err, IMR_E_NOT_FOUND, "there is no column %s%s%s; columns of vectors: %s",
                        vector ? vector : "of vectors", table ? " in a table " : "",
                        table ? table : "", imr_buf_text(&names));
    if (s->fit > 1)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "there are several columns of vectors (%s): table= and vector= in the URL "
                        "choose",
                        imr_buf_text(&names));
    for (int i = 0; i < IMR_PG_COLUMNS; i++)
        if (!*s->at.column[i] && (s->named[1 + i] || i == IMR_PG_ID))
            return imr_fail(err, IMR_E_NOT_FOUND,
                            "table %s has no column %s: %s= in the URL names one", s->at.table,
                            s->named[1 + i] ? s->named[1 + i] : "that looks like an id",
                            parameters[1 + i]);
    return IMR_OK;
}

static imr_status keep_facts(imr_engine *e, imr_error *err)
{
    imr_pgvector *s = e->state;
    const imr_pgvector_table *t = &s->at;
    imr_engine_facts *f = &e->facts;
    IMR_AUTOBUF imr_buf fields = {0};
    imr_json *mark IMR_AUTOJSON = NULL;
    f->type = t->bare_type;
    f->index = t->index;
    f->metric = (imr_engine_metric)(*t->metric & 3);
    f->has_texts = *t->column[IMR_PG_TITLE] || *t->column[IMR_PG_TEXT];
    imr_buf_printf(&fields, "table %s", t->table);
    for (int i = 0; i < IMR_PG_COLUMNS; i++)
        if (*t->column[i])
            imr_buf_printf(&fields, ", %s %s", parameters[1 + i], t->column[i]);
    if (imr_json_parse(&mark, t->comment, strlen(t->comment), "", NULL) == IMR_OK &&
        strcmp(imr_json_string_or(mark, "schema", ""), IMR_PGVECTOR_SCHEMA) == 0) {
        IMR_TRY(imr_engine_keep_encoder(e, imr_json_at(mark, "encoder"), err));
        s->marked = true;
        s->whole = imr_json_bool_or(mark, "whole", false);
        s->planned = imr_json_int_or(mark, "documents", 0);
        imr_buf_str(&fields, s->whole ? "" : ", not filled to the end");
    }
    IMR_TRY(imr_buf_check(&fields, err));
    IMR_NEED(f->fields = imr_line_keep(fields.data, fields.len, e->arena), err);
    return IMR_OK;
}

imr_status imr_pgvector_look_up(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    imr_pgvector *s = e->state;
    IMR_AUTOBUF imr_buf sql = {0};
    imr_pgvector_question q = {.sql = (const char *)imr_sql_pgvector,
                               .n = IMR_LEN(parameters),
                               .fields = IMR_PG_FOUND,
                               .row = keep_best};
    memcpy(q.values, s->named, sizeof s->named);
    s->fit = 0;
    s->marked = false;
    imr_buf_clear(&s->names);
    IMR_TRY(imr_pgvector_ask(e, &q, progress, err));
    IMR_TRY(check_choice(s, err));
    /* An estimate will not do to go on behind. */
    imr_buf_printf(&sql, "select (%s%s)::text, coalesce(%s, 0)::text",
                   e->options.fill ? "select count(*) from " : "",
                   e->options.fill ? s->at.table : s->at.rows, s->at.dim);
    IMR_TRY(imr_buf_check(&sql, err));
    q = (imr_pgvector_question){.sql = sql.data, .fields = 2, .row = keep_counts};
    IMR_TRY(imr_pgvector_ask(e, &q, progress, err));
    if (e->facts.dim < 1 || e->facts.dim > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_NOT_FOUND, "table %s holds no vectors", s->at.table);
    return keep_facts(e, err);
}

/* What holds for a connection. Of an HNSW index come as many rows as are searched for at most; not
 * said, 200: of SciFact's 100 nearest they find 0.995, 100 find 0.979. Where a filter leaves too few
 * it goes on in relaxed order: a strict one throws away what comes late, and of ten that one in a
 * hundred rows may be (of 200,000) found 0.59 instead of 0.70. */
static imr_status set_up(imr_engine *e, size_t k, bool exact, const imr_progress *progress,
                         imr_error *err)
{
    imr_pgvector *s = e->state;
    const char *index = e->facts.index;
    const bool hnsw = strcmp(index, "hnsw") == 0, ivfflat = strcmp(index, "ivfflat") == 0;
    uint32_t effort = e->options.effort;
    IMR_AUTOBUF imr_buf sql = {0};
    if ((hnsw && effort > MOST_SEARCH) || (ivfflat && effort > MOST_PROBES))
        return imr_fail(err, IMR_E_USAGE,
                        "an index of type %s is searched with an effort of 1 to %d", index,
                        hnsw ? MOST_SEARCH : MOST_PROBES);
    effort = effort ? effort : hnsw ? 200 : 10;
    if (hnsw && k > effort)
        effort = k < MOST_SEARCH ? (uint32_t)k : MOST_SEARCH;
    imr_buf_printf(&sql, "select set_config('statement_timeout', '%.0f', false)",
                   e->options.fill ? 0 : ceil(e->options.timeout * 1000));
    if (!e->options.fill)
        imr_buf_str(&sql, ", set_config('default_transaction_read_only', 'on', false)");
    if (hnsw || ivfflat) {
        e->facts.effort = effort;
        imr_buf_printf(&sql, ", set_config('%s.%s', '%u', false)", index,
                       hnsw ? "ef_search" : "probes", effort);
        if (*s->at.goes_on == 't')
            imr_buf_printf(&sql, ", set_config('%s.iterative_scan', 'relaxed_order', false)",
                           index);
        /* Vectors that are stored beside their rows count for nothing in what the planner thinks a
         * scan of the table takes. With a filter that may still be the better way. */
        imr_buf_printf(&sql, ", set_config('enable_seqscan', '%s', false)",
                       exact || e->options.filter ? "on" : "off");
    }
    s->exact = exact;
    IMR_TRY(imr_buf_check(&sql, err));
    IMR_NEED(s->setup = imr_arena_strdup(e->arena, sql.data), err);
    return s->ready ? imr_pgvector_ask(e, &(imr_pgvector_question){.sql = s->setup}, progress, err)
                    : IMR_OK;
}

static imr_status open_pgvector(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    imr_pgvector *s = e->state = IMR_NEW(imr_pgvector);
    IMR_AUTOBUF imr_buf uri = {0};
    IMR_NEED(s, err);
    imr_buf_str(&uri, e->options.url);
    IMR_TRY(imr_buf_check(&uri, err));
    for (size_t i = 0; i < IMR_LEN(parameters); i++)
        IMR_TRY(imr_engine_parameter(&s->named[i], e, &uri, parameters[i], err));
    IMR_NEED(s->uri = imr_arena_strdup(e->arena, uri.data), err);
    IMR_TRY(set_up(e, 0, false, progress, err));
    if (e->options.fill) /* only reached */
        return imr_pgvector_ask(e, &(imr_pgvector_question){.sql = s->setup}, progress, err);
    IMR_TRY(imr_pgvector_look_up(e, progress, err));
    return set_up(e, 0, false, progress, err);
}

static void close_pgvector(imr_engine *e)
{
    imr_pgvector *s = e->state;
    if (!s)
        return;
    PQfinish(s->conn);
    imr_buf_done(&s->names);
    imr_free(s);
}

/* ---- documents ---- */

void imr_pgvector_put(imr_buf *out, const float *v, size_t n, bool half)
{
    imr_buf_add(out, (char[]){(char)(n >> 8), (char)n, 0, 0}, 4);
    for (size_t i = 0; i < n; i++) {
        const uint32_t x = half ? (uint32_t)imr_f32_to_f16(v[i]) << 16 : imr_bits_of_float(v[i]);
        imr_buf_add(out, (char[]){(char)(x >> 24), (char)(x >> 16), (char)(x >> 8), (char)x},
                    half ? 2 : 4);
    }
}

static imr_status take_row(imr_engine *e, const PGresult *r, imr_error *err)
{
    imr_pgvector *s = e->state;
    const uint8_t *p = (const uint8_t *)PQgetvalue(r, 0, 1);
    const size_t len = (size_t)PQgetlength(r, 0, 1), n = len < 4 ? 0 : (size_t)p[0] << 8 | p[1];
    const bool half = len == 4 + 2 * n;
    if (n == 0 || (len != 4 + 4 * n && !half))
        return imr_fail(err, IMR_E_FORMAT,
                        "PostgreSQL answers a vector of %zu numbers in %zu bytes", n, len);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = p + 4 + i * (half ? 2 : 4);
        const uint32_t high = (uint32_t)at[0] << 8 | at[1];
        s->numbers[i] = half ? imr_f16_to_f32((uint16_t)high)
                             : imr_float_of_bits(high << 16 | (uint32_t)at[2] << 8 | at[3]);
    }
    return imr_engine_add(s->out,
                          &(imr_engine_row){.id = PQgetvalue(r, 0, 0),
                                            .id_len = (size_t)PQgetlength(r, 0, 0),
                                            .title = PQgetvalue(r, 0, 2),
                                            .title_len = (size_t)PQgetlength(r, 0, 2),
                                            .text = PQgetvalue(r, 0, 3),
                                            .text_len = (size_t)PQgetlength(r, 0, 3),
                                            .vector = s->numbers,
                                            .dim = n},
                          err);
}

/* Documents: what goes on behind the table's name, and the values. Texts are cut once the rows are
 * chosen, those that are long. */
static imr_status ask_rows(imr_engine *e, imr_engine_rows *out, const imr_buf *rest,
                           imr_pgvector_question q, const imr_progress *progress, imr_error *err)
{
    imr_pgvector *s = e->state;
    IMR_AUTOBUF imr_buf sql = {0};
    imr_buf_str(&sql, "select i::text, v");
    for (const char *c = "tx"; *c; c++)
        imr_buf_printf(
            &sql,
            ", case when octet_length(%c::text) > %zu then left(%c::text, %zu) else %c::text end",
            *c, IMR_ENGINE_TEXT, *c, IMR_ENGINE_TEXT + 1, *c);
    imr_buf_str(&sql, " from (select ");
    for (int i = 0; i < IMR_PG_COLUMNS; i++)
        imr_buf_printf(&sql, "%s as %c%s", *s->at.column[i] ? s->at.column[i] : "null", "ivtx"[i],
                       i + 1 < IMR_PG_COLUMNS ? ", " : " from ");
    imr_buf_str(&sql, s->at.table);
    imr_buf_str(&sql, imr_buf_text(rest));
    IMR_TRY(imr_buf_check(rest, err));
    IMR_TRY(imr_buf_check(&sql, err));
    q.sql = sql.data;
    q.fields = IMR_PG_COLUMNS;
    q.row = take_row;
    s->out = out;
    return imr_pgvector_ask(e, &q, progress, err);
}

static void put_where(imr_buf *sql, const imr_engine *e)
{
    const imr_pgvector *s = e->state;
    imr_buf_printf(sql, " where %s is not null and %s is not null", s->at.column[IMR_PG_VECTOR],
                   s->at.column[IMR_PG_ID]);
    if (e->options.filter) /* the line end ends a comment in it */
        imr_buf_printf(sql, " and (%s\n)", e->options.filter);
}

static imr_status nearest(imr_engine *e, imr_engine_rows *out, const float *vector, size_t k,
                          bool exact, const imr_progress *progress, imr_error *err)
{
    imr_pgvector *s = e->state;
    const imr_pgvector_table *t = &s->at;
    IMR_AUTOBUF imr_buf sql = {0}, v = {0};
    char limit[32];
    snprintf(limit, sizeof limit, "%zu", k);
    if (exact != s->exact ||
        (strcmp(t->index, "hnsw") == 0 && k > e->facts.effort && e->facts.effort < MOST_SEARCH))
        IMR_TRY(set_up(e, k, exact, progress, err));
    imr_pgvector_put(&v, vector, e->facts.dim, strcmp(e->facts.type, "halfvec") == 0);
    IMR_TRY(imr_buf_check(&v, err));
    put_where(&sql, e);
    imr_buf_printf(&sql, " order by (%s %s $1::%s)%s limit $2::text::int8) s order by v %s $1::%s",
                   t->column[IMR_PG_VECTOR], t->operator, t->type,
                   exact ? " + 0" : "", /* no index knows a sum */
                   t->operator, t->type);
    return ask_rows(
        e, out, &sql,
        (imr_pgvector_question){.n = 2, .values = {v.data, limit}, .lengths = {(int)v.len}},
        progress, err);
}

static imr_status find(imr_engine *e, imr_engine_rows *out, const char *const *ids, size_t n,
                       const imr_progress *progress, imr_error *err)
{
    const imr_pgvector_table *t = &((imr_pgvector *)e->state)->at;
    IMR_AUTOBUF imr_buf sql = {0}, list = {0};
    for (size_t i = 0; i < n; i++) {
        imr_buf_char(&list, i ? ',' : '[');
        imr_json_put_string(&list, ids[i]);
    }
    imr_buf_char(&list, ']');
    IMR_TRY(imr_buf_check(&list, err));
    /* As a text too: 7 is not 007. */
    imr_buf_printf(&sql,
                   " where %s is not null and %s and %s::text in (select "
                   "json_array_elements_text($1::json))) s",
                   t->column[IMR_PG_VECTOR], t->id_is_in, t->column[IMR_PG_ID]);
    return ask_rows(e, out, &sql, (imr_pgvector_question){.n = 1, .values = {list.data}}, progress,
                    err);
}

/* Of blocks that the server draws, those with the least hash. A table that is small, or of which
 * too few get through, is gone through whole. */
static imr_status sample(imr_engine *e, imr_engine_rows *out, size_t n,
                         const imr_progress *progress, imr_error *err)
{
    const imr_pgvector_table *t = &((imr_pgvector *)e->state)->at;
    const size_t most = out->most, dim = out->dim;
    char limit[32];
    snprintf(limit, sizeof limit, "%zu", n);
    for (uint64_t times = 20;; times *= 10) {
        const double percent = 100 * (double)times * (double)n / (double)(e->facts.documents + 1);
        const bool whole = *t->in_blocks != 't' || percent > 30;
        IMR_AUTOBUF imr_buf sql = {0};
        if (!whole)
            imr_buf_printf(&sql, " tablesample system (%.9f) repeatable (1)", percent);
        put_where(&sql, e);
        imr_buf_printf(&sql, " order by hashtext(%s::text), %s limit $1::text::int8) s",
                       t->column[IMR_PG_ID], t->column[IMR_PG_ID]);
        imr_engine_rows_done(out);
        out->most = most;
        out->dim = dim;
        IMR_TRY(ask_rows(e, out, &sql, (imr_pgvector_question){.n = 1, .values = {limit}}, progress,
                         err));
        if (whole || out->rows.n >= n / 2)
            return IMR_OK;
    }
}

const imr_engine_driver imr_engine_pgvector = {
    .kind = "pgvector",
    .schemes = (const char *const[]){"postgresql://", "postgres://", NULL},
    .open = open_pgvector,
    .close = close_pgvector,
    .wake = imr_pgvector_wake,
    .nearest = nearest,
    .find = find,
    .sample = sample,
    .fill_begin = imr_pgvector_fill_begin,
    .fill_add = imr_pgvector_fill_add,
    .fill_end = imr_pgvector_fill_end};
