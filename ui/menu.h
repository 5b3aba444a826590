/*
 * ui/menu.h - what can be chosen by the next key after s, f, R or e, and what the palette finds.
 */
#ifndef UI_MENU_H
#define UI_MENU_H

#include <stdbool.h>

#include "ui/action.h"

typedef struct ui_menu_item {
    char key;
    const char *argument, *label;
} ui_menu_item;

/* words: those of the screen Words. */
const ui_menu_item *ui_menu_items(ui_action menu, bool words, size_t *n);

/* The actions that fit a line of the palette, best first; at most max. */
size_t ui_palette(const char *line, ui_action *out, size_t max);

#endif
