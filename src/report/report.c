#include "report/report.h"

#include <stdlib.h>

#include "report/formats.h"
#include "text/utf8.h"

static const struct {
    const char *name;
    void (*write)(const imr_trace *t, const imr_report_context *context, imr_buf *out);
    bool json;
} formats[] = {{"text", imr_report_text, false},
               {"json", imr_report_json, true},
               {"words", imr_report_words, false},
               {"map", imr_report_map, false}};

const char *const imr_report_stages[] = {"encoder", "projected", "now"};

const imr_detail *imr_report_query(const imr_trace *t, const imr_report_context *c)
{
    for (size_t i = 0; i < t->n_documents; i++) {
        const imr_detail *d = imr_report_detail(c, i);
        for (int k = 0; d && k < IMR_CHANGE_COUNT; k++)
            if (d->query_words[k].n_positive + d->query_words[k].n_negative)
                return d;
    }
    return imr_report_detail(c, 0);
}

imr_status imr_report_render(const imr_trace *t, const char *format,
                             const imr_report_context *context, imr_buf *out, imr_error *err)
{
    for (size_t i = 0; i < IMR_LEN(formats); i++)
        if (strcmp(formats[i].name, format) == 0) {
            IMR_AUTOBUF imr_buf raw = {0};
            formats[i].write(t, context, formats[i].json ? out : &raw);
            imr_utf8_clean(out, imr_buf_text(&raw), raw.len, IMR_CLEAN_NEWLINES);
            IMR_TRY(imr_buf_check(&raw, err));
            return imr_buf_check(out, err);
        }
    IMR_AUTOBUF imr_buf known = {0};
    for (size_t i = 0; i < IMR_LEN(formats); i++)
        imr_buf_printf(&known, "%s%s", i ? ", " : "", formats[i].name);
    return imr_fail(err, IMR_E_USAGE, "unknown report format '%s'; known: %s", format,
                    imr_buf_text(&known));
}

static int by_value(const void *a, const void *b)
{
    const imr_report_place *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value ? -1 : 1)
                                : (x->place > y->place) - (x->place < y->place);
}

void imr_report_rank(imr_report_place *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
}

/* ---- pieces of text ---- */

void imr_report_plain(imr_buf *out, const char *sentence)
{
    for (const char *at = sentence; *at; at++)
        if (*at != '*')
            imr_buf_char(out, *at);
}

void imr_report_cell(imr_buf *out, const char *text, size_t columns)
{
    const size_t used = imr_utf8_clip(out, text, strlen(text), columns, "~");
    imr_buf_fill(out, ' ', columns - used);
}

void imr_report_wrap(imr_buf *out, const char *text, size_t at, size_t indent, size_t width)
{
    bool fresh = true; /* nothing of the text on this line yet */
    while (*text) {
        size_t blanks = strspn(text, " ");
        const size_t n = strcspn(text + blanks, " ");
        const size_t columns = imr_utf8_width(text + blanks, n);
        if (!fresh && at + blanks + columns > width) {
            imr_buf_char(out, '\n');
            imr_buf_fill(out, ' ', indent);
            at = indent;
            fresh = true;
        }
        text += blanks + n;
        if (fresh || !n)
            blanks = 0;
        imr_buf_fill(out, ' ', blanks);
        for (const char *at_byte = text - n; at_byte < text; at_byte++)
            imr_buf_char(out, *at_byte == IMR_REPORT_HOLD ? ' ' : *at_byte);
        at += blanks + columns;
        fresh = false;
    }
    imr_buf_char(out, '\n');
}
