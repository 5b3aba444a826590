/* Rankings as a table, and weights of words: for other programs. */
#include <math.h>

#include "base/number.h"
#include "report/formats.h"
#include "text/utf8.h"

/* ---- csv ---- */

void imr_report_csv_cell(imr_buf *out, const char *text, const char *end)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, text, strlen(text), IMR_CLEAN_LINE);
    /* Spreadsheets take what begins so for a formula. */
    const char *at = imr_buf_text(&clean), *formula = *text ? strchr("=+-@\t\r", *text) : NULL;
    const bool quoted = at[strcspn(at, "\",")] != '\0';
    imr_buf_str(out, quoted ? "\"" : "");
    imr_buf_str(out, formula ? "'" : "");
    for (; *at; at++) {
        if (*at == '"')
            imr_buf_char(out, '"');
        imr_buf_char(out, *at);
    }
    imr_buf_printf(out, "%s%s", quoted ? "\"" : "", end);
}

static void integer(imr_buf *out, bool there, long long value)
{
    imr_buf_printf(out, there ? "%lld," : ",", value);
}

static void number(imr_buf *out, bool there, double value)
{
    imr_buf_printf(out, "%s,",
                   there && !isnan(value) ? imr_format_float((char[32]){0}, value) : "");
}

static void row(imr_buf *out, const imr_trace *t, const imr_trace_document *d, const imr_why *why)
{
    const bool adapter = imr_report_adapted(t), after = adapter && d->rank_after;
    IMR_AUTOBUF imr_buf sentence = {0};
    imr_report_csv_cell(out, t->query_id, ",");
    imr_report_csv_cell(out, t->query_text, ",");
    imr_report_csv_cell(out, d->id, ",");
    imr_report_csv_cell(out, d->title, ",");
    integer(out, d->rank_encoder, d->rank_encoder);
    integer(out, adapter && d->rank_before, d->rank_before);
    integer(out, after, d->rank_after);
    integer(out, after, d->move_encoder);
    number(out, after, d->lift.total);
    number(out, after, d->lift.projector);
    number(out, after, d->lift.modulation);
    number(out, true, (double)d->sim_encoder);
    number(out, adapter, (double)d->sim_before);
    number(out, after, (double)d->sim_after);
    integer(out, d->relevance >= 0, d->relevance);
    imr_sentence_plain(&sentence, why ? why->sentence : d->sentence);
    imr_report_csv_cell(out, imr_buf_text(&sentence), "\r\n");
}

void imr_report_csv(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    if (!context || !context->done)
        imr_buf_str(out,
                    "query_id,query,id,title,rank_encoder,rank_before,rank_after,move_encoder,lift,"
                    "lift_projector,lift_modulation,sim_encoder,sim_before,sim_after,relevance,"
                    "sentence\r\n");
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_detail *about = imr_report_detail(context, i);
        if (!context || !context->chosen || imr_report_prints(context, i))
            row(out, t, imr_trace_at(t, i), about ? &about->why : NULL);
    }
}

/* ---- diffir ---- */

/* The weights of a document's words; least and most are those of the query. */
static void weights(imr_buf *out, const imr_detail *d, imr_stage stage, double *least, double *most)
{
    const imr_pairs *p = &d->why.pairs;
    size_t byte = 0, point = 0;
    bool any = false;
    for (size_t i = 0; i < d->n_spans; i++) {
        const imr_detail_span *s = &d->spans[i];
        if (s->word == UINT32_MAX || p->document[s->word].special)
            continue;
        const imr_pair_word *w = &p->document[s->word];
        const double weight = w->total[stage] / imr_pairs_unit(p, stage) / w->count;
        point += imr_utf8_count(d->text + byte, s->start - byte);
        const size_t end = point + imr_utf8_count(d->text + s->start, s->end - s->start);
        byte = s->start;
        if (!any)
            imr_json_put_string(out, d->document_id);
        imr_json_printf(out, any ? ",[%zu,%zu,%g]" : ":{'text':[[%zu,%zu,%g]", point, end, weight);
        any = true;
        *least = fmin(*least, weight);
        *most = fmax(*most, weight);
    }
    imr_buf_str(out, any ? "]}," : "");
}

void imr_report_diffir(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    double least = INFINITY, most = -INFINITY;
    IMR_AUTOBUF imr_buf line = {0};
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_detail *d = imr_report_detail(context, i);
        const imr_stage stage = imr_report_adapted(t) && imr_trace_at(t, i)->rank_after
                                    ? IMR_STAGE_AFTER
                                    : IMR_STAGE_ENCODER;
        if (d && imr_report_prints(context, i) && !d->why.pairs.problem[0])
            weights(&line, d, stage, &least, &most);
    }
    if (!(most > least))
        return;
    imr_json_printf(out, "{%s:{", *t->query_id ? t->query_id : t->query_text);
    imr_buf_printf(out, "%.*s}}\n", (int)line.len - 1, imr_buf_text(&line)); /* less the comma */
}
