/*
 * base/error.h - how functions fail.
 *
 * A function that can fail returns imr_status, takes its outputs first and an imr_error last.
 * On failure outputs are untouched and the error holds one line for people: what, where (file,
 * tensor, line, offset), found, expected, what to do. The lowest layer that knows writes it; a
 * caller adds its file name once with imr_error_prefix. err may be NULL when the text is not
 * wanted. Values only: no globals, safe from any thread.
 */
#pragma once

#include "base/attr.h"

__extension__ typedef enum IMR_NODISCARD_TYPE imr_status {
    IMR_OK = 0,
    IMR_E_USAGE,       /* wrong options or arguments                         exit 2   */
    IMR_E_IO,          /* the system refused a read or a write               exit 1   */
    IMR_E_NOT_FOUND,   /* a named file, tensor, query or document is absent  exit 3   */
    IMR_E_FORMAT,      /* bytes that are not what the format says            exit 3   */
    IMR_E_UNSUPPORTED, /* well-formed, but something we do not do            exit 3   */
    IMR_E_SHAPE,       /* dimensions that do not fit together                exit 3   */
    IMR_E_NUMERIC,     /* NaN, infinity, or a factorisation that failed      exit 3   */
    IMR_E_LIMIT,       /* more than a cap of base/limits.h                   exit 3   */
    IMR_E_BUDGET,      /* more memory than files may take (base/mem.h)       exit 3   */
    IMR_E_MEMORY,      /* an allocation failed                               exit 1   */
    IMR_E_BUSY,        /* another process is writing the same thing          exit 1   */
    IMR_E_CANCELLED,   /* the caller asked to stop                           exit 130 */
    IMR_E_DIFFERENT,   /* what was verified is not what is there             exit 1   */
    IMR_STATUS_COUNT
} imr_status;

#define IMR_ERROR_TEXT 1024

typedef struct imr_error {
    imr_status status;
    char text[IMR_ERROR_TEXT]; /* one line, no trailing newline, valid UTF-8 cut at a character */
} imr_error;

/* Fills err (may be NULL) and returns status, so that `return imr_fail(err, ...)` reads well. */
imr_status imr_fail(imr_error *err, imr_status status, const char *format, ...) IMR_PRINTF(3, 4);

/* imr_fail with ": " and the system's words for `number` (an errno) appended. */
imr_status imr_fail_errno(imr_error *err, imr_status status, int number, const char *format, ...)
    IMR_PRINTF(4, 5);

/* The one sentence every allocation failure gets; IMR_E_BUDGET where it was a budget's. */
imr_status imr_fail_memory(imr_error *err);

/* What is left of a failure that may be passed over: IMR_OK, but for missing memory. */
imr_status imr_only_memory(imr_status status, imr_error *err);

/* Puts "<where>: " before the text of a failure. Returns status, so that it can end a return
 * statement or stand around a call: IMR_TRY(imr_error_prefix(err, read(..., err), path)). */
imr_status imr_error_prefix(imr_error *err, imr_status status, const char *where);

/* The process exit status for a result: 0, 1, 2, 3 or 130. */
int imr_status_exit(imr_status status);

/* Analysers see one file at a time and would take the result of these for a possible IMR_OK. */
#if defined(__clang_analyzer__) && !defined(IMR_BASE_ERROR_C)
#define imr_fail(err, status, ...) ((void)(imr_fail)((err), (status), __VA_ARGS__), (status))
#define imr_fail_errno(err, status, ...)                                                           \
    ((void)(imr_fail_errno)((err), (status), __VA_ARGS__), (status))
#define imr_fail_memory(err) ((void)(imr_fail_memory)(err), IMR_E_MEMORY)
#define imr_error_prefix(err, status, where)                                                       \
    __extension__({                                                                                \
        imr_status imr_prefix_status_ = (status);                                                  \
        (void)(imr_error_prefix)((err), imr_prefix_status_, (where));                              \
        imr_prefix_status_;                                                                        \
    })
#endif

/* `return` early with the status of a failing call. */
#define IMR_TRY(call)                                                                              \
    do {                                                                                           \
        imr_status imr_try_status_ = (call);                                                       \
        if (imr_try_status_ != IMR_OK)                                                             \
            return imr_try_status_;                                                                \
    } while (0)

/* The same where it is memory that is missing: IMR_NEED(copy = imr_strdup(text), err); */
#define IMR_NEED(p, err) IMR_TRY((p) ? IMR_OK : imr_fail_memory(err))
