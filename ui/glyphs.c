/* ui/glyphs.c */
#include "ui/glyphs.h"

#include <stddef.h>

#include "base/attr.h"

static const ui_glyphs unicode = {
#define X(name, unicode, ascii) .name = (unicode),
    UI_GLYPHS(X)
#undef X
        .eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"},
};

static const ui_glyphs ascii = {
#define X(name, unicode, ascii) .name = (ascii),
    UI_GLYPHS(X)
#undef X
        .ascii = true,
    .eighths = {" ", " ", " ", " ", "+", "+", "+", "+", "+"},
};

const ui_glyphs *ui_glyphs_unicode(void)
{
    return &unicode;
}

const ui_glyphs *ui_glyphs_ascii(void)
{
    return &ascii;
}

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
