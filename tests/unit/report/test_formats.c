/* Reports for other programs: tables and weights of a made-up trace. */
#include "tests/unit/report/report_support.h"

#include "format/json.h"

static void render(imr_buf *out, const imr_trace *t, const char *format,
                   const imr_report_context *context)
{
    imr_error err;
    imr_buf_clear(out);
    CHECK_OK(imr_report_render(t, format, context, out, &err));
}

/* RFC 4180, strictly: the cell that begins at `at` into `cell`; returns what is behind it. */
static const char *read_cell(imr_buf *cell, const char *at)
{
    imr_buf_clear(cell);
    if (*at == '"') {
        for (at++; *at != '"' || *++at == '"'; at++) {
            CHECK(*at != '\0');
            imr_buf_char(cell, *at);
        }
    } else {
        for (; *at && *at != ',' && *at != '\r'; at++) {
            CHECK(*at != '"' && *at != '\n');
            imr_buf_char(cell, *at);
        }
    }
    CHECK(*at == ',' || strncmp(at, "\r\n", 2) == 0);
    return at + (*at == ',' ? 1 : 2);
}

enum { COLUMNS = 16 };

/* Cell `column` of line `line`, the caller's. */
static char *cell_of(const char *text, size_t line, size_t column)
{
    imr_buf cell = {0};
    size_t at_line = 0, at_column = 0;
    for (const char *at = text; *at;) {
        at = read_cell(&cell, at);
        if (at_line == line && at_column == column)
            return imr_buf_take(&cell);
        if (at[-1] == '\n') {
            CHECK_INT(at_column + 1, COLUMNS);
            at_line++, at_column = 0;
        } else {
            at_column++;
        }
    }
    imr_buf_done(&cell);
    return NULL;
}

static void check_cell(const char *text, size_t line, size_t column, const char *expected)
{
    char *cell = cell_of(text, line, column);
    CHECK(cell != NULL);
    CHECK_STR(cell, expected);
    imr_free(cell);
}

TEST("csv has a row for every document, listed or left, of every query, and one head")
{
    made_report m;
    imr_buf out = {0}, two = {0};
    made_report_init(&m, true);
    render(&out, &m.trace, "csv", NULL);
    check_cell(out.data, 0, 0, "query_id");
    check_cell(out.data, 0, COLUMNS - 1, "sentence");
    check_cell(out.data, 1, 2, "100");
    check_cell(out.data, 1, 4, "2");
    check_cell(out.data, 1, 8, "1.5");
    check_cell(out.data, 1, COLUMNS - 1, "2nd for the encoder, 1st now.");
    check_cell(out.data, 3, 2, "300");
    check_cell(out.data, 3, 6, ""); /* it left */
    check_cell(out.data, 3, 14, "");
    CHECK(!cell_of(out.data, 4, 0));
    render(&two, &m.trace, "csv", &(imr_report_context){.done = 1, .total = 2});
    check_cell(two.data, 0, 2, "100");
    const bool printed[3] = {false, true, false};
    render(&two, &m.trace, "csv", &(imr_report_context){.printed = printed, .chosen = true});
    check_cell(two.data, 1, 2, "200");
    CHECK(!cell_of(two.data, 2, 0));
    made_report_init(&m, false);
    render(&out, &m.trace, "csv", NULL);
    check_cell(out.data, 1, 6, "");
    imr_buf_done(&out);
    imr_buf_done(&two);
}

TEST("no cell of csv is a formula, breaks out of its cell, or carries an escape")
{
    static const struct {
        const char *title, *cell;
    } hostile[] = {
        {"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@SUM(1)", "'@SUM(1)"},
        {"\t=1", "' =1"},
        {"a\",\"b\r\nc", "a\",\"b c"},
        {"\x1b]0;x\a\xe2\x80\xae!", "<U+001B>]0;x<U+0007><U+202E>!"},
        {"plain - text", "plain - text"},
        {"", ""},
    };
    made_report m;
    imr_buf out = {0};
    made_report_init(&m, true);
    for (size_t i = 0; i < IMR_LEN(hostile); i++) {
        m.documents[0].title = hostile[i].title;
        render(&out, &m.trace, "csv", NULL);
        check_cell(out.data, 1, 3, hostile[i].cell);
        check_cell(out.data, 2, 2, "200");
    }
    imr_buf_done(&out);
}

TEST("several reports in one file are what their format calls several")
{
    made_report m;
    imr_buf out = {0};
    imr_error err;
    made_report_init(&m, true);
    for (size_t f = 0; f < imr_report_formats_count; f++) {
        imr_buf_clear(&out);
        for (size_t i = 0; i < 3; i++) {
            const imr_report_context context = {.details = &m.details, .done = i, .total = 3};
            CHECK_OK(imr_report_render(&m.trace, imr_report_formats[f].name, &context, &out, &err));
        }
        const char *name = imr_report_formats[f].name;
        imr_json *root = NULL;
        if (strcmp(name, "json") == 0) {
            CHECK_OK(imr_json_parse(&root, out.data, out.len, name, &err));
            CHECK_INT(imr_json_count(root), 3);
            imr_json_free(root);
        } else if (strcmp(name, "jsonl") == 0) {
            imr_jsonl it;
            const imr_json *node;
            size_t lines = 0;
            imr_jsonl_init(&it, out.data, out.len, name);
            while (imr_jsonl_next(&it, &node, &err) == IMR_OK && node)
                CHECK_INT(imr_json_count(imr_json_at(node, "documents")), (lines++, 2));
            CHECK_INT(lines, 3);
            imr_jsonl_done(&it);
        } else if (strcmp(name, "csv") == 0) {
            check_cell(out.data, 9, 2, "300");
            CHECK(!cell_of(out.data, 10, 0));
        }
    }
    CHECK(!imr_report_format_of("xml", &err));
    CHECK_CONTAINS(err.text, "text|md|html|json|");
    imr_buf_done(&out);
}

TEST("diffir has the weight of each word where it stands, in code points")
{
    /* Words 1, 2, 3 of the made-up document; the last is met twice, the first is not read. */
    static const char text[] = "F\xc3\xb6lic acid, homocysteine; homocysteine.";
    imr_detail_span spans[] = {
        {0, 6, 1}, {7, 11, 2}, {13, 25, 3}, {27, 39, 3}, {39, 40, UINT32_MAX}};
    made_report m;
    imr_buf out = {0};
    imr_error err;
    imr_json *root = NULL;
    made_report_init(&m, true);
    m.words[3].count = 2;
    m.detail.document_id = "1\"00";
    m.detail.text = text, m.detail.spans = spans, m.detail.n_spans = IMR_LEN(spans);
    const imr_report_context context = {.details = &m.details};
    render(&out, &m.trace, "diffir", &context);
    CHECK_OK(imr_json_parse(&root, out.data, out.len, "diffir", &err));
    const imr_json *found = imr_json_at(imr_json_at(root, "36"), "1\"00/text");
    static const double places[][2] = {{0, 5}, {6, 10}, {12, 24}, {26, 38}};
    CHECK_INT(imr_json_count(found), IMR_LEN(places));
    double sum = 0;
    for (size_t i = 0; i < IMR_LEN(places); i++) {
        char at[32];
        snprintf(at, sizeof at, "%zu/0", i);
        CHECK_NEAR(imr_json_number_or(found, at, NAN), places[i][0], 0);
        snprintf(at, sizeof at, "%zu/1", i);
        CHECK_NEAR(imr_json_number_or(found, at, NAN), places[i][1], 0);
        snprintf(at, sizeof at, "%zu/2", i);
        sum += imr_json_number_or(found, at, NAN);
    }
    double expected = 0;
    for (size_t w = 1; w <= 3; w++)
        expected += m.words[w].total[IMR_STAGE_AFTER] / .125;
    CHECK_NEAR(sum, expected, 1e-7);
    imr_json_free(root);
    m.detail.n_spans = 1; /* one weight: DiffIR would divide by the range of all */
    render(&out, &m.trace, "diffir", &context);
    CHECK_INT(out.len, 0);
    imr_buf_done(&out);
}
