/*
 * ui/keymap.h - keys as one number, the actions of ui/actions.def, and which key does what, where.
 *
 * A key is a Unicode scalar value or a named key (UI_KEY_UP ...), with modifier bits. Control
 * letters are the lower-case letter with UI_CTRL (<C-n>), Alt is UI_ALT (<M-x>), Shift only where
 * the terminal reports it for a named key (<S-Tab>); upper-case letters are letters of their own.
 *
 * Names: a single character stands for itself; <Enter> <Tab> <Esc> <BS> <Space> <lt> <Up> <Down>
 * <Left> <Right> <Home> <End> <PgUp> <PgDn> <Ins> <Del> <F1> .. <F12>, with C- M- S- before the
 * name in any order: <C-Left>, <M-BS>, <S-Tab>. Parsing ignores the case of names and modifiers.
 *
 * A context falls back to a wider one: QUERY and PICK to EDIT, LIST, DOC, WORDS, MAP and HELP
 * to SCREEN, those to ANY. Lines of a configuration file (assets/keymap.conf: the default as such
 * lines) read:
 *
 *   bind LIST x :sort delta        action by name, the rest is its argument
 *   bind ANY <F2> help             the colon may be left out
 *
 * A later bind of the same key in the same context replaces the earlier one.
 * Errors say what is wrong: unknown context, key or action.
 */
#pragma once

#include "base/buf.h"
#include "ui/style.h"

typedef uint32_t ui_key;

#define UI_CTRL      0x01000000u
#define UI_ALT       0x02000000u
#define UI_SHIFT     0x04000000u
#define UI_MODS      (UI_CTRL | UI_ALT | UI_SHIFT)
#define UI_KEY_CODE  0x00ffffffu
#define UI_KEY_NAMED 0x00110000u /* first code above Unicode */

enum {
    UI_KEY_NONE = 0,
    UI_KEY_ENTER = UI_KEY_NAMED,
    UI_KEY_TAB,
    UI_KEY_ESC,
    UI_KEY_BACKSPACE,
    UI_KEY_UP,
    UI_KEY_DOWN,
    UI_KEY_LEFT,
    UI_KEY_RIGHT,
    UI_KEY_HOME,
    UI_KEY_END,
    UI_KEY_PGUP,
    UI_KEY_PGDN,
    UI_KEY_INS,
    UI_KEY_DEL,
    UI_KEY_F1,
    UI_KEY_F12 = UI_KEY_F1 + 11
};

/* True for a key that is text: a scalar value from space on, without Ctrl or Alt. */
bool ui_key_is_text(ui_key key);

/* Name of the key, in < > where it needs them, or as the hint line writes it: C-d, PgUp, Tab, é. */
ui_text ui_key_name(ui_key key, bool label);

/* Parses one key at the start of text; returns the bytes used, 0 when it is no key name. */
size_t ui_key_parse(ui_key *out, const char *text, size_t len);

/* ---- actions ---- */

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

/* What the next key chooses after s, R, a or J: an argument of the action. */
typedef struct ui_menu {
    const char *keys;
    const char *names[15], *labels[15]; /* names: by the value that is set */
    size_t first;                       /* the one shown at the top */
} ui_menu;
/* The screens Words and Audit have others. */
typedef enum ui_menu_place { UI_MENU_USUAL, UI_MENU_WORDS, UI_MENU_AUDIT } ui_menu_place;
const ui_menu *ui_menu_of(ui_action action, ui_menu_place place);

/* What fits a line of the palette, best first: actions, and the settings of menus and themes. */
typedef struct ui_command {
    ui_action action;
    const char *argument, *help; /* argument NULL: none */
} ui_command;
enum { UI_COMMANDS_MAX = UI_ACTION_COUNT + 64 };
size_t ui_palette(const char *line, ui_menu_place place, ui_command out[UI_COMMANDS_MAX]);

/* ---- which key does what ---- */

typedef enum ui_context {
    UI_IN_ANY,
    UI_IN_SCREEN,
    UI_IN_EDIT,
    UI_IN_QUERY,
    UI_IN_LIST,
    UI_IN_DOC,
    UI_IN_WORDS,
    UI_IN_MAP,
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
imr_status ui_keymap_init(ui_keymap *out, imr_error *err);
void ui_keymap_done(ui_keymap *m);
/* A line behind its `bind`: "LIST x :sort delta". stranger: of a file that came with the data; it
 * binds nothing that writes or leaves the program, and no key that does. */
imr_status ui_keymap_bind(ui_keymap *m, const char *text, bool stranger, imr_error *err);

/* All of it as such lines, " bind LIST j :next". */
void ui_keymap_lines(const ui_keymap *m, imr_buf *b);
/* Whether the action writes files, copies, or leaves for another program: not for strangers. */
bool ui_keymap_writes(ui_action action);

/* NULL when the key means nothing there. */
const ui_bind *ui_keymap_get(const ui_keymap *m, ui_context context, ui_key key);
/* The first key bound to the action where `context` looks, widest context last; KEY_NONE: none is.
 * Only binds without an argument count. */
ui_key ui_keymap_key(const ui_keymap *m, ui_context context, ui_action action);
/* The key labels of an action anywhere, "j ↓ C-n"; at most `max` keys. */
ui_text ui_keymap_labels(const ui_keymap *m, ui_action action, size_t max);
