/* ui/style.c */
#include "ui/style.h"

#include <string.h>

#include "base/attr.h"

static const char *const theme_names[UI_THEME_COUNT] = {"auto",     "dark", "light",
                                                        "contrast", "mono", "16"};

static const struct {
    const char *word;
    ui_pen pens[UI_THEME_COUNT];
} roles[UI_ROLE_COUNT] = {
#define P(fg, bg, attributes)                                                                      \
    {                                                                                              \
        fg, bg, attributes                                                                         \
    }
#define X(name, word, ...) [UI_##name] = {word, {__VA_ARGS__}},
#include "ui/roles.def"
#undef X
#undef P
};

const char *ui_role_word(ui_role role)
{
    return roles[role < UI_ROLE_COUNT ? role : UI_TEXT].word;
}

const char *ui_theme_name(int theme)
{
    return theme_names[theme];
}

bool ui_theme_parse(ui_theme *out, const char *name)
{
    for (int i = 0; i < UI_THEME_COUNT; i++)
        if (name && strcmp(name, theme_names[i]) == 0) {
            *out = (ui_theme)i;
            return true;
        }
    return false;
}

ui_pen ui_theme_pen(ui_theme theme, ui_style style)
{
    unsigned role = style & UI_STYLE_ROLE;
    ui_pen pen = roles[role < UI_ROLE_COUNT ? role : UI_TEXT].pens[theme];
    if (style & UI_SELECTED) {
        if (theme == UI_THEME_DARK || theme == UI_THEME_LIGHT) {
            pen.bg = theme == UI_THEME_DARK ? 237 : 254;
            pen.attributes |= UI_BOLD;
        } else {
            pen.attributes ^= UI_REVERSE;
            if (theme != UI_THEME_CONTRAST)
                pen.fg = -1; /* reverse video of a colour would be a coloured block */
        }
    }
    if (style & UI_REVERSED)
        pen.attributes ^= UI_REVERSE;
    return pen;
}

ui_theme ui_theme_choose(const ui_theme_wish *wish)
{
    ui_theme theme;
    if (wish->color && strcmp(wish->color, "never") == 0)
        return UI_THEME_MONO;
    if (ui_theme_parse(&theme, wish->theme))
        return theme;
    bool always = wish->color && strcmp(wish->color, "always") == 0;
    if (!always && wish->no_color && *wish->no_color)
        return UI_THEME_MONO;
    if ((wish->term && strcmp(wish->term, "dumb") == 0) || wish->colors < 8)
        return UI_THEME_MONO;
    return wish->colors < 256 ? UI_THEME_16 : UI_THEME_AUTO;
}
