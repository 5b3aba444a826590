/* format/jsonl: every call moves on, lines lie within the input, and a stream of pieces gives the
 * same lines. */
#include <stdlib.h>
#include <string.h>

#include "format/jsonl.h"
#include "tests/fuzz/fuzz.h"

typedef struct pieces {
    const uint8_t *data;
    size_t size, at;
    char *now; /* on the heap and gone with the next, so that a late look is seen */
} pieces;

/* Of 1 to 16 bytes, as the input itself says. */
static imr_status next_piece(void *user, const char **bytes, size_t *n, imr_error *err)
{
    pieces *p = user;
    (void)err;
    free(p->now);
    size_t want = p->at < p->size ? 1 + p->data[p->at] % 16u : 0;
    *n = want < p->size - p->at ? want : p->size - p->at;
    *bytes = p->now = malloc(*n + 1);
    must(p->now != NULL);
    if (*n)
        memcpy(p->now, p->data + p->at, *n);
    p->at += *n;
    return IMR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_jsonl it, stream;
    imr_error err, same;
    pieces p = {data, size, 0, NULL};
    imr_jsonl_init(&it, data, size, "input");
    imr_jsonl_init_stream(&stream, next_piece, &p, "input");
    for (;;) {
        const imr_json *node = NULL, *again = NULL;
        size_t before = it.pos;
        imr_status status = imr_jsonl_next(&it, &node, &err);
        must(imr_jsonl_next(&stream, &again, &same) == status);
        must((node == NULL) == (again == NULL));
        must(status == IMR_OK || strcmp(err.text, same.text) == 0);
        if (status == IMR_OK && !node)
            break;
        must(it.pos > before);
        must(it.line_start + it.line_len <= size && it.line_len > 0);
        must(stream.line_start == it.line_start && stream.line_len == it.line_len);
    }
    must(it.pos == size && stream.pos == size && it.line == stream.line);
    imr_jsonl_done(&it);
    imr_jsonl_done(&stream);
    free(p.now);
    return 0;
}
