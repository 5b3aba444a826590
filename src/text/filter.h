/*
 * text/filter.h - finding in texts, and lines of words that let rows through; one matcher for both.
 *
 * A pattern is a text, in any case unless it has a capital; behind a '/' it is a POSIX extended
 * regular expression, which is matched line by line, in windows of 512 bytes that overlap by half
 * (so that no expression takes long), never back-references, and matches nothing where the match
 * were empty. The parts of a filter, all of which must hold:
 *
 *   word     a pattern that occurs in one of the row's texts
 *   name     a fact of the row: its value is above 0
 *   name>5   one of its values, by < <= = >= >; what a row has not is in no range
 *   -x !x    not x
 *   words x  from here on words, whatever they are called
 *
 * Threads: pure functions of what they are given.
 */
#pragma once

#include <regex.h>
#include <stdbool.h>

#include "base/error.h"

enum { IMR_PATTERN_MAX = 100, IMR_FILTER_TERMS = 32 }; /* bytes of an expression; parts */

typedef struct imr_pattern { /* {0} and "" occur nowhere */
    char *text;
    bool exact, regular; /* regular: re is compiled */
    regex_t re;
} imr_pattern;

/* Errors: IMR_E_USAGE for an expression that is none, too long, or repeats too much. */
imr_status imr_pattern_make(imr_pattern *out, const char *text, size_t n, imr_error *err);
void imr_pattern_done(imr_pattern *p);
/* The next place from byte *start on: bytes [*start, *end), never empty. Not found: false. until:
 * imr_clock_seconds() when an expression gives up. */
bool imr_pattern_find(const imr_pattern *p, const char *text, double until, size_t *start,
                      size_t *end);

typedef struct imr_filter_name {
    const char *name; /* may have blanks */
    size_t value;     /* which of a row's */
    bool fact;
} imr_filter_name;

typedef struct imr_filter {
    struct imr_filter_term {
        imr_pattern pattern; /* of a word */
        size_t value;        /* SIZE_MAX: a word */
        char by[3];
        double number;
        bool negated;
    } term[IMR_FILTER_TERMS];
    size_t n;
    double until; /* a tenth of a second after it was made */
} imr_filter;

/* Errors: as of a pattern; an unknown name, naming those there are; a number that is none. */
imr_status imr_filter_make(imr_filter *out, const char *line, const imr_filter_name *names,
                           size_t n_names, imr_error *err);
void imr_filter_done(imr_filter *f);
bool imr_filter_passes(const imr_filter *f, const double *values, const char *const *texts,
                       size_t n_texts);
