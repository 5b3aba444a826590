#include "base/buf.h"
#include "base/limits.h"
#include "format/json.h"
#include "format_support.h"

static imr_error err;

TEST("lines have numbers and places; blank ones, CRLF and a missing newline are fine")
{
    static const char text[] = "\"a\"\n\"b\"\r\n\r\n \t\n\"c\" \r\n{\"broken\":\n\"\xc3\xa9\"";
    static const struct {
        const char *value; /* NULL: an error */
        uint64_t line;
        size_t start, len;
    } lines[] = {
        {"a", 1, 0, 3}, {"b", 2, 4, 3}, {"c", 5, 14, 3}, {NULL, 6, 20, 10}, {"\xc3\xa9", 7, 31, 4}};
    char *copy = exact_copy(text, sizeof text - 1);
    const imr_json *node;
    imr_jsonl it;
    imr_jsonl_init(&it, copy, sizeof text - 1, "x");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const imr_status status = imr_jsonl_next(&it, &node, &err);
        CHECK_INT(it.line, lines[i].line);
        CHECK_INT(it.line_start, lines[i].start);
        CHECK_INT(it.line_len, lines[i].len);
        CHECK_INT(status, lines[i].value ? IMR_OK : IMR_E_FORMAT);
        if (lines[i].value)
            CHECK_STR(imr_json_string_or(node, "", "?"), lines[i].value);
        else
            CHECK_CONTAINS(err.text, "x: line 6");
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(imr_jsonl_next(&it, &node, &err));
        CHECK(node == NULL);
    }
    imr_jsonl_done(&it);
    free(copy);
}

TEST("nothing and blank lines alone hold no line")
{
    static const char *const texts[] = {"", "\n", "\n\n  \n", "\r\n\t"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const imr_json *node;
        imr_jsonl it;
        imr_jsonl_init(&it, texts[i], strlen(texts[i]), "x");
        CHECK_OK(imr_jsonl_next(&it, &node, &err));
        CHECK(node == NULL && it.pos == strlen(texts[i]));
        imr_jsonl_done(&it);
    }
}

TEST("a line over the limit is an error of that line, the next one is read")
{
    for (size_t over = 0; over < 2; over++) {
        imr_buf b IMR_AUTOBUF = {0};
        const imr_json *node;
        imr_jsonl it;
        imr_buf_str(&b, "\"");
        imr_buf_fill(&b, 'x', IMR_MAX_LINE_BYTES - 2 + over); /* and the quotes around it */
        imr_buf_str(&b, "\"\r\n\"b\"\n");
        CHECK_OK(imr_buf_check(&b, &err));
        imr_jsonl_init(&it, b.data, b.len, "x");
        CHECK_INT(imr_jsonl_next(&it, &node, &err), over ? IMR_E_LIMIT : IMR_OK);
        if (over)
            CHECK_CONTAINS(err.text, "x: line 1 has 67108865 bytes, at most 67108864");
        CHECK_OK(imr_jsonl_next(&it, &node, &err));
        CHECK_STR(imr_json_string_or(node, "", "?"), "b");
        imr_jsonl_done(&it);
    }
}
