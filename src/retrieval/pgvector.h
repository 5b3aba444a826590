/*
 * retrieval/pgvector.h - what the files of one engine share: pgvector.c looks up and retrieves,
 * pgvector_ask.c asks, pgvector_fill.c fills.
 *
 * A question is one statement and one round trip: values are parameters, answers binary. The server
 * prepares it as it comes; a plan that is kept would not know how many rows are wanted, and would
 * outlive a change of the table. What holds for a connection (read-only, the time allowed, how far
 * an index is searched) is set after connecting.
 */
#pragma once

#include "retrieval/engine.h"

#define IMR_PGVECTOR_SCHEMA "imrnn-table" /* of the comment of a table that we made */

enum { IMR_PG_ID, IMR_PG_VECTOR, IMR_PG_TITLE, IMR_PG_TEXT, IMR_PG_COLUMNS, IMR_PG_FOUND = 18 };

/* A row of assets/pgvector.sql, which says what is what. Never NULL, "" for what is not there. */
typedef union imr_pgvector_table {
    struct {
        const char *fits, *table, *column[IMR_PG_COLUMNS], *type, *bare_type, *dim, *rows, *index,
            *metric, *operator, * id_type, *id_is_in, *in_blocks, *goes_on, *comment;
    };
    const char *all[IMR_PG_FOUND];
} imr_pgvector_table;

struct pg_result; /* PGresult */

typedef struct imr_pgvector {
    struct pg_conn *conn;                  /* a PGconn; NULL: none is made */
    int want;                              /* its PostgresPollingStatusType */
    bool ready;                            /* connected, and `setup` was asked */
    const char *uri;                       /* without parameters of ours */
    const char *setup;                     /* the statement asked after connecting */
    bool exact;                            /* set up to scan the table */
    const char *named[1 + IMR_PG_COLUMNS]; /* in the URL: the table, its columns; or NULL */
    imr_pgvector_table at;
    size_t fit;                 /* so many fit equally well */
    imr_buf names;              /* of them */
    imr_engine_rows *out;       /* of the request */
    float numbers[IMR_MAX_DIM]; /* of a row */
    bool marked, whole;         /* the table is ours; all of it is there */
    int64_t planned;            /* documents it was made for */
} imr_pgvector;

typedef struct imr_pgvector_question {
    const char *sql;
    int n;
    const char *values[1 + IMR_PG_COLUMNS]; /* texts; bytes where there is a length */
    int lengths[1 + IMR_PG_COLUMNS];
    const char *what;    /* NULL, or what progress calls it */
    const imr_buf *copy; /* what COPY FROM STDIN is given */
    int fields;
    /* Each row. NULL: there are none; sql may then be several statements, one transaction. */
    imr_status (*row)(imr_engine *e, const struct pg_result *one, imr_error *err);
} imr_pgvector_question;

/* Connects where need be, asks, waits. Errors: IMR_E_IO, IMR_E_CANCELLED, IMR_E_NOT_FOUND (a table
 * or column), IMR_E_LIMIT, IMR_E_FORMAT; those of `row`. */
imr_status imr_pgvector_ask(imr_engine *e, const imr_pgvector_question *q,
                            const imr_progress *progress, imr_error *err);
void imr_pgvector_wake(imr_engine *e);
/* pgvector's binary form of a vector, or of a halfvec. */
void imr_pgvector_put(imr_buf *out, const float *v, size_t n, bool half);
/* What is where, into `at` and e->facts. */
imr_status imr_pgvector_look_up(imr_engine *e, const imr_progress *progress, imr_error *err);

imr_status imr_pgvector_fill_begin(imr_engine *e, const imr_engine_plan *plan, uint64_t *done,
                                   const imr_progress *progress, imr_error *err);
imr_status imr_pgvector_fill_add(imr_engine *e, const imr_engine_row *rows, size_t n,
                                 const imr_progress *progress, imr_error *err);
imr_status imr_pgvector_fill_end(imr_engine *e, const imr_progress *progress, imr_error *err);
