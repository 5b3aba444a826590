/*
 * ui/prompt.h - one line of editable text: the query, the palette's filter, a find.
 *
 * Cursor and deletions move by grapheme clusters, words are runs of letters, digits and marks. One
 * kill buffer (consecutive kills join), undo of UI_PROMPT_UNDO steps (typed letters of one run are
 * one step), history with the line in work kept at its end. What is inserted is sanitised to one
 * line. The text never exceeds UI_PROMPT_MAX bytes: an insertion that would is cut at a character.
 * When memory runs out an edit does nothing.
 */
#pragma once

#include "ui/keymap.h"
#include "ui/surface.h"

#define UI_PROMPT_MAX  8192
#define UI_PROMPT_UNDO 64
#define UI_HISTORY_MAX 500

/* Queries of the past, oldest first, without neighbours that are equal. */
typedef struct ui_history {
    char **v;
    size_t n, cap;
    size_t fresh; /* of them were added since they were read */
} ui_history;

void ui_history_add(ui_history *h, const char *text);  /* blank text is not kept */
void ui_history_read(ui_history *h, const char *path); /* a file that cannot be read is empty */
/* Adds what is fresh to what the file holds by now: other explorers write it too. A history that
 * cannot be kept is no reason to fail a session that is over. */
void ui_history_save(const ui_history *h, const char *path);
void ui_history_done(ui_history *h);

/* A query that can be chosen: typed before, or of the cache. */
typedef struct ui_offer {
    char *text, *query_id; /* query_id "" for a line of the history */
} ui_offer;

typedef struct ui_offers {
    ui_offer *v;
    size_t n, cap;
    size_t pick; /* the one under the cursor */
} ui_offers;

/* {0} is empty. */
typedef struct ui_prompt {
    imr_buf text;
    size_t cursor;
    imr_buf kill;
    struct {
        char *text;
        size_t cursor;
    } undo[UI_PROMPT_UNDO];
    size_t n_undo;
    bool typing, killing;      /* what the last edit was */
    const ui_history *history; /* borrowed; NULL: none */
    size_t past;               /* steps back from the end of the history */
    char *draft;               /* the line in work while the history is shown */
} ui_prompt;

void ui_prompt_done(ui_prompt *p);
static inline const char *ui_prompt_text(const ui_prompt *p)
{
    return imr_buf_text(&p->text);
}
/* These return whether the text changed. */
bool ui_prompt_insert(ui_prompt *p, const char *text, size_t len);
bool ui_prompt_set(ui_prompt *p, const char *text); /* undoable; cursor at the end */
bool ui_prompt_do(ui_prompt *p, ui_action action);  /* an action of group EDIT */
/* The line is a path: adds what all names in its folder that begin like its last part have in
 * common, and '/' where that is one folder. Returns how many there are and appends them to `names`.
 * Hidden ones count where a dot was typed. Reads the folder. */
size_t ui_prompt_complete(ui_prompt *p, imr_buf *names);

/* The byte at a column where it is drawn w columns wide. */
size_t ui_prompt_at(const ui_prompt *p, int w, int column);
/* Draws into columns [x, x+w) of the first row, scrolled so that the cursor shows; parks the cursor
 * when `active`. */
void ui_prompt_draw(const ui_prompt *p, ui_surface s, int x, int w, bool active);
