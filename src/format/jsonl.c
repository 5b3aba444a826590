#include "format/jsonl.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"

#define MOST_HELD (IMR_MAX_LINE_BYTES + 1) /* of a line: its bytes and a '\r' */

void imr_jsonl_init(imr_jsonl *it, const void *data, size_t len, const char *name)
{
    *it = (imr_jsonl){.data = data, .len = len, .name = name};
}

void imr_jsonl_init_stream(imr_jsonl *it, imr_jsonl_source more, void *user, const char *name)
{
    *it = (imr_jsonl){.data = "", .name = name, .more = more, .user = user};
}

/* The next piece of the stream behind what is kept, the bytes from pos on. */
static imr_status fetch(imr_jsonl *it, size_t *got, imr_error *err)
{
    const char *bytes = NULL;
    imr_status status = it->more(it->user, &bytes, got, err);
    size_t kept = it->len - it->pos;
    if (status == IMR_OK && *got) {
        if (kept && it->pos != it->first)
            memmove(it->held.data, it->held.data + (it->pos - it->first), kept);
        it->held.len = kept;
        imr_buf_add(&it->held, bytes, *got);
        status = imr_buf_check(&it->held, err);
        it->data = it->held.data;
        it->first = it->pos;
        it->len += *got;
    }
    it->broken = status != IMR_OK;
    return status;
}

static bool blank(char c)
{
    return c == '\r' || c == ' ' || c == '\t';
}

/* The newline that ends the line at pos; NULL when there is none, or none within the most bytes a
 * line may have. */
static imr_status find_newline(imr_jsonl *it, const char **newline, imr_error *err)
{
    for (size_t seen = 0, got = 1;;) {
        const char *start = it->data + (it->pos - it->first);
        size_t left = it->len - it->pos;
        *newline = left > seen ? memchr(start + seen, '\n', left - seen) : NULL;
        if (*newline || !it->more || !got || left > MOST_HELD)
            return IMR_OK;
        seen = left;
        IMR_TRY(fetch(it, &got, err));
    }
}

static imr_status too_long(const imr_jsonl *it, size_t bytes, imr_error *err)
{
    return imr_fail(err, IMR_E_LIMIT, "%s: line %" PRIu64 " has %zu bytes, at most %zu", it->name,
                    it->line, bytes, IMR_MAX_LINE_BYTES);
}

/* Moves behind a line too long to be held: IMR_E_LIMIT unless it is blank. */
static imr_status skip_line(imr_jsonl *it, imr_error *err)
{
    const char *newline = NULL;
    size_t solid = it->pos; /* behind the last byte that is not blank */
    for (size_t got = 1; got && !newline;) {
        const char *from = it->data + (it->pos - it->first);
        newline = memchr(from, '\n', it->len - it->pos);
        size_t n = newline ? (size_t)(newline - from) : it->len - it->pos, end = n;
        while (end && blank(from[end - 1]))
            end--;
        solid = end ? it->pos + end : solid;
        it->pos += n + (newline ? 1 : 0);
        if (!newline)
            IMR_TRY(fetch(it, &got, err));
    }
    if (solid == it->line_start)
        return IMR_OK;
    size_t bytes = solid - it->line_start;
    return too_long(it, bytes > IMR_MAX_LINE_BYTES ? bytes : it->pos - it->line_start, err);
}

/* Moves to the next line that is not blank; *found false at the end. */
static imr_status next_line(imr_jsonl *it, bool *found, imr_error *err)
{
    for (;;) {
        const char *newline;
        IMR_TRY(find_newline(it, &newline, err));
        size_t n = it->len - it->pos;
        *found = n > 0;
        if (!*found)
            return IMR_OK;
        it->line_start = it->pos;
        it->line++;
        if (!newline && it->more && n > MOST_HELD) {
            IMR_TRY(skip_line(it, err));
            continue;
        }
        const char *start = it->data + (it->pos - it->first);
        n = newline ? (size_t)(newline - start) : n;
        it->pos += n + (newline ? 1 : 0);
        while (n && blank(start[n - 1]))
            n--;
        it->line_len = n;
        if (n)
            return IMR_OK;
    }
}

imr_status imr_jsonl_next(imr_jsonl *it, const imr_json **node, imr_error *err)
{
    bool found;
    imr_json_free(it->node);
    it->node = NULL;
    IMR_TRY(next_line(it, &found, err));
    if (found) {
        if (it->line_len > IMR_MAX_LINE_BYTES)
            return too_long(it, it->line_len, err);
        IMR_TRY(imr_json_parse_at(&it->node, it->data + (it->line_start - it->first), it->line_len,
                                  it->name, it->line, err));
    }
    *node = it->node;
    return IMR_OK;
}

void imr_jsonl_done(imr_jsonl *it)
{
    imr_json_free(it->node);
    imr_buf_done(&it->held);
    *it = (imr_jsonl){0};
}
