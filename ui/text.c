/* ui/text.c */
#include "ui/style.h"

#include "base/array.h"
#include "text/utf8.h"

void ui_lines_done(ui_lines *l)
{
    imr_free(l->v);
    *l = (ui_lines){0};
}

/* End of the line that starts at `at` (exclusive) and, in *next, where the next one starts. */
static size_t one_line(const char *text, size_t at, size_t end, int columns, size_t *next)
{
    size_t fits = at + imr_utf8_fit(text + at, end - at, (size_t)columns, NULL), space = fits;
    if (fits >= end)
        return *next = end;
    while (space > at && text[space] != ' ')
        space--;
    if (space == at) /* a cluster wider than the line: take it all the same */
        return *next = fits > at ? fits : imr_utf8_next(text, end, at);
    *next = space + strspn(text + space, " ");
    while (space > at && text[space - 1] == ' ')
        space--;
    return space;
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

void ui_lines_set(ui_lines *l, const char *text, int columns, size_t read)
{
    if (columns < 1)
        columns = 1;
    if (l->text == text && l->columns == columns && l->read == read)
        return;
    l->n = 0;
    l->text = text;
    l->columns = columns;
    l->read = read;
    for (size_t at = 0, len = text ? strlen(text) : 0; at < len;) {
        size_t end = at + strcspn(text + at, "\n");
        bool here = read >= at && read < end;
        if (here && ((read > at && !add(l, at, read)) || !IMR_PUSH(l, (ui_line){read, read, true})))
            return;
        at = here ? read + (read > at && text[read] == ' ') : at;
        if (!add(l, at, end))
            return;
        at = end + 1;
    }
}

size_t ui_lines_find(const ui_lines *l, size_t at)
{
    size_t i = 0;
    while (i + 1 < l->n && l->v[i + 1].start <= at)
        i++;
    return i;
}

int ui_lines_of(const char *text, int columns)
{
    ui_lines l = {0};
    ui_lines_set(&l, text, columns, SIZE_MAX);
    int n = (int)l.n;
    ui_lines_done(&l);
    return n;
}

bool ui_word_at(const char *text, size_t len, size_t at)
{
    uint32_t code;
    return at < len && imr_utf8_decode(text + at, len - at, &code) && imr_utf8_is_word(code);
}

bool ui_find_word(const char *text, size_t at, const char *word, size_t *start, size_t *end)
{
    bool inside = false; /* a word that began before */
    for (size_t len = strlen(text); at < len; at = imr_utf8_next(text, len, at)) {
        size_t n = inside ? 0 : imr_utf8_begins(text + at, word);
        if (n && !(ui_word_at(text, len, at) && ui_word_at(text, len, at + n))) {
            *start = at;
            *end = at + n;
            return true;
        }
        inside = ui_word_at(text, len, at);
    }
    return false;
}

void ui_replace(char **slot, const char *text)
{
    char *copy = text ? imr_strdup(text) : NULL;
    imr_free(*slot);
    *slot = copy;
}
