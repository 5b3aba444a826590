#include "task/examples.h"

#include "retrieval/bm25.h"

enum { QUERIES_AT_ONCE = 1024 }; /* of a mining pass: 17 MB of products */

void imr_examples_done(imr_examples *e)
{
    IMR_FREE(e->positives.v, e->negatives.v, e->positive_start, e->negative_start);
    imr_matrix_done(&e->vectors);
    *e = (imr_examples){0};
}

imr_train_set imr_examples_set(const imr_examples *e, double weight)
{
    return (imr_train_set){.queries = imr_matrix_view(&e->vectors),
                           .positive_start = e->positive_start,
                           .positives = e->positives.v,
                           .negative_start = e->negative_start,
                           .negatives = e->negatives.v,
                           .weight = weight};
}

static imr_status begin(imr_examples *e, size_t n, size_t dim, imr_error *err)
{
    e->positive_start = IMR_NEW_ARRAY(uint64_t, n + 1);
    e->negative_start = IMR_NEW_ARRAY(uint64_t, n + 1);
    IMR_NEED(e->positive_start && e->negative_start, err);
    return imr_matrix_init(&e->vectors, n, dim, err);
}

/* ---- the encoder's nearest ---- */

imr_status imr_examples_nearest(uint32_t *out, const imr_ranker *encoder, imr_view queries,
                                size_t k, const imr_progress *progress, imr_error *err)
{
    for (size_t at = 0; at < queries.rows; at += QUERIES_AT_ONCE) {
        const size_t n = queries.rows - at < QUERIES_AT_ONCE ? queries.rows - at : QUERIES_AT_ONCE;
        const imr_view part = {imr_view_row(&queries, at), n, queries.cols, queries.stride};
        IMR_TRY(imr_candidates(out + at * k, encoder, IMR_STAGE_ENCODER, part, k,
                               "finding negatives", progress, err));
    }
    return IMR_OK;
}

static bool is_positive(const imr_examples *e, size_t query, uint32_t document)
{
    for (uint64_t i = e->positive_start[query]; i < e->positive_start[query + 1]; i++)
        if (e->positives.v[i] == document)
            return true;
    return false;
}

/* own[query] (NULL: none): a document that is no negative although it is not listed as positive;
 * instead[document] (NULL: none): the row to take for it. */
static imr_status mine_by_encoder(imr_examples *e, const imr_cache *cache,
                                  const imr_example_plan *plan, const uint32_t *own,
                                  const uint32_t *instead, const imr_progress *progress,
                                  imr_error *err)
{
    const imr_view queries = imr_matrix_view(&e->vectors);
    const size_t all = cache->documents.ids.n, k = plan->pool < all ? plan->pool : all;
    IMR_AUTOFREE uint32_t *near = IMR_NEW_ARRAY(uint32_t, queries.rows * k);
    IMR_NEED(near, err);
    IMR_TRY(imr_examples_nearest(near, plan->encoder, queries, k, progress, err));
    for (size_t q = 0; q < queries.rows; q++) {
        for (size_t i = 0; i < k; i++) {
            const uint32_t document = near[q * k + i];
            if ((own && own[q] == document) || is_positive(e, q, document))
                continue;
            IMR_NEED(IMR_PUSH(&e->negatives, instead ? instead[document] : document), err);
        }
        e->negative_start[q + 1] = e->negatives.n;
    }
    e->negatives_from = "the encoder";
    return IMR_OK;
}

/* ---- judged ---- */

static imr_status add_positives(imr_examples *e, const imr_cache *cache, const imr_qrels *qrels,
                                uint32_t query, const bool *held, imr_error *err)
{
    uint32_t judged, document;
    if (!imr_qrels_find(qrels, imr_ids_at(&cache->queries.ids, query), &judged))
        return IMR_OK;
    const imr_qrels_query q = qrels->queries.v[judged];
    for (size_t grade = 0; grade < q.relevant; grade++) {
        if (grade > 0 && q.ideal[grade] == q.ideal[grade - 1])
            continue; /* ideal is descending: each grade once */
        for (size_t i = 0; i < q.n; i++)
            if (q.v[i].grade == q.ideal[grade] &&
                imr_ids_find(&cache->documents.ids, qrels->documents.v[q.v[i].document],
                             &document) &&
                !(held && held[document]) && !IMR_PUSH(&e->positives, document))
                return imr_fail_memory(err);
    }
    return IMR_OK;
}

/* Rows of the cache for what BM25 found; a data set and its cache may order documents apart. */
static imr_status add_mined(imr_examples *e, const imr_cache *cache, const imr_bm25 *bm25,
                            const imr_qrels *qrels, uint32_t query, const imr_example_plan *plan,
                            imr_error *err)
{
    const char *text = imr_cache_query_text(cache, query);
    size_t found;
    IMR_AUTOFREE uint32_t *mined = IMR_NEW_ARRAY(uint32_t, plan->negatives);
    IMR_NEED(mined, err);
    IMR_TRY(imr_bm25_negatives(bm25, text, strlen(text), qrels,
                               imr_ids_at(&cache->queries.ids, query), plan->negatives, plan->pool,
                               mined, &found, err));
    for (size_t i = 0; i < found; i++) {
        uint32_t document;
        if (imr_ids_find(&cache->documents.ids, imr_ids_at(&cache->dataset->documents, mined[i]),
                         &document) &&
            !IMR_PUSH(&e->negatives, document))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static bool brings_negatives(const imr_cache *cache, const uint32_t *queries, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n && count == 0; i++)
        imr_cache_negatives(cache, queries[i], &count);
    return count > 0;
}

static imr_status take_ready(imr_examples *e, const imr_cache *cache, uint32_t query,
                             imr_error *err)
{
    size_t n;
    const uint32_t *ready = imr_cache_negatives(cache, query, &n);
    for (size_t k = 0; k < n; k++)
        IMR_NEED(IMR_PUSH(&e->negatives, ready[k]), err);
    e->negatives_from = "the cache";
    return IMR_OK;
}

static imr_status mine_by_words(imr_examples *e, const imr_cache *cache, const imr_qrels *qrels,
                                const uint32_t *queries, size_t n, const imr_example_plan *plan,
                                const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_bm25_free_at) imr_bm25 *bm25 = NULL;
    IMR_TRY(imr_bm25_build(&bm25, cache->dataset, IMR_BM25_REFERENCE, progress, err));
    for (size_t i = 0; i < n; i++) {
        IMR_TRY(add_mined(e, cache, bm25, qrels, queries[i], plan, err));
        e->negative_start[i + 1] = e->negatives.n;
        if (!imr_progress_step(progress, "finding negatives", i + 1, n))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled while finding negatives");
    }
    e->negatives_from = "BM25";
    return IMR_OK;
}

imr_status imr_examples_judged(imr_examples *out, const imr_cache *cache, const imr_qrels *qrels,
                               const uint32_t *queries, size_t n, const imr_example_plan *plan,
                               const imr_progress *progress, imr_error *err)
{
    const imr_view all = imr_rows_view(cache->queries.rows);
    const bool ready = brings_negatives(cache, queries, n);
    if (!ready && plan->miner == IMR_MINER_BM25 && !cache->dataset)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s brings no negatives and no texts to find them in; name its "
                        "data set with --dataset",
                        cache->path);
    IMR_TRY(begin(out, n, all.cols, err));
    for (size_t i = 0; i < n; i++) {
        memcpy(imr_matrix_row(&out->vectors, i), imr_view_row(&all, queries[i]),
               all.cols * sizeof(float));
        IMR_TRY(add_positives(out, cache, qrels, queries[i], plan->held, err));
        out->positive_start[i + 1] = out->positives.n;
        if (ready)
            IMR_TRY(take_ready(out, cache, queries[i], err));
        out->negative_start[i + 1] = out->negatives.n;
    }
    return ready ? IMR_OK
           : plan->miner == IMR_MINER_BM25
               ? mine_by_words(out, cache, qrels, queries, n, plan, progress, err)
               : mine_by_encoder(out, cache, plan, NULL, NULL, progress, err);
}

/* ---- pseudo ---- */

imr_status imr_examples_pseudo(imr_examples *out, const imr_cache *cache, const imr_cache *pseudo,
                               const uint32_t *documents, const uint32_t *asks, size_t n,
                               const imr_example_plan *plan, const imr_progress *progress,
                               imr_error *err)
{
    const imr_view all = imr_rows_view(pseudo->queries.rows);
    const size_t count = cache->documents.ids.n;
    IMR_AUTOFREE uint32_t *own = IMR_NEW_ARRAY(uint32_t, n);
    IMR_AUTOFREE uint32_t *instead = IMR_NEW_ARRAY(uint32_t, count);
    IMR_NEED(own && instead, err);
    for (size_t i = 0; i < count; i++)
        instead[i] = (uint32_t)i;
    for (size_t i = 0; i < pseudo->queries.ids.n; i++)
        instead[documents[i]] = (uint32_t)(count + i);
    IMR_TRY(begin(out, n, all.cols, err));
    for (size_t i = 0; i < n; i++) {
        memcpy(imr_matrix_row(&out->vectors, i), imr_view_row(&all, asks[i]),
               all.cols * sizeof(float));
        own[i] = documents[asks[i]];
        IMR_NEED(IMR_PUSH(&out->positives, (uint32_t)(count + asks[i])), err);
        out->positive_start[i + 1] = out->positives.n;
    }
    return mine_by_encoder(out, cache, plan, own, instead, progress, err);
}
