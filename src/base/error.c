#define IMR_BASE_ERROR_C
#include "base/error.h"

#include <stdarg.h>

#include "base/mem.h"
#include "base/utf8_step.h"

static const int exits[IMR_STATUS_COUNT] = {
    [IMR_E_USAGE] = 2,       [IMR_E_IO] = 1,     [IMR_E_NOT_FOUND] = 3, [IMR_E_FORMAT] = 3,
    [IMR_E_UNSUPPORTED] = 3, [IMR_E_SHAPE] = 3,  [IMR_E_NUMERIC] = 3,   [IMR_E_LIMIT] = 3,
    [IMR_E_BUDGET] = 3,      [IMR_E_MEMORY] = 1, [IMR_E_BUSY] = 1,      [IMR_E_CANCELLED] = 130,
    [IMR_E_DIFFERENT] = 1,
};

/* Who shows an error makes controls in it visible (text/utf8.h): it quotes what is in files. */
static void one_line(char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' || text[i] == '\t' || text[i] == '\r')
            text[i] = ' ';
    }
    /* A cut can leave half a character at the end. */
    size_t back = 0;
    while (back < n && back < 3 && ((unsigned char)text[n - 1 - back] & 0xc0) == 0x80)
        back++;
    if (n == IMR_ERROR_TEXT - 1 && back < n &&
        !imr_utf8_step((const uint8_t *)text + n - 1 - back, back + 1))
        text[n - 1 - back] = '\0';
}

static void IMR_PRINTF(3, 0)
    fill(imr_error *err, imr_status status, const char *format, va_list args)
{
    if (!err)
        return;
    err->status = status;
    vsnprintf(err->text, sizeof err->text, format, args);
    one_line(err->text);
}

imr_status imr_fail(imr_error *err, imr_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, status, format, args);
    va_end(args);
    return status;
}

imr_status imr_fail_errno(imr_error *err, imr_status status, int number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, status, format, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->text);
        char words[256];
        if (strerror_r(number, words, sizeof words) != 0)
            snprintf(words, sizeof words, "error %d", number);
        snprintf(err->text + used, sizeof err->text - used, ": %s", words);
    }
    return status;
}

imr_status imr_fail_memory(imr_error *err)
{
    IMR_TRY(imr_budget_fail(err));
    return imr_fail(err, IMR_E_MEMORY,
                    "out of memory; close other programs or use a smaller input");
}

imr_status imr_only_memory(imr_status status, imr_error *err)
{
    return status == IMR_E_MEMORY ? imr_fail_memory(err) : IMR_OK;
}

imr_status imr_error_prefix(imr_error *err, imr_status status, const char *where)
{
    if (err && status != IMR_OK) {
        char old[IMR_ERROR_TEXT];
        memcpy(old, err->text, sizeof old);
        err->status = status;
        int used = snprintf(err->text, sizeof err->text, "%s: ", where);
        if (used > 0 && (size_t)used < sizeof err->text)
            snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", old);
        one_line(err->text);
    }
    return status;
}

int imr_status_exit(imr_status status)
{
    return (unsigned)status < IMR_STATUS_COUNT ? exits[status] : 1;
}
