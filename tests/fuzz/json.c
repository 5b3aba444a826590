/* format/json: whatever is accepted is written again and read back equal in kind and number. */
#include <string.h>

#include "format/json.h"
#include "tests/fuzz/fuzz.h"

static size_t values;

static void write_value(imr_buf *b, const imr_json *node)
{
    values++;
    if (imr_json_is_string(node))
        imr_json_put_string(b, imr_json_string_or(node, "", ""));
    else if (imr_json_is_number(node))
        imr_json_put_number(b, imr_json_number_or(node, "", 0));
    else if (imr_json_is_bool(node))
        imr_buf_str(b, imr_json_bool_or(node, "", false) ? "true" : "false");
    else if (imr_json_is_null(node))
        imr_buf_str(b, "null");
    if (!imr_json_is_object(node) && !imr_json_is_array(node))
        return;
    imr_buf_char(b, imr_json_is_object(node) ? '{' : '[');
    for (const imr_json *i = imr_json_child(node); i; i = imr_json_next(i)) {
        if (imr_json_is_object(node)) {
            imr_json_put_string(b, imr_json_key(i));
            imr_buf_char(b, ':');
        }
        write_value(b, i);
        imr_buf_str(b, imr_json_next(i) ? "," : "");
    }
    imr_buf_char(b, imr_json_is_object(node) ? '}' : ']');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_json *j = NULL, *again = NULL;
    imr_error err;
    if (imr_json_parse(&j, data, size, "input", &err) != IMR_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    imr_buf text = {0}, twice = {0};
    values = 0;
    write_value(&text, j);
    size_t first = values;
    must(imr_json_parse(&again, imr_buf_text(&text), text.len, "again", &err) == IMR_OK);
    values = 0;
    write_value(&twice, again);
    must(values == first && twice.len == text.len && memcmp(twice.data, text.data, text.len) == 0);
    (void)imr_json_int_or(j, "a/0/b", 0);
    imr_json_free(again);
    imr_json_vectors vectors = {.v = {0}};
    imr_buf_clear(&twice);
    imr_json_lift(&twice, &vectors, imr_buf_text(&text), "a");
    must(imr_json_parse(&again, imr_buf_text(&twice), twice.len, "lifted", &err) == IMR_OK);
    imr_free(vectors.v.v);
    imr_free(vectors.ends.v);
    imr_json_free(again);
    imr_json_free(j);
    imr_buf_done(&text);
    imr_buf_done(&twice);
    return 0;
}
