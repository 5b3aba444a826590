/*
 * A folder of texts: the .txt and .md files in it and in its subfolders.
 *
 * The folder is walked without recursion, real folders first, then what links lead to; a folder is
 * read once, however many ways lead to it, so that a loop of links ends. Documents stand in the
 * order of their paths, which does not depend on the walk.
 */
#include <sys/stat.h>

#include "base/limits.h"
#include "base/sort.h"
#include "retrieval/dataset_internal.h"
#include "text/utf8.h"

#define SKIP_KINDS 64 /* endings told apart; what comes after them counts as others */
#define SKIP_SHOWN 6
#define OTHERS     "others"

typedef struct skipped {
    char what[40]; /* ".pdf", "empty" */
    size_t n;
} skipped;

typedef struct walk {
    imr_dataset *d;
    const imr_dataset_options *options;
    imr_names folders, links, files; /* below the dataset's folder, which is ""; folders and links:
                                         still to be read */
    imr_names seen_keys;             /* device and number of each folder read */
    imr_strmap seen;
    skipped skips[SKIP_KINDS + 1];
    size_t n_skips, n_skipped;
    char *beir;       /* a subfolder with a corpus.jsonl */
    imr_sha256 stamp; /* of names, sizes and times */
} walk;

static void walk_done(walk *w)
{
    imr_names_done(&w->folders);
    imr_names_done(&w->links);
    imr_names_done(&w->files);
    imr_names_done(&w->seen_keys);
    imr_strmap_done(&w->seen);
    imr_free(w->beir);
    imr_sha256_done(&w->stamp);
}

/* Takes path. */
static imr_status push(imr_names *to, char *path, imr_error *err)
{
    if (path && IMR_PUSH(to, path))
        return IMR_OK;
    imr_free(path);
    return imr_fail_memory(err);
}

/* ---- ids and paths ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_escape(const char *text)
{
    return text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
}

/* Bytes no id may hold become %XX, and so does a % that would read as one: there is a way back. */
static void put_id(imr_buf *out, const char *path)
{
    size_t len = strlen(path);
    for (size_t at = 0, n; at < len; at += n) {
        uint32_t c;
        n = imr_utf8_decode(path + at, len - at, &c);
        bool escape =
            c < 0x20 || (c >= 0x7F && c < 0xA0) || c == IMR_UTF8_BAD || is_escape(path + at);
        for (size_t i = 0; escape && i < n; i++)
            imr_buf_printf(out, "%%%02X", (unsigned char)path[at + i]);
        if (!escape)
            imr_buf_add(out, path + at, n);
    }
}

static char *text_path(const imr_dataset *d, const char *id)
{
    imr_buf b = {0};
    imr_buf_printf(&b, "%s/", d->path);
    for (; *id; id++)
        if (is_escape(id)) {
            imr_buf_char(&b, (char)(hex_value(id[1]) * 16 + hex_value(id[2])));
            id += 2;
        } else {
            imr_buf_char(&b, *id);
        }
    return imr_buf_take(&b);
}

/* ---- what is left out ---- */

static void skip(walk *w, const char *what)
{
    size_t i = 0;
    while (i < w->n_skips && strcmp(w->skips[i].what, what) != 0)
        i++;
    if (i == w->n_skips && i >= SKIP_KINDS && strcmp(what, OTHERS) != 0) {
        skip(w, OTHERS);
        return;
    }
    if (i == w->n_skips)
        snprintf(w->skips[w->n_skips++].what, sizeof w->skips->what, "%s", what);
    w->skips[i].n++;
    w->n_skipped++;
}

/* By its ending in small letters, when that is an ordinary one. */
static void skip_file(walk *w, const char *name)
{
    char ending[10] = ".";
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot != name ? strlen(dot) : 0;
    bool plain = n > 1 && n < sizeof ending;
    for (size_t i = 1; plain && i < n; i++) {
        char c = dot[i];
        ending[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        plain = (ending[i] >= 'a' && ending[i] <= 'z') || (c >= '0' && c <= '9');
    }
    skip(w, plain ? ending : OTHERS);
}

static int by_number(const void *a, const void *b)
{
    const skipped *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(x->what, y->what);
}

/* "5 .pdf, 2 empty" */
static void put_skipped(imr_buf *b, walk *w)
{
    size_t rest = w->n_skipped, start = b->len;
    qsort(w->skips, w->n_skips, sizeof *w->skips, by_number);
    for (size_t i = 0, shown = 0; i < w->n_skips && shown < SKIP_SHOWN; i++) {
        if (strcmp(w->skips[i].what, OTHERS) == 0)
            continue;
        imr_buf_printf(b, "%s%zu %s", shown++ ? ", " : "", w->skips[i].n, w->skips[i].what);
        rest -= w->skips[i].n;
    }
    if (rest)
        imr_buf_printf(b, "%s%zu " OTHERS, b->len > start ? ", " : "", rest);
}

/* ---- the walk ---- */

static imr_status take_entry(walk *w, const char *folder, const char *name, imr_error *err)
{
    IMR_AUTOFREE char *below = imr_path_join(folder, name);
    struct stat st, link;
    IMR_NEED(below, err);
    const imr_path path = imr_path_in(w->d->path, below);
    if (lstat(path.s, &link) != 0 || stat(path.s, &st) != 0) {
        skip(w, "links to nothing");
        return IMR_OK;
    }
    char *taken = below;
    if (strlen(below) > IMR_MAX_ID_BYTES) { /* ends the deepest descent, too */
        skip(w, "with too long a path");
    } else if (S_ISDIR(st.st_mode)) {
        below = NULL;
        return push(S_ISLNK(link.st_mode) ? &w->links : &w->folders, taken, err);
    } else if (!S_ISREG(st.st_mode)) {
        skip(w, "pipes or devices"); /* to open a pipe would wait for its writer */
    } else if (imr_dataset_stem_len(name, true)) {
        const int64_t facts[] = {(int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec,
                                 (int64_t)st.st_mtim.tv_nsec};
        imr_sha256_add(&w->stamp, below, strlen(below) + 1);
        imr_sha256_add(&w->stamp, facts, sizeof facts);
        below = NULL;
        return push(&w->files, taken, err);
    } else {
        if (!w->beir && strcmp(name, "corpus.jsonl") == 0 && !strchr(folder, '/') &&
            !(w->beir = imr_strdup(folder)))
            return imr_fail_memory(err);
        skip_file(w, name);
    }
    return IMR_OK;
}

/* Once, however many ways lead to it. */
static imr_status read_folder(walk *w, const char *folder, imr_error *err)
{
    const char *top = w->d->path;
    const imr_path path = folder[0] ? imr_path_in(top, folder) : imr_path_in("", top);
    struct stat st;
    char key[48];
    uint32_t at;
    if (stat(path.s, &st) != 0) {
        skip(w, "folders that are gone");
        return IMR_OK;
    }
    snprintf(key, sizeof key, "%llx:%llx", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    if (imr_strmap_get(&w->seen, key, strlen(key), &at)) {
        skip(w, "links to folders read before");
        return IMR_OK;
    }
    IMR_TRY(push(&w->seen_keys, imr_strdup(key), err));
    char *kept = w->seen_keys.v[w->seen_keys.n - 1];
    IMR_NEED(imr_strmap_add(&w->seen, kept, strlen(kept), 0, NULL, NULL), err);
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    imr_status status = imr_dir_list(&names, path.s, err);
    if (status != IMR_OK && folder[0] && status != IMR_E_MEMORY) {
        skip(w, "folders that cannot be read");
        return IMR_OK;
    }
    IMR_TRY(status);
    for (size_t i = 0; i < names.n; i++)
        if (names.v[i][0] != '.')
            IMR_TRY(take_entry(w, folder, names.v[i], err));
    if (w->files.n > IMR_MAX_DOCUMENTS)
        return imr_fail(err, IMR_E_LIMIT, "%s holds more than %u texts", w->d->path,
                        IMR_MAX_DOCUMENTS);
    if (imr_progress_step(w->options->progress, "looking for texts", w->files.n, 0))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED, "looking for texts was cancelled");
}

static imr_status read_folders(walk *w, imr_error *err)
{
    char hex[IMR_SHA256_HEX];
    imr_sha256_init(&w->stamp);
    IMR_TRY(push(&w->folders, imr_strdup(""), err));
    while (w->folders.n || w->links.n) {
        imr_names *from = w->folders.n ? &w->folders : &w->links;
        IMR_AUTOFREE char *folder = from->v[--from->n];
        IMR_TRY(read_folder(w, folder, err));
    }
    if (w->files.n)
        qsort(w->files.v, w->files.n, sizeof *w->files.v, imr_by_text);
    IMR_TRY(imr_sha256_hex(&w->stamp, hex, err));
    memcpy(w->d->corpus.stamp, hex, sizeof w->d->corpus.stamp);
    return IMR_OK;
}

/* ---- the texts ---- */

static imr_status map_text(imr_file *f, const char **text, size_t *len, const char *path,
                           imr_error *err)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* editors of Windows begin with it */
    IMR_TRY(imr_file_map_as(f, path, IMR_FILE_TEXT, err));
    size_t n = f->len >= 3 && memcmp(f->data, mark, 3) == 0 ? 3 : 0;
    *text = (const char *)f->data + n;
    *len = f->len - n;
    return IMR_OK;
}

static size_t first_bad(const char *text, size_t len)
{
    const char *zero = memchr(text, '\0', len);
    return imr_utf8_first_bad(text, zero ? (size_t)(zero - text) : len);
}

/* *empty: there is nothing in it but white space. */
static imr_status check_text(bool *empty, const char *path, imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    const char *text;
    size_t len;
    IMR_TRY(map_text(&f, &text, &len, path, err));
    if (len > IMR_MAX_TEXT_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s has %zu bytes, at most %zu", path, len,
                        IMR_MAX_TEXT_BYTES);
    size_t bad = first_bad(text, len);
    if (bad < len)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: byte %zu is not UTF-8 text: convert the file (iconv -t UTF-8), or "
                        "leave it out with --skip-bad-lines",
                        path, bad + f.len - len);
    IMR_AUTOBUF imr_buf stripped = {0};
    imr_document_text(&stripped, "", 0, text, len);
    *empty = stripped.len == 0;
    return imr_buf_check(&stripped, err);
}

imr_status imr_dataset_read_text(const imr_dataset *d, size_t document, imr_buf *out,
                                 imr_error *err)
{
    IMR_AUTOFREE char *path = text_path(d, imr_ids_at(&d->documents, document));
    IMR_NEED(path, err);
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    const char *text;
    size_t len;
    IMR_TRY(map_text(&f, &text, &len, path, err));
    if (len > IMR_MAX_TEXT_BYTES || first_bad(text, len) < len)
        return imr_fail(err, IMR_E_FORMAT, "%s changed and is no text in UTF-8 any more", path);
    imr_buf_add(out, text, len);
    return imr_buf_check(out, err);
}

static imr_status take_text(imr_buf *ids, size_t *n, walk *w, const char *below, imr_error *err)
{
    imr_error fault;
    bool empty = false;
    imr_status status = check_text(&empty, imr_path_in(w->d->path, below).s, &fault);
    if (status == IMR_E_IO || status == IMR_E_NOT_FOUND) { /* it may have gone meanwhile */
        skip(w, "that cannot be read");
        return IMR_OK;
    }
    if (status != IMR_OK) {
        skip(w, "not UTF-8 or too long");
        return imr_dataset_note_bad(w->d, w->options, status, &fault, err);
    }
    size_t start = ids->len;
    put_id(ids, below);
    if (empty || ids->len - start > IMR_MAX_ID_BYTES) {
        skip(w, empty ? "empty" : "with too long a path");
        ids->len = start;
        return IMR_OK;
    }
    imr_buf_char(ids, '\0');
    ++*n;
    return IMR_OK;
}

static imr_status no_texts(walk *w, imr_error *err)
{
    IMR_AUTOBUF imr_buf found = {0};
    put_skipped(&found, w);
    return imr_fail(err, IMR_E_NOT_FOUND,
                    "%s is no dataset: expected corpus.jsonl (BEIR), or .txt or .md files in it or "
                    "below it%s%s%s",
                    w->d->path, found.len ? " (found: " : "", imr_buf_text(&found),
                    found.len ? ")" : "");
}

static imr_status read_texts(walk *w, imr_error *err)
{
    IMR_AUTOBUF imr_buf ids = {0};
    IMR_AUTOBUF imr_buf summary = {0};
    size_t n = 0;
    for (size_t i = 0; i < w->files.n; i++) {
        IMR_TRY(take_text(&ids, &n, w, w->files.v[i], err));
        IMR_TRY(imr_dataset_progress(w->options, i, w->files.n, err));
    }
    if (n == 0)
        return no_texts(w, err);
    imr_buf_printf(&summary, "%zu taken", n);
    if (w->n_skipped) {
        imr_buf_printf(&summary, ", %zu skipped: ", w->n_skipped);
        put_skipped(&summary, w);
    }
    IMR_TRY(imr_buf_check(&summary, err));
    IMR_TRY(imr_buf_check(&ids, err));
    snprintf(w->d->summary, sizeof w->d->summary, "%s", imr_buf_text(&summary));
    return imr_dataset_take_ids(w->d, &ids, n, w->options, err);
}

imr_status imr_dataset_open_texts(imr_dataset *d, const imr_dataset_options *o, imr_error *err)
{
    IMR_CLEANUP(walk_done) walk w = {.d = d, .options = o};
    IMR_TRY(read_folders(&w, err));
    if (w.beir)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s is no dataset itself: %s/%s holds a corpus.jsonl, name that folder",
                        d->path, d->path, w.beir);
    d->text_folder = true;
    if (o->index && memcmp(d->corpus.stamp, o->index->stamp, sizeof d->corpus.stamp) == 0) {
        d->documents = imr_ids_borrow(o->index->ids);
        return IMR_OK;
    }
    return read_texts(&w, err);
}
