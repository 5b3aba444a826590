#include <inttypes.h>

#include "base/limits.h"
#include "base/number.h"
#include "format/json.h"
#include "base/utf8_step.h"

#define MAX_NUMBER 63 /* characters; a float64 needs at most 24 */

typedef struct scan {
    const uint8_t *p;
    size_t len, pos;
    const char *name;
    uint64_t line;
    imr_error *err;
} scan;

static imr_status refuse(const scan *s, imr_status status, const char *what)
{
    uint64_t line = s->line;
    size_t start = 0;
    for (size_t i = 0; i < s->pos; i++)
        if (s->p[i] == '\n') {
            line++;
            start = i + 1;
        }
    return imr_fail(s->err, status, "%s: line %" PRIu64 ", column %zu: %s", s->name, line,
                    s->pos - start + 1, what);
}

static imr_status expected(const scan *s, const char *what)
{
    char found[32], text[160];
    if (s->pos >= s->len)
        snprintf(found, sizeof found, "the text ends");
    else if (s->p[s->pos] > 0x20 && s->p[s->pos] < 0x7f)
        snprintf(found, sizeof found, "found '%c'", s->p[s->pos]);
    else
        snprintf(found, sizeof found, "found byte 0x%02x", s->p[s->pos]);
    snprintf(text, sizeof text, "%s where %s was expected", found, what);
    return refuse(s, IMR_E_FORMAT, text);
}

static int peek(const scan *s)
{
    return s->pos < s->len ? s->p[s->pos] : -1;
}

static void skip_space(scan *s)
{
    while (s->pos < s->len && strchr(" \t\r\n", s->p[s->pos]) && s->p[s->pos])
        s->pos++;
}

static int hex4(const scan *s, size_t at)
{
    int v = 0;
    if (s->len - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int c = s->p[i], digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (digit < 0 || digit > 15 || (digit > 9 && (c | 0x20) < 'a'))
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* pos at the backslash; leaves it behind the escape. */
static imr_status scan_escape(scan *s)
{
    if (s->pos + 1 >= s->len)
        return refuse(s, IMR_E_FORMAT, "the text ends inside a string");
    uint8_t c = s->p[s->pos + 1];
    if (c != 'u') {
        if (c == 0 || !strchr("\"\\/bfnrt", c))
            return refuse(s, IMR_E_FORMAT, "this escape does not exist in JSON");
        s->pos += 2;
        return IMR_OK;
    }
    int unit = hex4(s, s->pos + 2);
    if (unit < 0)
        return refuse(s, IMR_E_FORMAT, "\\u is not followed by four hexadecimal digits");
    size_t next = s->pos + 6;
    if (unit >= 0xd800 && unit < 0xe000) {
        bool pair = unit < 0xdc00 && s->len - next >= 6 && s->p[next] == '\\' &&
                    s->p[next + 1] == 'u' && hex4(s, next + 2) >= 0xdc00 &&
                    hex4(s, next + 2) < 0xe000;
        if (!pair)
            return refuse(s, IMR_E_FORMAT, "half of a surrogate pair");
        next += 6;
    }
    s->pos = next;
    return IMR_OK;
}

/* pos at the opening quote. */
static imr_status scan_string(scan *s)
{
    s->pos++;
    for (;;) {
        int c = peek(s);
        if (c < 0)
            return refuse(s, IMR_E_FORMAT, "the text ends inside a string");
        if (c == '"') {
            s->pos++;
            return IMR_OK;
        }
        if (c == '\\') {
            IMR_TRY(scan_escape(s));
            continue;
        }
        if (c < 0x20)
            return expected(s, "a character of a string (control bytes must be escaped)");
        size_t n = imr_utf8_step(s->p + s->pos, s->len - s->pos);
        if (n == 0)
            return refuse(s, IMR_E_FORMAT, "invalid UTF-8 in a string; convert the file to UTF-8");
        s->pos += n;
    }
}

static imr_status scan_digits(scan *s)
{
    const size_t start = s->pos;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->pos++;
    return s->pos > start ? IMR_OK : expected(s, "a digit");
}

static imr_status scan_number(scan *s)
{
    size_t start = s->pos;
    s->pos += peek(s) == '-';
    if (peek(s) == '0')
        s->pos++;
    else
        IMR_TRY(scan_digits(s));
    if (peek(s) == '.') {
        s->pos++;
        IMR_TRY(scan_digits(s));
    }
    const bool exponent = peek(s) == 'e' || peek(s) == 'E';
    if (exponent) {
        s->pos++;
        s->pos += peek(s) == '+' || peek(s) == '-';
        IMR_TRY(scan_digits(s));
    }
    size_t n = s->pos - start, end = s->pos;
    double value;
    s->pos = start; /* for the place in errors */
    if (n > MAX_NUMBER)
        return refuse(s, IMR_E_LIMIT, "a number of more than 63 characters");
    if (exponent && !imr_parse_double((const char *)s->p + start, n, &value))
        return refuse(s, IMR_E_LIMIT, "a number that no float64 can hold");
    s->pos = end;
    return IMR_OK;
}

static imr_status scan_scalar(scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    int c = peek(s);
    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    for (size_t i = 0; i < IMR_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (s->len - s->pos >= n && memcmp(s->p + s->pos, words[i], n) == 0) {
            s->pos += n;
            return IMR_OK;
        }
    }
    return expected(s, "a JSON value");
}

static imr_status scan_key(scan *s)
{
    skip_space(s);
    if (peek(s) != '"')
        return expected(s, "a key in double quotes");
    IMR_TRY(scan_string(s));
    skip_space(s);
    if (peek(s) != ':')
        return expected(s, "':'");
    s->pos++;
    return IMR_OK;
}

static imr_status scan_text(size_t *values, scan *s)
{
    uint8_t close[IMR_MAX_JSON_DEPTH]; /* what ends each open container */
    size_t depth = 0;
    for (;;) {
        skip_space(s);
        ++*values;
        int c = peek(s);
        if (c == '{' || c == '[') {
            if (depth == IMR_MAX_JSON_DEPTH)
                return refuse(s, IMR_E_LIMIT, "nested more than 64 deep");
            close[depth++] = c == '{' ? '}' : ']';
            s->pos++;
            skip_space(s);
            if (peek(s) != close[depth - 1]) {
                if (c == '{')
                    IMR_TRY(scan_key(s));
                continue;
            }
        } else {
            IMR_TRY(scan_scalar(s));
        }
        for (;;) { /* behind a value: close what ends here, until a comma */
            skip_space(s);
            if (depth == 0)
                return s->pos == s->len ? IMR_OK : expected(s, "the end of the text");
            if (peek(s) == ',')
                break;
            if (peek(s) != close[depth - 1])
                return expected(s, close[depth - 1] == '}' ? "',' or '}'" : "',' or ']'");
            s->pos++;
            depth--;
        }
        s->pos++;
        if (close[depth - 1] == '}')
            IMR_TRY(scan_key(s));
    }
}

imr_status imr_json_check(size_t *values, const void *text, size_t len, const char *name,
                          uint64_t first_line, imr_error *err)
{
    if (len > IMR_MAX_JSON_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s: %zu bytes of JSON, at most %zu are read", name, len,
                        IMR_MAX_JSON_BYTES);
    scan s = {.p = text, .len = len, .name = name, .line = first_line, .err = err};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        s.pos = 3;
    *values = 0;
    return scan_text(values, &s);
}

/* ---- vectors ---- */

static const char *past_space(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* p: at the bracket. Returns what follows the array; NULL when it has anything but numbers. */
static const char *lift_array(imr_buf *out, imr_json_vectors *to, const char *p)
{
    const size_t start = to->v.n;
    double value;
    size_t n = 1;
    do {
        p = past_space(p + 1);
        n = strspn(p, "+-.0123456789eE");
        if (!n || !imr_parse_double(p, n, &value)) {
            to->v.n = start;
            return NULL;
        }
        out->failed |= !IMR_PUSH(&to->v, (float)value);
        p = past_space(p + n);
    } while (*p == ',');
    if (*p != ']') {
        to->v.n = start;
        return NULL;
    }
    out->failed |= !IMR_PUSH(&to->ends, to->v.n);
    return p + 1;
}

void imr_json_lift(imr_buf *out, imr_json_vectors *vectors, const char *text, const char *key)
{
    const size_t len = strlen(key);
    const char *plain = text;
    for (const char *p = strchr(text, '"'); p && !out->failed; p = strchr(p, '"')) {
        const char *name = ++p, *after;
        while (*p != '"')
            p += *p == '\\' ? 2 : 1;
        const bool is_key = (size_t)(p - name) == len && memcmp(name, key, len) == 0;
        const char *value = past_space(++p);
        if (!is_key || *value != ':' || *(value = past_space(value + 1)) != '[' ||
            !(after = lift_array(out, vectors, value)))
            continue;
        imr_buf_add(out, plain, (size_t)(value - plain));
        imr_buf_printf(out, "%zu", vectors->ends.n - 1);
        plain = p = after;
    }
    imr_buf_str(out, plain);
}
