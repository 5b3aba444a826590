/* Opening datasets: which layout a path holds, and its parts. */
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/mem.h"
#include "retrieval/dataset.h"
#include "retrieval/dataset_internal.h"
#include "text/utf8.h"

/* ---- judgements ---- */

static int split_rank(const char *name)
{
    return imr_same_split(name, "train")        ? 0
           : imr_same_split(name, "validation") ? 1
           : imr_same_split(name, "test")       ? 2
                                                : 3;
}

static bool comes_before(const char *a, const char *b)
{
    int x = split_rank(a), y = split_rank(b);
    return x != y ? x < y : strcmp(a, b) < 0;
}

imr_status imr_dataset_add_split(imr_dataset *d, const char *name, size_t name_len, imr_qrels *q,
                                 imr_error *err)
{
    char *copy = imr_strndup(name, name_len);
    imr_dataset_split *grown =
        copy ? imr_realloc(d->splits, d->n_splits + 1, sizeof *d->splits) : NULL;
    if (!grown) {
        imr_free(copy);
        imr_qrels_free(q);
        return imr_fail_memory(err);
    }
    d->splits = grown;
    size_t at = d->n_splits++;
    for (; at > 0 && comes_before(copy, grown[at - 1].name); at--)
        grown[at] = grown[at - 1];
    grown[at] = (imr_dataset_split){copy, q};
    return IMR_OK;
}

/* ---- layouts ---- */

void imr_dataset_stamp_of(int64_t out[2], const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    out[0] = (int64_t)st.st_mtim.tv_sec;
    out[1] = (int64_t)st.st_mtim.tv_nsec;
}

static imr_status map_into(imr_dataset_bytes *b, const char *dir, const char *file, imr_error *err)
{
    b->name = imr_path_join(dir, file);
    if (!b->name)
        return imr_fail_memory(err);
    imr_dataset_stamp_of(b->stamp, b->name);
    IMR_TRY(imr_file_map(&b->file, b->name, err));
    b->data = (const char *)b->file.data;
    b->len = b->file.len;
    return IMR_OK;
}

size_t imr_dataset_stem_len(const char *file, bool text)
{
    static const char *const all[2][4] = {{".tsv", ".txt", ".qrels"}, {".txt", ".md"}};
    const size_t len = strlen(file);
    for (const char *const *ending = all[text]; *ending; ending++) {
        const size_t n = strlen(*ending);
        if (len > n && (text ? strcasecmp : strcmp)(file + len - n, *ending) == 0)
            return len - n;
    }
    return 0;
}

static imr_status read_splits(imr_dataset *d, const char *dir, imr_error *err)
{
    const imr_path folder = imr_path_in(dir, "qrels");
    if (!imr_dir_exists(folder.s))
        return IMR_OK;
    IMR_CLEANUP(imr_dataset_paths_done) path_array files = {0};
    IMR_TRY(imr_dir_list(&files.v, &files.n, folder.s, err));
    for (size_t i = 0; i < files.n; i++) {
        const char *name = files.v[i];
        size_t len = imr_dataset_stem_len(name, false);
        if (!len || name[0] == '.')
            continue;
        imr_qrels *q = NULL;
        IMR_TRY(imr_qrels_open(&q, imr_path_in(folder.s, name).s, err));
        IMR_TRY(imr_dataset_add_split(d, name, len, q, err));
    }
    return IMR_OK;
}

imr_status imr_dataset_open_beir(imr_dataset *d, const char *dir, const imr_dataset_options *o,
                                 imr_error *err)
{
    d->ids_needed = true;
    IMR_TRY(map_into(&d->corpus, dir, "corpus.jsonl", err));
    IMR_TRY(imr_dataset_read_corpus(d, o, err));
    const bool jsonl = imr_file_exists(imr_path_in(dir, "queries.jsonl").s);
    if (jsonl || imr_file_exists(imr_path_in(dir, "queries.tsv").s)) {
        IMR_TRY(map_into(&d->queries, dir, jsonl ? "queries.jsonl" : "queries.tsv", err));
        IMR_TRY(imr_dataset_read_queries(d, o, !jsonl, err));
    }
    return o->without_judgements ? IMR_OK : read_splits(d, dir, err);
}

size_t imr_dataset_archive_len(const char *path)
{
    static const char ending[] = ".zip";
    const size_t n = sizeof ending - 1, len = strlen(path);
    if (len > n && strcmp(path + len - n, ending) == 0)
        return len;
    for (const char *p = strstr(path, ".zip/"); p; p = strstr(p + 1, ".zip/")) {
        IMR_AUTOFREE char *file = imr_strndup(path, (size_t)(p - path) + n);
        if (file && imr_file_exists(file))
            return (size_t)(p - path) + n;
    }
    return 0;
}

static const imr_dataset_options no_options;

imr_status imr_dataset_open(imr_dataset **out, const char *path, const imr_dataset_options *options,
                            imr_error *err)
{
    const imr_dataset_options *o = options ? options : &no_options;
    IMR_CLEANUP(imr_dataset_free_ptr) imr_dataset *d = IMR_NEW(imr_dataset);
    if (!d || !(d->path = imr_strdup(path)))
        return imr_fail_memory(err);
    d->scratch = o->scratch;
    const size_t archive = imr_dir_exists(path) ? 0 : imr_dataset_archive_len(path);
    IMR_AUTOFREE char *file = imr_strndup(path, archive ? archive : strlen(path));
    if (!file)
        return imr_fail_memory(err);
    imr_dataset_stamp_of(d->corpus.stamp, file);
    if (imr_dir_exists(path)) {
        const bool beir = imr_file_exists(imr_path_in(path, "corpus.jsonl").s);
        IMR_TRY(beir ? imr_dataset_open_beir(d, path, o, err) : imr_dataset_open_texts(d, o, err));
    } else if (archive) {
        IMR_TRY(imr_dataset_open_archive(d, o, err));
    } else {
        IMR_TRY(map_into(&d->corpus, "", path, err));
        IMR_TRY(imr_dataset_read_corpus(d, o, err));
    }
    *out = d;
    d = NULL;
    return IMR_OK;
}

static imr_status borrow(imr_dataset_bytes *b, imr_named_bytes from, imr_error *err)
{
    b->data = from.data;
    b->len = from.len;
    b->name = imr_strdup(from.name);
    return b->name ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_dataset_open_memory(imr_dataset **out, imr_named_bytes corpus,
                                   imr_named_bytes queries, const imr_named_bytes *qrels,
                                   size_t n_qrels, const imr_dataset_options *options,
                                   imr_error *err)
{
    const imr_dataset_options *o = options ? options : &no_options;
    IMR_CLEANUP(imr_dataset_free_ptr) imr_dataset *d = IMR_NEW(imr_dataset);
    if (!d || !(d->path = imr_strdup(corpus.name)))
        return imr_fail_memory(err);
    d->scratch = o->scratch;
    IMR_TRY(borrow(&d->corpus, corpus, err));
    IMR_TRY(imr_dataset_read_corpus(d, o, err));
    if (queries.data) {
        IMR_TRY(borrow(&d->queries, queries, err));
        IMR_TRY(imr_dataset_read_queries(d, o, false, err));
    }
    for (size_t i = 0; i < n_qrels; i++) {
        imr_qrels *q = NULL;
        IMR_TRY(imr_qrels_parse(&q, qrels[i].data, qrels[i].len, qrels[i].name, err));
        IMR_TRY(imr_dataset_add_split(d, qrels[i].name, strlen(qrels[i].name), q, err));
    }
    *out = d;
    d = NULL;
    return IMR_OK;
}
