/* text/tokenizer_build.c - a tokeniser from its specification, and BERT's specification. */
#include <inttypes.h>

#include "base/array.h"
#include "base/limits.h"
#include "text/tokenizer.h"

void imr_tokenizer_spec_done(imr_tokenizer_spec *s)
{
    imr_vocab_done(&s->vocab);
    for (size_t i = 0; i < s->n_steps; i++) {
        IMR_FREE(s->steps[i].from, s->steps[i].to);
    }
    imr_free(s->steps);
    for (size_t i = 0; i < s->n_added; i++)
        imr_free(s->added[i].text);
    imr_free(s->added);
    *s = (imr_tokenizer_spec){0};
}

void imr_tokenizer_free(imr_tokenizer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < IMR_LEN(t->added); i++) {
        imr_strmap_done(&t->added[i].by_text);
        imr_free(t->added[i].lengths);
    }
    imr_arena_free(t->texts);
    imr_free(t->flags);
    imr_tokenizer_spec_done(&t->spec);
    imr_free(t);
}

imr_status imr_tokenizer_add(imr_tokenizer_spec *s, const imr_added_token *token, imr_error *err)
{
    if (s->n_added >= IMR_MAX_ADDED_TOKENS)
        return imr_fail(err, IMR_E_LIMIT, "more than %u added tokens", IMR_MAX_ADDED_TOKENS);
    imr_added_token a = *token;
    a.text = imr_strdup(token->text);
    if (!a.text || !imr_array_grow(&s->added, s->n_added, &s->cap_added, 1, sizeof *s->added)) {
        imr_free(a.text);
        return imr_fail_memory(err);
    }
    s->added[s->n_added++] = a;
    return IMR_OK;
}

imr_status imr_tokenizer_bert(imr_tokenizer_spec *s, const imr_bert_options *o, imr_error *err)
{
    static char names[2][IMR_BERT_NAMES][8] = {{"[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"},
                                               {"<s>", "</s>", "[UNK]", "<pad>", "<mask>"}};
    uint32_t ids[IMR_BERT_NAMES];
    s->steps = IMR_NEW_ARRAY(imr_normalise_step, IMR_NORMALISE_BERT_STEPS);
    IMR_NEED(s->steps, err);
    s->n_steps =
        imr_normalise_bert(s->steps, true, !o->keep_ideograph, !o->keep_accents, !o->keep_case);
    s->rules[s->n_rules++] = IMR_SPLIT_BERT;
    s->model = IMR_WORDPIECE;
    memcpy(s->mark, "##", 3);
    s->max_chars = IMR_MAX_WORD_CHARS;
    for (size_t i = 0; i < IMR_BERT_NAMES; i++) {
        imr_added_token a = {.special = true, .left = o->mpnet && i == IMR_BERT_MASK};
        char *own IMR_AUTOFREE = imr_strdup(o->names[i] ? o->names[i] : names[o->mpnet][i]);
        IMR_NEED(own, err);
        a.text = own;
        a.id = ids[i] = imr_vocab_id(&s->vocab, own, strlen(own));
        if (a.id != IMR_NO_TOKEN)
            IMR_TRY(imr_tokenizer_add(s, &a, err));
        else if (i <= IMR_BERT_UNK)
            return imr_fail(err, IMR_E_FORMAT,
                            "the vocabulary lacks %s; is this the vocabulary of a BERT model?",
                            own);
    }
    s->unknown = ids[IMR_BERT_UNK];
    s->before[s->n_before++] = ids[IMR_BERT_CLS];
    s->after[s->n_after++] = ids[IMR_BERT_SEP];
    return IMR_OK;
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
        IMR_NEED(imr_strmap_add(&seen, a.text, len, 0, NULL, &added), err);
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

static imr_status put_added(imr_tokenizer *t, uint32_t index, imr_error *err)
{
    const imr_added_token *token = &t->spec.added[index];
    imr_added *a = &t->added[token->normalised];
    const char *text = token->text;
    size_t len = strlen(text), at = 0;
    if (token->normalised) {
        imr_chars chars IMR_AUTOFREE = {0};
        imr_buf spelled IMR_AUTOBUF = {0};
        IMR_TRY(imr_normalise(t->spec.steps, t->spec.n_steps, text, len, 0, &chars, err));
        imr_chars_spell(&spelled, chars.v, chars.n);
        IMR_TRY(imr_buf_check(&spelled, err));
        len = spelled.len;
        if (len == 0)
            return IMR_OK; /* nothing is left of it: it cannot be found */
        text = imr_arena_strndup(t->texts, spelled.data, len);
        IMR_NEED(text, err);
    }
    IMR_NEED(imr_strmap_add(&a->by_text, text, len, index, NULL, NULL), err);
    a->first[(unsigned char)text[0]] = true;
    while (at < a->n && a->lengths[at] > len)
        at++;
    if (at < a->n && a->lengths[at] == len)
        return IMR_OK;
    IMR_NEED(imr_array_grow(&a->lengths, a->n, &a->cap, 1, sizeof *a->lengths), err);
    memmove(a->lengths + at + 1, a->lengths + at, (a->n++ - at) * sizeof *a->lengths);
    a->lengths[at] = (uint32_t)len;
    return IMR_OK;
}

static void set_flags(imr_tokenizer *t)
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

static imr_status build(imr_tokenizer *t, imr_error *err)
{
    imr_tokenizer_spec *s = &t->spec;
    if (!s->n_words)
        s->n_words = s->vocab.n;
    IMR_TRY(number_added(s, err));
    if (s->unknown >= s->vocab.n && (s->unknown != IMR_NO_TOKEN || s->model == IMR_WORDPIECE))
        return imr_fail(err, IMR_E_FORMAT,
                        "the vocabulary lacks the unknown token, which WordPiece needs");
    for (size_t i = 0; i < s->n_before + s->n_after; i++) {
        uint32_t id = i < s->n_before ? s->before[i] : s->after[i - s->n_before];
        if (id >= s->vocab.n)
            return imr_fail(err, IMR_E_FORMAT,
                            "the special id %" PRIu32 " put around a text is not in the vocabulary",
                            id);
    }
    t->texts = imr_arena_new();
    t->flags = IMR_NEW_ARRAY(uint8_t, s->vocab.n);
    IMR_NEED(t->texts && t->flags, err);
    set_flags(t);
    for (uint32_t i = 0; i < s->n_added; i++) {
        const imr_added_token *a = &s->added[i];
        if (a->id >= s->vocab.n || a->text[0] == '\0')
            return imr_fail(err, IMR_E_FORMAT,
                            "the added token \"%s\" has id %" PRIu32 ", the vocabulary ends at %zu",
                            a->text, a->id, s->vocab.n - 1);
        if (a->special)
            t->flags[a->id] |= IMR_TOKEN_SPECIAL;
        IMR_TRY(put_added(t, i, err));
    }
    return IMR_OK;
}

imr_status imr_tokenizer_new(imr_tokenizer **out, imr_tokenizer_spec *spec, imr_error *err)
{
    imr_tokenizer *t = IMR_NEW(imr_tokenizer);
    IMR_NEED(t, err);
    t->spec = *spec;
    const imr_status status = build(t, err);
    *spec = (imr_tokenizer_spec){0};
    if (status == IMR_OK) {
        *out = t;
        return IMR_OK;
    }
    *spec = t->spec; /* added tokens may have been numbered */
    t->spec = (imr_tokenizer_spec){0};
    imr_tokenizer_free(t);
    return status;
}
