/* Projected documents kept beside the cache: what is in them, and what happens to them. */
#include "session/projected.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/half.h"
#include "base/kept.h"
#include "base/mem.h"
#include "tests/unit/session/big_store.h"

enum { HEADER = 4096 };

typedef struct set {
    big_store store;
    imr_cache *cache;
    imr_adapter *adapter;
    char file[512], partial[512];
} set;

static set open_set(imr_dtype dtype, imr_form form)
{
    set s = {.store = big_store_make(dtype, form)};
    s.cache = big_cache(&s.store);
    s.adapter = big_adapter(&s.store);
    snprintf(s.file, sizeof s.file, "%s/projected/%s", s.store.dir, s.adapter->sha256);
    snprintf(s.partial, sizeof s.partial, "%s/projected/%s.partial", s.store.dir,
             s.adapter->sha256);
    return s;
}

static void close_set(set *s)
{
    imr_cache_free(s->cache);
    imr_adapter_free(s->adapter);
}

typedef struct watch {
    unsigned steps, stop_at, kill_at; /* 0: never */
} watch;

static bool look(void *user, const imr_progress_info *info)
{
    watch *w = user;
    w->steps += strcmp(info->what, "projecting documents") == 0;
    if (w->kill_at && w->steps == w->kill_at)
        raise(SIGKILL);
    return !w->stop_at || w->steps < w->stop_at;
}

static imr_status open_at(imr_projected *p, const set *s, watch *w, imr_error *err)
{
    const imr_progress progress = {look, w};
    return imr_projected_open(p, s->adapter, s->cache, 100, &progress, err);
}

/* Opens; returns how many blocks had to be projected. */
static unsigned blocks_of(imr_projected *p, const set *s)
{
    imr_error err = {0};
    watch w = {0};
    CHECK_OK(open_at(p, s, &w, &err));
    return w.steps;
}

static imr_projected in_memory(const set *s)
{
    imr_error err = {0};
    imr_projected p;
    CHECK_OK(imr_projected_open(&p, s->adapter, s->cache, SIZE_MAX, NULL, &err));
    CHECK(p.owned && !p.file.mapped && !p.notice);
    return p;
}

static void check_same(const imr_projected *a, const imr_projected *b)
{
    const size_t size = a->d.half ? 2 : 4;
    CHECK_INT(a->d.half, b->d.half);
    CHECK_INT(a->d.rows, b->d.rows);
    CHECK(memcmp(a->d.v, b->d.v, a->d.rows * a->d.cols * size) == 0);
    CHECK(memcmp(a->base_scale, b->base_scale, a->d.rows * sizeof(float)) == 0);
    CHECK(!a->working_scale == !b->working_scale);
    CHECK(!a->working_scale ||
          memcmp(a->working_scale, b->working_scale, a->d.rows * sizeof(float)) == 0);
}

/* The definition, in double. */
static void check_row(const imr_projected *p, const set *s, size_t i)
{
    imr_error err = {0};
    float base[FAKE_DIM];
    CHECK_OK(imr_cache_read_rows(s->cache, i, 1, base, &err));
    const imr_weights *w = &s->adapter->w;
    const bool diagonal = w->form == IMR_FORM_DIAGONAL;
    double y[BIG_M], norm = 0, base_norm = 0;
    float row[BIG_M];
    for (size_t j = 0; j < BIG_M; j++) {
        y[j] = diagonal ? imr_weight(w, IMR_W_PROJECTOR_BIAS)[j] : 0;
        for (size_t k = 0; k < FAKE_DIM; k++)
            y[j] += (double)imr_weight(w, IMR_W_PROJECTOR)[j * FAKE_DIM + k] * (double)base[k];
        norm += y[j] * y[j];
    }
    for (size_t k = 0; k < FAKE_DIM; k++)
        base_norm += pow((double)base[k], 2);
    imr_rows_get(row, p->d, i);
    for (size_t j = 0; j < BIG_M; j++)
        CHECK_NEAR(row[j], diagonal ? y[j] / sqrt(norm) : y[j], p->d.half ? 1e-3 : 1e-6);
    CHECK_NEAR((double)p->base_scale[i] * sqrt(base_norm), 1, 1e-6);
    norm = 0;
    for (size_t j = 0; j < BIG_M; j++)
        norm += (double)row[j] * (double)row[j];
    CHECK_NEAR((p->working_scale ? (double)p->working_scale[i] : 1) * sqrt(norm), 1, 1e-6);
}

TEST("many documents are projected once into a file, mapped then, with the numbers of memory")
{
    for (int kind = 0; kind < 4; kind++) {
        set s =
            open_set(kind & 1 ? IMR_F16 : IMR_F32, kind & 2 ? IMR_FORM_FULL : IMR_FORM_DIAGONAL);
        imr_projected memory = in_memory(&s), made, mapped;
        CHECK(!imr_file_exists(s.file));
        CHECK_INT(blocks_of(&made, &s), 3);
        CHECK_INT(blocks_of(&mapped, &s), 0);
        CHECK(made.file.mapped && mapped.file.mapped && !mapped.owned && !mapped.notice);
        CHECK(!imr_file_exists(s.partial));
        CHECK_INT(mapped.d.half, kind & 1);
        CHECK_INT(mapped.working_scale != NULL, kind != 0);
        check_same(&memory, &made);
        check_same(&memory, &mapped);
        for (size_t i = 0; i < BIG_DOCUMENTS; i += 500)
            check_row(&mapped, &s, i);
        imr_projected_done(&memory);
        imr_projected_done(&made);
        imr_projected_done(&mapped);
        close_set(&s);
    }
}

TEST("few documents are projected in memory and no folder is made")
{
    imr_error err = {0};
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected p;
    CHECK_OK(imr_projected_open(&p, s.adapter, s.cache, 0, NULL, &err));
    CHECK(p.owned && !p.file.mapped);
    imr_projected_done(&p);
    CHECK(!imr_dir_exists(test_path(s.store.dir, "projected")));
    close_set(&s);
}

/* Replaces the file by n bytes of it, with `count` bytes at `at` changed to `with`. */
static void damage(const set *s, const char *whole, size_t n, size_t at, const void *with,
                   size_t count)
{
    imr_error err = {0};
    char *copy = malloc(n + 1);
    memcpy(copy, whole, n);
    if (at + count <= n && count)
        memcpy(copy + at, with, count);
    CHECK_OK(imr_file_write(s->file, copy, n, &err));
    free(copy);
}

TEST("a file that is cut, of another kind or of other vectors is made again")
{
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected memory = in_memory(&s), p;
    CHECK_INT(blocks_of(&p, &s), 3);
    imr_projected_done(&p);
    size_t n;
    char *whole = test_read(s.file, &n);
    const size_t cuts[] = {0, 1, HEADER - 1, HEADER, HEADER + 4, n - 4, n - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        damage(&s, whole, cuts[i], 0, NULL, 0);
        CHECK_INT(blocks_of(&p, &s), 3);
        check_same(&memory, &p);
        imr_projected_done(&p);
    }
    for (size_t at = 0; at < HEADER; at += at < 256 ? 1 : 1000) {
        const char other = (char)(whole[at] ^ 1);
        damage(&s, whole, n, at, &other, 1);
        CHECK_INT(blocks_of(&p, &s), 3);
        check_same(&memory, &p);
        imr_projected_done(&p);
    }
    const float wrong[] = {NAN, INFINITY, 0.25f};
    const size_t places[] = {HEADER, HEADER + (BIG_DOCUMENTS - 1) * BIG_M * 4};
    for (size_t i = 0; i < 6; i++) {
        damage(&s, whole, n, places[i % 2], &wrong[i / 2], sizeof *wrong);
        CHECK_INT(blocks_of(&p, &s), 3);
        check_same(&memory, &p);
        imr_projected_done(&p);
    }
    const float scale = 3;
    damage(&s, whole, n, n - sizeof scale, &scale, sizeof scale);
    CHECK_INT(blocks_of(&p, &s), 3);
    imr_projected_done(&p);
    damage(&s, whole, n, 0, NULL, 0); /* and the very file is taken */
    CHECK_INT(blocks_of(&p, &s), 0);
    imr_projected_done(&p);
    imr_projected_done(&memory);
    free(whole);
    close_set(&s);
}

TEST("the file of another cache with the same adapter is not taken")
{
    imr_error err = {0};
    set a = open_set(IMR_F32, IMR_FORM_DIAGONAL), b = open_set(IMR_F16, IMR_FORM_DIAGONAL);
    imr_projected p;
    (void)blocks_of(&p, &a);
    imr_projected_done(&p);
    size_t n;
    char *whole = test_read(a.file, &n);
    CHECK_STR(a.adapter->sha256, b.adapter->sha256);
    CHECK_OK(imr_dir_make(test_path(b.store.dir, "projected"), &err));
    CHECK_OK(imr_file_write(b.file, whole, n, &err));
    CHECK_INT(blocks_of(&p, &b), 3);
    CHECK(p.d.half);
    imr_projected_done(&p);
    free(whole);
    close_set(&a);
    close_set(&b);
}

TEST("a process killed while it projects leaves nothing under the name, and the next one finishes")
{
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected p;
    for (unsigned at = 1; at <= 3; at++) {
        const pid_t child = fork();
        if (child == 0) {
            watch w = {.kill_at = at};
            imr_error fault;
            _exit(open_at(&p, &s, &w, &fault) == IMR_OK ? 0 : 1);
        }
        int how;
        CHECK_INT(waitpid(child, &how, 0), child);
        CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        CHECK(!imr_file_exists(s.file) && imr_file_exists(s.partial));
    }
    CHECK_INT(blocks_of(&p, &s), 3);
    CHECK(p.file.mapped != NULL);
    CHECK(imr_file_exists(s.file) && !imr_file_exists(s.partial));
    imr_projected memory = in_memory(&s);
    check_same(&memory, &p);
    imr_projected_done(&memory);
    imr_projected_done(&p);
    close_set(&s);
}

TEST("cancelling after any block says so and leaves no file")
{
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected p;
    for (unsigned at = 1; at <= 3; at++) {
        imr_error err = {0};
        watch w = {.stop_at = at};
        CHECK_INT(open_at(&p, &s, &w, &err), IMR_E_CANCELLED);
        CHECK(!imr_file_exists(s.file) && !imr_file_exists(s.partial));
    }
    close_set(&s);
}

TEST("while another process writes the file, documents are held in memory and it is said")
{
    imr_error err = {0};
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected memory = in_memory(&s), p;
    CHECK_OK(imr_dir_make(test_path(s.store.dir, "projected"), &err));
    const int fd = open(s.partial, O_RDWR | O_CREAT, 0666);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
    CHECK_INT(blocks_of(&p, &s), 3);
    CHECK(p.owned && !p.file.mapped);
    CHECK_CONTAINS(p.notice, "held in memory");
    CHECK_CONTAINS(p.notice, "another process is writing");
    check_same(&memory, &p);
    CHECK(imr_file_exists(s.partial)); /* the other's */
    imr_projected_done(&p);
    close(fd);
    CHECK_INT(blocks_of(&p, &s), 3);
    CHECK(p.file.mapped && !p.notice);
    imr_projected_done(&p);
    imr_projected_done(&memory);
    close_set(&s);
}

TEST("where nothing can be written, documents are held in memory and it is said")
{
    imr_error err = {0};
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected memory = in_memory(&s), p;
    CHECK_OK(imr_file_write(test_path(s.store.dir, "projected"), "mine", 4, &err));
    CHECK_INT(blocks_of(&p, &s), 3);
    CHECK(p.owned && !p.file.mapped);
    CHECK_CONTAINS(p.notice, "projected");
    CHECK_CONTAINS(p.notice, "held in memory");
    check_same(&memory, &p);
    imr_projected_done(&p);
    imr_projected_done(&memory);
    close_set(&s);
}

TEST("a disk that fills up while projecting is said, and leaves memory and no file")
{
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    const pid_t child = fork();
    if (child == 0) {
        imr_error err = {0};
        imr_projected p;
        watch w = {0};
        struct rlimit small = {100000, 100000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        if (open_at(&p, &s, &w, &err) != IMR_OK)
            _exit(1);
        _exit(p.owned && p.notice && strstr(p.notice, "cannot write") && !imr_file_exists(s.partial)
                  ? 0
                  : 2);
    }
    int how;
    CHECK_INT(waitpid(child, &how, 0), child);
    CHECK(WIFEXITED(how));
    CHECK_INT(WEXITSTATUS(how), 0);
    CHECK(!imr_file_exists(s.file) && !imr_file_exists(s.partial));
    close_set(&s);
}

TEST("whatever step of writing the file fails, documents are held in memory and no file is left")
{
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_projected memory = in_memory(&s), p;
    bool kept = false;
    for (long i = 0; !kept; i++) {
        imr_error err = {0};
        watch w = {0};
        imr_kept_fail_after(i, ENOSPC);
        CHECK_OK(open_at(&p, &s, &w, &err));
        imr_kept_fail_after(-1, 0);
        kept = p.file.mapped != NULL;
        if (!kept) {
            CHECK(p.owned);
            CHECK_CONTAINS(p.notice, "No space left");
            CHECK(!imr_file_exists(s.file));
            CHECK(!imr_file_exists(s.partial) || i == 1); /* made, but not locked: not ours */
        }
        CHECK(kept ==
              (i == 15)); /* open, lock, 2 sizes, header, 6 writes, size, 2 flushes, rename */
        check_same(&memory, &p);
        imr_projected_done(&p);
    }
    CHECK(imr_file_exists(s.file) && !imr_file_exists(s.partial));
    imr_projected_done(&memory);
    close_set(&s);
}

TEST("a vector of the cache that is not finite is named, and no file is left")
{
    imr_error err = {0};
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    char path[512];
    snprintf(path, sizeof path, "%s/documents.npy", s.store.dir);
    const char *id = imr_ids_at(&s.cache->documents.ids, 5003);
    const float bad = NAN;
    size_t n;
    free(test_read(path, &n));
    const size_t header = n - (size_t)BIG_DOCUMENTS * FAKE_DIM * sizeof(float);
    const int fd = open(path, O_WRONLY);
    const off_t at = (off_t)(header + (5003 * FAKE_DIM + 2) * sizeof bad);
    CHECK(fd >= 0 && pwrite(fd, &bad, sizeof bad, at) == sizeof bad);
    close(fd);
    watch w = {0};
    imr_projected p;
    CHECK_INT(open_at(&p, &s, &w, &err), IMR_E_NUMERIC);
    char named[64];
    snprintf(named, sizeof named, "document %s ", id);
    CHECK_CONTAINS(err.text, named);
    CHECK(!imr_file_exists(s.file) && !imr_file_exists(s.partial));
    close_set(&s);
}

TEST("an adapter of other vectors is refused with both dimensions")
{
    imr_error err = {0};
    set s = open_set(IMR_F32, IMR_FORM_DIAGONAL);
    imr_adapter *other = NULL;
    imr_projected p;
    CHECK_OK(imr_adapter_new(&other, IMR_FORM_DIAGONAL, 9, 4, 4, 1, &err));
    CHECK_INT(imr_projected_open(&p, other, s.cache, 0, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "9-dimensional");
    CHECK_CONTAINS(err.text, "6-dimensional");
    imr_adapter_free(other);
    close_set(&s);
}

TEST("every allocation of making and of mapping can fail, and nothing half-made stays")
{
    set s = open_set(IMR_F16, IMR_FORM_FULL);
    for (int mapped = 0; mapped < 2; mapped++) {
        imr_status status = IMR_E_MEMORY;
        for (long i = 0; status != IMR_OK; i++) {
            imr_error err = {0};
            imr_projected p;
            watch w = {0};
            imr_mem_fail_after(i);
            status = open_at(&p, &s, &w, &err);
            imr_mem_fail_after(-1);
            if (status == IMR_OK)
                imr_projected_done(&p);
            else
                CHECK_INT(status, IMR_E_MEMORY);
            CHECK(i < 200);
            CHECK(!imr_file_exists(s.partial));
        }
        CHECK(imr_file_exists(s.file));
    }
    close_set(&s);
}
