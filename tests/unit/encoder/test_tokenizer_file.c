#include "base/buf.h"
#include "base/mem.h"
#include "tests/support/tokenizers.h"
#include "encoder/tokenizer_folder.h"
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
    return tokenizer_from_json(t, json, strlen(json), "tokenizer.json", &err);
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
            FAIL("%s: status %d, %s", rows[i].json, (int)s, err.text);
        CHECK_CONTAINS(err.text, rows[i].expect);
        CHECK_CONTAINS(err.text, "tokenizer.json");
        CHECK(t == NULL);
    }
}

TEST("a tokenizer.json cut at any byte is refused, and any allocation may fail")
{
    imr_tokenizer *t = NULL;
    for (size_t n = 0; n + 1 < sizeof WORDS_JSON; n++) {
        if (tokenizer_from_json(&t, WORDS_JSON, n, "tokenizer.json", &err) == IMR_OK)
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
    imr_tokenizer_facts facts;
    CHECK_INT(imr_tokenizer_open(&t, &facts, dir, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "vocab.txt");
    put_file(dir, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nab\nAB\n");
    CHECK_OK(imr_tokenizer_open(&t, &facts, dir, NULL, &err));
    CHECK_STR(facts.files[0], "vocab.txt");
    CHECK_STR(ids(t, "AB ab"), "2 4 4 3");
    imr_tokenizer_free(t);
    put_file(dir, "tokenizer_config.json", "{\"do_lower_case\": false}");
    CHECK_OK(imr_tokenizer_open(&t, &facts, dir, NULL, &err));
    CHECK_STR(ids(t, "AB ab"), "2 5 4 3");
    imr_tokenizer_free(t);
    put_file(dir, "vocab.txt", "[UNK]\n\xFF\n");
    t = NULL;
    CHECK_INT(imr_tokenizer_open(&t, &facts, dir, NULL, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "vocab.txt: line 2");
    put_file(dir, "tokenizer.json", WORDS_JSON);
    CHECK_OK(imr_tokenizer_open(&t, &facts, dir, NULL, &err));
    CHECK_STR(facts.files[0], "tokenizer.json");
    imr_tokenizer_free(t);
}

/* ---- folders of transformers ---- */

#define BERT_VOCAB                                                                                 \
    "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"the\":5,\"##s\":6,\"The\":7,"  \
    "\"cafe\":8,\"caf\xC3\xA9\":9,\"see\":10"
#define BERT_JSON(normalizer, post, more)                                                          \
    "{\"normalizer\":" normalizer ",\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"            \
    "\"post_processor\":" post ",\"added_tokens\":[{\"id\":2,\"content\":\"[CLS]\",\"special\":"   \
    "true},{\"id\":3,\"content\":\"[SEP]\",\"special\":true}" more "],\"model\":{\"type\":"        \
    "\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"vocab\":"        \
    "{" BERT_VOCAB "}}}"
#define LOWER "{\"type\":\"BertNormalizer\",\"lowercase\":true}"
#define CASED "{\"type\":\"BertNormalizer\",\"lowercase\":false}"
#define POST  "{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\",3]}"
#define VOCAB_TXT                                                                                  \
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\nThe\ncafe\ncaf\xC3\xA9\nsee\n[unused1]\n"

typedef struct folder_row {
    const char *json, *config, *map, *added, *text, *expect, *notice;
} folder_row;

static void check_folder(const folder_row *row, bool lower_first)
{
    const char *dir = keep(test_tmpdir());
    imr_buf notice IMR_AUTOBUF = {0};
    const imr_tokenizer_wish wish = {"bert", lower_first, &notice};
    imr_tokenizer *t = NULL;
    put_file(dir, row->json ? "tokenizer.json" : "vocab.txt", row->json ? row->json : VOCAB_TXT);
    if (row->config)
        put_file(dir, "tokenizer_config.json", row->config);
    if (row->map)
        put_file(dir, "special_tokens_map.json", row->map);
    if (row->added)
        put_file(dir, "added_tokens.json", row->added);
    CHECK_OK(imr_tokenizer_open(&t, NULL, dir, &wish, &err));
    CHECK_STR(ids(t, row->text), row->expect);
    if (row->notice)
        CHECK_CONTAINS(imr_buf_text(&notice), row->notice);
    else
        CHECK_STR(imr_buf_text(&notice), "");
    imr_tokenizer_free(t);
}

/* Every expectation is what transformers 5.24 gives. */
TEST("tokenizer_config.json goes before tokenizer.json where the class is BERT's")
{
    static const folder_row rows[] = {
        {.json = BERT_JSON(LOWER, POST, ""), .text = "The thes", .expect = "2 5 5 6 3"},
        {.json = BERT_JSON(LOWER, POST, ""),
         .config = "{\"do_lower_case\":false}",
         .text = "The thes caf\xC3\xA9",
         .expect = "2 7 5 6 9 3"},
        {.json = BERT_JSON(CASED, POST, ""), .text = "The", .expect = "2 5 3"},
        {.json = BERT_JSON(CASED, POST, ""),
         .config = "{\"tokenizer_class\":\"BertTokenizerFast\"}",
         .text = "The",
         .expect = "2 5 3"},
        {.json = BERT_JSON(CASED, POST, ""),
         .config = "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"do_lower_case\":true}",
         .text = "The caf\xC3\xA9",
         .expect = "2 7 9 3"},
        {.json = BERT_JSON(LOWER, POST, ""),
         .config = "{\"do_lower_case\":false,\"strip_accents\":true}",
         .text = "caf\xC3\xA9",
         .expect = "2 8 3"},
        {.json = BERT_JSON("{\"type\":\"Lowercase\"}", POST, ""),
         .config = "{\"do_lower_case\":false}",
         .text = "The",
         .expect = "2 7 3",
         .notice = "the normalizer Lowercase is not used"},
        {.json = BERT_JSON(LOWER, "null", ""),
         .text = "the",
         .expect = "2 5 3",
         .notice = "no post_processor: [CLS] and [SEP] are put around texts"},
        {.json = BERT_JSON(LOWER, "null", ""),
         .config = "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}",
         .text = "the",
         .expect = "5",
         .notice = "encoded without [CLS] and [SEP]"},
        {.json = BERT_JSON(LOWER, POST, ""),
         .config = "{\"cls_token\":\"[MASK]\",\"unk_token\":{\"content\":\"see\"}}",
         .text = "x",
         .expect = "4 10 3"},
        {.json = BERT_JSON(LOWER, POST, ""),
         .config = "{\"split_special_tokens\":true}",
         .text = "the",
         .expect = "2 5 3",
         .notice = "split_special_tokens is not obeyed"},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++)
        check_folder(&rows[i], false);
}

TEST("tokens kept beside the vocabulary are found, and new ones get the next ids")
{
    static const folder_row rows[] = {
        {.added = "{\"[foo]\":12}", .text = "see [foo] [unused1]", .expect = "2 10 12 1 1 1 3"},
        {.map = "{\"additional_special_tokens\":[\"[unused1]\",\"[new]\"]}",
         .text = "see [unused1][new]",
         .expect = "2 10 11 12 3"},
        {.config = "{\"added_tokens_decoder\":{\"12\":{\"content\":\"[foo]\"},\"3\":{\"content\":"
                   "\"[SEP]\",\"special\":true}}}",
         .map = "{\"additional_special_tokens\":[\"[unused1]\"]}",
         .text = "[foo] [unused1]",
         .expect = "2 12 1 1 1 3"},
        {.json = BERT_JSON(LOWER, POST, ""),
         .config =
             "{\"added_tokens_decoder\":{\"40\":{\"content\":\"b\"},\"30\":{\"content\":\"a\","
             "\"single_word\":true}}}",
         .text = "a b xa",
         .expect = "2 11 12 1 3"},
        {.json = BERT_JSON(LOWER, POST, ",{\"id\":11,\"content\":\"zz\"}"),
         .config = "{\"additional_special_tokens\":[\"[Q]\"]}",
         .text = "zz ZZ [Q] zzy",
         .expect = "2 11 11 12 11 1 3"},
        /* An added token is no piece of a word. */
        {.json = BERT_JSON(LOWER, POST, ",{\"id\":11,\"content\":\"covid\",\"single_word\":true}"),
         .text = "covid covid19",
         .expect = "2 11 1 3"},
        {.json = BERT_JSON(LOWER, POST, ",{\"id\":11,\"content\":\"zz\"}"),
         .config = "{\"added_tokens_decoder\":{}}",
         .text = "zz",
         .expect = "2 1 3"},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++)
        check_folder(&rows[i], false);
}

TEST("lower-casing first turns the names of special tokens into text, and keeps the spans")
{
    const folder_row row = {.json = BERT_JSON(CASED, POST, ""),
                            .config = "{\"do_lower_case\":false}",
                            .text = "The [MASK] \xC4\xB0 THE",
                            .expect = "2 5 1 1 1 1 5 3"};
    check_folder(&row, true);
    const char *dir = keep(test_tmpdir());
    imr_tokenizer *t = NULL;
    imr_tokens tokens IMR_CLEANUP(imr_tokens_done) = {0};
    put_file(dir, "tokenizer.json", BERT_JSON(CASED, POST, ""));
    CHECK_OK(imr_tokenizer_open(&t, NULL, dir, &(imr_tokenizer_wish){"bert", true, NULL}, &err));
    /* Each dotted capital I is two bytes here and three lower-cased. */
    static const char text[] = "\xC4\xB0\xC4\xB0 THE";
    CHECK_OK(imr_tokenizer_encode(t, text, sizeof text - 1, NULL, &tokens, &err));
    CHECK_INT(tokens.n, 2);
    CHECK(tokens.v[0].start == 0 && tokens.v[0].end == 4);
    CHECK(tokens.v[1].start == 5 && tokens.v[1].end == 8 && tokens.v[1].id == 5);
    imr_tokenizer_free(t);
}

TEST("what is wrong beside the tokeniser is named with its file")
{
    static const struct {
        const char *file, *text, *expect;
    } rows[] = {
        {"tokenizer_config.json", "[]", "tokenizer_config.json: expected an object"},
        {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"a\"}}}",
         "tokenizer_config.json: added_tokens_decoder: \"x\" is no id"},
        {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"9\":{}}}", "content"},
        {"tokenizer_config.json", "{\"cls_token\":\"[GONE]\"}", "lacks [GONE]"},
        {"tokenizer_config.json", "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}",
         "BertJapaneseTokenizer is not supported"},
        {"added_tokens.json", "{\"a\":\"b\"}", "added_tokens.json: "},
        {"special_tokens_map.json", "{\"additional_special_tokens\":[3]}",
         "special_tokens_map.json: "},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        const char *dir = keep(test_tmpdir());
        imr_tokenizer *t = NULL;
        put_file(dir, "vocab.txt", VOCAB_TXT);
        put_file(dir, rows[i].file, rows[i].text);
        CHECK(imr_tokenizer_open(&t, NULL, dir, &(imr_tokenizer_wish){.family = "bert"}, &err) !=
              IMR_OK);
        CHECK_CONTAINS(err.text, rows[i].expect);
        CHECK_CONTAINS(err.text, dir);
    }
}

TEST("a folder's tokeniser may run out of memory anywhere")
{
    const char *dir = keep(test_tmpdir());
    imr_tokenizer *t = NULL;
    imr_status s = IMR_E_MEMORY;
    put_file(dir, "tokenizer.json", BERT_JSON(LOWER, POST, ",{\"id\":11,\"content\":\"zz\"}"));
    put_file(dir, "tokenizer_config.json",
             "{\"cls_token\":\"[MASK]\",\"additional_special_tokens\":[\"[a]\",\"[b]\"]}");
    put_file(dir, "added_tokens.json", "{\"[foo]\":12}");
    for (long i = 0; s != IMR_OK; i++) {
        imr_mem_fail_after(i);
        s = imr_tokenizer_open(&t, NULL, dir, &(imr_tokenizer_wish){.family = "bert"}, &err);
        imr_mem_fail_after(-1);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
    }
    imr_tokenizer_free(t);
}

TEST("all rows of the oracle are equal under the published tokenizer.json")
{
    const char *folder = keep(test_shared("models/all-MiniLM-L6-v2-without-weights"));
    imr_tokenizer *t = NULL;
    CHECK_OK(imr_tokenizer_open(&t, NULL, folder, &(imr_tokenizer_wish){.family = "bert"}, &err));
    check_oracle(t);
    imr_tokenizer_free(t);
}
