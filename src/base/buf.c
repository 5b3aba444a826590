#include "base/buf.h"

#include <stdarg.h>

#include "base/mem.h"

void imr_buf_done(imr_buf *b)
{
    imr_free(b->data);
    *b = (imr_buf){.limit = b->limit};
}

void imr_buf_clear(imr_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

char *imr_buf_reserve(imr_buf *b, size_t n)
{
    if (n > SIZE_MAX / 4 - b->len || (b->limit && b->len + n > b->limit))
        b->failed = true;
    if (b->failed)
        return NULL;
    if (b->len + n + 1 > b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        if (cap < b->len + n + 1)
            cap = b->len + n + 1;
        char *data = imr_realloc(b->data, cap, 1);
        if (!data) {
            b->failed = true;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

void imr_buf_add(imr_buf *b, const void *bytes, size_t n)
{
    char *to = imr_buf_reserve(b, n);
    if (!to)
        return;
    if (n)
        memcpy(to, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void imr_buf_str(imr_buf *b, const char *text)
{
    imr_buf_add(b, text, strlen(text));
}

void imr_buf_char(imr_buf *b, char c)
{
    imr_buf_add(b, &c, 1);
}

void imr_buf_fill(imr_buf *b, char c, size_t n)
{
    char *to = imr_buf_reserve(b, n);
    if (!to)
        return;
    memset(to, c, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void imr_buf_printf(imr_buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : imr_buf_reserve(b, (size_t)n);
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
}

const char *imr_buf_text(const imr_buf *b)
{
    return b->data ? b->data : "";
}

char *imr_buf_take(imr_buf *b)
{
    imr_buf_add(b, "", 0); /* there is a terminator */
    char *data = b->failed ? NULL : b->data;
    if (data)
        b->data = NULL;
    imr_buf_done(b);
    return data;
}

imr_status imr_buf_check(const imr_buf *b, imr_error *err)
{
    if (!b->failed)
        return IMR_OK;
    if (b->limit && b->len + 1 >= b->limit / 2)
        return imr_fail(err, IMR_E_LIMIT, "output grew past its cap of %zu bytes", b->limit);
    return imr_fail_memory(err);
}

imr_text imr_textf(const char *format, ...)
{
    imr_text out;
    va_list args;
    va_start(args, format);
    vsnprintf(out.s, sizeof out.s, format, args);
    va_end(args);
    return out;
}
