/*
 * report/formats.h - the writers behind report/report.h. Failures stick to the buffer.
 */
#ifndef IMR_REPORT_FORMATS_H
#define IMR_REPORT_FORMATS_H

#include "report/report.h"

imr_report_writer imr_report_text, imr_report_json, imr_report_csv, imr_report_diffir,
    imr_report_map, imr_report_words;
#define imr_report_jsonl imr_report_json

static inline bool imr_report_adapted(const imr_trace *t) /* false: the encoder's ranking alone */
{
    return t->working_dim > 0;
}

/* What is known of document i, or NULL; whether text and words print it. */
static inline const imr_detail *imr_report_detail(const imr_report_context *c, size_t i)
{
    return c && c->details && i < c->details->n ? c->details->v[i] : NULL;
}
/* A detail that knows the query's words, if there is one: they all say the same of it. */
const imr_detail *imr_report_query(const imr_trace *t, const imr_report_context *c);
static inline bool imr_report_prints(const imr_report_context *c, size_t i)
{
    return c && c->printed ? c->printed[i] : i < (c && c->top ? c->top : IMR_REPORT_TOP);
}
static inline size_t imr_report_width(const imr_report_context *c)
{
    return c && c->width ? c->width : IMR_REPORT_WIDTH;
}

/* Places by value, the largest first. */
typedef struct imr_report_place {
    double value;
    uint32_t place;
} imr_report_place;
void imr_report_rank(imr_report_place *v, size_t n);

/* ---- text ---- */

extern const char *const imr_report_stages[]; /* "encoder", "projected", "now" */

/* Sentences mark words by asterisks (explain/sentence.h); here they are left out. */
void imr_report_plain(imr_buf *out, const char *sentence);
/* text, then blanks up to `columns`; what is longer is cut. */
void imr_report_cell(imr_buf *out, const char *text, size_t columns);
/* A blank where a line must not be broken: no text of a trace has it. */
#define IMR_REPORT_HOLD '\xff'
/* text, sanitised, broken at blanks into lines of `width` columns: the first goes on at column
 * `at`, the others behind `indent` blanks. Ends with a newline. A longer word stands alone. */
void imr_report_wrap(imr_buf *out, const char *text, size_t at, size_t indent, size_t width);

/* ---- a document's why as text (text_why.c) ---- */

typedef struct imr_text_style {
    size_t width;
    bool adapter;
    imr_token_order order;
    const imr_trace_inputs *inputs;
} imr_text_style;

void imr_text_why(imr_buf *out, const imr_why *w, const imr_trace_document *d,
                  const imr_text_style *style);
/* What the similarity loses without each word, most first; nothing where nobody asked. */
void imr_text_left_out(imr_buf *out, const imr_why *w, bool adapter, size_t indent, size_t width);
/* A against B: the sentence, the gap, words and pairs side by side, the contrast. */
void imr_text_compare(imr_buf *out, const imr_comparison *c, const imr_text_style *style);
/* What a change says, a paragraph for each kind and side. */
void imr_text_words(imr_buf *out, const imr_word_list lists[IMR_CHANGE_COUNT],
                    const imr_text_style *style);

#endif
