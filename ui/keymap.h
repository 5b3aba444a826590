/*
 * ui/keymap.h - the actions of ui/actions.def as an enum and a table, and which key does what,
 * where.
 *
 * A context falls back to a wider one: QUERY and PICK to EDIT, LIST, DOC, WORDS and HELP to
 * SCREEN, those to ANY. Lines of a configuration file (assets/keymap.conf: the default as such
 * lines) read:
 *
 *   bind LIST x :sort delta        action by name, the rest is its argument
 *   bind ANY <F2> help             the colon may be left out
 *
 * A later bind of the same key in the same context replaces the earlier one.
 * Errors say what is wrong: unknown context, key or action.
 */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include "base/buf.h"
#include "base/error.h"
#include "ui/key.h"

typedef enum ui_action {
    UI_DO_NOTHING,
#define X(id, name, group, handler, keys, hint, help) UI_DO_##id,
#include "ui/actions.def"
#undef X
    UI_ACTION_COUNT
} ui_action;

typedef enum ui_group {
    UI_GROUP_MOVE,
    UI_GROUP_SCREEN,
    UI_GROUP_ALL,
    UI_GROUP_LEAVE,
    UI_GROUP_EDIT,
    UI_GROUP_COUNT
} ui_group;

typedef struct ui_action_info {
    const char *name, *keys, *hint, *help;
    ui_group group;
} ui_action_info;

extern const ui_action_info ui_actions[UI_ACTION_COUNT];
/* By name, not necessarily terminated; UI_DO_NOTHING when unknown. */
ui_action ui_action_find(const char *name, size_t len);
/* The actions that fit a line of the palette, best first; out holds UI_ACTION_COUNT. */
size_t ui_palette(const char *line, ui_action *out);

/* What the next key chooses after s, f, R or e: an argument of the action. */
typedef struct ui_menu {
    const char *keys;
    const char *names[10], *labels[10]; /* names: by the value that is set */
    size_t first;                       /* the one shown at the top */
} ui_menu;
/* words: that of the screen Words. */
const ui_menu *ui_menu_of(ui_action action, bool words);

typedef enum ui_context {
    UI_IN_ANY,
    UI_IN_SCREEN,
    UI_IN_EDIT,
    UI_IN_QUERY,
    UI_IN_LIST,
    UI_IN_DOC,
    UI_IN_WORDS,
    UI_IN_HELP,
    UI_IN_PICK,
    UI_CONTEXT_COUNT
} ui_context;

typedef struct ui_bind {
    ui_context context;
    ui_key key;
    ui_action action;
    char *argument; /* NULL or the map's */
} ui_bind;

typedef struct ui_keymap {
    ui_bind *v;
    size_t n, cap;
} ui_keymap;

/* The default map of ui/actions.def. */
imr_status ui_keymap_init(ui_keymap *out, imr_error *err) IMR_NODISCARD;
void ui_keymap_done(ui_keymap *m);
/* A line behind its `bind`: "LIST x :sort delta". */
imr_status ui_keymap_bind(ui_keymap *m, const char *text, size_t len, imr_error *err) IMR_NODISCARD;

/* NULL when the key means nothing there. */
const ui_bind *ui_keymap_get(const ui_keymap *m, ui_context context, ui_key key);
/* The first key bound to the action where `context` looks, widest context last; KEY_NONE: none is.
 * Only binds without an argument count. */
ui_key ui_keymap_key(const ui_keymap *m, ui_context context, ui_action action);
/* The key labels of an action anywhere, "j ↓ C-n"; at most `max` keys. */
void ui_keymap_labels(const ui_keymap *m, ui_action action, size_t max, imr_buf *out);

#endif
