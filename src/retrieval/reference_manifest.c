/* What the manifest of the authors' caches says, and whether the ids agree. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "retrieval/reference_internal.h"
#include "retrieval/reference_split.h"

static const reference_layout layouts[] = {{{"train", "val", "test"}, false},
                                           {{"train", "validation", "test"}, true}};

imr_status imr_reference_path(char **out, const reference_gather *g, const char *folder,
                              const char *file, imr_error *err)
{
    imr_buf b = {0};
    imr_buf_printf(&b, "%s/%s/%s", g->dir, folder, file);
    *out = imr_buf_take(&b);
    return *out ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_reference_cache_here(bool *out, const char *dir, imr_error *err)
{
    reference_gather g = {.dir = dir, .layout = &layouts[0]};
    *out = false;
    for (size_t s = 0; s <= CACHE_REFERENCE_SPLITS; s++) {
        IMR_AUTOFREE char *path = NULL;
        IMR_TRY(imr_reference_path(&path, &g,
                                   s < CACHE_REFERENCE_SPLITS ? g.layout->splits[s] : "documents",
                                   "embeddings.pt", err));
        *out |= imr_file_exists(path);
    }
    return IMR_OK;
}

imr_status imr_reference_manifest(imr_json **out, const reference_layout **layout, imr_cache *c,
                                  const char *dir, imr_error *err)
{
    *layout = &layouts[0];
    IMR_AUTOFREE char *path = imr_path_join(dir, "manifest.json");
    if (!path)
        return imr_fail_memory(err);
    if (!imr_file_exists(path)) {
        IMR_AUTOFREE char *documents = imr_path_join(dir, "documents/embeddings.pt");
        if (!documents)
            return imr_fail_memory(err);
        return imr_file_exists(documents)
                   ? imr_fail(err, IMR_E_FORMAT,
                              "%s has documents but no manifest.json, which is written last: the "
                              "cache is half made; make it again",
                              dir)
                   : IMR_OK;
    }
    IMR_TRY(imr_json_open(out, path, err));
    *layout = &layouts[imr_json_int_or(*out, "schema_version", 1) == 2];
    return imr_sha256_file(path, c->sha256, err);
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

imr_status imr_reference_check_documents(const reference_gather *g, imr_error *err)
{
    const imr_ids *ids = &g->c->documents.ids;
    IMR_AUTOFREE char *path = NULL;
    IMR_AUTOSHA256 imr_sha256 sum;
    imr_sha256_init(&sum);
    for (size_t i = 0; i < ids->n; i++)
        imr_reference_hash_id(&sum, imr_ids_at(ids, i), i == 0);
    IMR_TRY(imr_reference_path(&path, g, "documents", "embeddings.pt", err));
    return check_ids(path, imr_json_at(g->manifest, "documents/count"),
                     imr_json_string_or(g->manifest, "documents/ids_sha256", NULL), &sum, ids->n,
                     err);
}

imr_status imr_reference_query_ids(imr_json **out, const reference_gather *g, const char *split,
                                   imr_error *err)
{
    IMR_AUTOFREE char *path = NULL;
    IMR_TRY(imr_reference_path(&path, g, split, "query_ids.json", err));
    if (!imr_file_exists(path))
        return IMR_OK;
    imr_json *list IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&list, path, err));
    IMR_AUTOSHA256 imr_sha256 sum;
    imr_sha256_init(&sum);
    for (const imr_json *q = imr_json_child(list); q; q = imr_json_next(q)) {
        if (!imr_json_is_array(list) || !imr_json_is_string(q))
            return imr_fail(err, IMR_E_FORMAT, "%s is no list of ids", path);
        imr_reference_hash_id(&sum, imr_json_string_or(q, "", ""), q == imr_json_child(list));
    }
    const imr_json *said = imr_json_at(imr_json_at(g->manifest, "splits"), split);
    IMR_TRY(check_ids(path, imr_json_at(said, "query_count"),
                      imr_json_string_or(said, "query_ids_sha256", NULL), &sum,
                      imr_json_count(list), err));
    *out = list;
    list = NULL;
    return IMR_OK;
}
