#include "text/filter.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "text/utf8.h"

enum { WINDOW = 512, MOST_REPEATS = 100 };

/* ---- patterns ---- */

/* Why an expression is not given to regcomp: what matching takes is bounded by its length times what
 * its counts come to, one in another. */
static const char *refused(const char *re)
{
    long times = 1;
    if (strlen(re) > IMR_PATTERN_MAX)
        return "it is longer than 100 bytes";
    for (; (re = strpbrk(re, "\\{")) != NULL; re++) {
        long most = 1;
        if (*re == '\\' && isdigit((unsigned char)re[1]))
            return "it refers back to a part of itself";
        for (const char *at = re; *re == '{' && (at == re || *at == ',');) {
            char *end;
            const long n = strtol(at + 1, &end, 10);
            most = n > MOST_REPEATS ? MOST_REPEATS + 1 : n > most ? n : most;
            at = end;
        }
        times *= most;
        if (times > MOST_REPEATS)
            return "its counts come to more than 100";
        re += *re == '\\' && re[1];
    }
    return NULL;
}

imr_status imr_pattern_make(imr_pattern *out, const char *text, size_t n, imr_error *err)
{
    imr_pattern p = {.text = imr_strndup(text, n)};
    char problem[100] = "";
    IMR_NEED(p.text, err);
    for (size_t at = 0, used; at < n; at += used) {
        uint32_t c;
        used = imr_utf8_decode(text + at, n - at, &c);
        p.exact |= imr_utf8_lower(c) != c;
    }
    if (p.text[0] == '/' && p.text[1]) {
        const char *why = refused(p.text + 1);
        const int code =
            why ? 0 : regcomp(&p.re, p.text + 1, REG_EXTENDED | (p.exact ? 0 : REG_ICASE));
        if (code)
            regerror(code, &p.re, problem, sizeof problem);
        p.regular = !why && !code;
        if (!p.regular) {
            imr_status s = imr_fail(err, IMR_E_USAGE, "no regular expression is %.60s: %s",
                                    p.text + 1, why ? why : problem);
            imr_free(p.text);
            return s;
        }
    }
    *out = p;
    return IMR_OK;
}

void imr_pattern_done(imr_pattern *p)
{
    if (p->regular)
        regfree(&p->re);
    imr_free(p->text);
    *p = (imr_pattern){0};
}

static bool continues(char c)
{
    return (c & 0xc0) == 0x80;
}

static bool find_regular(const imr_pattern *p, const char *text, double until, size_t *start,
                         size_t *end)
{
    char part[WINDOW + 1];
    regmatch_t m;
    for (size_t at = *start; text[at] && imr_clock_seconds() <= until;) {
        size_t n = strnlen(text + at, WINDOW), from = 0;
        memcpy(part, text + at, n);
        char *feed = memchr(part, '\n', n);
        const bool whole = feed || n < WINDOW;
        n = feed ? (size_t)(feed - part) : n;
        part[n] = '\0';
        size_t next = whole ? n + (feed != NULL) : WINDOW / 2;
        int flags = (at && text[at - 1] != '\n' ? REG_NOTBOL : 0) | (whole ? 0 : REG_NOTEOL);
        while (from < n && regexec(&p->re, part + from, 1, &m, flags) == 0) {
            const size_t a = from + (size_t)m.rm_so, b = from + (size_t)m.rm_eo;
            from = a + 1;
            flags |= REG_NOTBOL;
            if (a == b)
                continue;
            if (b == n && !whole && a) { /* it may go on */
                next = a;
                break;
            }
            *start = at + a;
            *end = at + b;
            while (continues(text[*end])) /* a locale without UTF-8 */
                ++*end;
            return true;
        }
        for (at += next; continues(text[at]);)
            at++;
    }
    return false;
}

bool imr_pattern_find(const imr_pattern *p, const char *text, double until, size_t *start,
                      size_t *end)
{
    if (!p->text || !*p->text || strcmp(p->text, "/") == 0)
        return false;
    if (p->regular)
        return find_regular(p, text, until, start, end);
    const size_t len = strlen(p->text);
    for (const char *at = text + *start; *at; at++) {
        const char *exact = p->exact ? strstr(at, p->text) : at;
        if (!exact)
            return false;
        at = exact;
        const size_t n = p->exact ? len : continues(*at) ? 0 : imr_utf8_begins(at, p->text);
        if (!n)
            continue;
        *start = (size_t)(at - text);
        *end = *start + n;
        return true;
    }
    return false;
}

/* ---- filters ---- */

/* The longest name that stands there up to `end` of a word; names may have blanks. */
static const imr_filter_name *named(const char *at, size_t n, bool fact,
                                    const imr_filter_name *names, size_t n_names)
{
    const imr_filter_name *found = NULL;
    for (size_t i = 0; i < n_names; i++) {
        const size_t len = strlen(names[i].name);
        const bool whole = fact ? strncmp(at, names[i].name, len) == 0 && strchr(" ", at[len])
                                : len == n && memcmp(at, names[i].name, n) == 0;
        if (whole && (!fact || names[i].fact) && (!found || len > strlen(found->name)))
            found = &names[i];
    }
    return found;
}

static imr_status compare(struct imr_filter_term *t, const char *word, size_t by, size_t n,
                          const imr_filter_name *names, size_t n_names, imr_error *err)
{
    const size_t from = by + 1 + (word[by] != '=' && word[by + 1] == '=');
    const imr_filter_name *of = named(word, by, false, names, n_names);
    if (!of) {
        IMR_AUTOBUF imr_buf all = {0};
        for (size_t i = 0; i < n_names; i++)
            imr_buf_printf(&all, "%s%s", i ? ", " : "", names[i].name);
        return imr_fail(err, IMR_E_USAGE, "%.*s is nothing that a row has; there are %s",
                        (int)(by < 40 ? by : 40), word, imr_buf_text(&all));
    }
    if (!imr_parse_double(word + from, n - from, &t->number))
        return imr_fail(err, IMR_E_USAGE, "%.*s wants a number, as in %.*s5",
                        (int)(from < 40 ? from : 40), word, (int)(from < 40 ? from : 40), word);
    memcpy(t->by, word + by, from - by);
    t->value = of->value;
    return IMR_OK;
}

imr_status imr_filter_make(imr_filter *out, const char *line, const imr_filter_name *names,
                           size_t n_names, imr_error *err)
{
    IMR_CLEANUP(imr_filter_done) imr_filter f = {.until = imr_clock_seconds() + 0.1};
    bool words = false;
    for (const char *at = line + strspn(line, " "); *at; at += strspn(at, " ")) {
        const bool negated = !words && (*at == '-' || *at == '!');
        at += negated;
        size_t n = strcspn(at, " ");
        const size_t by = strcspn(at, "<>=");
        const imr_filter_name *fact = words ? NULL : named(at, n, true, names, n_names);
        if (f.n == IMR_FILTER_TERMS)
            return imr_fail(err, IMR_E_USAGE, "a filter has at most %d words", IMR_FILTER_TERMS);
        struct imr_filter_term *t = &f.term[f.n];
        *t = (struct imr_filter_term){.value = SIZE_MAX, .negated = negated};
        if (!words && !negated && n == 5 && memcmp(at, "words", n) == 0) {
            words = true;
        } else if (fact) {
            n = strlen(fact->name);
            t->value = fact->value;
            f.n += 1;
        } else if (!words && *at != '/' && by && by < n) {
            IMR_TRY(compare(t, at, by, n, names, n_names, err));
            f.n += 1;
        } else if (n > (*at == '/')) { /* it is being typed */
            IMR_TRY(imr_pattern_make(&t->pattern, at, n, err));
            f.n += 1;
        }
        at += n;
    }
    *out = IMR_TAKE(f);
    return IMR_OK;
}

void imr_filter_done(imr_filter *f)
{
    for (size_t i = 0; i < f->n; i++)
        imr_pattern_done(&f->term[i].pattern);
    f->n = 0;
}

bool imr_filter_passes(const imr_filter *f, const double *values, const char *const *texts,
                       size_t n_texts)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct imr_filter_term *t = &f->term[i];
        const double v = t->value == SIZE_MAX ? 0 : values[t->value];
        bool holds = t->value != SIZE_MAX &&
                     (!*t->by           ? v > 0
                      : t->by[0] == '=' ? v == t->number
                      : t->by[1] == '=' ? (t->by[0] == '<' ? v <= t->number : v >= t->number)
                      : t->by[0] == '<' ? v < t->number
                                        : v > t->number);
        for (size_t k = 0, from, to; t->value == SIZE_MAX && k < n_texts && !holds; k++) {
            from = 0;
            holds = imr_pattern_find(&t->pattern, texts[k], f->until, &from, &to);
        }
        if (holds == t->negated)
            return false;
    }
    return true;
}
