/*
 * ui/view.h - the whole screen: takes the model apart and gives each view what it draws.
 *
 * Views are pure: right for any rectangle, they change nothing and print only numbers of the trace
 * and the detail. Long ones are rows, built once a frame; how many there are and where numbers
 * stand is all the model hears back.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include "ui/app.h"
#include "ui/surface.h"

typedef struct ui_view {
    ui_grid grid;
    ui_rows why, help;
} ui_view;

/* Makes v->grid the screen of the model, at its size; false when memory ran out. */
bool ui_view_make(ui_view *v, ui_app *a);
void ui_view_done(ui_view *v);

#endif
