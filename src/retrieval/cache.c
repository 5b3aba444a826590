#include "retrieval/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "retrieval/cache_internal.h"
#include "retrieval/columns.h"

/* ---- the object ---- */

static bool is_own(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0 || st.st_uid == geteuid() || st.st_uid == 0;
}

bool imr_cache_is_own(const char *dir)
{
    return is_own(dir) && is_own(imr_path_in(dir, "manifest.json").s);
}

imr_cache *imr_cache_new(const char *path, const char *layout)
{
    imr_cache *c = IMR_NEW(imr_cache);
    if (!c || !(c->path = imr_strdup(path))) {
        imr_free(c);
        return NULL;
    }
    c->layout = layout;
    return c;
}

static void rows_done(imr_cache_rows *r)
{
    imr_ids_done(&r->ids);
    imr_matrix_done(&r->owned);
    imr_npy_done(&r->mapped);
    imr_scratch_free(r->scratch, r->scattered);
    for (size_t i = 0; i < IMR_LEN(r->torch); i++)
        imr_torch_free(r->torch[i]);
}

imr_cache *imr_cache_share(const imr_cache *c)
{
    imr_cache *shared = (imr_cache *)(uintptr_t)c; /* to be counted alone */
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void imr_cache_free(imr_cache *c)
{
    if (!c || atomic_fetch_sub(&c->owners, 1) > 0)
        return;
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++) /* owned through const pointers */
        imr_free((void *)(uintptr_t)c->encoder.text[i]);
    for (size_t i = 0; i < c->n_splits; i++) {
        IMR_FREE(c->splits[i].name, c->splits[i].queries);
        imr_qrels_free(c->splits[i].made);
    }
    imr_free(c->splits);
    rows_done(&c->documents);
    rows_done(&c->queries);
    imr_free(c->dataset_rows);
    imr_file_unmap(&c->offsets);
    IMR_FREE(c->query_texts, c->negatives_first, c->negatives, c->path);
    imr_dataset_free(c->dataset);
    imr_dataset_free(c->questions);
    imr_arena_free(c->own);
    imr_free(c);
}

void imr_cache_add_notice(imr_cache *c, const char *format, ...)
{
    const size_t used = strlen(c->notice);
    char line[IMR_ERROR_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    snprintf(c->notice + used, sizeof c->notice - used, "%s%s", used ? "; " : "", line);
}

/* ---- opening ---- */

static imr_status no_cache(const char *dir, imr_error *err)
{
    if (imr_store_update_stopped(dir) || imr_file_exists(imr_path_in(dir, "journal").s))
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s is a cache whose building was stopped: run the same `imrnn cache` "
                        "again to go on",
                        dir);
    return imr_fail(
        err, IMR_E_NOT_FOUND,
        "%s is no cache: it has neither manifest.json nor test/embeddings.pt; of a data "
        "set `imrnn cache --dataset %s --encoder E --cache-dir DIR` makes one",
        dir, dir);
}

imr_status imr_cache_open(imr_cache **out, const char *dir, const imr_cache_options *options,
                          imr_error *err)
{
    static const imr_cache_options no_options;
    IMR_BUDGET(dir);
    const imr_path path = imr_path_in(dir, "manifest.json");
    imr_json *manifest IMR_AUTOJSON = NULL;
    if (!options)
        options = &no_options;
    IMR_TRY(imr_dir_admits(dir, err));
    if (!imr_dir_exists(dir))
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "there is no cache folder %s: make one with `imrnn cache`", dir);
    if (imr_file_exists(path.s))
        IMR_TRY(imr_json_open(&manifest, path.s, err));
    else if (!imr_reference_cache_here(dir))
        return no_cache(dir, err);
    if (imr_json_at(manifest, "schema"))
        return imr_store_open(out, dir, manifest, options, err);
    return imr_reference_cache_open(out, dir, manifest, options, err);
}

void imr_token_totals_text(imr_buf *out, const imr_token_totals *t)
{
    if (t->total == 0)
        imr_buf_str(out, "not counted");
    else if (t->cut == 0)
        imr_buf_str(out, "all are read whole");
    else
        imr_buf_printf(out,
                       "%.2g%% are longer than the encoder reads, %.2g%% of all tokens are never "
                       "read",
                       100 * (double)t->cut / (double)t->texts,
                       100 * (double)(t->total - t->read) / (double)t->total);
}

/* ---- documents ---- */

void imr_cache_forget(const imr_cache *c)
{
    for (size_t i = 0; i < IMR_REFERENCE_SPLITS; i++) {
        if (c->documents.torch[i])
            imr_torch_forget(c->documents.torch[i]);
        if (c->queries.torch[i])
            imr_torch_forget(c->queries.torch[i]);
    }
}

imr_status imr_cache_document(const imr_cache *c, size_t document, imr_buf *title, imr_buf *text,
                              imr_error *err)
{
    uint32_t row = c->dataset_rows ? c->dataset_rows[document] : (uint32_t)document;
    if (c->texts && title)
        imr_buf_str(title, c->titles[document]);
    if (c->texts && text)
        imr_buf_str(text, c->texts[document]);
    if (c->texts)
        return IMR_OK;
    if (!c->dataset || row == UINT32_MAX)
        return IMR_OK;
    return imr_dataset_read(c->dataset, row, title, text, err);
}

/* ---- queries ---- */

const char *imr_cache_query_text(const imr_cache *c, size_t query)
{
    return c->query_texts ? c->query_texts[query] : imr_ids_at(&c->queries.ids, query);
}

#define BLANKS " \t\n\v\f\r"

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, BLANKS);
}

static size_t trimmed_length(const char *text)
{
    size_t n = strlen(text);
    while (n && strchr(BLANKS, text[n - 1]))
        n--;
    return n;
}

bool imr_cache_find_query_text(const imr_cache *c, const char *text, uint32_t *query)
{
    text = skip_blanks(text);
    size_t len = trimmed_length(text);
    for (size_t i = 0; i < c->queries.ids.n; i++) {
        const char *other = skip_blanks(c->query_texts[i]);
        if (trimmed_length(other) == len && imr_begins(other, text, len)) {
            *query = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* A word after the first begins with the prefix. */
static bool holds_word(const char *text, const char *prefix, size_t len)
{
    for (text = skip_blanks(text); *text;) {
        text = skip_blanks(text + strcspn(text, BLANKS));
        if (*text && imr_begins(text, prefix, len))
            return true;
    }
    return false;
}

size_t imr_cache_offer_queries(const imr_cache *c, const char *prefix, uint32_t *out, size_t max)
{
    prefix = skip_blanks(prefix);
    size_t len = strlen(prefix), n = 0;
    for (size_t i = 0; i < c->queries.ids.n && n < max; i++)
        if (imr_begins(skip_blanks(c->query_texts[i]), prefix, len))
            out[n++] = (uint32_t)i;
    for (size_t i = 0; i < c->queries.ids.n && n < max && len; i++)
        if (!imr_begins(skip_blanks(c->query_texts[i]), prefix, len) &&
            (holds_word(c->query_texts[i], prefix, len) ||
             imr_begins(imr_ids_at(&c->queries.ids, i), prefix, len)))
            out[n++] = (uint32_t)i;
    return n;
}

/* ---- splits ---- */

bool imr_cache_find_split(const imr_cache *c, const char *name, size_t *split)
{
    for (size_t i = 0; i < c->n_splits; i++)
        if (imr_same_split(c->splits[i].name, name)) {
            *split = i;
            return true;
        }
    return false;
}

const uint32_t *imr_cache_split_queries(const imr_cache *c, size_t split, size_t *count)
{
    *count = c->splits[split].n;
    return c->splits[split].queries;
}

const uint32_t *imr_cache_negatives(const imr_cache *c, size_t query, size_t *count)
{
    *count = 0;
    if (!c->negatives_first)
        return NULL;
    *count = c->negatives_first[query + 1] - c->negatives_first[query];
    return c->negatives + c->negatives_first[query];
}

/* ---- what can be made again ---- */

const char *const imr_derived_names[IMR_DERIVED] = {"projected", "pseudo", "tokens", "audits",
                                                    IMR_STORE_UNPACKED};

/* Links are neither followed nor counted. */
static uint64_t walk(int at, const char *name, bool remove)
{
    const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    uint64_t sum = 0;
    struct stat st;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            sum += walk(fd, e->d_name, remove);
        else if ((!remove || unlinkat(fd, e->d_name, 0) == 0) && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    if (d)
        closedir(d);
    if (remove)
        (void)unlinkat(at, name, AT_REMOVEDIR);
    return sum;
}

uint64_t imr_derived_bytes(const char *dir, const char *name, bool remove)
{
    return walk(AT_FDCWD, imr_path_in(dir, name).s, remove);
}
