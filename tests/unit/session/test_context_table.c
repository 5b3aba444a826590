/* The table `context` beside a cache: made from its texts whatever interrupts it, and believed only
 * when it is whole and of this cache. */
#include <sys/stat.h>

#include "base/mem.h"
#include "session/context_table.h"
#include "tests/unit/encoder/tiny_transformer.h"
#include "tests/unit/retrieval/made_cache.h"

enum { DOCUMENTS = 50, D = 12 };

static imr_error err;

typedef struct fixture {
    tiny t;
    imr_encoder *e;
    imr_cache *cache;
    imr_buf corpus;
    imr_context_source source;
    char dir[512], file[640];
} fixture;

static imr_status encode(void *user, const imr_encode_texts *t, float *out, imr_error *why)
{
    return imr_encoder_encode(user, t->texts, t->lens, t->count, out, NULL, NULL, why);
}

static fixture start(void)
{
    fixture f = {.t = tiny_new(false, D, 3, 20, 24)};
    CHECK_OK(imr_encoder_open(&f.e, f.t.dir, NULL, &err));
    for (int i = 0; i < DOCUMENTS; i++) {
        imr_buf_printf(&f.corpus, "{\"_id\":\"d%d\",\"title\":\"\",\"text\":\"", i);
        for (uint64_t n = 3 + imr_random_below(&f.t.random, 20); n > 0; n--)
            imr_buf_printf(&f.corpus, "w%c ", (char)('a' + imr_random_below(&f.t.random, 20)));
        imr_buf_str(&f.corpus, "\"}\n");
    }
    const imr_named_bytes corpus = {"corpus.jsonl", f.corpus.data, f.corpus.len};
    const imr_encoder_identity identity = {.kind = "bert", .passage_prefix = "wa "};
    f.cache = made_cache(&corpus, 1, &identity, D, encode, f.e);
    f.source = (imr_context_source){"e1", f.cache->dataset_sha256, "wa ", DOCUMENTS, D};
    snprintf(f.dir, sizeof f.dir, "%s", test_tmpdir());
    snprintf(f.file, sizeof f.file, "%s/tokens/e1.context", f.dir);
    return f;
}

static void finish(fixture *f)
{
    imr_cache_free(f->cache);
    imr_encoder_free(f->e);
    imr_buf_done(&f->corpus);
    tiny_done(&f->t);
}

static imr_context_table make(const fixture *f)
{
    imr_context_making *m = NULL;
    imr_context_table r = {0};
    CHECK_OK(imr_context_making_new(&m, f->cache, f->e, &err));
    CHECK_OK(imr_context_making_run(m, &r, NULL, &err));
    CHECK(r.words >= 15 && r.held == DOCUMENTS / 4 && r.heard == DOCUMENTS);
    imr_context_making_free(m);
    return r;
}

static bool found(const fixture *f, const imr_context_source *source)
{
    imr_context_table t;
    bool yes;
    CHECK_OK(imr_context_table_find(&t, &yes, f->dir, NULL, source, &err));
    if (yes)
        imr_context_table_done(&t);
    return yes;
}

static void same(const imr_context_table *t, const imr_context_table *r)
{
    const char *at = r->text;
    CHECK_INT(t->words, r->words);
    CHECK_INT(t->heard, r->heard);
    CHECK_INT(t->held, r->held);
    CHECK(memcmp(t->rows.v, r->rows.v, r->words * D * sizeof(float)) == 0);
    for (size_t w = 0; w < r->words; w++, at += strlen(at) + 1) {
        CHECK_STR(t->text + (at - r->text), at);
        CHECK(t->documents[w] == r->documents[w] && t->count[w] == r->count[w]);
    }
    CHECK(memcmp(t->starts, r->starts, (r->held + 1) * sizeof *r->starts) == 0);
    CHECK(memcmp(t->own, r->own, r->starts[r->held] * sizeof *r->own) == 0);
    CHECK(memcmp(t->held_documents, r->held_documents, r->held * sizeof *r->own) == 0);
}

TEST("a table kept beside the cache is found again as it was, and only by its own source")
{
    fixture f = start();
    imr_context_table r = make(&f);
    imr_context_table t = {0};
    imr_buf unkept = {0};
    bool yes;
    CHECK(!found(&f, &f.source));
    CHECK_OK(imr_context_table_keep(&unkept, f.dir, &f.source, &r, &err));
    CHECK(!unkept.len);
    CHECK_OK(imr_context_table_find(&t, &yes, f.dir, NULL, &f.source, &err));
    CHECK(yes);
    same(&t, &r);
    imr_context_table_done(&t);
    imr_context_source other = f.source;
    other.corpus_sha256 = "another corpus";
    CHECK(!found(&f, &other));
    other = f.source;
    other.prefix = "wb ";
    CHECK(!found(&f, &other));
    other = f.source;
    other.documents++;
    CHECK(!found(&f, &other));
    other = f.source;
    other.n++;
    CHECK(!found(&f, &other));
    /* The table of another encoder under this one's name. */
    char stolen[640];
    snprintf(stolen, sizeof stolen, "%s/tokens/e2.context", f.dir);
    CHECK_INT(rename(f.file, stolen), 0);
    other = f.source;
    other.encoder_sha256 = "e2";
    CHECK(!found(&f, &other));
    imr_context_table_done(&r);
    finish(&f);
}

/* Puts the right hash at the end again, as somebody would who wants to be believed. */
static void sign(char *bytes, size_t len)
{
    char hex[IMR_SHA256_HEX];
    CHECK_OK(imr_sha256_memory(bytes, len - 64, hex, &err));
    memcpy(bytes + len - 64, hex, 64);
}

TEST("damage anywhere, a file cut short and numbers out of bounds are as if there were no file")
{
    fixture f = start();
    imr_context_table r = make(&f);
    imr_buf unkept = {0};
    size_t len;
    CHECK_OK(imr_context_table_keep(&unkept, f.dir, &f.source, &r, &err));
    char *bytes = test_read(f.file, &len);
    for (size_t at = 0; at < len; at += 1 + len / 200) {
        bytes[at] ^= 1;
        CHECK_OK(imr_file_write(f.file, bytes, len, &err));
        CHECK(!found(&f, &f.source));
        bytes[at] ^= 1;
    }
    for (size_t cut = 0; cut < len; cut += 1 + len / 50) {
        CHECK_OK(imr_file_write(f.file, bytes, cut, &err));
        CHECK(!found(&f, &f.source));
    }
    const size_t held = 256 + r.words * (D * 4 + 8), starts = held + r.held * 4;
    const size_t own = starts + (r.held + 1) * 4, text = len - 64 - r.text_bytes;
    const size_t places[] = {held, starts, starts + 4, own, text + 2};
    for (size_t i = 0; i < IMR_LEN(places); i++) {
        const char old = bytes[places[i] + 1];
        bytes[places[i] + 1] = 'x';
        if (i == 4)
            memset(bytes + text, 'x', r.text_bytes);
        sign(bytes, len);
        CHECK_OK(imr_file_write(f.file, bytes, len, &err));
        CHECK(!found(&f, &f.source));
        bytes[places[i] + 1] = old;
    }
    free(bytes);
    imr_context_table_done(&r);
    finish(&f);
}

typedef struct stopper {
    size_t calls, after;
} stopper;

static bool stop(void *user, const imr_progress_info *info)
{
    (void)info;
    stopper *s = user;
    return ++s->calls % s->after != 0;
}

TEST("making goes on where it was stopped, however often, and ends with the same table")
{
    fixture f = start();
    imr_context_table want = make(&f);
    for (size_t after = 12; after < 40; after += 9) {
        imr_context_making *m = NULL;
        imr_context_table r = {0};
        stopper s = {0, after};
        const imr_progress p = {stop, &s};
        size_t stops = 0;
        imr_status status;
        CHECK_OK(imr_context_making_new(&m, f.cache, f.e, &err));
        while ((status = imr_context_making_run(m, &r, &p, &err)) == IMR_E_CANCELLED)
            CHECK(++stops < 1000);
        CHECK_INT(status, IMR_OK);
        CHECK(stops > 0);
        CHECK_INT(r.words, want.words);
        CHECK_ALL_NEAR(r.rows.v, want.rows.v, want.words * D, 1e-6);
        imr_context_table_done(&r);
        imr_context_making_free(m);
    }
    imr_context_table_done(&want);
    finish(&f);
}

TEST("of a folder that cannot be written, and of none, the table is found in what was not kept")
{
    fixture f = start();
    imr_context_table r = make(&f);
    char path[640];
    snprintf(path, sizeof path, "%s/file", f.dir);
    CHECK_OK(imr_file_write(path, "x", 1, &err));
    const char *const dirs[] = {path, ""};
    for (size_t i = 0; i < IMR_LEN(dirs); i++) {
        imr_buf unkept = {0};
        imr_context_table t = {0};
        bool yes = false;
        CHECK_OK(imr_context_table_keep(&unkept, dirs[i], &f.source, &r, &err));
        CHECK_OK(imr_context_table_find(&t, &yes, dirs[i], &unkept, &f.source, &err));
        CHECK(yes);
        same(&t, &r);
        imr_context_table_done(&t);
        imr_buf_done(&unkept);
    }
    imr_context_table_done(&r);
    finish(&f);
}
