#include "text/tokenizer.h"

#include <assert.h>

#include "base/limits.h"
#include "text/utf8.h"

void imr_tokens_done(imr_tokens *t)
{
    IMR_FREE(t->v, t->chars.v, t->pieces.v, t->words.v);
    imr_buf_done(&t->spelled);
    *t = (imr_tokens){0};
}

typedef struct run {
    const imr_tokenizer *t;
    const imr_encode_options *o;
    imr_tokens *out;
    size_t most;    /* ids without the ones after the text */
    uint32_t words; /* so far */
    imr_error *err;
} run;

/* Counts the tokens appended since `from`, all of one word, and drops what is over the maximum. */
static void settle(run *r, size_t from, uint32_t word)
{
    imr_tokens *out = r->out;
    for (size_t i = from; i < out->n; i++)
        out->v[i].word = word;
    out->total += out->n - from;
    if (out->n > r->most)
        out->n = r->most;
}

/* Spells the word whose tokens were appended since `from`, as far as they are kept: of v, or text
 * when there is one. Nothing when the maximum left none of them. */
static imr_status spell(run *r, size_t from, const imr_char *v, size_t n, const char *text)
{
    imr_tokens *out = r->out;
    const bool kept = out->n > from;
    if (!r->o->spell || (!kept && from >= r->most))
        return IMR_OK;
    while (kept && n > 0 && v[n - 1].end > out->v[out->n - 1].end)
        n--;
    IMR_NEED(IMR_PUSH(&out->words, (uint32_t)out->spelled.len), r->err);
    if (text)
        imr_buf_str(&out->spelled, text);
    else
        imr_chars_spell(&out->spelled, v, n);
    imr_buf_char(&out->spelled, '\0');
    return imr_buf_check(&out->spelled, r->err);
}

static imr_status push(run *r, uint32_t id, uint32_t start, uint32_t end)
{
    return IMR_PUSH(r->out, (imr_token){id, start, end, IMR_NO_WORD}) ? IMR_OK
                                                                      : imr_fail_memory(r->err);
}

/* Appends the tokens of one word. */
static imr_status encode_word(run *r, const imr_char *word, size_t n)
{
    const imr_tokenizer_spec *s = &r->t->spec;
    const bool whole = s->model == IMR_WORDLEVEL;
    const size_t mark = strlen(s->mark), before = r->out->n;
    bool known = n <= (whole ? IMR_MAX_ID_BYTES : s->max_chars);
    assert(whole || s->max_chars <= IMR_MAX_WORD_CHARS);
    /* The word's bytes, with room before them: the mark is written over bytes already matched. */
    char text[IMR_WORDPIECE_MARK_BYTES + 4 * IMR_MAX_ID_BYTES];
    size_t at[IMR_MAX_ID_BYTES + 1];
    at[0] = mark;
    for (size_t i = 0; known && i < n; i++)
        at[i + 1] = at[i] + imr_utf8_encode(word[i].cp, text + at[i]);
    for (size_t first = 0, last; known && first < n; first = last) {
        const size_t prefix = first ? mark : 0, from = at[first] - prefix;
        uint32_t id = IMR_NO_TOKEN;
        memcpy(text + from, s->mark, prefix);
        for (last = n; last > first; last = whole ? first : last - 1) {
            const size_t len = at[last] - from;
            id = len <= s->vocab.longest ? imr_vocab_id(&s->vocab, text + from, len) : IMR_NO_TOKEN;
            if (id < s->n_words)
                break;
        }
        known = last > first;
        if (known)
            IMR_TRY(push(r, id, word[first].start, word[last - 1].end));
    }
    if (known)
        return IMR_OK;
    r->out->n = before;
    return s->unknown == IMR_NO_TOKEN ? IMR_OK
                                      : push(r, s->unknown, word[0].start, word[n - 1].end);
}

static imr_status encode_words(run *r, size_t first, size_t last)
{
    const imr_tokenizer_spec *s = &r->t->spec;
    imr_tokens *out = r->out;
    IMR_TRY(imr_pretokenise(s->rules, s->n_rules, &out->chars, first, last, &out->pieces, r->err));
    for (size_t i = 0; i < out->pieces.n; i++) {
        const imr_piece p = out->pieces.v[i];
        const imr_char *word = out->chars.v + p.first;
        const size_t from = out->n;
        IMR_TRY(encode_word(r, word, p.last - p.first));
        settle(r, from, r->words++);
        IMR_TRY(spell(r, from, word, p.last - p.first, NULL));
    }
    return IMR_OK;
}

static bool word_beside(const char *text, size_t len, size_t start, size_t end)
{
    uint32_t cp;
    if (end < len) {
        imr_utf8_decode(text + end, len - end, &cp);
        if (imr_char_is_word(cp))
            return true;
    }
    if (start == 0)
        return false;
    size_t back = start - 1;
    while (back > 0 && start - back < 4 && ((unsigned char)text[back] & 0xC0) == 0x80)
        back--;
    imr_utf8_decode(text + back, start - back, &cp);
    return imr_char_is_word(cp);
}

static bool is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The longest added token at text[start], or NULL; *end: where it ends. */
static const imr_added_token *added_at(const run *r, const imr_added *among, const char *text,
                                       size_t len, size_t start, size_t *end)
{
    uint32_t index;
    for (size_t i = 0; among->first[(unsigned char)text[start]] && i < among->n; i++) {
        *end = start + among->lengths[i];
        if (*end <= len && imr_strmap_get(&among->by_text, text + start, *end - start, &index))
            return &r->t->spec.added[index];
    }
    return NULL;
}

/* The next added token at or after `from`, with the white space it takes. */
static const imr_added_token *next_added(const run *r, const imr_added *among, const char *text,
                                         size_t len, size_t from, size_t *start, size_t *end)
{
    for (size_t at = from; among->n && at < len; at++) {
        const imr_added_token *a = added_at(r, among, text, len, at, end);
        if (!a)
            continue;
        *start = at;
        if (a->single_word && word_beside(text, len, at, *end)) {
            at = *end - 1;
            continue;
        }
        while (a->left && *start > from && is_ascii_space(text[*start - 1]))
            --*start;
        while (a->right && *end < len && is_ascii_space(text[*end]))
            ++*end;
        return a;
    }
    return NULL;
}

static imr_status push_added(run *r, const imr_added_token *a, uint32_t start, uint32_t end)
{
    size_t from = r->out->n;
    IMR_TRY(push(r, a->id, start, end));
    settle(r, from, a->special ? IMR_NO_WORD : r->words++);
    return a->special ? IMR_OK : spell(r, from, NULL, 0, a->text);
}

/* out->chars holds a normalised stretch of the text: cut out added tokens, encode the rest. */
static imr_status encode_normalised(run *r)
{
    const imr_chars *c = &r->out->chars;
    if (!r->t->added[true].n)
        return encode_words(r, 0, c->n);
    imr_buf text IMR_AUTOBUF = {0};
    imr_chars_spell(&text, c->v, c->n);
    IMR_TRY(imr_buf_check(&text, r->err));
    size_t pos = 0, at = 0; /* the same place in bytes and in code points */
    while (pos < text.len) {
        size_t start = 0, end = 0, first = at;
        const imr_added_token *a =
            next_added(r, &r->t->added[true], text.data, text.len, pos, &start, &end);
        if (!a)
            return encode_words(r, at, c->n);
        at += imr_utf8_count(text.data + pos, start - pos);
        IMR_TRY(encode_words(r, first, at));
        first = at;
        at += imr_utf8_count(text.data + start, end - start);
        IMR_TRY(push_added(r, a, c->v[first].start, c->v[at - 1].end));
        pos = end;
    }
    return IMR_OK;
}

static imr_status encode_text(run *r, const char *text, size_t len)
{
    const imr_tokenizer_spec *s = &r->t->spec;
    for (size_t pos = 0; pos < len;) {
        size_t start = 0, end = 0;
        const imr_added_token *a = next_added(r, &r->t->added[false], text, len, pos, &start, &end);
        if (!a)
            start = end = len;
        IMR_TRY(imr_normalise(s->steps, s->n_steps, text + pos, start - pos, pos, &r->out->chars,
                              r->err));
        IMR_TRY(encode_normalised(r));
        if (a)
            IMR_TRY(push_added(r, a, (uint32_t)start, (uint32_t)end));
        pos = end;
    }
    return IMR_OK;
}

static imr_status push_affix(run *r, const uint32_t *ids, size_t n, uint32_t at)
{
    for (size_t i = 0; i < n; i++)
        IMR_TRY(push(r, ids[i], at, at));
    r->out->total += n;
    return IMR_OK;
}

/* Tokens of the lower-cased text, with the spans of the source. */
static imr_status encode_lowered(run *r, const char *text, size_t len)
{
    static const imr_normalise_step lower = {.op = IMR_NORM_LOWER};
    imr_buf lowered IMR_AUTOBUF = {0};
    imr_chars source IMR_AUTOFREE = {0}; /* of each of its bytes */
    imr_chars *c = &r->out->chars;
    IMR_TRY(imr_normalise(&lower, 1, text, len, 0, c, r->err));
    for (size_t i = 0; i < c->n; i++) {
        imr_chars_spell(&lowered, &c->v[i], 1);
        while (source.n < lowered.len)
            IMR_NEED(IMR_PUSH(&source, c->v[i]), r->err);
    }
    IMR_TRY(imr_buf_check(&lowered, r->err));
    const size_t first = r->out->n;
    IMR_TRY(encode_text(r, imr_buf_text(&lowered), lowered.len));
    for (size_t i = first; i < r->out->n; i++) {
        imr_token *t = &r->out->v[i];
        const bool empty = t->start == t->end;
        t->start = t->start < source.n ? source.v[t->start].start : (uint32_t)len;
        t->end = empty ? t->start : source.v[t->end - 1].end;
    }
    return IMR_OK;
}

/* Bytes of the first `most` code points. */
static size_t cut_chars(const char *text, size_t len, size_t most)
{
    size_t pos = 0;
    uint32_t cp;
    for (size_t i = 0; pos < len && i < most; i++)
        pos += imr_utf8_decode(text + pos, len - pos, &cp);
    return pos;
}

imr_status imr_tokenizer_encode(const imr_tokenizer *t, const char *text, size_t len,
                                const imr_encode_options *options, imr_tokens *out, imr_error *err)
{
    static const imr_encode_options plain = {0};
    const imr_encode_options *o = options ? options : &plain;
    const imr_tokenizer_spec *s = &t->spec;
    if (len > IMR_MAX_TEXT_BYTES)
        return imr_fail(err, IMR_E_LIMIT,
                        "a text of %zu bytes is longer than the %zu a text may have", len,
                        IMR_MAX_TEXT_BYTES);
    if (o->max_chars)
        len = cut_chars(text, len, o->max_chars);
    size_t before = o->special ? s->n_before : 0, after = o->special ? s->n_after : 0;
    size_t most = o->max_ids == 0 ? SIZE_MAX : o->max_ids > after ? o->max_ids - after : 0;
    most = most > before ? most : before;
    run r = {.t = t, .o = o, .out = out, .most = o->keep_end ? SIZE_MAX : most, .err = err};
    out->n = out->total = out->words.n = out->spelled.len = 0;
    IMR_TRY(push_affix(&r, s->before, before, 0));
    IMR_TRY(s->lower_first ? encode_lowered(&r, text, len) : encode_text(&r, text, len));
    if (out->n > most) {
        const size_t kept = most - before;
        memmove(out->v + before, out->v + out->n - kept, kept * sizeof *out->v);
        out->n = most;
    }
    return push_affix(&r, s->after, after, (uint32_t)len);
}

imr_status imr_tokenizer_alone(const imr_tokenizer *t, uint32_t id, imr_tokens *out, imr_error *err)
{
    const imr_tokenizer_spec *s = &t->spec;
    if (id >= s->vocab.n)
        return imr_fail(err, IMR_E_USAGE, "there is no token %u, the vocabulary has %zu", id,
                        s->vocab.n);
    run r = {.t = t, .out = out, .err = err};
    out->n = out->total = 0;
    IMR_TRY(push_affix(&r, s->before, s->n_before, 0));
    IMR_TRY(push_affix(&r, &id, 1, 0));
    return push_affix(&r, s->after, s->n_after, 0);
}
