/*
 * format/jsonl.h - one JSON value a line, with line numbers and byte offsets.
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
#ifndef IMR_FORMAT_JSONL_H
#define IMR_FORMAT_JSONL_H

#include "format/json.h"

typedef struct imr_jsonl {
    const char *data;
    size_t len, pos;
    const char *name;
    uint64_t line;               /* of the node last returned, from 1 */
    size_t line_start, line_len; /* its bytes, from the start of data */
    imr_json *node;
} imr_jsonl;

void imr_jsonl_init(imr_jsonl *it, const void *data, size_t len, const char *name);
imr_status imr_jsonl_next(imr_jsonl *it, const imr_json **node, imr_error *err) IMR_NODISCARD;
void imr_jsonl_done(imr_jsonl *it);

#endif
