/*
 * Opening caches the authors' package wrote, read as they are. Release 0.1:
 *
 *   1. DIR/manifest.json                                 "encoder": the key of the query files
 *   2. DIR/{train,val,test}/embeddings.pt                dict id -> vector; the same in every split
 *   3. DIR/{...}/query_embeddings_<key>.pt               dict id -> vector, prefixes already in
 *   4. DIR/{...}/negatives.json                          {query: [document, ...]}: its keys are the
 *                                                        split's queries, in this order
 * Release 0.2, "schema_version": 2 in the manifest:
 *
 *   1. DIR/manifest.json                                 documents {count, ids_sha256}, splits
 *                                                        {name: {query_count, query_ids_sha256}}
 *   2. DIR/documents/embeddings.pt, ids.json             dict id -> vector; its keys, a list
 *   3. DIR/{train,validation,test}/query_embeddings.pt   dict id -> vector, prefixes already in
 *   4. DIR/{...}/query_ids.json                          the split's queries
 *   5. DIR/{...}/negatives.json                          {query: [document, ...]}, in their order
 * A hash is that of the ids joined by newlines; ids that have another are refused.
 *
 * A split that is absent is no error, one without a list of queries takes those it has vectors for.
 *
 * torch.save writes a dict of vectors in one of two ways: all of them views of one storage (those
 * of a matrix), or each with a storage of its own, in an archive of as many entries. Both are read
 * without a copy; what is held of each vector is its id and its place (imr_cache_vector), in the
 * scratch when there is one. Read in one pass, queries are kept the same way and negatives.json,
 * splits and texts are left alone.
 */

#include "retrieval/cache_internal.h"
#include "retrieval/reference_split.h"

/* Where things lie. */
typedef struct layout {
    const char *splits[IMR_REFERENCE_SPLITS];
    bool second; /* release 0.2 */
} layout;

static const layout layouts[] = {{{"train", "val", "test"}, false},
                                 {{"train", "validation", "test"}, true}};

/* Ids and where their vectors lie. */
typedef struct pairs {
    imr_scratch *scratch; /* of ids and v */
    IMR_ARRAY(char) ids;  /* zero-terminated, one after another */
    IMR_ARRAY(imr_cache_vector) v;
} pairs;

/* What becomes a cache. Queries of all splits are gathered one split after another. */
typedef struct gather {
    imr_cache *c;
    const imr_cache_options *options;
    const layout *layout;
    const imr_json *manifest; /* NULL: there is none */
    const char *dir, *key;    /* key NULL: whatever single query file is there */
    pairs queries;
    IMR_ARRAY(size_t) first; /* of each query's negatives */
    IMR_ARRAY(uint32_t) negatives;
    size_t ends[IMR_REFERENCE_SPLITS];
    bool present[IMR_REFERENCE_SPLITS];
    size_t without_vector;
} gather;

static void pairs_done(pairs *p)
{
    imr_scratch_free(p->scratch, p->ids.v);
    imr_scratch_free(p->scratch, p->v.v);
}

static void gather_done(gather *g)
{
    pairs_done(&g->queries);
    IMR_FREE(g->first.v, g->negatives.v);
}

static imr_path path_in(const char *dir, const char *folder, const char *file)
{
    imr_path path;
    snprintf(path.s, sizeof path.s, "%s/%s/%s", dir, folder, file);
    return path;
}

static imr_status add_pair(pairs *p, const char *id, imr_cache_vector v, imr_error *err)
{
    const size_t n = strlen(id) + 1;
    if (!IMR_SCRATCH_PUSH(p->scratch, &p->v, v) || !IMR_SCRATCH_GROW(p->scratch, &p->ids, n))
        return imr_scratch_fail(p->scratch, err);
    memcpy(p->ids.v + p->ids.n, id, n);
    p->ids.n += n;
    return IMR_OK;
}

/* The ids as a table; repeats as for imr_ids_take. */
static imr_status take_ids(imr_ids *out, imr_ids_repeats *repeats, pairs *p, const char *name,
                           imr_error *err)
{
    char *text = IMR_TAKE(p->ids.v);
    return imr_ids_take(out, repeats, p->scratch, text, p->ids.n, p->v.n, name, err);
}

/* The vectors as they lie. */
static void keep_scattered(imr_cache_rows *rows, pairs *p, size_t dim)
{
    rows->rows = (imr_rows){NULL, false, rows->ids.n, dim, dim};
    rows->scattered = p->v.v;
    rows->scratch = p->scratch;
    p->v.v = NULL;
}

/* ---- what the manifest says, and whether the ids agree ---- */

bool imr_reference_cache_here(const char *dir)
{
    bool here = imr_file_exists(path_in(dir, "documents", "embeddings.pt").s);
    for (size_t s = 0; s < IMR_REFERENCE_SPLITS; s++)
        here |= imr_file_exists(path_in(dir, layouts[0].splits[s], "embeddings.pt").s);
    return here;
}

/* Notes the manifest's hash, and the layout it tells of. */
static imr_status read_manifest(gather *g, imr_error *err)
{
    g->layout = &layouts[imr_json_int_or(g->manifest, "schema_version", 1) == 2];
    if (g->manifest)
        return imr_sha256_file(imr_path_in(g->dir, "manifest.json").s, g->c->sha256, err);
    if (imr_file_exists(imr_path_in(g->dir, "documents/embeddings.pt").s))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s has documents but no manifest.json, which is written last: the cache "
                        "is half made; make it again",
                        g->dir);
    return IMR_OK;
}

/* path, of which these are the n ids (said and hash NULL: the manifest does not say). */
static imr_status check_ids(const char *path, const imr_json *count, const char *hash,
                            imr_sha256 *sum, size_t n, imr_error *err)
{
    char found[IMR_SHA256_HEX];
    IMR_TRY(imr_sha256_hex(sum, found, err));
    if (imr_json_is_number(count) && imr_json_int_or(count, "", -1) != (int64_t)n)
        return imr_fail(
            err, IMR_E_FORMAT,
            "%s holds %zu ids, the manifest says %lld: files of two caches, or one half "
            "written; make the cache again",
            path, n, (long long)imr_json_int_or(count, "", -1));
    if (hash && strcmp(hash, found) != 0)
        return imr_fail(err, IMR_E_FORMAT,
                        "the ids in %s have sha256 %.12s, the manifest says %.12s: the cache was "
                        "changed after it was made, or its files are of two; make it again",
                        path, found, hash);
    return IMR_OK;
}

/* The documents' ids have the hash and the number the manifest says. */
static imr_status check_documents(const gather *g, imr_error *err)
{
    const imr_ids *ids = &g->c->documents.ids;
    IMR_AUTOSHA256 imr_sha256 sum;
    imr_sha256_init(&sum);
    for (size_t i = 0; i < ids->n; i++)
        imr_reference_hash_id(&sum, imr_ids_at(ids, i), i == 0);
    return check_ids(path_in(g->dir, "documents", "embeddings.pt").s,
                     imr_json_at(g->manifest, "documents/count"),
                     imr_json_string_or(g->manifest, "documents/ids_sha256", NULL), &sum, ids->n,
                     err);
}

/* The split's query_ids.json, checked likewise; *out stays NULL when there is none. */
static imr_status open_query_ids(imr_json **out, const gather *g, const char *split, imr_error *err)
{
    const imr_path path = path_in(g->dir, split, "query_ids.json");
    if (!imr_file_exists(path.s))
        return IMR_OK;
    IMR_TRY(imr_json_open(out, path.s, err));
    IMR_AUTOSHA256 imr_sha256 sum;
    imr_sha256_init(&sum);
    const imr_json *first = imr_json_child(*out);
    for (const imr_json *q = first; q; q = imr_json_next(q)) {
        if (!imr_json_is_array(*out) || !imr_json_is_string(q))
            return imr_fail(err, IMR_E_FORMAT, "%s is no list of ids", path.s);
        imr_reference_hash_id(&sum, imr_json_string_or(q, "", ""), q == first);
    }
    const imr_json *said = imr_json_at(imr_json_at(g->manifest, "splits"), split);
    return check_ids(path.s, imr_json_at(said, "query_count"),
                     imr_json_string_or(said, "query_ids_sha256", NULL), &sum, imr_json_count(*out),
                     err);
}

/* ---- a .pt file ---- */

/* The ids of its dict and where their vectors lie. */
typedef struct vectors_file {
    imr_cache *c; /* the first vector of all decides its dim and dtype */
    bool compare; /* with the cache's documents, instead of keeping: */
    size_t n, strangers;
    pairs pairs;
    imr_torch *torch;
    imr_path path;
} vectors_file;

static void vectors_done(vectors_file *f)
{
    pairs_done(&f->pairs);
    imr_torch_free(f->torch);
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
        f->strangers += !imr_ids_find_near(&c->documents.ids, id, (uint32_t)(f->n - 1), &at);
        return IMR_OK;
    }
    const imr_cache_vector v = {t->data, (uint32_t)t->stride[0], (uint8_t)t->dtype};
    return add_pair(&f->pairs, id, v, err);
}

/* Opens the dict id -> vector and checks that every value is a vector of the cache's length. */
static imr_status open_vectors(vectors_file *f, imr_error *err)
{
    IMR_TRY(imr_torch_open_pairs(&f->torch, f->path.s, f->pairs.scratch, take_vector, f, err));
    if (f->n == 0)
        return imr_fail(err, IMR_E_FORMAT, "%s holds no vectors: expected a dict id -> vector",
                        f->path.s);
    return IMR_OK;
}

/* ---- documents ---- */

/* Vectors that lie one behind the other, as those of a dict made from one matrix do. */
static bool one_matrix(imr_rows *out, const vectors_file *f, size_t dim)
{
    const imr_cache_vector *v = f->pairs.v.v;
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
    imr_cache_rows *d = &c->documents;
    IMR_TRY(take_ids(&d->ids, NULL, &f->pairs, f->path.s, err));
    if (!one_matrix(&d->rows, f, c->dim))
        keep_scattered(d, &f->pairs, c->dim);
    d->torch[0] = IMR_TAKE(f->torch);
    if (one_pass)
        return IMR_OK;
    return d->scattered ? imr_cache_gather(d, "document", err)
                        : imr_cache_check_finite(d, "document", 0, err);
}

static imr_status read_documents(gather *g, const char *folder, imr_error *err)
{
    imr_cache *c = g->c;
    IMR_CLEANUP(vectors_done)
    vectors_file f = {.c = c,
                      .compare = c->documents.ids.n > 0,
                      .pairs.scratch = g->options->scratch,
                      .path = path_in(g->dir, folder, "embeddings.pt")};
    IMR_TRY(open_vectors(&f, err));
    if (!f.compare)
        return take_documents(c, &f, g->options->one_pass, err);
    if (f.n == c->documents.ids.n && f.strangers == 0)
        return IMR_OK;
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "%s holds other documents (%zu) than the split before it (%zu): one corpus a "
                    "cache is read",
                    f.path.s, f.n, c->documents.ids.n);
}

/* ---- queries ---- */

/* The split's query file: by key, or the only one there. */
static imr_status find_query_file(imr_path *out, const gather *g, const char *split, imr_error *err)
{
    char name[128];
    *out = path_in(g->dir, split, "query_embeddings.pt");
    if (g->layout->second)
        return IMR_OK;
    if (g->key) {
        snprintf(name, sizeof name, "query_embeddings_%.80s.pt", g->key);
        *out = path_in(g->dir, split, name);
        if (imr_file_exists(out->s))
            return IMR_OK;
    }
    const imr_path folder = path_in(g->dir, split, "");
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    size_t found = 0;
    IMR_TRY(imr_dir_list(&names, folder.s, err));
    for (size_t i = 0; i < names.n; i++)
        if (strncmp(names.v[i], "query_embeddings_", 17) == 0 && strlen(names.v[i]) < sizeof name) {
            *out = path_in(g->dir, split, names.v[i]);
            found++;
        }
    if (found == 1 && !g->key)
        return IMR_OK;
    return imr_fail(err, IMR_E_NOT_FOUND, "%s has %s query_embeddings_%s.pt%s", folder.s,
                    found ? "no single" : "no", g->key ? g->key : "*",
                    found ? "; name the encoder key of the one to use" : "");
}

static imr_status add_query(gather *g, const char *id, imr_cache_vector v,
                            const imr_json *negatives, imr_error *err)
{
    IMR_TRY(add_pair(&g->queries, id, v, err));
    if (!g->options->one_pass && !IMR_PUSH(&g->first, g->negatives.n))
        return imr_fail_memory(err);
    for (const imr_json *n = imr_json_child(negatives); n; n = imr_json_next(n)) {
        uint32_t at;
        if (imr_json_is_string(n) &&
            imr_ids_find(&g->c->documents.ids, imr_json_string_or(n, "", ""), &at) &&
            !IMR_PUSH(&g->negatives, at))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

/* The queries of `list` (NULL: the keys of negatives; neither, or in one pass: all), negatives in
 * the same order. */
static imr_status add_queries(gather *g, vectors_file *f, const imr_json *list,
                              const imr_json *negatives, imr_error *err)
{
    const char *all = f->pairs.ids.v;
    for (size_t i = 0; (g->options->one_pass || (!list && !negatives)) && i < f->n; i++) {
        IMR_TRY(add_query(g, all, f->pairs.v.v[i], NULL, err));
        all += strlen(all) + 1;
    }
    if (g->options->one_pass)
        return IMR_OK;
    IMR_CLEANUP(imr_ids_done) imr_ids ids = {0};
    IMR_TRY(take_ids(&ids, NULL, &f->pairs, f->path.s, err));
    const imr_json *next = imr_json_child(negatives);
    for (const imr_json *q = list ? imr_json_child(list) : next; q; q = imr_json_next(q)) {
        const char *id = list ? imr_json_string_or(q, "", "") : imr_json_key(q);
        const imr_json *own = next && strcmp(imr_json_key(next), id) == 0 ? next : NULL;
        uint32_t at;
        if (imr_ids_find(&ids, id, &at))
            IMR_TRY(add_query(g, id, f->pairs.v.v[at], own, err));
        else
            g->without_vector++;
        if (own)
            next = imr_json_next(next);
    }
    if (next)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: the negatives of \"%.80s\" are not in the order of the split's "
                        "queries, or of a query it has not",
                        f->path.s, imr_json_key(next));
    return IMR_OK;
}

static imr_status read_queries(gather *g, size_t split, imr_error *err)
{
    const char *name = g->layout->splits[split];
    IMR_CLEANUP(vectors_done)
    vectors_file f = {.c = g->c, .pairs.scratch = g->options->scratch};
    imr_json *list IMR_AUTOJSON = NULL;
    imr_json *negatives IMR_AUTOJSON = NULL;
    IMR_TRY(open_query_ids(&list, g, name, err));
    if (list && imr_json_count(list) == 0) {
        g->present[split] = false;
        imr_cache_add_notice(g->c, "its split %s has no queries", name);
        return IMR_OK;
    }
    IMR_TRY(find_query_file(&f.path, g, name, err));
    IMR_TRY(open_vectors(&f, err));
    const imr_path path = path_in(g->dir, name, "negatives.json");
    if (!g->options->one_pass && imr_file_exists(path.s)) {
        IMR_TRY(imr_json_open(&negatives, path.s, err));
        if (!imr_json_is_object(negatives))
            return imr_fail(err, IMR_E_FORMAT, "%s is no object {query: [document, ...]}", path.s);
    }
    IMR_TRY(add_queries(g, &f, list, negatives, err));
    g->c->queries.torch[split] = IMR_TAKE(f.torch);
    return IMR_OK;
}

static imr_status read_splits(gather *g, imr_error *err)
{
    const bool second = g->layout->second;
    if (second) {
        IMR_TRY(read_documents(g, "documents", err));
        IMR_TRY(check_documents(g, err));
    }
    for (size_t s = 0; s < IMR_REFERENCE_SPLITS; s++) {
        const char *name = g->layout->splits[s];
        IMR_TRY(imr_dir_admits(imr_path_in(g->dir, name).s, err));
        g->present[s] = imr_file_exists(
            path_in(g->dir, name, second ? "query_embeddings.pt" : "embeddings.pt").s);
        if (g->present[s] && !second)
            IMR_TRY(read_documents(g, name, err));
        if (g->present[s])
            IMR_TRY(read_queries(g, s, err));
        g->ends[s] = g->queries.v.n;
        if (!imr_progress_step(g->options->progress, "reading vectors", s + 1,
                               IMR_REFERENCE_SPLITS))
            return imr_fail(err, IMR_E_CANCELLED, "reading the cache was cancelled");
    }
    if (g->c->documents.ids.n == 0)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s has none of train/embeddings.pt, val/embeddings.pt, test/embeddings.pt",
                        g->dir);
    return IMR_OK;
}

/* Hands what was gathered over to the cache. In one pass, of a query that several splits have, the
 * first. */
static imr_status take_queries(gather *g, imr_error *err)
{
    const bool one_pass = g->options->one_pass;
    imr_cache *c = g->c;
    IMR_AUTOFREE imr_ids_repeats repeats = {0};
    IMR_TRY(take_ids(&c->queries.ids, one_pass ? &repeats : NULL, &g->queries,
                     "the queries of all splits", err));
    imr_ids_drop(g->queries.v.v, sizeof *g->queries.v.v, g->queries.v.n, &repeats);
    const size_t vectors = c->documents.ids.n + c->queries.ids.n;
    IMR_TRY(imr_budget_disk(c->path, vectors * c->dim * sizeof(float), imr_budget_now->files, err));
    keep_scattered(&c->queries, &g->queries, c->dim);
    if (one_pass)
        return IMR_OK;
    IMR_NEED(IMR_PUSH(&g->first, g->negatives.n), err);
    c->negatives_first = g->first.v;
    c->negatives = g->negatives.v;
    g->first.v = NULL;
    g->negatives.v = NULL;
    return imr_cache_gather(&c->queries, "query", err);
}

/* ---- texts and judgements beside the vectors, which do not say where they are ---- */

static imr_status attach_dataset(imr_cache *c, const imr_cache_options *options, imr_error *err)
{
    if (!options->dataset || !options->dataset[0]) {
        imr_cache_add_notice(c, "no texts and no judgements: this layout does not say where "
                                "its dataset is; --dataset FOLDER names it");
        return IMR_OK;
    }
    imr_dataset_options o = {.skip_bad_lines = options->skip_bad_lines,
                             .progress = options->progress};
    IMR_TRY(imr_dataset_open(&c->dataset, options->dataset, &o, err));
    IMR_NEED(c->dataset_rows = IMR_NEW_ARRAY(uint32_t, c->documents.ids.n), err);
    size_t missing = 0;
    for (size_t i = 0; i < c->documents.ids.n; i++)
        if (!imr_ids_find_near(&c->dataset->documents, imr_ids_at(&c->documents.ids, i),
                               (uint32_t)i, &c->dataset_rows[i])) {
            c->dataset_rows[i] = UINT32_MAX;
            missing++;
        }
    if (missing == c->documents.ids.n)
        return imr_fail(err, IMR_E_FORMAT,
                        "none of the cache's %zu documents is in %s: this is another dataset",
                        c->documents.ids.n, options->dataset);
    if (missing)
        imr_cache_add_notice(c, "%zu of %zu documents are not in %s", missing, c->documents.ids.n,
                             options->dataset);
    return IMR_OK;
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
    for (size_t s = 0; s < c->dataset->n_splits && n < IMR_LEN(sources); s++) {
        const imr_qrels *q = imr_dataset_qrels(c->dataset, c->dataset->splits[s].name);
        if (q != test)
            sources[n++] = q;
    }
    if (n == 0)
        return IMR_OK;
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, end - first);
    IMR_NEED(ids, err);
    for (size_t i = first; i < end; i++)
        ids[i - first] = imr_ids_at(&c->queries.ids, i);
    return imr_qrels_subset(out, sources, n, ids, end - first, err);
}

static imr_status make_splits(const gather *g, imr_error *err)
{
    imr_cache *c = g->c;
    for (size_t s = 0, first = 0; s < IMR_REFERENCE_SPLITS; first = g->ends[s], s++) {
        if (!g->present[s])
            continue;
        imr_qrels *made = NULL;
        if (c->dataset)
            IMR_TRY(split_qrels(&made, c, g->layout->second && s < 2 ? "train" : "test", first,
                                g->ends[s], err));
        IMR_TRY(imr_cache_add_split(c, g->layout->splits[s], NULL, g->ends[s] - first, NULL, made,
                                    err));
    }
    return IMR_OK;
}

/* ---- all of it ---- */

/* What a cache that is only read once does without. */
static imr_status attach_all(gather *g, imr_error *err)
{
    if (g->without_vector)
        imr_cache_add_notice(g->c, "%zu queries of negatives.json have no vector",
                             g->without_vector);
    IMR_TRY(attach_dataset(g->c, g->options, err));
    IMR_TRY(make_splits(g, err));
    return imr_cache_finish(g->c, err);
}

imr_status imr_reference_cache_open(imr_cache **out, const char *dir, const imr_json *manifest,
                                    const imr_cache_options *options, imr_error *err)
{
    IMR_CLEANUP(imr_cache_free_at) imr_cache *c = imr_cache_new(dir, "reference");
    IMR_NEED(c, err);
    IMR_CLEANUP(gather_done)
    gather g = {.c = c,
                .options = options,
                .manifest = manifest,
                .dir = dir,
                .queries.scratch = options->scratch};
    IMR_TRY(read_manifest(&g, err));
    g.key =
        options->encoder_key ? options->encoder_key : imr_json_string_or(manifest, "encoder", NULL);
    imr_encoder_identity e = {.name = imr_json_string_or(manifest, "model_name", g.key),
                              .sha256 = imr_json_string_or(manifest, "encoder_sha256", NULL),
                              .query_prefix = imr_json_string_or(manifest, "query_prefix", NULL),
                              .passage_prefix =
                                  imr_json_string_or(manifest, "passage_prefix", NULL)};
    IMR_TRY(imr_cache_set_encoder(c, &e, err));
    IMR_TRY(read_splits(&g, err));
    IMR_TRY(take_queries(&g, err));
    if (!options->one_pass)
        IMR_TRY(attach_all(&g, err));
    return IMR_GIVE(out, c);
}
