#include "retrieval/qrels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/strmap.h"
#include "text/utf8.h"

/* Beyond any scale in use, and 2^grade stays a finite double. */
#define MAX_GRADE 1000

typedef struct query_slot {
    const char *id;
    size_t first, n;              /* within judgements and sorted */
    size_t ideal_first, relevant; /* within ideal */
} query_slot;

struct imr_qrels {
    char *text; /* the file, its fields zero-terminated in place */
    query_slot *queries;
    size_t n_queries;
    const char **documents;
    size_t n_documents;
    bool *relevant;            /* [n_documents] to any query */
    imr_judgement *judgements; /* grouped by query, file order within */
    imr_judgement *sorted;     /* the same groups by document number */
    int32_t *ideal;
    imr_strmap by_query, by_document;
};

typedef struct record {
    uint32_t query, document;
    int32_t grade;
} record;

typedef struct reader {
    const char *name;
    imr_qrels *out;
    IMR_ARRAY(record) records;
    IMR_ARRAY(const char *) queries;
    IMR_ARRAY(const char *) documents;
    int columns; /* 3: BEIR, 4: TREC, 0: not known yet */
} reader;

void imr_qrels_free(imr_qrels *q)
{
    if (!q)
        return;
    imr_free(q->text);
    imr_free(q->queries);
    imr_free(q->documents);
    imr_free(q->relevant);
    imr_free(q->judgements);
    imr_free(q->sorted);
    imr_free(q->ideal);
    imr_strmap_done(&q->by_query);
    imr_strmap_done(&q->by_document);
    imr_free(q);
}

static void free_qrels(imr_qrels **q)
{
    imr_qrels_free(*q);
}

static void reader_done(reader *r)
{
    imr_free(r->records.v);
    imr_free(r->queries.v);
    imr_free(r->documents.v);
}

/* ---- lines ---- */

/* Cuts `line` at tabs (BEIR: ids may hold spaces) or at runs of blanks. At most 5 fields are told
 * apart. */
static int cut(char *line, bool tabs_only, char *fields[5])
{
    int n = 0;
    const char *stops = tabs_only ? "\t" : " \t";
    for (char *at = line; n < 5;) {
        if (!tabs_only)
            at += strspn(at, stops);
        if (!tabs_only && !*at)
            break;
        fields[n++] = at;
        at += strcspn(at, stops);
        if (!*at)
            break;
        *at++ = '\0';
    }
    return n;
}

static size_t tabs_in(const char *line)
{
    size_t n = 0;
    for (; *line; line++)
        n += *line == '\t';
    return n;
}

static bool grade_of(const char *text, int64_t *grade)
{
    return imr_parse_int(text, strlen(text), grade);
}

static imr_status intern(uint32_t *number, imr_strmap *map, const char ***v, size_t *n, size_t *cap,
                         const char *id, imr_error *err)
{
    bool added = false;
    if (!imr_array_grow(v, *n, cap, 1, sizeof **v) ||
        !imr_strmap_add(map, id, strlen(id), (uint32_t)*n, number, &added))
        return imr_fail_memory(err);
    if (added)
        (*v)[(*n)++] = id;
    return IMR_OK;
}

static imr_status check_id(const reader *r, size_t line, const char *what, const char *id,
                           imr_error *err)
{
    if (!id[0] || strlen(id) > IMR_MAX_ID_BYTES)
        return imr_fail(err, IMR_E_FORMAT, "%s: line %zu: the %s id %s", r->name, line, what,
                        id[0] ? "is too long (1,024 bytes at most)" : "is empty");
    return IMR_OK;
}

static imr_status read_line(reader *r, char *text, size_t line, imr_error *err)
{
    bool first = r->columns == 0;
    if (first)
        r->columns = tabs_in(text) == 2 ? 3 : 4;
    char *field[5];
    int n = cut(text, r->columns == 3, field);
    if (n != r->columns)
        return imr_fail(err, IMR_E_FORMAT, "%s: line %zu: %d columns found, expected %s", r->name,
                        line, n,
                        r->columns == 3 ? "3: query-id, corpus-id, score separated by tabs"
                                        : "4: query, iteration, document, grade (or 3 with tabs)");
    const char *query = field[0], *document = field[r->columns - 2], *grade_text = field[n - 1];
    int64_t grade;
    if (!grade_of(grade_text, &grade)) {
        double number;
        if (first && r->columns == 3 && *grade_text &&
            !imr_parse_double(grade_text, strlen(grade_text), &number))
            return IMR_OK; /* the header: words, no number of another kind */
        return imr_fail(err, IMR_E_FORMAT, "%s: line %zu: the grade \"%.40s\" is not an integer",
                        r->name, line, grade_text);
    }
    if (grade > MAX_GRADE || grade < -MAX_GRADE)
        return imr_fail(err, IMR_E_LIMIT, "%s: line %zu: the grade %s is not within +-%d", r->name,
                        line, grade_text, MAX_GRADE);
    IMR_TRY(check_id(r, line, "query", query, err));
    IMR_TRY(check_id(r, line, "document", document, err));
    record rec = {.grade = (int32_t)grade};
    IMR_TRY(intern(&rec.query, &r->out->by_query, &r->queries.v, &r->queries.n, &r->queries.cap,
                   query, err));
    IMR_TRY(intern(&rec.document, &r->out->by_document, &r->documents.v, &r->documents.n,
                   &r->documents.cap, document, err));
    return IMR_PUSH(&r->records, rec) ? IMR_OK : imr_fail_memory(err);
}

static imr_status read_lines(reader *r, size_t len, imr_error *err)
{
    char *text = r->out->text, *end = text + len;
    size_t line = 0;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    while (text < end) {
        line++;
        char *stop = memchr(text, '\n', (size_t)(end - text));
        char *next = stop ? stop + 1 : end;
        if (!stop)
            stop = end;
        size_t bad = imr_utf8_first_bad(text, (size_t)(stop - text));
        if (text + bad < stop)
            return imr_fail(err, IMR_E_FORMAT, "%s: line %zu: not text in UTF-8", r->name, line);
        if (stop > text && stop[-1] == '\r')
            stop--;
        *stop = '\0';
        if (text[strspn(text, " \t")])
            IMR_TRY(read_line(r, text, line, err));
        text = next;
    }
    return IMR_OK;
}

/* ---- grouping ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const imr_judgement *)a)->document, y = ((const imr_judgement *)b)->document;
    return (x > y) - (x < y);
}

static int descending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x < y) - (x > y);
}

/* Keeps the first of each document in v; sorted holds `kept` different ones. */
static imr_status drop_repeats(query_slot *s, imr_judgement *v, const imr_judgement *sorted,
                               size_t kept, imr_error *err)
{
    IMR_AUTOFREE bool *taken = IMR_NEW_ARRAY(bool, kept);
    if (!taken)
        return imr_fail_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const imr_judgement *at = bsearch(&v[i], sorted, kept, sizeof *v, by_number);
        if (taken[at - sorted])
            continue;
        taken[at - sorted] = true;
        v[n++] = v[i];
    }
    s->n = n;
    return IMR_OK;
}

/* One judgement a (query, document): repeats with the same grade are dropped, others refused. */
static imr_status settle_query(imr_qrels *q, query_slot *s, const reader *r, imr_error *err)
{
    imr_judgement *sorted = q->sorted + s->first, *v = q->judgements + s->first;
    memcpy(sorted, v, s->n * sizeof *sorted);
    qsort(sorted, s->n, sizeof *sorted, by_number);
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (kept == 0 || sorted[kept - 1].document != sorted[i].document)
            sorted[kept++] = sorted[i];
        else if (sorted[kept - 1].grade != sorted[i].grade)
            return imr_fail(err, IMR_E_FORMAT,
                            "%s: document \"%s\" is judged twice for query \"%s\", with grades %d "
                            "and %d: keep one",
                            r->name, q->documents[sorted[i].document], s->id,
                            (int)sorted[kept - 1].grade, (int)sorted[i].grade);
    }
    if (kept < s->n)
        IMR_TRY(drop_repeats(s, v, sorted, kept, err));
    int32_t *ideal = q->ideal + s->ideal_first;
    for (size_t i = 0; i < s->n; i++)
        if (v[i].grade > 0) {
            ideal[s->relevant++] = v[i].grade;
            q->relevant[v[i].document] = true;
        }
    qsort(ideal, s->relevant, sizeof *ideal, descending);
    return IMR_OK;
}

static imr_status group(reader *r, imr_error *err)
{
    imr_qrels *q = r->out;
    q->documents = r->documents.v;
    q->n_documents = r->documents.n;
    r->documents.v = NULL;
    q->n_queries = r->queries.n;
    q->queries = IMR_NEW_ARRAY(query_slot, q->n_queries);
    q->relevant = IMR_NEW_ARRAY(bool, q->n_documents);
    q->judgements = IMR_NEW_ARRAY(imr_judgement, r->records.n);
    q->sorted = IMR_NEW_ARRAY(imr_judgement, r->records.n);
    q->ideal = IMR_NEW_ARRAY(int32_t, r->records.n);
    if (!q->queries || !q->relevant || !q->judgements || !q->sorted || !q->ideal)
        return imr_fail_memory(err);
    for (size_t i = 0; i < r->records.n; i++)
        q->queries[r->records.v[i].query].n++;
    size_t first = 0;
    for (size_t i = 0; i < q->n_queries; i++) {
        query_slot *s = &q->queries[i];
        s->id = r->queries.v[i];
        s->first = s->ideal_first = first;
        first += s->n;
        s->n = 0;
    }
    for (size_t i = 0; i < r->records.n; i++) {
        query_slot *s = &q->queries[r->records.v[i].query];
        q->judgements[s->first + s->n++] =
            (imr_judgement){r->records.v[i].document, r->records.v[i].grade};
    }
    for (size_t i = 0; i < q->n_queries; i++)
        IMR_TRY(settle_query(q, &q->queries[i], r, err));
    return IMR_OK;
}

static imr_status parse(imr_qrels **out, const void *data, size_t len, const char *name,
                        imr_error *err)
{
    if (len && memchr(data, '\0', len))
        return imr_fail(err, IMR_E_FORMAT, "%s holds zero bytes: not a file of judgements", name);
    IMR_CLEANUP(free_qrels) imr_qrels *q = IMR_NEW(imr_qrels);
    if (!q || !(q->text = imr_strndup(len ? data : "", len)))
        return imr_fail_memory(err);
    IMR_CLEANUP(reader_done) reader r = {.name = name, .out = q};
    IMR_TRY(read_lines(&r, len, err));
    IMR_TRY(group(&r, err));
    *out = q;
    q = NULL;
    return IMR_OK;
}

imr_status imr_qrels_parse(imr_qrels **out, const void *data, size_t len, const char *name,
                           imr_error *err)
{
    imr_qrels *q = NULL;
    IMR_TRY(parse(&q, data, len, name, err));
    assert(q);
    if (q->n_queries == 0) {
        imr_qrels_free(q);
        return imr_fail(err, IMR_E_FORMAT, "%s holds no judgements", name);
    }
    *out = q;
    return IMR_OK;
}

imr_status imr_qrels_open(imr_qrels **out, const char *path, imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map_as(&f, path, IMR_FILE_PIPE, err));
    return imr_qrels_parse(out, f.data, f.len, path, err);
}

imr_status imr_qrels_subset(imr_qrels **out, const imr_qrels *const *sources, size_t n_sources,
                            const char *const *ids, size_t n_ids, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    for (size_t i = 0; i < n_ids; i++) {
        uint32_t at = 0;
        size_t s = 0;
        while (s < n_sources && !imr_qrels_find(sources[s], ids[i], &at))
            s++;
        if (s == n_sources)
            continue;
        imr_qrels_query q = imr_qrels_at(sources[s], at);
        for (size_t j = 0; j < q.n; j++)
            imr_buf_printf(&b, "%s\t%s\t%d\n", q.id, sources[s]->documents[q.v[j].document],
                           (int)q.v[j].grade);
    }
    IMR_TRY(imr_buf_check(&b, err));
    return parse(out, imr_buf_text(&b), b.len, "judgements", err);
}

/* ---- looking up ---- */

size_t imr_qrels_count(const imr_qrels *q)
{
    return q->n_queries;
}

imr_qrels_query imr_qrels_at(const imr_qrels *q, size_t query)
{
    const query_slot *s = &q->queries[query];
    return (imr_qrels_query){s->id, q->judgements + s->first, s->n, q->ideal + s->ideal_first,
                             s->relevant};
}

bool imr_qrels_find(const imr_qrels *q, const char *query_id, uint32_t *query)
{
    return imr_strmap_get(&q->by_query, query_id, strlen(query_id), query);
}

size_t imr_qrels_documents(const imr_qrels *q)
{
    return q->n_documents;
}

const char *imr_qrels_document(const imr_qrels *q, uint32_t document)
{
    return q->documents[document];
}

size_t imr_qrels_absent(const imr_qrels *q, imr_known_fn known, const void *user,
                        const char **first)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n_documents; i++)
        if (!known(user, q->documents[i]) && n++ == 0)
            *first = q->documents[i];
    return n;
}

int32_t imr_qrels_grade(const imr_qrels *q, size_t query, const char *document_id, bool *judged)
{
    const query_slot *s = &q->queries[query];
    imr_judgement key = {0, 0};
    const imr_judgement *found = NULL;
    if (s->n && imr_strmap_get(&q->by_document, document_id, strlen(document_id), &key.document))
        found = bsearch(&key, q->sorted + s->first, s->n, sizeof key, by_number);
    bool known = found && found->grade >= 0;
    if (judged)
        *judged = known;
    return known ? found->grade : 0;
}

void imr_qrels_grades(const imr_qrels *q, size_t query, const char *const *ranked, size_t n,
                      int32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = imr_qrels_grade(q, query, ranked[i], NULL);
}

bool imr_qrels_saw(const imr_qrels *train, const imr_qrels *q, size_t query)
{
    const imr_qrels_query one = imr_qrels_at(q, query);
    uint32_t at;
    bool saw = imr_qrels_find(train, one.id, &at);
    for (size_t j = 0; j < one.n && !saw; j++) {
        const char *id = q->documents[one.v[j].document];
        saw = one.v[j].grade > 0 && imr_strmap_get(&train->by_document, id, strlen(id), &at) &&
              train->relevant[at];
    }
    return saw;
}
