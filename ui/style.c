/* ui/style.c */
#include "ui/style.h"

#include <string.h>

#include "base/attr.h"

static const char *const role_words[UI_ROLE_COUNT] = {
#define X(name, word) word,
    UI_ROLES(X)
#undef X
};

static const char *const theme_names[UI_THEME_COUNT] = {"auto",     "dark", "light",
                                                        "contrast", "mono", "16"};

#define OWN                                                                                        \
    {                                                                                              \
        -1, -1, 0                                                                                  \
    }
#define OWN_WITH(a)                                                                                \
    {                                                                                              \
        -1, -1, a                                                                                  \
    }
#define BLACK 16
#define WHITE 231

/* Rows: themes in the order of ui_theme. Columns by role. */
static const ui_pen pens[UI_THEME_COUNT][UI_ROLE_COUNT] =
    {
        [UI_THEME_AUTO] =
            {
                [UI_TEXT] = OWN,
                [UI_STRONG] = OWN_WITH(UI_BOLD),
                [UI_DIM] = OWN,
                [UI_BORDER] = {244, -1, 0},
                [UI_GAIN] = {32, -1, 0},
                [UI_LOSS] = {166, -1, 0},
                [UI_GAIN_WORD] = {32, -1, UI_BOLD},
                [UI_LOSS_WORD] = {166, -1, UI_UNDERLINE},
                [UI_GAIN_WARM] = {WHITE, 24, 0},
                [UI_GAIN_HOT] = {BLACK, 75, UI_BOLD},
                [UI_LOSS_WARM] = {WHITE, 94, 0},
                [UI_LOSS_HOT] = {BLACK, 208, UI_BOLD},
                [UI_RELEVANT] = OWN_WITH(UI_BOLD),
                [UI_KEY] = OWN_WITH(UI_BOLD),
                [UI_MODE] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_MATCH] = OWN_WITH(UI_REVERSE),
                [UI_ERROR] = OWN_WITH(UI_BOLD | UI_REVERSE),
            },
        [UI_THEME_DARK] =
            {
                [UI_TEXT] = OWN,
                [UI_STRONG] = OWN_WITH(UI_BOLD),
                [UI_DIM] = {246, -1, 0},
                [UI_BORDER] = {244, -1, 0},
                [UI_GAIN] = {75, -1, 0},
                [UI_LOSS] = {208, -1, 0},
                [UI_GAIN_WORD] = {75, -1, UI_BOLD},
                [UI_LOSS_WORD] = {208, -1, UI_UNDERLINE},
                [UI_GAIN_WARM] = {WHITE, 24, 0},
                [UI_GAIN_HOT] = {BLACK, 75, UI_BOLD},
                [UI_LOSS_WARM] = {WHITE, 94, 0},
                [UI_LOSS_HOT] = {BLACK, 208, UI_BOLD},
                [UI_RELEVANT] = {220, -1, UI_BOLD},
                [UI_KEY] = OWN_WITH(UI_BOLD),
                [UI_MODE] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_MATCH] = OWN_WITH(UI_REVERSE),
                [UI_ERROR] = {203, -1, UI_BOLD},
            },
        [UI_THEME_LIGHT] =
            {
                [UI_TEXT] = OWN,
                [UI_STRONG] = OWN_WITH(UI_BOLD),
                [UI_DIM] = {242, -1, 0},
                [UI_BORDER] = {244, -1, 0},
                [UI_GAIN] = {25, -1, 0},
                [UI_LOSS] = {94, -1, 0},
                [UI_GAIN_WORD] = {25, -1, UI_BOLD},
                [UI_LOSS_WORD] = {94, -1, UI_UNDERLINE},
                [UI_GAIN_WARM] = {BLACK, 153, 0},
                [UI_GAIN_HOT] = {WHITE, 25, UI_BOLD},
                [UI_LOSS_WARM] = {BLACK, 223, 0},
                [UI_LOSS_HOT] = {WHITE, 94, UI_BOLD},
                [UI_RELEVANT] = {90, -1, UI_BOLD},
                [UI_KEY] = OWN_WITH(UI_BOLD),
                [UI_MODE] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_MATCH] = OWN_WITH(UI_REVERSE),
                [UI_ERROR] = {124, -1, UI_BOLD},
            },
        [UI_THEME_CONTRAST] =
            {
                [UI_TEXT] = {WHITE, BLACK, 0},
                [UI_STRONG] = {WHITE, BLACK, UI_BOLD},
                [UI_DIM] = {WHITE, BLACK, 0},
                [UI_BORDER] = {WHITE, BLACK, 0},
                [UI_GAIN] = {117, BLACK, 0},
                [UI_LOSS] = {214, BLACK, 0},
                [UI_GAIN_WORD] = {117, BLACK, UI_BOLD},
                [UI_LOSS_WORD] = {214, BLACK, UI_UNDERLINE},
                [UI_GAIN_WARM] = {WHITE, 17, 0},
                [UI_GAIN_HOT] = {BLACK, 117, UI_BOLD},
                [UI_LOSS_WARM] = {WHITE, 52, 0},
                [UI_LOSS_HOT] = {BLACK, 214, UI_BOLD},
                [UI_RELEVANT] = {226, BLACK, UI_BOLD},
                [UI_KEY] = {WHITE, BLACK, UI_BOLD},
                [UI_MODE] = {BLACK, WHITE, UI_BOLD},
                [UI_MATCH] = {BLACK, WHITE, 0},
                [UI_ERROR] = {BLACK, WHITE, UI_BOLD},
            },
        [UI_THEME_MONO] =
            {
                [UI_TEXT] = OWN,
                [UI_STRONG] = OWN_WITH(UI_BOLD),
                [UI_DIM] = OWN,
                [UI_BORDER] = OWN,
                [UI_GAIN] = OWN_WITH(UI_BOLD),
                [UI_LOSS] = OWN,
                [UI_GAIN_WORD] = OWN_WITH(UI_BOLD),
                [UI_LOSS_WORD] = OWN_WITH(UI_UNDERLINE),
                [UI_GAIN_WARM] = OWN_WITH(UI_BOLD),
                [UI_GAIN_HOT] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_LOSS_WARM] = OWN_WITH(UI_BOLD),
                [UI_LOSS_HOT] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_RELEVANT] = OWN_WITH(UI_BOLD),
                [UI_KEY] = OWN_WITH(UI_BOLD),
                [UI_MODE] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_MATCH] = OWN_WITH(UI_REVERSE),
                [UI_ERROR] = OWN_WITH(UI_REVERSE),
            },
        [UI_THEME_16] =
            {
                [UI_TEXT] = OWN,
                [UI_STRONG] = OWN_WITH(UI_BOLD),
                [UI_DIM] = OWN,
                [UI_BORDER] = OWN,
                [UI_GAIN] = {6, -1, 0},
                [UI_LOSS] = {3, -1, 0},
                [UI_GAIN_WORD] = {6, -1, UI_BOLD},
                [UI_LOSS_WORD] = {3, -1, UI_UNDERLINE},
                [UI_GAIN_WARM] = {6, -1, UI_BOLD},
                [UI_GAIN_HOT] = {0, 6, UI_BOLD},
                [UI_LOSS_WARM] = {3, -1, UI_BOLD},
                [UI_LOSS_HOT] = {0, 3, UI_BOLD},
                [UI_RELEVANT] = OWN_WITH(UI_BOLD),
                [UI_KEY] = OWN_WITH(UI_BOLD),
                [UI_MODE] = OWN_WITH(UI_BOLD | UI_REVERSE),
                [UI_MATCH] = OWN_WITH(UI_REVERSE),
                [UI_ERROR] = {1, -1, UI_BOLD},
            },
};

const char *ui_role_word(ui_role role)
{
    return role_words[role < UI_ROLE_COUNT ? role : UI_TEXT];
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
    ui_pen pen = pens[theme][role < UI_ROLE_COUNT ? role : UI_TEXT];
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
