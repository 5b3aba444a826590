/* ui/lines.c */
#include "ui/lines.h"

#include <string.h>

#include "base/array.h"
#include "base/mem.h"
#include "text/utf8.h"

void ui_lines_done(ui_lines *l)
{
    imr_free(l->v);
    *l = (ui_lines){0};
}

/* End of the line that starts at `at` (exclusive) and, in *next, where the next one starts. */
static size_t one_line(const char *text, size_t at, size_t end, int columns, size_t *next)
{
    size_t fits = at + imr_utf8_fit(text + at, end - at, (size_t)columns, NULL);
    if (fits >= end) {
        *next = end;
        return end;
    }
    size_t space = fits;
    while (space > at && text[space] != ' ')
        space--;
    if (space > at) {
        *next = space + 1;
        while (*next < end && text[*next] == ' ')
            ++*next;
        while (space > at && text[space - 1] == ' ')
            space--;
        return space;
    }
    if (fits == at) /* a cluster wider than the line: take it all the same */
        fits = imr_utf8_next(text, end, at);
    *next = fits;
    return fits;
}

/* The lines of [at, end). */
static bool add(ui_lines *l, size_t at, size_t end)
{
    size_t next = at;
    do {
        ui_line line = {.start = at};
        line.end = one_line(l->text, at, end, l->columns, &next);
        if (!IMR_PUSH(l, line))
            return false;
        at = next;
    } while (at < end);
    return true;
}

bool ui_lines_set(ui_lines *l, const char *text, int columns, size_t read)
{
    if (columns < 1)
        columns = 1;
    if (l->text == text && l->columns == columns && l->read == read)
        return true;
    l->n = 0;
    l->text = text;
    l->columns = columns;
    l->read = read;
    for (size_t at = 0, len = text ? strlen(text) : 0; at < len;) {
        const char *feed = memchr(text + at, '\n', len - at);
        size_t end = feed ? (size_t)(feed - text) : len;
        bool here = read >= at && read < end;
        if (here && ((read > at && !add(l, at, read)) || !IMR_PUSH(l, (ui_line){read, read, true})))
            return false;
        at = here ? read + (read > at && text[read] == ' ') : at;
        if (!add(l, at, end))
            return false;
        at = end + 1;
    }
    return true;
}

size_t ui_lines_find(const ui_lines *l, size_t at)
{
    size_t low = 0, high = l->n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (l->v[middle].start <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}
