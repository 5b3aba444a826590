#include "base/arena.h"
#include "base/mem.h"
#include "tests/support/test.h"

TEST("an arena gives aligned, zeroed, separate memory of any size")
{
    imr_arena *a = imr_arena_new();
    CHECK(a != NULL);
    unsigned char *items[300];
    for (size_t i = 0; i < 300; i++) {
        size_t n = i % 7 == 0 ? 100000 : i * 3;
        items[i] = imr_arena_alloc(a, n, 1);
        CHECK(items[i] != NULL && (uintptr_t)items[i] % 16 == 0);
        for (size_t k = 0; k < n; k++)
            CHECK(items[i][k] == 0);
        if (n)
            memset(items[i], (int)i | 1, n);
    }
    for (size_t i = 1; i < 300; i++)
        CHECK(i % 7 == 0 || items[i][0] == (unsigned char)(i | 1));
    CHECK(imr_arena_alloc(a, SIZE_MAX / 2, 8) == NULL);
    CHECK_STR(imr_arena_strdup(a, NULL), "");
    CHECK_STR(imr_arena_strndup(a, "abcdef", 3), "abc");
    imr_arena_free(a);
}

TEST("an arena says when memory ran out and stays usable")
{
    imr_arena *a = imr_arena_new();
    CHECK(imr_arena_strdup(a, "first") != NULL);
    imr_mem_fail_after(0);
    CHECK(imr_arena_alloc(a, 1, 200000) == NULL);
    CHECK(imr_arena_strdup(a, "second") != NULL);
    imr_mem_fail_after(-1);
    imr_arena_free(a);
    imr_mem_fail_after(0);
    CHECK(imr_arena_new() == NULL);
    imr_mem_fail_after(-1);
}
