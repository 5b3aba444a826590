#include "text/unicode.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "assets/unicode.h"

#define CODE_POINTS 0x110000u

/* Pages nobody touches take no memory. */
static uint8_t flags[CODE_POINTS];
static int32_t to_lower[CODE_POINTS]; /* added to a code point */

static void fill_all(void)
{
    char *at = (char *)(uintptr_t)imr_asset_unicode;
    for (unsigned flag = 1; flag <= IMR_UNICODE_DECOMPOSES; flag *= 2) {
        unsigned long cp = strtoul(at, &at, 10), n;
        for (; (n = strtoul(at, &at, 10)) > 0; cp += strtoul(at, &at, 10))
            for (; n > 0; n--)
                flags[cp++] |= (uint8_t)flag;
    }
    unsigned long cp;
    while ((cp = strtoul(at, &at, 10)) > 0) {
        unsigned long n = strtoul(at, &at, 10), step = strtoul(at, &at, 10);
        const long add = strtol(at, &at, 10);
        for (; n > 0; n--, cp += step)
            to_lower[cp] = (int32_t)add;
    }
}

static bool is_private(uint32_t cp)
{
    return (cp >= 0xE000 && cp <= 0xF8FF) || (cp >= 0xF0000 && (cp & 0xFFFF) <= 0xFFFD);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

unsigned imr_unicode_flags(uint32_t cp)
{
    if (cp < 0x80 || cp >= CODE_POINTS)
        return 0;
    pthread_once(&once, fill_all);
    return is_private(cp) ? IMR_UNICODE_CONTROL : flags[cp];
}

uint32_t imr_unicode_lower(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    if (cp >= CODE_POINTS)
        return cp;
    pthread_once(&once, fill_all);
    return (uint32_t)((int32_t)cp + to_lower[cp]);
}
