#include <limits.h>
#include <locale.h>
#include <math.h>

#include "base/file.h"
#include "base/limits.h"
#include "format/json.h"
#include "format_support.h"

static imr_error err;

static imr_json *parse(const char *text)
{
    imr_json *j = NULL;
    size_t len = strlen(text);
    char *copy = exact_copy(text, len);
    CHECK_OK(imr_json_parse(&j, copy, len, "x.json", &err));
    free(copy);
    return j;
}

/* Parses text without a spare byte; the error text, or "" when it was accepted. */
static const char *refusal_n(const char *text, size_t len)
{
    imr_json *j = NULL;
    char *copy = exact_copy(text, len);
    imr_status status = imr_json_parse(&j, copy, len, "x.json", &err);
    free(copy);
    imr_json_free(j);
    test_count();
    return status == IMR_OK ? "" : err.text;
}

static const char *refusal(const char *text)
{
    return refusal_n(text, strlen(text));
}

TEST("JSON values are found by their path")
{
    IMR_AUTOJSON imr_json *j = parse("\xef\xbb\xbf{\"a\": [10, {\"b\": \"text\"}, true, null], "
                                     "\"x\": -1.5e3, \"s\": \"\\u00e9\\ud83d\\ude00\\n\"} \n");
    CHECK(imr_json_is_object(j));
    CHECK_INT(imr_json_count(j), 3);
    CHECK_INT(imr_json_int_or(j, "a/0", -1), 10);
    CHECK_STR(imr_json_string_or(j, "a/1/b", ""), "text");
    CHECK(imr_json_bool_or(j, "a/2", false));
    CHECK(imr_json_is_null(imr_json_at(j, "a/3")));
    CHECK(imr_json_at(j, "a/4") == NULL);
    CHECK(imr_json_at(j, "a/-1") == NULL);
    CHECK(imr_json_at(j, "a/1/b/c") == NULL);
    CHECK(imr_json_at(j, "") == j);
    CHECK_NEAR(imr_json_number_or(j, "x", 0), -1500, 0);
    CHECK_STR(imr_json_string_or(j, "s", ""), "\xc3\xa9\xf0\x9f\x98\x80\n");
    CHECK_STR(imr_json_key(imr_json_child(j)), "a");
    CHECK_STR(imr_json_key(imr_json_next(imr_json_child(j))), "x");
}

TEST("a number right behind a byte-order mark is read")
{
    IMR_AUTOJSON imr_json *j = parse("\xef\xbb\xbf"
                                     "7");
    CHECK_INT(imr_json_int_or(j, "", 0), 7);
}

TEST("getters of another type give the fallback, needs say what they found")
{
    IMR_AUTOJSON imr_json *j = parse("{\"n\": 1.5, \"big\": 9007199254740993, \"s\": \"1\"}");
    const char *text = "kept";
    int64_t n = 7;
    CHECK_INT(imr_json_int_or(j, "n", 3), 3);
    CHECK_INT(imr_json_int_or(j, "big", 3), 3); /* not exact as a float64 */
    CHECK_STR(imr_json_string_or(j, "n", "no"), "no");
    CHECK(imr_json_need_string(&text, j, "n", &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "\"n\" is a number, expected a string");
    CHECK_STR(text, "kept");
    CHECK(imr_json_need_int(&n, j, "gone", 0, 9, &err) == IMR_E_NOT_FOUND);
    CHECK(imr_json_need_int(&n, j, "n", 0, 9, &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "\"n\" is 1.5, expected an integer from 0 to 9");
    CHECK_INT(n, 7);
    CHECK(imr_json_string_or(NULL, "a", NULL) == NULL);
    CHECK(!imr_json_is_object(NULL));
}

TEST("text that is not JSON is refused with line and column")
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "the text ends where a JSON value was expected"},
        {"  \n ", "line 2, column 2"},
        {"{\"a\": 1,\n \"b\" 2}", "line 2, column 6: found '2' where ':' was expected"},
        {"{\"a\": 1,}", "found '}' where a key in double quotes"},
        {"[1,]", "found ']' where a JSON value"},
        {"[1 2]", "',' or ']'"},
        {"{\"a\":1]", "',' or '}'"},
        {"[1}", "',' or ']'"},
        {"1 2", "the end of the text"},
        {"{} {}", "the end of the text"},
        {"nul", "a JSON value"},
        {"NaN", "a JSON value"},
        {"-", "a digit"},
        {"01", "the end of the text"},
        {"1.", "a digit"},
        {"1e", "a digit"},
        {"+1", "a JSON value"},
        {".5", "a JSON value"},
        {"1e999", "no float64"},
        {"-1e999", "no float64"},
        {"\"a", "ends inside a string"},
        {"\"a\\", "ends inside a string"},
        {"\"a\\q\"", "escape does not exist"},
        {"\"\\u12g4\"", "four hexadecimal digits"},
        {"\"\\u12", "four hexadecimal digits"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"a\nb\"", "byte 0x0a"},
        {"\"\xff\"", "UTF-8"},
        {"\"\xc0\x80\"", "UTF-8"},
        {"\"\xed\xa0\x80\"", "UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "UTF-8"},
        {"\"\xe2\x82", "UTF-8"},
        {"{1: 2}", "a key in double quotes"},
        {"// x\n1", "a JSON value"},
    };
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        CHECK_CONTAINS(refusal(bad[i].text), bad[i].says);
        CHECK_CONTAINS(err.text, "x.json: line ");
    }
    CHECK_CONTAINS(refusal_n("1\0", 2), "byte 0x00");
}

TEST("JSON nests 64 deep and no deeper, however long the text")
{
    char text[200001];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    CHECK_STR(refusal_n(text, 128), "");
    memset(text, '[', 200000);
    CHECK_CONTAINS(refusal_n(text, 200000), "nested more than 64 deep");
    text[200000] = '\0';
    for (size_t i = 0; i + 5 <= 200000; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    CHECK_CONTAINS(refusal(text), "nested more than 64 deep");
}

TEST("a number with thousands of digits is refused")
{
    char digits[5001];
    memset(digits, '9', 5000);
    digits[5000] = '\0';
    CHECK_CONTAINS(refusal(digits), "more than 63 characters");
}

TEST("JSON cut short anywhere is refused")
{
    const char *text = "{\"k\": [1, -2.5e+3, \"\\u00e9\xc3\xa9\\n\", true, null, {\"z\": {}}]}";
    for (size_t n = 0; n < strlen(text); n++)
        CHECK(refusal_n(text, n)[0] != '\0');
    CHECK_STR(refusal(text), "");
}

TEST("JSON that takes far more memory than its text is counted before anything is built from it")
{
    const size_t n = 1000000; /* "1," takes a node of 64 bytes and the allocator's 16 */
    char *text = malloc(2 * n + 2);
    imr_json *root = NULL;
    for (size_t i = 0; i < n; i++)
        memcpy(text + 2 * i, i ? ",1" : "[1", 2);
    memcpy(text + 2 * n, "]", 2);
    IMR_BUDGET("numbers.json");
    CHECK_INT(imr_json_parse(&root, text, 2 * n + 1, "numbers.json", &err), IMR_E_BUDGET);
    CHECK(root == NULL && imr_budget_now->used == 0);
    imr_budget_add(imr_budget_now, 2 * n + 1);
    CHECK_OK(imr_json_parse(&root, text, 2 * n + 1, "numbers.json", &err));
    CHECK(imr_budget_now->used <= (n + 1) * 80);
    CHECK_INT(imr_json_count(root), n);
    imr_json_free(root);
    free(text);
}

TEST("JSON reading survives the failure of every allocation")
{
    const char *text = "{\"k\": [1, \"two\", {\"three\": null}]}";
    imr_json *j = NULL;
    CHECK_EVERY_ALLOCATION(imr_json_parse(&j, text, strlen(text), "x.json", &err));
    CHECK_STR(imr_json_string_or(j, "k/1", ""), "two");
    imr_json_free(j);
}

TEST("numbers are read the same in a locale with a decimal comma")
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "de_DE"))
        SKIP("no locale with a decimal comma is installed");
    IMR_AUTOJSON imr_json *j = parse("[1.5e0, 0.25]");
    IMR_AUTOBUF imr_buf b = {0};
    imr_json_put_number(&b, imr_json_number_or(j, "0", 0));
    setlocale(LC_NUMERIC, "C");
    CHECK_STR(imr_buf_text(&b), "1.5");
    CHECK_NEAR(imr_json_number_or(j, "1", 0), 0.25, 0);
}

TEST("an absent JSON file is not found, and its errors carry its path")
{
    imr_json *j = NULL;
    const char *path = test_path(test_tmpdir(), "bad.json");
    CHECK(imr_json_open(&j, path, &err) == IMR_E_NOT_FOUND);
    CHECK_OK(imr_file_write(path, "{]", 2, &err));
    CHECK(imr_json_open(&j, path, &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, path);
    CHECK(j == NULL);
}

static const char *quoted(const char *text, size_t n)
{
    static imr_buf b;
    imr_buf_clear(&b);
    imr_json_put_string_n(&b, text, n);
    return imr_buf_text(&b);
}

TEST("written strings are escaped, safe to print, and read back")
{
    CHECK_STR(quoted("a\"b\\c\n\t\r\b\f", 10), "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\"");
    CHECK_STR(quoted("\x1b[0m\x7f", 5), "\"\\u001b[0m\\u007f\"");
    CHECK_STR(quoted("\xc2\x9b", 2), "\"\\u009b\"");
    CHECK_STR(quoted("\xc3\xa9\xff", 3), "\"\xc3\xa9\xef\xbf\xbd\"");
    CHECK_STR(quoted("\xe2\x82", 2), "\"\xef\xbf\xbd\""); /* one for each ill-formed part */
    CHECK_STR(quoted("\0", 1), "\"\\u0000\"");
    /* right-to-left override, zero-width space, byte order mark, a tag */
    CHECK_STR(quoted("a\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81", 14),
              "\"a\\u202e\\u200b\\ufeff\\udb40\\udc41\"");
    const char *text = "q\"\\\x01\xc2\x85\xf0\x9f\x98\x80";
    IMR_AUTOJSON imr_json *j = parse(quoted(text, strlen(text)));
    CHECK_STR(imr_json_string_or(j, "", ""), text);
}

TEST("written numbers have nine digits, and what is not finite becomes null")
{
    IMR_AUTOBUF imr_buf b = {0};
    imr_json_put_number(&b, 0.1f);
    imr_buf_char(&b, ' ');
    imr_json_put_number(&b, NAN);
    imr_buf_char(&b, ' ');
    imr_json_put_number(&b, -INFINITY);
    imr_buf_char(&b, ' ');
    imr_json_put_int(&b, INT64_MIN);
    CHECK_STR(imr_buf_text(&b), "0.100000001 null null -9223372036854775808");
}

/* ---- lines ---- */

TEST("JSONL gives values with their line numbers and bytes")
{
    const char *text = "\xef\xbb\xbf{\"a\":1}\r\n\n  \t\r\n[2]\n\"three\"";
    size_t len = strlen(text);
    char *copy = exact_copy(text, len);
    const imr_json *node = NULL;
    imr_jsonl it;
    imr_jsonl_init(&it, copy, len, "c.jsonl");
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK_INT(imr_json_int_or(node, "a", 0), 1);
    CHECK_INT(it.line, 1);
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK_INT(imr_json_int_or(node, "0", 0), 2);
    CHECK_INT(it.line, 4);
    CHECK(memcmp(copy + it.line_start, "[2]", it.line_len) == 0 && it.line_len == 3);
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK_STR(imr_json_string_or(node, "", ""), "three");
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK(node == NULL);
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK(node == NULL);
    imr_jsonl_done(&it);
    free(copy);
}

TEST("a bad JSONL line is named and the next call goes on behind it")
{
    const char *text = "{\"a\":1}\n{\"b\":}\n{\"c\":3}\n";
    const imr_json *node = NULL;
    imr_jsonl it;
    imr_jsonl_init(&it, text, strlen(text), "c.jsonl");
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK(imr_jsonl_next(&it, &node, &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "c.jsonl: line 2, column 6");
    CHECK_INT(it.line, 2);
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK_INT(imr_json_int_or(node, "c", 0), 3);
    CHECK_INT(it.line, 3);
    imr_jsonl_done(&it);
}

TEST("a JSONL line over the cap is refused and the next one read")
{
    size_t n = IMR_MAX_LINE_BYTES + 1;
    char *text = malloc(n + 3);
    CHECK(text != NULL);
    memset(text, '1', n);
    memcpy(text + n, "\n2\n", 3);
    const imr_json *node = NULL;
    imr_jsonl it;
    imr_jsonl_init(&it, text, n + 3, "c.jsonl");
    CHECK(imr_jsonl_next(&it, &node, &err) == IMR_E_LIMIT);
    CHECK_CONTAINS(err.text, "line 1 has");
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK_INT(imr_json_int_or(node, "", 0), 2);
    imr_jsonl_done(&it);
    free(text);
}

TEST("a NUL in a string is read as U+FFFD, wherever it stands")
{
    imr_json *j = NULL;
    static const char text[] = "{\"a\\u0000\": \"\\u0000x\\\\u0000\\u0000\"}";
    CHECK_OK(imr_json_parse(&j, text, sizeof text - 1, "f", &err));
    CHECK_STR(imr_json_key(imr_json_child(j)), "a\xEF\xBF\xBD");
    CHECK_STR(imr_json_string_or(imr_json_child(j), "", ""), "\xEF\xBF\xBDx\\u0000\xEF\xBF\xBD");
    imr_json_free(j);
}

TEST("a template of JSON is filled in with escaped strings, numbers and truths")
{
    imr_buf b = {0};
    const bool yes = true, no = false;
    imr_json_printf(&b,
                    "{'a': %s, 'b': [%.*s, %-s, %-s], 'n': %g, 'none': %g, 'is': %hhd, 'not': %hhd",
                    "x\"y", 2, "abc", "", "c", 0.5, (double)NAN, yes, no);
    imr_json_printf(&b, ", 'i': [%d, %u, %zu, %lld, %llu]}", -1, UINT_MAX, (size_t)3, -4LL,
                    ULLONG_MAX);
    CHECK_STR(imr_buf_text(&b),
              "{\"a\": \"x\\\"y\", \"b\": [\"ab\", null, \"c\"], \"n\": 0.5, \"none\": null, "
              "\"is\": true, \"not\": false, \"i\": [-1, 4294967295, 3, -4, "
              "18446744073709551615]}");
    imr_buf_done(&b);
}

TEST("vectors are lifted out of a text of JSON: arrays of numbers alone behind their key")
{
    imr_buf out = {0};
    imr_json_vectors v = {.v = {0}};
    static const char text[] =
        "{\"v\":[1,-2.5, 3E-1 ],\"w\":[4],\"t\":\"\\\\\\\",\\\"v\\\":[5] \\\\\",\"v\\\"\":[6],"
        "\"a\":[\"v\",[7],{ \"v\" : [\n8\t] }],\"v\":[],\"v\":[9,null],\"v\":[[1]],\"v\":\"[2]\"}";
    imr_json_lift(&out, &v, text, "v");
    CHECK_STR(imr_buf_text(&out),
              "{\"v\":0,\"w\":[4],\"t\":\"\\\\\\\",\\\"v\\\":[5] \\\\\",\"v\\\"\":[6],"
              "\"a\":[\"v\",[7],{ \"v\" : 1 }],\"v\":[],\"v\":[9,null],\"v\":[[1]],\"v\":\"[2]\"}");
    CHECK(v.ends.n == 2 && v.ends.v[0] == 3 && v.ends.v[1] == 4 && v.v.n == 4);
    CHECK(v.v.v[0] == 1 && v.v.v[1] == -2.5F && v.v.v[2] == 0.3F && v.v.v[3] == 8);
    imr_buf_done(&out);
    imr_json_lift(&out, &v, "{\"a\":1}", "v");
    CHECK_STR(imr_buf_text(&out), "{\"a\":1}");
    imr_buf_done(&out);
    free(v.v.v);
    free(v.ends.v);
}
