#include "encoder/token_sum.h"

#include "encoder/train_static.h"
#include "format/json.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

static imr_encoder *open_or_fail(const char *folder)
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    return e;
}

/* What holds for any text of any encoder that has the sum. */
static void sums_up(const imr_encoder *e, const char *text)
{
    const size_t len = strlen(text), n = e->dim;
    float vector[512];
    imr_token_count count, again;
    imr_token_sum s = {0};
    CHECK(n <= IMR_LEN(vector));
    CHECK_OK(imr_encoder_encode(e, &text, &len, 1, vector, &count, NULL, &err));
    CHECK_OK(imr_encoder_count_tokens(&again, e, text, len, &err));
    CHECK(memcmp(&count, &again, sizeof count) == 0);
    CHECK_OK(imr_encoder_token_sum(&s, e, text, len, NULL, &err));
    CHECK_INT(s.n, n);
    CHECK(memcmp(s.vector, vector, n * sizeof *vector) == 0);
    CHECK(memcmp(&s.count, &count, sizeof count) == 0);
    CHECK_INT(s.tokens.n, count.read);
    CHECK_INT(s.tokens.total, count.total);
    for (size_t j = 0; j < n; j++) {
        double sum = (double)s.extra[j];
        for (size_t b = 0; b < s.tokens.n; b++)
            sum += (double)s.rows[b * n + j];
        CHECK_NEAR(sum, vector[j], 1e-6);
    }
    size_t words = 0, end = 0;
    for (size_t b = 0; b < s.tokens.n; b++) {
        CHECK(s.tokens.v[b].start <= s.tokens.v[b].end && s.tokens.v[b].end <= len);
        end = s.tokens.v[b].end > s.tokens.v[b].start ? s.tokens.v[b].end : end;
        if (s.tokens.v[b].word == IMR_NO_WORD)
            continue;
        CHECK(s.tokens.v[b].word < s.tokens.words.n &&
              *imr_tokens_word(&s.tokens, s.tokens.v[b].word));
        words = s.tokens.v[b].word + 1u;
    }
    CHECK_INT(s.tokens.words.n, words);
    CHECK_INT(s.read_end, s.tokens.n < s.tokens.total ? end : len);
    imr_token_sum_done(&s);
}

static const char *const folders[] = {"oracle/encoders/minilm-like-mean",
                                      "oracle/encoders/e5-like-prompt-fp16",
                                      "oracle/encoders/mpnet-like",
                                      "oracle/encoders/bge-like-cls",
                                      "oracle/encoders/bert-bin-max-unnormalised",
                                      "oracle/encoders/static-model2vec",
                                      "oracle/encoders/static-sentence-transformers"};

TEST("the rows add up to the vector for every text of every published layout")
{
    for (size_t f = 0; f < IMR_LEN(folders); f++) {
        const char *folder = keep(test_shared(folders[f]));
        imr_encoder *e = open_or_fail(folder);
        const bool none = strstr(folder, "cls") || strstr(folder, "max");
        CHECK((*imr_encoder_sum_problem(e) != '\0') == none);
        imr_json *json = NULL;
        CHECK_OK(imr_json_open(&json, test_path(folder, "expected_texts.json"), &err));
        for (const imr_json *t = imr_json_child(json); t && !none; t = imr_json_next(t))
            sums_up(e, imr_json_string_or(t, "", ""));
        imr_json_free(json);
        imr_encoder_free(e);
    }
}

/* ---- words ---- */

static void same_words(const imr_encoder *e, const imr_json *pair, const char *which,
                       const char *text)
{
    char key[64];
    imr_token_sum s = {0};
    CHECK_OK(imr_encoder_token_sum(&s, e, text, strlen(text), NULL, &err));
    snprintf(key, sizeof key, "%s_word_ids", which);
    const imr_json *id = imr_json_child(imr_json_at(pair, key));
    snprintf(key, sizeof key, "%s_tokens", which);
    const imr_json *token = imr_json_child(imr_json_at(pair, key));
    IMR_AUTOBUF imr_buf joined = {0};
    for (size_t b = 0; b < s.tokens.n; b++, id = imr_json_next(id), token = imr_json_next(token)) {
        CHECK(id && token);
        const char *piece = imr_json_string_or(token, "", "");
        CHECK_STR(imr_encoder_token_text(e, s.tokens.v[b].id), piece);
        CHECK_INT(s.tokens.v[b].word, imr_json_int_or(id, "", IMR_NO_WORD));
        const bool starts = b == 0 || s.tokens.v[b].word != s.tokens.v[b - 1].word;
        if (starts)
            imr_buf_clear(&joined);
        imr_buf_str(&joined, piece + (starts ? 0 : 2));
        if (s.tokens.v[b].word != IMR_NO_WORD && s.tokens.v[b + 1].word != s.tokens.v[b].word)
            CHECK_STR(imr_tokens_word(&s.tokens, s.tokens.v[b].word), imr_buf_text(&joined));
    }
    CHECK(!id && !token);
    imr_token_sum_done(&s);
}

/* The text of a line of a BEIR file as it is encoded: title, a space, text. */
static char *text_of(const char *file, const char *wanted)
{
    size_t len;
    char *all = test_read(file, &len), *rest, *text = NULL;
    for (char *line = strtok_r(all, "\n", &rest); line && !text;
         line = strtok_r(NULL, "\n", &rest)) {
        imr_json *json = NULL;
        CHECK_OK(imr_json_parse(&json, line, strlen(line), file, &err));
        if (strcmp(imr_json_string_or(json, "_id", ""), wanted) == 0) {
            const char *title = imr_json_string_or(json, "title", "");
            IMR_AUTOBUF imr_buf b = {0};
            imr_buf_printf(&b, "%s%s%s", title, *title ? " " : "",
                           imr_json_string_or(json, "text", ""));
            text = strdup(imr_buf_text(&b));
        }
        imr_json_free(json);
    }
    free(all);
    CHECK(text != NULL);
    return text;
}

TEST("tokens, words and sums of the published encoder are those of the golden pairs")
{
    const char *model = keep(test_shared("models/all-MiniLM-L6-v2"));
    const char *pairs = keep(test_shared("oracle/final/shares.json"));
    const char *queries = keep(test_shared("datasets/scifact/queries.jsonl"));
    const char *corpus = keep(test_shared("datasets/scifact/corpus.jsonl"));
    imr_encoder *e = open_or_fail(model);
    imr_json *json = NULL;
    CHECK_OK(imr_json_open(&json, pairs, &err));
    for (const imr_json *p = imr_json_child(json); p; p = imr_json_next(p)) {
        char *query = text_of(queries, imr_json_string_or(p, "query", ""));
        char *document = text_of(corpus, imr_json_string_or(p, "document", ""));
        same_words(e, p, "query", query);
        same_words(e, p, "document", document);
        sums_up(e, query);
        sums_up(e, document);
        free(query);
        free(document);
    }
    imr_json_free(json);
    imr_encoder_free(e);
}

TEST("reading ends where the encoder's maximum ends it, in the middle of a word too")
{
    tiny t = tiny_new(false, 12, 3, 20, 6);
    imr_encoder *e = open_or_fail(t.dir);
    imr_token_sum s = {0};
    static const char text[] = "wa WB wc wd we wf [SEP]";
    CHECK_OK(imr_encoder_token_sum(&s, e, text, sizeof text - 1, NULL, &err));
    CHECK_INT(s.tokens.n, 6);
    CHECK_INT(s.tokens.total, 9);
    CHECK_INT(s.tokens.words.n, 4);
    CHECK_INT(s.read_end, 11);
    CHECK_STR(imr_tokens_word(&s.tokens, 1), "wb");
    CHECK_INT(s.tokens.v[0].word, IMR_NO_WORD);
    CHECK_INT(s.tokens.v[5].word, IMR_NO_WORD);
    imr_token_sum_done(&s);
    sums_up(e, text);
    sums_up(e, "");
    sums_up(e, "[SEP] wa unheard");
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("a word left out has a row of zeros and is read; nothing known gives zeros")
{
    static const char *const words[] = {"[UNK]", "sun", "moon"};
    static const float rows[] = {9, 9, 3, 0, 0, 4};
    const char *folder = keep(test_tmpdir());
    CHECK_OK(imr_static_write(folder, words + 1, 2, imr_view_of(rows + 2, 2, 2), true, &err));
    imr_encoder *e = open_or_fail(folder);
    imr_token_sum s = {0};
    static const char text[] = "sun tide moon";
    CHECK_OK(imr_encoder_token_sum(&s, e, text, sizeof text - 1, NULL, &err));
    CHECK_INT(s.tokens.n, 3);
    CHECK_NEAR(s.rows[0], .6, 1e-6);
    CHECK(s.rows[1] == 0 && s.rows[2] == 0 && s.rows[3] == 0 && s.rows[4] == 0);
    CHECK_NEAR(s.rows[5], .8, 1e-6);
    CHECK_STR(imr_tokens_word(&s.tokens, 1), "tide");
    imr_token_sum_done(&s);
    sums_up(e, text);
    sums_up(e, "tide tide");
    sums_up(e, "");
    imr_encoder_free(e);
}

/* ---- stopping ---- */

typedef struct stopper {
    size_t calls, after;
} stopper;

static bool stop(void *user, const imr_progress_info *info)
{
    (void)info;
    stopper *s = user;
    return ++s->calls != s->after;
}

static void stops_anywhere(size_t hidden, size_t heads, size_t inner)
{
    enum { WORDS = 300 };
    tiny t = tiny_new(false, hidden, heads, inner, 256);
    imr_encoder *e = open_or_fail(t.dir);
    char text[3 * WORDS + 1] = "";
    for (size_t i = 0; i < WORDS; i++)
        snprintf(text + 3 * i, 4, "w%c ", (char)('a' + i % 20));
    stopper s = {0};
    const imr_progress p = {stop, &s};
    imr_token_sum sum = {0};
    CHECK_OK(imr_encoder_token_sum(&sum, e, text, strlen(text), &p, &err));
    imr_token_sum_done(&sum);
    const size_t all = s.calls;
    CHECK(all >= 3 * t.layers);
    for (size_t after = 1; after <= all; after++) {
        s = (stopper){.after = after};
        CHECK_INT(imr_encoder_token_sum(&sum, e, text, strlen(text), &p, &err), IMR_E_CANCELLED);
        CHECK_INT(s.calls, after);
        CHECK(!sum.rows);
    }
    imr_encoder_free(e);
    tiny_done(&t);
}

TEST("one long text is asked whether to go on several times a layer, and stops at any of them")
{
    stops_anywhere(12, 3, 20);
    stops_anywhere(48, 4, 96); /* large enough for several threads */
}
