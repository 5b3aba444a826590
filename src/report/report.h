/*
 * report/report.h - a trace as a document for people or programs.
 *
 *   text    what went in, the ranking, each document's why in sentences, words and numbers
 *   json    imrnn.explanation/1 (assets/report.schema.json)
 *   words   query words x document words of each document as tables: the screen Words in text
 *
 * Every report but `words` begins with what is needed to get it again (tool version, command line,
 * sha256 of every input, settings). Numbers have 9 significant digits in machine formats and 4
 * decimals in text (2 where they are in sd); all come from trace and details unchanged. Text fits
 * its width whatever a document says; only the command line and paths are longer where they are.
 */
#ifndef IMR_REPORT_REPORT_H
#define IMR_REPORT_REPORT_H

#include "base/buf.h"
#include "session/carry.h"
#include "session/session.h"

typedef enum imr_report_pairs {
    IMR_REPORT_PAIRS_STRONGEST,
    IMR_REPORT_PAIRS_ALL, /* and the matrices */
    IMR_REPORT_PAIRS_NONE
} imr_report_pairs;

#define IMR_REPORT_TOP         10u /* documents, unless said */
#define IMR_REPORT_WIDTH       80u /* columns, unless said */
#define IMR_REPORT_WIDTH_LEAST 60u

typedef struct imr_report_context {
    const char *const *command; /* argv as typed; may be empty */
    size_t n_command;
    const imr_details *details;    /* of the trace; NULL: no whys */
    const imr_comparison *compare; /* of the trace; NULL: nobody asked */
    const bool *printed;    /* [n_documents + n_left]: of text and words; NULL: the first `top` */
    uint32_t top;           /* 0: 10 */
    imr_report_pairs pairs; /* json */
    size_t width;           /* text, words: from IMR_REPORT_WIDTH_LEAST on; 0: IMR_REPORT_WIDTH */
} imr_report_context;

/* context may be NULL. IMR_E_USAGE for an unknown format, naming the known ones. */
imr_status imr_report_render(const imr_trace *t, const char *format,
                             const imr_report_context *context, imr_buf *out,
                             imr_error *err) IMR_NODISCARD;

/* Do the words carry it (session/carry.h), over queries: text of `width` columns, or JSON, schema
 * imrnn.deletion/1. */
typedef struct imr_report_deletion {
    size_t queries;
    imr_carry_table stage[IMR_STAGE_COUNT];
    imr_detail *tested[IMR_STAGE_COUNT]; /* of the last query; of one its words are named */
    imr_faith faith;
    char problem[400]; /* "", or why there are no word pairs */
} imr_report_deletion;
void imr_report_deletion_text(imr_buf *out, const imr_report_deletion *r, size_t width);
void imr_report_deletion_json(imr_buf *out, const imr_report_deletion *r);

/* What an adapter does to real queries (session/quality.h): lines of at most 76 columns, a heading
 * from the first column on, what belongs to it behind a blank; and one object. */
void imr_report_quality(imr_buf *b, const imr_quality *q);
void imr_report_quality_json(imr_buf *b, const imr_quality *q);

#endif
