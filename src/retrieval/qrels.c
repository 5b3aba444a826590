#include "retrieval/qrels.h"

#include "base/limits.h"
#include "base/number.h"
#include "retrieval/columns.h"
#include "text/utf8.h"

/* Beyond any scale in use, and 2^grade stays a finite double. */
#define MAX_GRADE 1000

typedef struct record {
    uint32_t query, document;
    int32_t grade;
} record;

typedef struct reader {
    IMR_ARRAY(record) records;
    const char *name;
    imr_qrels *out;
    size_t columns; /* 3: BEIR, 4: TREC, 0: not known yet */
} reader;

void imr_qrels_free(imr_qrels *q)
{
    if (!q)
        return;
    IMR_FREE(q->text, q->queries.v, q->documents.v, q->relevant, q->judgements, q->ideal);
    imr_strmap_done(&q->by_query);
    imr_strmap_done(&q->by_document);
    imr_free(q);
}

/* ---- lines ---- */

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
    imr_qrels *q = r->out;
    bool first = r->columns == 0;
    if (first)
        r->columns = imr_count_tabs(text) == 2 ? 3 : 4;
    const bool beir = r->columns == 3; /* ids may hold spaces */
    char *field[5];
    const size_t n = imr_cut(text, beir ? "\t" : " \t", !beir, field, IMR_LEN(field));
    if (n != r->columns)
        return imr_fail(err, IMR_E_FORMAT, "%s: line %zu: %zu columns found, expected %s", r->name,
                        line, n,
                        beir ? "3: query-id, corpus-id, score separated by tabs"
                             : "4: query, iteration, document, grade (or 3 with tabs)");
    const char *query = field[0], *document = field[n - 2], *grade_text = field[n - 1];
    int64_t grade;
    if (!imr_parse_int(grade_text, strlen(grade_text), &grade)) {
        double number;
        if (first && beir && *grade_text &&
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
    const uint32_t queries = (uint32_t)q->queries.n, documents = (uint32_t)q->documents.n;
    bool new_query, new_document;
    if (!imr_strmap_add(&q->by_query, query, strlen(query), queries, &rec.query, &new_query) ||
        (new_query && !IMR_PUSH(&q->queries, (imr_qrels_query){.id = query})) ||
        !imr_strmap_add(&q->by_document, document, strlen(document), documents, &rec.document,
                        &new_document) ||
        (new_document && !IMR_PUSH(&q->documents, document)) || !IMR_PUSH(&r->records, rec))
        return imr_fail_memory(err);
    return IMR_OK;
}

static imr_status read_lines(reader *r, size_t len, imr_error *err)
{
    char *text = r->out->text, *line;
    const bool marked = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    imr_lines l = {.at = text + (marked ? 3 : 0), .end = text + len};
    while ((line = imr_lines_next(&l))) {
        if (imr_utf8_first_bad(line, l.len) < l.len)
            return imr_fail(err, IMR_E_FORMAT, "%s: line %zu: not text in UTF-8", r->name,
                            l.number);
        if (line[strspn(line, " \t")])
            IMR_TRY(read_line(r, line, l.number, err));
    }
    return IMR_OK;
}

/* ---- grouping ---- */

static int descending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x < y) - (x > y);
}

/* One judgement a (query, document): repeats with the same grade are dropped, others refused.
 * last[documents]: the query each document was judged for last, from 1, and its grade. */
static imr_status settle_query(const reader *r, size_t query, record *last, imr_error *err)
{
    imr_qrels *q = r->out;
    imr_qrels_query *s = &q->queries.v[query];
    imr_judgement *v = q->judgements + (s->v - q->judgements);
    int32_t *ideal = q->ideal + (s->v - q->judgements);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const imr_judgement j = v[i];
        record *seen = &last[j.document];
        if (seen->query == query + 1 && seen->grade != j.grade)
            return imr_fail(err, IMR_E_FORMAT,
                            "%s: document \"%s\" is judged twice for query \"%s\", with grades %d "
                            "and %d: keep one",
                            r->name, q->documents.v[j.document], s->id, (int)seen->grade,
                            (int)j.grade);
        if (seen->query == query + 1)
            continue;
        *seen = (record){(uint32_t)query + 1, j.document, j.grade};
        v[n++] = j;
        if (j.grade > 0) {
            ideal[s->relevant++] = j.grade;
            q->relevant[j.document] = true;
        }
    }
    s->n = n;
    s->ideal = ideal;
    qsort(ideal, s->relevant, sizeof *ideal, descending);
    return IMR_OK;
}

static imr_status group(reader *r, imr_error *err)
{
    imr_qrels *q = r->out;
    q->relevant = IMR_NEW_ARRAY(bool, q->documents.n);
    q->judgements = IMR_NEW_ARRAY(imr_judgement, r->records.n);
    q->ideal = IMR_NEW_ARRAY(int32_t, r->records.n);
    IMR_AUTOFREE record *last = IMR_NEW_ARRAY(record, q->documents.n);
    IMR_NEED(last && q->relevant && q->judgements && q->ideal, err);
    for (size_t i = 0; i < r->records.n; i++)
        q->queries.v[r->records.v[i].query].n++;
    imr_judgement *next = q->judgements;
    for (size_t i = 0; i < q->queries.n; i++) {
        q->queries.v[i].v = next;
        next += q->queries.v[i].n;
        q->queries.v[i].n = 0;
    }
    for (size_t i = 0; i < r->records.n; i++) {
        const record *rec = &r->records.v[i];
        imr_qrels_query *s = &q->queries.v[rec->query];
        q->judgements[(size_t)(s->v - q->judgements) + s->n++] =
            (imr_judgement){rec->document, rec->grade};
    }
    for (size_t i = 0; i < q->queries.n; i++)
        IMR_TRY(settle_query(r, i, last, err));
    return IMR_OK;
}

static imr_status parse(imr_qrels **out, const void *data, size_t len, const char *name,
                        bool may_be_empty, imr_error *err)
{
    if (len && memchr(data, '\0', len))
        return imr_fail(err, IMR_E_FORMAT, "%s holds zero bytes: not a file of judgements", name);
    IMR_CLEANUP(imr_qrels_free_at) imr_qrels *q = IMR_NEW(imr_qrels);
    if (!q || !(q->text = imr_strndup(len ? data : "", len)))
        return imr_fail_memory(err);
    IMR_AUTOFREE reader r = {.name = name, .out = q};
    IMR_TRY(read_lines(&r, len, err));
    if (q->queries.n == 0 && !may_be_empty)
        return imr_fail(err, IMR_E_FORMAT, "%s holds no judgements", name);
    IMR_TRY(group(&r, err));
    return IMR_GIVE(out, q);
}

imr_status imr_qrels_parse(imr_qrels **out, const void *data, size_t len, const char *name,
                           imr_error *err)
{
    return parse(out, data, len, name, false, err);
}

imr_status imr_qrels_open(imr_qrels **out, const char *path, imr_error *err)
{
    IMR_BUDGET(path);
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
        imr_qrels_query q = sources[s]->queries.v[at];
        for (size_t j = 0; j < q.n; j++)
            imr_buf_printf(&b, "%s\t%s\t%d\n", q.id, sources[s]->documents.v[q.v[j].document],
                           (int)q.v[j].grade);
    }
    IMR_TRY(imr_buf_check(&b, err));
    return parse(out, imr_buf_text(&b), b.len, "judgements", true, err);
}

/* ---- looking up ---- */

bool imr_qrels_find(const imr_qrels *q, const char *query_id, uint32_t *query)
{
    return imr_strmap_get(&q->by_query, query_id, strlen(query_id), query);
}

imr_status imr_qrels_sha256(char out[IMR_SHA256_HEX], const imr_qrels *q, imr_error *err)
{
    IMR_AUTOSHA256 imr_sha256 s = {0};
    imr_sha256_init(&s);
    for (size_t i = 0; q && i < q->queries.n; i++) {
        const imr_qrels_query *of = &q->queries.v[i];
        for (size_t k = 0; k < of->n; k++) {
            const char *document = q->documents.v[of->v[k].document];
            char grade[24];
            const int n = snprintf(grade, sizeof grade, " %d\n", (int)of->v[k].grade);
            imr_sha256_add(&s, of->id, strlen(of->id));
            imr_sha256_add(&s, " ", 1);
            imr_sha256_add(&s, document, strlen(document));
            imr_sha256_add(&s, grade, (size_t)n);
        }
    }
    return imr_sha256_hex(&s, out, err);
}

size_t imr_qrels_absent(const imr_qrels *q, const imr_ids *known, const char **first)
{
    size_t n = 0;
    uint32_t at;
    for (size_t i = 0; i < q->documents.n; i++)
        if (!imr_ids_find(known, q->documents.v[i], &at) && n++ == 0)
            *first = q->documents.v[i];
    return n;
}

size_t imr_qrels_absent_queries(const imr_qrels *q, const imr_ids *known, const char **first)
{
    size_t n = 0;
    uint32_t at;
    for (size_t i = 0; i < q->queries.n; i++)
        if (!imr_ids_find(known, q->queries.v[i].id, &at) && n++ == 0)
            *first = q->queries.v[i].id;
    return n;
}

int32_t imr_qrels_grade(const imr_qrels *q, size_t query, const char *document_id, bool *judged)
{
    const imr_qrels_query *s = &q->queries.v[query];
    uint32_t number;
    size_t i =
        imr_strmap_get(&q->by_document, document_id, strlen(document_id), &number) ? 0 : s->n;
    while (i < s->n && s->v[i].document != number)
        i++;
    const bool known = i < s->n && s->v[i].grade >= 0;
    if (judged)
        *judged = known;
    return known ? s->v[i].grade : 0;
}

void imr_qrels_grades(const imr_qrels *q, size_t query, const char *const *ranked, size_t n,
                      int32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = imr_qrels_grade(q, query, ranked[i], NULL);
}

bool imr_qrels_has(const imr_qrels *q, const char *id)
{
    uint32_t at;
    return imr_strmap_get(&q->by_document, id, strlen(id), &at) && q->relevant[at];
}

bool imr_qrels_saw(const imr_qrels *train, const imr_qrels *q, size_t query)
{
    const imr_qrels_query one = q->queries.v[query];
    uint32_t at;
    bool saw = imr_qrels_find(train, one.id, &at);
    for (size_t j = 0; j < one.n && !saw; j++)
        saw = one.v[j].grade > 0 && imr_qrels_has(train, q->documents.v[one.v[j].document]);
    return saw;
}
