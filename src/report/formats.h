/*
 * report/formats.h - the writers behind report/report.h. Failures stick to the buffer.
 */
#pragma once

#include "explain/sentence.h"
#include "report/report.h"

imr_report_writer imr_report_text, imr_report_md, imr_report_html, imr_report_json, imr_report_csv,
    imr_report_diffir, imr_report_map, imr_report_words;
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

/* ---- what text and pages both say ---- */

/* Query words x document words of a stage, or (IMR_STAGE_COUNT) after less encoder; rows and
 * columns in the order they are printed. */
typedef struct imr_share_table {
    const imr_pairs *p;
    double *v;            /* [n_query + 1, n_document + 1] in sd, or cosine without a reference */
    double *row, *column; /* their sums */
    double sum;           /* of all */
    imr_report_place *rows, *columns; /* of words, special tokens left out, by their sums */
    size_t n_rows, n_columns;
    int decimals;
} imr_share_table;
/* false: no memory, which imr_report_render sees; likewise below. */
bool imr_share_table_make(imr_share_table *t, const imr_pairs *p, int stage);
void imr_share_table_done(imr_share_table *t);
extern const char *const imr_share_titles[IMR_STAGE_COUNT + 1];
/* What the total of such a table must be, and from what. */
void imr_line_total(imr_buf *out, const imr_why *w, int stage);

/* The words of a query by their shares, at most so many named ones; values in sd or cosine. */
typedef struct imr_why_rows {
    imr_report_place *v, *spare;         /* spare: room for imr_why_meets */
    size_t n, more;                      /* more: words that make up `other` */
    double other, special, nothing, sum; /* nothing: not from words */
} imr_why_rows;
bool imr_why_rows_make(imr_why_rows *r, const imr_pairs *p, imr_stage stage, size_t most);
void imr_why_rows_done(imr_why_rows *r);
/* What query word `a` meets: [n_document] places and shares; how many of them are worth telling. */
size_t imr_why_meets(imr_report_place *out, const imr_pairs *p, imr_stage stage, size_t a);
/* Pairs whose share grew, sign 1, or fell, -1, most first: [n_strongest] places of that list. */
size_t imr_why_changes(imr_report_place *out, const imr_why *w, int sign);
/* Sentences without a full stop; nothing where there is nothing to say. */
void imr_line_sum(imr_buf *out, const imr_why *w, imr_stage stage, double sum);
void imr_line_changes(imr_buf *out, const imr_why *w, int sign); /* largest gains 1, losses -1 */
void imr_line_cosine(imr_buf *out, const imr_why *w, const imr_trace_document *d);
void imr_line_feedback(imr_buf *out, const imr_trace_document *d);
/* In words, since both numbers are nearly always high with some encoders. */
void imr_line_words(imr_buf *out, const imr_word_list *list, imr_change_kind kind);
void imr_line_moved(imr_buf *out, const imr_trace *t);
void imr_line_note(imr_buf *out, const imr_note *n);

/* What is needed to get a trace again: a name that begins with a blank goes on about the one
 * before; sha256 NULL: text in words, else a command or path, with its hash or "". */
typedef void imr_fact_fn(void *user, const char *name, const char *text, const char *sha256);
void imr_report_facts(const imr_trace *t, const imr_report_context *c, imr_fact_fn *fn, void *user);

/* ---- text ---- */

extern const char *const imr_report_stages[]; /* "encoder", "projected", "now" */

/* text, then blanks up to `columns`; what is longer is cut. */
void imr_report_cell(imr_buf *out, const char *text, size_t columns);
/* A blank where a line must not be broken: no text of a trace has it. */
#define IMR_REPORT_HOLD '\xff'
/* text, sanitised, broken at its newlines and at blanks into lines of `width` columns: the first
 * goes on at column `at`, the others behind `indent` blanks. Ends with a newline. A longer word
 * stands alone. */
void imr_report_wrap(imr_buf *out, const char *text, size_t at, size_t indent, size_t width);

/* ---- a document's why as text (text_why.c) ---- */

void imr_text_why(imr_buf *out, const imr_trace *t, const imr_why *w, const imr_trace_document *d,
                  size_t width);
/* What the similarity loses without each word, most first; nothing where nobody asked. */
void imr_text_left_out(imr_buf *out, const imr_why *w, bool adapter, size_t indent, size_t width);
/* One pair alone: its cosines, and what the authors' package would say. */
void imr_text_pair(imr_buf *out, const imr_trace *t, size_t width);
/* What A and B are where a ranking stands beside another, and who gains. */
void imr_text_beside(imr_buf *out, const imr_trace *t, size_t width);
/* A against B: the sentence, the gap, words and pairs side by side, the contrast. */
void imr_text_compare(imr_buf *out, const imr_trace *t, const imr_comparison *c, size_t width);
/* What a change says, a paragraph for each kind and side. */
void imr_text_words(imr_buf *out, const imr_trace *t, const imr_word_list lists[IMR_CHANGE_COUNT],
                    size_t width);
