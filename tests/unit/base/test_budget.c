#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "tests/support/test.h"

#define MB ((size_t)1 << 20)

static imr_error err;

static void map_file(imr_file *out, const char *dir, size_t bytes)
{
    char *text = calloc(bytes, 1);
    CHECK_OK(imr_file_write(test_path(dir, "file"), text, bytes, &err));
    free(text);
    CHECK_OK(imr_file_map(out, test_path(dir, "file"), &err));
}

TEST("a budget allows 64 MiB and 64 times what is mapped, and what is given back again")
{
    IMR_BUDGET("a/file");
    CHECK(imr_budget_allows(64 * MB) && !imr_budget_allows(64 * MB + 1));
    void *p = imr_alloc(40, MB);
    CHECK(p != NULL && imr_budget_now->used >= 40 * MB && imr_budget_now->used < 41 * MB);
    CHECK(imr_alloc(1, 25 * MB) == NULL);
    CHECK(imr_realloc(p, 1, 70 * MB) == NULL && imr_budget_now->used >= 40 * MB);
    p = imr_realloc(p, 1, MB);
    CHECK(p != NULL && imr_budget_now->used < 2 * MB);
    imr_file f = {0};
    map_file(&f, test_tmpdir(), MB);
    CHECK(imr_budget_now->files == MB && imr_budget_now->allowed == 128 * MB);
    void *more = imr_alloc_aligned(1, 100 * MB);
    CHECK(more != NULL && imr_calloc(1, 30 * MB) == NULL && imr_alloc_large(1, 30 * MB) == NULL);
    imr_free(more);
    imr_free(p);
    CHECK_INT(imr_budget_now->used, 0);
    imr_file_unmap(&f);
}

TEST("what a budget refused is told with its numbers, other lacks of memory are not")
{
    CHECK_INT(imr_fail_memory(&err), IMR_E_MEMORY);
    IMR_BUDGET("a/file");
    imr_mem_fail_after(0);
    CHECK(imr_alloc(1, 1) == NULL);
    imr_mem_fail_after(-1);
    CHECK_INT(imr_fail_memory(&err), IMR_E_MEMORY);
    CHECK(imr_alloc(1000, MB) == NULL);
    CHECK_INT(imr_fail_memory(&err), IMR_E_BUDGET);
    CHECK_STR(err.text, "a/file takes 1048.6 MB or more for 0.0 MB of files, allowed are 67.1 MB: "
                        "if you trust it, allow more with --max-memory SIZE");
    CHECK_INT(imr_status_exit(IMR_E_BUDGET), 3);
}

TEST("budgets nest, and none is left behind")
{
    CHECK(imr_budget_now == NULL);
    {
        IMR_BUDGET("outer");
        void *p = imr_alloc(1, 50 * MB);
        CHECK(p != NULL);
        {
            imr_budget inner;
            imr_budget_open(&inner, "inner");
            CHECK(imr_budget_allows(10 * MB) && !imr_budget_allows(20 * MB));
            CHECK(inner.refused == 20 * MB && inner.allowed < 15 * MB && !inner.outer->refused);
            imr_budget_add(imr_budget_now, MB); /* a file of both */
            CHECK(imr_budget_allows(70 * MB) && !imr_budget_allows(100 * MB));
            inner.sealed = true;
            imr_budget_add(imr_budget_now, 100 * MB); /* made of it */
            CHECK(inner.files == MB && inner.outer->files == MB);
            imr_budget_close(&inner);
        }
        imr_free(p);
        CHECK_INT(imr_budget_now->used, 0);
    }
    CHECK(imr_budget_now == NULL);
}

TEST("what was said takes the place of the formula, in memory and on the disk")
{
    CHECK_OK(imr_budget_disk("x", 64 * MB + 6400, 100, &err));
    CHECK_INT(imr_budget_disk("x", 64 * MB + 6401, 100, &err), IMR_E_BUDGET);
    CHECK_CONTAINS(err.text, "x takes 67.1 MB or more");
    imr_budget_said = 100 * MB;
    {
        IMR_BUDGET("said");
        imr_budget_add(imr_budget_now, 100 * MB);
        CHECK(imr_budget_allows(100 * MB) && !imr_budget_allows(100 * MB + 1));
        CHECK_OK(imr_budget_disk("x", 100 * MB, 100, &err));
        CHECK_OK(imr_budget_disk("x", 640 * MB, 10 * MB, &err));
    }
    imr_budget_said = 0;
}

TEST("no budget is more than half of the machine's memory")
{
    IMR_BUDGET("huge");
    imr_budget_add(imr_budget_now, (uint64_t)1 << 50);
    CHECK(!imr_budget_allows((uint64_t)1 << 48));
    CHECK_OK(imr_budget_disk("huge", (uint64_t)1 << 48, (uint64_t)1 << 50, &err));
}
