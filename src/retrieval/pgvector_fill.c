/* Filling a table: one that is made and marked here, or one that is there. */
#include <inttypes.h>
#include <libpq-fe.h>

#include "format/json.h"
#include "retrieval/cache_internal.h"
#include "retrieval/pgvector.h"
#include "text/utf8.h"

enum { MOST_INDEXED = 2000, PLAIN = 3900 }; /* numbers; bytes of a vector kept in its row */

/* Statements in one transaction. */
static imr_status tell(imr_engine *e, const char *what, const imr_buf *sql, const imr_buf *copy,
                       const imr_progress *progress, imr_error *err)
{
    const imr_pgvector_question q = {.sql = sql->data, .what = what, .copy = copy};
    IMR_TRY(imr_buf_check(sql, err));
    return imr_pgvector_ask(e, &q, progress, err);
}

static imr_status put_escaped(imr_buf *sql, const imr_pgvector *s, const char *text, size_t len,
                              bool name, imr_error *err)
{
    char *escaped =
        name ? PQescapeIdentifier(s->conn, text, len) : PQescapeLiteral(s->conn, text, len);
    if (!escaped)
        return imr_fail(err, IMR_E_IO, "PostgreSQL's library cannot quote %s", text);
    imr_buf_str(sql, escaped);
    PQfreemem(escaped);
    return IMR_OK;
}

/* The comment of a table that we made; the encoder is in e->facts. */
static imr_status put_mark(imr_buf *sql, const imr_engine *e, bool whole, imr_error *err)
{
    const imr_pgvector *s = e->state;
    IMR_AUTOBUF imr_buf mark = {0};
    imr_json_printf(&mark, "{'schema':%s,'documents':%" PRId64 ",'whole':%hhd,'encoder':",
                    IMR_PGVECTOR_SCHEMA, s->planned, whole);
    imr_engine_put_encoder(&mark, &e->facts.encoder);
    imr_buf_char(&mark, '}');
    IMR_TRY(imr_buf_check(&mark, err));
    return put_escaped(sql, s, mark.data, mark.len, false, err);
}

/* The table with its mark, or nothing. */
static imr_status make_table(imr_engine *e, const imr_engine_plan *plan,
                             const imr_progress *progress, imr_error *err)
{
    const imr_pgvector *s = e->state;
    const char *usual[] = {"id", "v", "title", "text"}, *named = s->named[0],
               *dot = strchr(named, '.'), *type = plan->half ? "halfvec" : "vector";
    const size_t schema = dot ? (size_t)(dot - named) + 1 : 0, dim = plan->dim;
    IMR_AUTOBUF imr_buf table = {0}, sql = {0};
    if (dim > MOST_INDEXED * (plan->half ? 2 : 1))
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "pgvector's indexes take vectors of at most %d numbers (%d of 16 bits); "
                        "the encoder makes %zu",
                        MOST_INDEXED, 2 * MOST_INDEXED, dim);
    imr_buf_str(&sql, "create extension if not exists vector");
    IMR_TRY(imr_error_prefix(err, tell(e, NULL, &sql, NULL, progress, err),
                             "the database lacks the extension vector; its owner may say CREATE "
                             "EXTENSION vector"));
    imr_buf_clear(&sql);
    if (dot)
        IMR_TRY(put_escaped(&table, s, named, schema - 1, true, err));
    imr_buf_str(&table, dot ? "." : "");
    IMR_TRY(put_escaped(&table, s, named + schema, strlen(named) - schema, true, err));
    IMR_TRY(imr_buf_check(&table, err));
    imr_buf_printf(&sql, "create table %s", table.data);
    for (int i = 0; i < IMR_PG_COLUMNS; i++) {
        usual[i] = s->named[1 + i] ? s->named[1 + i] : usual[i];
        imr_buf_str(&sql, i ? ", " : " (");
        IMR_TRY(put_escaped(&sql, s, usual[i], strlen(usual[i]), true, err));
        if (i == IMR_PG_VECTOR)
            imr_buf_printf(&sql, " %s(%zu)", type, dim);
        else
            imr_buf_str(&sql, i ? " text" : " text primary key");
    }
    if (dim * (plan->half ? 2 : 4) < PLAIN) {
        imr_buf_printf(&sql, "); alter table %s alter column ", table.data);
        IMR_TRY(
            put_escaped(&sql, s, usual[IMR_PG_VECTOR], strlen(usual[IMR_PG_VECTOR]), true, err));
    }
    imr_buf_printf(&sql, "%s; comment on table %s is ",
                   dim * (plan->half ? 2 : 4) < PLAIN ? " set storage plain" : ")", table.data);
    IMR_TRY(put_mark(&sql, e, false, err));
    return tell(e, NULL, &sql, NULL, progress, err);
}

/* A table with our mark: is it of what comes now? */
static imr_status check_mark(const imr_engine *e, const imr_engine_plan *plan,
                             const imr_encoder_identity *with, imr_error *err)
{
    const imr_pgvector *s = e->state;
    const imr_encoder_identity *by = &e->facts.encoder;
    const bool same = s->planned == (int64_t)plan->documents &&
                      plan->half == (strcmp(e->facts.type, "halfvec") == 0) &&
                      imr_engine_same_encoder(e, with);
    return same ? IMR_OK
                : imr_fail(err, IMR_E_IO,
                           "table %s was made for %" PRId64
                           " documents as %s by the encoder \"%s\": "
                           "take another table, or drop this one",
                           s->at.table, s->planned, e->facts.type, by->name);
}

imr_status imr_pgvector_fill_begin(imr_engine *e, const imr_engine_plan *plan, uint64_t *done,
                                   const imr_progress *progress, imr_error *err)
{
    imr_pgvector *s = e->state;
    imr_encoder_identity with = {.path = ""}; /* where it lies is nobody's business */
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++) {
        const char *text = plan->encoder->text[i];
        if (&with.text[i] != &with.path)
            IMR_NEED(with.text[i] =
                         imr_line_keep(text ? text : "", text ? strlen(text) : 0, e->arena),
                     err);
    }
    if (!s->named[0])
        return imr_fail(err, IMR_E_USAGE, "table= in the URL names the table to fill");
    imr_status status = imr_pgvector_look_up(e, progress, err);
    if (status == IMR_E_NOT_FOUND && !plan->into_existing) {
        s->planned = (int64_t)plan->documents;
        e->facts.encoder = with;
        IMR_TRY(make_table(e, plan, progress, err));
        status = imr_pgvector_look_up(e, progress, err);
    }
    IMR_TRY(status);
    if (e->facts.dim != plan->dim)
        return imr_fail(err, IMR_E_SHAPE,
                        "table %s takes vectors of %zu numbers, the encoder makes %zu", s->at.table,
                        e->facts.dim, plan->dim);
    if (s->marked)
        IMR_TRY(check_mark(e, plan, &with, err));
    else if (!plan->into_existing)
        return imr_fail(
            err, IMR_E_IO,
            "table %s was not made by imrnn: take another, or --into-existing adds to it",
            s->at.table);
    *done = !s->marked ? 0 : s->whole ? plan->documents : e->facts.documents;
    return IMR_OK;
}

/* ---- rows, in COPY's binary form ---- */

static void put32(imr_buf *b, size_t v)
{
    imr_buf_add(b, (char[]){(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v}, 4);
}

/* PostgreSQL takes no zeros. */
static void put_text(imr_buf *b, const char *text, size_t len)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_engine_put_text(&clean, text, len);
    put32(b, clean.len);
    imr_buf_add(b, imr_buf_text(&clean), clean.len);
    b->failed |= clean.failed;
}

static void put_rows(imr_buf *b, const imr_engine_row *rows, size_t n, bool half)
{
    imr_buf_add(b, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (const imr_engine_row *r = rows; r < rows + n; r++) {
        imr_buf_add(b, "\0\4", 2); /* fields */
        put_text(b, r->id, r->id_len);
        put32(b, 4 + r->dim * (half ? 2 : 4));
        imr_pgvector_put(b, r->vector, r->dim, half);
        put_text(b, r->title, r->title_len);
        put_text(b, r->text, r->text_len);
    }
    imr_buf_add(b, "\377\377", 2);
}

imr_status imr_pgvector_fill_add(imr_engine *e, const imr_engine_row *rows, size_t n,
                                 const imr_progress *progress, imr_error *err)
{
    const imr_pgvector *s = e->state;
    const imr_pgvector_table *t = &s->at;
    IMR_AUTOBUF imr_buf sql = {0}, columns = {0}, values = {0}, data = {0};
    put_rows(&data, rows, n, strcmp(t->bare_type, "halfvec") == 0);
    for (int i = 0; i < IMR_PG_COLUMNS; i++)
        if (*t->column[i]) {
            imr_buf_printf(&columns, "%s%s", i ? ", " : "", t->column[i]);
            imr_buf_printf(&values, i ? ", %c" : "%c::%s", "ivtx"[i], t -> id_type);
        }
    if (s->marked)
        imr_buf_printf(&sql, "copy %s (%s) from stdin (format binary)", t->table,
                       imr_buf_text(&columns));
    else /* ids that are there stay as they are: the same may come again */
        imr_buf_printf(
            &sql,
            "create temp table imrnn_rows (i text, v %s, t text, x text) on commit drop; "
            "copy pg_temp.imrnn_rows from stdin (format binary); insert into %s (%s) "
            "select %s from pg_temp.imrnn_rows r where not exists (select from %s o "
            "where o.%s = r.i::%s)",
            t->type, t->table, imr_buf_text(&columns), imr_buf_text(&values), t->table,
            t->column[IMR_PG_ID], t->id_type);
    IMR_TRY(imr_buf_check(&columns, err));
    IMR_TRY(imr_buf_check(&values, err));
    IMR_TRY(imr_buf_check(&data, err));
    return tell(e, "sending documents", &sql, &data, progress, err);
}

imr_status imr_pgvector_fill_end(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    const imr_pgvector *s = e->state;
    IMR_AUTOBUF imr_buf sql = {0};
    if (!s->marked || s->whole)
        return IMR_OK;
    imr_buf_printf(&sql,
                   "create index on %s using hnsw (%s %s_cosine_ops); analyze %s; comment on table "
                   "%s is ",
                   s->at.table, s->at.column[IMR_PG_VECTOR], s->at.type, s->at.table, s->at.table);
    IMR_TRY(put_mark(&sql, e, true, err));
    return tell(e, "building the index", &sql, NULL, progress, err);
}
