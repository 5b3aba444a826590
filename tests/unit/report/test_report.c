/* Reports of a made-up trace: what they say, and whether JSON follows its schema. */
#include "tests/unit/report/report_support.h"

#include "base/number.h"
#include "format/json.h"
#include "tests/support/schema.h"
#include "text/utf8.h"

static imr_json *open_schema(void)
{
    imr_error err;
    imr_json *schema = NULL;
    CHECK_OK(imr_json_open(&schema, IMRNN_SOURCE_ROOT "/assets/report.schema.json", &err));
    return schema;
}

static void render(imr_buf *out, const made_report *m, const char *format,
                   const imr_report_context *context)
{
    imr_error err;
    imr_buf_clear(out);
    CHECK_OK(imr_report_render(&m->trace, format, context, out, &err));
}

static imr_json *parse(const imr_buf *text)
{
    imr_error err;
    imr_json *root = NULL;
    CHECK_OK(imr_json_parse(&root, text->data, text->len, "report", &err));
    return root;
}

TEST("JSON follows its schema, with and without adapter, whys and matrices")
{
    imr_json *schema = open_schema();
    for (int i = 0; i < 12; i++) {
        made_report m;
        made_report_init(&m, i % 2);
        const imr_report_context context = {.details = i % 4 < 2 ? &m.details : NULL,
                                            .pairs = (imr_report_pairs)(i / 4)};
        imr_buf out = {0};
        render(&out, &m, "json", &context);
        imr_json *report = parse(&out);
        CHECK_STR(schema_problem(schema, report), "");
        imr_json_free(report);
        imr_buf_done(&out);
    }
    imr_json_free(schema);
}

TEST("the check of a schema finds what is wrong, and where")
{
    static const struct {
        const char *from, *to, *problem;
    } wrong[] = {
        {"\"rank_after\":1", "\"rank_after\":0", "documents/0/rank_after: fits none of anyOf"},
        {"\"form\":\"mean\"", "\"form\":\"meen\"", "inputs/adapter/form: is none of the values"},
        {"\"lift\":{\"total\"", "\"lift\":{\"sum\"", "documents/0/lift: lacks total"},
        {"\"documents\":[{", "\"documentz\":[{", "/: lacks documents"},
        {"\"cached\":false", "\"cached\":0", "query/cached: is not of type boolean"},
        {"aaaaaaaa\"", "AAAAAAAA\"", "inputs/adapter/sha256: fits none of anyOf"},
        {"\"reference\":\"candidates\"", "\"referenz\":\"candidates\"", "documents/0/pairs: "},
    };
    imr_json *schema = open_schema();
    made_report m;
    made_report_init(&m, true);
    const imr_report_context context = {.details = &m.details};
    imr_buf out = {0};
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        render(&out, &m, "json", &context);
        char *at = strstr(out.data, wrong[i].from);
        CHECK(at && strlen(wrong[i].from) >= strlen(wrong[i].to));
        memset(at, ' ', strlen(wrong[i].from));
        memcpy(at, wrong[i].to, strlen(wrong[i].to));
        imr_json *report = parse(&out);
        CHECK_CONTAINS(schema_problem(schema, report), wrong[i].problem);
        imr_json_free(report);
    }
    imr_buf_done(&out);
    imr_json_free(schema);
}

TEST("a matrix of JSON adds up to the similarity it belongs to")
{
    made_report m;
    made_report_init(&m, true);
    const imr_report_context context = {.details = &m.details, .pairs = IMR_REPORT_PAIRS_ALL};
    imr_buf out = {0};
    render(&out, &m, "json", &context);
    imr_json *report = parse(&out);
    const imr_json *pairs = imr_json_at(report, "documents/0/pairs");
    static const char *const stages[] = {"encoder", "before", "after"};
    for (size_t s = 0; s < IMR_LEN(stages); s++) {
        char path[64];
        double sum = 0, parts[3];
        for (const imr_json *row = imr_json_child(imr_json_at(pairs, stages[s])); row;
             row = imr_json_next(row))
            for (const imr_json *v = imr_json_child(row); v; v = imr_json_next(v))
                sum += imr_json_number_or(v, "", NAN);
        static const char *const names[] = {"similarity", "reference_mean", "residual"};
        for (size_t i = 0; i < IMR_LEN(names); i++) {
            snprintf(path, sizeof path, "%s/%s", names[i], stages[s]);
            parts[i] = imr_json_number_or(pairs, path, NAN);
        }
        CHECK_NEAR(sum, parts[0] - parts[1] - parts[2], 1e-8);
    }
    CHECK_INT(imr_json_count(imr_json_at(pairs, "query_words")), MADE_QUERY + 1);
    CHECK(imr_json_is_null(imr_json_at(pairs, "query_words/3")));
    CHECK_STR(imr_json_string_or(report, "documents/0/sentence", ""),
              "2nd for the encoder, 1st now; it is here for homocysteine, acid ~ vitamin, among "
              "others.");
    CHECK(imr_json_is_null(imr_json_at(report, "documents/1/pairs")));
    CHECK(imr_json_is_null(imr_json_at(report, "documents/0/deletion")));
    CHECK_STR(imr_json_string_or(report, "documents/1/deletion/1/word", ""), "folic");
    CHECK_NEAR(imr_json_number_or(report, "documents/1/deletion/1/after", NAN),
               m.deletion[1].total[IMR_STAGE_AFTER], 1e-8);
    CHECK_STR(imr_json_string_or(report, "left/0/id", ""), "300");
    CHECK_STR(imr_json_string_or(report, "documents/0/tokens/positive/0/token", ""), "folate");
    imr_json_free(report);
    imr_buf_done(&out);
}

TEST("text begins each document with its sentence and says why, in 80 columns")
{
    made_report m;
    made_report_init(&m, true);
    const imr_report_context context = {.details = &m.details};
    imr_buf out = {0};
    render(&out, &m, "text", &context);
    const char *text = imr_buf_text(&out);
    const char *order[] = {"\n100  Folic acid",
                           "2nd for the encoder, 1st now; it is here for",
                           "Why it is here",
                           "homocysteine",
                           "special tokens",
                           "not from words",
                           "sum ",
                           "the encoder read 256 of its 300 tokens",
                           "What the adapter did",
                           "Words of its change",
                           "own    + folate",
                           "manner +0.2500 ns hub",
                           "\n200\n",
                           "nobody asked",
                           "what the cosine loses without a word",
                           "folic"};
    const char *at = text;
    for (size_t i = 0; i < IMR_LEN(order); i++) {
        CHECK_CONTAINS(at, order[i]);
        at = strstr(at, order[i]);
    }
    CHECK(!strchr(text, '*') || strstr(text, " * 100"));
    CHECK_CONTAINS(text, "nDCG@10    encoder 0.2500  proj 0.5000  now 0.7500  gain +0.5000");
    imr_buf_done(&out);
}

TEST("text and words keep to their width, 60 columns and more")
{
    static const char *const formats[] = {"text", "words"};
    for (size_t width = 60; width <= 200; width += 7)
        for (int i = 0; i < 4; i++) {
            made_report m;
            made_report_init(&m, i % 2);
            const imr_report_context context = {.details = &m.details, .width = width};
            imr_buf out = {0};
            render(&out, &m, formats[i / 2], &context);
            const char *at = imr_buf_text(&out);
            while (*at) {
                const size_t n = strcspn(at, "\n");
                test_count();
                if (imr_utf8_width(at, n) > width)
                    FAIL("%s, %zu columns: %.*s", formats[i / 2], width, (int)n, at);
                at += n + (at[n] == '\n');
            }
            imr_buf_done(&out);
        }
}

/* The last number of the line that begins with name, in the table under title. */
TEST("no allocation of a report that fails is given back twice")
{
    static const char *const formats[] = {"text", "words", "html"};
    made_report m;
    made_report_init(&m, true);
    for (size_t f = 0; f < IMR_LEN(formats); f++) {
        const imr_report_context c = {.details = &m.details};
        long all = 1;
        for (long i = 0; i < all; i++) {
            imr_buf out = {0};
            imr_error err;
            imr_mem_fail_after(i ? i - 1 : -1); /* first how many there are */
            const imr_status status = imr_report_render(&m.trace, formats[f], &c, &out, &err);
            all = i ? all : imr_mem_count() + 1;
            imr_mem_fail_after(-1);
            CHECK_INT(status, i ? IMR_E_MEMORY : IMR_OK);
            imr_buf_done(&out);
        }
    }
}

static double last_number(const char *text, const char *title, const char *name)
{
    const char *at = strstr(text, title);
    CHECK(at != NULL);
    at = strstr(at, name);
    CHECK(at != NULL);
    const char *end = at + 1 + strcspn(at + 1, "\n"), *first = end;
    while (first[-1] != ' ')
        first--;
    double value = NAN;
    CHECK(imr_parse_double(first, (size_t)(end - first), &value));
    return value;
}

TEST("the tables of words end in the number they must add up to")
{
    made_report m;
    made_report_init(&m, true);
    const imr_report_context context = {.details = &m.details};
    imr_buf out = {0};
    render(&out, &m, "words", &context);
    const char *text = imr_buf_text(&out);
    const imr_why *w = &m.detail.why;
    CHECK_NEAR(last_number(text, "\nencoder,", "\ntotal"), w->standing[IMR_STAGE_ENCODER], .0051);
    CHECK_NEAR(last_number(text, "\nprojected,", "\ntotal"), w->standing[IMR_STAGE_BEFORE], .0051);
    CHECK_NEAR(last_number(text, "\nafter,", "\ntotal"), w->standing[IMR_STAGE_AFTER], .0051);
    CHECK_NEAR(last_number(text, "\nchange:", "\ntotal"), w->lift.total, .0051);
    CHECK_CONTAINS(text, "total = its lift");
    made_report_init(&m, false);
    render(&out, &m, "words", &context);
    CHECK(!strstr(imr_buf_text(&out), "projected"));
    imr_buf_done(&out);
}

TEST("A against B is in JSON as its schema says, and in text within its width")
{
    imr_json *schema = open_schema();
    for (int i = 0; i < 4; i++) {
        made_report m;
        imr_error err;
        imr_buf out = {0};
        imr_arena *arena = imr_arena_new();
        made_report_init(&m, i % 2);
        imr_comparison c = {.trace = {&m.trace, &m.trace}, .place = {0, 1}};
        const imr_why other = i < 2 ? m.detail.why : m.numbers.why;
        const imr_compare_side side[2] = {
            {&m.detail.why, {2, i % 2 ? 2 : 0, i % 2}, {.4f, .5f, .6f}},
            {&other, {1, i % 2, 2 * (uint32_t)(i % 2)}, {.4f, .5f, .5f}}};
        CHECK_OK(imr_compare_make(&c.why, IMR_COMPARE_DOCUMENTS, side, arena, &err));
        c.contrast = m.detail.why.words[IMR_CHANGE_OWN];
        const imr_report_context context = {.details = &m.details, .compare = &c, .width = 60};
        render(&out, &m, "json", &context);
        imr_json *report = parse(&out);
        CHECK_STR(schema_problem(schema, report), "");
        CHECK_CONTAINS(imr_buf_text(&out),
                       "\"compare\":{\"of\":\"documents\",\"a\":{\"document\":\"100\"");
        CHECK(!strstr(imr_buf_text(&out), "nan"));
        imr_json_free(report);
        render(&out, &m, "text", &context);
        CHECK_CONTAINS(imr_buf_text(&out), "\nGap, A less B ");
        CHECK_CONTAINS(imr_buf_text(&out), i < 2 ? "\nnot from words " : "\nnobody asked\n");
        CHECK(!strstr(imr_buf_text(&out), "nan"));
        for (const char *at = strstr(imr_buf_text(&out), "\nA   100"); at && *at;
             at += *at == '\n') {
            const size_t n = strcspn(at, "\n");
            CHECK(imr_utf8_width(at, n) <= 60);
            at += n;
        }
        imr_buf_done(&out);
        imr_arena_free(arena);
    }
    imr_json_free(schema);
}
