/* pgvector's dialect against a server that answers what it is told to. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/half.h"
#include "retrieval/engine.h"
#include "tests/support/test.h"

/* ---- what PostgreSQL writes (its protocol 3.0) ---- */

static void put16(imr_buf *b, int v)
{
    imr_buf_add(b, (char[]){(char)(v >> 8), (char)v}, 2);
}

static void put32(imr_buf *b, uint32_t v)
{
    put16(b, (int)(v >> 16));
    put16(b, (int)(v & 0xffff));
}

static void put_message(imr_buf *b, char type, const imr_buf *body)
{
    imr_buf_char(b, type);
    put32(b, (uint32_t)body->len + 4);
    imr_buf_add(b, imr_buf_text(body), body->len);
}

static void put_simple(imr_buf *b, char type, const char *body, size_t len)
{
    const imr_buf text = {.data = (char *)(uintptr_t)body, .len = len};
    put_message(b, type, &text);
}

static void begin_answer(imr_buf *b, int columns)
{
    IMR_AUTOBUF imr_buf t = {0};
    put_simple(b, '1', "", 0);
    put_simple(b, '2', "", 0);
    put16(&t, columns);
    for (int i = 0; i < columns; i++) {
        imr_buf_add(&t, "c", 2);
        put32(&t, 0);
        put16(&t, 0);
        put32(&t, 25);
        put16(&t, -1);
        put32(&t, 0xffffffff);
        put16(&t, 1);
    }
    put_message(b, 'T', &t);
}

/* values: NULL is null. */
static void put_row(imr_buf *b, int n, const char *const *values, const size_t *lens)
{
    IMR_AUTOBUF imr_buf d = {0};
    put16(&d, n);
    for (int i = 0; i < n; i++) {
        put32(&d, values[i] ? (uint32_t)(lens ? lens[i] : strlen(values[i])) : 0xffffffff);
        if (values[i])
            imr_buf_add(&d, values[i], lens ? lens[i] : strlen(values[i]));
    }
    put_message(b, 'D', &d);
}

static void end_answer(imr_buf *b)
{
    put_simple(b, 'C', "SELECT 1", 9);
    put_simple(b, 'Z', "I", 1);
}

static void put_document(imr_buf *b, const char *id, size_t id_len, const float *v, int n,
                         const char *text, size_t text_len)
{
    IMR_AUTOBUF imr_buf vector = {0};
    put16(&vector, n);
    put16(&vector, 0);
    for (int j = 0; j < n; j++)
        put32(&vector, imr_bits_of_float(v[j]));
    put_row(b, 4, (const char *const[]){id, vector.data, "title", text},
            (const size_t[]){id_len, vector.len, 5, text_len});
}

/* ---- the server ---- */

typedef enum then { GO_ON, CLOSE, STALL } then;

typedef struct fake {
    int listener, port;
    pthread_t thread;
    struct {
        imr_buf bytes;
        then then;
    } answers[6]; /* to questions; what only sets something has none */
    size_t n;
    atomic_uint at, cancels, connections;
    atomic_bool end;
    const char *refusal; /* of whoever connects */
    char asked[1 << 16]; /* the last statement */
    char values[8192];   /* and its values, as they came */
} fake;

static bool read_all(int fd, char *out, size_t n)
{
    for (size_t got = 0; got < n;) {
        const ssize_t r = read(fd, out + got, n - got);
        if (r <= 0)
            return false;
        got += (size_t)r;
    }
    return true;
}

static uint32_t big(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return ntohl(v);
}

static void send_all(int fd, const imr_buf *b)
{
    for (size_t sent = 0; sent < b->len;) {
        const ssize_t w = send(fd, b->data + sent, b->len - sent, MSG_NOSIGNAL);
        if (w <= 0)
            return;
        sent += (size_t)w;
    }
}

/* The first packet of a connection. False: it is over. */
static bool greet(fake *f, int fd)
{
    char head[8], rest[4096];
    IMR_AUTOBUF imr_buf b = {0};
    if (!read_all(fd, head, 8) || big(head) > sizeof rest || !read_all(fd, rest, big(head) - 8))
        return false;
    if (big(head + 4) == 80877102) {
        f->cancels++;
        return false;
    }
    f->connections++;
    if (f->refusal) {
        imr_buf_printf(&b, "SFATAL%cVFATAL%cC28P01%cM%s%c", 0, 0, 0, f->refusal, 0);
        imr_buf_char(&b, '\0');
        IMR_AUTOBUF imr_buf e = {0};
        put_message(&e, 'E', &b);
        send_all(fd, &e);
        return false;
    }
    put_simple(&b, 'R', "\0\0\0\0", 4);
    put_simple(&b, 'K', "\0\0\0\1\0\0\0\2", 8);
    put_simple(&b, 'Z', "I", 1);
    send_all(fd, &b);
    return true;
}

static void wait_for_cancel(fake *f, int fd)
{
    IMR_AUTOBUF imr_buf b = {0}, e = {0};
    const unsigned before = f->cancels;
    while (!f->end && f->cancels == before) {
        struct pollfd p = {.fd = f->listener, .events = POLLIN};
        if (poll(&p, 1, 5) > 0) {
            const int other = accept(f->listener, NULL, NULL);
            (void)greet(f, other);
            close(other);
        }
    }
    imr_buf_add(&e, "SERROR\0C57014\0Mcanceled\0", 25);
    put_message(&b, 'E', &e);
    put_simple(&b, 'Z', "I", 1);
    send_all(fd, &b);
}

static void talk(fake *f, int fd)
{
    static char body[1 << 16];
    char head[5];
    IMR_AUTOBUF imr_buf nothing = {0};
    end_answer(&nothing);
    while (!f->end && read_all(fd, head, 5)) {
        const size_t len = big(head + 1) - 4;
        if (len > sizeof body || !read_all(fd, body, len))
            return;
        if (head[0] == 'P')
            snprintf(f->asked, sizeof f->asked, "%s", body + 1);
        if (head[0] == 'B')
            memcpy(f->values, body, len < sizeof f->values ? len : sizeof f->values);
        if (head[0] == 'Q')
            send_all(fd, &nothing);
        if (head[0] != 'S')
            continue;
        const size_t at = f->at < f->n ? f->at : f->n - 1;
        f->at++;
        send_all(fd, &f->answers[at].bytes);
        if (f->answers[at].then == CLOSE)
            return;
        if (f->answers[at].then == STALL)
            wait_for_cancel(f, fd);
    }
}

static void *serve(void *user)
{
    fake *f = user;
    while (!f->end) {
        struct pollfd p = {.fd = f->listener, .events = POLLIN};
        if (poll(&p, 1, 5) <= 0)
            continue;
        const int fd = accept(f->listener, NULL, NULL);
        if (greet(f, fd))
            talk(f, fd);
        close(fd);
    }
    return NULL;
}

static void start_fake(fake *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(f->listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(f->listener, 8) == 0);
    CHECK(getsockname(f->listener, (struct sockaddr *)&a, &len) == 0);
    f->port = ntohs(a.sin_port);
    CHECK(pthread_create(&f->thread, NULL, serve, f) == 0);
}

static void end_fake(fake *f)
{
    f->end = true;
    pthread_join(f->thread, NULL);
    close(f->listener);
    for (size_t i = 0; i < f->n; i++)
        imr_buf_done(&f->answers[i].bytes);
}

/* What is looked up: one table of vectors of two numbers, with an HNSW index. */
static imr_buf *add_answer(fake *f, then after)
{
    f->answers[f->n].then = after;
    return &f->answers[f->n++].bytes;
}

static void add_table(fake *f, const char *comment)
{
    const char *row[] = {"2",
                         "public.docs",
                         "id",
                         "v",
                         "title",
                         "body",
                         "public.vector",
                         "vector",
                         "2",
                         "7",
                         "hnsw",
                         "1",
                         "operator(public.<=>)",
                         "text",
                         "id = any($1::text[])",
                         "true",
                         "true",
                         comment};
    imr_buf *b = add_answer(f, GO_ON);
    begin_answer(b, IMR_LEN(row));
    put_row(b, IMR_LEN(row), row, NULL);
    end_answer(b);
    b = add_answer(f, GO_ON);
    begin_answer(b, 2);
    put_row(b, 2, (const char *const[]){"7", "2"}, NULL);
    end_answer(b);
}

static imr_status open_fake(imr_engine **e, fake *f, const char *filter, double timeout,
                            imr_error *err)
{
    char url[200];
    snprintf(url, sizeof url,
             "postgresql://me@127.0.0.1:%d/db?sslmode=disable&gssencmode=disable&table=docs",
             f->port);
    const imr_engine_options o = {.url = url, .filter = filter, .timeout = timeout};
    return imr_engine_open(e, &o, NULL, err);
}

static const float two[] = {1, 2};

TEST("pgvector: what is looked up becomes facts, statements and values")
{
    imr_error err;
    fake f = {0};
    imr_engine *e = NULL;
    add_table(&f, "{\"schema\":\"imrnn-table\",\"whole\":true,\"encoder\":{\"kind\":\"bert\","
                  "\"name\":\"made \\u001b[2J\",\"path\":\"/etc\",\"sha256\":\"00\"}}");
    imr_buf *b = add_answer(&f, GO_ON);
    begin_answer(b, 4);
    put_document(b, "d1", 2, two, 2, "text", 4);
    put_row(b, 4, (const char *const[]){"half", "\0\2\0\0\x3c\0\xc0\0", NULL, NULL},
            (const size_t[]){4, 8, 0, 0});
    put_document(b, "d1", 2, two, 2, "again", 5);
    put_document(b, "bad", 3, two, 2, "\xff", 1);
    end_answer(b);
    start_fake(&f);
    CHECK_OK(open_fake(&e, &f, "lang = 'de' -- x", 0, &err));
    CHECK_STR(e->facts.fields, "table public.docs, id id, vector v, title title, text body");
    CHECK_STR(e->facts.index, "hnsw");
    CHECK_INT(e->facts.metric, IMR_METRIC_OF_COSINE);
    CHECK_INT(e->facts.documents, 7);
    CHECK_INT(e->facts.dim, 2);
    CHECK_INT(e->facts.effort, 200);
    CHECK_STR(e->facts.encoder.kind, "bert");
    CHECK_STR(e->facts.encoder.path, "");
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 3, .dim = 2};
    CHECK_OK(e->driver->nearest(e, &rows, two, 3, false, NULL, &err));
    CHECK_INT(rows.rows.n, 3);
    CHECK_INT(rows.repeated, 1);
    CHECK_STR(rows.rows.v[0].text, "text");
    CHECK(rows.vectors.v[2] == 1 && rows.vectors.v[3] == -2);
    CHECK_STR(rows.rows.v[2].text, "\xef\xbf\xbd");
    CHECK_STR(f.asked,
              "select i::text, v, case when octet_length(t::text) > 1048576 then left(t::text, "
              "1048577) else t::text end, case when octet_length(x::text) > 1048576 then "
              "left(x::text, 1048577) else x::text end from (select id as "
              "i, v as v, title as t, body as x from public.docs where v is not null and id is not "
              "null and (lang = 'de' -- x\n) order by (v operator(public.<=>) $1::public.vector) "
              "limit $2::text::int8) s order by v operator(public.<=>) $1::public.vector");
    /* portal, statement; formats of two values; two values */
    CHECK(memcmp(f.values,
                 "\0\0"
                 "\0\2\0\1\0\0"
                 "\0\2\0\0\0\x0c\0\2\0\0\x3f\x80\0\0\x40\0\0\0\0\0\0\1"
                 "3",
                 29) == 0);
    imr_engine_close(e);
    end_fake(&f);
}

TEST("pgvector: hostile answers are errors, and the next request is made all the same")
{
    static const float three[] = {1, 2, 3}, bad[] = {1, NAN};
    static const struct {
        const char *what, *says;
        imr_status status;
    } cases[] = {
        {"closed in the middle", "the connection to PostgreSQL was lost", IMR_E_IO},
        {"another dimension", "document d has 3 numbers", IMR_E_SHAPE},
        {"a NaN", "the vector of document d is not finite", IMR_E_NUMERIC},
        {"a null for a vector", "a vector of 0 numbers in 0 bytes", IMR_E_FORMAT},
        {"a vector that says it is longer", "a vector of 9 numbers in 8 bytes", IMR_E_FORMAT},
        {"an id with an escape sequence", "control character 0x1b", IMR_E_FORMAT},
        {"too many rows", "more than the 1 documents", IMR_E_FORMAT},
        {"other columns", "what was not asked for", IMR_E_FORMAT},
        {"a copy nobody asked for", "what was not asked for", IMR_E_FORMAT},
        {"bytes that are no message, twice", "lost synchronization", IMR_E_IO},
        {"an error with an escape sequence", "PostgreSQL refuses: <U+001B>[2Jno", IMR_E_IO},
        {"nothing at all, too long", "slower than the 0.3 s allowed", IMR_E_IO},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_error err;
        fake f = {0};
        imr_engine *e = NULL;
        const bool ends = i == 0 || i == 9;
        add_table(&f, "not JSON");
        imr_buf *b = add_answer(&f, ends ? CLOSE : i == 11 ? STALL : GO_ON);
        if (i < 8)
            begin_answer(b, i == 7 ? 1 : 4);
        if (i == 0)
            put_document(b, "d", 1, two, 2, "", 0);
        if (i == 1)
            put_document(b, "d", 1, three, 3, "", 0);
        if (i == 2)
            put_document(b, "d", 1, bad, 2, "", 0);
        if (i == 3)
            put_row(b, 4, (const char *const[]){"d", NULL, NULL, NULL},
                    (const size_t[]){1, 0, 0, 0});
        if (i == 4)
            put_row(b, 4, (const char *const[]){"d", "\0\x09\0\0\0\0\0\0", NULL, NULL},
                    (const size_t[]){1, 8, 0, 0});
        if (i == 5)
            put_document(b, "d\x1b", 2, two, 2, "", 0);
        for (int k = 0; i == 6 && k < 2; k++)
            put_document(b, k ? "d" : "e", 1, two, 2, "", 0);
        if (i == 7)
            put_row(b, 1, (const char *const[]){"d"}, NULL);
        if (i == 8)
            put_simple(b, 'G', "\0\0\0", 3);
        if (i == 9)
            for (int k = 0; k < 2; k++, b = k < 2 ? add_answer(&f, CLOSE) : b)
                imr_buf_str(b, "HTTP/1.1 400 Bad Request\r\n\r\n");
        if (i == 10) {
            put_simple(b, 'E', "SERROR\0CXX000\0M\x1b[2Jno\0", 23);
            put_simple(b, 'Z', "I", 1);
        }
        if (!ends && i < 8)
            end_answer(b);
        b = add_answer(&f, GO_ON);
        begin_answer(b, 4);
        put_document(b, "fine", 4, two, 2, "", 0);
        end_answer(b);
        start_fake(&f);
        CHECK_OK(open_fake(&e, &f, NULL, 0.3, &err));
        IMR_CLEANUP(imr_engine_rows_done)
        imr_engine_rows rows = {.most = 1, .dim = 2}, next = {.most = 1, .dim = 2};
        const double before = imr_clock_seconds();
        const imr_status status = e->driver->nearest(e, &rows, two, 1, false, NULL, &err);
        if (status != cases[i].status || !strstr(err.text, cases[i].says))
            FAIL("%s: %d, %s", cases[i].what, (int)status, err.text);
        CHECK(imr_clock_seconds() - before < 2);
        CHECK(!strchr(err.text, 0x1b));
        CHECK_OK(e->driver->nearest(e, &next, two, 1, false, NULL, &err));
        CHECK_STR(next.rows.v[0].id, "fine");
        imr_engine_close(e);
        end_fake(&f);
    }
}

TEST("pgvector: a connection that went away is made again at once, before anything was answered")
{
    imr_error err;
    fake f = {0};
    imr_engine *e = NULL;
    add_table(&f, "");
    (void)add_answer(&f, CLOSE);
    imr_buf *b = add_answer(&f, GO_ON);
    begin_answer(b, 4);
    put_document(b, "fine", 4, two, 2, "", 0);
    end_answer(b);
    start_fake(&f);
    CHECK_OK(open_fake(&e, &f, NULL, 0, &err));
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 1, .dim = 2};
    CHECK_OK(e->driver->nearest(e, &rows, two, 1, false, NULL, &err));
    CHECK_INT(rows.rows.n, 1);
    CHECK_INT(f.connections, 2);
    imr_engine_close(e);
    end_fake(&f);
}

static bool stop_at_zero(void *user, IMR_UNUSED const imr_progress_info *info)
{
    return --*(int *)user > 0;
}

TEST("pgvector: a request that is cancelled is cancelled there too, within 50 ms")
{
    imr_error err;
    fake f = {0};
    imr_engine *e = NULL;
    int steps = 3;
    const imr_progress progress = {stop_at_zero, &steps};
    add_table(&f, "");
    (void)add_answer(&f, STALL);
    start_fake(&f);
    CHECK_OK(open_fake(&e, &f, NULL, 0, &err));
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 1, .dim = 2};
    CHECK_INT(e->driver->nearest(e, &rows, two, 1, false, &progress, &err), IMR_E_CANCELLED);
    CHECK_INT(f.cancels, 1);
    imr_engine_close(e);
    end_fake(&f);
}

TEST("pgvector: who cannot be reached, or refuses, is a sentence without a secret")
{
    imr_error err;
    fake f = {.refusal = "password authentication failed for user \"me\""};
    imr_engine *e = NULL;
    start_fake(&f);
    CHECK_INT(open_fake(&e, &f, NULL, 0, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "PostgreSQL cannot be used: ");
    CHECK_CONTAINS(err.text, "password authentication failed for user \"me\"");
    end_fake(&f);
    CHECK_INT(open_fake(&e, &f, NULL, 0, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "Connection refused; is it running there?");
}
