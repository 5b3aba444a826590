/*
 * ui/keymap.h - which key does what, where.
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
#include "ui/action.h"
#include "ui/key.h"

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
