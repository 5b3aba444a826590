#include "format/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8_step.h"

#define EXACT 9007199254740992.0 /* 2^53: every smaller integer is a float64 */

static void *allocate(size_t n)
{
    return imr_alloc(n, 1);
}

static void install_allocator(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = imr_free});
}

/* The next \u0000 of a text that is JSON, from `at` on; len when there is none. */
static size_t find_nul(const char *text, size_t len, size_t at)
{
    while (at < len) {
        const char *slash = memchr(text + at, '\\', len - at);
        if (!slash)
            return len;
        at = (size_t)(slash - text);
        if (len - at >= 6 && memcmp(slash + 1, "u0000", 5) == 0)
            return at;
        at += 2;
    }
    return len;
}

/* A copy in which U+FFFD stands for NUL, or the text itself. *copy is the caller's. */
static const char *without_nul(char **copy, const char *text, size_t len)
{
    size_t at = find_nul(text, len, 0);
    if (at == len)
        return text;
    if (!(*copy = imr_strndup(text, len)))
        return NULL;
    for (; at < len; at = find_nul(text, len, at + 6))
        memcpy(*copy + at + 2, "fffd", 4);
    return *copy;
}

/* *bytes: what its values take. */
static imr_status parse(imr_json **out, size_t *bytes, const void *text, size_t len,
                        const char *name, uint64_t first_line, imr_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t values = 0;
    IMR_TRY(imr_json_check(&values, text, len, name, first_line, err));
    *bytes = values * (sizeof(cJSON) + 16); /* which the allocator adds */
    IMR_NEED(imr_budget_allows(*bytes), err);
    pthread_once(&once, install_allocator);
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    char *copy IMR_AUTOFREE = NULL;
    const char *start = without_nul(&copy, (const char *)text + mark, len - mark);
    /* The text is known to be JSON, so only memory can be missing. */
    cJSON *root = start ? cJSON_ParseWithLength(start, len - mark) : NULL;
    IMR_NEED(root, err);
    *out = root;
    return IMR_OK;
}

imr_status imr_json_parse(imr_json **out, const void *text, size_t len, const char *name,
                          imr_error *err)
{
    size_t bytes;
    return parse(out, &bytes, text, len, name, 1, err);
}

imr_status imr_json_open(imr_json **out, const char *path, imr_error *err)
{
    size_t bytes;
    IMR_BUDGET(path);
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map(&f, path, err));
    IMR_TRY(parse(out, &bytes, f.data, f.len, path, 1, err));
    imr_budget_now->used += bytes; /* no block of it is large enough to count */
    return IMR_OK;
}

void imr_json_free(imr_json *root)
{
    cJSON_Delete(root);
}

/* ---- reading ---- */

static const imr_json *step(const imr_json *node, const char *key, size_t len)
{
    if (cJSON_IsObject(node)) {
        for (const cJSON *item = node->child; item; item = item->next)
            if (strncmp(item->string, key, len) == 0 && item->string[len] == '\0')
                return item;
        return NULL;
    }
    int64_t index;
    if (!cJSON_IsArray(node) || !imr_parse_int(key, len, &index) || index < 0 || index > INT32_MAX)
        return NULL;
    return cJSON_GetArrayItem(node, (int)index); /* NULL when there is none */
}

const imr_json *imr_json_at(const imr_json *node, const char *path)
{
    while (node && *path) {
        size_t len = strcspn(path, "/");
        node = step(node, path, len);
        path += len;
        path += *path == '/';
    }
    return node;
}

#define IS(what, cjson)                                                                            \
    bool imr_json_is_##what(const imr_json *node)                                                  \
    {                                                                                              \
        return cjson(node);                                                                        \
    }
IS(object, cJSON_IsObject)
IS(array, cJSON_IsArray)
IS(string, cJSON_IsString)
IS(number, cJSON_IsNumber)
IS(bool, cJSON_IsBool)
IS(null, cJSON_IsNull)

const imr_json *imr_json_child(const imr_json *node)
{
    return cJSON_IsObject(node) || cJSON_IsArray(node) ? node->child : NULL;
}

const imr_json *imr_json_next(const imr_json *item)
{
    return item ? item->next : NULL;
}

const char *imr_json_key(const imr_json *item)
{
    return item && item->string ? item->string : "";
}

size_t imr_json_count(const imr_json *node)
{
    return (size_t)cJSON_GetArraySize(node);
}

const char *imr_json_string_or(const imr_json *node, const char *path, const char *fallback)
{
    const imr_json *at = imr_json_at(node, path);
    return cJSON_IsString(at) ? at->valuestring : fallback;
}

double imr_json_number_or(const imr_json *node, const char *path, double fallback)
{
    const imr_json *at = imr_json_at(node, path);
    return cJSON_IsNumber(at) ? at->valuedouble : fallback;
}

static bool integer_of(const imr_json *node, int64_t *out)
{
    if (!cJSON_IsNumber(node) || !(fabs(node->valuedouble) < EXACT) ||
        node->valuedouble != floor(node->valuedouble))
        return false;
    *out = (int64_t)node->valuedouble;
    return true;
}

int64_t imr_json_int_or(const imr_json *node, const char *path, int64_t fallback)
{
    int64_t v;
    return integer_of(imr_json_at(node, path), &v) ? v : fallback;
}

bool imr_json_bool_or(const imr_json *node, const char *path, bool fallback)
{
    const imr_json *at = imr_json_at(node, path);
    return cJSON_IsBool(at) ? cJSON_IsTrue(at) : fallback;
}

static const char *type_name(const imr_json *node)
{
    return !node                  ? "absent"
           : cJSON_IsObject(node) ? "an object"
           : cJSON_IsArray(node)  ? "an array"
           : cJSON_IsString(node) ? "a string"
           : cJSON_IsNumber(node) ? "a number"
           : cJSON_IsBool(node)   ? "a boolean"
                                  : "null";
}

static imr_status wrong_type(const imr_json *at, const char *path, const char *want, imr_error *err)
{
    return imr_fail(err, at ? IMR_E_FORMAT : IMR_E_NOT_FOUND, "\"%s\" is %s, expected %s", path,
                    type_name(at), want);
}

imr_status imr_json_need_string(const char **out, const imr_json *node, const char *path,
                                imr_error *err)
{
    const imr_json *at = imr_json_at(node, path);
    if (!cJSON_IsString(at))
        return wrong_type(at, path, "a string", err);
    *out = at->valuestring;
    return IMR_OK;
}

imr_status imr_json_need_int(int64_t *out, const imr_json *node, const char *path, int64_t low,
                             int64_t high, imr_error *err)
{
    const imr_json *at = imr_json_at(node, path);
    int64_t v;
    if (!cJSON_IsNumber(at))
        return wrong_type(at, path, "an integer", err);
    if (!integer_of(at, &v) || v < low || v > high) {
        char number[32];
        return imr_fail(err, IMR_E_FORMAT,
                        "\"%s\" is %s, expected an integer from %" PRId64 " to %" PRId64, path,
                        imr_format_float(number, at->valuedouble), low, high);
    }
    *out = v;
    return IMR_OK;
}

/* ---- JSONL ---- */

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
        size_t bytes;
        IMR_TRY(parse(&it->node, &bytes, it->data + it->line_start, it->line_len, it->name,
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

/* ---- writing ---- */

/* Controls and what a terminal would not show, or show elsewhere, as \\u: the string is the same. */
static void put_escape(imr_buf *b, uint32_t cp)
{
    if (cp >= 0x10000)
        imr_buf_printf(b, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
                       0xdc00 + ((cp - 0x10000) & 0x3ff));
    else
        imr_buf_printf(b, "\\u%04x", cp);
}

void imr_json_put_string_n(imr_buf *b, const char *text, size_t n)
{
    static const char letters[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";
    imr_buf_char(b, '"');
    for (size_t i = 0, plain = 0; i <= n;) {
        uint32_t cp;
        const size_t len = imr_utf8_decode(text + i, n - i, &cp);
        const bool shown = cp >= 0x20 && (cp < 0x7f || cp >= 0xa0) && !imr_utf8_is_hidden(cp);
        if (shown && cp != '"' && cp != '\\' && cp != IMR_UTF8_BAD) {
            i += len;
            continue;
        }
        imr_buf_add(b, text + plain, i - plain);
        if (i == n)
            break;
        const char *letter = cp && cp < 0x80 ? strchr(letters, (int)cp) : NULL;
        if (cp == IMR_UTF8_BAD)
            imr_buf_str(b, "\xef\xbf\xbd");
        else if (letter)
            imr_buf_printf(b, "\\%c", names[letter - letters]);
        else
            put_escape(b, cp);
        i += len;
        plain = i;
    }
    imr_buf_char(b, '"');
}

void imr_json_put_string(imr_buf *b, const char *text)
{
    imr_json_put_string_n(b, text, strlen(text));
}

void imr_json_put_number(imr_buf *b, double value)
{
    char text[32];
    imr_buf_str(b, isfinite(value) ? imr_format_float(text, value) : "null");
}

void imr_json_put_int(imr_buf *b, int64_t value)
{
    imr_buf_printf(b, "%" PRId64, value);
}

/* An integer of this size; an unsigned one as the same bits. */
static long long next_int(const char *size, va_list *a)
{
    return size[0] == 'z'   ? (long long)va_arg(*a, size_t)
           : size[0] != 'l' ? va_arg(*a, int)
           : size[1] != 'l' ? va_arg(*a, long)
                            : va_arg(*a, long long);
}

void imr_json_printf(imr_buf *b, const char *format, ...)
{
    va_list a;
    va_start(a, format);
    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            imr_buf_char(b, *p == '\'' ? '"' : *p);
            continue;
        }
        const char *size = p + 1, *text;
        p = size + strspn(size, "hlz-.*");
        int n;
        switch (*p) {
        case 's':
            n = *size == '.' ? va_arg(a, int) : -1;
            text = va_arg(a, const char *);
            if (*size == '-' && !(text && *text))
                imr_buf_str(b, "null");
            else
                imr_json_put_string_n(b, text, n < 0 ? strlen(text) : (size_t)n);
            break;
        case 'g':
            imr_json_put_number(b, va_arg(a, double));
            break;
        case 'd':
            if (*size == 'h')
                imr_buf_str(b, va_arg(a, int) ? "true" : "false");
            else
                imr_buf_printf(b, "%lld", next_int(size, &a));
            break;
        default:
            assert(*p == 'u');
            const unsigned long long v = (unsigned long long)next_int(size, &a);
            imr_buf_printf(b, "%llu", *size == 'u' ? (unsigned)v : v);
        }
    }
    va_end(a);
}
