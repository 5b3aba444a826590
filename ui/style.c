/* ui/style.c */
#include "ui/style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

const char *const ui_theme_names[UI_THEME_COUNT] = {"auto",     "dark", "light",
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

bool ui_theme_parse(ui_theme *out, const char *name)
{
    for (int i = 0; i < UI_THEME_COUNT; i++)
        if (name && strcmp(name, ui_theme_names[i]) == 0) {
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
            pen.fg = pen.bg < 0 ? pen.fg : -1; /* it was for that background */
            pen.bg = theme == UI_THEME_DARK ? 237 : 254;
            pen.attributes |= UI_BOLD;
        } else {
            pen.attributes |= pen.attributes & UI_REVERSE ? UI_UNDERLINE : UI_REVERSE;
            if (theme != UI_THEME_CONTRAST)
                pen.fg = pen.bg = -1; /* reverse video of a colour would be a coloured block */
        }
    }
    if (style & UI_REVERSED)
        pen.attributes ^= UI_REVERSE;
    return pen;
}

ui_theme ui_theme_choose(const ui_term_options *o, int colors)
{
    ui_theme theme;
    if (o->color && strcmp(o->color, "never") == 0)
        return UI_THEME_MONO;
    if (ui_theme_parse(&theme, o->theme))
        return theme;
    bool always = o->color && strcmp(o->color, "always") == 0;
    bool dumb = o->term && strcmp(o->term, "dumb") == 0;
    if ((!always && o->no_color && *o->no_color) || dumb || colors < 8)
        return UI_THEME_MONO;
    return colors < 256 ? UI_THEME_16 : UI_THEME_AUTO;
}

/* ---- glyphs ---- */

const ui_glyphs ui_unicode = {
    .arrow = "→",
    .middot = "·",
    .tau = "τ",
    .hub = "°",
    .updown = "↑↓",
    .border = {{"─", "│", "┌", "┐", "└", "┘", "├", "┤"}, {"━", "┃", "┏", "┓", "┗", "┛", "┠", "┨"}},
    .eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"},
};

const ui_glyphs ui_ascii = {
    .ascii = true,
    .arrow = "->",
    .middot = "-",
    .tau = "tau",
    .hub = "*",
    .updown = "Up/Dn",
    .border = {{"-", "|", "+", "+", "+", "+", "+", "+"}, {"=", "#", "#", "#", "#", "#", "#", "#"}},
    .eighths = {" ", " ", " ", " ", "+", "+", "+", "+", "+"},
};

const ui_glyphs ui_spoken = {
    .spoken = true,
    .arrow = "to",
    .middot = "",
    .tau = "tau",
    .hub = "",
    .updown = "up/down",
    .border = {{" ", " ", " ", " ", " ", " ", " ", " "}, {" ", " ", " ", " ", " ", " ", " ", " "}},
    .eighths = {" ", " ", " ", " ", " ", " ", " ", " ", " "},
};

char ui_glyph_ascii(uint32_t code)
{
    static const struct {
        uint32_t code;
        char c;
    } map[] = {
        {0xa0, ' '},    {0xab, '<'},    {0xb1, '+'},   {0xb5, 'u'},   {0xb7, '.'},   {0xbb, '>'},
        {0xd7, 'x'},    {0xdf, 's'},    {0xf7, '/'},   {0x394, 'd'},  {0x3b1, 'a'},  {0x3b2, 'b'},
        {0x3b3, 'g'},   {0x3bc, 'u'},   {0x2010, '-'}, {0x2011, '-'}, {0x2013, '-'}, {0x2014, '-'},
        {0x2018, '\''}, {0x2019, '\''}, {0x201c, '"'}, {0x201d, '"'}, {0x2022, '*'}, {0x2026, '~'},
        {0x2032, '\''}, {0x203a, '>'},  {0x2190, '<'}, {0x2191, '^'}, {0x2192, '>'}, {0x2193, 'v'},
        {0x2212, '-'},  {0x2264, '<'},  {0x2265, '>'}, {0x2500, '-'}, {0x2501, '='}, {0x2502, '|'},
        {0x2503, '#'},  {0x2504, '-'},  {0x2588, '#'}, {0x258c, '>'}, {0x25b2, '^'}, {0x25bc, 'v'},
        {0x25cf, 'o'},  {0x2605, '*'},  {0x2713, 'v'}, {0xfffd, '?'},
    };
    static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";
    if (code < 0x80)
        return (char)code;
    for (size_t i = 0; i < IMR_LEN(map); i++)
        if (map[i].code == code)
            return map[i].c;
    return code >= 0xc0 && code <= 0xff ? latin[code - 0xc0] : '?';
}

/* ---- numbers ---- */

static ui_text number(double value, int decimals, bool plus)
{
    char text[64];
    if (isnan(value))
        return ui_textf("–");
    if (fabs(value) > 1e12)
        return ui_textf("%shuge", value > 0 ? "+" : "−");
    imr_format_fixed(text, value, decimals, plus);
    if (text[0] != '-')
        return ui_textf("%s", text);
    bool zero = strspn(text + 1, "0.") == strlen(text + 1); /* of which a minus says nothing */
    return ui_textf("%s%s", !zero ? "−" : plus ? "+" : "", text + 1);
}

ui_text ui_signed(double value, int decimals)
{
    return number(value, decimals, true);
}

ui_text ui_plain(double value, int decimals)
{
    return number(value, decimals, false);
}

ui_text ui_short(double value, int decimals)
{
    ui_text out = ui_signed(value, decimals);
    char *zero = strchr(out.s, '0');
    if (zero && zero[1] == '.' && fabs(value) < 1)
        memmove(zero, zero + 1, strlen(zero));
    return out;
}

ui_text ui_count(uint64_t value)
{
    char digits[24];
    ui_text out = {""};
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out.s[at++] = ' ';
        out.s[at++] = digits[i];
    }
    return out;
}

ui_text ui_move(int32_t move)
{
    long long ranks = move;
    return move == 0 ? ui_textf("=")
                     : ui_textf("%s%lld", move > 0 ? "▲" : "▼", move > 0 ? ranks : -ranks);
}

double ui_nice_scale(double value)
{
    static const double steps[] = {1, 2, 5, 10};
    value = fabs(value);
    if (!(value > 1e-4) || !isfinite(value))
        return 1e-4;
    double power = pow(10, floor(log10(value)));
    for (int i = 0; i < 4; i++)
        if (value <= steps[i] * power * (1 + 1e-9))
            return steps[i] * power;
    return 10 * power;
}

ui_text ui_bound(double bound)
{
    char text[64];
    int decimals = bound >= 1 ? 0 : (int)ceil(-log10(bound) - 1e-9);
    imr_format_fixed(text, bound, decimals, false);
    return ui_textf("%s", bound < 1 && text[0] == '0' ? text + 1 : text);
}
