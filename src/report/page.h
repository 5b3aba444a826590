/*
 * report/page.h - a page for people, said once and laid out as HTML or as Markdown.
 *
 * Every text given may be a stranger's: it is made safe (text/utf8.h, signs for what hides, turns)
 * and escaped here, so that it is neither markup nor a link, an image or a formula. HTML is well
 * formed XML too; it loads nothing, runs nothing, and its style is assets/style.css. Pages of
 * Markdown have no drawings; folds are open there.
 *
 * Failures stick to the buffer. Threads: values.
 */
#pragma once

#include "base/buf.h"

typedef struct imr_page {
    imr_buf *out;
    bool html;
    size_t number;          /* of the report among several on a page: its ids have it */
    bool in_table, numbers; /* numbers: but for one column */
    char kind[16];          /* of its columns */
    size_t cell;
} imr_page;

/* All before and after what is said. */
void imr_page_begin(imr_page *p, const char *title);
void imr_page_end(imr_page *p);

/* Inline. `class`: of the style; in Markdown it is bold. */
void imr_page_text(imr_page *p, const char *text);
void imr_page_text_n(imr_page *p, const char *text, size_t n);
void imr_page_mark(imr_page *p, const char *class, const char *text, size_t n);

/* Blocks. class NULL: none; id NULL: nothing leads there. */
void imr_page_heading(imr_page *p, int level, const char *id, const char *text);
void imr_page_open(imr_page *p, const char *class); /* a paragraph */
void imr_page_close(imr_page *p);
/* A sentence has words between asterisks (explain/sentence.h). */
void imr_page_say(imr_page *p, const char *class, const char *sentence);
/* A paragraph of text; nothing where it is empty. Empties line. */
void imr_page_put(imr_page *p, const char *class, imr_buf *line);
void imr_page_plain(imr_page *p, const char *text); /* lines as they are, in a fixed width */
void imr_page_link(imr_page *p, const char *href, const char *text); /* Markdown: the text alone */
void imr_page_fold(imr_page *p, const char *summary);
void imr_page_unfold(imr_page *p);

/* columns: names separated by '|'; '#' before a name: numbers, '*': names the row. */
void imr_page_table(imr_page *p, const char *caption, const char *columns);
void imr_page_row(imr_page *p, const char *class);
void imr_page_cell(imr_page *p, const char *class, const char *text);
void imr_page_add_cells(imr_page *p, const char *const *texts, size_t n);
#define IMR_PAGE_CELLS(p, ...)                                                                     \
    imr_page_add_cells((p), (const char *const[]){__VA_ARGS__},                                    \
                       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
/* A number with its sign and so many decimals, and a bar of which `most` fills half; NaN: empty. */
void imr_page_amount(imr_page *p, double value, int decimals, double most);
/* The first cell of a row about a text, left open: its title, linked where href, and its id. */
void imr_page_title(imr_page *p, const char *href, const char *title, const char *id);
void imr_page_cell_close(imr_page *p);
/* after less encoder as such an amount, then encoder, before and after; NaN: empty. */
void imr_page_stages(imr_page *p, const double v[3], double most);
void imr_page_table_end(imr_page *p);
