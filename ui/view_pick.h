/*
 * ui/view_pick.h - lists to choose from over the screen, menus, and one-line questions.
 */
#ifndef UI_VIEW_PICK_H
#define UI_VIEW_PICK_H

#include "session/session.h"
#include "ui/keymap.h"
#include "ui/menu.h"
#include "ui/offers.h"
#include "ui/prompt.h"

void ui_draw_palette(ui_surface s, const ui_keymap *keymap, const ui_prompt *line, size_t pick);
void ui_draw_history(ui_surface s, const ui_prompt *line, const ui_offers *offers);
void ui_draw_menu(ui_surface s, const char *title, const ui_menu_item *items, size_t n);
void ui_draw_line(ui_surface s, const char *title, const ui_prompt *line);
/* The cached queries that fit what is typed, where there is no encoder. */
void ui_draw_offers(ui_surface s, const imr_session_facts *facts, const ui_offers *offers);

#endif
