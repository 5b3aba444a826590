#include "encoder/tokenizer_folder.h"

#include <inttypes.h>

#include "base/array.h"
#include "base/limits.h"

static imr_status refuse(imr_error *err, const char *part, const char *found, const char *known)
{
    return imr_fail(err, IMR_E_UNSUPPORTED, "%s \"%s\" is not supported; supported: %s", part,
                    found, known);
}

static const char *type_of(const imr_json *node)
{
    return imr_json_string_or(node, "type", imr_json_is_object(node) ? "(no type)" : "(no object)");
}

/* ---- normalizer ---- */

static imr_status add_step(imr_tokenizer_spec *s, imr_normalise_op op, imr_error *err)
{
    if (s->n_steps >= IMR_MAX_NORMALISE_STEP)
        return imr_fail(err, IMR_E_LIMIT, "the normalizer has more than %u steps",
                        IMR_MAX_NORMALISE_STEP);
    IMR_NEED(imr_array_grow(&s->steps, s->n_steps, &s->cap_steps, 1, sizeof *s->steps), err);
    s->steps[s->n_steps++] = (imr_normalise_step){.op = op};
    return IMR_OK;
}

static imr_status read_bert_normalizer(imr_tokenizer_spec *s, const imr_json *node, imr_error *err)
{
    bool lower = imr_json_bool_or(node, "lowercase", true);
    imr_normalise_step steps[IMR_NORMALISE_BERT_STEPS];
    size_t n = imr_normalise_bert(steps, imr_json_bool_or(node, "clean_text", true),
                                  imr_json_bool_or(node, "handle_chinese_chars", true),
                                  imr_json_bool_or(node, "strip_accents", lower), lower);
    for (size_t i = 0; i < n; i++)
        IMR_TRY(add_step(s, steps[i].op, err));
    return IMR_OK;
}

static imr_status read_replace(imr_tokenizer_spec *s, const imr_json *node, imr_error *err)
{
    const char *from = imr_json_string_or(node, "pattern/String", "");
    const char *to;
    IMR_TRY(imr_json_need_string(&to, node, "content", err));
    if (!*from)
        return refuse(err, "the normalizer Replace with a pattern that is no string", "Regex",
                      "pattern {\"String\": ...}");
    IMR_TRY(add_step(s, IMR_NORM_REPLACE, err));
    imr_normalise_step *step = &s->steps[s->n_steps - 1];
    step->from = imr_strdup(from);
    step->to = imr_strdup(to);
    return step->from && step->to ? IMR_OK : imr_fail_memory(err);
}

static imr_status read_normalizer(imr_tokenizer_spec *s, const imr_json *node, imr_error *err)
{
    static const struct {
        const char *type;
        imr_normalise_op op;
        const char *unless; /* this key is false */
    } plain[] = {{"Lowercase", IMR_NORM_LOWER, ""},
                 {"NFD", IMR_NORM_NFD, ""},
                 {"NFKD", IMR_NORM_NFKD, ""},
                 {"StripAccents", IMR_NORM_STRIP_MARKS, ""},
                 {"Strip", IMR_NORM_STRIP_LEFT, "strip_left"},
                 {"Strip", IMR_NORM_STRIP_RIGHT, "strip_right"}};
    if (!node || imr_json_is_null(node))
        return IMR_OK;
    const char *type = type_of(node);
    bool known = strcmp(type, "Sequence") == 0;
    const imr_json *item = known ? imr_json_child(imr_json_at(node, "normalizers")) : NULL;
    for (; item; item = imr_json_next(item))
        IMR_TRY(read_normalizer(s, item, err));
    for (size_t i = 0; i < IMR_LEN(plain); i++) {
        if (strcmp(type, plain[i].type) != 0)
            continue;
        known = true;
        if (imr_json_bool_or(node, plain[i].unless, true))
            IMR_TRY(add_step(s, plain[i].op, err));
    }
    if (known)
        return IMR_OK;
    if (strcmp(type, "BertNormalizer") == 0)
        return read_bert_normalizer(s, node, err);
    if (strcmp(type, "Replace") == 0)
        return read_replace(s, node, err);
    return refuse(err, "the normalizer", type,
                  "BertNormalizer, Lowercase, NFD, NFKD, StripAccents, Strip, Replace, Sequence");
}

/* ---- pre_tokenizer ---- */

static imr_status read_pre_tokenizer(imr_tokenizer_spec *s, const imr_json *node, imr_error *err)
{
    static const char *const types[] = {[IMR_SPLIT_BERT] = "BertPreTokenizer",
                                        [IMR_SPLIT_WORDS] = "Whitespace",
                                        [IMR_SPLIT_SPACE] = "WhitespaceSplit",
                                        [IMR_SPLIT_PUNCTUATION] = "Punctuation"};
    if (!node || imr_json_is_null(node))
        return IMR_OK;
    const char *type = type_of(node);
    if (strcmp(type, "Sequence") == 0) {
        const imr_json *item = imr_json_child(imr_json_at(node, "pretokenizers"));
        for (; item; item = imr_json_next(item))
            IMR_TRY(read_pre_tokenizer(s, item, err));
        return IMR_OK;
    }
    size_t rule = 0;
    while (rule < IMR_LEN(types) && strcmp(type, types[rule]) != 0)
        rule++;
    if (rule == IMR_LEN(types))
        return refuse(err, "the pre_tokenizer", type,
                      "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, Sequence");
    const char *behaviour = imr_json_string_or(node, "behavior", "Isolated");
    if (strcmp(behaviour, "Isolated") != 0)
        return refuse(err, "the pre_tokenizer Punctuation with behavior", behaviour, "Isolated");
    if (s->n_rules >= IMR_MAX_SPLIT_RULES)
        return imr_fail(err, IMR_E_LIMIT, "the pre_tokenizer has more than %u parts",
                        IMR_MAX_SPLIT_RULES);
    s->rules[s->n_rules++] = (imr_split_rule)rule;
    return IMR_OK;
}

/* ---- model and vocabulary ---- */

/* Files of tokenizers before 0.9 (bert-base-uncased's among them) do not name the model: the first
 * kind whose settings are all there, as the library takes it. */
static const char *model_type(const imr_json *model)
{
    static const char *const wordpiece[] = {"unk_token", "continuing_subword_prefix",
                                            "max_input_chars_per_word"};
    if (imr_json_at(model, "type") || !imr_json_is_object(imr_json_at(model, "vocab")))
        return type_of(model);
    size_t n = 0;
    for (size_t i = 0; i < IMR_LEN(wordpiece); i++)
        n += imr_json_at(model, wordpiece[i]) != NULL;
    return imr_json_at(model, "merges")       ? "BPE"
           : n == IMR_LEN(wordpiece)          ? "WordPiece"
           : imr_json_at(model, wordpiece[0]) ? "WordLevel"
                                              : type_of(model);
}

static imr_status read_vocab(imr_tokenizer_spec *s, const imr_json *model, imr_error *err)
{
    const imr_json *vocab = imr_json_at(model, "vocab");
    const char *type = model_type(model);
    if (strcmp(type, "WordPiece") != 0 && strcmp(type, "WordLevel") != 0)
        return refuse(err, "the tokeniser model", type, "WordPiece, WordLevel");
    if (!imr_json_is_object(vocab))
        return imr_fail(err, IMR_E_FORMAT, "model/vocab is missing or no object of token: id");
    for (const imr_json *item = imr_json_child(vocab); item; item = imr_json_next(item)) {
        const char *text = imr_json_key(item);
        int64_t id;
        imr_status status = imr_json_need_int(&id, item, "", 0, IMR_MAX_VOCAB - 1, err);
        status = imr_error_prefix(err, status, text);
        IMR_TRY(imr_error_prefix(err, status, "model/vocab"));
        IMR_TRY(imr_vocab_add(&s->vocab, text, strlen(text), (uint32_t)id, err));
        if ((size_t)id >= s->n_words)
            s->n_words = (size_t)id + 1;
    }
    return IMR_OK;
}

imr_status imr_tokenizer_read_token(imr_added_token *out, const imr_json *item, imr_error *err)
{
    const char *text;
    IMR_TRY(imr_json_need_string(&text, item, "content", err));
    const bool special = imr_json_bool_or(item, "special", false);
    *out = (imr_added_token){.id = IMR_NO_TOKEN,
                             .special = special,
                             .normalised = imr_json_bool_or(item, "normalized", !special),
                             .left = imr_json_bool_or(item, "lstrip", false),
                             .right = imr_json_bool_or(item, "rstrip", false),
                             .single_word = imr_json_bool_or(item, "single_word", false)};
    out->text = imr_strdup(text);
    return out->text ? IMR_OK : imr_fail_memory(err);
}

static imr_status read_added(imr_tokenizer_spec *s, const imr_json *list, imr_error *err)
{
    for (const imr_json *item = imr_json_child(list); item; item = imr_json_next(item)) {
        int64_t id;
        imr_added_token a IMR_AUTOFREE = {0};
        IMR_TRY(imr_tokenizer_read_token(&a, item, err));
        IMR_TRY(imr_json_need_int(&id, item, "id", 0, IMR_MAX_VOCAB - 1, err));
        a.id = (uint32_t)id;
        IMR_TRY(imr_vocab_add(&s->vocab, a.text, strlen(a.text), a.id, err));
        IMR_TRY(imr_tokenizer_add(s, &a, err));
    }
    return IMR_OK;
}

/* After the vocabulary is finished. */
static imr_status read_model(imr_tokenizer_spec *s, const imr_json *model, imr_error *err)
{
    const char *type = model_type(model);
    const char *unknown = imr_json_string_or(model, "unk_token", "[UNK]");
    s->unknown = imr_vocab_id(&s->vocab, unknown, strlen(unknown));
    if (strcmp(type, "WordLevel") == 0) {
        s->model = IMR_WORDLEVEL;
        return IMR_OK;
    }
    s->model = IMR_WORDPIECE;
    if (s->unknown == IMR_NO_TOKEN)
        return imr_fail(err, IMR_E_FORMAT, "the unknown token \"%s\" is not in model/vocab",
                        unknown);
    const char *mark = imr_json_string_or(model, "continuing_subword_prefix", "##");
    if (strlen(mark) > IMR_WORDPIECE_MARK_BYTES)
        return imr_fail(err, IMR_E_LIMIT,
                        "model/continuing_subword_prefix has %zu bytes, at most %u are supported",
                        strlen(mark), IMR_WORDPIECE_MARK_BYTES);
    memcpy(s->mark, mark, strlen(mark) + 1);
    int64_t chars = imr_json_int_or(model, "max_input_chars_per_word", IMR_MAX_WORD_CHARS);
    if (chars < 1 || chars > IMR_MAX_WORD_CHARS)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "model/max_input_chars_per_word is %" PRId64 ", supported are 1 to %u",
                        chars, IMR_MAX_WORD_CHARS);
    s->max_chars = (uint32_t)chars;
    return IMR_OK;
}

/* ---- post_processor ---- */

static imr_status add_affix(imr_tokenizer_spec *s, bool after, int64_t id, imr_error *err)
{
    size_t *n = after ? &s->n_after : &s->n_before;
    if (*n >= IMR_MAX_AFFIX)
        return imr_fail(err, IMR_E_LIMIT, "the post_processor adds more than %u ids on one side",
                        IMR_MAX_AFFIX);
    if (id < 0 || id >= (int64_t)IMR_MAX_VOCAB)
        return imr_fail(err, IMR_E_FORMAT,
                        "the post_processor names a special token without an id");
    (after ? s->after : s->before)[(*n)++] = (uint32_t)id;
    return IMR_OK;
}

static imr_status read_template(imr_tokenizer_spec *s, const imr_json *node, imr_error *err)
{
    bool passed = false;
    const imr_json *piece = imr_json_child(imr_json_at(node, "single"));
    for (; piece; piece = imr_json_next(piece)) {
        const char *name = imr_json_string_or(piece, "SpecialToken/id", NULL);
        if (!name) {
            if (passed || !imr_json_at(piece, "Sequence"))
                return imr_fail(err, IMR_E_UNSUPPORTED,
                                "the post_processor's single template has something other than one "
                                "text and special tokens");
            passed = true;
            continue;
        }
        /* Names may hold '/', so the special_tokens are searched by key. */
        const imr_json *t = imr_json_child(imr_json_at(node, "special_tokens"));
        while (t && strcmp(imr_json_key(t), name) != 0)
            t = imr_json_next(t);
        const imr_json *id = imr_json_child(imr_json_at(t, "ids"));
        if (!id)
            return imr_fail(err, IMR_E_FORMAT, "the post_processor's special_tokens lack \"%s\"",
                            name);
        for (; id; id = imr_json_next(id))
            IMR_TRY(add_affix(s, passed, imr_json_int_or(id, "", -1), err));
    }
    return IMR_OK;
}

static imr_status read_post_processor(imr_tokenizer_spec *s, const imr_json *node, imr_error *err)
{
    if (!node || imr_json_is_null(node))
        return IMR_OK;
    const char *type = type_of(node);
    if (strcmp(type, "TemplateProcessing") == 0)
        return read_template(s, node, err);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0) {
        IMR_TRY(add_affix(s, false, imr_json_int_or(node, "cls/1", -1), err));
        return add_affix(s, true, imr_json_int_or(node, "sep/1", -1), err);
    }
    return refuse(err, "the post_processor", type,
                  "TemplateProcessing, BertProcessing, RobertaProcessing");
}

imr_status imr_tokenizer_read_vocab(imr_tokenizer_spec *s, const imr_json *root, imr_error *err)
{
    IMR_TRY(read_vocab(s, imr_json_at(root, "model"), err));
    return imr_vocab_finish(&s->vocab, err);
}

imr_status imr_tokenizer_read(imr_tokenizer_spec *s, const imr_json *root, imr_error *err)
{
    const imr_json *model = imr_json_at(root, "model");
    IMR_TRY(read_vocab(s, model, err));
    IMR_TRY(read_normalizer(s, imr_json_at(root, "normalizer"), err));
    IMR_TRY(read_pre_tokenizer(s, imr_json_at(root, "pre_tokenizer"), err));
    IMR_TRY(read_post_processor(s, imr_json_at(root, "post_processor"), err));
    IMR_TRY(read_added(s, imr_json_at(root, "added_tokens"), err));
    IMR_TRY(imr_vocab_finish(&s->vocab, err));
    return read_model(s, model, err);
}
