#include "base/limits.h"
#include "format/jsonl.h"
#include "format_support.h"

static imr_error err;

/* Gives `data` in pieces of changing length. */
typedef struct source {
    const char *data;
    size_t len, at, step;
    size_t fail_at;
    char *piece; /* gone when the next one comes */
} source;

static imr_status more(void *user, const char **bytes, size_t *n, imr_error *e)
{
    source *s = user;
    free(s->piece);
    s->piece = NULL;
    if (s->fail_at && s->at >= s->fail_at)
        return imr_fail(e, IMR_E_FORMAT, "the source is damaged");
    *n = s->len - s->at < s->step ? s->len - s->at : s->step;
    *bytes = s->piece = exact_copy(s->data + s->at, *n);
    s->at += *n;
    return IMR_OK;
}

/* Both ways line by line: the same nodes, places and complaints. */
static void check_same(const char *text, size_t len, size_t step)
{
    imr_jsonl a, b;
    source s = {.data = text, .len = len, .step = step};
    imr_error ea, eb;
    imr_jsonl_init(&a, text, len, "x");
    imr_jsonl_init_stream(&b, more, &s, "x");
    for (;;) {
        const imr_json *na = NULL, *nb = NULL;
        imr_status sa = imr_jsonl_next(&a, &na, &ea), sb = imr_jsonl_next(&b, &nb, &eb);
        CHECK_INT(sb, sa);
        CHECK_INT(b.line, a.line);
        CHECK_INT(b.pos, a.pos);
        CHECK((na == NULL) == (nb == NULL) && !b.broken);
        if (sa != IMR_OK)
            CHECK_STR(eb.text, ea.text);
        else if (!na)
            break;
        CHECK_INT(b.line_start, a.line_start);
        CHECK_INT(b.line_len, a.line_len);
        if (na)
            CHECK_STR(imr_json_string_or(nb, "", "?"), imr_json_string_or(na, "", "?"));
    }
    imr_jsonl_done(&a);
    imr_jsonl_done(&b);
    free(s.piece);
}

TEST("lines that come in pieces of any length are the lines")
{
    static const char *const texts[] = {
        "",
        "\n\n  \n",
        "\"a\"",
        "\"a\"\n\"b\"\r\n\r\n \t\n\"c\" \r\n{\"broken\":\n\"d\"\n",
        "\"a long line, longer than the others\"\n\"b\"\n\n\n\"\xc3\xa9\"\nbroken",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t step = 1; step <= strlen(texts[i]) + 1; step++)
            check_same(texts[i], strlen(texts[i]), step);
}

TEST("a line over the limit is skipped in a stream as it is in memory")
{
    for (size_t over = 0; over < 4; over++) {
        imr_buf b = {0};
        imr_buf_str(&b, "\"a\"\n\"");
        imr_buf_fill(&b, 'x', IMR_MAX_LINE_BYTES - 3 + over); /* and the quotes around it */
        imr_buf_str(&b, "\"\r\n\"b\"\n");
        CHECK_OK(imr_buf_check(&b, &err));
        check_same(b.data, b.len, (size_t)1 << 20);
        imr_buf_done(&b);
    }
}

TEST("an error of the source ends the reading and is no bad line")
{
    const char *text = "\"a\"\n\"b\"\n\"c\"\n";
    source s = {.data = text, .len = strlen(text), .step = 5, .fail_at = 5};
    imr_jsonl it;
    const imr_json *node;
    imr_jsonl_init_stream(&it, more, &s, "x");
    CHECK_OK(imr_jsonl_next(&it, &node, &err));
    CHECK(node && !it.broken);
    CHECK_INT(imr_jsonl_next(&it, &node, &err), IMR_E_FORMAT);
    CHECK(it.broken);
    CHECK_STR(err.text, "the source is damaged");
    imr_jsonl_done(&it);
    free(s.piece);
}

static imr_status read_stream(void)
{
    const char *text = "\"a\"\n\"bbbbbbbbbbbbbbbbbbbbbbb\"\n";
    source s = {.data = text, .len = strlen(text), .step = 3};
    imr_jsonl it;
    const imr_json *node = NULL;
    imr_status status = IMR_OK;
    imr_jsonl_init_stream(&it, more, &s, "x");
    do
        status = imr_jsonl_next(&it, &node, &err);
    while (status == IMR_OK && node);
    imr_jsonl_done(&it);
    free(s.piece);
    return status;
}

TEST("a stream survives the failure of every allocation")
{
    CHECK_EVERY_ALLOCATION(read_stream());
}
