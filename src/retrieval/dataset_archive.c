/* Opening a zipped BEIR folder. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "format/zip_archive.h"
#include "retrieval/dataset.h"
#include "retrieval/dataset_internal.h"

/* Unpacked bytes of one file: the largest BEIR corpora are a few GB. */
#define MAX_UNPACKED ((uint64_t)16 << 30)

typedef struct archive {
    imr_zip_archive *zip;
    const char *path;
    const char *folder; /* of corpus.jsonl, with its '/' */
    size_t folder_len;
    imr_zip_entry corpus;
    bool in_place; /* the corpus is read where it lies */
} archive;

static void archive_done(archive *a)
{
    imr_zip_archive_free(a->zip);
}

/* The corpus.jsonl nearest to the top; macOS archives repeat names under __MACOSX/. */
static bool find_corpus(archive *a)
{
    static const char file[] = "corpus.jsonl";
    bool found = false;
    for (size_t i = 0; i < imr_zip_archive_count(a->zip); i++) {
        const char *name = imr_zip_archive_at(a->zip, i).name;
        size_t len = strlen(name);
        if (len < sizeof file - 1 || strcmp(name + len - (sizeof file - 1), file) != 0 ||
            strncmp(name, "__MACOSX/", 9) == 0)
            continue;
        size_t folder = len - (sizeof file - 1);
        if ((folder && name[folder - 1] != '/') || (found && folder >= a->folder_len))
            continue;
        a->folder = name;
        a->folder_len = folder;
        found = true;
    }
    return found;
}

/* The part of an entry's name below the dataset's folder; NULL when it lies elsewhere. */
static const char *below(const archive *a, const char *name)
{
    return strncmp(name, a->folder, a->folder_len) == 0 ? name + a->folder_len : NULL;
}

static imr_status name_entry(dataset_bytes *b, const archive *a, size_t entry, imr_error *err)
{
    imr_buf name = {0};
    imr_buf_printf(&name, "%s/%s", a->path, imr_zip_archive_at(a->zip, entry).name);
    b->name = imr_buf_take(&name);
    return b->name ? IMR_OK : imr_fail_memory(err);
}

static imr_status unpack(dataset_bytes *b, const archive *a, size_t entry, imr_error *err)
{
    IMR_AUTOBUF imr_buf bytes = {0};
    IMR_TRY(name_entry(b, a, entry, err));
    IMR_TRY(imr_zip_archive_read(&bytes, a->zip, entry, MAX_UNPACKED, err));
    b->len = bytes.len;
    b->data = b->owned = imr_buf_take(&bytes);
    return b->owned ? IMR_OK : imr_fail_memory(err);
}

static void unpacked_done(dataset_bytes *b)
{
    imr_free(b->name);
    imr_free(b->owned);
}

static imr_status unpack_split(imr_dataset *d, const archive *a, size_t entry, imr_error *err)
{
    const char *file = below(a, imr_zip_archive_at(a->zip, entry).name) + strlen("qrels/");
    size_t len = imr_dataset_split_name_len(file);
    if (!len || strchr(file, '/') || file[0] == '.')
        return IMR_OK;
    IMR_CLEANUP(unpacked_done) dataset_bytes b = {0};
    IMR_TRY(unpack(&b, a, entry, err));
    imr_qrels *q = NULL;
    IMR_TRY(imr_qrels_parse(&q, b.data, b.len, b.name, err));
    return imr_dataset_add_split(d, file, len, q, err);
}

/* Restart points of an earlier opening. */
static imr_status remember_points(imr_dataset *d, const imr_dataset_options *o, imr_error *err)
{
    int64_t stamp[2];
    bool found;
    imr_dataset_stamp(d, stamp);
    if (!o->index || !o->index->points || !stamp[0])
        return IMR_OK;
    return imr_deflated_open_points(&found, d->corpus.deflated, o->index->points, stamp, err);
}

/* The corpus where it lies, or unpacked where that cannot be. */
static imr_status find_bytes(imr_dataset *d, archive *a, size_t entry, const imr_dataset_options *o,
                             imr_error *err)
{
    dataset_bytes *b = &d->corpus;
    const imr_zip_entry *e = &a->corpus;
    IMR_TRY(imr_zip_archive_find(&a->in_place, &a->corpus, a->zip, entry, err));
    if (!a->in_place || e->size > MAX_UNPACKED || (size_t)e->size != e->size)
        return unpack(b, a, entry, err); /* or refused there */
    IMR_TRY(name_entry(b, a, entry, err));
    b->len = (size_t)e->size;
    if (!e->deflated) {
        b->data = (const char *)e->data;
        return IMR_OK;
    }
    imr_deflated_entry from = {
        .name = b->name, .data = e->data, .packed = e->packed, .size = e->size, .crc = e->crc};
    IMR_TRY(imr_deflated_open(&b->deflated, &from, err));
    return remember_points(d, o, err);
}

/* A stored corpus whose lines were read, with success or not: a wrong checksum says why not. (A
 * deflated one is checked while it is read.) */
static imr_status check_stored(const imr_dataset *d, const archive *a, imr_status status,
                               imr_error *err)
{
    bool read = status == IMR_OK ? d->made_offsets != NULL
                                 : status == IMR_E_FORMAT || status == IMR_E_LIMIT;
    imr_error damage;
    if (!a->in_place || a->corpus.deflated || !read ||
        imr_zip_check_crc(&a->corpus, &damage) == IMR_OK)
        return status;
    if (err)
        *err = damage;
    return imr_error_prefix(err, IMR_E_FORMAT, a->path);
}

imr_status imr_dataset_open_archive(imr_dataset *d, const imr_dataset_options *o, imr_error *err)
{
    IMR_CLEANUP(archive_done) archive a = {.path = d->path};
    imr_file *f = &d->corpus.file;
    IMR_TRY(imr_file_map(f, d->path, err));
    IMR_TRY(imr_zip_archive_parse(&a.zip, f->data, f->len, d->path, err));
    if (!find_corpus(&a))
        return imr_fail(err, IMR_E_NOT_FOUND, "%s is no dataset: it holds no corpus.jsonl",
                        d->path);
    size_t n = imr_zip_archive_count(a.zip);
    for (size_t i = 0; i < n; i++) {
        const char *name = below(&a, imr_zip_archive_at(a.zip, i).name);
        if (name && strcmp(name, "corpus.jsonl") == 0)
            IMR_TRY(find_bytes(d, &a, i, o, err));
        else if (name && strcmp(name, "queries.jsonl") == 0)
            IMR_TRY(unpack(&d->queries, &a, i, err));
        else if (name && strncmp(name, "qrels/", 6) == 0 && !o->without_judgements)
            IMR_TRY(unpack_split(d, &a, i, err));
    }
    IMR_TRY(check_stored(d, &a, imr_dataset_read_corpus(d, o, err), err));
    return d->queries.data ? imr_dataset_read_queries(d, o, false, err) : IMR_OK;
}
