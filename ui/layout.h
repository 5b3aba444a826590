/*
 * ui/layout.h - where things are: a pure function of the terminal's size.
 *
 *   T  below 60 x 15                        a card with the size that is needed
 *   S  below 100 columns or below 30 rows   list over a Why strip, no boxes
 *   M  100 columns and 30 rows on           list over preview, Why at the right
 *   L  160 columns and 45 rows on           as M, with more room
 *   P  below 100 columns, 45 rows on        list, Why, preview over each other
 *
 * Rectangles that a class does not have are empty. They never overlap and never leave the screen.
 */
#pragma once

#include "ui/surface.h"

typedef enum ui_class { UI_CLASS_T, UI_CLASS_S, UI_CLASS_M, UI_CLASS_L, UI_CLASS_P } ui_class;

#define UI_MIN_ROWS 15
#define UI_MIN_COLS 60

typedef struct ui_layout {
    ui_class class;
    bool boxed; /* panes have borders, which are part of their rectangles */
    ui_rect tabs, query, banner, metrics, status, hint;
    ui_rect body; /* between metrics and status: overlays and whole-screen panes */
    ui_rect list, why, preview;
    ui_rect note;            /* class S: the line under the Why strip */
    ui_rect document, words; /* the document screen: text, and words where there is room */
    int document_columns, preview_columns; /* of text inside those panes */
} ui_layout;

#define UI_GUTTER 6 /* columns of line numbers before a document's text */

/* preview: the preview pane is switched on. banner: rows for a sentence under the query. split:
 * where borders are, as parts of the body, 0: where they usually are; [0] between left and right,
 * of P between Why and preview, [1] below the list, [2] between a document's text and its words.
 * Panes keep a least size. */
ui_layout ui_layout_of(int rows, int cols, bool preview, int banner, const double split[3]);
