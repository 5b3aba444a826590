/*
 * tests/support/test.h - a tiny test header.
 *
 *   TEST("the sentence that should hold") { CHECK(x == 1); CHECK_NEAR(a, b, 1e-5); }
 *
 * Tests register themselves; tests/support/test_main.c runs them (arguments: substrings to select)
 * and prints one line for each that failed or was skipped, then "# N passed, N failed, N skipped".
 * A failing CHECK prints the place and goes on to the next test. SKIP("why") ends the test aloud. A
 * test without any check fails.
 */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_case {
    const char *name, *file;
    int line;
    void (*fn)(void);
    struct test_case *next;
} test_case;

void test_register(test_case *t);
void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));
void test_skip(const char *why) __attribute__((noreturn));
void test_count(void); /* a check was made */

#define TEST_CAT_(a, b) a##b
#define TEST_CAT(a, b)  TEST_CAT_(a, b)
#define TEST(sentence)                                                                             \
    static void TEST_CAT(test_fn_, __LINE__)(void);                                                \
    __attribute__((constructor)) static void TEST_CAT(test_reg_, __LINE__)(void)                   \
    {                                                                                              \
        static test_case t = {sentence, __FILE__, __LINE__, TEST_CAT(test_fn_, __LINE__), NULL};   \
        test_register(&t);                                                                         \
    }                                                                                              \
    static void TEST_CAT(test_fn_, __LINE__)(void)

#define SKIP(why) test_skip(why)
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        test_count();                                                                              \
        if (!(cond))                                                                               \
            FAIL("%s", #cond);                                                                     \
    } while (0)
#define CHECK_INT(found, expected)                                                                 \
    do {                                                                                           \
        long long f_ = (long long)(found), e_ = (long long)(expected);                             \
        test_count();                                                                              \
        if (f_ != e_)                                                                              \
            FAIL("%s is %lld, expected %lld", #found, f_, e_);                                     \
    } while (0)
#define CHECK_NEAR(found, expected, tolerance)                                                     \
    do {                                                                                           \
        double f_ = (double)(found), e_ = (double)(expected);                                      \
        test_count();                                                                              \
        if (!(fabs(f_ - e_) <= (tolerance)))                                                       \
            FAIL("%s is %.9g, expected %.9g +- %g", #found, f_, e_, (double)(tolerance));          \
    } while (0)
#define CHECK_STR(found, expected)                                                                 \
    do {                                                                                           \
        const char *f_ = (found), *e_ = (expected);                                                \
        test_count();                                                                              \
        if (strcmp(f_, e_) != 0)                                                                   \
            FAIL("%s is \"%s\", expected \"%s\"", #found, f_, e_);                                 \
    } while (0)
#define CHECK_CONTAINS(found, part)                                                                \
    do {                                                                                           \
        const char *f_ = (found), *p_ = (part);                                                    \
        test_count();                                                                              \
        if (!strstr(f_, p_))                                                                       \
            FAIL("%s is \"%s\", which lacks \"%s\"", #found, f_, p_);                              \
    } while (0)
/* A call that must succeed; prints its error. `err` is an imr_error in scope. */
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        test_count();                                                                              \
        if ((call) != 0)                                                                           \
            FAIL("%s failed: %s", #call, err.text);                                                \
    } while (0)

/* Largest |found - expected| over n values must be at most tolerance (absolute; relative to
 * max(1,|expected|) when relative). Prints the largest difference and its place. */
void test_near_all(const char *file, int line, const char *what, const float *found,
                   const float *expected, size_t n, double tolerance, bool relative);
#define CHECK_ALL_NEAR(found, expected, n, tolerance)                                              \
    test_near_all(__FILE__, __LINE__, #found, (found), (expected), (n), (tolerance), false)
#define CHECK_ALL_NEAR_REL(found, expected, n, tolerance)                                          \
    test_near_all(__FILE__, __LINE__, #found, (found), (expected), (n), (tolerance), true)

/* tests/golden/NAME; the result is a static buffer, valid until the eighth next call. */
const char *test_golden(const char *name);
/* NAME under ../shared or $IMRNN_SHARED; skips the test aloud when the folder is absent. */
const char *test_shared(const char *name);
/* A fresh empty folder, removed when the process ends. Static buffer like test_golden. */
const char *test_tmpdir(void);
/* "dir/name" in the same ring of static buffers. */
const char *test_path(const char *dir, const char *name);
/* Whole file as a zero-terminated malloc'd buffer; fails the test when it cannot be read. */
char *test_read(const char *path, size_t *len);
