/* Encoding a dataset into a cache with a transformer. */
#include "base/mem.h"
#include "retrieval/cache.h"
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
    }
    imr_cache *c = NULL;
    CHECK_OK(imr_cache_open(&c, whole, NULL, &err));
    CHECK(imr_cache_encoder(c)->path[0] == '/');
    imr_cache_free(c);
    imr_dataset_free(d);
    imr_encoder_free(e);
    tiny_done(&t);
}
