/* ui/key.c */
#include "ui/key.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/number.h"
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

/* The key with its modifiers: the name in < > where it needs them, or the label. */
static char *spell(char *out, ui_key key, bool label)
{
    ui_key code = key & UI_KEY_CODE;
    char name[12] = "";
    for (size_t i = 0; i < IMR_LEN(names) && !*name; i++)
        if (names[i].key == code && key != '>')
            snprintf(name, sizeof name, "%s", label ? names[i].label : names[i].name);
    if (code >= UI_KEY_F1 && code <= UI_KEY_F12)
        snprintf(name, sizeof name, "F%d", (int)(code - UI_KEY_F1 + 1));
    bool brackets = !label && (*name || key & UI_MODS);
    if (!*name)
        imr_utf8_encode(code, name);
    snprintf(out, UI_KEY_NAME_MAX, "%s%s%s%s%s%s", brackets ? "<" : "", key & UI_CTRL ? "C-" : "",
             key & UI_ALT ? "M-" : "", key & UI_SHIFT ? "S-" : "", name, brackets ? ">" : "");
    return out;
}

char *ui_key_format(char *out, ui_key key)
{
    return spell(out, key, false);
}

char *ui_key_label(char *out, ui_key key)
{
    return spell(out, key, true);
}

static ui_key named(const char *text, size_t len)
{
    int64_t n;
    for (size_t i = 0; i < IMR_LEN(names); i++)
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, text, len) == 0)
            return names[i].key;
    bool function = (len == 2 || len == 3) && (text[0] == 'F' || text[0] == 'f') &&
                    text[1] >= '0' && text[1] <= '9' && imr_parse_int(text + 1, len - 1, &n);
    return function && n >= 1 && n <= 12 ? UI_KEY_F1 + (ui_key)(n - 1) : UI_KEY_NONE;
}

static ui_key modifier(char c)
{
    return c == 'C' || c == 'c'                           ? UI_CTRL
           : c == 'M' || c == 'm' || c == 'A' || c == 'a' ? UI_ALT
           : c == 'S' || c == 's'                         ? UI_SHIFT
                                                          : 0;
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
