/* text/tokenizer_spec.c - what a tokeniser is built from, and BERT's specification. */
#include <string.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/tokenizer.h"

void imr_added_token_done(imr_added_token *a)
{
    imr_free(a->text);
    *a = (imr_added_token){0};
}

void imr_tokenizer_spec_done(imr_tokenizer_spec *s)
{
    imr_vocab_done(&s->vocab);
    for (size_t i = 0; i < s->n_steps; i++) {
        imr_free(s->steps[i].from);
        imr_free(s->steps[i].to);
    }
    imr_free(s->steps);
    for (size_t i = 0; i < s->n_added; i++)
        imr_free(s->added[i].text);
    imr_free(s->added);
    *s = (imr_tokenizer_spec){0};
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
    if (!s->steps)
        return imr_fail_memory(err);
    s->n_steps =
        imr_normalise_bert(s->steps, true, !o->keep_ideograph, !o->keep_accents, !o->keep_case);
    s->rules[s->n_rules++] = IMR_SPLIT_BERT;
    s->model = IMR_WORDPIECE;
    memcpy(s->mark, "##", 3);
    s->max_chars = IMR_MAX_WORD_CHARS;
    for (size_t i = 0; i < IMR_BERT_NAMES; i++) {
        imr_added_token a = {.special = true, .left = o->mpnet && i == IMR_BERT_MASK};
        char *own IMR_AUTOFREE = o->names[i] ? imr_strdup(o->names[i]) : NULL;
        if (o->names[i] && !own)
            return imr_fail_memory(err);
        a.text = own ? own : names[o->mpnet][i];
        a.id = ids[i] = imr_vocab_id(&s->vocab, a.text, strlen(a.text));
        if (a.id != IMR_NO_TOKEN)
            IMR_TRY(imr_tokenizer_add(s, &a, err));
        else if (i <= IMR_BERT_UNK)
            return imr_fail(err, IMR_E_FORMAT,
                            "the vocabulary lacks %s; is this the vocabulary of a BERT model?",
                            a.text);
    }
    s->unknown = ids[IMR_BERT_UNK];
    s->before[s->n_before++] = ids[IMR_BERT_CLS];
    s->after[s->n_after++] = ids[IMR_BERT_SEP];
    return IMR_OK;
}

imr_status imr_tokenizer_from_vocab_txt(imr_tokenizer **out, const char *text, size_t len,
                                        const imr_bert_options *options, imr_error *err)
{
    imr_tokenizer_spec s IMR_CLEANUP(imr_tokenizer_spec_done) = {0};
    imr_bert_options o = options ? *options : (imr_bert_options){0};
    IMR_TRY(imr_vocab_parse(&s.vocab, text, len, err));
    o.mpnet |= imr_vocab_id(&s.vocab, "<s>", 3) == 0;
    IMR_TRY(imr_tokenizer_bert(&s, &o, err));
    return imr_tokenizer_new(out, &s, err);
}
