#include "report/report.h"

#include <stdlib.h>

#include "report/formats.h"
#include "text/utf8.h"

const imr_report_format imr_report_formats[] = {
#define FORMAT(name, extension, details, open, between, close, what)                               \
    {#name, extension, what, IMR_REPORT_##details, open, between, close, imr_report_##name},
    IMR_REPORT_FORMATS(FORMAT)
#undef FORMAT
};
const size_t imr_report_formats_count = IMR_LEN(imr_report_formats);

static const imr_report_format views[] = {
    {"words", "txt", "", IMR_REPORT_SHOWN, "", "\n", "", imr_report_words},
    {"map", "txt", "", IMR_REPORT_NONE, "", "\n", "", imr_report_map}};

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

static const imr_report_format *find(const imr_report_format *v, size_t n, const char *name)
{
    for (; n; v++, n--)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

const imr_report_format *imr_report_format_of(const char *name, imr_error *err)
{
    const imr_report_format *f = find(imr_report_formats, imr_report_formats_count, name);
    IMR_AUTOBUF imr_buf known = {0};
    for (size_t i = 0; !f && i < imr_report_formats_count; i++)
        imr_buf_printf(&known, "%s%s", i ? "|" : "", imr_report_formats[i].name);
    if (!f)
        (void)imr_fail(err, IMR_E_USAGE, "--format: '%s' is not one of %s", name,
                       imr_buf_text(&known));
    return f;
}

imr_status imr_report_render(const imr_trace *t, const char *format,
                             const imr_report_context *context, imr_buf *out, imr_error *err)
{
    const imr_report_format *f = find(views, IMR_LEN(views), format);
    if (!f && !(f = imr_report_format_of(format, err)))
        return IMR_E_USAGE;
    const size_t done = context ? context->done : 0, total = context ? context->total : 0;
    if (total > 1)
        imr_buf_str(out, done ? f->between : f->open);
    const unsigned refused = imr_mem_refused;
    IMR_AUTOBUF imr_buf raw = {0};
    const bool terminal = strcmp(f->extension, "txt") == 0; /* the others clean piece by piece */
    f->write(t, context, terminal ? &raw : out);
    imr_utf8_clean(out, imr_buf_text(&raw), raw.len, IMR_CLEAN_NEWLINES);
    IMR_TRY(imr_buf_check(&raw, err));
    if (total > 1 && done + 1 == total)
        imr_buf_str(out, f->close);
    if (refused != imr_mem_refused) /* of any line or row of it */
        return imr_fail_memory(err);
    return imr_buf_check(out, err);
}

static int by_value(const void *a, const void *b)
{
    const imr_report_place *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value ? -1 : 1)
                                : (x->place > y->place) - (x->place < y->place);
}

void imr_report_rank(imr_report_place *v, size_t n)
{
    if (n)
        qsort(v, n, sizeof *v, by_value);
}

/* ---- pieces of text ---- */

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
        const size_t n = strcspn(text + blanks, " \n");
        const size_t columns = imr_utf8_width(text + blanks, n);
        const bool ends = *text == '\n';
        if (ends || (!fresh && at + blanks + columns > width)) {
            imr_buf_char(out, '\n');
            imr_buf_fill(out, ' ', indent);
            at = indent;
            fresh = true;
        }
        text += blanks + n + ends;
        if (fresh || !n)
            blanks = 0;
        imr_buf_fill(out, ' ', blanks);
        for (const char *at_byte = text - n; at_byte < text; at_byte++)
            imr_buf_char(out, *at_byte == IMR_REPORT_HOLD ? ' ' : *at_byte);
        at += blanks + columns;
        fresh = ends;
    }
    imr_buf_char(out, '\n');
}
