/* Solr as an engine, against recorded answers: a thread here is the server. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "retrieval/engine.h"
#include "tests/support/test.h"

#ifdef IMR_SOLR

#define FIELDS                                                                                     \
    "{'name':'id','type':'string'},{'name':'title','type':'string'},"                              \
    "{'name':'body','type':'text'},{'name':'hidden','type':'string','stored':false},"
#define TYPES                                                                                      \
    "{'name':'string','class':'solr.StrField'},{'name':'text','class':'solr.TextField'},"          \
    "{'name':'unseen','class':'solr.DenseVectorField','vectorDimension':'3','stored':false},"      \
    "{'name':'bytes','class':'solr.DenseVectorField','vectorDimension':'3',"                       \
    "'vectorEncoding':'BYTE'},"                                                                    \
    "{'name':'many','class':'solr.DenseVectorField','vectorDimension':'70000'},"                   \
    "{'name':'vec','class':'org.apache.solr.schema.DenseVectorField','vectorDimension':'3',"       \
    "'similarityFunction':'cosine'}"
#define SCHEMA(fields)                                                                             \
    "{'schema':{'uniqueKey':'id','fieldTypes':[" TYPES "],'fields':[" FIELDS fields                \
    "],'dynamicFields':[{'name':'*_v','type':'string'},{'name':'x_*_v','type':'vec'}]}}"
#define ONE_VECTOR        SCHEMA("{'name':'v','type':'vec'}")
#define ANSWER(documents) "{'response':{'numFound':7,'docs':[" documents "]}}"
#define TWO                                                                                        \
    ANSWER("{'id':'a','title':'A','body':'text a','v':[1,0,0]},"                                   \
           "{'id':'b','title':['B','b'],'v':[0,1e0,-0.5]}")

typedef enum { PLAY, STALL, CUT, HANG_UP } mode;

typedef struct server {
    int listening;
    pthread_t thread;
    char url[64];
    const char *schema, *select, *status; /* JSON with ' for ", or "HTTP/1.1 400 Bad\nBODY" */
    size_t padding;                       /* spaces behind the answer to /select */
    _Atomic mode mode;
    atomic_bool stop;
    atomic_int connections;
    char target[1024], body[8192]; /* of the last request */
    bool signed_in;
} server;

static bool readable(server *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!s->stop)
        if (poll(&p, 1, 5) > 0)
            return true;
    return false;
}

static bool send_all(int fd, const char *text, size_t n)
{
    while (n) {
        const ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool answer(server *s, int fd, const char *text, size_t padding)
{
    IMR_AUTOBUF imr_buf out = {0};
    const size_t head = strncmp(text, "HTTP/", 5) == 0 ? strcspn(text, "\n") : 0;
    imr_buf_printf(&out, "%.*s\r\nContent-Length: %zu\r\n\r\n", head ? (int)head : 15,
                   head ? text : "HTTP/1.1 200 OK", strlen(text) - head + padding);
    for (text += head; *text; text++)
        imr_buf_char(&out, *text == '\'' ? '"' : *text);
    imr_buf_fill(&out, ' ', padding);
    return send_all(fd, out.data, s->mode == CUT ? out.len / 2 : out.len) && s->mode == PLAY;
}

/* One request and its answer; false: the connection is over. */
static bool serve(server *s, int fd)
{
    char head[16384];
    size_t n = 0;
    char *end = NULL, *length;
    while (!end) {
        const ssize_t got = readable(s, fd) ? recv(fd, head + n, sizeof head - 1 - n, 0) : 0;
        if (got <= 0)
            return false;
        head[n += (size_t)got] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    length = strstr(head, "Content-Length: ");
    const size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    while (n < (size_t)(end + 4 - head) + body && n < sizeof head - 1) {
        const ssize_t got = readable(s, fd) ? recv(fd, head + n, sizeof head - 1 - n, 0) : 0;
        if (got <= 0)
            return false;
        head[n += (size_t)got] = '\0';
    }
    snprintf(s->target, sizeof s->target, "%.*s", (int)strcspn(head, "\r"), head);
    s->signed_in = strstr(head, "\r\nAuthorization: Basic dTpzZWNyZXQ=\r\n") != NULL; /* u:secret */
    snprintf(s->body, sizeof s->body, "%s", end + 4);
    while (s->mode == STALL) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (s->stop || poll(&p, 1, 5) > 0)
            return false;
    }
    if (strstr(s->target, "/schema"))
        return answer(s, fd, s->schema, 0);
    if (strstr(s->target, "CLUSTERSTATUS"))
        return answer(s, fd, s->status ? s->status : "HTTP/1.1 403 No\n", 0);
    if (strstr(s->target, "=LIST"))
        return answer(s, fd, "{'collections':['papers','news']}", 0);
    const bool goes_on = answer(s, fd, strstr(s->target, "/select") ? s->select : "{}", s->padding);
    return goes_on && s->mode != HANG_UP;
}

static void *run(void *user)
{
    server *s = user;
    while (readable(s, s->listening)) {
        const int fd = accept(s->listening, NULL, NULL);
        s->connections++;
        while (serve(s, fd))
            ;
        close(fd);
    }
    return NULL;
}

static void start(server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    s->listening = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(s->listening, (struct sockaddr *)&at, len) == 0 && listen(s->listening, 8) == 0);
    CHECK(getsockname(s->listening, (struct sockaddr *)&at, &len) == 0);
    snprintf(s->url, sizeof s->url, "solr+http://127.0.0.1:%d/solr/docs", ntohs(at.sin_port));
    s->schema = s->schema ? s->schema : ONE_VECTOR;
    s->select = s->select ? s->select : TWO;
    CHECK(pthread_create(&s->thread, NULL, run, s) == 0);
}

static void stop(server *s)
{
    s->stop = true;
    pthread_join(s->thread, NULL);
    close(s->listening);
}

static imr_engine *open_at(const char *url, const char *more, imr_error *err)
{
    char whole[512];
    imr_engine *e = NULL;
    snprintf(whole, sizeof whole, "%s%s", url, more);
    const imr_engine_options o = {.url = whole, .timeout = 0.3, .filter = "lang:\"en\" ${x}"};
    return imr_engine_open(&e, &o, NULL, err) == IMR_OK ? e : NULL;
}

static imr_status ask(imr_engine *e, imr_engine_rows *r, imr_error *err)
{
    const float q[3] = {1, -0.5F, 0.25F};
    imr_engine_rows_done(r);
    r->most = 5;
    r->dim = 3;
    return e->driver->nearest(e, r, q, 5, false, NULL, err);
}

TEST("Solr: fields are looked up, and a request for the nearest holds names in the query alone")
{
    imr_error err = {0};
    server s = {.status = "{'cluster':{'collections':{'docs':{'property.imrnn':"
                          "'{\\'vector\\':\\'v\\',\\'encoder\\':{\\'kind\\':\\'bert\\'}}'}}}}"};
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {0};
    start(&s);
    imr_engine *e = open_at(s.url, "?shards.preference=x", &err);
    CHECK_STR(err.text, "");
    CHECK_STR(e->facts.fields, "collection docs, vector v, id id, title title, text body");
    CHECK_STR(e->facts.type, "DenseVectorField");
    CHECK_STR(e->facts.index, "hnsw");
    CHECK_STR(e->facts.encoder.kind, "bert");
    CHECK(e->facts.metric == IMR_METRIC_OF_COSINE && e->facts.has_texts);
    CHECK_INT(e->facts.dim, 3);
    CHECK_INT(e->facts.documents, 7);
    CHECK_OK(ask(e, &r, &err));
    CHECK_STR(s.target, "POST /solr/docs/select?wt=json&indent=false&expandMacros=false"
                        "&shards.preference=x HTTP/1.1");
    CHECK_STR(
        s.body,
        "{\"query\":\"{!knn f=v topK=5 v=$imrnn}\",\"limit\":5,\"fields\":\"v,id,title,body\","
        "\"params\":{\"imrnn\":\"[1,-0.5,0.25]\"},\"filter\":[\"lang:\\\"en\\\" ${x}\"]}");
    CHECK_INT(r.rows.n, 2);
    CHECK_STR(r.rows.v[0].id, "a");
    CHECK_STR(r.rows.v[0].text, "text a");
    CHECK_STR(r.rows.v[1].title, "B, b");
    CHECK_STR(r.rows.v[1].text, "");
    CHECK(r.vectors.v[0] == 1 && r.vectors.v[4] == 1 && r.vectors.v[5] == -0.5F);
    e->options.effort = 40;
    CHECK_OK(ask(e, &r, &err));
    CHECK_CONTAINS(s.body, "topK=40 v=$imrnn}\",\"limit\":5,");
    CHECK_INT(s.connections, 1);
    imr_engine_close(e);
    stop(&s);
}

TEST("Solr: ids, samples and the exact scan go as values; what no id can be is not asked for")
{
    imr_error err = {0};
    server s = {0};
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 10, .dim = 3};
    const char *ids[] = {"a", "x\"'\\{}", "'; drop table", "a\nb", "", "$x ${y} {!z}"};
    start(&s);
    imr_engine *e = open_at(s.url, "", &err);
    CHECK_OK(e->driver->find(e, &r, ids, IMR_LEN(ids), NULL, &err));
    CHECK_STR(s.body, "{\"query\":\"{!terms f=id separator='\\\\n' v=$imrnn}\",\"limit\":4,"
                      "\"fields\":\"v,id,title,body\",\"params\":{\"imrnn\":"
                      "\"a\\nx\\\"'\\\\{}\\n'; drop table\\n$x ${y} {!z}\"}}");
    s.body[0] = '\0';
    CHECK_OK(e->driver->find(e, &r, ids + 3, 2, NULL, &err));
    CHECK_STR(s.body, ""); /* nothing was asked */
    imr_engine_rows_done(&r);
    r.most = 4;
    CHECK_OK(e->driver->sample(e, &r, 2, NULL, &err));
    CHECK_STR(
        s.body,
        "{\"query\":\"*:*\",\"limit\":4,\"fields\":\"v,id,title,body\",\"params\":{"
        "\"partitionKeys\":\"id\"},\"sort\":\"id asc\",\"filter\":[\"{!hash workers=3 worker=0}\","
        "\"lang:\\\"en\\\" ${x}\"]}");
    CHECK_OK(e->driver->sample(e, &r, 4, NULL, &err)); /* of 7: half of them cannot be had */
    CHECK_CONTAINS(s.body, "\"filter\":[\"lang:\\\"en\\\" ${x}\"]}");
    const float q[3] = {1, 2, 3};
    CHECK_OK(e->driver->nearest(e, &r, q, 4, true, NULL, &err));
    CHECK_CONTAINS(s.body, "{\"query\":\"{!func v=$imrnn}\",\"limit\":4,");
    CHECK_CONTAINS(s.body, "\"imrnn\":\"vectorSimilarity(v,[1,2,3])\"");
    s.select = "HTTP/1.1 400 Bad\n{\"error\":{\"msg\":\"Unknown function x\"}}";
    CHECK(e->driver->nearest(e, &r, q, 4, true, NULL, &err) == IMR_E_UNSUPPORTED);
    imr_engine_close(e);
    stop(&s);
}

TEST("Solr: a field is chosen where there is one answer; else what is there is named")
{
    static const struct {
        const char *schema, *more, *says;
        imr_status status;
    } cases[] = {
        {ONE_VECTOR, "?vector=x_1_v&title=body&id=title", "", IMR_OK},
        {SCHEMA("{'name':'v','type':'vec'},{'name':'w','type':'vec'}"), "",
         "several (vector= chooses); fields of vectors (solr.DenseVectorField) there: v, w",
         IMR_E_NOT_FOUND},
        {SCHEMA("{'name':'v','type':'vec'},{'name':'w','type':'vec'}"), "?vector=w", "", IMR_OK},
        {SCHEMA("{'name':'n','type':'string'}"), "", "has no vectors; ", IMR_E_NOT_FOUND},
        {ONE_VECTOR, "?vector=title", "no vectors in a field title; ", IMR_E_NOT_FOUND},
        {ONE_VECTOR, "?vector=y_v", "no vectors in a field y_v; ", IMR_E_NOT_FOUND},
        {ONE_VECTOR, "?vector=x_%7d_v", "no vectors in a field x_}_v; ", IMR_E_NOT_FOUND},
        {ONE_VECTOR, "?text=hidden", "no stored field hidden (text=)", IMR_E_NOT_FOUND},
        {ONE_VECTOR, "?title=v", "no stored field v (title=)", IMR_E_NOT_FOUND},
        {SCHEMA("{'name':'v','type':'unseen'}"), "", "not stored, so its vectors cannot be read",
         IMR_E_UNSUPPORTED},
        {SCHEMA("{'name':'v','type':'vec','indexed':false}"), "", "not indexed", IMR_E_UNSUPPORTED},
        {SCHEMA("{'name':'v','type':'bytes'}"), "", "are bytes", IMR_E_UNSUPPORTED},
        {SCHEMA("{'name':'v','type':'many'}"), "", "vectorDimension of the field v", IMR_E_FORMAT},
        {"{}", "", "has no vectors", IMR_E_NOT_FOUND},
        {"HTTP/1.1 404 No\n<html>", "", "has no collection docs; it has: papers, news",
         IMR_E_NOT_FOUND},
        {"HTTP/1.1 401 No\n<html>", "", "HTTP 401): it asks who you are", IMR_E_IO},
        {"HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:9/\n{}", "", "redirects are not followed",
         IMR_E_IO},
        {"HTTP/1.1 500 No\n"
         "{\"error\":{\"msg\":\"no \\u001b[31m heap\\nat java\"}}",
         "", "HTTP 500): no ", IMR_E_IO},
        {"HTTP/1.1 200 OK\n<html>", "", "Solr's answer: line", IMR_E_FORMAT},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_error err = {0};
        server s = {.schema = cases[i].schema};
        start(&s);
        imr_engine *e = open_at(s.url, cases[i].more, &err);
        if ((e ? IMR_OK : err.status) != cases[i].status)
            FAIL("case %zu: %s", i, err.text);
        CHECK_CONTAINS(err.text, cases[i].says);
        CHECK(!strchr(err.text, '\x1b') && !strstr(err.text, "java"));
        imr_engine_close(e);
        stop(&s);
    }
}

TEST("Solr: answers are a stranger's")
{
    char deep[4096] = "{'response':{'numFound':1,'docs':";
    for (size_t i = 0; i < 100; i++)
        memcpy(deep + strlen(deep), "[", 2);
    static const struct {
        const char *select, *says;
        imr_status status;
    } cases[] = {
        {ANSWER("{'id':'a','v':[1,2]}"), "document a has 2 numbers in its vector", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':[]}"), "document a has 0 numbers", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':'123'}"), "document a has 0 numbers", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':[1,null,2]}"), "document a has 0 numbers", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':[1,'NaN',2]}"), "document a has 0 numbers", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':[1,[2],3]}"), "document a has 0 numbers", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':9}"), "document a has 0 numbers", IMR_E_SHAPE},
        {ANSWER("{'id':'a','v':[1,1e300,2]}"), "vector of document a is not finite", IMR_E_NUMERIC},
        {ANSWER("{'v':[1,2,3]}"), "an id of 0 bytes", IMR_E_FORMAT},
        {ANSWER("{'id':'a\\u0007','v':[1,2,3]}"), "control character", IMR_E_FORMAT},
        {ANSWER("{'id':'1','v':[1,2,3]},{'id':'2','v':[1,2,3]},{'id':'3','v':[1,2,3]},"
                "{'id':'4','v':[1,2,3]},{'id':'5','v':[1,2,3]},{'id':'6','v':[1,2,3]}"),
         "more than the 5 documents", IMR_E_FORMAT},
        {"{'response':{'numFound':7}}", "without a list of documents", IMR_E_FORMAT},
        {"{'response':{'docs':[]}}", "without a list of documents", IMR_E_FORMAT},
        {"{'responseHeader':{'partialResults':true},'response':{'numFound':0,'docs':[]}}",
         "a shard is down", IMR_E_IO},
        {"{'error':{'msg':'undefined field: v'}}", "undefined field: v", IMR_E_IO},
        {"[1,2", "Solr's answer: line", IMR_E_FORMAT},
        {"", "Solr's answer: line", IMR_E_FORMAT},
        {"HTTP/1.1 400 Bad\n{\"error\":{\"msg\":\"cannot parse\"}}", "HTTP 400): cannot parse",
         IMR_E_IO},
        {"nonsense", "", IMR_E_FORMAT},
        {"HTTP/9 what\n", "", IMR_E_IO},
    };
    imr_error err = {0};
    server s = {0};
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {0};
    start(&s);
    imr_engine *e = open_at(s.url, "", &err);
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        s.select = cases[i].select;
        const imr_status status = ask(e, &r, &err);
        if (status != cases[i].status)
            FAIL("case %zu: %s", i, status ? err.text : "accepted");
        CHECK_CONTAINS(err.text, cases[i].says);
        s.select = TWO;
        CHECK_OK(ask(e, &r, &err)); /* the next one works */
    }
    s.select = deep;
    CHECK(ask(e, &r, &err) == IMR_E_LIMIT);
    s.select = ANSWER("{'id':'a','v':[1,2,3]},{'id':'a','v':[1,2,3]},{'id':'no vector'},"
                      "{'id':12,'body':'\xff x','v':[1,2,3]}");
    CHECK(ask(e, &r, &err) == IMR_E_FORMAT); /* JSON is UTF-8 */
    s.select = ANSWER("{'id':'a','v':[1,2,3]},{'id':'a','v':[1,2,3]},{'id':'no vector'},"
                      "{'id':12,'body':'x\\u0000','v':[1,2,3]}");
    CHECK_OK(ask(e, &r, &err));
    CHECK_INT(r.rows.n, 2);
    CHECK_INT(r.repeated, 1);
    CHECK_STR(r.rows.v[1].id, "12");
    CHECK_STR(r.rows.v[1].text, "x\xef\xbf\xbd");
    imr_engine_close(e);
    stop(&s);
}

static bool no_more(void *user, const imr_progress_info *info)
{
    (void)info;
    return ++*(int *)user < 4;
}

TEST("Solr: a request is cancelled, times out, finds nobody, loses its connection; the next one "
     "works")
{
    imr_error err = {0};
    server s = {0};
    int asked = 0;
    const imr_progress progress = {no_more, &asked};
    const float q[3] = {1, 2, 3};
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {0};
    start(&s);
    imr_engine *e = open_at(s.url, "", &err);
    for (int i = 0; i < 2; i++) {
        s.mode = STALL;
        const double from = imr_clock_seconds();
        const imr_status status =
            i ? ask(e, &r, &err) : e->driver->nearest(e, &r, q, 5, false, &progress, &err);
        CHECK(status == (i ? IMR_E_IO : IMR_E_CANCELLED));
        CHECK(imr_clock_seconds() - from < 5);
        if (i)
            CHECK_CONTAINS(err.text, "is slower than the 0.3 s allowed (--store-timeout)");
        s.mode = PLAY;
        CHECK_OK(ask(e, &r, &err));
    }
    s.mode = CUT;
    CHECK(ask(e, &r, &err) == IMR_E_IO);
    s.mode = HANG_UP; /* behind a whole answer */
    for (int i = 0; i < 3; i++)
        CHECK_OK(ask(e, &r, &err));
    CHECK(s.connections >= 5);
    s.mode = PLAY;
    s.padding = IMR_ENGINE_BYTES;
    e->options.timeout = 60;
    CHECK(ask(e, &r, &err) == IMR_E_LIMIT);
    s.padding = 0;
    CHECK_OK(ask(e, &r, &err));
    stop(&s);
    CHECK(ask(e, &r, &err) == IMR_E_IO);
    CHECK_CONTAINS(err.text, "no Solr answers at http://127.0.0.1:");
    imr_engine_close(e);
    CHECK(!open_at("solr+http://127.0.0.1:1/solr/docs", "", &err));
    CHECK_CONTAINS(err.text, "is it running?");
    CHECK(!open_at("solr+http://127.0.0.1:1/", "", &err) && err.status == IMR_E_USAGE);
    CHECK(!open_at("solr+http://127.0.0.1:1/solr/a b", "", &err) && err.status == IMR_E_USAGE);
    CHECK(!open_at("solr+http://u:secret@127.0.0.1:1/solr/docs", "", &err));
    CHECK(err.status == IMR_E_USAGE && !strstr(err.text, "secret"));
}

TEST("Solr: ~/.netrc is read where one says so")
{
    imr_error err = {0};
    server s = {0};
    char *home = getenv("HOME"), old[512];
    const char *dir = test_tmpdir(), entry[] = "machine 127.0.0.1 login u password secret\n";
    snprintf(old, sizeof old, "%s", home ? home : "");
    CHECK_OK(imr_file_write(test_path(dir, ".netrc"), entry, sizeof entry - 1, &err));
    setenv("HOME", dir, 1);
    start(&s);
    for (int netrc = 0; netrc < 2; netrc++) {
        imr_engine *e = NULL;
        const imr_engine_options o = {.url = s.url, .netrc = netrc};
        CHECK_OK(imr_engine_open(&e, &o, NULL, &err));
        CHECK_INT(s.signed_in, netrc);
        imr_engine_close(e);
    }
    stop(&s);
    setenv("HOME", old, 1);
}

TEST("Solr: whatever memory is missing, it is said, and nothing is left behind")
{
    imr_error err = {0};
    server s = {.status = "{'cluster':{'collections':{'docs':{'property.imrnn':'{}'}}}}"};
    const char *ids[] = {"a", "b"};
    bool whole = false;
    start(&s);
    for (long n = 0; !whole && n < 2000; n++) {
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 9, .dim = 3};
        imr_mem_fail_after(n);
        imr_engine *e = open_at(s.url, "", &err);
        whole = e && ask(e, &r, &err) == IMR_OK &&
                e->driver->find(e, &r, ids, 2, NULL, &err) == IMR_OK &&
                e->driver->sample(e, &r, 2, NULL, &err) == IMR_OK;
        imr_mem_fail_after(-1);
        CHECK(whole || err.status == IMR_E_MEMORY);
        imr_engine_close(e);
    }
    CHECK(whole);
    stop(&s);
}
#endif
