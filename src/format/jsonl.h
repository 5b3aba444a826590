/*
 * format/jsonl.h - one JSON value a line, with line numbers and byte offsets.
 *
 *   imr_jsonl it;
 *   imr_jsonl_init(&it, data, len, "corpus.jsonl");
 *   while ((status = imr_jsonl_next(&it, &node, err)) == IMR_OK && node)
 *       ...                    node is borrowed until the next call; NULL: the end
 *   imr_jsonl_done(&it);
 *
 * imr_jsonl_init_stream reads bytes that come in pieces instead: memory is the longest line and the
 * longest piece. An error of the source is returned as it is and ends the reading (`broken`).
 *
 * Blank lines are skipped, CRLF is fine, a line over IMR_MAX_LINE_BYTES is IMR_E_LIMIT. After an
 * error of one line (IMR_E_FORMAT, IMR_E_LIMIT) `line` names it and calling again goes on with the
 * next line, so a caller may count bad lines.
 */
#ifndef IMR_FORMAT_JSONL_H
#define IMR_FORMAT_JSONL_H

#include "base/buf.h"
#include "format/json.h"

/* The next bytes, valid until the next call; *n 0 at the end. */
typedef imr_status (*imr_jsonl_source)(void *user, const char **bytes, size_t *n, imr_error *err);

typedef struct imr_jsonl {
    const char *data; /* what is at hand: bytes [first, len) */
    size_t first, len, pos;
    const char *name;
    uint64_t line;               /* of the node last returned, from 1 */
    size_t line_start, line_len; /* its bytes, from the start of the first line */
    imr_json *node;
    imr_jsonl_source more; /* NULL: everything is at hand */
    void *user;
    imr_buf held; /* of a stream: what is at hand */
    bool broken;
} imr_jsonl;

void imr_jsonl_init(imr_jsonl *it, const void *data, size_t len, const char *name);
void imr_jsonl_init_stream(imr_jsonl *it, imr_jsonl_source more, void *user, const char *name);
imr_status imr_jsonl_next(imr_jsonl *it, const imr_json **node, imr_error *err) IMR_NODISCARD;
void imr_jsonl_done(imr_jsonl *it);

#endif
