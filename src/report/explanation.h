/*
 * report/explanation.h - the pieces of an explanation as a page (report/page.h).
 */
#pragma once

#include "report/formats.h"
#include "report/page.h"

/* Text, why and words of the document at `place`. */
void imr_explanation_document(imr_page *p, const imr_trace *t, const imr_report_context *c,
                              size_t place, const imr_detail *d);
/* What a change says: the kind the settings name with its evidence, the others in lines. */
void imr_explanation_words(imr_page *p, const imr_trace *t,
                           const imr_word_list lists[IMR_CHANGE_COUNT], const char *caption);
void imr_explanation_notes(imr_page *p, const imr_trace *t, const imr_report_context *c,
                           const char *document);

/* Everything needed to get it again. */
void imr_explanation_settings(imr_page *p, const imr_trace *t, const imr_report_context *c);

/* ---- drawings (svg.c); Markdown has none ---- */

/* The class a share of words is shaded with: p1 to p4 from .02, .05, .1 and .2 sd on, n1 to n4
 * likewise below 0; cosines are worth ten times as much. NULL: next to nothing. */
const char *imr_shade(double value, bool in_sd);
/* Ranks of the documents printed at the three stages. */
void imr_svg_ranks(imr_page *p, const imr_trace *t, const imr_report_context *c);
/* Every word of the query by every word of a document, as they follow in its text. */
void imr_svg_pairs(imr_page *p, const imr_share_table *t);
