/*
 * Importing a cache the reference wrote: time, and the memory no file stands behind.
 *
 * `bench import DOCUMENTS[:own] [DIMENSION]` makes a dataset and the reference's layout for it as
 * torch.save writes that, without holding it: all vectors views of one storage, or with `:own` each
 * in a storage of its own. `imrnn cache --import` then runs twice, each in a process of its own
 * that is watched: whole, and killed half way and started again, after which the two caches must
 * be the same files. 6500000 documents are 10 GB, three times (IMRNN_BENCH_DIR says where).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sha256.h"
#include "task/import.h"
#include "tests/bench/bench.h"

/* ---- torch.save, protocol 2 ---- */

typedef struct entry {
    uint64_t header, size;
    uint32_t crc;
} entry;

typedef struct archive {
    imr_writer w;
    uint64_t at;
    IMR_ARRAY(entry) entries; /* data.pkl, data/0, data/1 ..., version */
    size_t storages;
    uint32_t memo;
} archive;

#define FOLDER "embeddings/"

static void name_of(char out[64], const archive *a, size_t i)
{
    if (i == 0)
        snprintf(out, 64, FOLDER "data.pkl");
    else if (i <= a->storages)
        snprintf(out, 64, FOLDER "data/%zu", i - 1);
    else
        snprintf(out, 64, FOLDER "version");
}

static void put(archive *a, const void *bytes, size_t n)
{
    imr_writer_add(&a->w, bytes, n);
    a->at += n;
}

static void put_uint(archive *a, uint64_t v, size_t width)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    put(a, bytes, width);
}

/* Bytes of an entry. */
static void add(archive *a, const void *bytes, size_t n)
{
    entry *e = &a->entries.v[a->entries.n - 1];
    e->crc = (uint32_t)crc32(e->crc, bytes, (uInt)n);
    e->size += n;
    put(a, bytes, n);
}

/* The local header says nothing; its extra field moves the data to a multiple of 64. */
static void begin_entry(archive *a)
{
    imr_error err;
    char name[64];
    static const char pad[64];
    name_of(name, a, a->entries.n);
    if (!IMR_PUSH(&a->entries, (entry){.header = a->at}))
        bench_need(imr_fail_memory(&err), &err);
    const size_t before = 30 + strlen(name) + 4, extra = (64 - (a->at + before) % 64) % 64;
    put_uint(a, 0x04034b50, 4);
    put_uint(a, 0, 2);
    put_uint(a, 0x0808, 2); /* names are UTF-8, sizes follow the data */
    put_uint(a, 0, 8);
    put_uint(a, 0, 8);
    put_uint(a, 0, 2);
    put_uint(a, strlen(name), 2);
    put_uint(a, 4 + extra, 2);
    put(a, name, strlen(name));
    put(a, "FB", 2);
    put_uint(a, extra, 2);
    put(a, pad, extra);
}

static void end_entry(archive *a)
{
    const entry *e = &a->entries.v[a->entries.n - 1];
    const size_t width = e->size >= UINT32_MAX ? 8 : 4;
    put_uint(a, 0x08074b50, 4);
    put_uint(a, e->crc, 4);
    put_uint(a, e->size, width);
    put_uint(a, e->size, width);
}

static void put_directory(archive *a)
{
    const uint64_t start = a->at;
    for (size_t i = 0; i < a->entries.n; i++) {
        const entry *e = &a->entries.v[i];
        const bool big = e->size >= UINT32_MAX || e->header >= UINT32_MAX;
        char name[64];
        name_of(name, a, i);
        put_uint(a, 0x02014b50, 4);
        put_uint(a, 0, 4);
        put_uint(a, 0x0808, 2);
        put_uint(a, 0, 6);
        put_uint(a, e->crc, 4);
        put_uint(a, big ? UINT32_MAX : e->size, 4);
        put_uint(a, big ? UINT32_MAX : e->size, 4);
        put_uint(a, strlen(name), 2);
        put_uint(a, big ? 28 : 0, 2);
        put_uint(a, 0, 8);
        put_uint(a, 0, 2);
        put_uint(a, big ? UINT32_MAX : e->header, 4);
        put(a, name, strlen(name));
        if (!big)
            continue;
        put_uint(a, 1, 2);
        put_uint(a, 24, 2);
        put_uint(a, e->size, 8);
        put_uint(a, e->size, 8);
        put_uint(a, e->header, 8);
    }
    const uint64_t end = a->at;
    put_uint(a, 0x06064b50, 4);
    put_uint(a, 44, 8);
    put_uint(a, 0, 4 + 4);
    put_uint(a, 0, 4);
    put_uint(a, a->entries.n, 8);
    put_uint(a, a->entries.n, 8);
    put_uint(a, end - start, 8);
    put_uint(a, start, 8);
    put_uint(a, 0x07064b50, 4);
    put_uint(a, 0, 4);
    put_uint(a, end, 8);
    put_uint(a, 1, 4);
    put_uint(a, 0x06054b50, 4);
    put_uint(a, 0, 4);
    put_uint(a, UINT16_MAX, 2);
    put_uint(a, UINT16_MAX, 2);
    put_uint(a, UINT32_MAX, 4);
    put_uint(a, UINT32_MAX, 4);
    put_uint(a, 0, 2);
}

/* ---- its pickle ---- */

static void op(archive *a, const char *bytes)
{
    add(a, bytes, strlen(bytes));
}

static void op_uint(archive *a, char code, uint64_t v, size_t width)
{
    uint8_t bytes[9] = {(uint8_t)code};
    for (size_t i = 0; i < width; i++)
        bytes[1 + i] = (uint8_t)(v >> (8 * i));
    add(a, bytes, 1 + width);
}

static void memoize(archive *a)
{
    op_uint(a, a->memo < 256 ? 'q' : 'r', a->memo, a->memo < 256 ? 1 : 4);
    a->memo++;
}

static void op_string(archive *a, const char *text)
{
    op_uint(a, 'X', strlen(text), 4);
    op(a, text);
    memoize(a);
}

static void op_int(archive *a, uint64_t v)
{
    if (v < 256)
        op_uint(a, 'K', v, 1);
    else if (v < 65536)
        op_uint(a, 'M', v, 2);
    else if (v <= INT32_MAX)
        op_uint(a, 'J', v, 4);
    else {
        op(a, "\x8a");
        op_uint(a, 5, v, 5);
    }
}

/* What comes the second time is fetched from the memo: number *at, 0 while it was never written. */
static void op_shared(archive *a, uint32_t *at, const char *text, bool string)
{
    if (*at) {
        op_uint(a, *at < 256 ? 'h' : 'j', *at, *at < 256 ? 1 : 4);
        return;
    }
    *at = a->memo;
    if (string) {
        op_string(a, text);
    } else {
        op(a, text);
        memoize(a);
    }
}

typedef struct shared {
    uint32_t rebuild, storage, type, cpu, ordered;
} shared;

static void op_tensor(archive *a, shared *s, size_t storage, uint64_t elements, uint64_t offset,
                      size_t n)
{
    char key[32];
    snprintf(key, sizeof key, "%zu", storage);
    op_shared(a, &s->rebuild, "ctorch._utils\n_rebuild_tensor_v2\n", false);
    op(a, "((");
    op_shared(a, &s->storage, "storage", true);
    op_shared(a, &s->type, "ctorch\nFloatStorage\n", false);
    op_string(a, key);
    op_shared(a, &s->cpu, "cpu", true);
    op_int(a, elements);
    op(a, "t");
    memoize(a);
    op(a, "Q");
    op_int(a, offset);
    op_int(a, n);
    op(a, "\x85");
    memoize(a);
    op_int(a, 1);
    op(a, "\x85");
    memoize(a);
    op(a, "\x89");
    op_shared(a, &s->ordered, "ccollections\nOrderedDict\n", false);
    op(a, ")R");
    memoize(a);
    op(a, "t");
    memoize(a);
    op(a, "R");
    memoize(a);
}

typedef void (*id_fn)(char out[32], size_t i);

static void put_pickle(archive *a, size_t rows, size_t n, bool own, id_fn id)
{
    shared s = {0};
    op(a, "\x80\x02}");
    memoize(a);
    for (size_t i = 0; i < rows; i++) {
        char text[32];
        id(text, i);
        if (i % 1000 == 0)
            op(a, "(");
        op_string(a, text);
        op_tensor(a, &s, own ? i : 0, own ? n : (uint64_t)rows * n, own ? 0 : (uint64_t)i * n, n);
        if (i % 1000 == 999 || i + 1 == rows)
            op(a, "u");
    }
    op(a, ".");
}

static void put_rows(archive *a, size_t rows, size_t n, bool own)
{
    float *row = bench_alloc(n, sizeof *row);
    uint64_t h = 1;
    for (size_t i = 0; i < rows; i++) {
        if (own || i == 0)
            begin_entry(a);
        for (size_t j = 0; j < n; j++) {
            h = h * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            row[j] = (float)(int32_t)(h >> 32) * 0x1p-31f;
        }
        add(a, row, n * sizeof *row);
        if (own || i + 1 == rows)
            end_entry(a);
    }
    imr_free(row);
}

static void write_pt(const char *dir, const char *name, size_t rows, size_t n, bool own, id_fn id)
{
    imr_error err;
    archive a = {.storages = own ? rows : 1};
    char *path = imr_path_join(dir, name);
    bench_need(imr_writer_open(&a.w, path, &err), &err);
    begin_entry(&a);
    put_pickle(&a, rows, n, own, id);
    end_entry(&a);
    put_rows(&a, rows, n, own);
    begin_entry(&a);
    op(&a, "3\n");
    end_entry(&a);
    put_directory(&a);
    bench_need(imr_writer_commit(&a.w, &err), &err);
    imr_free(a.entries.v);
    imr_free(path);
}

static void query_id(char out[32], size_t i)
{
    snprintf(out, 32, "q%zu", i);
}

static void make_reference(const char *dir, size_t documents, size_t n, bool own)
{
    static const char manifest[] = "{\"encoder\": \"made-up\"}\n";
    imr_error err;
    char *test = imr_path_join(dir, "test"), *file = imr_path_join(dir, "manifest.json");
    if (!imr_file_exists(file)) {
        bench_need(imr_dir_make(test, &err), &err);
        write_pt(test, "embeddings.pt", documents, n, own, bench_document_id);
        write_pt(test, "query_embeddings_made-up.pt", BENCH_QUERIES, n, own, query_id);
        bench_need(imr_file_write(file, manifest, strlen(manifest), &err), &err);
    }
    imr_free(test);
    imr_free(file);
}

/* ---- a process that is watched ---- */

typedef struct watched {
    double seconds, anonymous, mapped; /* the most, MB */
    bool killed;
} watched;

static void look(watched *w, pid_t pid)
{
    char path[64], line[256];
    double mb;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        double *most = strncmp(line, "RssAnon:", 8) == 0   ? &w->anonymous
                       : strncmp(line, "RssFile:", 8) == 0 ? &w->mapped
                                                           : NULL;
        if (most && (mb = 1.024e-3 * strtod(line + 8, NULL)) > *most)
            *most = mb;
    }
    if (f)
        fclose(f);
}

/* kill_at: bytes of documents.npy after which the process is killed; 0: never. */
static watched run(const char *dir, const char *cache, uint64_t kill_at)
{
    imr_error err;
    watched w = {0};
    int how = 0;
    char *reference = imr_path_join(dir, "reference"), *dataset = imr_path_join(dir, "dataset"),
         *vectors = imr_path_join(cache, "documents.npy");
    const double start = imr_clock_seconds();
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const int nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, STDOUT_FILENO);
        execl(IMRNN_PROGRAM, "imrnn", "cache", "-q", "--import", reference, "--dataset", dataset,
              "--cache-dir", cache, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &how, WNOHANG) == 0) {
        struct stat st;
        look(&w, child);
        if (kill_at && !w.killed && stat(vectors, &st) == 0 && (uint64_t)st.st_size >= kill_at)
            w.killed = kill(child, SIGKILL) == 0;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    w.seconds = imr_clock_seconds() - start;
    if (child < 0 || (!w.killed && how != 0))
        bench_need(imr_fail(&err, IMR_E_IO, "importing failed"), &err);
    imr_free(reference);
    imr_free(dataset);
    imr_free(vectors);
    return w;
}

static bool same_files(const char *a, const char *b)
{
    imr_error err;
    imr_names names;
    bool same = true;
    bench_need(imr_dir_list(&names, a, &err), &err);
    for (size_t i = 0; i < names.n; i++) {
        char x[IMR_SHA256_HEX], y[IMR_SHA256_HEX];
        char *from = imr_path_join(a, names.v[i]), *to = imr_path_join(b, names.v[i]);
        bench_need(imr_sha256_file(from, x, &err), &err);
        bench_need(imr_sha256_file(to, y, &err), &err);
        same = same && strcmp(x, y) == 0;
        imr_free(from);
        imr_free(to);
    }
    imr_names_done(&names);
    return same;
}

static void import(size_t documents, size_t n, bool own)
{
    char name[64];
    struct stat st = {0};
    snprintf(name, sizeof name, "import-%zu-%zu%s", documents, n, own ? "-own" : "");
    char *dir = bench_file(name), *dataset = imr_path_join(dir, "dataset"),
         *reference = imr_path_join(dir, "reference"),
         *pt = imr_path_join(reference, "test/embeddings.pt"), *whole = imr_path_join(dir, "whole"),
         *killed = imr_path_join(dir, "killed");
    const double start = imr_clock_seconds();
    bench_make_dataset(dataset, documents);
    make_reference(reference, documents, n, own);
    bench_remove(whole);
    bench_remove(killed);
    (void)stat(pt, &st);
    printf("  %zu x %zu, %s: %.1f MB, made in %.1f s\n", documents, n,
           own ? "a storage each" : "views of one storage", 1e-6 * (double)st.st_size,
           imr_clock_seconds() - start);
    watched w = run(dir, whole, 0);
    printf("  imported: %.1f s, %.0f MB/s; anonymous memory %.1f MB (two blocks: %.1f), pages of "
           "files %.0f MB\n",
           w.seconds, 1e-6 * (double)st.st_size / w.seconds, w.anonymous,
           2e-6 * (double)IMR_IMPORT_BLOCK, w.mapped);
    w = run(dir, killed, (uint64_t)documents * n * 2);
    const watched again = run(dir, killed, 0);
    printf("  %s after %.1f s, started again: %.1f s, anonymous memory %.1f MB, %s\n",
           w.killed ? "killed" : "done before it could be killed", w.seconds, again.seconds,
           again.anonymous, same_files(whole, killed) ? "the same bytes" : "OTHER BYTES");
    bench_remove(whole);
    bench_remove(killed);
    char *const paths[] = {dir, dataset, reference, pt, whole, killed};
    for (size_t i = 0; i < IMR_LEN(paths); i++)
        imr_free(paths[i]);
}

void bench_import(void)
{
    import(100000, BENCH_N, false);
    import(100000, BENCH_N, true);
}

int bench_import_at(int argc, char **argv)
{
    int64_t documents, n = BENCH_N;
    const size_t digits = strcspn(argv[0], ":");
    const char *rest = argv[0] + digits;
    if (argc > 2 || !imr_parse_int(argv[0], digits, &documents) || documents < 1 ||
        documents > IMR_MAX_DOCUMENTS || (*rest && strcmp(rest, ":own") != 0) ||
        (argc == 2 && (!imr_parse_int(argv[1], strlen(argv[1]), &n) || n < 1 || n > IMR_MAX_DIM))) {
        fputs("usage: ./dev bench import [DOCUMENTS[:own] [DIMENSION]]\n", stderr);
        return 2;
    }
    import((size_t)documents, (size_t)n, *rest != '\0');
    bench_corpus_remove();
    return 0;
}
