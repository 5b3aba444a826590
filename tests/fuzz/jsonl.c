/* format/jsonl: every call moves on, lines lie within the input. */
#include "format/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_jsonl it;
    imr_error err;
    imr_jsonl_init(&it, data, size, "input");
    for (;;) {
        const imr_json *node = NULL;
        size_t before = it.pos;
        imr_status status = imr_jsonl_next(&it, &node, &err);
        if (status == IMR_OK && !node)
            break;
        must(it.pos > before);
        must(it.line_start + it.line_len <= size && it.line_len > 0);
    }
    must(it.pos == size);
    imr_jsonl_done(&it);
    return 0;
}
