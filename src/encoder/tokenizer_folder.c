#include "encoder/tokenizer_folder.h"

#include <assert.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/number.h"
#include "encoder/folder.h"

typedef struct numbered {
    uint64_t id;
    size_t order;
    imr_added_token token;
} numbered;

enum { FILE_JSON, CONFIG, MAP, MORE, MODEL, FILES };

static const char *const file_names[FILES] = {"tokenizer.json", "tokenizer_config.json",
                                              "special_tokens_map.json", "added_tokens.json",
                                              "config.json"};

typedef struct reading {
    const char *folder, *path; /* of tokenizer.json or vocab.txt */
    const imr_tokenizer_wish *wish;
    imr_tokenizer_facts facts;
    imr_tokenizer_spec spec;
    imr_json *json[FILES]; /* NULL where there is no such file */
    IMR_ARRAY(numbered) tokens;
} reading;

static void reading_done(reading *r)
{
    for (size_t i = 0; i < FILES; i++)
        imr_json_free(r->json[i]);
    for (size_t i = 0; i < r->tokens.n; i++)
        imr_free(r->tokens.v[i].token.text);
    imr_free(r->tokens.v);
    imr_tokenizer_spec_done(&r->spec);
}

/* An object, or NULL where there is no such file. */
static imr_status open_json(reading *r, int file, imr_error *err)
{
    const imr_path path = imr_path_in(r->folder, file_names[file]);
    if (!imr_file_exists(path.s))
        return IMR_OK;
    IMR_TRY(imr_json_open(&r->json[file], path.s, err));
    return imr_json_is_object(r->json[file])
               ? IMR_OK
               : imr_fail(err, IMR_E_FORMAT, "%s: expected an object {...}", path.s);
}

/* Puts the file's path before an error. */
static imr_status fault_in(const reading *r, int file, imr_status status, imr_error *err)
{
    return imr_error_prefix(err, status, imr_path_in(r->folder, file_names[file]).s);
}

/* ---- tokens beside the vocabulary ---- */

/* "text" or {"content": "text", ...}; NULL for neither. */
static const char *text_of(const imr_json *value)
{
    return imr_json_string_or(value, "", imr_json_string_or(value, "content", NULL));
}

static imr_status read_special(imr_added_token *out, const imr_json *value, imr_error *err)
{
    if (imr_json_is_object(value)) {
        IMR_TRY(imr_tokenizer_read_token(out, value, err));
        out->normalised = imr_json_bool_or(value, "normalized", false);
    } else {
        const char *text;
        IMR_TRY(imr_json_need_string(&text, value, "", err));
        *out = (imr_added_token){.id = IMR_NO_TOKEN, .text = imr_strdup(text)};
    }
    out->special = true;
    return out->text ? IMR_OK : imr_fail_memory(err);
}

/* An item of a list of added tokens. */
static imr_status keep_token(reading *r, uint64_t id, const imr_json *item, imr_error *err)
{
    IMR_NEED(IMR_PUSH(&r->tokens, (numbered){id, r->tokens.n, {0}}), err);
    return imr_tokenizer_read_token(&r->tokens.v[r->tokens.n - 1].token, item, err);
}

static int by_id(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x->order > y->order) ? 1 : -1;
}

static imr_status read_decoder(reading *r, const imr_json *decoder, imr_error *err)
{
    for (const imr_json *item = imr_json_child(decoder); item; item = imr_json_next(item)) {
        int64_t id;
        const char *key = imr_json_key(item);
        if (!imr_parse_int(key, strlen(key), &id) || id < 0)
            return imr_fail(err, IMR_E_FORMAT, "added_tokens_decoder: \"%.40s\" is no id", key);
        IMR_TRY(keep_token(r, (uint64_t)id, item, err));
    }
    return IMR_OK;
}

/* Is text one of the special tokens the configuration names? */
static bool is_named(const reading *r, const char *text)
{
    for (size_t i = CONFIG; i <= MAP; i++)
        for (const imr_json *v = imr_json_child(r->json[i]); v; v = imr_json_next(v)) {
            const char *named = text_of(v);
            if (named && strcmp(named, text) == 0)
                return true;
            for (const imr_json *e = imr_json_child(v); imr_json_is_array(v) && e;
                 e = imr_json_next(e))
                if ((named = text_of(e)) && strcmp(named, text) == 0)
                    return true;
        }
    return false;
}

static imr_status read_older(reading *r, imr_error *err)
{
    IMR_TRY(open_json(r, MAP, err));
    IMR_TRY(open_json(r, MORE, err));
    for (const imr_json *item = imr_json_child(r->json[MORE]); item; item = imr_json_next(item)) {
        int64_t id;
        IMR_TRY(
            fault_in(r, MORE, imr_json_need_int(&id, item, "", 0, IMR_MAX_VOCAB - 1, err), err));
        const bool special = is_named(r, imr_json_key(item));
        const numbered token = {(uint64_t)id,
                                r->tokens.n,
                                {.id = IMR_NO_TOKEN, .special = special, .normalised = !special}};
        IMR_NEED(IMR_PUSH(&r->tokens, token), err);
        char **text = &r->tokens.v[r->tokens.n - 1].token.text;
        IMR_NEED(*text = imr_strdup(imr_json_key(item)), err);
    }
    const imr_json *item = imr_json_child(imr_json_at(r->json[FILE_JSON], "added_tokens"));
    for (; item; item = imr_json_next(item)) {
        const uint64_t id = (uint64_t)imr_json_int_or(item, "id", 0);
        IMR_TRY(fault_in(r, FILE_JSON, keep_token(r, id, item, err), err));
    }
    return IMR_OK;
}

/* In the order of their ids; of two with one id the later counts. */
static imr_status add_tokens(reading *r, imr_error *err)
{
    const imr_json *decoder = imr_json_at(r->json[CONFIG], "added_tokens_decoder");
    IMR_TRY(decoder ? fault_in(r, CONFIG, read_decoder(r, decoder, err), err) : read_older(r, err));
    if (r->tokens.n)
        qsort(r->tokens.v, r->tokens.n, sizeof *r->tokens.v, by_id);
    for (size_t i = 0; i < r->tokens.n; i++)
        if (i + 1 == r->tokens.n || r->tokens.v[i + 1].id != r->tokens.v[i].id)
            IMR_TRY(imr_tokenizer_add(&r->spec, &r->tokens.v[i].token, err));
    return IMR_OK;
}

static imr_status add_extra(reading *r, int file, imr_error *err)
{
    static const char *const keys[] = {"additional_special_tokens", "extra_special_tokens"};
    for (size_t i = 0; i < IMR_LEN(keys); i++) {
        const imr_json *item = imr_json_child(imr_json_at(r->json[file], keys[i]));
        for (; item; item = imr_json_next(item)) {
            imr_added_token token IMR_AUTOFREE = {0};
            IMR_TRY(read_special(&token, item, err));
            IMR_TRY(imr_tokenizer_add(&r->spec, &token, err));
        }
    }
    return IMR_OK;
}

/* The files whose tokens count belong to the encoder's identity; the usual five say nothing new. */
static void note_files(reading *r)
{
    static const char usual[] = " [CLS] [SEP] [UNK] [PAD] [MASK] <s> </s> <pad> <mask> ";
    bool unusual = false;
    for (const imr_json *v = imr_json_child(r->json[MAP]); v; v = imr_json_next(v)) {
        char padded[32];
        const char *text = text_of(v);
        snprintf(padded, sizeof padded, " %.24s ", text ? text : "");
        unusual |= text ? !strstr(usual, padded) : imr_json_count(v) > 0;
    }
    if (unusual)
        r->facts.files[r->facts.n_files++] = file_names[MAP];
    if (imr_json_count(r->json[MORE]))
        r->facts.files[r->facts.n_files++] = file_names[MORE];
}

/* ---- which rules ---- */

static imr_status class_of(const char **out, reading *r, imr_error *err)
{
    const bool mpnet = strcmp(r->wish->family, "mpnet") == 0;
    *out = imr_json_string_or(r->json[CONFIG], "tokenizer_class", NULL);
    if (!*out) {
        IMR_TRY(open_json(r, MODEL, err));
        *out = imr_json_string_or(r->json[MODEL], "tokenizer_class",
                                  mpnet ? "MPNetTokenizer" : "BertTokenizer");
    }
    return IMR_OK;
}

/* Is it one of names, a space around each? Whether "Fast" follows or not. */
static bool among(const char *names, const char *name)
{
    char padded[64]; /* longer than any of them */
    assert(name);
    const size_t n = strlen(name), fast = n > 4 && strcmp(name + n - 4, "Fast") == 0 ? 4 : 0;
    snprintf(padded, sizeof padded, " %.*s ", (int)(n - fast), name);
    return !strchr(name, ' ') && strstr(names, padded);
}

/* What of tokenizer.json transformers 5 passes over for a class of its own. */
static void note_passed_over(const reading *r, const char *class)
{
    static const struct {
        const char *part, *own;
    } parts[] = {{"normalizer", "BertNormalizer"}, {"pre_tokenizer", "BertPreTokenizer"}};
    for (size_t i = 0; i < IMR_LEN(parts); i++) {
        const char *type =
            imr_json_string_or(imr_json_at(r->json[FILE_JSON], parts[i].part), "type", "null");
        if (strcmp(type, parts[i].own) != 0)
            imr_settings_note(
                r->wish->notice,
                "tokenizer.json: the %s %.60s is not used, as transformers 5 does for "
                "the tokenizer_class %.60s",
                parts[i].part, type, class);
    }
    if (imr_json_is_null(imr_json_at(r->json[FILE_JSON], "post_processor")))
        imr_settings_note(r->wish->notice,
                          "tokenizer.json has no post_processor: [CLS] and [SEP] are put around "
                          "texts, as transformers 5 does for the tokenizer_class %.60s (4 did not)",
                          class);
}

static imr_status apply_bert(reading *r, const char *class, imr_error *err)
{
    static const char *const keys[IMR_BERT_NAMES] = {"cls_token", "sep_token", "unk_token",
                                                     "pad_token", "mask_token"};
    imr_bert_options o = {.mpnet = strncmp(class, "MPNet", 5) == 0};
    o.keep_case = !imr_json_bool_or(r->json[CONFIG], "do_lower_case", true);
    o.keep_accents = !imr_json_bool_or(r->json[CONFIG], "strip_accents", !o.keep_case);
    o.keep_ideograph = !imr_json_bool_or(r->json[CONFIG], "tokenize_chinese_chars", true);
    IMR_TRY(add_tokens(r, err));
    for (size_t i = 0; i < IMR_BERT_NAMES; i++) {
        o.names[i] = text_of(imr_json_at(r->json[MAP], keys[i]));
        if (!o.names[i])
            o.names[i] = text_of(imr_json_at(r->json[CONFIG], keys[i]));
    }
    if (r->json[FILE_JSON])
        note_passed_over(r, class);
    return imr_error_prefix(err, imr_tokenizer_bert(&r->spec, &o, err), r->path);
}

static imr_status apply_transformers(reading *r, imr_error *err)
{
    static const char bert[] = " BertTokenizer MPNetTokenizer DistilBertTokenizer ElectraTokenizer "
                               "MobileBertTokenizer ConvBertTokenizer SqueezeBertTokenizer "
                               "LayoutLMTokenizer LxmertTokenizer ";
    static const char plain[] = " PreTrainedTokenizer TokenizersBackend ";
    const imr_json *file = r->json[FILE_JSON];
    const char *class;
    IMR_TRY(open_json(r, CONFIG, err));
    IMR_TRY(class_of(&class, r, err));
    const char *side = imr_json_string_or(r->json[CONFIG], "truncation_side", NULL);
    if (side)
        r->facts.keep_end = strcmp(side, "left") == 0;
    if (imr_json_bool_or(r->json[CONFIG], "split_special_tokens", false))
        imr_settings_note(r->wish->notice, "tokenizer_config.json: split_special_tokens is not "
                                           "obeyed: special tokens in a text are found whole");
    if (among(bert, class) || (!file && among(plain, class))) {
        if (file)
            IMR_TRY(fault_in(r, FILE_JSON, imr_tokenizer_read_vocab(&r->spec, file, err), err));
        IMR_TRY(apply_bert(r, class, err));
    } else if (!file) {
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "%s: the tokenizer_class %.60s is not supported without a tokenizer.json; "
                        "supported: BertTokenizer, MPNetTokenizer",
                        r->folder, class);
    } else {
        IMR_TRY(fault_in(r, FILE_JSON, imr_tokenizer_read(&r->spec, file, err), err));
        IMR_TRY(add_tokens(r, err));
        if (imr_json_is_null(imr_json_at(file, "post_processor")))
            imr_settings_note(r->wish->notice,
                              "tokenizer.json has no post_processor: texts are encoded without "
                              "[CLS] and [SEP], as transformers does for the tokenizer_class %.60s",
                              class);
    }
    for (int i = CONFIG; i <= MAP; i++)
        IMR_TRY(fault_in(r, i, add_extra(r, i, err), err));
    note_files(r);
    return IMR_OK;
}

/* ---- opening ---- */

/* Of tokenizer.json, whatever reads it. */
static void read_truncation(reading *r)
{
    const imr_json *t = imr_json_at(r->json[FILE_JSON], "truncation");
    const int64_t most = imr_json_int_or(t, "max_length", 0);
    r->facts.max_ids = most > 0 ? (size_t)most : 0;
    r->facts.keep_end = strcmp(imr_json_string_or(t, "direction", "Right"), "Left") == 0;
}

static imr_status read_vocab_txt(reading *r, imr_error *err)
{
    imr_file bytes IMR_CLEANUP(imr_file_unmap) = {0};
    IMR_TRY(imr_file_map(&bytes, r->path, err));
    return imr_error_prefix(
        err, imr_vocab_parse(&r->spec.vocab, (const char *)bytes.data, bytes.len, err), r->path);
}

static imr_status read_rules(reading *r, imr_error *err)
{
    if (!r->json[FILE_JSON])
        IMR_TRY(read_vocab_txt(r, err));
    if (r->wish->family)
        return apply_transformers(r, err);
    if (r->json[FILE_JSON])
        return fault_in(r, FILE_JSON, imr_tokenizer_read(&r->spec, r->json[FILE_JSON], err), err);
    const bool mpnet = imr_vocab_id(&r->spec.vocab, "<s>", 3) == 0;
    IMR_TRY(open_json(r, CONFIG, err));
    return apply_bert(r, mpnet ? "MPNetTokenizer" : "BertTokenizer", err);
}

imr_status imr_tokenizer_open(imr_tokenizer **out, imr_tokenizer_facts *facts, const char *folder,
                              const imr_tokenizer_wish *wish, imr_error *err)
{
    static const imr_tokenizer_wish none = {0};
    static const char *const either[] = {"tokenizer.json", "vocab.txt"};
    reading r IMR_CLEANUP(reading_done) = {.folder = folder, .wish = wish ? wish : &none};
    size_t i = 0;
    while (i < IMR_LEN(either) && !imr_file_exists(imr_path_in(folder, either[i]).s))
        i++;
    if (i == IMR_LEN(either))
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s: no tokeniser here: neither tokenizer.json nor vocab.txt", folder);
    const imr_path path = imr_path_in(folder, either[i]);
    r.path = path.s;
    if (i == 0)
        IMR_TRY(imr_json_open(&r.json[FILE_JSON], path.s, err));
    r.facts.files[r.facts.n_files++] = either[i];
    read_truncation(&r);
    IMR_TRY(read_rules(&r, err));
    r.spec.lower_first = r.wish->lower_first;
    IMR_TRY(imr_error_prefix(err, imr_tokenizer_new(out, &r.spec, err), path.s));
    if (facts)
        *facts = r.facts;
    return IMR_OK;
}
