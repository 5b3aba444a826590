#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "format/json.h"
#include "tests/support/test.h"
#include "tests/unit/text/oracle.h"
#include "tests/support/tokenizers.h"

static imr_error err;

/* ids: 0 [PAD] 1 [UNK] 2 [CLS] 3 [SEP] 4 [MASK] ... */
static const char small[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n[unused1]\nhello\nworld\nwor\n##ld\n##s\n"
    "caf\xC3\xA9\ncafe\n,\n\xE5\x8C\x97\n##\xE5\x8C\x97\ni\n";

static imr_tokenizer *open_small(const imr_bert_options *o)
{
    imr_tokenizer *t = NULL;
    CHECK_OK(tokenizer_from_vocab(&t, small, sizeof small - 1, o, &err));
    return t;
}

/* "id:start-end ..." */
static const char *encoded(const imr_tokenizer *t, const char *text, size_t len,
                           const imr_encode_options *o)
{
    static char out[2048];
    imr_tokens tokens IMR_CLEANUP(imr_tokens_done) = {0};
    if (imr_tokenizer_encode(t, text, len, o, &tokens, &err) != IMR_OK)
        return err.text;
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < tokens.n && n < sizeof out - 40; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%u:%u-%u", i ? " " : "", tokens.v[i].id,
                              tokens.v[i].start, tokens.v[i].end);
    return out;
}
#define ENCODE(text) encoded(t, text, sizeof(text) - 1, NULL)

TEST("tokens carry the bytes they came from, whatever normalising did")
{
    imr_tokenizer *t = open_small(NULL);
    CHECK_STR(ENCODE("Hello, World!"), "6:0-5 13:5-6 7:7-12 1:12-13");
    CHECK_STR(ENCODE("  HELLO\t\nworlds"), "6:2-7 7:9-14 10:14-15");
    CHECK_STR(ENCODE("CAF\xC3\x89 cafe\xCC\x81!"), "12:0-5 12:6-10 1:12-13");
    CHECK_STR(ENCODE("a\xE5\x8C\x97 \xE5\x8C\x97"), "1:0-1 14:1-4 14:5-8");
    CHECK_STR(ENCODE("\xC4\xB0"), "16:0-2");
    CHECK_STR(ENCODE(""), "");
    CHECK_STR(ENCODE(" \t\r\n "), "");
    imr_tokenizer_free(t);
}

TEST("control bytes, NUL and broken UTF-8 vanish inside words and shift no span")
{
    imr_tokenizer *t = open_small(NULL);
    CHECK_STR(ENCODE("he\0l\xFFlo"), "6:0-7");
    CHECK_STR(ENCODE("\xEF\xBB\xBFhello\x01 \xC3"), "6:3-8");
    CHECK_STR(ENCODE("\xF0\x9F\x98"), "");
    imr_tokenizer_free(t);
}

TEST("special tokens are recognised in the text, in their own case only")
{
    imr_tokenizer *t = open_small(NULL);
    CHECK_STR(ENCODE("hello[MASK]world"), "6:0-5 4:5-11 7:11-16");
    CHECK_STR(ENCODE("[SEP][CLS]"), "3:0-5 2:5-10");
    CHECK_STR(ENCODE("[mask"), "1:0-1 1:1-5");
    CHECK_STR(ENCODE("[UNK] [unused1]"), "1:0-5 1:6-7 1:7-14 1:14-15");
    imr_tokenizer_free(t);
}

TEST("a cut keeps the first ids and still ends with [SEP]")
{
    imr_tokenizer *t = open_small(NULL);
    static const char text[] = "hello world hello world";
    imr_encode_options o = {.special = true};
    CHECK_STR(encoded(t, text, 23, &o), "2:0-0 6:0-5 7:6-11 6:12-17 7:18-23 3:23-23");
    o.max_ids = 4;
    CHECK_STR(encoded(t, text, 23, &o), "2:0-0 6:0-5 7:6-11 3:23-23");
    o.max_ids = 2;
    CHECK_STR(encoded(t, text, 23, &o), "2:0-0 3:23-23");
    o.max_ids = 1;
    CHECK_STR(encoded(t, text, 23, &o), "2:0-0 3:23-23");
    imr_tokenizer_free(t);
}

TEST("a word over 100 characters is one unknown token, one of 100 is not")
{
    imr_tokenizer *t = open_small(NULL);
    char text[128];
    memset(text, 's', sizeof text);
    memcpy(text, "wor", 3);
    CHECK_STR(encoded(t, text, 101, NULL), "1:0-101");
    CHECK_CONTAINS(encoded(t, text, 100, NULL), "8:0-3 10:3-4 10:4-5");
    CHECK_STR(ENCODE("worldx"), "1:0-6");
    imr_tokenizer_free(t);
}

TEST("cased vocabularies keep case and accents")
{
    imr_bert_options cased = {.keep_case = true, .keep_accents = true, .keep_ideograph = true};
    imr_tokenizer *t = open_small(&cased);
    CHECK_STR(ENCODE("Hello caf\xC3\xA9"), "1:0-5 11:6-11");
    CHECK_STR(ENCODE("\xE5\x8C\x97\xE5\x8C\x97"), "14:0-3 15:3-6");
    CHECK_INT(t->flags[5], IMR_TOKEN_UNUSED);
    CHECK_INT(t->flags[9], IMR_TOKEN_CONTINUATION);
    CHECK_INT(t->flags[1], IMR_TOKEN_SPECIAL | IMR_TOKEN_UNKNOWN);
    CHECK_INT(t->flags[4], IMR_TOKEN_SPECIAL);
    CHECK_INT(t->flags[6], 0);
    imr_tokenizer_free(t);
}

TEST("a vocabulary that starts with <s> is MPNet's")
{
    static const char vocab[] = "<s>\n<pad>\n</s>\n<unk>\n[UNK]\n[CLS]\nhi\n<mask>\n";
    imr_tokenizer *t = NULL;
    CHECK_OK(tokenizer_from_vocab(&t, vocab, sizeof vocab - 1, NULL, &err));
    imr_encode_options o = {.special = true};
    CHECK_STR(encoded(t, "hi  <mask> [CLS]", 16, &o),
              "0:0-0 6:0-2 7:2-10 4:11-12 4:12-15 4:15-16 2:16-16");
    imr_tokenizer_free(t);
}

TEST("a vocabulary that cannot be used is refused with the line")
{
    static const struct {
        const char *text, *expect;
    } rows[] = {
        {"", "empty"},
        {"\n\n", "empty"},
        {"[UNK]\n\n[CLS]\n", "line 2: token 1 is empty"},
        {"[UNK]\nab\xFF\n", "line 2: token 1 is not UTF-8"},
        {"a\nb\na\n", "the tokens 0 and 2 are both \"a\""},
        {"a\nb\n", "lacks [CLS]"},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        imr_tokenizer *t = NULL;
        imr_status s = tokenizer_from_vocab(&t, rows[i].text, strlen(rows[i].text), NULL, &err);
        CHECK_INT(s, IMR_E_FORMAT);
        CHECK_CONTAINS(err.text, rows[i].expect);
        CHECK(t == NULL);
    }
}

static bool put_added(imr_tokenizer_spec *s, imr_added_token a)
{
    return imr_array_grow(&s->added, s->n_added, &s->cap_added, 1, sizeof *s->added) &&
           (s->added[s->n_added++] = a, true);
}

/* A whole-word vocabulary with one token to be found after normalising. */
static imr_status new_wordlevel(imr_tokenizer **t)
{
    static const char *const words[] = {"alpha", "beta", "gamma ray", "x"};
    imr_tokenizer_spec s IMR_CLEANUP(imr_tokenizer_spec_done) = {
        .model = IMR_WORDLEVEL, .unknown = IMR_NO_TOKEN, .rules = {IMR_SPLIT_BERT}, .n_rules = 1};
    for (uint32_t i = 0; i < IMR_LEN(words); i++)
        IMR_TRY(imr_vocab_add(&s.vocab, words[i], strlen(words[i]), i, &err));
    IMR_TRY(imr_vocab_finish(&s.vocab, &err));
    s.steps = IMR_NEW_ARRAY(imr_normalise_step, IMR_NORMALISE_BERT_STEPS);
    if (!s.steps)
        return imr_fail_memory(&err);
    s.n_steps = imr_normalise_bert(s.steps, true, true, true, true);
    imr_added_token a = {
        .text = imr_strdup("Gamma Ray"), .id = 2, .normalised = true, .single_word = true};
    if (!a.text || !put_added(&s, a)) {
        imr_free(a.text);
        return imr_fail_memory(&err);
    }
    return imr_tokenizer_new(t, &s, &err);
}

TEST("added tokens marked as normalised are found after normalising")
{
    imr_tokenizer *t = NULL;
    CHECK_OK(new_wordlevel(&t));
    CHECK_STR(ENCODE("Alpha g\xC3\xA1mma RAY, beta"), "0:0-5 2:6-16 1:18-22");
    CHECK_STR(ENCODE("gamma rays xgamma ray x"), "3:22-23");
    CHECK_INT(t->spec.model, IMR_WORDLEVEL);
    imr_tokenizer_free(t);
}

TEST("every allocation of building and encoding can fail without a leak")
{
    imr_tokenizer *t = NULL;
    imr_tokens tokens = {0};
    static const char text[] = "Alpha g\xC3\xA1mma RAY, [MASK] caf\xC3\xA9 \xE5\x8C\x97 beta";
    imr_status s = IMR_E_MEMORY;
    for (long i = 0; s != IMR_OK; i++) {
        imr_mem_fail_after(i);
        s = new_wordlevel(&t);
        if (s == IMR_OK)
            s = imr_tokenizer_encode(t, text, sizeof text - 1, NULL, &tokens, &err);
        imr_mem_fail_after(-1);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
        imr_tokenizer_free(t);
        imr_tokens_done(&tokens);
        t = NULL;
    }
    s = IMR_E_MEMORY;
    for (long i = 0; s != IMR_OK; i++) {
        imr_mem_fail_after(i);
        s = tokenizer_from_vocab(&t, small, sizeof small - 1, NULL, &err);
        if (s == IMR_OK)
            s = imr_tokenizer_encode(t, text, sizeof text - 1, NULL, &tokens, &err);
        imr_mem_fail_after(-1);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
        imr_tokenizer_free(t);
        imr_tokens_done(&tokens);
        t = NULL;
    }
}

TEST("normalising steps other than BERT's work alone and keep their spans")
{
    imr_chars c = {0};
    char from[] = "ab", to[] = "xyz";
    imr_normalise_step steps[] = {{.op = IMR_NORM_STRIP_LEFT},
                                  {.op = IMR_NORM_STRIP_RIGHT},
                                  {.op = IMR_NORM_REPLACE, .from = from, .to = to}};
    CHECK_OK(imr_normalise(steps, 3, "  aab\n", 6, 10, &c, &err));
    CHECK_INT(c.n, 4);
    CHECK(c.v[0].cp == 'a' && c.v[1].cp == 'x' && c.v[3].cp == 'z');
    CHECK(c.v[0].start == 12 && c.v[1].start == 13 && c.v[3].end == 15);
    imr_normalise_step nfkd = {.op = IMR_NORM_NFKD};
    CHECK_OK(imr_normalise(&nfkd, 1, "\xEF\xAC\x81", 3, 0, &c, &err)); /* ligature fi */
    CHECK(c.n == 2 && c.v[0].cp == 'f' && c.v[1].cp == 'i' && c.v[1].end == 3);
    imr_normalise_step nfd = {.op = IMR_NORM_NFD};
    /* canonical order: dot below (220) comes before acute (230) */
    CHECK_OK(imr_normalise(&nfd, 1, "\xC3\xA9\xCC\xA3", 4, 0, &c, &err));
    CHECK(c.n == 3 && c.v[0].cp == 'e' && c.v[1].cp == 0x323 && c.v[2].cp == 0x301);
    imr_normalise_step marks = {.op = IMR_NORM_STRIP_MARKS};
    CHECK_OK(imr_normalise(&marks, 1, "e\xCC\x81\xE2\x83\x9D", 6, 0, &c, &err));
    CHECK_INT(c.n, 1);
    imr_normalise_step lower = {.op = IMR_NORM_LOWER};
    CHECK_OK(imr_normalise(&lower, 1, "\xC4\xB0\xC3\x89", 4, 0, &c, &err));
    CHECK(c.n == 3 && c.v[0].cp == 'i' && c.v[1].cp == 0x307 && c.v[2].cp == 0xE9);
    imr_free(c.v);
}

TEST("split rules give the pieces their names promise")
{
    imr_chars c = {0};
    imr_pieces p = {0};
    CHECK_OK(imr_normalise(NULL, 0, "a_1 b-c!!", 9, 0, &c, &err));
    static const struct {
        imr_split_rule rule;
        uint32_t n, last_first;
    } rows[] = {{IMR_SPLIT_BERT, 8, 8},
                {IMR_SPLIT_SPACE, 2, 4},
                {IMR_SPLIT_PUNCTUATION, 7, 8},
                {IMR_SPLIT_WORDS, 5, 7}};
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        CHECK_OK(imr_pretokenise(&rows[i].rule, 1, &c, 0, c.n, &p, &err));
        CHECK_INT(p.n, rows[i].n);
        CHECK_INT(p.v[p.n - 1].first, rows[i].last_first);
    }
    imr_split_rule both[] = {IMR_SPLIT_SPACE, IMR_SPLIT_PUNCTUATION};
    CHECK_OK(imr_pretokenise(both, 2, &c, 0, c.n, &p, &err));
    CHECK_INT(p.n, 8);
    CHECK_OK(imr_pretokenise(NULL, 0, &c, 0, c.n, &p, &err));
    CHECK_INT(p.n, 1);
    CHECK_OK(imr_pretokenise(NULL, 0, &c, 0, 0, &p, &err));
    CHECK_INT(p.n, 0);
    imr_free(c.v);
    imr_free(p.v);
}

TEST("megabytes of hostile text take linear time and a text over the cap is refused")
{
    imr_tokenizer *t = open_small(NULL);
    size_t len = (size_t)10 << 20;
    char *text = malloc(len);
    CHECK(text != NULL);
    imr_tokens tokens = {0};
    imr_encode_options few = {.max_ids = 512};
    static const char *const fill[] = {"a",      "\xCC\x81\xCC\xA3", "[",
                                       "hello ", "\xE5\x8C\x97",     "\xFF"};
    for (size_t f = 0; f < IMR_LEN(fill); f++) {
        size_t size = strlen(fill[f]);
        for (size_t i = 0; i < len; i++)
            text[i] = fill[f][i % size];
        CHECK_OK(imr_tokenizer_encode(t, text, len, &few, &tokens, &err));
        CHECK(tokens.n <= 512);
    }
    CHECK_INT(imr_tokenizer_encode(t, text, IMR_MAX_TEXT_BYTES + 1, NULL, &tokens, &err),
              IMR_E_LIMIT);
    imr_tokens_done(&tokens);
    free(text);
    imr_tokenizer_free(t);
}

TEST("whatever the text, ids are in the vocabulary and spans ascend within it")
{
    static const char *const parts[] = {
        "hello",        "World",        " ",    "\t",   "[MASK]", "[SE", "P]",       "\xC3\xA9",
        "e\xCC\x81",    "\xE5\x8C\x97", "\xFF", "\xE5", "\x80",   ",",   "\xC4\xB0", "\xCE\xA3",
        "\xED\x95\x9C", "\xEF\xB7\xBA", "1",    "\r\n"};
    imr_tokenizer *t = open_small(NULL);
    imr_tokens tokens = {0};
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t len = 0;
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525u + 1013904223u;
            const char *part = parts[(seed >> 16) % IMR_LEN(parts)];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        imr_encode_options o = {.special = round & 1, .max_ids = round & 2 ? 7 : 0};
        CHECK_OK(imr_tokenizer_encode(t, text, len, &o, &tokens, &err));
        uint32_t before = 0;
        for (size_t i = 0; i < tokens.n; i++) {
            imr_token k = tokens.v[i];
            if (k.id >= t->spec.vocab.n || k.start > k.end || k.end > len || k.start < before ||
                (k.id > 3 && k.start == k.end))
                FAIL("round %d, token %zu: id %u, bytes %u-%u of %zu after %u", round, i, k.id,
                     k.start, k.end, len, before);
            before = k.start;
        }
        CHECK(!o.max_ids || tokens.n <= 7);
    }
    imr_tokens_done(&tokens);
    imr_tokenizer_free(t);
}

TEST("all rows of the oracle are equal under the published vocab.txt")
{
    const char *vocab = test_shared("models/all-MiniLM-L6-v2-without-weights/vocab.txt");
    size_t len;
    char *text = test_read(vocab, &len);
    imr_tokenizer *t = NULL;
    CHECK_OK(tokenizer_from_vocab(&t, text, len, NULL, &err));
    free(text);
    check_oracle(t);
    imr_tokenizer_free(t);
}

TEST("Replace steps that grow a text without end are refused, honest ones are not")
{
    imr_chars c = {0};
    char a[] = "a", aa[] = "aa", long_one[64];
    imr_normalise_step steps[40];
    for (size_t i = 0; i < IMR_LEN(steps); i++)
        steps[i] = (imr_normalise_step){.op = IMR_NORM_REPLACE, .from = a, .to = aa};
    CHECK(imr_normalise(steps, IMR_LEN(steps), "a bird", 6, 0, &c, &err) == IMR_E_LIMIT);
    CHECK_CONTAINS(err.text,
                   "the tokeniser's Replace steps make more than 64 characters of a byte");
    CHECK(c.cap < 4096);
    CHECK(imr_normalise(steps, 5, "aaaa", 4, 0, &c, &err) == IMR_OK);
    CHECK_INT(c.n, 128);
    memset(long_one, 'b', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    steps[0].to = long_one;
    CHECK(imr_normalise(steps, 1, "aaaa", 4, 0, &c, &err) == IMR_OK);
    CHECK_INT(c.n, 4 * 63);
    imr_free(c.v);
}
