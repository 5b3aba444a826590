/* ui/format.c */
#include "ui/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

/* text with every '-' replaced by the minus glyph. */
static char *dress(char *out, const ui_glyphs *g, const char *text)
{
    size_t n = 0;
    for (; *text && n + 4 < UI_NUMBER; text++) {
        const char *piece = *text == '-' ? g->minus : NULL;
        if (piece)
            n += (size_t)snprintf(out + n, UI_NUMBER - n, "%s", piece);
        else
            out[n++] = *text;
    }
    out[n] = 0;
    return out;
}

static char *number(char *out, const ui_glyphs *g, double value, int decimals, bool plus)
{
    char text[64];
    if (!isfinite(value) || fabs(value) > 1e12)
        return dress(out, g, isnan(value) ? g->none : value > 0 ? "+huge" : "-huge");
    imr_format_fixed(text, value, decimals, plus);
    if (text[0] == '-' && strspn(text + 1, "0.") == strlen(text + 1))
        text[0] = '+'; /* a minus before nothing but zeros says nothing */
    return dress(out, g, !plus && text[0] == '+' ? text + 1 : text);
}

char *ui_format_signed(char *out, const ui_glyphs *g, double value, int decimals)
{
    return number(out, g, value, decimals, true);
}

char *ui_format_plain(char *out, const ui_glyphs *g, double value, int decimals)
{
    return number(out, g, value, decimals, false);
}

char *ui_format_short(char *out, const ui_glyphs *g, double value, int decimals)
{
    ui_format_signed(out, g, value, decimals);
    char *zero = strchr(out, '0');
    if (zero && zero[1] == '.' && fabs(value) < 1)
        memmove(zero, zero + 1, strlen(zero));
    return out;
}

char *ui_format_count(char *out, uint64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[at++] = ' ';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

char *ui_format_move(char *out, const ui_glyphs *g, int32_t move)
{
    if (move == 0)
        snprintf(out, UI_NUMBER, "%s", g->same);
    else
        snprintf(out, UI_NUMBER, "%s%lld", move > 0 ? g->up : g->down,
                 move > 0 ? (long long)move : -(long long)move);
    return out;
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

char *ui_format_bound(char *out, double bound)
{
    char text[64];
    int decimals = bound >= 1 ? 0 : (int)ceil(-log10(bound) - 1e-9);
    imr_format_fixed(text, bound, decimals, false);
    snprintf(out, UI_NUMBER, "%.40s", bound < 1 && text[0] == '0' ? text + 1 : text);
    return out;
}
