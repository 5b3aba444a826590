/* Connecting, asking, waiting, cancelling. */
#include <libpq-fe.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/number.h"
#include "retrieval/pgvector.h"
#include "text/utf8.h"

enum { LOOK_MS = 20, STOP_MS = 50 };

typedef struct asking {
    const imr_progress *progress;
    const char *what;
    double deadline;
    size_t rows, bytes; /* of the answer */
    int waiting;        /* bytes of the row that is coming, at least */
    bool copied;
} asking;

static void drop(imr_pgvector *s)
{
    PQfinish(s->conn);
    s->conn = NULL;
    s->ready = false;
}

static void pass_over(IMR_UNUSED void *user, IMR_UNUSED const PGresult *notice)
{
}

static void begin(imr_pgvector *s)
{
    const char *const keys[] = {"application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"imrnn", s->uri, "UTF8", NULL};
    s->conn = PQconnectStartParams(keys, values, 1);
    s->want = PQstatus(s->conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    s->ready = false;
    PQsetNoticeReceiver(s->conn, pass_over, NULL);
}

void imr_pgvector_wake(imr_engine *e)
{
    imr_pgvector *s = e->state;
    struct pollfd f = {.fd = PQsocket(s->conn), .events = POLLIN};
    for (int i = 0; i < 4 && s->ready && poll(&f, 1, 0) > 0; i++)
        if (!PQconsumeInput(s->conn))
            drop(s);
    if (!s->conn)
        begin(s);
}

/* ---- errors ---- */

static imr_status too_slow(const imr_engine *e, imr_error *err)
{
    return imr_fail(err, IMR_E_IO, "PostgreSQL is slower than the %s s allowed (--store-timeout)",
                    imr_format_float((char[32]){0}, e->options.timeout));
}

/* The first line of what libpq or the server says: neither tells a password. */
static const char *line(imr_buf *out, const char *said)
{
    imr_utf8_clean(out, said ? said : "", said ? strcspn(said, "\n") : 0, IMR_CLEAN_LINE);
    return out->len ? out->data : "no reason is given";
}

static imr_status lost(const imr_pgvector *s, imr_error *err)
{
    IMR_AUTOBUF imr_buf said = {0};
    const char *all = PQerrorMessage(s->conn), *why = line(&said, all), *advice = "";
    if (s->ready)
        return imr_fail(err, IMR_E_IO, "the connection to PostgreSQL was lost: %s", why);
    if (PQconnectionNeedsPassword(s->conn))
        advice = "; give the password in PGPASSWORD or ~/.pgpass";
    else if (PQconnectionUsedPassword(s->conn))
        advice = "; is the password in PGPASSWORD or ~/.pgpass the right one?";
    else if (strstr(all, "to server") && !strstr(all, "FATAL"))
        advice = "; is it running there?";
    return imr_fail(err, IMR_E_IO, "PostgreSQL cannot be used: %s%s", why, advice);
}

static imr_status refused(const imr_engine *e, const PGresult *r, imr_error *err)
{
    IMR_AUTOBUF imr_buf said = {0};
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *why = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (!code || !why)
        return lost(e->state, err);
    if (strcmp(code, "57014") == 0) /* statement_timeout */
        return too_slow(e, err);
    const bool gone = !strcmp(code, "42P01") || !strcmp(code, "42703") || !strcmp(code, "3F000");
    return imr_fail(err, gone ? IMR_E_NOT_FOUND : IMR_E_IO, "PostgreSQL refuses: %s%s",
                    line(&said, why),
                    e->options.filter ? " (is --store-filter right?)"
                    : gone            ? " (was the table changed meanwhile?)"
                                      : "");
}

/* ---- waiting ---- */

static imr_status wait_for(imr_engine *e, const asking *a, short events, imr_error *err)
{
    const imr_pgvector *s = e->state;
    for (;;) {
        struct pollfd f = {.fd = PQsocket(s->conn), .events = events};
        if (!imr_progress_step(a->progress, a->what, 0, 0))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
        if (poll(&f, 1, LOOK_MS) > 0)
            return IMR_OK;
        if (imr_clock_seconds() > a->deadline)
            return too_slow(e, err);
    }
}

/* libpq waits until the server has heard of it, which may be never: on a thread of its own. */
typedef struct calling_off {
    PGcancel *cancel;
    atomic_int owners;
} calling_off;

static void leave(calling_off *o)
{
    if (atomic_fetch_sub(&o->owners, 1) > 1)
        return;
    PQfreeCancel(o->cancel);
    imr_free(o);
}

static void *call_off(void *user)
{
    calling_off *o = user;
    char why[256];
    (void)PQcancel(o->cancel, why, sizeof why);
    leave(o);
    return NULL;
}

/* What is still asked is called off. A server that has not stopped soon loses us. */
static void settle(imr_pgvector *s)
{
    pthread_t thread;
    calling_off *o = PQtransactionStatus(s->conn) == PQTRANS_ACTIVE ? IMR_NEW(calling_off) : NULL;
    if (o) {
        atomic_init(&o->owners, 2);
        o->cancel = PQgetCancel(s->conn);
        if (pthread_create(&thread, NULL, call_off, o) == 0)
            (void)pthread_detach(thread);
        else
            leave(o);
        bool idle = false;
        for (int ms = 0; ms < STOP_MS && !(idle && atomic_load(&o->owners) == 1); ms += 2) {
            struct pollfd f = {.fd = idle ? -1 : PQsocket(s->conn), .events = POLLIN};
            (void)poll(&f, 1, 2);
            (void)PQconsumeInput(s->conn);
            for (int i = 0; i < 1000 && !idle && !PQisBusy(s->conn); i++) {
                PGresult *r = PQgetResult(s->conn);
                idle = !r;
                PQclear(r);
            }
        }
        if (atomic_load(&o->owners) == 2)
            drop(s); /* or it would hit what is asked next */
        leave(o);
    }
    if (PQtransactionStatus(s->conn) != PQTRANS_IDLE)
        drop(s);
}

/* ---- asking ---- */

static imr_status too_much(imr_error *err)
{
    return imr_fail(err, IMR_E_LIMIT, "PostgreSQL answers more than %zu MB",
                    IMR_ENGINE_BYTES >> 20);
}

/* A part of the answer. *server: what the server itself says. */
static imr_status take(imr_engine *e, const imr_pgvector_question *q, asking *a, imr_status *server,
                       const PGresult *r, imr_error *err)
{
    const imr_pgvector *s = e->state;
    switch (PQresultStatus(r)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        return IMR_OK;
    case PGRES_FATAL_ERROR:
        if (*server == IMR_OK)
            *server = refused(e, r, err);
        return IMR_OK;
    case PGRES_SINGLE_TUPLE:
        a->rows++;
        a->waiting = 0;
        for (int i = 0; i < PQnfields(r); i++)
            a->bytes += (size_t)PQgetlength(r, 0, i);
        if (a->bytes > IMR_ENGINE_BYTES)
            return too_much(err);
        if (PQnfields(r) != q->fields && q->row)
            break;
        return q->row && *server == IMR_OK ? q->row(e, r, err) : IMR_OK;
    case PGRES_COPY_IN:
        if (!q->copy || a->copied)
            break;
        a->copied = true;
        return q->copy->len < IMR_ENGINE_BYTES &&
                       PQputCopyData(s->conn, q->copy->data, (int)q->copy->len) == 1 &&
                       PQputCopyEnd(s->conn, NULL) == 1
                   ? IMR_OK
                   : lost(s, err);
    default:
        break;
    }
    return imr_fail(err, IMR_E_FORMAT, "PostgreSQL answers what was not asked for");
}

static imr_status run(imr_engine *e, const imr_pgvector_question *q, asking *a, imr_error *err)
{
    imr_pgvector *s = e->state;
    PGconn *c = s->conn;
    imr_status server = IMR_OK;
    int binary[IMR_LEN(q->lengths)];
    for (int i = 0; i < q->n; i++)
        binary[i] = q->lengths[i] > 0;
    if (!(q->row ? PQsendQueryParams(c, q->sql, q->n, NULL, q->values, q->lengths, binary, 1)
                 : PQsendQuery(c, q->sql)))
        return lost(s, err);
    (void)PQsetSingleRowMode(c);
    for (;;) {
        while (!PQisBusy(c)) {
            PGresult *r = PQgetResult(c);
            if (!r)
                return server;
            const imr_status status = take(e, q, a, &server, r, err);
            PQclear(r);
            IMR_TRY(status);
        }
        IMR_TRY(wait_for(e, a, PQflush(c) > 0 ? POLLIN | POLLOUT : POLLIN, err));
        /* libpq holds a whole row: one that is too long is not read to its end. */
        int there = 0;
        (void)ioctl(PQsocket(c), FIONREAD, &there);
        if ((a->waiting += there) > (int)IMR_ENGINE_BYTES)
            return too_much(err);
        if (!PQconsumeInput(c))
            return server ? server : lost(s, err);
    }
}

static imr_status connect_to(imr_engine *e, asking *a, imr_error *err)
{
    imr_pgvector *s = e->state;
    if (!s->conn)
        begin(s);
    IMR_NEED(s->conn, err);
    for (; s->want != PGRES_POLLING_OK; s->want = PQconnectPoll(s->conn)) {
        if (s->want == PGRES_POLLING_FAILED)
            return lost(s, err);
        IMR_TRY(wait_for(e, a, s->want == PGRES_POLLING_READING ? POLLIN : POLLOUT, err));
    }
    if (s->ready)
        return IMR_OK;
    if (PQsetnonblocking(s->conn, 1) != 0)
        return lost(s, err);
    IMR_TRY(run(e, &(imr_pgvector_question){.sql = s->setup}, a, err));
    s->ready = true;
    return IMR_OK;
}

imr_status imr_pgvector_ask(imr_engine *e, const imr_pgvector_question *q,
                            const imr_progress *progress, imr_error *err)
{
    imr_pgvector *s = e->state;
    asking a = {.progress = progress,
                .what = q->what ? q->what : "asking PostgreSQL",
                .deadline = imr_clock_seconds() + e->options.timeout};
    if (PQstatus(s->conn) == CONNECTION_BAD)
        drop(s); /* of an earlier try */
    for (bool kept = s->ready;; kept = false) {
        imr_status status = connect_to(e, &a, err);
        a.rows = a.bytes = 0;
        if (e->options.fill)
            a.deadline = INFINITY; /* an index takes hours */
        if (status == IMR_OK)
            status = run(e, q, &a, err);
        const bool gone = PQstatus(s->conn) == CONNECTION_BAD;
        settle(s);
        if (status != IMR_E_IO || !gone || !kept || a.rows || e->options.fill)
            return status; /* what changes something may have been done all the same */
    }
}
