#include "base/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>

/* printf and strtod follow LC_NUMERIC; ours never do. */
static char decimal_point(void)
{
    const struct lconv *l = localeconv();
    return l && l->decimal_point && l->decimal_point[0] ? l->decimal_point[0] : '.';
}

static void to_point(char *text)
{
    char point = decimal_point();
    char *at = point == '.' ? NULL : strchr(text, point);
    if (at)
        *at = '.';
}

bool imr_parse_int(const char *text, size_t len, int64_t *out)
{
    size_t i = 0;
    bool negative = len && text[0] == '-';
    if (len && (text[0] == '-' || text[0] == '+'))
        i++;
    if (i == len)
        return false;
    uint64_t v = 0;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || v > (UINT64_MAX / 2 - 9) / 10)
            return false;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *out = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* Up to 15 digits are exact in float64, and so are powers of ten up to 10^22: their product or
 * quotient is rounded once, as strtod rounds (Clinger 1990), in a tenth of the time. */
static bool parse_short(const char *text, size_t len, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t value = 0, power = 0;
    size_t digits = 0, point = SIZE_MAX, i = text[0] == '-';
    for (; i < len && ((text[i] >= '0' && text[i] <= '9') || (point > i && text[i] == '.')); i++)
        if (text[i] == '.')
            point = i;
        else if (digits++ < 15)
            value = value * 10 + text[i] - '0';
    const size_t behind = point < i ? i - point - 1 : 0;
    if (i < len && ((text[i] | 0x20) != 'e' || !imr_parse_int(text + i + 1, len - i - 1, &power)))
        return false;
    if (!digits || digits > 15 || power < -22 || power > 22)
        return false;
    power -= (int64_t)behind;
    if (power < -22)
        return false;
    const double v = power < 0 ? (double)value / tens[-power] : (double)value * tens[power];
    *out = text[0] == '-' ? -v : v;
    return true;
}

bool imr_parse_double(const char *text, size_t len, double *out)
{
    char copy[64];
    if (len == 0 || len >= sizeof copy)
        return false;
    if (parse_short(text, len, out))
        return true;
    memcpy(copy, text, len); /* text need not be terminated */
    copy[len] = '\0';
    if (strspn(copy, "+-.0123456789eE") < len)
        return false;
    char point = decimal_point();
    char *at = point == '.' ? NULL : strchr(copy, '.');
    if (at)
        *at = point;
    char *end;
    errno = 0;
    double v = strtod(copy, &end);
    if (end != copy + len || !isfinite(v))
        return false;
    *out = v;
    return true;
}

/* out holds at least 32 bytes. */
static char *put_word(char *out, double value)
{
    snprintf(out, 32, "%s", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return out;
}

char *imr_format_float(char *out, double value)
{
    if (!isfinite(value))
        return put_word(out, value);
    snprintf(out, 32, "%.9g", value == 0 ? 0.0 : value);
    to_point(out);
    return out;
}

char *imr_format_fixed(char *out, double value, int decimals, bool plus)
{
    if (!isfinite(value))
        return put_word(out, value);
    snprintf(out, 64, plus ? "%+.*f" : "%.*f", decimals, value);
    to_point(out);
    /* -0.0000 says nothing: a sign needs a digit to stand for. */
    if (out[0] == '-' && strspn(out + 1, "0.") == strlen(out + 1)) {
        if (plus)
            out[0] = '+';
        else
            memmove(out, out + 1, strlen(out));
    }
    return out;
}
