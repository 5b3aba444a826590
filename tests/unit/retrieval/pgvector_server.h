/* A running PostgreSQL for tests: IMRNN_TEST_PGVECTOR names a database of it, as a user who may make
 * another one. Each file of tests makes its own, by what PGVECTOR_TESTS is, and drops it. */
#ifndef TESTS_RETRIEVAL_PGVECTOR_SERVER_H
#define TESTS_RETRIEVAL_PGVECTOR_SERVER_H

#include <libpq-fe.h>
#include <unistd.h>

#include "retrieval/engine.h"
#include "tests/support/test.h"

static char base[512]; /* of the database made for these tests, without parameters of ours */

static inline void run_at(const char *url, const char *sql)
{
    PGconn *c = PQconnectdb(url);
    PGresult *r = PQexec(c, sql);
    const ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        FAIL("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
}

static inline void drop_database(void)
{
    char sql[128];
    snprintf(sql, sizeof sql, "drop database if exists imrnn_" PGVECTOR_TESTS "_%ld with (force)",
             (long)getpid());
    PGconn *c = PQconnectdb(getenv("IMRNN_TEST_PGVECTOR"));
    PQclear(PQexec(c, sql));
    PQfinish(c);
}

/* The database, made once. */
static inline void need_server(void)
{
    const char *url = getenv("IMRNN_TEST_PGVECTOR");
    if (!url || !*url)
        SKIP("IMRNN_TEST_PGVECTOR names no PostgreSQL");
    if (base[0])
        return;
    char sql[128];
    const char *path = strchr(strstr(url, "://") + 3, '/');
    const char *rest = path ? strchr(path, '?') : NULL;
    snprintf(base, sizeof base, "%.*s/imrnn_" PGVECTOR_TESTS "_%ld%s",
             path ? (int)(path - url) : (int)strlen(url), url, (long)getpid(),
             rest ? rest : "?application_name=test");
    snprintf(sql, sizeof sql, "create database imrnn_" PGVECTOR_TESTS "_%ld", (long)getpid());
    run_at(url, sql);
    atexit(drop_database);
    run_at(base, "create extension vector");
}

/* In a schema of its own, so that what is looked up is what the test made. */
static inline void sql(const char *text)
{
    run_at(base, text);
}

static inline void start(void)
{
    need_server();
    sql("drop schema public cascade; create schema public; create extension if not exists vector; "
        "drop schema if exists \"Other\" cascade");
}

static inline imr_engine *open_with(const char *more, const char *filter, imr_error *err)
{
    char url[1024];
    imr_engine *e = NULL;
    snprintf(url, sizeof url, "%s%s", base, more);
    const imr_engine_options o = {.url = url, .filter = filter};
    return imr_engine_open(&e, &o, NULL, err) == IMR_OK ? e : NULL;
}

static inline imr_engine *open_ok(const char *more, const char *filter)
{
    imr_error err;
    imr_engine *e = open_with(more, filter, &err);
    if (!e)
        FAIL("open: %s", err.text);
    return e;
}

#endif
