/*
 * Caches the authors' package wrote, read as they are.
 *
 *   1. DIR/manifest.json                                 "encoder": the key of the query files
 *   2. DIR/{train,val,test}/embeddings.pt                dict id -> vector; the same in every split
 *   3. DIR/{...}/query_embeddings_<key>.pt               dict id -> vector, prefixes already in
 *   4. DIR/{...}/negatives.json                          {query: [document, ...]}: its keys are the
 *                                                        split's queries, in this order
 * A split that is absent is no error, one without negatives.json takes the queries it has vectors
 * for.
 *
 * torch.save writes a dict of vectors in one of two ways: all of them views of one storage (those
 * of a matrix), or each with a storage of its own, in an archive of as many entries. Both are read
 * without a copy; what is held of each vector is its id and its place (cache_vector), in the
 * scratch when there is one. Read in one pass, queries are kept the same way and negatives.json,
 * splits and texts are left alone.
 */
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/torch_pt.h"
#include "retrieval/cache_internal.h"

static const char *const split_names[CACHE_REFERENCE_SPLITS] = {"train", "val", "test"};
#define SPLITS CACHE_REFERENCE_SPLITS

/* Queries of all splits, gathered one split after another. */
typedef IMR_ARRAY(char) id_array; /* zero-terminated, one after another */
typedef IMR_ARRAY(cache_vector) place_array;

typedef struct gather {
    imr_cache *c;
    const char *dir, *key; /* key NULL: whatever single query file is there */
    imr_scratch *scratch;
    id_array ids;
    place_array places; /* in one pass, else: */
    IMR_ARRAY(float) vectors;
    IMR_ARRAY(size_t) first; /* of each query's negatives */
    IMR_ARRAY(uint32_t) negatives;
    size_t n, ends[SPLITS];
    bool present[SPLITS], one_pass;
    size_t without_vector;
} gather;

static void gather_done(gather *g)
{
    imr_scratch_free(g->scratch, g->ids.v);
    imr_scratch_free(g->scratch, g->places.v);
    imr_free(g->vectors.v);
    imr_free(g->first.v);
    imr_free(g->negatives.v);
}

/* A .pt file: the ids of its dict and where their vectors lie. */
typedef struct vectors_file {
    imr_cache *c; /* the first vector of all decides its dim and dtype */
    bool compare; /* with the cache's documents, instead of keeping: */
    size_t n, strangers;
    imr_scratch *scratch; /* of ids and v */
    id_array ids;
    place_array v;
    imr_torch *torch;
    char *path;
} vectors_file;

static void vectors_done(vectors_file *f)
{
    imr_scratch_free(f->scratch, f->ids.v);
    imr_scratch_free(f->scratch, f->v.v);
    imr_torch_free(f->torch);
    imr_free(f->path);
}

static imr_status path_in(char **out, const gather *g, size_t split, const char *file,
                          imr_error *err)
{
    imr_buf b = {0};
    imr_buf_printf(&b, "%s/%s/%s", g->dir, split_names[split], file);
    *out = imr_buf_take(&b);
    return *out ? IMR_OK : imr_fail_memory(err);
}

/* n bytes of ids. */
static imr_status add_ids(imr_scratch *scratch, id_array *to, const char *ids, size_t n,
                          imr_error *err)
{
    if (!IMR_SCRATCH_GROW(scratch, to, n))
        return imr_scratch_fail(scratch, err);
    memcpy(to->v + to->n, ids, n);
    to->n += n;
    return IMR_OK;
}

static imr_status take_vector(void *user, const char *id, const imr_tensor *t, imr_error *err)
{
    vectors_file *f = user;
    imr_cache *c = f->c;
    if (c->dim == 0 && t->rank == 1 && t->shape[0] > 0 && t->shape[0] <= IMR_MAX_DIM) {
        c->dim = (size_t)t->shape[0];
        c->dtype = t->dtype == IMR_F16 ? IMR_F16 : IMR_F32;
    }
    uint64_t shape[1] = {c->dim};
    char found[160];
    if (!imr_tensor_has_shape(t, 1, shape))
        return imr_fail(err, IMR_E_SHAPE, "the vector of \"%.200s\" is %s, expected %zu", id,
                        imr_tensor_shape_text(t, found), c->dim);
    if (t->stride[0] > UINT32_MAX)
        return imr_fail(err, IMR_E_LIMIT, "the values of \"%.200s\" lie too far apart", id);
    if (strlen(id) > IMR_MAX_ID_BYTES || strpbrk(id, "\n\r\t"))
        return imr_fail(err, IMR_E_FORMAT, "\"%.80s\" is no id", id);
    if (f->n >= IMR_MAX_DOCUMENTS)
        return imr_fail(err, IMR_E_LIMIT, "more than %u vectors", IMR_MAX_DOCUMENTS);
    f->n++;
    if (f->compare) {
        uint32_t at;
        f->strangers += !imr_cache_find_document_near(c, id, f->n - 1, &at);
        return IMR_OK;
    }
    cache_vector v = {t->data, (uint32_t)t->stride[0], (uint8_t)t->dtype};
    if (!IMR_SCRATCH_PUSH(f->scratch, &f->v, v))
        return imr_scratch_fail(f->scratch, err);
    return add_ids(f->scratch, &f->ids, id, strlen(id) + 1, err);
}

/* Opens the dict id -> vector and checks that every value is a vector of the cache's length. Takes
 * f->path. */
static imr_status open_vectors(vectors_file *f, imr_error *err)
{
    IMR_TRY(imr_torch_open_pairs(&f->torch, f->path, f->scratch, take_vector, f, err));
    if (f->n == 0)
        return imr_fail(err, IMR_E_FORMAT, "%s holds no vectors: expected a dict id -> vector",
                        f->path);
    return IMR_OK;
}

/* The ids as a table. */
static imr_status take_ids(imr_ids *ids, vectors_file *f, imr_error *err)
{
    char *text = f->ids.v;
    f->ids.v = NULL;
    return imr_ids_take(ids, NULL, f->scratch, text, f->ids.n, f->n, f->path, err);
}

/* ---- documents ---- */

/* Vectors that lie one behind the other, as those of a dict made from one matrix do. */
static bool one_matrix(imr_rows *out, const vectors_file *f, size_t dim)
{
    const cache_vector *v = f->v.v;
    size_t size = imr_dtype_size((imr_dtype)v[0].dtype);
    size_t step = f->n > 1 ? (size_t)((uintptr_t)v[1].data - (uintptr_t)v[0].data) : dim * size;
    if ((v[0].dtype != IMR_F32 && v[0].dtype != IMR_F16) || (uintptr_t)v[0].data % size ||
        step % size || step / size < dim || step / size > 16 * (size_t)IMR_MAX_DIM)
        return false;
    for (size_t i = 0; i < f->n; i++)
        if (v[i].dtype != v[0].dtype || v[i].stride != 1 ||
            (uintptr_t)v[i].data - (uintptr_t)v[0].data != i * step)
            return false;
    *out = (imr_rows){v[0].data, v[0].dtype == IMR_F16, f->n, dim, step / size};
    return true;
}

static imr_status take_documents(imr_cache *c, vectors_file *f, bool one_pass, imr_error *err)
{
    cache_rows *d = &c->documents;
    IMR_TRY(take_ids(&d->ids, f, err));
    if (one_matrix(&d->rows, f, c->dim)) {
        d->torch = f->torch;
        f->torch = NULL;
    } else {
        d->rows = (imr_rows){NULL, false, f->n, c->dim, c->dim};
        d->torch = f->torch;
        d->scattered = f->v.v;
        d->scratch = f->scratch;
        f->torch = NULL;
        f->v.v = NULL;
    }
    if (one_pass)
        return IMR_OK;
    if (d->scattered)
        IMR_TRY(imr_cache_gather(d, err));
    return imr_cache_check_finite(d, "document", 0, err);
}

static imr_status read_documents(gather *g, size_t split, imr_error *err)
{
    imr_cache *c = g->c;
    IMR_CLEANUP(vectors_done)
    vectors_file f = {.c = c, .compare = c->documents.ids.n > 0, .scratch = g->scratch};
    IMR_TRY(path_in(&f.path, g, split, "embeddings.pt", err));
    IMR_TRY(open_vectors(&f, err));
    if (!f.compare)
        return take_documents(c, &f, g->one_pass, err);
    if (f.n == c->documents.ids.n && f.strangers == 0)
        return IMR_OK;
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "%s holds other documents (%zu) than the split before it (%zu): one corpus a "
                    "cache is read",
                    f.path, f.n, c->documents.ids.n);
}

/* ---- queries ---- */

/* The split's query file: by key, or the only one there. */
static imr_status find_query_file(char **out, const gather *g, size_t split, imr_error *err)
{
    char name[128];
    if (g->key) {
        snprintf(name, sizeof name, "query_embeddings_%.80s.pt", g->key);
        IMR_TRY(path_in(out, g, split, name, err));
        if (imr_file_exists(*out))
            return IMR_OK;
        imr_free(*out);
        *out = NULL;
    }
    IMR_AUTOFREE char *folder = NULL;
    IMR_TRY(path_in(&folder, g, split, "", err));
    char **names = NULL;
    size_t n = 0, found = 0;
    IMR_TRY(imr_dir_list(&names, &n, folder, err));
    for (size_t i = 0; i < n; i++)
        if (strncmp(names[i], "query_embeddings_", 17) == 0 && strlen(names[i]) < sizeof name) {
            snprintf(name, sizeof name, "%s", names[i]);
            found++;
        }
    imr_dir_list_free(names, n);
    if (found == 1 && !g->key)
        return path_in(out, g, split, name, err);
    return imr_fail(err, IMR_E_NOT_FOUND, "%s has %s query_embeddings_%s.pt%s", folder,
                    found ? "no single" : "no", g->key ? g->key : "*",
                    found ? "; name the encoder key of the one to use" : "");
}

static imr_status add_query(gather *g, const char *id, const cache_vector *v,
                            const imr_json *negatives, imr_error *err)
{
    size_t dim = g->c->dim;
    if (!IMR_GROW(&g->vectors, dim) || !IMR_PUSH(&g->first, g->negatives.n))
        return imr_fail_memory(err);
    IMR_TRY(imr_cache_read_vector(g->vectors.v + g->vectors.n, v, dim, err));
    g->vectors.n += dim;
    IMR_TRY(add_ids(g->scratch, &g->ids, id, strlen(id) + 1, err));
    g->n++;
    for (const imr_json *n = imr_json_child(negatives); n; n = imr_json_next(n)) {
        uint32_t at;
        if (imr_json_is_string(n) &&
            imr_cache_find_document(g->c, imr_json_string_or(n, "", ""), &at) &&
            !IMR_PUSH(&g->negatives, at))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static imr_status add_queries(gather *g, const vectors_file *f, const imr_ids *ids,
                              const imr_json *negatives, imr_error *err)
{
    if (!negatives)
        for (size_t i = 0; i < f->n; i++)
            IMR_TRY(add_query(g, imr_ids_at(ids, i), &f->v.v[i], NULL, err));
    for (const imr_json *q = imr_json_child(negatives); q; q = imr_json_next(q)) {
        uint32_t at;
        if (imr_ids_find(ids, imr_json_key(q), &at))
            IMR_TRY(add_query(g, imr_json_key(q), &f->v.v[at], q, err));
        else
            g->without_vector++;
    }
    return IMR_OK;
}

/* In one pass: where they lie. */
static imr_status keep_queries(gather *g, size_t split, vectors_file *f, imr_error *err)
{
    if (!IMR_SCRATCH_GROW(g->scratch, &g->places, f->n))
        return imr_scratch_fail(g->scratch, err);
    memcpy(g->places.v + g->places.n, f->v.v, f->n * sizeof *f->v.v);
    g->places.n += f->n;
    g->n += f->n;
    g->c->query_files[split] = f->torch;
    f->torch = NULL;
    return add_ids(g->scratch, &g->ids, f->ids.v, f->ids.n, err);
}

static imr_status read_queries(gather *g, size_t split, imr_error *err)
{
    IMR_CLEANUP(vectors_done) vectors_file f = {.c = g->c, .scratch = g->scratch};
    IMR_TRY(find_query_file(&f.path, g, split, err));
    IMR_TRY(open_vectors(&f, err));
    if (g->one_pass)
        return keep_queries(g, split, &f, err);
    IMR_AUTOFREE char *path = NULL;
    IMR_TRY(path_in(&path, g, split, "negatives.json", err));
    imr_json *negatives IMR_AUTOJSON = NULL;
    if (imr_file_exists(path)) {
        IMR_TRY(imr_json_open(&negatives, path, err));
        if (!imr_json_is_object(negatives))
            return imr_fail(err, IMR_E_FORMAT, "%s is no object {query: [document, ...]}", path);
    }
    IMR_CLEANUP(imr_ids_done) imr_ids ids = {0};
    IMR_TRY(take_ids(&ids, &f, err));
    return add_queries(g, &f, &ids, negatives, err);
}

static imr_status read_splits(gather *g, const imr_progress *progress, imr_error *err)
{
    for (size_t s = 0; s < SPLITS; s++) {
        IMR_AUTOFREE char *path = NULL;
        IMR_TRY(path_in(&path, g, s, "embeddings.pt", err));
        g->present[s] = imr_file_exists(path);
        if (g->present[s]) {
            IMR_TRY(read_documents(g, s, err));
            IMR_TRY(read_queries(g, s, err));
        }
        g->ends[s] = g->n;
        if (!imr_progress_step(progress, "reading vectors", s + 1, SPLITS))
            return imr_fail(err, IMR_E_CANCELLED, "reading the cache was cancelled");
    }
    if (g->c->documents.ids.n == 0)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s has none of train/embeddings.pt, val/embeddings.pt, test/embeddings.pt",
                        g->dir);
    return IMR_OK;
}

static imr_status take_query_ids(gather *g, imr_ids_repeats *repeats, imr_error *err)
{
    char *text = g->ids.v;
    g->ids.v = NULL;
    return imr_ids_take(&g->c->queries.ids, repeats, g->scratch, text, g->ids.n, g->n,
                        "the queries of all splits", err);
}

/* In one pass; of a query that several splits have, the first. */
static imr_status take_places(gather *g, imr_error *err)
{
    IMR_CLEANUP(imr_ids_repeats_done) imr_ids_repeats repeats = {0};
    cache_rows *q = &g->c->queries;
    IMR_TRY(take_query_ids(g, &repeats, err));
    size_t kept = 0, next = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (next < repeats.n && repeats.row[next] == i)
            next++;
        else
            g->places.v[kept++] = g->places.v[i];
    }
    q->scattered = g->places.v;
    q->scratch = g->scratch;
    g->places.v = NULL;
    q->rows = (imr_rows){NULL, false, kept, g->c->dim, g->c->dim};
    return imr_ids_drop(&q->ids, &repeats, err);
}

/* Hands what was gathered over to the cache. */
static imr_status take_queries(gather *g, imr_error *err)
{
    imr_cache *c = g->c;
    if (!IMR_PUSH(&g->first, g->negatives.n))
        return imr_fail_memory(err);
    IMR_TRY(take_query_ids(g, NULL, err));
    IMR_TRY(imr_matrix_init(&c->queries.owned, g->n, c->dim, err));
    if (g->n)
        memcpy(c->queries.owned.v, g->vectors.v, g->n * c->dim * sizeof(float));
    c->queries.rows = imr_rows_of_matrix(&c->queries.owned);
    c->negatives_first = g->first.v;
    c->negatives = g->negatives.v;
    g->first.v = NULL;
    g->negatives.v = NULL;
    return imr_cache_check_finite(&c->queries, "query", 0, err);
}

/* ---- the dataset ---- */

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

/* The reference cuts its three splits out of the dataset's test judgements, so those are asked
 * first. */
static imr_status split_qrels(imr_qrels **out, const imr_cache *c, size_t first, size_t end,
                              imr_error *err)
{
    const imr_qrels *sources[64];
    size_t n = 0;
    const imr_qrels *test = imr_dataset_qrels(c->dataset, "test");
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

static imr_status make_splits(const gather *g, imr_error *err)
{
    imr_cache *c = g->c;
    for (size_t s = 0, first = 0; s < SPLITS; first = g->ends[s], s++) {
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
            IMR_TRY(split_qrels(&made, c, first, g->ends[s], err));
        IMR_TRY(imr_cache_add_split(c, split_names[s], queries, n, NULL, made, err));
    }
    return IMR_OK;
}

/* ---- all of it ---- */

imr_status imr_reference_cache_here(bool *out, const char *dir, imr_error *err)
{
    gather g = {.dir = dir};
    *out = false;
    for (size_t s = 0; s < SPLITS; s++) {
        IMR_AUTOFREE char *path = NULL;
        IMR_TRY(path_in(&path, &g, s, "embeddings.pt", err));
        *out |= imr_file_exists(path);
    }
    return IMR_OK;
}

static imr_status read_manifest(imr_json **out, imr_cache *c, const char *dir, imr_error *err)
{
    IMR_AUTOFREE char *path = imr_path_join(dir, "manifest.json");
    if (!path)
        return imr_fail_memory(err);
    if (!imr_file_exists(path))
        return IMR_OK;
    IMR_TRY(imr_json_open(out, path, err));
    return imr_sha256_file(path, c->sha256, err);
}

/* What a cache that is only read once does without. */
static imr_status attach_all(gather *g, const imr_cache_options *options, imr_error *err)
{
    imr_cache *c = g->c;
    IMR_TRY(take_queries(g, err));
    if (g->without_vector) {
        char line[96];
        snprintf(line, sizeof line, "%zu queries of negatives.json have no vector",
                 g->without_vector);
        IMR_TRY(imr_cache_add_notice(c, line, err));
    }
    IMR_TRY(attach_dataset(c, options, err));
    IMR_TRY(make_splits(g, err));
    return imr_cache_finish(c, err);
}

imr_status imr_reference_cache_open(imr_cache **out, const char *dir,
                                    const imr_cache_options *options, imr_error *err)
{
    IMR_CLEANUP(imr_cache_free_ptr) imr_cache *c = imr_cache_new(dir, "reference");
    if (!c)
        return imr_fail_memory(err);
    imr_json *manifest IMR_AUTOJSON = NULL;
    IMR_TRY(read_manifest(&manifest, c, dir, err));
    const char *key =
        options->encoder_key ? options->encoder_key : imr_json_string_or(manifest, "encoder", NULL);
    imr_encoder_identity e = {.name = imr_json_string_or(manifest, "model_name", key)};
    IMR_TRY(imr_cache_set_encoder(c, &e, err));
    IMR_CLEANUP(gather_done)
    gather g = {
        .c = c, .dir = dir, .key = key, .scratch = options->scratch, .one_pass = options->one_pass};
    IMR_TRY(read_splits(&g, options->progress, err));
    IMR_TRY(g.one_pass ? take_places(&g, err) : attach_all(&g, options, err));
    *out = c;
    c = NULL;
    return IMR_OK;
}
