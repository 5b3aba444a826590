#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/kept.h"
#include "base/mem.h"
#include "tests/unit/retrieval/store_support.h"

static void check_same_bytes(const char *a, const char *b)
{
    for (size_t i = 0; i < sizeof store_files / sizeof *store_files; i++) {
        char path[512];
        size_t n_a, n_b;
        path_of(path, a, store_files[i]);
        char *x = test_read(path, &n_a);
        path_of(path, b, store_files[i]);
        char *y = test_read(path, &n_b);
        if (n_a != n_b || memcmp(x, y, n_a) != 0)
            FAIL("%s differs", store_files[i]);
        free(x);
        free(y);
    }
    CHECK(true);
}

TEST("a store opens with what was put in, in single and half precision")
{
    for (int half = 0; half < 2; half++) {
        made s = made_new();
        imr_error err = {0};
        imr_store_result r;
        CHECK_OK(build(s.dir, s.d, half ? IMR_F16 : IMR_F32, &s.f, &r, &err));
        CHECK_INT(r.encoded_rows, 144);
        CHECK(!r.already);
        CHECK(strncmp(s.f.last, "query: ", 7) == 0);
        imr_cache *c = NULL;
        CHECK_OK(imr_cache_open(&c, s.dir, NULL, &err));
        CHECK_STR(c->notice, "");
        CHECK_STR(c->layout, "store");
        CHECK_INT(c->dtype, half ? IMR_F16 : IMR_F32);
        CHECK_INT(c->dim, FAKE_DIM);
        CHECK_INT(c->documents.ids.n, 120);
        CHECK_INT(c->queries.ids.n, 24);
        CHECK_STR(c->encoder.path, "/models/made-up");
        CHECK_STR(c->encoder.query_prefix, "query: ");
        CHECK_STR(imr_ids_at(&c->documents.ids, 119), "d119");
        CHECK_INT(c->n_splits, 1);
        CHECK(c->dataset != NULL);
        imr_rows v = c->documents.rows;
        CHECK_INT(v.half, half);
        for (size_t i = 0; i < 120; i++) {
            imr_buf text = {0};
            float expected[FAKE_DIM];
            CHECK_OK(imr_dataset_text(s.d, i, &text, &err));
            const char *t = imr_buf_text(&text);
            CHECK_OK(
                fake_encode(&s.f, &(imr_encode_texts){false, 0, 1, &t, &text.len}, expected, &err));
            float found[FAKE_DIM];
            CHECK_OK(imr_cache_read_rows(c, i, 1, found, &err));
            CHECK_ALL_NEAR(found, expected, FAKE_DIM, half ? 0x1p-12 : 0);
            imr_buf_done(&text);
        }
        imr_buf title = {0};
        CHECK_OK(imr_cache_document(c, 1, &title, NULL, &err));
        CHECK_STR(imr_buf_text(&title), "Zebar Sohut");
        imr_buf_done(&title);
        char sha[IMR_SHA256_HEX];
        CHECK_OK(imr_dataset_sha256(s.d, sha, NULL, NULL, &err));
        CHECK_STR(c->dataset_sha256, sha);
        imr_cache_free(c);
        made_done(&s);
    }
}

TEST("building the same again does nothing, building something else needs to be asked for")
{
    made s = made_new();
    imr_error err = {0};
    imr_store_result r;
    CHECK_OK(build(s.dir, s.d, IMR_F32, &s.f, &r, &err));
    s.f.texts = 0;
    CHECK_OK(build(s.dir, s.d, IMR_F32, &s.f, &r, &err));
    CHECK(r.already);
    CHECK_INT(s.f.texts, 0);
    CHECK_INT(build(s.dir, s.d, IMR_F16, &s.f, &r, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "holds another cache (encoder \"made-up\", n 6, F32, 120 documents");
    imr_store_plan plan = {
        .dataset = s.d, .encoder = &identity, .n = FAKE_DIM, .dtype = IMR_F16, .overwrite = true};
    imr_cache *before = NULL, *c = NULL;
    CHECK_OK(imr_cache_open(&before, s.dir, NULL, &err));
    imr_view kept = imr_rows_view(before->documents.rows);
    float row[FAKE_DIM];
    memcpy(row, imr_view_row(&kept, 5), sizeof row);
    CHECK_OK(imr_store_build(&r, s.dir, &plan, fake_encode, &s.f, NULL, &err));
    CHECK_OK(imr_cache_open(&c, s.dir, NULL, &err));
    CHECK_INT(c->dtype, IMR_F16);
    /* whoever has the old one open still sees the old one */
    CHECK_ALL_NEAR(imr_view_row(&kept, 5), row, FAKE_DIM, 0);
    imr_cache_free(before);
    imr_cache_free(c);
    made_done(&s);
}

TEST("a build killed after any block goes on behind it and ends with the same bytes")
{
    made s = made_built(IMR_F32);
    char dir[256];
    imr_error err = {0};
    imr_store_result r;
    for (long kill_after = 1; kill_after < 144; kill_after += 20) {
        fresh(dir);
        pid_t child = fork();
        if (child == 0) {
            fake_encoder dying = {.kill_after = kill_after};
            imr_status status = build(dir, s.d, IMR_F32, &dying, NULL, &err);
            _exit(status == IMR_OK ? 0 : 1);
        }
        int how;
        CHECK_INT(waitpid(child, &how, 0), child);
        CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        imr_cache *c = NULL;
        CHECK_INT(imr_cache_open(&c, dir, NULL, &err), IMR_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, "was stopped: run the same");
        CHECK_OK(build(dir, s.d, IMR_F32, &s.f, &r, &err));
        /* blocks of 16: documents end at 120, the last block of them has 8 */
        long done = kill_after < 120 ? kill_after / 16 * 16 : 120 + (kill_after - 120) / 16 * 16;
        CHECK_INT(r.resumed_rows, done);
        CHECK_INT(r.encoded_rows, 144 - done);
        check_same_bytes(s.dir, dir);
    }
    made_done(&s);
}

TEST("an encoder that fails, a cancelled run and damaged blocks all resume to the same bytes")
{
    made s = made_built(IMR_F32);
    char dir[256], path[512];
    imr_error err = {0};
    fake_encoder failing = {.fail_after = 70};
    imr_store_result r;
    fresh(dir);
    CHECK_INT(build(dir, s.d, IMR_F32, &failing, NULL, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "told to fail");

    /* a byte of the third block changes, as after a power cut: rows 32 on are made again */
    path_of(path, dir, "documents.npy");
    FILE *file = fopen(path, "r+b");
    CHECK(file && fseek(file, 128 + 40 * FAKE_DIM * 4, SEEK_SET) == 0 && fputc('!', file) == '!');
    fclose(file);
    CHECK_OK(build(dir, s.d, IMR_F32, &s.f, &r, &err));
    CHECK_INT(r.resumed_rows, 32);
    check_same_bytes(s.dir, dir);

    /* a torn last line of the journal costs one block */
    fresh(dir);
    failing.texts = 0;
    CHECK_INT(build(dir, s.d, IMR_F32, &failing, NULL, &err), IMR_E_IO);
    path_of(path, dir, "journal");
    struct stat st;
    CHECK(stat(path, &st) == 0 && truncate(path, st.st_size - 5) == 0);
    CHECK_OK(build(dir, s.d, IMR_F32, &s.f, &r, &err));
    CHECK_INT(r.resumed_rows, 48);
    check_same_bytes(s.dir, dir);

    /* the journal of another build is not believed */
    fresh(dir);
    failing.texts = 0;
    CHECK_INT(build(dir, s.d, IMR_F16, &failing, NULL, &err), IMR_E_IO);
    CHECK_OK(build(dir, s.d, IMR_F32, &s.f, &r, &err));
    CHECK_INT(r.resumed_rows, 0);
    check_same_bytes(s.dir, dir);
    made_done(&s);
}

TEST("a full disk ends the build with an error and leaves it resumable")
{
    made s = made_built(IMR_F32);
    char dir[256];
    fresh(dir);
    imr_error err = {0};
    imr_store_result r;
    pid_t child = fork();
    if (child == 0) {
        /* files may grow to 1,000 bytes: the header and 36 rows */
        struct rlimit small = {1000, 1000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        imr_status status = build(dir, s.d, IMR_F32, &s.f, NULL, &err);
        bool told = strstr(err.text, "documents.npy") && strstr(err.text, "make room");
        _exit(status == IMR_E_IO && told ? 0 : 1);
    }
    int how;
    CHECK_INT(waitpid(child, &how, 0), child);
    CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    CHECK_OK(build(dir, s.d, IMR_F32, &s.f, &r, &err));
    CHECK_INT(r.resumed_rows, 32);
    check_same_bytes(s.dir, dir);
    made_done(&s);
}

TEST("whatever step of writing fails, the build says so and goes on to the same bytes")
{
    made s = made_built(IMR_F16);
    char dir[256];
    imr_error err = {0};
    imr_store_result r;
    size_t most = 0;
    imr_status status = IMR_E_IO;
    for (long i = 0; status != IMR_OK; i++) {
        fresh(dir);
        imr_kept_fail_after(i, ENOSPC);
        status = build(dir, s.d, IMR_F16, &s.f, NULL, &err);
        imr_kept_fail_after(-1, 0);
        if (status == IMR_OK) {
            CHECK(i > 20);
        } else {
            CHECK_INT(status, IMR_E_IO);
            CHECK_CONTAINS(err.text, ": No space left");
            CHECK_OK(build(dir, s.d, IMR_F16, &s.f, &r, &err));
            CHECK_INT(r.resumed_rows + r.encoded_rows, 144);
            most = r.resumed_rows > most ? r.resumed_rows : most;
        }
        check_same_bytes(s.dir, dir);
    }
    CHECK_INT(most, 144);
    made_done(&s);
}

/* While encoding, another process tries the same folder. */
static imr_status encode_and_fork(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    const char *dir = user;
    pid_t child = fork();
    if (child == 0) {
        imr_error fault = {0};
        imr_dataset *d = NULL;
        fake_encoder f = {0};
        imr_status status = imr_dataset_open(&d, test_golden("cache/beir"), NULL, &fault);
        if (status == IMR_OK)
            status = build(dir, d, IMR_F32, &f, NULL, &fault);
        _exit(status == IMR_E_BUSY && strstr(fault.text, "another process is building") ? 42 : 1);
    }
    int how = 0;
    if (waitpid(child, &how, 0) != child || !WIFEXITED(how) || WEXITSTATUS(how) != 42)
        return imr_fail(err, IMR_E_USAGE, "the second process was not turned away");
    fake_encoder f = {0};
    return fake_encode(&f, t, out, err);
}

TEST("a second process building the same folder is turned away, the first one finishes")
{
    made s = made_new();
    imr_error err = {0};
    imr_store_plan plan = {
        .dataset = s.d, .encoder = &identity, .n = FAKE_DIM, .dtype = IMR_F32, .block = 60};
    CHECK_OK(imr_store_build(NULL, s.dir, &plan, encode_and_fork, s.dir, NULL, &err));
    imr_cache *c = NULL;
    CHECK_OK(imr_cache_open(&c, s.dir, NULL, &err));
    imr_cache_free(c);
    made_done(&s);
}

TEST("a folder with other things in it and plans that make no sense are refused")
{
    made s = made_new();
    char path[512];
    snprintf(s.dir, sizeof s.dir, "%s", test_tmpdir());
    imr_error err = {0};
    path_of(path, s.dir, "queries.npy");
    CHECK_OK(imr_file_write(path, "mine", 4, &err));
    CHECK_INT(build(s.dir, s.d, IMR_F32, &s.f, NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "is not empty and holds no cache");
    size_t len;
    char *kept = test_read(path, &len);
    CHECK_STR(kept, "mine");
    free(kept);

    fresh(s.dir);
    CHECK_INT(build(s.dir, s.d, IMR_I64, &s.f, NULL, &err), IMR_E_UNSUPPORTED);
    imr_store_plan plan = {.dataset = s.d, .encoder = &identity, .n = 0, .dtype = IMR_F32};
    CHECK_INT(imr_store_build(NULL, s.dir, &plan, fake_encode, &s.f, NULL, &err), IMR_E_SHAPE);
    CHECK(!imr_dir_exists(s.dir));

    s.f.poison = "pubar vuhut zedin"; /* d002 */
    CHECK_INT(build(s.dir, s.d, IMR_F32, &s.f, NULL, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "document \"d002\"");

    /* a cache of the reference is never written over */
    fresh(s.dir);
    CHECK_OK(imr_dir_make(s.dir, &err));
    path_of(path, s.dir, "manifest.json");
    CHECK_OK(imr_file_write(path, "{\"dataset\":\"x\"}", 15, &err));
    plan = (imr_store_plan){
        .dataset = s.d, .encoder = &identity, .n = FAKE_DIM, .dtype = IMR_F32, .overwrite = true};
    CHECK_INT(imr_store_build(NULL, s.dir, &plan, fake_encode, &s.f, NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "in the reference's layout");
    made_done(&s);
}

static bool stop_at_40(void *user, const imr_progress_info *info)
{
    (void)user;
    return info->done < 40;
}

TEST("a cancelled build says how to go on")
{
    made s = made_new();
    imr_error err = {0};
    imr_progress progress = {stop_at_40, NULL};
    imr_store_plan plan = {
        .dataset = s.d, .encoder = &identity, .n = FAKE_DIM, .dtype = IMR_F32, .block = 16};
    imr_store_result r;
    CHECK_INT(imr_store_build(NULL, s.dir, &plan, fake_encode, &s.f, &progress, &err),
              IMR_E_CANCELLED);
    CHECK_CONTAINS(err.text, "run the same command again");
    CHECK_OK(imr_store_build(&r, s.dir, &plan, fake_encode, &s.f, NULL, &err));
    CHECK_INT(r.resumed_rows, 48);
    made_done(&s);
}

/* ---- the dataset behind it ---- */

static void write_dataset(const char *dir, const char *corpus)
{
    char path[512];
    imr_error err = {0};
    CHECK_OK(imr_dir_make(dir, &err));
    path_of(path, dir, "corpus.jsonl");
    CHECK_OK(imr_file_write(path, corpus, strlen(corpus), &err));
}

TEST("a dataset that moved or changed costs the texts that changed, unless it was named")
{
    char dir[256], data[256], moved[256], path[512];
    fresh(dir);
    snprintf(data, sizeof data, "%s/data", test_tmpdir());
    snprintf(moved, sizeof moved, "%s/moved", test_tmpdir());
    write_dataset(data, "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two\"}\n");
    imr_error err = {0};
    imr_dataset *d = NULL;
    fake_encoder f = {0};
    imr_cache *c = NULL;
    CHECK_OK(imr_dataset_open(&d, data, NULL, &err));
    CHECK_OK(build(dir, d, IMR_F32, &f, NULL, &err));
    imr_dataset_free(d);
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    CHECK_STR(c->notice, "");
    CHECK_STR(c->splits[0].name, "all");
    CHECK_INT(c->queries.ids.n, 0);
    imr_cache_free(c);

    /* same length, other text: only the sha256 can tell */
    write_dataset(data, "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"six\"}\n");
    path_of(path, data, "corpus.jsonl");
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    CHECK_CONTAINS(c->notice, "changed since this cache was made: 1 changed, 0 new, 0 gone "
                              "(b); `imrnn cache --cache-dir ");
    imr_buf text = {0};
    CHECK_OK(imr_cache_document(c, 1, NULL, &text, &err));
    CHECK_STR(imr_buf_text(&text), "");
    CHECK_OK(imr_cache_document(c, 0, NULL, &text, &err));
    CHECK_STR(imr_buf_text(&text), "one");
    imr_buf_done(&text);
    imr_cache_free(c);
    imr_cache_options named = {.dataset = data};
    CHECK_INT(imr_cache_open(&c, dir, &named, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "changed since");

    /* put back, touched: the sha256 vouches for it */
    write_dataset(data, "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two\"}\n");
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
    CHECK_OK(imr_cache_open(&c, dir, &named, &err));
    CHECK_OK(imr_cache_document(c, 1, NULL, &text, &err));
    CHECK_STR(imr_buf_text(&text), "two");
    imr_buf_done(&text);
    imr_cache_free(c);

    CHECK_INT(rename(data, moved), 0);
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    CHECK_CONTAINS(c->notice, "no texts and no judgements");
    imr_cache_free(c);
    named.dataset = moved;
    CHECK_OK(imr_cache_open(&c, dir, &named, &err));
    CHECK_STR(c->notice, "");
    imr_cache_free(c);
}

TEST("a corpus that changes while its cache is built, or is compared with it, is found out")
{
    static const char first[] =
        "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two\"}\n";
    static const char other[] =
        "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"six\"}\n";
    char dir[256], data[256], path[512];
    fresh(dir);
    snprintf(data, sizeof data, "%s/data", test_tmpdir());
    path_of(path, data, "corpus.jsonl");
    imr_error err = {0};
    imr_dataset *d = NULL;
    fake_encoder f = {0};
    imr_cache *c = NULL;
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    write_dataset(data, first);
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
    CHECK_OK(imr_dataset_open(&d, data, NULL, &err));
    write_dataset(data, other); /* as long as before */
    CHECK_OK(build(dir, d, IMR_F32, &f, NULL, &err));
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    CHECK_CONTAINS(c->notice, "changed since");
    CHECK(!c->dataset_untouched);
    imr_cache_free(c);

    /* put back, hashed once, then believed until it is touched */
    write_dataset(data, first);
    for (int opening = 0; opening < 3; opening++) {
        CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
        CHECK_STR(c->notice, "");
        CHECK_INT(c->dataset_untouched, opening > 0);
        imr_cache_free(c);
    }

    int64_t before[2], now[2];
    imr_dataset *second = NULL;
    CHECK_OK(imr_dataset_open(&second, data, NULL, &err));
    memcpy(before, second->corpus.stamp, sizeof before);
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
    memcpy(now, second->corpus.stamp, sizeof now);
    CHECK(before[0] == now[0] && before[1] == now[1] && before[0] != 1000);
    imr_dataset_free(second);
    imr_dataset_free(d);
}

TEST("every allocation of building and opening a store may fail once")
{
    made s = made_new();
    for (long i = 0;; i++) {
        imr_error err = {0};
        imr_cache *c = NULL;
        char path[512];
        path_of(path, s.dir, "manifest.json");
        (void)unlink(path);
        imr_mem_fail_after(i);
        imr_status status = build(s.dir, s.d, IMR_F32, &s.f, NULL, &err);
        if (status == IMR_OK)
            status = imr_cache_open(&c, s.dir, NULL, &err);
        imr_mem_fail_after(-1);
        imr_cache_free(c);
        if (status == IMR_OK) {
            CHECK(i > 40);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
    made_done(&s);
}
