/*
 * ui/key.h - keys as one number, and their names.
 *
 * A key is a Unicode scalar value or a named key (UI_KEY_UP ...), with modifier bits. Control
 * letters are the lower-case letter with UI_CTRL (<C-n>), Alt is UI_ALT (<M-x>), Shift only where
 * the terminal reports it for a named key (<S-Tab>); upper-case letters are letters of their own.
 *
 * Names: a single character stands for itself; <Enter> <Tab> <Esc> <BS> <Space> <lt> <Up> <Down>
 * <Left> <Right> <Home> <End> <PgUp> <PgDn> <Ins> <Del> <F1> .. <F12>, with C- M- S- before the
 * name in any order: <C-Left>, <M-BS>, <S-Tab>. Parsing ignores the case of names and modifiers.
 */
#ifndef UI_KEY_H
#define UI_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#define UI_KEY_NAME_MAX 24

/* True for a key that is text: a scalar value from space on, without Ctrl or Alt. */
bool ui_key_is_text(ui_key key);

/* Name of the key; out holds UI_KEY_NAME_MAX bytes. Returns out. */
char *ui_key_format(char *out, ui_key key);

/* As the hint line writes it: C-d, PgUp, Tab, é. Same buffer rule. */
char *ui_key_label(char *out, ui_key key);

/* Parses one key at the start of text; returns the bytes used, 0 when it is no key name. */
size_t ui_key_parse(ui_key *out, const char *text, size_t len);

#endif
