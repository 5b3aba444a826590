/*
 * A finished cache is replaced by one that was built whole beside it, in DIR/update: until then, and
 * however that ends, the old one is there. What follows takes no time: the old manifest goes, the
 * files take their names, the new manifest comes last. Killed in between, the folder holds no cache
 * but an update/manifest.json, and the next run finishes the moves.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "retrieval/store_internal.h"

static const char *const moved[] = {"documents.npy", "queries.npy",   "document_ids",
                                    "query_ids",     STORE_IDS_INDEX, STORE_OFFSETS,
                                    STORE_TEXTS,     "manifest.json"}; /* the last */

/* The names of a file in DIR/update and in DIR. */
typedef struct pair {
    char *from, *to;
} pair;

static void pair_done(pair *p)
{
    imr_free(p->from);
    imr_free(p->to);
}

static imr_status pair_of(pair *out, const char *dir, const char *name, imr_error *err)
{
    IMR_AUTOFREE char *update = imr_path_join(dir, STORE_UPDATE);
    *out = (pair){update ? imr_path_join(update, name) : NULL, imr_path_join(dir, name)};
    return out->from && out->to ? IMR_OK : imr_fail_memory(err);
}

static imr_status move(const char *dir, const char *name, imr_error *err)
{
    IMR_CLEANUP(pair_done) pair p = {0};
    IMR_TRY(pair_of(&p, dir, name, err));
    if (rename(p.from, p.to) != 0 && errno != ENOENT) /* moved already, or never made */
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot rename %s to %s", p.from, p.to);
    return IMR_OK;
}

imr_status imr_store_drop_update(const char *dir, imr_error *err)
{
    IMR_AUTOFREE char *update = imr_path_join(dir, STORE_UPDATE);
    char **names = NULL;
    size_t n = 0;
    if (!update)
        return imr_fail_memory(err);
    if (!imr_dir_exists(update))
        return IMR_OK;
    IMR_TRY(imr_dir_list(&names, &n, update, err));
    for (size_t i = 0; i < n; i++) {
        IMR_AUTOFREE char *path = imr_path_join(update, names[i]);
        if (path)
            (void)unlink(path);
    }
    imr_dir_list_free(names, n);
    (void)rmdir(update); /* what is left of it does no harm */
    return IMR_OK;
}

imr_status imr_store_adopt_update(const char *dir, imr_error *err)
{
    IMR_CLEANUP(pair_done) pair manifest = {0};
    IMR_TRY(pair_of(&manifest, dir, "manifest.json", err));
    if (unlink(manifest.to) != 0 && errno != ENOENT)
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot remove %s", manifest.to);
    for (size_t i = 0; i < IMR_LEN(moved); i++)
        IMR_TRY(move(dir, moved[i], err));
    imr_dir_sync(dir);
    return imr_store_drop_update(dir, err);
}

imr_status imr_store_update_stopped(bool *out, const char *dir, imr_error *err)
{
    IMR_CLEANUP(pair_done) pair manifest = {0};
    IMR_TRY(pair_of(&manifest, dir, "manifest.json", err));
    *out = imr_file_exists(manifest.from) && !imr_file_exists(manifest.to);
    return IMR_OK;
}
