#include "text/tokenizer.h"

#include <assert.h>
#include <inttypes.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/utf8.h"

void imr_vocab_done(imr_vocab *v)
{
    imr_buf_done(&v->bytes);
    imr_free(v->v);
    imr_strmap_done(&v->by_text);
    *v = (imr_vocab){0};
}

imr_status imr_vocab_add(imr_vocab *v, const char *text, size_t len, uint32_t id, imr_error *err)
{
    if (len == 0)
        return imr_fail(err, IMR_E_FORMAT, "token %" PRIu32 " is empty; each token needs a text",
                        id);
    if (len > IMR_MAX_ID_BYTES)
        return imr_fail(err, IMR_E_LIMIT,
                        "token %" PRIu32 " has %zu bytes, at most %zu are allowed", id, len,
                        IMR_MAX_ID_BYTES);
    if (imr_utf8_first_bad(text, len) != len || memchr(text, '\0', len))
        return imr_fail(err, IMR_E_FORMAT,
                        "token %" PRIu32 " is not UTF-8 text; save the vocabulary as UTF-8", id);
    if (id >= IMR_MAX_VOCAB || v->n >= IMR_MAX_VOCAB)
        return imr_fail(err, IMR_E_LIMIT, "token id %" PRIu32 " is over the largest allowed, %u",
                        id, IMR_MAX_VOCAB - 1);
    if (v->bytes.len > UINT32_MAX - len - 1)
        return imr_fail(err, IMR_E_LIMIT, "the vocabulary's text is longer than 4 GB");
    imr_vocab_entry entry = {(uint32_t)v->bytes.len, (uint32_t)len, id};
    imr_buf_add(&v->bytes, text, len);
    imr_buf_char(&v->bytes, '\0');
    if (v->bytes.failed || !IMR_PUSH(v, entry))
        return imr_fail_memory(err);
    if (len > v->longest)
        v->longest = len;
    return IMR_OK;
}

static int by_id(const void *a, const void *b)
{
    const imr_vocab_entry *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

imr_status imr_vocab_finish(imr_vocab *v, imr_error *err)
{
    if (v->n == 0)
        return imr_fail(err, IMR_E_FORMAT, "the vocabulary is empty");
    qsort(v->v, v->n, sizeof *v->v, by_id);
    imr_strmap_done(&v->by_text);
    IMR_NEED(imr_strmap_reserve(&v->by_text, v->n), err);
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        const imr_vocab_entry *last = n ? &v->v[n - 1] : NULL, *e = &v->v[i];
        if (!last || e->id != last->id || e->len != last->len ||
            memcmp(v->bytes.data + e->offset, v->bytes.data + last->offset, e->len) != 0)
            v->v[n++] = *e;
    }
    v->n = n;
    for (size_t i = 0; i < v->n; i++) {
        const imr_vocab_entry *e = &v->v[i];
        const char *text = v->bytes.data + e->offset;
        if (e->id < i)
            return imr_fail(err, IMR_E_FORMAT, "two tokens have the id %" PRIu32 ", one is \"%s\"",
                            e->id, text);
        if (e->id > i)
            return imr_fail(err, IMR_E_FORMAT,
                            "no token has the id %zu, but one has the id %" PRIu32
                            "; ids must run from 0 without gaps",
                            i, e->id);
        uint32_t first;
        bool added;
        IMR_NEED(imr_strmap_add(&v->by_text, text, e->len, e->id, &first, &added), err);
        if (!added)
            return imr_fail(err, IMR_E_FORMAT,
                            "the tokens %" PRIu32 " and %" PRIu32 " are both \"%s\"", first, e->id,
                            text);
    }
    return IMR_OK;
}

imr_status imr_vocab_parse(imr_vocab *out, const char *text, size_t len, imr_error *err)
{
    imr_vocab v IMR_CLEANUP(imr_vocab_done) = {0};
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    uint32_t line = 0;
    for (size_t pos = 0, size; pos < len; line++, pos += size + 1) {
        const char *end = memchr(text + pos, '\n', len - pos);
        size = end ? (size_t)(end - (text + pos)) : len - pos;
        const bool crlf = size > 0 && text[pos + size - 1] == '\r';
        imr_status status = imr_vocab_add(&v, text + pos, size - crlf, line, err);
        if (status != IMR_OK) {
            char where[32];
            snprintf(where, sizeof where, "line %" PRIu32, line + 1);
            return imr_error_prefix(err, status, where);
        }
    }
    IMR_TRY(imr_vocab_finish(&v, err));
    return IMR_GIVE(out, v);
}

uint32_t imr_vocab_id(const imr_vocab *v, const char *text, size_t len)
{
    uint32_t id;
    return imr_strmap_get(&v->by_text, text, len, &id) ? id : IMR_NO_TOKEN;
}

const char *imr_vocab_text(const imr_vocab *v, uint32_t id, size_t *len)
{
    assert(id < v->n);
    if (len)
        *len = v->v[id].len;
    return v->bytes.data + v->v[id].offset;
}
