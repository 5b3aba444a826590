/*
 * What the tests of the readers share: copies without a spare byte, and allocations that fail.
 */
#ifndef TESTS_UNIT_FORMAT_SUPPORT_H
#define TESTS_UNIT_FORMAT_SUPPORT_H

#include "base/error.h"
#include "base/mem.h"
#include "tests/support/test.h"

/* len bytes on the heap and not one more, so that the address sanitizer sees an over-read. */
static inline void *exact_copy(const void *bytes, size_t len)
{
    void *copy = malloc(len ? len : 1);
    if (!copy)
        FAIL("out of memory");
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

/* Runs `call` (an imr_status expression) with its 1st, 2nd, ... allocation refused until it
 * succeeds; every failure must say IMR_E_MEMORY. `call` must free nothing when it fails. */
#define CHECK_EVERY_ALLOCATION(call)                                                               \
    do {                                                                                           \
        imr_status got_ = IMR_E_MEMORY;                                                            \
        long refused_ = 0;                                                                         \
        for (; got_ == IMR_E_MEMORY; refused_++) {                                                 \
            imr_mem_fail_after(refused_);                                                          \
            got_ = (call);                                                                         \
            imr_mem_fail_after(-1);                                                                \
            if (got_ != IMR_OK && got_ != IMR_E_MEMORY)                                            \
                FAIL("refusing allocation %ld of %s gives status %d", refused_, #call, (int)got_); \
        }                                                                                          \
        CHECK(refused_ > 1);                                                                       \
    } while (0)

#endif
