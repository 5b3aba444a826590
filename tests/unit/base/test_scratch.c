#include <signal.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/scratch.h"
#include "base/sort.h"
#include "tests/support/test.h"

static imr_error err;

static size_t files_in(const char *dir)
{
    imr_names names;
    CHECK_OK(imr_dir_list(&names, dir, &err));
    imr_names_done(&names);
    return names.n;
}

TEST("tables small and large grow and keep what they hold, and leave no file")
{
    const char *dir = test_tmpdir();
    imr_scratch *s = NULL;
    CHECK_OK(imr_scratch_open(&s, test_path(dir, "not/yet"), &err));
    imr_scratch *const kinds[] = {s, NULL};
    for (size_t k = 0; k < 2; k++) {
        IMR_ARRAY(uint32_t) a = {0};
        for (uint32_t i = 0; i < 300000; i++)
            CHECK(IMR_SCRATCH_PUSH(kinds[k], &a, i * 7));
        uint32_t *zeros = imr_scratch_alloc(kinds[k], 100000, sizeof *zeros);
        CHECK(zeros != NULL);
        for (uint32_t i = 0; i < 300000; i++)
            if (a.v[i] != i * 7 || zeros[i / 3] != 0)
                FAIL("item %u is lost", i);
        CHECK_INT(files_in(dir), 0);
        imr_scratch_free(kinds[k], a.v);
        imr_scratch_free(kinds[k], zeros);
        imr_scratch_free(kinds[k], NULL);
    }
    CHECK(imr_scratch_alloc(s, 300000, 4) != NULL); /* goes with the scratch */
    imr_scratch_close(s);
    imr_scratch_close(NULL);
}

TEST("no room on the disk and no memory are told apart, and the table stays")
{
    imr_scratch *s = NULL;
    CHECK_OK(imr_scratch_open(&s, test_tmpdir(), &err));
    char *a = imr_scratch_alloc(s, IMR_SCRATCH_LEAST, 1);
    CHECK(a != NULL);
    a[1000] = 'x';
    void (*kill_us)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit was, little = {IMR_SCRATCH_LEAST * 2, IMR_SCRATCH_LEAST * 2};
    CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
    little.rlim_max = was.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &little) == 0);
    CHECK(imr_scratch_realloc(s, a, IMR_SCRATCH_LEAST, IMR_SCRATCH_LEAST * 4, 1) == NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0);
    signal(SIGXFSZ, kill_us);
    CHECK_INT(imr_scratch_fail(s, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "no room for the tables of ids in");
    CHECK(a[1000] == 'x');
    imr_mem_fail_after(0);
    CHECK(imr_scratch_alloc(s, 10, 1) == NULL);
    CHECK_INT(imr_scratch_fail(s, &err), IMR_E_MEMORY);
    CHECK(imr_scratch_alloc(s, SIZE_MAX / 2, 4) == NULL);
    CHECK_INT(imr_scratch_fail(s, &err), IMR_E_MEMORY);
    CHECK_INT(imr_scratch_fail(NULL, &err), IMR_E_MEMORY);
    imr_scratch_close(s);
}

TEST("a folder that cannot be written to is an error that names it")
{
    imr_scratch *s = NULL;
    CHECK_OK(imr_scratch_open(&s, "/proc/none", &err));
    CHECK(imr_scratch_alloc(s, IMR_SCRATCH_LEAST, 1) == NULL);
    CHECK_INT(imr_scratch_fail(s, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "in /proc");
    imr_scratch_close(s);
}

typedef struct item {
    uint32_t key, place;
} item;

static int by_key(const void *a, const void *b)
{
    const item *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

TEST("sorting is stable for every length and kind of order")
{
    enum { MOST = 300 };
    item v[MOST], spare[MOST];
    for (size_t n = 0; n <= MOST; n++)
        for (uint32_t kind = 0; kind < 4; kind++) {
            uint32_t h = (uint32_t)n;
            for (uint32_t i = 0; i < n; i++) {
                h = h * 1664525 + 1013904223;
                v[i] = (item){kind == 0   ? i
                              : kind == 1 ? (uint32_t)n - i
                              : kind == 2 ? h >> 29
                                          : h,
                              i};
            }
            imr_sort(v, spare, n, sizeof *v, by_key);
            for (size_t i = 1; i < n; i++)
                if (v[i - 1].key > v[i].key ||
                    (v[i - 1].key == v[i].key && v[i - 1].place > v[i].place))
                    FAIL("%zu items of kind %u: %zu", n, kind, i);
        }
    test_count();
}
