/*
 * ui/update.h - the one way the model changes by the user's doing.
 *
 * ui_update takes an event, changes the model and leaves what the loop should do in app->effects.
 * No drawing, no waiting, no files. Commands are actions with words after them, as typed behind
 * ':' or named in a bind line: "sort delta", "next 5", "export json PATH".
 */
#ifndef UI_UPDATE_H
#define UI_UPDATE_H

#include "ui/app.h"

void ui_update(ui_app *a, const ui_event *e);

/* One action; argument may be NULL. */
void ui_do(ui_app *a, ui_action action, const char *argument);
/* A command line; an unknown name is answered in the status line. */
void ui_command(ui_app *a, const char *line);

/* The actions the palette offers for its line, best first; at most max. */
size_t ui_palette(const ui_app *a, ui_action *out, size_t max);

/* The keys that may follow s, f, r or e. */
typedef struct ui_menu_item {
    char key;
    const char *argument, *label;
} ui_menu_item;
const ui_menu_item *ui_menu_items(ui_action menu, size_t *n);

/* ---- ui/commands.c: actions with an argument ---- */

void ui_command_sort(ui_app *a, const char *argument);
void ui_command_filter(ui_app *a, const char *argument);
void ui_command_scope(ui_app *a, const char *argument);
void ui_command_order(ui_app *a, const char *argument);
void ui_command_delta(ui_app *a, const char *argument);
void ui_command_theme(ui_app *a, const char *argument);
void ui_command_export(ui_app *a, const char *argument);
void ui_command_copy(ui_app *a, bool all);
void ui_command_find(ui_app *a, int step); /* next (1) or previous (-1) match of a->find */
void ui_command_mover(ui_app *a, int step);
void ui_command_highlight(ui_app *a, int step);
void ui_open_menu(ui_app *a, ui_action menu);
void ui_open_line(ui_app *a, ui_action action, const char *text);
/* Runs the last request again, with the settings as they are now. */
void ui_run_again(ui_app *a);

#endif
