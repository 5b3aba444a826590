/*
 * ui/reading.h - the selected document as it is read: which word of it met which of the query, in
 * the measure that is shown, and where in its text those words are.
 *
 * A measure is one of the three stages or the change between the first and the last, against the
 * average candidate in sd of the listed documents, or raw as parts of the cosine. Values of all
 * pairs, what no word carries included, add up to ui_share_whole; words are ordered once for a
 * measure. Highlights of a text and the list beside it are the document's totals.
 */
#ifndef UI_READING_H
#define UI_READING_H

#include "session/trace.h"
#include "ui/style.h"
#include "ui/text.h"

#define UI_CHANGE IMR_STAGE_COUNT /* after less encoder */

typedef struct ui_measure {
    int stage; /* imr_stage or UI_CHANGE */
    bool raw;
} ui_measure;

extern const char *const ui_measure_names[]; /* "encoder", "projected", "now", "change" */
ui_text ui_measure_text(ui_measure m);       /* with ", raw" */
/* Whether the pairs have that measure. */
bool ui_share_known(const imr_pairs *p, ui_measure m);
/* Of query word q and document word d; the last of each is what no word carries. */
double ui_share(const imr_pairs *p, ui_measure m, size_t q, size_t d);
/* What all of them add up to, but for the rounding of the cache. */
double ui_share_whole(const imr_pairs *p, ui_measure m);

/* The words of one side, those that are no special tokens first. */
typedef struct ui_side {
    uint32_t *order; /* places in imr_pairs.query or .document, n of them */
    double *total;   /* by place; [n]: not from words */
    size_t n, words; /* words: how many of n are no special tokens */
} ui_side;

typedef enum ui_word_sort { UI_WORDS_BY_SHARE, UI_WORDS_BY_PLACE, UI_WORDS_BY_NAME } ui_word_sort;

/* A run of the text that speaks for the document, or against it. */
typedef struct ui_highlight {
    size_t start, end;
    double share;
    uint32_t word;
} ui_highlight;

typedef enum ui_signs { UI_SIGNS_BOTH, UI_SIGNS_GAIN, UI_SIGNS_LOSS } ui_signs;

typedef struct ui_reading {
    imr_detail *detail; /* owned; NULL: none came yet */
    size_t place;       /* asked for, of the trace with that serial */
    uint64_t serial;
    imr_error error;
    ui_measure wish, measure; /* asked for; what of it the detail has */
    ui_word_sort sort;
    ui_side query, document;
    ui_highlight *highlights;
    size_t n_highlights, cap_highlights;
    size_t highlight_at; /* the one n stopped at, from 1; 0: none */
    ui_signs signs;
    bool marked; /* a pair of words, in both texts */
    uint32_t marked_query, marked_document;
    ui_lines page, preview; /* the text in lines of the document screen and of the preview */
} ui_reading;

void ui_reading_done(ui_reading *r);
/* Takes the detail. */
void ui_reading_take(ui_reading *r, imr_detail *detail);
/* Again, after a change of measure or sort. */
void ui_reading_arrange(ui_reading *r);
/* Marks the words at these places, or none: SIZE_MAX. */
void ui_reading_mark(ui_reading *r, size_t query, size_t document);
/* Whether a highlight is shown: of a sign that is, or marked. */
bool ui_reading_shows(const ui_reading *r, const ui_highlight *h);

#endif
