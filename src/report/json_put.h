/*
 * report/json_put.h - members of JSON objects, for the writers of src/report.
 *
 * Every value leaves a comma behind, which imr_put_close turns into its bracket. name NULL: an item
 * of an array. A number that is not finite is null.
 */
#ifndef IMR_REPORT_JSON_PUT_H
#define IMR_REPORT_JSON_PUT_H

#include "base/buf.h"

void imr_put_string(imr_buf *out, const char *name, const char *value);
void imr_put_optional(imr_buf *out, const char *name, const char *value); /* "" and NULL: null */
void imr_put_number(imr_buf *out, const char *name, double value);
void imr_put_int(imr_buf *out, const char *name, int64_t value);
void imr_put_rank(imr_buf *out, const char *name, uint32_t rank); /* 0: null */
void imr_put_bool(imr_buf *out, const char *name, bool value);
void imr_put_null(imr_buf *out, const char *name);
void imr_put_open(imr_buf *out, const char *name, char bracket); /* '{' or '[' */
void imr_put_close(imr_buf *out, char bracket);                  /* '}' or ']' */

#endif
