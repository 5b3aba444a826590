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

bool imr_parse_double(const char *text, size_t len, double *out)
{
    char copy[64];
    if (len == 0 || len >= sizeof copy)
        return false;
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
