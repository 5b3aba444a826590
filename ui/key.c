/* ui/key.c */
#include "ui/key.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "text/utf8.h"

static const struct {
    ui_key key;
    const char *name, *label;
} names[] = {
    {UI_KEY_ENTER, "Enter", "Enter"},
    {UI_KEY_ENTER, "CR", "Enter"},
    {UI_KEY_TAB, "Tab", "Tab"},
    {UI_KEY_ESC, "Esc", "Esc"},
    {UI_KEY_BACKSPACE, "BS", "Bksp"},
    {UI_KEY_BACKSPACE, "Backspace", "Bksp"},
    {UI_KEY_UP, "Up", "↑"},
    {UI_KEY_DOWN, "Down", "↓"},
    {UI_KEY_LEFT, "Left", "←"},
    {UI_KEY_RIGHT, "Right", "→"},
    {UI_KEY_HOME, "Home", "Home"},
    {UI_KEY_END, "End", "End"},
    {UI_KEY_PGUP, "PgUp", "PgUp"},
    {UI_KEY_PGDN, "PgDn", "PgDn"},
    {UI_KEY_INS, "Ins", "Ins"},
    {UI_KEY_DEL, "Del", "Del"},
    {' ', "Space", "space"},
    {'<', "lt", "<"},
    {'>', "gt", ">"},
};

bool ui_key_is_text(ui_key key)
{
    return !(key & UI_MODS) && key >= ' ' && key < UI_KEY_NAMED && key != 0x7f;
}

static const char *name_of(ui_key code, bool label)
{
    for (size_t i = 0; i < IMR_LEN(names); i++)
        if (names[i].key == code)
            return label ? names[i].label : names[i].name;
    return NULL;
}

/* The key without modifiers; bracketed tells whether the name needs < > around it. */
static void base_name(char *out, size_t size, ui_key code, bool label, bool *bracketed)
{
    const char *name = name_of(code, label);
    *bracketed = true;
    if (name) {
        snprintf(out, size, "%s", name);
    } else if (code >= UI_KEY_F1 && code <= UI_KEY_F12) {
        snprintf(out, size, "F%d", (int)(code - UI_KEY_F1 + 1));
    } else {
        char text[4];
        size_t n = imr_utf8_encode(code, text);
        snprintf(out, size, "%.*s", (int)n, text);
        *bracketed = false;
    }
}

char *ui_key_format(char *out, ui_key key)
{
    char name[12];
    bool bracketed;
    base_name(name, sizeof name, key & UI_KEY_CODE, false, &bracketed);
    if (key == '>')
        snprintf(out, UI_KEY_NAME_MAX, ">");
    else if (!bracketed && !(key & UI_MODS))
        snprintf(out, UI_KEY_NAME_MAX, "%s", name);
    else
        snprintf(out, UI_KEY_NAME_MAX, "<%s%s%s%s>", key & UI_CTRL ? "C-" : "",
                 key & UI_ALT ? "M-" : "", key & UI_SHIFT ? "S-" : "", name);
    return out;
}

char *ui_key_label(char *out, ui_key key)
{
    char name[12];
    bool bracketed;
    base_name(name, sizeof name, key & UI_KEY_CODE, true, &bracketed);
    snprintf(out, UI_KEY_NAME_MAX, "%s%s%s%s", key & UI_CTRL ? "C-" : "", key & UI_ALT ? "M-" : "",
             key & UI_SHIFT ? "S-" : "", name);
    return out;
}

static ui_key named(const char *text, size_t len)
{
    for (size_t i = 0; i < IMR_LEN(names); i++)
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, text, len) == 0)
            return names[i].key;
    if ((len == 2 || len == 3) && (text[0] == 'F' || text[0] == 'f')) {
        int n = 0;
        for (size_t i = 1; i < len; i++) {
            if (text[i] < '0' || text[i] > '9')
                return UI_KEY_NONE;
            n = n * 10 + (text[i] - '0');
        }
        if (n >= 1 && n <= 12)
            return UI_KEY_F1 + (ui_key)(n - 1);
    }
    return UI_KEY_NONE;
}

static ui_key modifier(char c)
{
    switch (c) {
    case 'C':
    case 'c':
        return UI_CTRL;
    case 'M':
    case 'm':
    case 'A':
    case 'a':
        return UI_ALT;
    case 'S':
    case 's':
        return UI_SHIFT;
    default:
        return 0;
    }
}

/* One whole character, or NONE. */
static ui_key character(const char *text, size_t len, size_t *used)
{
    uint32_t code = IMR_UTF8_BAD;
    *used = imr_utf8_decode(text, len, &code);
    return *used && code != IMR_UTF8_BAD && code >= ' ' && code != 0x7f ? code : UI_KEY_NONE;
}

size_t ui_key_parse(ui_key *out, const char *text, size_t len)
{
    const char *close = len && text[0] == '<' ? memchr(text, '>', len) : NULL;
    size_t used;
    if (!close || close == text + 1) {
        ui_key key = character(text, len, &used);
        if (key == UI_KEY_NONE)
            return 0;
        *out = key;
        return used;
    }
    const char *at = text + 1;
    ui_key mods = 0, mod;
    while (close - at > 2 && at[1] == '-' && (mod = modifier(at[0])) != 0) {
        mods |= mod;
        at += 2;
    }
    size_t n = (size_t)(close - at);
    ui_key code = named(at, n);
    if (code == UI_KEY_NONE) {
        code = character(at, n, &used);
        if (code == UI_KEY_NONE || used != n || !mods)
            return 0;
    }
    if (mods & UI_CTRL && code >= 'A' && code <= 'Z')
        code += 'a' - 'A';
    *out = code | mods;
    return (size_t)(close - text) + 1;
}
