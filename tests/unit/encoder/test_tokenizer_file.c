#include "base/buf.h"
#include "base/mem.h"
#include "encoder/tokenizer_file.h"
#include "format/json.h"
#include "tests/unit/encoder/folders.h"
#include "tests/unit/text/oracle.h"

static imr_error err;

/* The ids of text, special ones included, as "2 6 3". */
static const char *ids(const imr_tokenizer *t, const char *text)
{
    static char out[1024];
    imr_tokens tokens IMR_CLEANUP(imr_tokens_done) = {0};
    imr_encode_options o = {.special = true};
    if (imr_tokenizer_encode(t, text, strlen(text), &o, &tokens, &err) != IMR_OK)
        return err.text;
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < tokens.n && n < sizeof out - 16; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%u", i ? " " : "", tokens.v[i].id);
    return out;
}

static imr_status parse(imr_tokenizer **t, const char *json)
{
    return imr_tokenizer_parse(t, json, strlen(json), "tokenizer.json", &err);
}

#define PIECES                                                                                     \
    "\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"<s>\":1,\"</s>\":2,\"ab\":3,"      \
    "\"##c\":4,\"A/B\":5,\"-\":6,\"d\":7}}"

TEST("normalizer, pre_tokenizer and post_processor parts do what their names say")
{
    static const struct {
        const char *json, *text, *expect;
    } rows[] = {
        {"{" PIECES "}", "abc", "3 4"},
        {"{" PIECES "}", "ABC", "0"},
        {"{\"normalizer\":{\"type\":\"Lowercase\"}," PIECES "}", "ABC", "3 4"},
        {"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},"
         "{\"type\":\"StripAccents\"},{\"type\":\"Strip\"}]}," PIECES "}",
         " \xC3\xA1"
         "b",
         "3"},
        {"{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\"b\"}"
         "," PIECES "}",
         "a_c", "3 4"},
        {"{\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"}," PIECES "}", "ab d-", "3 0"},
        {"{\"pre_tokenizer\":{\"type\":\"Whitespace\"}," PIECES "}", "ab d-", "3 7 6"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
         "\"WhitespaceSplit\"},{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}]}," PIECES "}",
         "ab d-", "3 7 6"},
        {"{\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"</"
         "s>\",2],\"cls\":[\"<s>\","
         "1]}," PIECES "}",
         "ab", "1 3 2"},
        {"{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
         "\"id\":"
         "\"A/B\"}},{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"</s>\"}}],"
         "\"special_tokens\":{\"A/B\":{\"ids\":[5]},\"</s>\":{\"ids\":[2,1]}}}," PIECES "}",
         "ab", "5 3 2 1"},
        /* No type: known by its settings, as the library does. */
        {"{\"model\":{\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
         "\"max_input_chars_per_word\":100,\"vocab\":{\"[UNK]\":0,\"ab\":1,\"##c\":2}}}",
         "abc", "1 2"},
        {"{\"model\":{\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"ab\":1,\"##c\":2}}}", "abc",
         "0"},
        {"{\"added_tokens\":[{\"id\":8,\"content\":\"<mask>\",\"special\":true,\"lstrip\":true}]"
         "," PIECES "}",
         "ab <mask>", "3 8"},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        imr_tokenizer *t = NULL;
        CHECK_OK(parse(&t, rows[i].json));
        CHECK_STR(ids(t, rows[i].text), rows[i].expect);
        imr_tokenizer_free(t);
    }
}

TEST("a part we do not know is refused by its name")
{
    static const struct {
        const char *json, *expect;
        imr_status status;
    } rows[] = {
        {"{}", "(no object)", IMR_E_UNSUPPORTED},
        {"[]", "(no object)", IMR_E_UNSUPPORTED},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}", "model \"BPE\"", IMR_E_UNSUPPORTED},
        {"{\"model\":{\"unk_token\":\"[UNK]\",\"merges\":[],\"vocab\":{}}}", "model \"BPE\"",
         IMR_E_UNSUPPORTED},
        {"{\"model\":{\"vocab\":{\"a\":0}}}", "model \"(no type)\"", IMR_E_UNSUPPORTED},
        {"{\"normalizer\":{\"type\":\"Precompiled\"}," PIECES "}", "normalizer \"Precompiled\"",
         IMR_E_UNSUPPORTED},
        {"{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"}"
         "," PIECES "}",
         "Regex", IMR_E_UNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}," PIECES "}", "pre_tokenizer \"ByteLevel\"",
         IMR_E_UNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":\"Removed\"}," PIECES "}",
         "Removed", IMR_E_UNSUPPORTED},
        {"{\"post_processor\":{\"type\":\"ByteLevel\"}," PIECES "}", "post_processor \"ByteLevel\"",
         IMR_E_UNSUPPORTED},
        {"{\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"x\",99],\"cls\":[\"y\",1]}"
         "," PIECES "}",
         "99", IMR_E_FORMAT},
        {"{\"post_processor\":{\"type\":\"BertProcessing\"}," PIECES "}", "without an id",
         IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", "empty", IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\"}}", "model/vocab", IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":0}}}", "id 0", IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":2}}}", "id 1", IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1}}}", "model/vocab: a",
         IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":\"0\"}}}", "model/vocab: a",
         IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", "[UNK]", IMR_E_FORMAT},
        {"{\"model\":{\"type\":\"WordPiece\",\"max_input_chars_per_word\":1000,\"vocab\":{\"[UNK]"
         "\":"
         "0}}}",
         "1000", IMR_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        imr_tokenizer *t = NULL;
        imr_status s = parse(&t, rows[i].json);
        if (s != rows[i].status)
            FAIL("%s: status %s, %s", rows[i].json, imr_status_name(s), err.text);
        CHECK_CONTAINS(err.text, rows[i].expect);
        CHECK_CONTAINS(err.text, "tokenizer.json");
        CHECK(t == NULL);
    }
}

TEST("a tokenizer.json cut at any byte is refused, and any allocation may fail")
{
    imr_tokenizer *t = NULL;
    for (size_t n = 0; n + 1 < sizeof WORDS_JSON; n++) {
        if (imr_tokenizer_parse(&t, WORDS_JSON, n, "tokenizer.json", &err) == IMR_OK)
            FAIL("%zu bytes are accepted", n);
    }
    imr_status s = IMR_E_MEMORY;
    static const char json[] =
        "{\"added_tokens\":[{\"id\":8,\"content\":\"<mask>\",\"normalized\":true}],\"normalizer\":{"
        "\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\"b\"}," PIECES "}";
    for (long i = 0; s != IMR_OK; i++) {
        imr_mem_fail_after(i);
        s = parse(&t, json);
        imr_mem_fail_after(-1);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
    }
    imr_tokenizer_free(t);
}

TEST("a folder's vocab.txt follows its tokenizer_config.json")
{
    const char *dir = keep(test_tmpdir());
    imr_tokenizer *t = NULL;
    const char *file = NULL;
    CHECK_INT(imr_tokenizer_open(&t, dir, &file, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "vocab.txt");
    put_file(dir, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nab\nAB\n");
    CHECK_OK(imr_tokenizer_open(&t, dir, &file, &err));
    CHECK_STR(file, "vocab.txt");
    CHECK_STR(ids(t, "AB ab"), "2 4 4 3");
    imr_tokenizer_free(t);
    put_file(dir, "tokenizer_config.json", "{\"do_lower_case\": false}");
    CHECK_OK(imr_tokenizer_open(&t, dir, &file, &err));
    CHECK_STR(ids(t, "AB ab"), "2 5 4 3");
    imr_tokenizer_free(t);
    put_file(dir, "vocab.txt", "[UNK]\n\xFF\n");
    t = NULL;
    CHECK_INT(imr_tokenizer_open(&t, dir, &file, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "vocab.txt: line 2");
    put_file(dir, "tokenizer.json", WORDS_JSON);
    CHECK_OK(imr_tokenizer_open(&t, dir, &file, &err));
    CHECK_STR(file, "tokenizer.json");
    imr_tokenizer_free(t);
}

TEST("all rows of the oracle are equal under the published tokenizer.json")
{
    const char *folder = keep(test_shared("models/all-MiniLM-L6-v2-without-weights"));
    imr_tokenizer *t = NULL;
    CHECK_OK(imr_tokenizer_open(&t, folder, NULL, &err));
    check_oracle(t);
    imr_tokenizer_free(t);
}
