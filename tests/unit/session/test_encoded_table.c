/* The `encoded` token table on disk: made once, finished after any interruption, never believed
 * when it does not hold what its notes say. A BERT of two layers with 2,500 words: three blocks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/kept.h"
#include "base/mem.h"
#include "session/encoded_table.h"
#include "tests/unit/encoder/tiny_transformer.h"

enum { V = 2500, D = 8, BLOCK = 1024 };

static imr_error err;

typedef struct fixture {
    tiny t;
    imr_encoder *e;
    char sha256[IMR_SHA256_HEX];
    char dir[256], npy[400], blocks[400], lock[400]; /* of a cache's folder, still empty */
    float *want;                                     /* [V,D] */
} fixture;

static void fresh(fixture *f)
{
    snprintf(f->dir, sizeof f->dir, "%s", test_tmpdir());
    snprintf(f->npy, sizeof f->npy, "%s/tokens/%s.npy", f->dir, f->sha256);
    snprintf(f->blocks, sizeof f->blocks, "%s/tokens/%s.blocks", f->dir, f->sha256);
    snprintf(f->lock, sizeof f->lock, "%s/tokens/%s.lock", f->dir, f->sha256);
}

/* [PAD] [UNK] [CLS] [SEP] w4 w5 ... */
static void put_vocabulary(const char *dir)
{
    imr_buf b = {0};
    imr_buf_str(&b, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    for (int i = 4; i < V; i++)
        imr_buf_printf(&b, "w%d\n", i);
    CHECK_INT(remove(test_path(dir, "tokenizer.json")), 0);
    put_file(dir, "vocab.txt", imr_buf_text(&b));
    imr_buf_done(&b);
}

static fixture start(void)
{
    fixture f = {.t = tiny_new(false, D, 2, 12, 16)};
    float *words = malloc(sizeof *words * V * D);
    CHECK(words != NULL && strstr(f.t.names[0], "word_embeddings"));
    imr_random_fill_normal(&f.t.random, words, (size_t)V * D, 0.3);
    free(f.t.data[0]);
    f.t.data[0] = words;
    f.t.items[0].data = words;
    f.t.items[0].shape[0] = V;
    put_tensors(f.t.dir, f.t.items, f.t.n);
    put_vocabulary(f.t.dir);
    put_file(f.t.dir, "config.json",
             "{\"model_type\":\"bert\",\"vocab_size\":2500,\"hidden_size\":8,"
             "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"intermediate_size\":12,"
             "\"max_position_embeddings\":16,\"layer_norm_eps\":1e-5}");
    CHECK_OK(imr_encoder_open(&f.e, f.t.dir, NULL, &err));
    CHECK_OK(imr_encoder_sha256(f.e, f.sha256, &err));
    f.want = malloc(sizeof *f.want * V * D);
    CHECK(f.want != NULL);
    uint32_t ids[V];
    for (uint32_t i = 0; i < V; i++)
        ids[i] = i;
    CHECK_OK(imr_encoder_encode_tokens(f.e, ids, V, f.want, NULL, &err));
    fresh(&f);
    return f;
}

static void finish(fixture *f)
{
    imr_encoder_free(f->e);
    free(f->want);
    tiny_done(&f->t);
}

static imr_status open_table(imr_encoded_table *t, const fixture *f, const imr_progress *p)
{
    return imr_encoded_table_open(t, NULL, f->e, f->sha256, f->dir, p, &err);
}

static void check_rows(const imr_encoded_table *t, const fixture *f)
{
    CHECK_INT(t->rows.rows, V);
    CHECK_INT(t->rows.cols, D);
    /* the same products at another height */
    CHECK_ALL_NEAR(t->rows.v, f->want, (size_t)V * D, 1e-6);
}

/* Opens, expects `kept` rows from the disk and the bytes of `whole`. */
static void reopens(const fixture *f, size_t kept, const char *whole, size_t len)
{
    imr_encoded_table t = {0};
    CHECK_OK(open_table(&t, f, NULL));
    CHECK_INT(t.kept, kept);
    CHECK_INT(t.made, V - kept);
    check_rows(&t, f);
    imr_encoded_table_done(&t);
    size_t n;
    char *found = test_read(f->npy, &n);
    CHECK_INT(n, len);
    CHECK(memcmp(found, whole, n) == 0);
    free(found);
}

static char *make_whole(const fixture *f, size_t *len)
{
    imr_encoded_table t = {0};
    CHECK_OK(open_table(&t, f, NULL));
    imr_encoded_table_done(&t);
    return test_read(f->npy, len);
}

static void put_bytes(const char *path, const char *bytes, size_t n)
{
    CHECK_OK(imr_file_write(path, bytes, n, &err));
}

TEST("a table is made once; the next opening takes it from the disk")
{
    fixture f = start();
    imr_encoded_table t = {0};
    CHECK_OK(open_table(&t, &f, NULL));
    CHECK_INT(t.made, V);
    CHECK_INT(t.kept, 0);
    CHECK_STR(t.notice, "");
    check_rows(&t, &f);
    imr_encoded_table_done(&t);
    CHECK_OK(open_table(&t, &f, NULL));
    CHECK_INT(t.made, 0);
    CHECK_INT(t.kept, V);
    CHECK_STR(t.notice, "");
    CHECK(t.owned == NULL); /* mapped */
    check_rows(&t, &f);
    imr_encoded_table_done(&t);
    imr_encoded_table_info *list;
    size_t n;
    CHECK_OK(imr_encoded_table_list(&list, &n, f.dir, &err));
    CHECK_INT(n, 1);
    CHECK_STR(list[0].sha256, f.sha256);
    CHECK(list[0].rows == V && list[0].dim == D && list[0].finished == V && !list[0].damaged);
    imr_free(list);
    finish(&f);
}

typedef struct stopper {
    size_t calls, stop_at;
    uint64_t done;
} stopper;

static bool step(void *user, const imr_progress_info *info)
{
    stopper *s = user;
    if (strcmp(info->what, "encoding each token alone") == 0) {
        CHECK(info->done >= s->done && info->done <= V && info->total == V);
        s->done = info->done;
    }
    return ++s->calls != s->stop_at;
}

TEST("stopped at any report, the table goes on behind its last block to the same bytes")
{
    fixture f = start();
    size_t len, steps;
    char *whole = make_whole(&f, &len);
    stopper s = {0};
    imr_progress p = {step, &s};
    fresh(&f);
    imr_encoded_table t = {0};
    CHECK_OK(open_table(&t, &f, &p));
    imr_encoded_table_done(&t);
    CHECK_INT(s.done, V);
    steps = s.calls;
    CHECK(steps > 6);
    for (size_t stop = 1; stop < steps; stop++) {
        fresh(&f);
        s = (stopper){.stop_at = stop};
        CHECK_INT(open_table(&t, &f, &p), IMR_E_CANCELLED);
        CHECK_INT(s.calls, stop);
        CHECK_CONTAINS(err.text, "; run the same command again to go on");
        size_t done;
        CHECK_INT(sscanf(err.text, "encoding each token alone was cancelled after %zu", &done), 1);
        CHECK(done % BLOCK == 0 && done <= s.done);
        reopens(&f, done, whole, len);
    }
    free(whole);
    finish(&f);
}

TEST("killed with any file cut short anywhere, the table ends with the same bytes")
{
    fixture f = start();
    size_t len, noted, n;
    char *whole = make_whole(&f, &len), *notes = test_read(f.blocks, &noted);
    imr_encoded_table_info *list;
    for (size_t cut = 0; cut < noted; cut++) { /* while noting */
        put_bytes(f.blocks, notes, cut);
        size_t lines = 0;
        for (size_t i = 0; i < cut; i++)
            lines += notes[i] == '\n';
        CHECK_OK(imr_encoded_table_list(&list, &n, f.dir, &err));
        CHECK_INT(n, lines > 0);
        if (n)
            CHECK(list[0].finished == (lines - 1) * BLOCK && !list[0].damaged);
        imr_free(list);
        reopens(&f, lines ? (lines - 1) * BLOCK : 0, whole, len);
    }
    const size_t row = 128, block = (size_t)BLOCK * D * sizeof(float);
    const size_t cuts[] = {
        0, 1, 127, 128, 128 + 40, 128 + block, len - 1, 128 + 2 * block - 1, len - 500, len / 2};
    for (size_t i = 0; i < IMR_LEN(cuts); i++) { /* a power cut: noted, but never on the disk */
        put_bytes(f.npy, whole, cuts[i]);
        put_bytes(f.blocks, notes, noted);
        reopens(&f, cuts[i] < row ? 0 : (cuts[i] - row) / block * BLOCK, whole, len);
    }
    char *longer = calloc(1, len + 10);
    CHECK(longer != NULL);
    memcpy(longer, whole, len);
    put_bytes(f.npy, longer, len + 10);
    reopens(&f, V, whole, len);
    CHECK_INT(remove(f.npy), 0);
    reopens(&f, 0, whole, len);
    CHECK_INT(remove(f.blocks), 0);
    reopens(&f, 0, whole, len);
    free(longer);
    free(notes);
    free(whole);
    finish(&f);
}

TEST("a changed byte is found and told, and the table made again from its block on")
{
    fixture f = start();
    size_t len, noted, n;
    char *whole = make_whole(&f, &len), *notes = test_read(f.blocks, &noted);
    const size_t block = (size_t)BLOCK * D * sizeof(float);
    for (size_t at = 0; at < len; at += 7919) {
        whole[at] ^= 1;
        put_bytes(f.npy, whole, len);
        whole[at] ^= 1;
        imr_encoded_table_info *list;
        CHECK_OK(imr_encoded_table_list(&list, &n, f.dir, &err));
        CHECK(n == 1 && list[0].damaged && list[0].finished < V);
        imr_free(list);
        imr_encoded_table t = {0};
        CHECK_OK(open_table(&t, &f, NULL));
        CHECK_INT(t.kept, at < 128 ? 0 : (at - 128) / block * BLOCK);
        CHECK_CONTAINS(t.notice, "was damaged");
        check_rows(&t, &f);
        imr_encoded_table_done(&t);
        reopens(&f, V, whole, len);
    }
    notes[strlen("imrnn-tokens 1 ")] ^= 1; /* of another encoder */
    put_bytes(f.blocks, notes, noted);
    reopens(&f, 0, whole, len);
    free(notes);
    free(whole);
    finish(&f);
}

TEST("tables of two encoders lie side by side; names that are none are passed over")
{
    fixture f = start();
    imr_encoded_table t = {0};
    size_t n;
    char other[IMR_SHA256_HEX], path[500];
    imr_encoded_table_info *list;
    CHECK_OK(imr_encoded_table_list(&list, &n, f.dir, &err));
    CHECK_INT(n, 0);
    CHECK_OK(imr_sha256_memory("other", 5, other, &err));
    CHECK_OK(open_table(&t, &f, NULL));
    imr_encoded_table_done(&t);
    CHECK_OK(imr_encoded_table_open(&t, NULL, f.e, other, f.dir, NULL, &err));
    CHECK_INT(t.made, V);
    imr_encoded_table_done(&t);
    snprintf(path, sizeof path, "%s/tokens/notes.txt", f.dir);
    put_bytes(path, "hello", 5);
    /* what follows "imrnn-tokens 1 <sha256>" */
    static const char *const odd[] = {"",
                                      "\n",
                                      " 9 9\n",
                                      " 99999999999999999999 8 1024\n",
                                      " 8 8 99999999\n",
                                      " -1 8 1024\n",
                                      " 8 8 1024"};
    for (size_t i = 0; i < IMR_LEN(odd); i++) {
        char name[IMR_SHA256_HEX], text[200];
        CHECK_OK(imr_sha256_memory(&i, sizeof i, name, &err));
        const int len = snprintf(text, sizeof text, "imrnn-tokens 1 %s%s", name, odd[i]);
        snprintf(path, sizeof path, "%s/tokens/%s.blocks", f.dir, name);
        put_bytes(path, text, i ? (size_t)len : 0);
    }
    CHECK_OK(imr_encoded_table_list(&list, &n, f.dir, &err));
    CHECK_INT(n, 2);
    imr_free(list);
    finish(&f);
}

TEST("where nothing can be written the table is made in memory, and says so")
{
    fixture f = start();
    put_file(f.dir, "tokens", "a file where the folder should be");
    imr_encoded_table t = {0};
    CHECK_OK(open_table(&t, &f, NULL));
    CHECK_INT(t.made, V);
    CHECK_CONTAINS(t.notice, "in memory only");
    CHECK_CONTAINS(t.notice, "tokens");
    check_rows(&t, &f);
    imr_encoded_table_done(&t);
    CHECK_OK(
        imr_encoded_table_open(&t, NULL, f.e, f.sha256, "", NULL, &err)); /* a cache in memory */
    CHECK_STR(t.notice, "");
    check_rows(&t, &f);
    imr_encoded_table_done(&t);
    finish(&f);
}

TEST("a static encoder's table is its rows at unit length and leaves nothing behind")
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, put_model2vec(), NULL, &err));
    const char *dir = keep(test_tmpdir());
    imr_encoded_table t = {0};
    CHECK_OK(imr_encoded_table_open(&t, NULL, e, "0123", dir, NULL, &err));
    static const float want[8] = {0, 0, 1, 0, 0, 1, 0.70710678f, 0.70710678f};
    CHECK_ALL_NEAR(t.rows.v, want, 8, 1e-7);
    CHECK_STR(t.notice, "");
    imr_encoded_table_done(&t);
    imr_names names;
    CHECK_OK(imr_dir_list(&names, dir, &err));
    CHECK_INT(names.n, 0);
    imr_names_done(&names);
    imr_encoder_free(e);
}

TEST("two processes cannot make one table, and a full disk leaves it resumable")
{
    fixture f = start();
    size_t len;
    imr_encoded_table t = {0};
    char *whole = make_whole(&f, &len);
    fresh(&f);
    put_file(f.dir, "tokens/x", "");
    int fd = open(f.lock, O_RDWR | O_CREAT, 0666);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
    CHECK_INT(open_table(&t, &f, NULL), IMR_E_BUSY);
    CHECK_CONTAINS(err.text, "another process is encoding the tokens");
    close(fd);
    struct rlimit old, small;
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = (struct rlimit){128 + 40000, old.rlim_max};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    imr_status status = open_table(&t, &f, NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    signal(SIGXFSZ, before);
    CHECK_INT(status, IMR_E_IO);
    CHECK_CONTAINS(err.text, "make room");
    reopens(&f, BLOCK, whole, len);
    free(whole);
    finish(&f);
}

TEST("whatever step of writing a table fails, it is in memory or goes on to the same bytes")
{
    fixture f = start();
    size_t len, in_memory = 0, stopped = 0;
    char *whole = make_whole(&f, &len);
    for (long i = 0;; i++) {
        fresh(&f);
        imr_encoded_table t = {0};
        imr_kept_fail_after(i, ENOSPC);
        const imr_status s = open_table(&t, &f, NULL);
        imr_kept_fail_after(-1, 0);
        if (s == IMR_OK && !t.notice[0]) {
            imr_encoded_table_done(&t);
            break;
        }
        if (s == IMR_OK) {
            CHECK_CONTAINS(t.notice, "in memory only");
            check_rows(&t, &f);
            in_memory++;
        } else {
            CHECK_INT(s, IMR_E_IO);
            CHECK_CONTAINS(err.text, "make room");
            CHECK(t.rows.rows == 0);
            stopped++;
        }
        imr_encoded_table_done(&t);
        CHECK_OK(open_table(&t, &f, NULL));
        CHECK(t.kept % BLOCK == 0 || t.kept == V);
        imr_encoded_table_done(&t);
        reopens(&f, V, whole, len);
    }
    CHECK_INT(in_memory, 4); /* the lock's file, the lock, the table's file and its journal */
    CHECK(stopped > 6);
    free(whole);
    finish(&f);
}

TEST("every allocation of making, opening and listing a table may fail")
{
    fixture f = start();
    imr_status s = IMR_E_MEMORY;
    for (long i = 0; s != IMR_OK; i++) {
        imr_encoded_table t = {0};
        imr_encoded_table_info *list = NULL;
        size_t n;
        fresh(&f);
        imr_mem_fail_after(i);
        s = open_table(&t, &f, NULL);
        imr_encoded_table_done(&t);
        if (s == IMR_OK)
            s = open_table(&t, &f, NULL);
        if (s == IMR_OK)
            s = imr_encoded_table_list(&list, &n, f.dir, &err);
        imr_mem_fail_after(-1);
        imr_free(list);
        imr_encoded_table_done(&t);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
    }
    finish(&f);
}
