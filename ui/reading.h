/*
 * ui/reading.h - what is read: the rows of the ranking, and of the selected document which word of
 * it met which of the query, and where in its text those words are.
 *
 * A row is a document of the trace or one that lost its place among the encoder's first ten unseen
 * (trace->left; rank_after 0). Moves, filters and sorts go by now against the encoder. The
 * selection stays on the first row until it was moved, then it follows its document.
 *
 * A measure is one of the three stages or the change between the first and the last, against the
 * average candidate in sd of the listed documents, or raw as parts of the cosine. Values of all
 * pairs, what no word carries included, add up to ui_share_whole; words are ordered once for a
 * measure. Highlights of a text and the list beside it are the document's totals.
 */
#pragma once

#include "session/audit.h"
#include "session/notes.h"
#include "text/filter.h"
#include "ui/surface.h"

/* ---- rows of the ranking ---- */

/* Columns of the ranking, also what it is sorted by: in the order of the menu of `sort`, which has
 * their names and says what they are. */
typedef enum ui_column {
    UI_COL_NOW,
    UI_COL_PROJ,
    UI_COL_ENC,
    UI_COL_MOVED,
    UI_COL_LIFT,
    UI_COL_BAR, /* |lift| */
    UI_COL_DELTA,
    UI_COL_COS,
    UI_COL_TITLE,
    UI_COL_ID,
    UI_COL_INFLUENCE,
    UI_COL_GAIN, /* B's rank, and how much better than A's */
    UI_COL_REL,
    UI_COL_NOTES,
    UI_COL_SEEN,
    UI_COL_COUNT
} ui_column;

#define UI_BIG_MOVE 10
#define UI_MARKS    1000 /* at most */

typedef struct ui_list {
    const imr_trace *trace; /* borrowed; NULL: no rows */
    imr_notes *notes;       /* owned; NULL: none came yet */
    size_t *order;          /* places: of trace->documents, behind them of trace->left */
    size_t n, at, top;      /* rows; the one under the cursor; the first one shown */
    char *selected;         /* document id, once the selection was moved */
    char *pinned;
    IMR_ARRAY(char *) marks; /* ids, as they were marked; the last two are A and B of Compare */
    ui_column sort;
    bool reversed;
    bool both;         /* of two adapters: moves and filters go by B against A */
    char *filter;      /* as typed, see text/filter.h; NULL: none */
    imr_error problem; /* why it is none; status IMR_OK: it is one */
    char *columns;     /* "enc,now,title": those shown, in order; NULL: the usual ones */
    imr_pattern find;  /* what is looked for, here and in texts */
} ui_list;

/* There is an adapter: ranks beside the encoder's. */
static inline bool ui_adapted(const imr_trace *t)
{
    return t->inputs.adapter_form && *t->inputs.adapter_form;
}

/* Ranks under both adapters are shown. */
static inline bool ui_shows_both(const ui_list *l)
{
    return l->both && l->trace && l->trace->beside;
}

void ui_list_done(ui_list *l);
/* Rows again after sort, filter or a new trace. A filter that is none lets all through. */
void ui_list_arrange(ui_list *l);
/* Ranks a document moved between the two that are held against each other. */
double ui_list_moved(uint32_t rank[2], const ui_list *l, const imr_trace_document *d);
const imr_trace_document *ui_list_row(const ui_list *l, size_t row); /* NULL behind the last */
const imr_trace_document *ui_list_selected(const ui_list *l);
/* The row of a big mover, or SIZE_MAX. */
size_t ui_list_mover(const ui_list *l, int step);
size_t ui_list_mark_at(const ui_list *l, const char *id); /* which mark it is; marks.n: none */
/* "A", "B" or "+" of a marked document, else NULL; the document that A (0) or B (1) is, or NULL. */
const char *ui_list_mark_of(const ui_list *l, const imr_trace_document *d);
const char *ui_list_compared(const ui_list *l, int side);
bool ui_list_mark(ui_list *l, const char *id); /* false: no room */
void ui_list_unmark(ui_list *l);
/* The newest note on a document for the query of the rows, document "": on the query; or NULL. */
const imr_note *ui_list_note(const ui_list *l, const char *document);
/* The first of `rows` lines that shows line `at`, `top` where it does. */
static inline size_t ui_in_sight(size_t top, size_t at, size_t rows)
{
    return at < top ? at : at >= top + rows ? at - rows + 1 : top;
}
/* Scrolls so that the selected row is among `rows`, of which the last may be the pinned one's. */
void ui_list_keep_in_sight(ui_list *l, size_t rows);

/* ---- its columns: ui/columns.c ---- */

const char *ui_column_name(ui_column c);
/* By a name of its own or an older one. */
bool ui_column_of(ui_column *out, const char *name, size_t n);
/* Of the documents, then of those that left: whether l->filter lets them through, and what they are
 * sorted by, ascending. */
void ui_list_filter(bool *out, double *key, ui_list *l);
/* v: the *n columns of such a list, then all others. NULL: the usual ones. */
imr_status ui_columns_parse(ui_column v[UI_COL_COUNT], size_t *n, const char *text, imr_error *err);

/* What can be scrolled: its first line shown, and how many there are and fit, as last drawn. */
typedef struct ui_scroll {
    size_t top, lines, page;
} ui_scroll;

/* ---- rows of the screen Audit ---- */

typedef struct ui_audit {
    const imr_audit *of;      /* borrowed; NULL: none came yet */
    size_t rows;              /* of it that may be read; the rest once it ended */
    bool asked, ended, words; /* words: shown in place of rows */
    uint32_t *order;          /* [n] */
    size_t n, at;
    ui_scroll scroll;
    char *sort, *filter; /* as imr_audit_order has them */
    char *opened;        /* id of the query that was opened from here */
    double began;        /* clock, when there were `first` rows */
    size_t first;
    imr_error error; /* status IMR_OK: none */
} ui_audit;
void ui_audit_done(ui_audit *u); /* becomes {0} */

/* ---- words of the selected document ---- */

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
    size_t highlight_at; /* the one } stopped at, from 1; 0: none */
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
