/* retrieval/run_file.c - TREC run files. */
#include "retrieval/run_file.h"

#include "base/array.h"
#include "base/limits.h"
#include "base/number.h"
#include "retrieval/columns.h"

#define FIELDS 6

typedef struct entry {
    const char *query, *document;
    float score;
    size_t line;
} entry;

struct imr_run {
    char *text; /* the file, its fields terminated in place */
    IMR_ARRAY(entry) entries;
    const char **documents; /* [entries], the columns of the sorted entries */
    float *scores;
    IMR_ARRAY(size_t) starts; /* first entry of each query, then the number of entries */
};

static int by_query(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->query, y->query);
    if (order)
        return order;
    if (x->score > y->score || y->score > x->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(y->document, x->document);
}

static int by_document(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->query, y->query);
    order = order ? order : strcmp(x->document, y->document);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* At tabs alone, when there are just enough of them: ids may then hold blanks. */
static size_t split(char *line, char *fields[FIELDS + 1])
{
    const bool tabs = imr_count_tabs(line) == FIELDS - 1;
    const size_t n = imr_cut(line, tabs ? "\t" : " \t\r", !tabs, fields, FIELDS + 1);
    for (size_t i = 0; tabs && i < n; i++) {
        fields[i] += strspn(fields[i], " ");
        char *end = fields[i] + strlen(fields[i]);
        while (end > fields[i] && (end[-1] == ' ' || end[-1] == '\r'))
            *--end = '\0';
    }
    return n;
}

static imr_status read_line(imr_run *r, char *line, size_t number, const char *name, imr_error *err)
{
    char *f[FIELDS + 1];
    size_t n = split(line, f);
    double score;
    if (n == 0)
        return IMR_OK;
    if (n != FIELDS)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s:%zu: expected 6 fields (query Q0 document rank score tag), found %zu%s",
                        name, number, n > FIELDS ? (size_t)FIELDS : n,
                        n > FIELDS ? " and more" : "");
    if (!*f[0] || !*f[2])
        return imr_fail(err, IMR_E_FORMAT, "%s:%zu: an id is empty", name, number);
    if (strlen(f[0]) > IMR_MAX_ID_BYTES || strlen(f[2]) > IMR_MAX_ID_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s:%zu: an id is longer than %zu bytes", name, number,
                        IMR_MAX_ID_BYTES);
    if (!imr_parse_double(f[4], strlen(f[4]), &score))
        return imr_fail(err, IMR_E_FORMAT, "%s:%zu: the score '%.40s' is not a number", name,
                        number, f[4]);
    IMR_NEED(IMR_PUSH(&r->entries, (entry){f[0], f[2], (float)score, number}), err);
    return IMR_OK;
}

static imr_status check_repeats(imr_run *r, const char *name, imr_error *err)
{
    qsort(r->entries.v, r->entries.n, sizeof *r->entries.v, by_document);
    for (size_t i = 1; i < r->entries.n; i++) {
        const entry *a = &r->entries.v[i - 1], *b = &r->entries.v[i];
        if (strcmp(a->query, b->query) == 0 && strcmp(a->document, b->document) == 0)
            return imr_fail(err, IMR_E_FORMAT,
                            "%s:%zu: document '%.80s' is already ranked for query '%.80s' in line "
                            "%zu",
                            name, b->line, b->document, b->query, a->line);
    }
    return IMR_OK;
}

static imr_status order(imr_run *r, imr_error *err)
{
    size_t n = r->entries.n;
    qsort(r->entries.v, n, sizeof *r->entries.v, by_query);
    r->documents = IMR_NEW_ARRAY(const char *, n);
    r->scores = IMR_NEW_ARRAY(float, n);
    IMR_NEED(r->documents && r->scores, err);
    for (size_t i = 0; i < n; i++) {
        r->documents[i] = r->entries.v[i].document;
        r->scores[i] = r->entries.v[i].score;
        if ((i == 0 || strcmp(r->entries.v[i - 1].query, r->entries.v[i].query) != 0) &&
            !IMR_PUSH(&r->starts, i))
            return imr_fail_memory(err);
    }
    return IMR_PUSH(&r->starts, n) ? IMR_OK : imr_fail_memory(err);
}

static imr_status fill(imr_run *r, size_t len, const char *name, imr_error *err)
{
    if (memchr(r->text, '\0', len))
        return imr_fail(err, IMR_E_FORMAT, "%s: not a text file", name);
    imr_lines l = {.at = r->text, .end = r->text + len};
    for (char *line; (line = imr_lines_next(&l));)
        IMR_TRY(read_line(r, line, l.number, name, err));
    if (r->entries.n == 0)
        return imr_fail(err, IMR_E_FORMAT, "%s: no ranking in it", name);
    IMR_TRY(check_repeats(r, name, err));
    return order(r, err);
}

imr_status imr_run_parse(imr_run **out, const void *data, size_t len, const char *name,
                         imr_error *err)
{
    IMR_CLEANUP(imr_run_free_at) imr_run *r = IMR_NEW(imr_run);
    IMR_NEED(r && (r->text = imr_strndup(data, len)), err);
    IMR_TRY(fill(r, len, name, err));
    return IMR_GIVE(out, r);
}

imr_status imr_run_open(imr_run **out, const char *path, imr_error *err)
{
    IMR_BUDGET(path);
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map_as(&file, path, IMR_FILE_PIPE, err));
    return imr_run_parse(out, file.data, file.len, path, err);
}

void imr_run_free(imr_run *r)
{
    if (!r)
        return;
    IMR_FREE(r->text, r->entries.v, (void *)r->documents, r->scores, r->starts.v, r);
}

size_t imr_run_count(const imr_run *r)
{
    return r->starts.n - 1;
}

imr_run_query imr_run_at(const imr_run *r, size_t i)
{
    size_t first = r->starts.v[i];
    return (imr_run_query){r->entries.v[first].query, r->documents + first, r->scores + first,
                           r->starts.v[i + 1] - first};
}

typedef struct sought {
    const imr_run *run;
    const char *query;
} sought;

static int by_start(const void *key, const void *start)
{
    const sought *s = key;
    return strcmp(s->query, s->run->entries.v[*(const size_t *)start].query);
}

bool imr_run_ranked(void *user, const char *query_id, const char *const **ids, size_t *n)
{
    const imr_run *r = user;
    const sought key = {r, query_id};
    const size_t *starts = r->starts.v,
                 *start = bsearch(&key, starts, imr_run_count(r), sizeof *starts, by_start);
    if (!start)
        return false;
    *ids = r->documents + start[0];
    *n = start[1] - start[0];
    return true;
}

void imr_run_put(imr_writer *w, const char *query_id, const char *document_id, size_t rank,
                 float score, const char *tag)
{
    char number[32];
    const char gap = imr_run_needs_tabs(query_id) || imr_run_needs_tabs(document_id) ? '\t' : ' ';
    imr_writer_printf(w, "%s%cQ0%c%s%c%zu%c%s%c%s\n", query_id, gap, gap, document_id, gap, rank,
                      gap, imr_format_float(number, score), gap, tag);
}

bool imr_run_needs_tabs(const char *id)
{
    return strchr(id, ' ') != NULL;
}
