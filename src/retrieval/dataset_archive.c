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
#include <string.h>
#include <sys/stat.h>

#include "base/kept.h"
#include "base/mem.h"
#include "format/zip.h"
#include "retrieval/dataset.h"
#include "retrieval/dataset_internal.h"
#include "text/utf8.h"

/* Unpacked bytes of one file: the largest BEIR corpora are a few GB. */
#define MAX_UNPACKED ((uint64_t)16 << 30)
#define FLUSH_BYTES  ((size_t)16 << 20) /* at once: a cancel waits no longer */

typedef struct archive {
    const char *path;
    const imr_dataset_options *options;
    imr_file file;
    imr_zip zip;
    const char *inside; /* the folder asked for, "" any */
    char *folder;       /* of corpus.jsonl, with its '/' */
    size_t folder_len, corpus;
    uint64_t done, total; /* bytes, for progress */
    char *memory;         /* where the next bytes go, or: */
    imr_kept *to;
} archive;

static void archive_done(archive *a)
{
    imr_free(a->folder);
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
    size_t found = 0, below = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < a->zip.n; i++) {
            IMR_TRY(name_of(&name, a, i, err));
            const size_t len = corpus_folder(a, &name);
            if (len == SIZE_MAX)
                continue;
            if (pass == 0 && (found++ == 0 || len < a->folder_len)) {
                imr_free(a->folder);
                a->folder = imr_strndup(name.len ? name.data : "", len);
                a->folder_len = len;
                a->corpus = i;
                if (!a->folder)
                    return imr_fail_memory(err);
            }
            if (pass == 1 && strncmp(name.data, a->folder, a->folder_len) == 0)
                below++;
            if (pass == 1 && all.len < 300)
                imr_buf_printf(&all, "%s%.*s", all.len ? ", " : "", len ? (int)len - 1 : 1,
                               len ? name.data : ".");
        }
    if (!found)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s is no dataset: it holds no corpus.jsonl%s%s",
                        a->path, *a->inside ? " below " : "", a->inside);
    if (below < found)
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
    return imr_dataset_split_name_len(name);
}

/* The i-th entry's name below the dataset's folder, copied; NULL when it is not taken. */
static imr_status take_name(char **out, const archive *a, size_t i, imr_error *err)
{
    IMR_AUTOBUF imr_buf name = {0};
    *out = NULL;
    IMR_TRY(name_of(&name, a, i, err));
    if (name.len <= a->folder_len || memcmp(name.data, a->folder, a->folder_len) != 0)
        return IMR_OK;
    IMR_AUTOFREE char *file = imr_strndup(name.data + a->folder_len, name.len - a->folder_len);
    if (!file)
        return imr_fail_memory(err);
    if (i != a->corpus && strcmp(file, "queries.jsonl") != 0 &&
        (a->options->without_judgements || !split_len(file)))
        return IMR_OK;
    *out = file;
    file = NULL;
    return IMR_OK;
}

static imr_status take_entry(imr_zip_entry *out, const archive *a, size_t i, imr_error *err)
{
    IMR_TRY(imr_zip_at(out, &a->zip, i, err));
    if (out->size <= MAX_UNPACKED)
        return IMR_OK;
    return imr_fail(
        err, IMR_E_LIMIT, "zip entry %.*s unpacks to %" PRIu64 " bytes, at most %" PRIu64,
        (int)(out->name_len < 200 ? out->name_len : 200), out->name, out->size, MAX_UNPACKED);
}

typedef imr_status (*take_fn)(void *user, archive *a, const imr_zip_entry *e, const char *file,
                              imr_error *err);

static imr_status each_file(archive *a, take_fn take, void *user, imr_error *err)
{
    for (size_t i = 0; i < a->zip.n; i++) {
        IMR_AUTOFREE char *file = NULL;
        imr_zip_entry e;
        IMR_TRY(take_name(&file, a, i, err));
        if (!file)
            continue;
        IMR_TRY(take_entry(&e, a, i, err));
        IMR_TRY(take(user, a, &e, file, err));
    }
    return IMR_OK;
}

static imr_status add_size(void *user, archive *a, const imr_zip_entry *e, const char *file,
                           imr_error *err)
{
    (void)user;
    (void)file;
    (void)err;
    a->total += e->size;
    return IMR_OK;
}

static imr_status open_archive(archive *a, imr_error *err)
{
    const imr_zip_options packed = {.packed = true};
    imr_status status = imr_file_map(&a->file, a->path, err);
    IMR_TRY(status);
    status = imr_zip_parse(&a->zip, a->file.data, a->file.len, &packed, err);
    if (status == IMR_OK)
        IMR_TRY(find_corpus(a, err));
    if (status == IMR_OK)
        status = each_file(a, add_size, NULL, err);
    return status == IMR_OK ? IMR_OK : imr_error_prefix(err, status, a->path);
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
    if (a->to) {
        IMR_TRY(imr_kept_append(a->to, bytes, n, err));
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

typedef struct folder {
    const char *path;
    char *mark_path, *corpus_path;
    char mark[160]; /* what `archive` should say */
    bool look;      /* at the bytes, not only at the sizes */
    bool whole;     /* every file is good */
} folder;

static void folder_done(folder *f)
{
    imr_free(f->mark_path);
    imr_free(f->corpus_path);
}

static bool is_good(const char *path, const imr_zip_entry *e, bool look)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
        return false;
    return !look || (imr_file_map(&f, path, NULL) == IMR_OK && f.len == e->size &&
                     imr_zip_crc(f.data, f.len) == e->crc);
}

static imr_status check_file(void *user, archive *a, const imr_zip_entry *e, const char *file,
                             imr_error *err)
{
    folder *f = user;
    IMR_AUTOFREE char *path = imr_path_join(f->path, file);
    (void)a;
    if (!path)
        return imr_fail_memory(err);
    f->whole = f->whole && is_good(path, e, f->look);
    return IMR_OK;
}

static imr_status unpack_file(void *user, archive *a, const imr_zip_entry *e, const char *file,
                              imr_error *err)
{
    const folder *f = user;
    IMR_AUTOFREE char *path = imr_path_join(f->path, file);
    imr_buf partial IMR_AUTOBUF = {0};
    imr_kept to;
    if (!path)
        return imr_fail_memory(err);
    if (is_good(path, e, true)) {
        a->done += e->size;
        return unpacked_step(a, err);
    }
    imr_buf_printf(&partial, "%s.partial", path);
    IMR_TRY(imr_buf_check(&partial, err));
    IMR_TRY(imr_kept_open(&to, imr_buf_text(&partial), err));
    to.flush_every = FLUSH_BYTES;
    a->to = &to; /* cppcheck-suppress autoVariables ; taken back below */
    imr_status status = imr_kept_resize(&to, 0, err); /* what a killed process left */
    if (status == IMR_OK)
        status = unpack(a, e, err);
    if (status == IMR_OK)
        status = imr_kept_publish(&to, path, err);
    a->to = NULL;
    if (status == IMR_OK)
        imr_kept_close(&to);
    else
        imr_kept_remove(&to);
    return status;
}

static void make_mark(folder *f, const archive *a, const int64_t stamp[2])
{
    int64_t corpus[2] = {0};
    imr_dataset_stamp_of(corpus, f->corpus_path);
    snprintf(f->mark, sizeof f->mark,
             "imrnn-unpacked 1 %zu %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", a->file.len,
             stamp[0], stamp[1], corpus[0], corpus[1]);
}

/* Does `archive` say what it should, or, any: anything? */
static bool has_mark(const folder *f, bool any)
{
    IMR_CLEANUP(imr_file_unmap) imr_file found = {0};
    const size_t n = strlen(f->mark);
    return imr_file_exists(f->mark_path) && imr_file_map(&found, f->mark_path, NULL) == IMR_OK &&
           (any || (found.len == n && memcmp(found.data, f->mark, n) == 0));
}

static imr_status write_mark(folder *f, const archive *a, const int64_t stamp[2], imr_error *err)
{
    make_mark(f, a, stamp);
    return imr_file_write(f->mark_path, f->mark, strlen(f->mark), err);
}

/* Unpacks what is not there under the lock. */
static imr_status fill_folder(folder *f, archive *a, imr_error *err)
{
    IMR_AUTOFREE char *qrels = imr_path_join(f->path, "qrels");
    IMR_AUTOFREE char *lock_path = imr_path_join(f->path, "lock");
    IMR_CLEANUP(imr_kept_close) imr_kept lock = {0};
    struct stat st;
    if (!qrels || !lock_path)
        return imr_fail_memory(err);
    if (lstat(f->path, &st) == 0 && !S_ISDIR(st.st_mode)) /* a stranger's link leads elsewhere */
        return imr_fail(err, IMR_E_IO, "%s is no folder of its own", f->path);
    IMR_TRY(imr_dir_make(qrels, err));
    if (lstat(qrels, &st) == 0 && !S_ISDIR(st.st_mode))
        return imr_fail(err, IMR_E_IO, "%s is no folder of its own", qrels);
    IMR_TRY(imr_kept_lock(&lock, lock_path, err));
    return each_file(a, unpack_file, f, err);
}

/* *kept: the folder holds what the archive holds, or held when that was still there. */
static imr_status keep(bool *kept, archive *a, folder *f, const int64_t stamp[2], imr_error *err)
{
    imr_zip_entry corpus;
    imr_error ignored;
    f->mark_path = imr_path_join(f->path, "archive");
    f->corpus_path = imr_path_join(f->path, "corpus.jsonl");
    if (!f->mark_path || !f->corpus_path)
        return imr_fail_memory(err);
    *kept = !imr_file_exists(a->path) && has_mark(f, true);
    if (*kept)
        return IMR_OK;
    IMR_TRY(open_archive(a, err));
    IMR_TRY(take_entry(&corpus, a, a->corpus, err));
    if (a->options->index && a->options->index->corpus_bytes != corpus.size)
        return IMR_OK; /* an archive of something else must not take the place of the right one */
    make_mark(f, a, stamp);
    f->look = !has_mark(f, false);
    f->whole = true;
    IMR_TRY(each_file(a, check_file, f, err));
    if (!f->whole)
        IMR_TRY(fill_folder(f, a, err));
    *kept = true;
    if (f->whole && !f->look)
        return IMR_OK;
    /* Without it the next opening only has more to read. */
    return write_mark(f, a, stamp, &ignored) == IMR_E_MEMORY ? imr_fail_memory(err) : IMR_OK;
}

/* ---- into memory ---- */

static imr_status unpack_bytes(dataset_bytes *b, imr_dataset *d, archive *a, const imr_zip_entry *e,
                               const char *file, imr_error *err)
{
    imr_buf name = {0};
    imr_buf_printf(&name, "%s/%.*s%s", a->path, (int)a->folder_len, a->folder, file);
    if (!(b->name = imr_buf_take(&name)))
        return imr_fail_memory(err);
    b->owned = imr_scratch_alloc(d->beside, (size_t)e->size, 1);
    if (!b->owned)
        b->owned = imr_scratch_alloc(NULL, (size_t)e->size, 1);
    if (!b->owned)
        return imr_fail_memory(err);
    a->memory = b->owned;
    b->data = b->owned;
    b->len = (size_t)e->size;
    return unpack(a, e, err);
}

static imr_status unpack_split(imr_dataset *d, archive *a, const imr_zip_entry *e, const char *file,
                               imr_error *err)
{
    dataset_bytes b = {0};
    imr_qrels *q = NULL;
    imr_status status = unpack_bytes(&b, d, a, e, file, err);
    if (status == IMR_OK)
        status = imr_qrels_parse(&q, b.data, b.len, b.name, err);
    imr_scratch_free(d->beside, b.owned);
    imr_free(b.name);
    IMR_TRY(status);
    return imr_dataset_add_split(d, file + strlen("qrels/"), split_len(file), q, err);
}

static imr_status unpack_memory(void *user, archive *a, const imr_zip_entry *e, const char *file,
                                imr_error *err)
{
    imr_dataset *d = user;
    if (strcmp(file, "corpus.jsonl") == 0)
        return unpack_bytes(&d->corpus, d, a, e, file, err);
    if (strcmp(file, "queries.jsonl") == 0)
        return unpack_bytes(&d->queries, d, a, e, file, err);
    return unpack_split(d, a, e, file, err);
}

static imr_status open_unpacked(imr_dataset *d, archive *a, imr_error *err)
{
    IMR_AUTOFREE char *dir = imr_path_dir(a->path);
    if (!dir)
        return imr_fail_memory(err);
    IMR_TRY(imr_scratch_open(&d->beside, dir, err));
    if (!a->file.data)
        IMR_TRY(open_archive(a, err));
    a->done = 0;
    a->to = NULL;
    IMR_TRY(each_file(a, unpack_memory, d, err));
    IMR_TRY(imr_dataset_read_corpus(d, a->options, err));
    return d->queries.data ? imr_dataset_read_queries(d, a->options, false, err) : IMR_OK;
}

imr_status imr_dataset_open_archive(imr_dataset *d, const imr_dataset_options *o, imr_error *err)
{
    const size_t n = imr_dataset_archive_len(d->path);
    IMR_AUTOFREE char *path = imr_strndup(d->path, n);
    if (!path)
        return imr_fail_memory(err);
    IMR_CLEANUP(archive_done)
    archive a = {.path = path, .options = o, .inside = d->path + n + (d->path[n] == '/')};
    bool kept = false;
    d->ids_needed = true;
    if (o->unpacked) {
        imr_error why;
        IMR_CLEANUP(folder_done) folder f = {.path = o->unpacked};
        const imr_status status = keep(&kept, &a, &f, d->corpus.stamp, &why);
        if (status != IMR_OK && status != IMR_E_IO && status != IMR_E_BUSY) {
            if (err)
                *err = why;
            return status;
        }
        if (status != IMR_OK)
            snprintf(d->notice, sizeof d->notice, "%.150s is unpacked anew at each opening: %.200s",
                     path, why.text);
    }
    return kept ? imr_dataset_open_beir(d, o->unpacked, o, err) : open_unpacked(d, &a, err);
}

static uint64_t bytes_in(const char *dir)
{
    char **names = NULL;
    size_t n = 0;
    uint64_t sum = 0;
    if (!imr_dir_exists(dir) || imr_dir_list(&names, &n, dir, NULL) != IMR_OK)
        return 0;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        IMR_AUTOFREE char *path = imr_path_join(dir, names[i]);
        if (path && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    imr_dir_list_free(names, n);
    return sum;
}

uint64_t imr_dataset_unpacked_bytes(const char *dir)
{
    IMR_AUTOFREE char *qrels = imr_path_join(dir, "qrels");
    return bytes_in(dir) + (qrels ? bytes_in(qrels) : 0);
}
