/*
 * report/report.h - a trace as a document for people or programs.
 *
 * The formats are those of IMR_REPORT_FORMATS, and two views of the screens in text: `words`, query
 * words x document words of each document as tables, and `map`.
 *
 * What is no table begins with what is needed to get it again (tool version, command line, sha256
 * of every input, settings). Numbers have 9 significant digits in machine formats and 4 decimals in
 * the others (2 where they are in sd); all come from trace and details unchanged. Text fits its
 * width whatever a document says; only the command line and paths are longer where they are. What a
 * document, an id or a path says is text in every format: no escape, markup or formula.
 */
#pragma once

#include "base/buf.h"
#include "session/audit.h"
#include "session/carry.h"
#include "session/notes.h"
#include "session/session.h"

/*
 * X(name, extension, details, open, between, close, what): `open` to `close` stand around and
 * between several reports in one file; details: what it tells of, see below.
 *
 * csv     RFC 4180, columns named as in json; a text that begins like a formula gets an apostrophe
 * diffir  a line a query, {"query id": {"document id": {"text": [[start, end, weight], ...]}}}:
 *         code points of the document's text, without its title, and the share of the word there in
 *         sd (cosine without a reference) at the last stage, a word's share evenly over its places.
 *         A typed query goes by its text. DiffIR scales the weights of a query by their range: one
 *         without two different weights has no line
 */
#define IMR_REPORT_FORMATS(X)                                                                      \
    X(text, "txt", SHOWN, "", "\n", "", "to be read in a terminal")                                \
    X(md, "md", SHOWN, "", "\n", "", "Markdown")                                                   \
    X(html, "html", SHOWN, "", "", "", "a page that loads nothing, for who was not there")         \
    X(json, "json", ALL, "[", ",", "]\n",                                                          \
      "assets/report.schema.json; several queries make an array")                                  \
    X(jsonl, "jsonl", ALL, "", "", "", "the same objects, a line a query")                         \
    X(csv, "csv", NONE, "", "", "", "a row a document of the ranking")                             \
    X(diffir, "diffir", SHOWN, "", "", "", "the weight of each word of the documents, for DiffIR")

typedef enum imr_report_details {
    IMR_REPORT_NONE,  /* of nothing but the trace */
    IMR_REPORT_SHOWN, /* of the documents printed */
    IMR_REPORT_ALL    /* of all in numbers, of those printed or judged in words */
} imr_report_details;

struct imr_report_context;
typedef void imr_report_writer(const imr_trace *t, const struct imr_report_context *context,
                               imr_buf *out);

typedef struct imr_report_format {
    const char *name, *extension, *what;
    imr_report_details details;
    const char *open, *between, *close;
    imr_report_writer *write;
} imr_report_format;

/* In the order they are offered. */
extern const imr_report_format imr_report_formats[];
extern const size_t imr_report_formats_count;
/* NULL, and IMR_E_USAGE naming the known ones. */
const imr_report_format *imr_report_format_of(const char *name, imr_error *err);

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
    const imr_notes *notes;        /* likewise */
    const bool *printed;           /* [n_documents + n_left] told of; NULL: the first `top` */
    bool chosen;                   /* somebody chose those: csv has no others */
    uint32_t top;                  /* 0: 10 */
    imr_report_pairs pairs;        /* json */
    const char *up;                /* html: a page above this one to link to; NULL: none */
    size_t done, total;            /* the place among several in one file; 0, 0: alone */
    size_t width; /* text, words: from IMR_REPORT_WIDTH_LEAST on; 0: IMR_REPORT_WIDTH */
} imr_report_context;

/* Appends. context may be NULL. IMR_E_USAGE for an unknown format, naming the known ones. */
imr_status imr_report_render(const imr_trace *t, const char *format,
                             const imr_report_context *context, imr_buf *out, imr_error *err);

/* The newest verdict or note on a document, "" on the query; NULL: there is none. */
static inline const imr_note *imr_report_note(const imr_trace *t, const imr_report_context *c,
                                              const char *document)
{
    return imr_note_verdict(
        imr_notes_find(c ? c->notes : NULL, t->query_id, t->query_text, document));
}

/* A command line as a shell takes it. */
void imr_report_command(imr_buf *line, const char *const *words, size_t n);
/* A cell of CSV, and what ends it; what begins like a formula gets an apostrophe. */
void imr_report_csv_cell(imr_buf *out, const char *text, const char *end);

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
/* Words of losing queries against winning ones (session/audit.h), likewise. */
void imr_report_audit_words(imr_buf *b, const imr_audit *a);
