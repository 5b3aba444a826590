#include "retrieval/columns.h"

char *imr_lines_next(imr_lines *l)
{
    if (l->at >= l->end)
        return NULL;
    char *line = l->at, *stop = memchr(line, '\n', (size_t)(l->end - line));
    if (!stop)
        stop = l->end;
    l->at = stop + 1;
    l->number++;
    stop -= stop > line && stop[-1] == '\r';
    *stop = '\0';
    l->len = (size_t)(stop - line);
    return line;
}

size_t imr_count_tabs(const char *line)
{
    size_t n = 0;
    for (; *line; line++)
        n += *line == '\t';
    return n;
}

size_t imr_cut(char *line, const char *stops, bool runs, char **fields, size_t max)
{
    size_t n = 0;
    for (char *at = line; n < max;) {
        at += runs ? strspn(at, stops) : 0;
        if (runs && !*at)
            break;
        fields[n++] = at;
        at += strcspn(at, stops);
        if (!*at)
            break;
        *at++ = '\0';
    }
    return n;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool imr_begins(const char *text, const char *with, size_t n)
{
    size_t i = 0;
    while (i < n && lower(text[i]) == lower(with[i]))
        i++;
    return i == n;
}
