/* Texts and judgements beside the vectors of the authors' caches, which do not say where they are. */
#include <stdio.h>

#include "base/mem.h"
#include "retrieval/reference_internal.h"

static imr_status attach_dataset(imr_cache *c, const imr_cache_options *options, imr_error *err)
{
    if (!options->dataset || !options->dataset[0])
        return imr_cache_add_notice(c,
                                    "no texts and no judgements: this layout does not say where "
                                    "its dataset is; name the BEIR folder to see them",
                                    err);
    imr_dataset_options o = {.skip_bad_lines = options->skip_bad_lines,
                             .progress = options->progress};
    IMR_TRY(imr_dataset_open(&c->dataset, options->dataset, &o, err));
    if (!(c->dataset_rows = IMR_NEW_ARRAY(uint32_t, c->documents.ids.n)))
        return imr_fail_memory(err);
    size_t missing = 0;
    for (size_t i = 0; i < c->documents.ids.n; i++)
        if (!imr_dataset_find_near(c->dataset, imr_ids_at(&c->documents.ids, i), (uint32_t)i,
                                   &c->dataset_rows[i])) {
            c->dataset_rows[i] = UINT32_MAX;
            missing++;
        }
    if (missing == c->documents.ids.n)
        return imr_fail(err, IMR_E_FORMAT,
                        "none of the cache's %zu documents is in %s: this is another dataset",
                        c->documents.ids.n, options->dataset);
    if (!missing)
        return IMR_OK;
    char line[IMR_ERROR_TEXT];
    snprintf(line, sizeof line, "%zu of %zu documents are not in %s", missing, c->documents.ids.n,
             options->dataset);
    return imr_cache_add_notice(c, line, err);
}

/* Release 0.1 cuts its three splits out of the dataset's test judgements, so those are asked first;
 * release 0.2 keeps test and cuts train and validation out of train. */
static imr_status split_qrels(imr_qrels **out, const imr_cache *c, const char *source, size_t first,
                              size_t end, imr_error *err)
{
    const imr_qrels *sources[64];
    size_t n = 0;
    const imr_qrels *test = imr_dataset_qrels(c->dataset, source);
    if (test)
        sources[n++] = test;
    for (size_t s = 0; s < imr_dataset_splits(c->dataset) && n < IMR_LEN(sources); s++) {
        const imr_qrels *q = imr_dataset_qrels(c->dataset, imr_dataset_split_name(c->dataset, s));
        if (q != test)
            sources[n++] = q;
    }
    if (n == 0)
        return IMR_OK;
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, end - first);
    if (!ids)
        return imr_fail_memory(err);
    for (size_t i = first; i < end; i++)
        ids[i - first] = imr_ids_at(&c->queries.ids, i);
    return imr_qrels_subset(out, sources, n, ids, end - first, err);
}

static imr_status make_splits(const reference_gather *g, imr_error *err)
{
    imr_cache *c = g->c;
    for (size_t s = 0, first = 0; s < CACHE_REFERENCE_SPLITS; first = g->ends[s], s++) {
        if (!g->present[s])
            continue;
        size_t n = g->ends[s] - first;
        IMR_AUTOFREE uint32_t *queries = IMR_NEW_ARRAY(uint32_t, n);
        if (!queries)
            return imr_fail_memory(err);
        for (size_t i = 0; i < n; i++)
            queries[i] = (uint32_t)(first + i);
        imr_qrels *made = NULL;
        if (c->dataset)
            IMR_TRY(split_qrels(&made, c, g->layout->second && s < 2 ? "train" : "test", first,
                                g->ends[s], err));
        IMR_TRY(imr_cache_add_split(c, g->layout->splits[s], queries, n, NULL, made, err));
    }
    return IMR_OK;
}

imr_status imr_reference_attach(const reference_gather *g, const imr_cache_options *options,
                                imr_error *err)
{
    IMR_TRY(attach_dataset(g->c, options, err));
    return make_splits(g, err);
}
