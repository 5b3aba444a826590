/*
 * ui/update.h - the one way the model changes by the user's doing.
 *
 * ui_update takes an event, changes the model and leaves what the loop should do in app->effects.
 * No drawing, no waiting, no files. Commands are actions with words after them, as typed behind
 * ':' or named in a bind line: "sort lift", "next 5", "export json PATH".
 */
#ifndef UI_UPDATE_H
#define UI_UPDATE_H

#include "ui/app.h"

void ui_update(ui_app *a, const ui_event *e);

/* One action; argument may be NULL. */
void ui_do(ui_app *a, ui_action action, const char *argument);

/* The handlers that ui/actions.def names: ui/update.c what moves and leaves, ui/commands.c the
 * rest. One that serves several actions asks which; the argument may be NULL. */
#define UI_ON(handler)                                                                             \
    void ui_on_##handler(ui_app *a, IMR_UNUSED ui_action action, IMR_UNUSED const char *argument)
#define X(id, name, group, handler, keys, hint, help) UI_ON(handler);
#include "ui/actions.def"
#undef X

/* ---- what both need ---- */

void ui_go(ui_app *a, ui_screen screen);
void ui_open_line(ui_app *a, ui_action action, const char *text);
/* The value of the UI_DO_... pair: 1 for the first, -1 for its opposite. */
static inline int ui_step(ui_action action, ui_action forward)
{
    return action == forward ? 1 : -1;
}

#endif
