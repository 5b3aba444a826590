#include "task/sample.h"

/* ---- which queries ---- */

typedef struct candidate {
    uint32_t query;  /* of the dataset */
    uint32_t judged; /* of the split */
} candidate;

typedef struct chooser {
    const imr_dataset *from;
    imr_sample *s;
    candidate *of;  /* [s->of_queries] */
    bool *document; /* [s->of_documents] in the sample */
} chooser;

static void chooser_done(chooser *c)
{
    IMR_FREE(c->of, c->document);
}

static size_t find_judged(candidate *of, const imr_dataset *from, const imr_qrels *qrels)
{
    size_t n = 0;
    uint32_t query;
    for (size_t i = 0; i < qrels->queries.n; i++)
        if (imr_ids_find(&from->query_ids, qrels->queries.v[i].id, &query))
            of[n++] = (candidate){query, (uint32_t)i};
    return n;
}

static bool try_split(chooser *c, const char *name)
{
    const imr_qrels *qrels = imr_dataset_qrels(c->from, name);
    c->s->of_queries = qrels ? find_judged(c->of, c->from, qrels) : 0;
    if (c->s->of_queries == 0)
        return false;
    c->s->qrels = qrels;
    for (size_t i = 0; !c->s->split; i++)
        if (imr_same_split(c->from->splits[i].name, name))
            c->s->split = c->from->splits[i].name;
    return true;
}

static imr_status find_queries(chooser *c, imr_error *err)
{
    size_t most = c->from->query_ids.n;
    for (size_t i = 0; i < c->from->n_splits; i++) {
        const char *name = c->from->splits[i].name;
        const size_t n = imr_dataset_qrels(c->from, name)->queries.n;
        most = n > most ? n : most;
    }
    c->of = IMR_NEW_ARRAY(candidate, most);
    IMR_NEED(c->of, err);
    if (try_split(c, "test") || try_split(c, "dev"))
        return IMR_OK;
    for (size_t i = 0; i < c->from->n_splits; i++)
        if (try_split(c, c->from->splits[i].name))
            return IMR_OK;
    c->s->of_queries = c->from->query_ids.n;
    for (size_t i = 0; i < c->s->of_queries; i++)
        c->of[i].query = (uint32_t)i;
    return IMR_OK;
}

static const candidate *query_at(const chooser *c, size_t i, size_t count)
{
    return &c->of[(uint64_t)i * c->s->of_queries / count];
}

/* ---- which documents ---- */

/* Marks the best graded documents of a query, those first judged among equals; returns how many
 * were not in the sample yet. */
static size_t mark_judged(chooser *c, imr_qrels_query q)
{
    uint32_t best[IMR_SAMPLE_JUDGED], document;
    int32_t grade[IMR_SAMPLE_JUDGED];
    size_t n = 0, marked = 0;
    for (size_t i = 0; i < q.n; i++) {
        if (!imr_ids_find(&c->from->documents, c->s->qrels->documents.v[q.v[i].document],
                          &document))
            continue;
        size_t at = n;
        while (at > 0 && grade[at - 1] < q.v[i].grade)
            at--;
        if (at == IMR_SAMPLE_JUDGED)
            continue;
        n += n < IMR_SAMPLE_JUDGED;
        for (size_t k = n - 1; k > at; k--) {
            best[k] = best[k - 1];
            grade[k] = grade[k - 1];
        }
        best[at] = document;
        grade[at] = q.v[i].grade;
    }
    for (size_t i = 0; i < n; i++) {
        marked += !c->document[best[i]];
        c->document[best[i]] = true;
    }
    return marked;
}

/* The documents judged for `count` queries, and no others. Returns how many. */
static size_t mark(chooser *c, size_t count)
{
    size_t marked = 0;
    for (size_t i = 0; i < c->s->of_documents; i++)
        c->document[i] = false;
    for (size_t i = 0; c->s->qrels && i < count; i++)
        marked += mark_judged(c, c->s->qrels->queries.v[query_at(c, i, count)->judged]);
    return marked;
}

static void fill_up(chooser *c, size_t marked)
{
    const uint64_t more = c->s->documents - marked, among = c->s->of_documents - marked;
    uint64_t seen = 0;
    for (size_t i = 0; i < c->s->of_documents; i++) {
        if (c->document[i])
            continue;
        c->document[i] = (seen + 1) * more / among != seen * more / among;
        seen++;
    }
}

static size_t sample_size(size_t documents)
{
    if (documents <= IMR_SAMPLE_LEAST)
        return documents;
    const size_t tenth = documents / 10;
    return tenth < IMR_SAMPLE_LEAST  ? IMR_SAMPLE_LEAST
           : tenth > IMR_SAMPLE_MOST ? IMR_SAMPLE_MOST
                                     : tenth;
}

static imr_status choose(chooser *c, imr_error *err)
{
    imr_sample *s = c->s;
    IMR_TRY(find_queries(c, err));
    s->of_documents = c->from->documents.n;
    s->documents = sample_size(s->of_documents);
    s->queries = s->of_queries < IMR_SAMPLE_QUERIES ? s->of_queries : IMR_SAMPLE_QUERIES;
    c->document = IMR_NEW_ARRAY(bool, s->of_documents);
    IMR_NEED(c->document, err);
    size_t marked;
    while ((marked = mark(c, s->queries)) > s->documents)
        s->queries = s->queries * 3 / 4;
    fill_up(c, marked);
    return IMR_OK;
}

static imr_status take(chooser *c, imr_error *err)
{
    imr_sample *s = c->s;
    IMR_TRY(choose(c, err));
    s->document = IMR_NEW_ARRAY(uint32_t, s->documents);
    s->query = IMR_NEW_ARRAY(uint32_t, s->queries);
    IMR_NEED(s->document && s->query, err);
    for (size_t i = 0, n = 0; i < s->of_documents; i++)
        if (c->document[i])
            s->document[n++] = (uint32_t)i;
    for (size_t i = 0; i < s->queries; i++)
        s->query[i] = query_at(c, i, s->queries)->query;
    return IMR_OK;
}

imr_status imr_sample_take(imr_sample *out, const imr_dataset *from, imr_error *err)
{
    IMR_CLEANUP(imr_sample_done) imr_sample s = {0};
    IMR_CLEANUP(chooser_done) chooser c = {.from = from, .s = &s};
    IMR_TRY(take(&c, err));
    return IMR_GIVE(out, s);
}

void imr_sample_done(imr_sample *s)
{
    IMR_FREE(s->document, s->query);
    *s = (imr_sample){0};
}
