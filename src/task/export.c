#include "task/export.h"

#include <errno.h>
#include <unistd.h>

#include "retrieval/reference_split.h"
#include "session/ranker.h"

enum { NEGATIVES = 63, POOL = 100, BATCH = 128 };

typedef struct exporter {
    const char *dir;
    const imr_cache *cache;
    size_t negatives, pool;
    bool overwrite;
    const imr_progress *progress;
    imr_reference_splits splits;
    imr_ranker ranker; /* without an adapter: the encoder's */
    char documents[IMR_SHA256_HEX], queries[IMR_REFERENCE_SPLITS][IMR_SHA256_HEX];
} exporter;

static void exporter_done(exporter *e)
{
    imr_reference_splits_done(&e->splits);
    imr_ranker_done(&e->ranker);
}

/* DIR/folder/file, the folder made. */
static imr_status path_of(imr_path *out, const exporter *e, const char *folder, const char *file,
                          imr_error *err)
{
    const imr_path dir = imr_path_in(e->dir, folder);
    *out = imr_path_in(dir.s, file);
    IMR_TRY(imr_file_vacant(out->s, e->overwrite, err));
    return imr_dir_make(dir.s, err);
}

static imr_status write_buf(const exporter *e, const char *folder, const char *file, imr_buf *b,
                            imr_error *err)
{
    imr_path path;
    IMR_TRY(imr_buf_check(b, err));
    IMR_TRY(path_of(&path, e, folder, file, err));
    return imr_file_write(path.s, imr_buf_text(b), b->len, err);
}

static imr_status write_ids(const exporter *e, const char *folder, const char *file,
                            const char *const *ids, size_t n, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    for (size_t i = 0; i < n; i++)
        imr_json_printf(&b, i ? ", %s" : "[%s", ids[i]);
    imr_buf_str(&b, n ? "]" : "[]");
    return write_buf(e, folder, file, &b, err);
}

/* ---- documents ---- */

static imr_status write_documents(exporter *e, imr_error *err)
{
    const imr_rows d = e->cache->documents.rows;
    const uint32_t *places = e->cache->documents.ids.places;
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, d.rows);
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, d.rows);
    const bool mapped = !d.half && d.stride == d.cols;
    IMR_AUTOFREE float *copy = mapped ? NULL : imr_alloc(d.rows, d.cols * sizeof *copy);
    IMR_NEED(rows && ids && (mapped || copy), err);
    if (copy)
        imr_rows_read(copy, d, 0, d.rows);
    imr_reference_split all = {.ids = ids, .n = d.rows};
    for (size_t i = 0; i < d.rows; i++)
        rows[places[i]] = (uint32_t)i;
    for (size_t i = 0; i < d.rows; i++)
        ids[i] = imr_ids_at(&e->cache->documents.ids, rows[i]);
    IMR_TRY(imr_reference_hash(&all, e->documents, err));
    imr_path path;
    IMR_TRY(path_of(&path, e, "documents", "embeddings.pt", err));
    IMR_TRY(
        imr_torch_write_pairs(path.s, ids, rows, d.rows, copy ? copy : d.v, d.rows, d.cols, err));
    return write_ids(e, "documents", "ids.json", ids, d.rows, err);
}

/* ---- queries ---- */

/* Rows of the cache for a split's ids. */
static imr_status find_queries(uint32_t *rows, const exporter *e, const imr_reference_split *s,
                               imr_error *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (!imr_ids_find(&e->cache->queries.ids, s->ids[i], &rows[i]))
            return imr_fail(
                err, IMR_E_NOT_FOUND,
                "the cache %s has no vector for query '%s', which is in their split %s; "
                "make the cache from the whole data set",
                e->cache->path, s->ids[i], s->name);
    return IMR_OK;
}

/* Appends "id": [negatives] of one query with its best documents. */
static void put_negatives(imr_buf *b, const exporter *e, const imr_reference_split *s, size_t query,
                          const uint32_t *best, size_t n)
{
    uint32_t judged = 0;
    const bool known = imr_qrels_find(s->qrels, s->ids[query], &judged);
    size_t kept = 0;
    imr_json_printf(b, query ? ", %s: [" : "%s: [", s->ids[query]);
    for (size_t i = 0; i < n && kept < e->negatives; i++) {
        const char *id = imr_ids_at(&e->cache->documents.ids, best[i]);
        if (known && imr_qrels_grade(s->qrels, judged, id, NULL) > 0)
            continue;
        imr_json_printf(b, kept++ ? ", %s" : "%s", id);
    }
    imr_buf_char(b, ']');
}

static imr_status write_negatives(const exporter *e, const imr_reference_split *s, imr_view vectors,
                                  imr_error *err)
{
    const imr_rows d = e->cache->documents.rows;
    const size_t k = e->pool < d.rows ? e->pool : d.rows;
    IMR_AUTOBUF imr_buf b = {0};
    IMR_AUTOFREE uint32_t *best = IMR_NEW_ARRAY(uint32_t, BATCH * k);
    IMR_NEED(best, err);
    imr_buf_char(&b, '{');
    for (size_t at = 0; at < s->n; at += BATCH) {
        const size_t n = s->n - at < BATCH ? s->n - at : BATCH;
        const imr_view batch = imr_view_of(vectors.v + at * vectors.cols, n, vectors.cols);
        IMR_TRY(imr_candidates(best, &e->ranker, IMR_STAGE_ENCODER, batch, k, "mining negatives",
                               e->progress, err));
        for (size_t i = 0; i < n; i++)
            put_negatives(&b, e, s, at + i, best + i * k, k);
    }
    imr_buf_char(&b, '}');
    return write_buf(e, s->name, "negatives.json", &b, err);
}

static imr_status write_split(exporter *e, size_t split, imr_error *err)
{
    const imr_reference_split *s = &e->splits.v[split];
    const imr_view all = imr_rows_view(e->cache->queries.rows);
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, s->n + 1);
    IMR_AUTOFREE float *vectors = imr_alloc(s->n + 1, all.cols * sizeof *vectors);
    IMR_NEED(rows && vectors, err);
    IMR_TRY(find_queries(rows, e, s, err));
    for (size_t i = 0; i < s->n; i++) {
        imr_rows_get(vectors + i * all.cols, imr_rows_of_view(all), rows[i]);
        rows[i] = (uint32_t)i;
    }
    IMR_TRY(imr_reference_hash(s, e->queries[split], err));
    imr_path path;
    IMR_TRY(path_of(&path, e, s->name, "query_embeddings.pt", err));
    IMR_TRY(imr_torch_write_pairs(path.s, s->ids, rows, s->n, vectors, s->n, all.cols, err));
    IMR_TRY(write_ids(e, s->name, "query_ids.json", s->ids, s->n, err));
    return write_negatives(e, s, imr_view_of(vectors, s->n, all.cols), err);
}

/* ---- all of it ---- */

/* What their package asks of a cache, and what ours knows besides. */
static void put_manifest(imr_buf *b, const exporter *e)
{
    const imr_encoder_identity *made_by = &e->cache->encoder;
    imr_json_printf(b,
                    "{\n  'dataset': %s,\n  'encoder': %s,\n  'model_name': %s,\n"
                    "  'encoder_sha256': %s,\n  'query_prefix': %s,\n  'passage_prefix': %s,\n"
                    "  'tool': %s,\n  'model_revision': null,\n  'num_negatives': %zu,\n"
                    "  'negative_pool': %zu,\n  'negative_method': 'dense',\n"
                    "  'max_queries': null,\n  'seed': %d,\n  'schema_version': 2,\n"
                    "  'documents': {'count': %zu, 'path': 'documents/embeddings.pt',\n"
                    "    'ids_sha256': %s},\n  'splits': {",
                    imr_path_base(e->cache->dataset->path), made_by->name, made_by->name,
                    made_by->sha256, made_by->query_prefix, made_by->passage_prefix,
                    "imrnn " IMR_VERSION, e->negatives, e->pool, IMR_REFERENCE_SEED,
                    e->cache->documents.ids.n, e->documents);
    for (size_t i = 0; i < IMR_REFERENCE_SPLITS; i++) {
        imr_buf_str(b, i ? ",\n    " : "\n    ");
        imr_json_printf(b, "%s: {'query_count': %zu, 'query_ids_sha256': %s}", e->splits.v[i].name,
                        e->splits.v[i].n, e->queries[i]);
    }
    imr_buf_str(b, "\n  }\n}\n");
}

/* A cache that is there is refused, or loses its manifest before anything else of it changes. */
static imr_status make_way(const exporter *e, imr_error *err)
{
    const imr_path path = imr_path_in(e->dir, "manifest.json");
    IMR_TRY(imr_file_vacant(path.s, e->overwrite, err));
    return unlink(path.s) == 0 || errno == ENOENT || errno == ENOTDIR
               ? IMR_OK
               : imr_fail_errno(err, IMR_E_IO, errno, "cannot remove %s", path.s);
}

static imr_status run(exporter *e, imr_error *err)
{
    const imr_dataset *dataset = e->cache->dataset;
    if (!dataset)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no judgements to cut splits from; name its data set with "
                        "--dataset",
                        e->cache->path);
    IMR_TRY(imr_reference_splits_make(&e->splits, dataset, IMR_REFERENCE_SEED, err));
    IMR_TRY(imr_ranker_init(&e->ranker, NULL, e->cache, 0, e->progress, err));
    IMR_TRY(make_way(e, err));
    IMR_TRY(write_documents(e, err));
    for (size_t i = 0; i < IMR_REFERENCE_SPLITS; i++)
        IMR_TRY(write_split(e, i, err));
    IMR_AUTOBUF imr_buf manifest = {0};
    put_manifest(&manifest, e);
    return write_buf(e, ".", "manifest.json", &manifest, err);
}

imr_status imr_cache_export(const char *dir, const imr_cache *cache, const imr_export_plan *plan,
                            const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(exporter_done)
    exporter e = {.dir = dir,
                  .cache = cache,
                  .negatives = plan->negatives ? plan->negatives : NEGATIVES,
                  .pool = plan->pool ? plan->pool : POOL,
                  .overwrite = plan->overwrite,
                  .progress = progress};
    return run(&e, err);
}
