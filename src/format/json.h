/*
 * format/json.h - typed reading and writing of JSON; the only user of cJSON behind it.
 *
 * Reading: the whole text is checked first (format/json_syntax.h: syntax, UTF-8, caps, trailing
 * bytes). imr_json is an opaque node; getters take a path of keys separated by '/',
 * "modules/0/type" (array indexes are decimal); of equal keys the first counts.
 *   imr_json_*_or     the fallback when the key is absent or of another type
 *   imr_json_need_*   fail and name the path, the type found and expected
 *
 * Writing goes straight to an imr_buf: strings are escaped, numbers have 9 significant digits, NaN
 * and infinity become null.
 */
#ifndef IMR_FORMAT_JSON_H
#define IMR_FORMAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct cJSON imr_json;

/* \u0000 in a string is read as U+FFFD, as tokenisers do: strings end with a zero byte here.
 * name: file name for errors. The result is freed with imr_json_free. */
imr_status imr_json_parse(imr_json **out, const void *text, size_t len, const char *name,
                          imr_error *err) IMR_NODISCARD;
/* A part of a file: errors count lines from first_line. */
imr_status imr_json_parse_at(imr_json **out, const void *text, size_t len, const char *name,
                             uint64_t first_line, imr_error *err) IMR_NODISCARD;
imr_status imr_json_open(imr_json **out, const char *path, imr_error *err) IMR_NODISCARD;
void imr_json_free(imr_json *root);
void imr_json_free_ptr(imr_json **root); /* for IMR_CLEANUP */
#define IMR_AUTOJSON IMR_CLEANUP(imr_json_free_ptr)

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
                                imr_error *err) IMR_NODISCARD;
imr_status imr_json_need_int(int64_t *out, const imr_json *node, const char *path, int64_t low,
                             int64_t high, imr_error *err) IMR_NODISCARD;

/* ---- writing ---- */
/* With quotes; each byte that is no UTF-8 becomes U+FFFD; control characters, DEL and the C1
 * controls are escaped, so that the text is safe to print. */
void imr_json_put_string(imr_buf *b, const char *text);
void imr_json_put_string_n(imr_buf *b, const char *text, size_t n);
void imr_json_put_number(imr_buf *b, double value);
void imr_json_put_int(imr_buf *b, int64_t value);

#endif
