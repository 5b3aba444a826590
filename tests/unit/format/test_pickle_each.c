#include "base/mem.h"
#include "base/buf.h"
#include "format/torch_pt.h"
#include "format_support.h"

static imr_error err;

/* ---- a pickle as torch.save writes it ---- */

static void put(imr_buf *b, const void *bytes, size_t n)
{
    imr_buf_add(b, bytes, n);
}
#define PUT(b, literal) put((b), (literal), sizeof(literal) - 1)

static void put_u32(imr_buf *b, char op, size_t v)
{
    imr_buf_char(b, op);
    for (int i = 0; i < 4; i++)
        imr_buf_char(b, (char)(v >> 8 * i & 255));
}

static void put_text(imr_buf *b, const char *text)
{
    put_u32(b, 'X', strlen(text));
    imr_buf_str(b, text);
}

/* Memo numbers of what every tensor refers to. */
enum { REBUILD = 1, STORAGE, FLOATS, CPU, FIRST_FREE };

/* n vectors "id i" of `dim` floats, `share` of them to a storage, every value numbered. */
static void put_vectors(imr_buf *b, size_t n, size_t dim, size_t share)
{
    size_t memo = FIRST_FREE, key_memo = 0;
    PUT(b, "\x80\x02}q\0(");
    for (size_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof text, "id %zu", i);
        put_text(b, text);
        put_u32(b, 'r', memo++);
        if (i == 0)
            PUT(b, "ctorch._utils\n_rebuild_tensor_v2\nq\1((X\7\0\0\0storageq\2"
                   "ctorch\nFloatStorage\nq\3");
        else
            PUT(b, "h\1((h\2h\3");
        if (i % share == 0) {
            snprintf(text, sizeof text, "%zu", i / share);
            put_text(b, text);
            put_u32(b, 'r', key_memo = memo++);
        } else {
            put_u32(b, 'j', key_memo);
        }
        if (i == 0)
            PUT(b, "X\3\0\0\0cpuq\4");
        else
            PUT(b, "h\4");
        put_u32(b, 'J', share * dim);
        PUT(b, "t");
        put_u32(b, 'r', memo++);
        PUT(b, "Q");
        put_u32(b, 'J', i % share * dim);
        put_u32(b, 'J', dim);
        PUT(b, "\x85");
        put_u32(b, 'r', memo++);
        PUT(b, "K\1\x85");
        put_u32(b, 'r', memo++);
        PUT(b, "\x89"
               "ccollections\nOrderedDict\n)R");
        put_u32(b, 'r', memo++);
        PUT(b, "t");
        put_u32(b, 'r', memo++);
        PUT(b, "R");
        put_u32(b, 'r', memo++);
        if (i % 1000 == 999)
            PUT(b, "u(");
    }
    PUT(b, "u.");
}

typedef struct seen {
    size_t n, share, dim, stop_at;
} seen;

static imr_status check_pair(void *user, const imr_pickle_value *key, const imr_pickle_value *value,
                             imr_error *e)
{
    seen *s = user;
    char text[32];
    if (s->n == s->stop_at)
        return imr_fail(e, IMR_E_CANCELLED, "enough");
    snprintf(text, sizeof text, "id %zu", s->n);
    CHECK_STR(key->text, text);
    CHECK_INT(value->kind, IMR_PK_TENSOR);
    snprintf(text, sizeof text, "%zu", s->n / s->share);
    CHECK_STR(value->tensor->storage->text, text);
    CHECK_INT(value->tensor->storage->elements, s->share * s->dim);
    CHECK_INT(value->tensor->offset, s->n % s->share * s->dim);
    CHECK_INT(value->tensor->shape[0], s->dim);
    CHECK_INT(value->tensor->stride[0], 1);
    s->n++;
    return IMR_OK;
}

TEST("pairs come in order with everything they refer to, long after it was first read")
{
    static const size_t shares[] = {1, 7, 256, 100000};
    for (size_t k = 0; k < IMR_LEN(shares); k++) {
        imr_buf b = {0};
        seen s = {.share = shares[k], .dim = 5, .stop_at = SIZE_MAX};
        put_vectors(&b, 12345, s.dim, s.share);
        CHECK_OK(imr_pickle_each(b.data, b.len, check_pair, &s, &err));
        CHECK_INT(s.n, 12345);
        imr_buf_done(&b);
    }
}

TEST("the callback's error ends the reading")
{
    imr_buf b = {0};
    seen s = {.share = 4, .dim = 5, .stop_at = 1500};
    put_vectors(&b, 3000, s.dim, s.share);
    CHECK_INT(imr_pickle_each(b.data, b.len, check_pair, &s, &err), IMR_E_CANCELLED);
    CHECK_STR(err.text, "enough");
    CHECK_INT(s.n, 1500);
    imr_buf_done(&b);
}

static imr_status count_pair(void *user, const imr_pickle_value *key, const imr_pickle_value *value,
                             imr_error *e)
{
    (void)key, (void)value, (void)e;
    ++*(size_t *)user;
    return IMR_OK;
}

static const char *each(size_t *n, const char *bytes, size_t len)
{
    void *copy = exact_copy(bytes, len);
    *n = 0;
    imr_status status = imr_pickle_each(copy, len, count_pair, n, &err);
    free(copy);
    return status == IMR_OK ? "" : err.text;
}
#define EACH(n, literal) each((n), (literal), sizeof(literal) - 1)

TEST("only a dictionary that is the whole pickle has pairs")
{
    size_t n;
    CHECK_STR(EACH(&n, "\x80\x02}(K\1K\2K\3K\4u."), "");
    CHECK_INT(n, 2);
    CHECK_STR(EACH(&n, "\x80\x02(K\1K\2K\3K\4d."), "");
    CHECK_INT(n, 2);
    CHECK_STR(EACH(&n, "\x80\x02(K\1K\2dK\3K\4s."), "");
    CHECK_INT(n, 2);
    CHECK_STR(EACH(&n, "\x80\x02}."), "");
    CHECK_INT(n, 0);
    CHECK_STR(EACH(&n, "\x80\x02}K\1}K\2K\3ss."), "");
    CHECK_INT(n, 1);
    CHECK_CONTAINS(EACH(&n, "\x80\x02]K\1"
                            "a."),
                   "expected a dictionary, found a list");
    CHECK_CONTAINS(EACH(&n, "\x80\x02}K\1K\2s\x85."), "expected a dictionary, found a tuple");
    CHECK_CONTAINS(EACH(&n, "\x80\x02}K\1K\2sK\3}K\4K\5s\x87."), "found a tuple");
    CHECK_CONTAINS(EACH(&n, "\x80\x02}K\1K\2s0}."), "found several");
    CHECK_CONTAINS(EACH(&n, "\x80\x02}q\0K\1h\0sh\5."), "memo 5 was never put");
    CHECK_CONTAINS(EACH(&n, "\x80\x02}q\0K\1h\7s."), "memo 7 was never put");
    CHECK_STR(EACH(&n, "\x80\x04}\x94K\1\x8c\1a\x94sK\2h\1s."), "");
    CHECK_INT(n, 2);
}

TEST("a pickle cut short anywhere is refused, and every allocation may fail once")
{
    imr_buf b = {0};
    size_t n;
    put_vectors(&b, 1200, 3, 5);
    for (size_t len = 0; len < b.len; len += len < 1000 ? 1 : 997)
        CHECK(each(&n, b.data, len)[0] != '\0');
    for (long i = 0;; i += 1 + i / 16) {
        imr_mem_fail_after(i);
        imr_status status = imr_pickle_each(b.data, b.len, count_pair, &n, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_MEMORY);
    }
    imr_buf_done(&b);
}

/* ---- files ---- */

typedef struct table_check {
    const imr_tensors *table;
    size_t n;
} table_check;

static imr_status same_tensor(void *user, const char *name, const imr_tensor *t, imr_error *e)
{
    table_check *c = user;
    float a[64], b[64];
    CHECK(c->n < c->table->n);
    const imr_tensor *expected = &c->table->v[c->n++];
    CHECK_STR(name, expected->name);
    CHECK_INT(imr_tensor_count(t), 48);
    CHECK_OK(imr_tensor_to_f32(t, a, e));
    CHECK_OK(imr_tensor_to_f32(expected, b, e));
    CHECK_ALL_NEAR(a, b, 48, 0);
    return IMR_OK;
}

TEST("a file read pair by pair has the tensors of the file read whole")
{
    static const char *const names[] = {"cache/test/embeddings.pt",
                                        "cache/test-fp16/embeddings.pt"};
    for (size_t f = 0; f < IMR_LEN(names); f++) {
        imr_torch *whole = NULL, *pairs = NULL;
        imr_tensors table = {0};
        CHECK_OK(imr_torch_open(&whole, test_golden(names[f]), &err));
        CHECK_OK(imr_torch_tensors(&table, whole, imr_torch_root(whole), &err));
        table_check c = {&table, 0};
        CHECK_OK(imr_torch_open_pairs(&pairs, test_golden(names[f]), NULL, same_tensor, &c, &err));
        CHECK_INT(c.n, table.n);
        CHECK(imr_torch_root(pairs) == NULL);
        imr_torch_forget(pairs);
        imr_tensors_done(&table);
        imr_torch_free(whole);
        imr_torch_free(pairs);
    }
    imr_torch *t = NULL;
    CHECK_INT(imr_torch_open_pairs(&t, "/nonexistent.pt", NULL, same_tensor, NULL, &err),
              IMR_E_NOT_FOUND);
}
