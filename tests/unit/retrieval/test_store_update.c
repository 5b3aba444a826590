/* Finished caches of texts that change: what is encoded again, what is said, what a kill leaves. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/retrieval/store_support.h"

static imr_error err;

static const char *const names[] = {
    "manifest.json",      "documents.npy", "queries.npy", "document_ids",
    "document_ids.index", "query_ids",     "offsets",     "texts"};

static void put(const char *dir, const char *name, const char *text)
{
    char path[512];
    path_of(path, dir, name);
    CHECK_OK(imr_file_write(path, text, strlen(text), &err));
}

static void numbered(const char *dir, int i, const char *text)
{
    char name[32], body[64];
    snprintf(name, sizeof name, "%03d.txt", i);
    snprintf(body, sizeof body, "%s %d", text, i);
    put(dir, name, body);
}

/* Sixty texts and a cache of them; then some change. */
typedef struct notes {
    char data[256], dir[256];
    imr_dataset *d;
    fake_encoder f;
} notes;

static void reopen(notes *t)
{
    imr_dataset_free(t->d);
    CHECK_OK(imr_dataset_open(&t->d, t->data, NULL, &err));
}

static notes notes_new(imr_dtype dtype)
{
    notes t = {.d = NULL};
    snprintf(t.data, sizeof t.data, "%s", test_tmpdir());
    fresh(t.dir);
    for (int i = 0; i < 60; i++)
        numbered(t.data, i, "note");
    reopen(&t);
    CHECK_OK(build(t.dir, t.d, dtype, &t.f, NULL, &err));
    t.f.texts = 0;
    return t;
}

/* Two change, one goes, one comes, one is renamed: 60 texts, of which 3 are not known. */
static void change(notes *t)
{
    numbered(t->data, 7, "changed");
    numbered(t->data, 50, "changed");
    CHECK_INT(unlink(test_path(t->data, "020.txt")), 0);
    put(t->data, "newer.md", "one more");
    CHECK_INT(rename(test_path(t->data, "059.txt"), test_path(t->data, "001b.txt")), 0);
    reopen(t);
}

static void same_as_from_scratch(const notes *t, imr_dtype dtype)
{
    char scratch[256];
    fake_encoder f = {0};
    fresh(scratch);
    CHECK_OK(build(scratch, t->d, dtype, &f, NULL, &err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        size_t n, m;
        path_of(path, t->dir, names[i]);
        char *a = test_read(path, &n);
        path_of(path, scratch, names[i]);
        char *b = test_read(path, &m);
        if (n != m || memcmp(a, b, n) != 0)
            FAIL("%s differs", names[i]);
        free(a);
        free(b);
    }
    CHECK(!imr_dir_exists(test_path(t->dir, "update")));
}

static void notes_done(notes *t)
{
    imr_dataset_free(t->d);
}

TEST("only new and changed texts are encoded again, and the bytes are those of a fresh cache")
{
    for (int half = 0; half < 2; half++) {
        const imr_dtype dtype = half ? IMR_F16 : IMR_F32;
        imr_store_result r;
        notes t = notes_new(dtype);
        change(&t);
        CHECK_OK(build(t.dir, t.d, dtype, &t.f, &r, &err));
        CHECK_INT(r.encoded_rows, 3);
        CHECK_INT(r.kept_rows, 57);
        CHECK_INT(t.f.texts, 3);
        same_as_from_scratch(&t, dtype);
        CHECK_OK(build(t.dir, t.d, dtype, &t.f, &r, &err));
        CHECK(r.already && r.kept_rows == 0);
        notes_done(&t);
    }
}

TEST("queries are known by their texts too, with the prefix they had")
{
    char data[256], dir[256];
    snprintf(data, sizeof data, "%s", test_tmpdir());
    fresh(dir);
    put(data, "corpus.jsonl",
        "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two\"}\n");
    put(data, "queries.jsonl",
        "{\"_id\":\"q\",\"text\":\"one\"}\n{\"_id\":\"r\",\"text\":\"what\"}\n");
    imr_dataset *d = NULL;
    imr_store_result r;
    fake_encoder f = {0};
    CHECK_OK(imr_dataset_open(&d, data, NULL, &err));
    CHECK_OK(build(dir, d, IMR_F32, &f, NULL, &err));
    imr_dataset_free(d);
    put(data, "queries.jsonl",
        "{\"_id\":\"q\",\"text\":\"one\"}\n{\"_id\":\"r\",\"text\":\"two\"}\n");
    CHECK_OK(imr_dataset_open(&d, data, NULL, &err));
    CHECK_OK(build(dir, d, IMR_F32, &f, &r, &err));
    CHECK_INT(r.kept_rows, 3);
    CHECK_INT(r.encoded_rows, 1);
    CHECK_STR(f.last, "query: two");
    imr_dataset_free(d);
}

TEST("killed at any text, the old cache is there, and the next run ends with the same bytes")
{
    for (long kill_after = 1; kill_after <= 40; kill_after += 13) {
        notes t = notes_new(IMR_F32);
        for (int i = 0; i < 45; i++)
            numbered(t.data, i, "changed");
        reopen(&t);
        pid_t child = fork();
        if (child == 0) {
            fake_encoder dying = {.kill_after = kill_after};
            _exit(build(t.dir, t.d, IMR_F32, &dying, NULL, &err) == IMR_OK ? 0 : 1);
        }
        int how;
        CHECK_INT(waitpid(child, &how, 0), child);
        CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        imr_cache *c = NULL;
        imr_buf text = {0};
        CHECK_OK(imr_cache_open(&c, t.dir, NULL, &err));
        CHECK_INT(c->documents.ids.n, 60);
        CHECK_CONTAINS(c->notice, "45 changed, 0 new, 0 gone (000.txt, 001.txt, 002.txt, ...)");
        CHECK_OK(imr_cache_document(c, 44, NULL, &text, &err));
        CHECK_STR(imr_buf_text(&text), "");
        CHECK_OK(imr_cache_document(c, 45, NULL, &text, &err));
        CHECK_STR(imr_buf_text(&text), "note 45");
        imr_buf_done(&text);
        imr_cache_free(c);
        imr_store_result r;
        CHECK_OK(build(t.dir, t.d, IMR_F32, &t.f, &r, &err));
        CHECK_INT(r.resumed_rows, kill_after / 16 * 16);
        CHECK_INT(r.encoded_rows, 45 - kill_after / 16 * 16);
        CHECK_INT(r.kept_rows, 15);
        same_as_from_scratch(&t, IMR_F32);
        notes_done(&t);
    }
}

TEST("stopped between any two files of the exchange, the next run finishes it without encoding")
{
    static const char *const order[] = {"documents.npy", "queries.npy",        "document_ids",
                                        "query_ids",     "document_ids.index", "offsets",
                                        "texts"};
    for (int files = -1; files <= 7; files++) {
        notes t = notes_new(IMR_F32);
        change(&t);
        char update[300];
        snprintf(update, sizeof update, "%s/update", t.dir);
        CHECK_OK(build(update, t.d, IMR_F32, &t.f, NULL, &err));
        if (files >= 0)
            CHECK_INT(unlink(test_path(t.dir, "manifest.json")), 0);
        for (int i = 0; i < files; i++)
            CHECK_INT(rename(test_path(update, order[i]), test_path(t.dir, order[i])), 0);
        imr_cache *c = NULL;
        if (files >= 0) {
            CHECK_INT(imr_cache_open(&c, t.dir, NULL, &err), IMR_E_NOT_FOUND);
            CHECK_CONTAINS(err.text, "was stopped: run the same `imrnn cache` again");
        }
        imr_store_result r;
        t.f.texts = 0;
        CHECK_OK(build(t.dir, t.d, IMR_F32, &t.f, &r, &err));
        CHECK_INT(t.f.texts, 0);
        CHECK_INT(r.encoded_rows, 0);
        same_as_from_scratch(&t, IMR_F32);
        notes_done(&t);
    }
}

TEST("an update that is no longer wanted is thrown away")
{
    notes t = notes_new(IMR_F32);
    fake_encoder failing = {.fail_after = 1};
    numbered(t.data, 3, "changed");
    numbered(t.data, 4, "changed");
    reopen(&t);
    CHECK_INT(build(t.dir, t.d, IMR_F32, &failing, NULL, &err), IMR_E_IO);
    CHECK(imr_dir_exists(test_path(t.dir, "update")));
    numbered(t.data, 3, "note");
    numbered(t.data, 4, "note");
    reopen(&t);
    imr_store_result r;
    CHECK_OK(build(t.dir, t.d, IMR_F32, &t.f, &r, &err));
    CHECK(r.already && t.f.texts == 0);
    CHECK(!imr_dir_exists(test_path(t.dir, "update")));
    notes_done(&t);
}

TEST("vectors are not taken from another encoder, or from notes that belong to another cache")
{
    notes t = notes_new(IMR_F32);
    imr_store_result r;
    imr_encoder_identity other = identity;
    other.sha256 = "4567";
    imr_store_plan plan = {
        .dataset = t.d, .encoder = &other, .n = FAKE_DIM, .dtype = IMR_F32, .overwrite = true};
    CHECK_OK(imr_store_build(&r, t.dir, &plan, fake_encode, &t.f, NULL, &err));
    CHECK_INT(r.encoded_rows, 60);
    CHECK_INT(r.kept_rows, 0);

    for (int fault = 0; fault < 3; fault++) {
        notes_done(&t);
        t = notes_new(IMR_F32);
        size_t n;
        char *texts = test_read(test_path(t.dir, "texts"), &n);
        texts[fault == 0 ? 20 : 0] ^= 1;
        if (fault == 1)
            CHECK_INT(unlink(test_path(t.dir, "texts")), 0);
        else
            CHECK_OK(
                imr_file_write(test_path(t.dir, "texts"), texts, fault == 2 ? n - 1 : n, &err));
        free(texts);
        change(&t);
        imr_cache *c = NULL;
        CHECK_OK(imr_cache_open(&c, t.dir, NULL, &err));
        CHECK_CONTAINS(c->notice, "is not the one this cache was built from, or it changed");
        imr_cache_free(c);
        CHECK_OK(build(t.dir, t.d, IMR_F32, &t.f, &r, &err));
        CHECK_INT(r.encoded_rows, 60);
        same_as_from_scratch(&t, IMR_F32);
    }
    notes_done(&t);
}

TEST("a cache without notes of its texts gets them when it is looked at")
{
    notes t = notes_new(IMR_F32);
    imr_store_result r;
    CHECK_INT(unlink(test_path(t.dir, "texts")), 0);
    CHECK_OK(build(t.dir, t.d, IMR_F32, &t.f, &r, &err));
    CHECK(r.already);
    same_as_from_scratch(&t, IMR_F32);
    notes_done(&t);
}

TEST("a folder of texts that did not change is not read again, and one that did is found out")
{
    notes t = notes_new(IMR_F32);
    imr_cache *c = NULL;
    for (int opening = 0; opening < 2; opening++) {
        CHECK_OK(imr_cache_open(&c, t.dir, NULL, &err));
        CHECK_STR(c->notice, "");
        CHECK(c->dataset_untouched);
        CHECK_STR(c->dataset->summary, "");
        imr_cache_free(c);
    }
    numbered(t.data, 9, "NOTE"); /* of the same length */
    CHECK_OK(imr_cache_open(&c, t.dir, NULL, &err));
    CHECK_CONTAINS(c->notice, "1 changed, 0 new, 0 gone (009.txt);");
    CHECK(!c->dataset_untouched);
    imr_cache_free(c);
    numbered(t.data, 9, "note");
    for (int opening = 0; opening < 2; opening++) {
        CHECK_OK(imr_cache_open(&c, t.dir, NULL, &err));
        CHECK_STR(c->notice, "");
        CHECK_INT(c->dataset_untouched, opening);
        imr_cache_free(c);
    }
    notes_done(&t);
}

TEST("memory that runs out while a cache is brought up to date leaves the old one, and leaks "
     "nothing")
{
    notes t = notes_new(IMR_F32);
    change(&t);
    imr_status status = IMR_E_MEMORY;
    for (long n = 0; status != IMR_OK; n += 3) {
        imr_cache *c = NULL;
        imr_mem_fail_after(n);
        status = build(t.dir, t.d, IMR_F32, &t.f, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        if (imr_file_exists(test_path(t.dir, "manifest.json"))) {
            CHECK_OK(imr_cache_open(&c, t.dir, NULL, &err));
            imr_cache_free(c);
        }
    }
    same_as_from_scratch(&t, IMR_F32);
    notes_done(&t);
}
