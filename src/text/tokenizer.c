#include "text/tokenizer.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/added.h"
#include "text/utf8.h"
#include "text/wordlevel.h"

struct imr_tokenizer {
    imr_tokenizer_spec spec;
    imr_added raw, normalised; /* added tokens, by when they are looked for */
    char **normalised_text;    /* owned texts behind `normalised` */
    size_t n_normalised_text;
    uint8_t *flags; /* by id */
};

void imr_tokens_done(imr_tokens *t)
{
    imr_free(t->v);
    imr_chars_done(&t->chars);
    imr_pieces_done(&t->pieces);
    imr_buf_done(&t->spelled);
    imr_free(t->words.v);
    *t = (imr_tokens){0};
}

void imr_tokenizer_free(imr_tokenizer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_normalised_text; i++)
        imr_free(t->normalised_text[i]);
    imr_free(t->normalised_text);
    imr_added_done(&t->raw);
    imr_added_done(&t->normalised);
    imr_free(t->flags);
    imr_tokenizer_spec_done(&t->spec);
    imr_free(t);
}

/* ---- building ---- */

static void add_utf8(imr_buf *b, const imr_char *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char bytes[4];
        imr_buf_add(b, bytes, imr_utf8_encode(v[i].cp, bytes));
    }
}

static imr_status put_normalised(imr_tokenizer *t, uint32_t i, imr_error *err)
{
    const imr_added_token *a = &t->spec.added[i];
    imr_chars chars IMR_CLEANUP(imr_chars_done) = {0};
    IMR_TRY(
        imr_normalise(t->spec.steps, t->spec.n_steps, a->text, strlen(a->text), 0, &chars, err));
    imr_buf text IMR_AUTOBUF = {0};
    add_utf8(&text, chars.v, chars.n);
    IMR_TRY(imr_buf_check(&text, err));
    if (text.len == 0)
        return IMR_OK; /* nothing is left of it: it cannot be found */
    size_t len = text.len;
    char *kept = imr_buf_take(&text);
    t->normalised_text[t->n_normalised_text++] = kept;
    return imr_added_put(&t->normalised, kept, len, i, err);
}

/* Gives each added token its id and drops those whose text was added before. */
static imr_status number_added(imr_tokenizer_spec *s, imr_error *err)
{
    imr_strmap seen IMR_CLEANUP(imr_strmap_done) = {0};
    const uint32_t first_new = (uint32_t)s->vocab.n;
    uint32_t next = first_new;
    size_t n = 0;
    for (size_t i = 0; i < s->n_added; i++) {
        imr_added_token a = s->added[i];
        const size_t len = strlen(a.text);
        bool added;
        if (!imr_strmap_add(&seen, a.text, len, 0, NULL, &added))
            return imr_fail_memory(err);
        if (a.id == IMR_NO_TOKEN)
            a.id = imr_vocab_id(&s->vocab, a.text, len);
        if (added && a.id == IMR_NO_TOKEN)
            a.id = next++;
        /* Swapped, not overwritten: everything stays somebody's when this fails half-way. */
        s->added[i] = s->added[n];
        s->added[n] = a;
        n += added;
    }
    for (size_t i = n; i < s->n_added; i++)
        imr_free(s->added[i].text);
    s->n_added = n;
    for (size_t i = 0; next > first_new && i < n; i++)
        if (s->added[i].id >= first_new)
            IMR_TRY(imr_vocab_add(&s->vocab, s->added[i].text, strlen(s->added[i].text),
                                  s->added[i].id, err));
    return next > first_new ? imr_vocab_finish(&s->vocab, err) : IMR_OK;
}

static imr_status build_added(imr_tokenizer *t, imr_error *err)
{
    const imr_tokenizer_spec *s = &t->spec;
    t->normalised_text = IMR_NEW_ARRAY(char *, s->n_added);
    if (!t->normalised_text)
        return imr_fail_memory(err);
    for (uint32_t i = 0; i < s->n_added; i++) {
        const imr_added_token *a = &s->added[i];
        if (a->id >= s->vocab.n || a->text[0] == '\0')
            return imr_fail(err, IMR_E_FORMAT,
                            "the added token \"%s\" has id %" PRIu32 ", the vocabulary ends at %zu",
                            a->text, a->id, s->vocab.n - 1);
        if (a->special)
            t->flags[a->id] |= IMR_TOKEN_SPECIAL;
        if (a->normalised)
            IMR_TRY(put_normalised(t, i, err));
        else
            IMR_TRY(imr_added_put(&t->raw, a->text, strlen(a->text), i, err));
    }
    return IMR_OK;
}

static void build_flags(imr_tokenizer *t)
{
    const imr_tokenizer_spec *s = &t->spec;
    size_t mark = s->model == IMR_WORDPIECE ? strlen(s->mark) : 0;
    for (uint32_t id = 0; id < s->vocab.n; id++) {
        size_t len;
        const char *text = imr_vocab_text(&s->vocab, id, &len);
        if (len > 8 && strncmp(text, "[unused", 7) == 0 && text[len - 1] == ']')
            t->flags[id] |= IMR_TOKEN_UNUSED;
        if (mark && len > mark && strncmp(text, s->mark, mark) == 0)
            t->flags[id] |= IMR_TOKEN_CONTINUATION;
    }
    if (s->unknown != IMR_NO_TOKEN)
        t->flags[s->unknown] |= IMR_TOKEN_UNKNOWN | IMR_TOKEN_SPECIAL;
    for (size_t i = 0; i < s->n_before; i++)
        t->flags[s->before[i]] |= IMR_TOKEN_SPECIAL;
    for (size_t i = 0; i < s->n_after; i++)
        t->flags[s->after[i]] |= IMR_TOKEN_SPECIAL;
}

static imr_status check_ids(const imr_tokenizer_spec *s, imr_error *err)
{
    bool ok = s->unknown < s->vocab.n || (s->unknown == IMR_NO_TOKEN && s->model == IMR_WORDLEVEL);
    if (!ok)
        return imr_fail(err, IMR_E_FORMAT,
                        "the vocabulary lacks the unknown token, which WordPiece needs");
    for (size_t i = 0; i < s->n_before + s->n_after; i++) {
        uint32_t id = i < s->n_before ? s->before[i] : s->after[i - s->n_before];
        if (id >= s->vocab.n)
            return imr_fail(err, IMR_E_FORMAT,
                            "the special id %" PRIu32 " put around a text is not in the vocabulary",
                            id);
    }
    return IMR_OK;
}

static imr_status build(imr_tokenizer *t, imr_error *err)
{
    if (!t->spec.n_words)
        t->spec.n_words = t->spec.vocab.n;
    IMR_TRY(number_added(&t->spec, err));
    IMR_TRY(check_ids(&t->spec, err));
    t->flags = IMR_NEW_ARRAY(uint8_t, t->spec.vocab.n);
    if (!t->flags)
        return imr_fail_memory(err);
    build_flags(t);
    return build_added(t, err);
}

imr_status imr_tokenizer_new(imr_tokenizer **out, imr_tokenizer_spec *spec, imr_error *err)
{
    imr_tokenizer *t = IMR_NEW(imr_tokenizer);
    if (!t)
        return imr_fail_memory(err);
    t->spec = *spec;
    imr_status status = build(t, err);
    if (status != IMR_OK) {
        *spec = t->spec; /* added tokens may have been numbered */
        t->spec = (imr_tokenizer_spec){0};
        imr_tokenizer_free(t);
        return status;
    }
    *spec = (imr_tokenizer_spec){0};
    *out = t;
    return IMR_OK;
}

/* ---- encoding ---- */

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
    if (!IMR_PUSH(&out->words, (uint32_t)out->spelled.len))
        return imr_fail_memory(r->err);
    if (text)
        imr_buf_str(&out->spelled, text);
    else
        add_utf8(&out->spelled, v, n);
    imr_buf_char(&out->spelled, '\0');
    return imr_buf_check(&out->spelled, r->err);
}

static imr_status encode_words(run *r, size_t first, size_t last)
{
    const imr_tokenizer_spec *s = &r->t->spec;
    imr_tokens *out = r->out;
    IMR_TRY(imr_pretokenise(s->rules, s->n_rules, &out->chars, first, last, &out->pieces, r->err));
    imr_wordpiece piece = {&s->vocab, s->n_words, s->mark, s->unknown, s->max_chars};
    imr_wordlevel level = {&s->vocab, s->n_words, s->unknown};
    for (size_t i = 0; i < out->pieces.n; i++) {
        imr_piece p = out->pieces.v[i];
        const imr_char *word = out->chars.v + p.first;
        size_t from = out->n, n = p.last - p.first;
        IMR_TRY(s->model == IMR_WORDPIECE ? imr_wordpiece_word(&piece, word, n, out, r->err)
                                          : imr_wordlevel_word(&level, word, n, out, r->err));
        settle(r, from, r->words++);
        IMR_TRY(spell(r, from, word, n, NULL));
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

/* The next added token at or after `from`, with the white space it takes. */
static const imr_added_token *next_added(const run *r, const imr_added *among, const char *text,
                                         size_t len, size_t from, size_t *start, size_t *end)
{
    size_t at = from;
    uint32_t index;
    while (imr_added_find(among, text, len, at, start, end, &index)) {
        const imr_added_token *a = &r->t->spec.added[index];
        at = *end;
        if (a->single_word && word_beside(text, len, *start, *end))
            continue;
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
    if (!IMR_PUSH(r->out, (imr_token){a->id, start, end, IMR_NO_WORD}))
        return imr_fail_memory(r->err);
    settle(r, from, a->special ? IMR_NO_WORD : r->words++);
    return a->special ? IMR_OK : spell(r, from, NULL, 0, a->text);
}

/* out->chars holds a normalised stretch of the text: cut out added tokens, encode the rest. */
static imr_status encode_normalised(run *r)
{
    const imr_chars *c = &r->out->chars;
    if (!r->t->normalised.n)
        return encode_words(r, 0, c->n);
    imr_buf text IMR_AUTOBUF = {0};
    add_utf8(&text, c->v, c->n);
    IMR_TRY(imr_buf_check(&text, r->err));
    size_t pos = 0, at = 0; /* the same place in bytes and in code points */
    while (pos < text.len) {
        size_t start = 0, end = 0, first = at;
        const imr_added_token *a =
            next_added(r, &r->t->normalised, text.data, text.len, pos, &start, &end);
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
        const imr_added_token *a = next_added(r, &r->t->raw, text, len, pos, &start, &end);
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
        if (!IMR_PUSH(r->out, (imr_token){ids[i], at, at, IMR_NO_WORD}))
            return imr_fail_memory(r->err);
    r->out->total += n;
    return IMR_OK;
}

/* Lower-cased text, and of each of its bytes the source character's span. */
typedef struct lowered {
    imr_buf text;
    IMR_ARRAY(uint32_t) starts;
    IMR_ARRAY(uint32_t) ends;
} lowered;

static void lowered_done(lowered *l)
{
    imr_buf_done(&l->text);
    imr_free(l->starts.v);
    imr_free(l->ends.v);
}

static imr_status encode_lowered(run *r, const char *text, size_t len)
{
    static const imr_normalise_step lower = {.op = IMR_NORM_LOWER};
    lowered l IMR_CLEANUP(lowered_done) = {0};
    imr_chars *c = &r->out->chars;
    IMR_TRY(imr_normalise(&lower, 1, text, len, 0, c, r->err));
    for (size_t i = 0; i < c->n; i++) {
        add_utf8(&l.text, &c->v[i], 1);
        while (!l.text.failed && l.starts.n < l.text.len)
            if (!IMR_PUSH(&l.starts, c->v[i].start) || !IMR_PUSH(&l.ends, c->v[i].end))
                return imr_fail_memory(r->err);
    }
    IMR_TRY(imr_buf_check(&l.text, r->err));
    const size_t first = r->out->n;
    IMR_TRY(encode_text(r, imr_buf_text(&l.text), l.text.len));
    for (size_t i = first; i < r->out->n; i++) {
        imr_token *t = &r->out->v[i];
        const bool empty = t->start == t->end;
        t->start = t->start < l.starts.n ? l.starts.v[t->start] : (uint32_t)len;
        t->end = empty ? t->start : l.ends.v[t->end - 1];
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

/* Of what stands behind `before` the last ones, so that `most` are left. */
static void drop_front(imr_tokens *out, size_t before, size_t most)
{
    if (out->n <= most)
        return;
    memmove(out->v + before, out->v + out->n - (most - before), (most - before) * sizeof *out->v);
    out->n = most;
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
    drop_front(out, before, most);
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

const imr_vocab *imr_tokenizer_vocab(const imr_tokenizer *t)
{
    return &t->spec.vocab;
}

uint32_t imr_tokenizer_unknown(const imr_tokenizer *t)
{
    return t->spec.unknown;
}

const char *imr_tokenizer_model(const imr_tokenizer *t)
{
    return t->spec.model == IMR_WORDPIECE ? "WordPiece" : "WordLevel";
}

unsigned imr_tokenizer_flags(const imr_tokenizer *t, uint32_t id)
{
    return id < t->spec.vocab.n ? t->flags[id] : 0;
}
