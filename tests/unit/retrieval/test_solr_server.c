/* Solr as an engine, against a running SolrCloud: IMRNN_TEST_SOLR=http://127.0.0.1:PORT/solr, with a
 * config set "docs": fields id, title, text and v, a vector of any dimension, cosine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "math/nn.h"
#include "retrieval/engine.h"
#include "tests/support/test.h"

#ifdef IMR_SOLR

enum { N = 2500 };

static const char *const odd[] = {
    "it's", "a\\b", "{!x}", "${y}", "'; drop table docs", "$imrnn", "a,b c", "\xc3\xa4\xe6\xbc\xa2",
    "\"",   "*:*"};

static struct {
    char root[128], name[64];
    size_t dim;
    float *vectors; /* [N,dim] */
    char ids[N][32];
    imr_engine_row rows[N];
} made;

/* As others talk to it. */
static void tell(const char *path, const char *body)
{
    char head[1024], answer[64] = "";
    const char *colon = strrchr(made.root, ':');
    int64_t port;
    const size_t digits = strspn(colon + 1, "0123456789");
    CHECK(imr_parse_int(colon + 1, digits, &port));
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)&at, sizeof at) == 0);
    snprintf(head, sizeof head,
             "POST /solr/%s HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: "
             "%zu\r\n\r\n",
             path, strlen(body));
    CHECK(send(fd, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head));
    CHECK(send(fd, body, strlen(body), MSG_NOSIGNAL) == (ssize_t)strlen(body));
    CHECK(recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 0);
    while (recv(fd, head, sizeof head, 0) > 0)
        ;
    close(fd);
    CHECK_CONTAINS(answer, " 200 ");
}

static imr_engine *open_it(const char *more, bool fill, const char *filter, imr_error *err)
{
    char url[512];
    imr_engine *e = NULL;
    snprintf(url, sizeof url, "solr+%s/%s%s", made.root, made.name, more);
    const imr_engine_options o = {.url = url, .fill = fill, .filter = filter, .timeout = 120};
    if (imr_engine_open(&e, &o, NULL, err) != IMR_OK)
        FAIL("%s", err->text);
    return e;
}

static void make_rows(void)
{
    uint32_t state = 7;
    made.vectors = calloc(N * made.dim, sizeof *made.vectors);
    CHECK(made.vectors);
    for (size_t i = 0; i < N * made.dim; i++) /* in 50 clusters */
        made.vectors[i] = (float)((state = state * 1664525U + 1013904223U) >> 8) / 16777216.0F -
                          0.5F + (i / made.dim % 50 == i % made.dim % 50 ? 2.0F : 0.0F);
    for (size_t i = 0; i < N; i++) {
        snprintf(made.ids[i], sizeof made.ids[i], "%s%zu", i < IMR_LEN(odd) ? odd[i] : "d", i);
        made.rows[i] = (imr_engine_row){.id = made.ids[i],
                                        .id_len = strlen(made.ids[i]),
                                        .title = i % 2 ? "odd" : "even",
                                        .title_len = i % 2 ? 3 : 4,
                                        .text = i % 2 ? "one \"more\" \\ text\n" : "ein Text",
                                        .text_len = i % 2 ? 18 : 8,
                                        .vector = made.vectors + i * made.dim,
                                        .dim = made.dim};
    }
}

/* A collection of a name of its own. */
static void begin(void)
{
    static int number;
    imr_error err;
    char path[512];
    const char *root = getenv("IMRNN_TEST_SOLR");
    if (!root)
        SKIP("no SolrCloud: IMRNN_TEST_SOLR is not set");
    snprintf(made.root, sizeof made.root, "%s", root);
    snprintf(made.name, sizeof made.name, "imrnn_%d_%d", (int)getpid(), number++);
    snprintf(path, sizeof path,
             "admin/collections?action=CREATE&name=%s&collection.configName=docs&numShards=2",
             made.name);
    tell(path, "");
    if (!made.vectors) {
        imr_engine *e = open_it("", false, NULL, &err);
        made.dim = e->facts.dim;
        imr_engine_close(e);
        make_rows();
    }
}

static void end(void)
{
    char path[512];
    snprintf(path, sizeof path, "admin/collections?action=DELETE&name=%s", made.name);
    tell(path, "");
}

static const imr_encoder_identity encoder = {
    .kind = "bert", .name = "m", .path = "/x", .sha256 = "12", .query_prefix = "a ${b}:\n\t "};

static imr_status begin_fill(imr_engine *e, uint64_t documents, uint64_t *done, imr_error *err)
{
    const imr_engine_plan plan = {.encoder = &encoder, .dim = made.dim, .documents = documents};
    return e->driver->fill_begin(e, &plan, done, NULL, err);
}

static void fill(imr_engine *e, size_t from, size_t to)
{
    imr_error err;
    for (size_t i = from; i < to; i += 700)
        CHECK_OK(e->driver->fill_add(e, made.rows + i, to - i < 700 ? to - i : 700, NULL, &err));
}

TEST("Solr: in a SolrCloud: filled, killed, resumed; the exact scan and a wide search find what a "
     "scan here "
     "finds")
{
    imr_error err;
    uint64_t done = 9;
    begin();
    imr_engine *e = open_it("", true, NULL, &err);
    CHECK_OK(begin_fill(e, N, &done, &err));
    CHECK_INT(done, 0);
    fill(e, 0, 1400);
    imr_engine_close(e); /* killed: nothing was committed, and of the next batch a part is in */
    e = open_it("", true, NULL, &err);
    CHECK_OK(e->driver->fill_begin(
        e, &(imr_engine_plan){.encoder = &encoder, .dim = made.dim, .documents = N}, &done, NULL,
        &err));
    CHECK_INT(done, 400);
    CHECK(e->driver->fill_end(e, NULL, &err) == IMR_E_IO);
    CHECK_CONTAINS(err.text, "has 1400 of the 2500 documents");
    fill(e, 1900, N);
    fill(e, done, 2000);
    CHECK_OK(e->driver->fill_end(e, NULL, &err));
    CHECK_OK(begin_fill(e, N, &done, &err));
    CHECK_INT(done, N);
    imr_engine_close(e);

    e = open_it("", false, NULL, &err);
    CHECK_INT(e->facts.documents, N);
    CHECK_STR(e->facts.encoder.query_prefix, encoder.query_prefix);
    CHECK_STR(e->facts.encoder.name, "m");
    CHECK_STR(e->facts.encoder.path, "");
    for (size_t i = 0; i < 6; i++) {
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 20, .dim = made.dim};
        const float *q = made.rows[i * 300].vector;
        e->options.effort = 400; /* of 1250 in a shard */
        CHECK_OK(e->driver->nearest(e, &r, q, 20, i % 2, NULL, &err));
        CHECK_INT(r.rows.n, 20);
        double last = 2;
        for (size_t k = 0; k < 20; k++) {
            const double c = imr_nn_cosine(q, r.vectors.v + k * made.dim, made.dim);
            CHECK(c <= last + 1e-6);
            last = c;
        }
        size_t nearer = 0;
        for (size_t d = 0; d < N; d++)
            nearer += imr_nn_cosine(q, made.rows[d].vector, made.dim) > last + 1e-6;
        CHECK_INT(nearer, 19);
    }
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 40, .dim = made.dim};
    const char *ids[IMR_LEN(odd) + 3];
    for (size_t i = 0; i < IMR_LEN(odd); i++)
        ids[i] = made.ids[i];
    ids[IMR_LEN(odd)] = "no such document";
    ids[IMR_LEN(odd) + 1] = "a\nb";
    ids[IMR_LEN(odd) + 2] = made.ids[2001];
    CHECK_OK(e->driver->find(e, &r, ids, IMR_LEN(ids), NULL, &err));
    CHECK_INT(r.rows.n, IMR_LEN(odd) + 1);
    for (size_t i = 0; i < r.rows.n; i++) {
        size_t d = 0;
        while (strcmp(made.ids[d], r.rows.v[i].id) != 0)
            d++;
        CHECK_STR(r.rows.v[i].text, made.rows[d].text);
        CHECK_STR(r.rows.v[i].title, made.rows[d].title);
        CHECK(memcmp(r.vectors.v + i * made.dim, made.rows[d].vector, made.dim * sizeof(float)) ==
              0);
    }
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows one = {.most = 200, .dim = made.dim};
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows two = {.most = 200, .dim = made.dim};
    CHECK_OK(e->driver->sample(e, &one, 100, NULL, &err));
    CHECK_OK(e->driver->sample(e, &two, 100, NULL, &err));
    CHECK(one.rows.n > 60 && one.rows.n < 150);
    CHECK_INT(one.rows.n, two.rows.n);
    for (size_t i = 0; i < one.rows.n; i++)
        CHECK(
            imr_strmap_get(&two.by_id, one.rows.v[i].id, strlen(one.rows.v[i].id), &(uint32_t){0}));
    imr_engine_close(e);

    e = open_it("", false, "text:more", &err); /* a filter: of 2500 documents the odd ones */
    for (int exact = 0; exact < 2; exact++) {
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows f = {.most = 30, .dim = made.dim};
        CHECK_OK(e->driver->nearest(e, &f, made.vectors, 30, exact, NULL, &err));
        CHECK_INT(f.rows.n, 30);
        for (size_t i = 0; i < f.rows.n; i++)
            CHECK_STR(f.rows.v[i].title, "odd");
    }
    imr_engine_close(e);
    e = open_it("", false, "text:((", &err);
    r.most = 40 + r.rows.n;
    CHECK(e->driver->nearest(e, &r, made.vectors, 40, false, NULL, &err) == IMR_E_IO);
    CHECK_CONTAINS(err.text, "Cannot parse 'text:(('");
    CHECK_OK(e->driver->find(e, &r, ids, 1, NULL, &err));
    imr_engine_close(e);
    end();
}

TEST("Solr: in a SolrCloud: what others put in is not added to unless one says so; another encoder "
     "or corpus "
     "is refused")
{
    imr_error err;
    uint64_t done = 9;
    char path[512];
    begin();
    snprintf(path, sizeof path, "%s/update/json?commit=true", made.name);
    tell(path, "[{\"id\":\"theirs\",\"title\":\"no vector\"}]");
    imr_engine *e = open_it("", true, NULL, &err);
    CHECK(begin_fill(e, 20, &done, &err) == IMR_E_IO);
    CHECK_CONTAINS(err.text, "has 1 documents that imrnn did not put in");
    imr_engine_plan plan = {
        .encoder = &encoder, .dim = made.dim, .documents = 20, .into_existing = true};
    CHECK_OK(e->driver->fill_begin(e, &plan, &done, NULL, &err));
    CHECK_INT(done, 0);
    fill(e, 0, 20);
    CHECK_OK(e->driver->fill_end(e, NULL, &err));
    imr_engine_close(e);
    e = open_it("?title=title&text=title", false, NULL, &err);
    CHECK_INT(e->facts.documents, 20);
    CHECK_STR(e->facts.encoder.kind, "");
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows r = {.most = 30, .dim = made.dim};
    CHECK_OK(e->driver->nearest(e, &r, made.vectors, 30, true, NULL, &err));
    CHECK_INT(r.rows.n, 20);
    imr_engine_close(e);
    end();

    begin();
    e = open_it("", true, NULL, &err);
    CHECK_OK(begin_fill(e, 20, &done, &err));
    imr_engine_close(e);
    e = open_it("", true, NULL, &err);
    CHECK(begin_fill(e, 21, &done, &err) == IMR_E_IO);
    CHECK_CONTAINS(err.text, "was filled with another number of documents");
    imr_encoder_identity other = encoder;
    other.name = "the same by another name";
    plan.encoder = &other;
    CHECK_OK(e->driver->fill_begin(e, &plan, &done, NULL, &err));
    other.sha256 = "13";
    CHECK(e->driver->fill_begin(e, &plan, &done, NULL, &err) == IMR_E_IO);
    CHECK_CONTAINS(err.text, "was filled by another encoder");
    plan.dim++;
    CHECK(e->driver->fill_begin(e, &plan, &done, NULL, &err) == IMR_E_SHAPE);
    imr_engine_close(e);
    end();
    e = open_it("", true, NULL, &err);
    CHECK(begin_fill(e, 20, &done, &err) == IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "has no collection imrnn_");
    CHECK_CONTAINS(err.text, "\"vectorDimension\":");
    CHECK_CONTAINS(err.text, "}]}");
    imr_engine_close(e);
}
#endif
