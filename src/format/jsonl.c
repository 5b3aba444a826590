#include "format/jsonl.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"

void imr_jsonl_init(imr_jsonl *it, const void *data, size_t len, const char *name)
{
    *it = (imr_jsonl){.data = data, .len = len, .name = name};
}

static bool blank(char c)
{
    return c == '\r' || c == ' ' || c == '\t';
}

/* Moves to the next line that is not blank; false at the end. */
static bool next_line(imr_jsonl *it)
{
    while (it->pos < it->len) {
        const char *start = it->data + it->pos;
        const char *newline = memchr(start, '\n', it->len - it->pos);
        size_t n = newline ? (size_t)(newline - start) : it->len - it->pos;
        it->line_start = it->pos;
        it->line++;
        it->pos += n + (newline ? 1 : 0);
        while (n && blank(start[n - 1]))
            n--;
        it->line_len = n;
        if (n)
            return true;
    }
    return false;
}

imr_status imr_jsonl_next(imr_jsonl *it, const imr_json **node, imr_error *err)
{
    imr_json_free(it->node);
    it->node = NULL;
    if (next_line(it)) {
        if (it->line_len > IMR_MAX_LINE_BYTES)
            return imr_fail(err, IMR_E_LIMIT, "%s: line %" PRIu64 " has %zu bytes, at most %zu",
                            it->name, it->line, it->line_len, IMR_MAX_LINE_BYTES);
        IMR_TRY(imr_json_parse_at(&it->node, it->data + it->line_start, it->line_len, it->name,
                                  it->line, err));
    }
    *node = it->node;
    return IMR_OK;
}

void imr_jsonl_done(imr_jsonl *it)
{
    imr_json_free(it->node);
    *it = (imr_jsonl){0};
}
