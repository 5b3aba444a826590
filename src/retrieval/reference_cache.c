/* The authors' caches: their vectors. What lies where: reference_internal.h. */
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "format/torch_pt.h"
#include "retrieval/reference_internal.h"

static imr_status path_in(char **out, const reference_gather *g, size_t split, const char *file,
                          imr_error *err)
{
    return imr_reference_path(out, g, g->layout->splits[split], file, err);
}

static void gather_done(reference_gather *g)
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
    reference_ids ids;
    reference_places v;
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

/* n bytes of ids. */
static imr_status add_ids(imr_scratch *scratch, reference_ids *to, const char *ids, size_t n,
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

static imr_status read_documents(reference_gather *g, const char *folder, imr_error *err)
{
    imr_cache *c = g->c;
    IMR_CLEANUP(vectors_done)
    vectors_file f = {.c = c, .compare = c->documents.ids.n > 0, .scratch = g->scratch};
    IMR_TRY(imr_reference_path(&f.path, g, folder, "embeddings.pt", err));
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
static imr_status find_query_file(char **out, const reference_gather *g, size_t split,
                                  imr_error *err)
{
    char name[128];
    if (g->layout->second)
        return path_in(out, g, split, "query_embeddings.pt", err);
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

static imr_status add_query(reference_gather *g, const char *id, const cache_vector *v,
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

/* The queries of `list` (NULL: the keys of negatives; neither: all), negatives in the same order. */
static imr_status add_queries(reference_gather *g, const vectors_file *f, const imr_ids *ids,
                              const imr_json *list, const imr_json *negatives, imr_error *err)
{
    if (!list && !negatives)
        for (size_t i = 0; i < f->n; i++)
            IMR_TRY(add_query(g, imr_ids_at(ids, i), &f->v.v[i], NULL, err));
    const imr_json *next = imr_json_child(negatives);
    for (const imr_json *q = list ? imr_json_child(list) : next; q; q = imr_json_next(q)) {
        const char *id = list ? imr_json_string_or(q, "", "") : imr_json_key(q);
        const imr_json *own = next && strcmp(imr_json_key(next), id) == 0 ? next : NULL;
        uint32_t at;
        if (imr_ids_find(ids, id, &at))
            IMR_TRY(add_query(g, id, &f->v.v[at], own, err));
        else
            g->without_vector++;
        if (own)
            next = imr_json_next(next);
    }
    if (next)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: the negatives of \"%.80s\" are not in the order of the split's "
                        "queries, or of a query it has not",
                        f->path, imr_json_key(next));
    return IMR_OK;
}

/* In one pass: where they lie. */
static imr_status keep_queries(reference_gather *g, size_t split, vectors_file *f, imr_error *err)
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

static imr_status read_queries(reference_gather *g, size_t split, imr_error *err)
{
    IMR_CLEANUP(vectors_done) vectors_file f = {.c = g->c, .scratch = g->scratch};
    imr_json *list IMR_AUTOJSON = NULL;
    IMR_TRY(imr_reference_query_ids(&list, g, g->layout->splits[split], err));
    if (list && imr_json_count(list) == 0) {
        g->present[split] = false;
        char line[64];
        snprintf(line, sizeof line, "its split %s has no queries", g->layout->splits[split]);
        return imr_cache_add_notice(g->c, line, err);
    }
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
    return add_queries(g, &f, &ids, list, negatives, err);
}

static imr_status read_splits(reference_gather *g, const imr_progress *progress, imr_error *err)
{
    const bool second = g->layout->second;
    if (second) {
        IMR_TRY(read_documents(g, "documents", err));
        IMR_TRY(imr_reference_check_documents(g, err));
    }
    for (size_t s = 0; s < CACHE_REFERENCE_SPLITS; s++) {
        IMR_AUTOFREE char *path = NULL;
        IMR_TRY(path_in(&path, g, s, second ? "query_embeddings.pt" : "embeddings.pt", err));
        g->present[s] = imr_file_exists(path);
        if (g->present[s] && !second)
            IMR_TRY(read_documents(g, g->layout->splits[s], err));
        if (g->present[s])
            IMR_TRY(read_queries(g, s, err));
        g->ends[s] = g->n;
        if (!imr_progress_step(progress, "reading vectors", s + 1, CACHE_REFERENCE_SPLITS))
            return imr_fail(err, IMR_E_CANCELLED, "reading the cache was cancelled");
    }
    if (g->c->documents.ids.n == 0)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s has none of train/embeddings.pt, val/embeddings.pt, test/embeddings.pt",
                        g->dir);
    return IMR_OK;
}

static imr_status take_query_ids(reference_gather *g, imr_ids_repeats *repeats, imr_error *err)
{
    char *text = g->ids.v;
    g->ids.v = NULL;
    return imr_ids_take(&g->c->queries.ids, repeats, g->scratch, text, g->ids.n, g->n,
                        "the queries of all splits", err);
}

/* In one pass; of a query that several splits have, the first. */
static imr_status take_places(reference_gather *g, imr_error *err)
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
static imr_status take_queries(reference_gather *g, imr_error *err)
{
    imr_cache *c = g->c;
    if (!IMR_PUSH(&g->first, g->negatives.n))
        return imr_fail_memory(err);
    IMR_TRY(take_query_ids(g, NULL, err));
    IMR_TRY(imr_matrix_init(&c->queries.owned, g->n, c->dim, err));
    if (g->n)
        memcpy(c->queries.owned.v, g->vectors.v, g->n * c->dim * sizeof(float));
    c->queries.rows = imr_rows_of_view(imr_matrix_view(&c->queries.owned));
    c->negatives_first = g->first.v;
    c->negatives = g->negatives.v;
    g->first.v = NULL;
    g->negatives.v = NULL;
    return imr_cache_check_finite(&c->queries, "query", 0, err);
}

/* ---- all of it ---- */

/* What a cache that is only read once does without. */
static imr_status attach_all(reference_gather *g, const imr_cache_options *options, imr_error *err)
{
    imr_cache *c = g->c;
    IMR_TRY(take_queries(g, err));
    if (g->without_vector) {
        char line[96];
        snprintf(line, sizeof line, "%zu queries of negatives.json have no vector",
                 g->without_vector);
        IMR_TRY(imr_cache_add_notice(c, line, err));
    }
    IMR_TRY(imr_reference_attach(g, options, err));
    return imr_cache_finish(c, err);
}

imr_status imr_reference_cache_open(imr_cache **out, const char *dir,
                                    const imr_cache_options *options, imr_error *err)
{
    IMR_CLEANUP(imr_cache_free_ptr) imr_cache *c = imr_cache_new(dir, "reference");
    if (!c)
        return imr_fail_memory(err);
    imr_json *manifest IMR_AUTOJSON = NULL;
    const reference_layout *layout;
    IMR_TRY(imr_reference_manifest(&manifest, &layout, c, dir, err));
    const char *key =
        options->encoder_key ? options->encoder_key : imr_json_string_or(manifest, "encoder", NULL);
    imr_encoder_identity e = {.name = imr_json_string_or(manifest, "model_name", key),
                              .sha256 = imr_json_string_or(manifest, "encoder_sha256", NULL),
                              .query_prefix = imr_json_string_or(manifest, "query_prefix", NULL),
                              .passage_prefix =
                                  imr_json_string_or(manifest, "passage_prefix", NULL)};
    IMR_TRY(imr_cache_set_encoder(c, &e, err));
    IMR_CLEANUP(gather_done)
    reference_gather g = {.c = c,
                          .layout = layout,
                          .manifest = manifest,
                          .dir = dir,
                          .key = key,
                          .scratch = options->scratch,
                          .one_pass = options->one_pass};
    IMR_TRY(read_splits(&g, options->progress, err));
    IMR_TRY(g.one_pass ? take_places(&g, err) : attach_all(&g, options, err));
    *out = c;
    c = NULL;
    return IMR_OK;
}
