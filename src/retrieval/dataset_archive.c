/*
 * Opening a zipped BEIR folder: unpacked, then read like any other.
 *
 * Into a folder that keeps it (imr_dataset_options.unpacked), or into nameless files beside the
 * archive, memory where none can be made. Of the archive only corpus.jsonl, queries.jsonl and the
 * judgements are taken; names such as "../x" are only names.
 *
 * The folder is a BEIR folder and, written last,
 *   archive   "imrnn-unpacked 1 <bytes of the archive> <its time of change> <corpus.jsonl's>", times
 *             in seconds and nanoseconds: while this is true and the files have their sizes, nothing
 *             is read again
 *   lock      held while unpacking (base/kept.h)
 * Else a file with the size and the CRC-32 of its entry is good, and not unpacked again: a run that
 * was stopped goes on with the file it was at.
 */
#include <inttypes.h>
#include <sys/stat.h>

#include "base/kept.h"
#include "format/zip.h"
#include "retrieval/dataset_internal.h"
#include "text/utf8.h"

#define FLUSH_BYTES ((size_t)16 << 20) /* at once: a cancel waits no longer */

/* A file of the dataset. */
typedef struct member {
    char *file; /* its name below the dataset's folder */
    imr_zip_entry entry;
} member;

typedef struct archive {
    const char *path;
    const imr_dataset_options *options;
    imr_file file;
    imr_zip zip;
    const char *inside; /* the folder asked for, "" any */
    char *folder;       /* of corpus.jsonl, with its '/' */
    size_t folder_len, corpus;
    IMR_ARRAY(member) members;
    uint64_t corpus_bytes;
    uint64_t done, total; /* bytes, for progress */
    char *memory;         /* where the next bytes go, unless this is open: */
    imr_kept to;
} archive;

static void archive_done(archive *a)
{
    for (size_t i = 0; i < a->members.n; i++)
        imr_free(a->members.v[i].file);
    IMR_FREE(a->members.v, a->folder);
    imr_zip_done(&a->zip);
    imr_file_unmap(&a->file);
}

/* An entry's name. Programs on Windows wrote backslashes between folders, as system 0 (MS-DOS). */
static imr_status name_of(imr_buf *out, const archive *a, size_t i, imr_error *err)
{
    size_t len;
    const char *name = imr_zip_name(&a->zip, i, &len);
    const bool dos = a->zip.directory[a->zip.at[i] + 5] == 0;
    imr_buf_clear(out);
    imr_buf_add(out, name, len);
    IMR_TRY(imr_buf_check(out, err));
    for (size_t k = 0; dos && k < len; k++)
        if (out->data[k] == '\\')
            out->data[k] = '/';
    return IMR_OK;
}

/* Length of the folder when the name is a corpus we may take, SIZE_MAX when it is none: macOS
 * archives repeat names under __MACOSX/. */
static size_t corpus_folder(const archive *a, const imr_buf *name)
{
    static const char file[] = "corpus.jsonl", copies[] = "__MACOSX/";
    const size_t n = sizeof file - 1, asked = strlen(a->inside);
    if (name->len < n || memcmp(name->data + name->len - n, file, n) != 0 ||
        strncmp(name->data, copies, sizeof copies - 1) == 0 ||
        (name->len > n && name->data[name->len - n - 1] != '/') ||
        (asked && (strncmp(name->data, a->inside, asked) != 0 || name->data[asked] != '/')))
        return SIZE_MAX;
    return name->len - n;
}

/* The corpus.jsonl all others lie below; several are named, so that one does not pass for all. */
static imr_status find_corpus(archive *a, imr_error *err)
{
    IMR_AUTOBUF imr_buf name = {0}, all = {0};
    size_t found = 0, shared = SIZE_MAX; /* shared: bytes that all their folders begin with */
    for (size_t i = 0; i < a->zip.n; i++) {
        IMR_TRY(name_of(&name, a, i, err));
        const size_t len = corpus_folder(a, &name);
        if (len == SIZE_MAX)
            continue;
        size_t same = 0;
        while (same < a->folder_len && same < len && name.data[same] == a->folder[same])
            same++;
        shared = found && same < shared ? same : found ? shared : len;
        if (found++ == 0 || len < a->folder_len) {
            imr_free(a->folder);
            a->folder = imr_strndup(name.data, len);
            a->folder_len = len;
            a->corpus = i;
            IMR_NEED(a->folder, err);
        }
        if (all.len < 300)
            imr_buf_printf(&all, "%s%.*s", all.len ? ", " : "", len ? (int)len - 1 : 1,
                           len ? name.data : ".");
    }
    if (!found)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s is no dataset: it holds no corpus.jsonl%s%s",
                        a->path, *a->inside ? " below " : "", a->inside);
    if (shared < a->folder_len)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s holds %zu datasets (%s): name one, as in %s/FOLDER", a->path, found,
                        imr_buf_text(&all), a->path);
    return IMR_OK;
}

/* "qrels/test.tsv": length of the split's name; 0: something else. */
static size_t split_len(const char *file)
{
    const char *name = file + strlen("qrels/");
    if (strncmp(file, "qrels/", strlen("qrels/")) != 0 || name[0] == '.' || strchr(name, '/') ||
        imr_utf8_first_bad(name, strlen(name)) != strlen(name))
        return 0;
    return imr_dataset_stem_len(name, false);
}

static imr_status list_members(archive *a, imr_error *err)
{
    IMR_AUTOBUF imr_buf name = {0};
    for (size_t i = 0; i < a->zip.n; i++) {
        IMR_TRY(name_of(&name, a, i, err));
        if (name.len <= a->folder_len || memcmp(name.data, a->folder, a->folder_len) != 0)
            continue;
        const char *file = name.data + a->folder_len;
        if (i != a->corpus && strcmp(file, "queries.jsonl") != 0 &&
            (a->options->without_judgements || !split_len(file)))
            continue;
        member m = {0};
        imr_zip_entry *e = &m.entry;
        IMR_TRY(imr_zip_at(e, &a->zip, i, err));
        IMR_TRY(imr_budget_disk(file, e->size, e->packed, err));
        if (!(m.file = imr_strdup(file)) || !IMR_PUSH(&a->members, m)) {
            imr_free(m.file);
            return imr_fail_memory(err);
        }
        a->total += e->size;
        a->corpus_bytes = i == a->corpus ? e->size : a->corpus_bytes;
    }
    return IMR_OK;
}

static imr_status open_archive(archive *a, imr_error *err)
{
    IMR_TRY(imr_file_map(&a->file, a->path, err));
    imr_budget_now->sealed = true; /* imr_dataset_open's */
    a->zip.packed = true;
    IMR_TRY(imr_error_prefix(err, imr_zip_parse(&a->zip, a->file.data, a->file.len, err), a->path));
    IMR_TRY(find_corpus(a, err));
    return imr_error_prefix(err, list_members(a, err), a->path);
}

static imr_status unpacked_step(const archive *a, imr_error *err)
{
    if (imr_progress_step(a->options->progress, "unpacking the dataset", a->done, a->total))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED, "unpacking the dataset was cancelled");
}

static imr_status put(void *user, const uint8_t *bytes, size_t n, imr_error *err)
{
    archive *a = user;
    a->done += n;
    if (a->to.path) {
        IMR_TRY(imr_kept_append(&a->to, bytes, n, err));
    } else {
        memcpy(a->memory, bytes, n);
        a->memory += n;
    }
    return unpacked_step(a, err);
}

static imr_status unpack(archive *a, const imr_zip_entry *e, imr_error *err)
{
    const imr_status status = imr_zip_unpack(e, put, a, err);
    return status == IMR_E_FORMAT || status == IMR_E_UNSUPPORTED
               ? imr_error_prefix(err, status, a->path)
               : status;
}

/* ---- into a folder ---- */

static bool is_good(const char *path, const imr_zip_entry *e, bool look)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
        return false;
    return !look || (imr_file_map(&f, path, NULL) == IMR_OK && f.len == e->size &&
                     imr_zip_crc(f.data, f.len) == e->crc);
}

static imr_status unpack_file(archive *a, const member *m, const char *path, imr_error *err)
{
    imr_buf partial IMR_AUTOBUF = {0};
    if (is_good(path, &m->entry, true)) {
        a->done += m->entry.size;
        return unpacked_step(a, err);
    }
    imr_buf_printf(&partial, "%s.partial", path);
    IMR_TRY(imr_buf_check(&partial, err));
    IMR_TRY(imr_kept_open(&a->to, imr_buf_text(&partial), err));
    a->to.flush_every = FLUSH_BYTES;
    IMR_TRY(imr_kept_resize(&a->to, 0, err)); /* what a killed process left */
    IMR_TRY(unpack(a, &m->entry, err));
    IMR_TRY(imr_kept_publish(&a->to, path, err));
    imr_kept_close(&a->to);
    return IMR_OK;
}

/* What the file `archive` should say. */
static void make_mark(char mark[160], const archive *a, const int64_t stamp[2])
{
    int64_t corpus[2] = {0};
    imr_dataset_stamp_of(corpus, imr_path_in(a->options->unpacked, "corpus.jsonl").s);
    snprintf(mark, 160, "imrnn-unpacked 1 %zu %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
             a->file.len, stamp[0], stamp[1], corpus[0], corpus[1]);
}

/* Does it say this, or, NULL: anything? */
static bool has_mark(const char *path, const char *mark)
{
    IMR_CLEANUP(imr_file_unmap) imr_file found = {0};
    const size_t n = mark ? strlen(mark) : 0;
    return imr_file_exists(path) && imr_file_map(&found, path, NULL) == IMR_OK &&
           (!mark || (found.len == n && memcmp(found.data, mark, n) == 0));
}

/* Unpacks what is not there under the lock. */
static imr_status fill_folder(archive *a, imr_error *err)
{
    const char *dir = a->options->unpacked;
    const imr_path qrels = imr_path_in(dir, "qrels");
    IMR_CLEANUP(imr_kept_close) imr_kept lock = {0};
    IMR_TRY(imr_dir_make_own(dir, err)); /* a stranger's link leads elsewhere */
    IMR_TRY(imr_dir_make_own(qrels.s, err));
    IMR_TRY(imr_kept_lock(&lock, imr_path_in(dir, "lock").s, err));
    IMR_TRY(imr_dir_room(dir, a->corpus_bytes, err));
    imr_status status = IMR_OK;
    for (size_t i = 0; status == IMR_OK && i < a->members.n; i++)
        status = unpack_file(a, &a->members.v[i], imr_path_in(dir, a->members.v[i].file).s, err);
    imr_kept_remove(&a->to); /* one that failed, under the lock */
    return status;
}

/* *kept: the folder holds what the archive holds, or held when that was still there. */
static imr_status keep(bool *kept, archive *a, const int64_t stamp[2], imr_error *err)
{
    const imr_dataset_options *o = a->options;
    const imr_path at = imr_path_in(o->unpacked, "archive");
    char mark[160];
    *kept = !imr_file_exists(a->path) && has_mark(at.s, NULL);
    if (*kept)
        return IMR_OK;
    IMR_TRY(open_archive(a, err));
    if (o->index && o->index->corpus_bytes != a->corpus_bytes)
        return IMR_OK; /* an archive of something else must not take the place of the right one */
    make_mark(mark, a, stamp);
    const bool marked = has_mark(at.s, mark);
    bool whole = true;
    for (size_t i = 0; i < a->members.n; i++)
        whole = whole && is_good(imr_path_in(o->unpacked, a->members.v[i].file).s,
                                 &a->members.v[i].entry, !marked);
    if (!whole)
        IMR_TRY(fill_folder(a, err));
    *kept = true;
    if (whole && marked)
        return IMR_OK;
    make_mark(mark, a, stamp); /* without it the next opening only has more to read */
    return imr_only_memory(imr_file_write(at.s, mark, strlen(mark), NULL), err);
}

/* ---- into memory ---- */

static imr_status unpack_bytes(imr_dataset_bytes *b, imr_dataset *d, archive *a, const member *m,
                               imr_error *err)
{
    const size_t size = (size_t)m->entry.size;
    imr_buf name = {0};
    imr_buf_printf(&name, "%s/%.*s%s", a->path, (int)a->folder_len, a->folder, m->file);
    IMR_NEED(b->name = imr_buf_take(&name), err);
    b->owned = imr_scratch_alloc(d->beside, size, 1);
    if (!b->owned)
        b->owned = imr_scratch_alloc(NULL, size, 1);
    IMR_NEED(b->owned, err);
    a->memory = b->owned;
    b->data = b->owned;
    b->len = size;
    return unpack(a, &m->entry, err);
}

static imr_status unpack_memory(imr_dataset *d, archive *a, const member *m, imr_error *err)
{
    if (strcmp(m->file, "corpus.jsonl") == 0)
        return unpack_bytes(&d->corpus, d, a, m, err);
    if (strcmp(m->file, "queries.jsonl") == 0)
        return unpack_bytes(&d->queries, d, a, m, err);
    imr_dataset_bytes b = {0};
    imr_qrels *q = NULL;
    imr_status status = unpack_bytes(&b, d, a, m, err);
    if (status == IMR_OK)
        status = imr_qrels_parse(&q, b.data, b.len, b.name, err);
    imr_dataset_bytes_done(&b, d->beside);
    IMR_TRY(status);
    return imr_dataset_add_split(d, m->file + strlen("qrels/"), split_len(m->file), q, err);
}

static imr_status open_unpacked(imr_dataset *d, archive *a, imr_error *err)
{
    IMR_AUTOFREE char *dir = imr_path_dir(a->path);
    IMR_NEED(dir, err);
    IMR_TRY(imr_scratch_open(&d->beside, dir, err));
    if (!a->file.data)
        IMR_TRY(open_archive(a, err));
    a->done = 0;
    for (size_t i = 0; i < a->members.n; i++)
        IMR_TRY(unpack_memory(d, a, &a->members.v[i], err));
    IMR_TRY(imr_dataset_read_corpus(d, a->options, err));
    return d->queries.data ? imr_dataset_read_queries(d, a->options, false, err) : IMR_OK;
}

imr_status imr_dataset_open_archive(imr_dataset *d, const imr_dataset_options *o, imr_error *err)
{
    const size_t n = imr_dataset_archive_len(d->path);
    IMR_AUTOFREE char *path = imr_strndup(d->path, n);
    IMR_NEED(path, err);
    IMR_CLEANUP(archive_done)
    archive a = {.path = path, .options = o, .inside = d->path + n + (d->path[n] == '/')};
    bool kept = false;
    d->ids_needed = true;
    imr_error why;
    const imr_status status = o->unpacked ? keep(&kept, &a, d->corpus.stamp, &why) : IMR_OK;
    if (status == IMR_E_IO || status == IMR_E_BUSY) {
        snprintf(d->notice, sizeof d->notice, "%.150s is unpacked anew at each opening: %.200s",
                 path, why.text);
    } else if (status != IMR_OK) {
        return imr_fail(err, status, "%s", why.text);
    }
    return kept ? imr_dataset_open_beir(d, o->unpacked, o, err) : open_unpacked(d, &a, err);
}
