/* Encoding a dataset into a cache with a transformer. */
#include "base/mem.h"
#include "format/json.h"
#include "retrieval/cache.h"
#include "session/context_table.h"
#include "task/cache.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

typedef struct watcher {
    size_t calls, stop_at;
    uint64_t documents, inside; /* reports between two blocks */
} watcher;

static bool watch(void *user, const imr_progress_info *info)
{
    watcher *w = user;
    if (strcmp(info->what, "encoding documents") == 0) {
        CHECK(info->done >= w->documents && info->done <= 120 && info->total == 120);
        w->inside += info->done != 0 && info->done != 120;
        w->documents = info->done;
    }
    return ++w->calls != w->stop_at;
}

TEST("building reports and can be stopped inside a block, and goes on afterwards")
{
    tiny t = tiny_new(false, 12, 3, 20, 64);
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    watcher w = {0};
    const imr_progress p = {watch, &w};
    imr_store_result r;
    const char *whole = keep(test_path(test_tmpdir(), "cache"));
    CHECK_OK(imr_cache_encode(&r, whole, d, e, IMR_F32, false, &p, &err));
    CHECK(r.encoded_rows > 120 && w.inside > 0);
    const size_t calls = w.calls;
    for (size_t stop = 1; stop <= calls; stop += 1 + calls / 9) {
        const char *dir = keep(test_path(test_tmpdir(), "cache"));
        w = (watcher){.stop_at = stop};
        CHECK_INT(imr_cache_encode(NULL, dir, d, e, IMR_F32, false, &p, &err), IMR_E_CANCELLED);
        CHECK_INT(w.calls, stop);
        CHECK_CONTAINS(err.text, "; run the same command again to go on");
        CHECK_OK(imr_cache_encode(&r, dir, d, e, IMR_F32, false, NULL, &err));
        size_t n, m;
        char *a = test_read(test_path(whole, "documents.npy"), &n),
             *b = test_read(test_path(dir, "documents.npy"), &m);
        CHECK(n == m && memcmp(a, b, n) == 0);
        free(a);
        free(b);
        a = test_read(test_path(whole, "manifest.json"), &n);
        b = test_read(test_path(dir, "manifest.json"), &m);
        CHECK(n == m && memcmp(a, b, n) == 0);
        free(a);
        free(b);
    }
    imr_cache *c = NULL;
    CHECK_OK(imr_cache_open(&c, whole, NULL, &err));
    CHECK(c->encoder.path[0] == '/');
    imr_cache_free(c);
    imr_dataset_free(d);
    imr_encoder_free(e);
    tiny_done(&t);
}

/* What the golden collection is to the encoder, counted text by text. */
static imr_token_totals count(const imr_dataset *d, const imr_encoder *e, bool queries)
{
    imr_token_totals t = {0};
    imr_buf text = {0};
    for (size_t i = 0; i < (queries ? d->query_ids.n : d->documents.n); i++) {
        imr_tokens tokens = {0};
        imr_buf_clear(&text);
        if (queries)
            imr_buf_str(&text, d->query_texts[i]);
        else
            CHECK_OK(imr_dataset_text(d, i, &text, &err));
        CHECK_OK(imr_encoder_tokenize(e, imr_buf_text(&text), text.len, true, &tokens, &err));
        const size_t longest = e->max_tokens;
        t.texts++;
        t.cut += tokens.n > longest;
        t.total += tokens.n;
        t.read += tokens.n < longest ? tokens.n : longest;
        imr_tokens_done(&tokens);
    }
    imr_buf_done(&text);
    return t;
}

static void same_totals(imr_token_totals found, imr_token_totals want)
{
    CHECK_INT(found.texts, want.texts);
    CHECK_INT(found.cut, want.cut);
    CHECK_INT(found.read, want.read);
    CHECK_INT(found.total, want.total);
}

TEST("the manifest says how much of the texts is read, and the same command finds the cache whole")
{
    tiny t = tiny_new(false, 12, 3, 20, 8);
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    imr_cache *c = NULL;
    CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    imr_store_result r;
    const char *dir = keep(test_path(test_tmpdir(), "cache"));
    CHECK_OK(imr_cache_encode(&r, dir, d, e, IMR_F32, false, NULL, &err));
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    for (int i = 0; i < 2; i++) {
        const imr_token_totals want = count(d, e, i);
        CHECK(want.total > 0 && (i == 1 || (want.cut > 0 && want.read < want.total)));
        same_totals(c->tokens[i], want);
        same_totals(r.tokens[i], want);
    }
    imr_cache_free(c);
    CHECK_OK(imr_cache_encode(&r, dir, d, e, IMR_F32, false, NULL, &err));
    CHECK(r.already);
    /* Counts that contradict the rest are no counts; a manifest without them is one of before. */
    size_t n;
    char *manifest = test_read(test_path(dir, "manifest.json"), &n);
    char *tokens = strstr(manifest, "\"texts\": 120");
    CHECK(tokens != NULL);
    tokens[10] = '9';
    CHECK_OK(imr_file_write(test_path(dir, "manifest.json"), manifest, n, &err));
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    CHECK_INT(c->tokens[false].total, 0);
    CHECK(c->tokens[true].total > 0);
    imr_cache_free(c);
    char *member = strstr(manifest, ",\n \"tokens\"");
    CHECK(member != NULL);
    memcpy(member, "\n}\n", 4);
    CHECK_OK(imr_file_write(test_path(dir, "manifest.json"), manifest,
                            (size_t)(member + 3 - manifest), &err));
    free(manifest);
    CHECK_OK(imr_cache_encode(&r, dir, d, e, IMR_F32, false, NULL, &err));
    CHECK(r.already);
    imr_dataset_free(d);
    imr_encoder_free(e);
    tiny_done(&t);
}

/* A collection of words the made-up encoder knows. */
static const char *put_words(size_t documents)
{
    const char *dir = keep(test_tmpdir());
    imr_random r;
    imr_buf b = {0};
    imr_random_init(&r, 9);
    for (size_t i = 0; i < documents; i++) {
        imr_buf_printf(&b, "{\"_id\":\"d%zu\",\"title\":\"\",\"text\":\"", i);
        for (uint64_t n = 3 + imr_random_below(&r, 20); n > 0; n--)
            imr_buf_printf(&b, "w%c ", (char)('a' + imr_random_below(&r, 20)));
        imr_buf_str(&b, "\"}\n");
    }
    put_file(dir, "corpus.jsonl", imr_buf_text(&b));
    put_file(dir, "queries.jsonl", "{\"_id\":\"q\",\"text\":\"wa wb\"}\n");
    imr_buf_done(&b);
    return dir;
}

static bool stop_behind(void *user, const imr_progress_info *info)
{
    return strcmp(info->what, "encoding documents") != 0 || info->done <= *(const uint64_t *)user;
}

TEST(
    "the table of words in context is made on the way, and is the one made from the finished cache")
{
    enum { D = 12, N = 700 }; /* three blocks */
    tiny t = tiny_new(false, D, 3, 20, 16);
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    imr_cache *c = NULL;
    CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, put_words(N), NULL, &err));
    const char *dir = keep(test_path(test_tmpdir(), "cache"));
    CHECK_OK(imr_cache_encode(NULL, dir, d, e, IMR_F32, false, NULL, &err));
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    const imr_encoder_identity *made_by = &c->encoder;
    const imr_context_source source = {made_by->sha256, c->dataset_sha256, made_by->passage_prefix,
                                       N, D};
    imr_context_table table;
    imr_context_making *m = NULL;
    imr_context_table rows;
    bool found;
    CHECK_OK(imr_context_table_find(&table, &found, dir, NULL, &source, &err));
    CHECK(found);
    CHECK_OK(imr_context_making_new(&m, c, e, &err));
    CHECK_OK(imr_context_making_run(m, &rows, NULL, &err));
    CHECK_INT(table.words, 20);
    CHECK_INT(table.words, rows.words);
    CHECK_ALL_NEAR(table.rows.v, rows.rows.v, rows.words * D, 1e-6);
    imr_context_table_done(&table);
    imr_context_table_done(&rows);
    imr_context_making_free(m);
    /* Stopped and gone on with, the outputs of what was finished are gone: no table. */
    dir = keep(test_path(test_tmpdir(), "cache"));
    uint64_t enough = 300;
    const imr_progress p = {stop_behind, &enough};
    CHECK_INT(imr_cache_encode(NULL, dir, d, e, IMR_F32, false, &p, &err), IMR_E_CANCELLED);
    CHECK_OK(imr_cache_encode(NULL, dir, d, e, IMR_F32, false, NULL, &err));
    CHECK_OK(imr_context_table_find(&table, &found, dir, NULL, &source, &err));
    CHECK(!found);
    imr_cache_free(c); /* whose names the source borrows */
    imr_dataset_free(d);
    imr_encoder_free(e);
    tiny_done(&t);
}
