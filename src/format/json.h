/*
 * format/json.h - typed reading and writing of JSON; the only user of cJSON behind it.
 *
 * Reading: the whole text is checked first (imr_json_check). imr_json is an opaque node; getters
 * take a path of keys separated by '/', "modules/0/type" (array indexes are decimal); of equal keys
 * the first counts.
 *   imr_json_*_or     the fallback when the key is absent or of another type
 *   imr_json_need_*   fail and name the path, the type found and expected
 *
 * Writing goes straight to an imr_buf: strings are escaped, numbers have 9 significant digits, NaN
 * and infinity become null.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/error.h"

typedef struct cJSON imr_json;

/* \u0000 in a string is read as U+FFFD, as tokenisers do: strings end with a zero byte here.
 * name: file name for errors. The result is freed with imr_json_free. */
imr_status imr_json_parse(imr_json **out, const void *text, size_t len, const char *name,
                          imr_error *err);
imr_status imr_json_open(imr_json **out, const char *path, imr_error *err);
void imr_json_free(imr_json *root);
IMR_FREE_AT(imr_json, imr_json_free)
#define IMR_AUTOJSON IMR_CLEANUP(imr_json_free_at)

const imr_json *imr_json_at(const imr_json *node,
                            const char *path); /* NULL when absent; "" is node itself */
bool imr_json_is_object(const imr_json *node); /* false for NULL, as all of these */
bool imr_json_is_array(const imr_json *node);
bool imr_json_is_string(const imr_json *node);
bool imr_json_is_number(const imr_json *node);
bool imr_json_is_bool(const imr_json *node);
bool imr_json_is_null(const imr_json *node);

size_t imr_json_count(const imr_json *node);          /* items of an array or object, else 0 */
const imr_json *imr_json_child(const imr_json *node); /* first item; iterate with imr_json_next */
const imr_json *imr_json_next(const imr_json *item);
const char *imr_json_key(const imr_json *item); /* key of an object's item; "" otherwise */

const char *imr_json_string_or(const imr_json *node, const char *path, const char *fallback);
double imr_json_number_or(const imr_json *node, const char *path, double fallback);
/* Integers are exact: what has a fraction or lies beyond +-2^53 counts as another type. */
int64_t imr_json_int_or(const imr_json *node, const char *path, int64_t fallback);
bool imr_json_bool_or(const imr_json *node, const char *path, bool fallback);

imr_status imr_json_need_string(const char **out, const imr_json *node, const char *path,
                                imr_error *err);
imr_status imr_json_need_int(int64_t *out, const imr_json *node, const char *path, int64_t low,
                             int64_t high, imr_error *err);

/*
 * Is this text JSON? Asked before anything is built from it (format/json_syntax.c). Accepts RFC
 * 8259 (a leading byte-order mark is skipped) and nothing else: no trailing bytes, no comments, no
 * control bytes in strings, valid UTF-8, surrogates in pairs. Beyond the standard it refuses
 * numbers longer than 63 characters or outside float64, and more than the caps of base/limits.h.
 * No recursion, no allocation. *values: how many it holds. first_line: the number of the text's
 * first line, 1 unless it is a part of a file.
 * Errors: IMR_E_FORMAT or IMR_E_LIMIT, "name: line L, column C: ..." (columns are bytes from 1).
 */
imr_status imr_json_check(size_t *values, const void *text, size_t len, const char *name,
                          uint64_t first_line, imr_error *err);

/* Vectors are a hundred times faster taken from a text than from nodes of it. Appends to `out` the
 * text, which is JSON and ended by a zero byte, with each array of numbers alone that is the value
 * of `key` replaced by i: v[ends[i-1]] to v[ends[i]-1]. Failure to allocate sticks in `out`. */
typedef struct imr_json_vectors {
    IMR_ARRAY(float) v;
    IMR_ARRAY(size_t) ends;
} imr_json_vectors;
void imr_json_lift(imr_buf *out, imr_json_vectors *vectors, const char *text, const char *key);

/* ---- JSONL: one value a line, with line numbers and byte offsets ----
 *
 *   imr_jsonl it;
 *   imr_jsonl_init(&it, data, len, "corpus.jsonl");
 *   while ((status = imr_jsonl_next(&it, &node, err)) == IMR_OK && node)
 *       ...                    node is borrowed until the next call; NULL: the end
 *   imr_jsonl_done(&it);
 *
 * Blank lines are skipped, CRLF is fine, a line over IMR_MAX_LINE_BYTES is IMR_E_LIMIT. After an
 * error of one line (IMR_E_FORMAT, IMR_E_LIMIT) `line` names it and calling again goes on with the
 * next line, so a caller may count bad lines.
 */
typedef struct imr_jsonl {
    const char *data;
    size_t len, pos;
    const char *name;
    uint64_t line;               /* of the node last returned, from 1 */
    size_t line_start, line_len; /* its bytes, from the start of data */
    imr_json *node;
} imr_jsonl;

void imr_jsonl_init(imr_jsonl *it, const void *data, size_t len, const char *name);
imr_status imr_jsonl_next(imr_jsonl *it, const imr_json **node, imr_error *err);
void imr_jsonl_done(imr_jsonl *it);

/* ---- writing ---- */
/* With quotes; each byte that is no UTF-8 becomes U+FFFD; control characters, DEL and the C1
 * controls are escaped, so that the text is safe to print. */
void imr_json_put_string(imr_buf *b, const char *text);
void imr_json_put_string_n(imr_buf *b, const char *text, size_t n);
void imr_json_put_number(imr_buf *b, double value);
void imr_json_put_int(imr_buf *b, int64_t value);
/*
 * Appends a template: its ' stand for ", its conversions for values, as the functions above write
 * them:
 *   %s     a string, %.*s one of so many bytes, %-s one that is null where it is empty or NULL
 *   %g     a number
 *   %hhd   true or false
 *   %d, %u with l, ll or z: an integer
 */
void imr_json_printf(imr_buf *b, const char *format, ...) IMR_PRINTF(2, 3);
