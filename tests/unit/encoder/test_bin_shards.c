/* pytorch_model.bin.index.json and its shards, written here in PyTorch's layout from before 1.6:
 * the oracle has the newer one. */
#include "encoder/encoder_kind.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

enum { D = 12 };

static void put_le(imr_buf *b, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        imr_buf_char(b, (char)(v >> (8 * i)));
}

static void put_text(imr_buf *b, const char *text)
{
    imr_buf_char(b, 'X');
    put_le(b, strlen(text), 4);
    imr_buf_str(b, text);
}

static void put_int(imr_buf *b, uint64_t v)
{
    imr_buf_char(b, 'J');
    put_le(b, v, 4);
}

static uint64_t count_of(const imr_torch_item *item)
{
    return item->shape[0] * (item->rank == 2 ? item->shape[1] : 1);
}

static void put_tensor(imr_buf *b, const imr_torch_item *item, const char *key)
{
    imr_buf_str(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(b, "storage");
    imr_buf_str(b, "ctorch\nFloatStorage\n");
    put_text(b, key);
    put_text(b, "cpu");
    put_int(b, count_of(item));
    imr_buf_str(b, "NtQ"); /* no view metadata; persistent id */
    put_int(b, 0);
    imr_buf_char(b, '(');
    for (uint32_t d = 0; d < item->rank; d++)
        put_int(b, item->shape[d]);
    imr_buf_str(b, "t(");
    for (uint32_t d = 0; d < item->rank; d++)
        put_int(b, d + 1 < item->rank ? item->shape[1] : 1);
    imr_buf_str(b, "t\x89"
                   "ccollections\nOrderedDict\n)RtR");
}

/* A bare state dict: magic, version, machine, the dict, the storages' keys, the storages. */
static void put_bin(const tiny *t, const char *file, size_t first, size_t count)
{
    static const char magic[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    imr_buf b = {0};
    char key[24];
    imr_buf_add(&b, magic, sizeof magic - 1);
    imr_buf_str(&b, "\x80\x02M\xe9\x03.\x80\x02}(");
    put_text(&b, "little_endian");
    imr_buf_str(&b, "\x88u.\x80\x02}(");
    for (size_t i = first; i < first + count; i++) {
        snprintf(key, sizeof key, "%zu", i);
        put_text(&b, t->names[i]);
        put_tensor(&b, &t->items[i], key);
    }
    imr_buf_str(&b, "u.\x80\x02](");
    for (size_t i = first; i < first + count; i++) {
        snprintf(key, sizeof key, "%zu", i);
        put_text(&b, key);
    }
    imr_buf_str(&b, "e.");
    for (size_t i = first; i < first + count; i++) {
        put_le(&b, count_of(&t->items[i]), 8);
        imr_buf_add(&b, t->data[i], (size_t)count_of(&t->items[i]) * sizeof(float));
    }
    CHECK_OK(imr_buf_check(&b, &err));
    CHECK_OK(imr_file_write(test_path(t->dir, file), b.data, b.len, &err));
    imr_buf_done(&b);
}

static void encode_text(const char *dir, float *out)
{
    imr_encoder *e = NULL;
    const char *text = "wa wb unheard wc";
    const size_t len = strlen(text);
    CHECK_OK(imr_encoder_open(&e, dir, NULL, &err));
    CHECK_OK(imr_encoder_encode(e, &text, &len, 1, out, NULL, NULL, &err));
    imr_encoder_free(e);
}

static void refused(const char *dir, imr_status status, const char *part)
{
    folder_refused(&err, dir, status, part);
}

TEST("pytorch_model.bin, whole or in shards, gives the vectors of the safetensors file")
{
    static const char one[] = "pytorch_model-00001-of-00002.bin",
                      two[] = "pytorch_model-00002-of-00002.bin";
    for (int mpnet = 0; mpnet < 2; mpnet++) {
        tiny t = tiny_new(mpnet, D, 3, 20, 10);
        float want[D], found[D];
        encode_text(t.dir, want);
        CHECK_INT(remove(test_path(t.dir, "model.safetensors")), 0);
        put_bin(&t, "pytorch_model.bin", 0, t.n);
        encode_text(t.dir, found);
        CHECK(memcmp(found, want, sizeof want) == 0);
        CHECK_INT(remove(test_path(t.dir, "pytorch_model.bin")), 0);
        put_bin(&t, one, 0, 7);
        put_bin(&t, two, 7, t.n - 7);
        put_file(t.dir, "pytorch_model.bin.index.json",
                 "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"x\":\"pytorch_model-00001-of-"
                 "00002.bin\",\"y\":\"pytorch_model-00002-of-00002.bin\"}}");
        encode_text(t.dir, found);
        CHECK(memcmp(found, want, sizeof want) == 0);
        imr_encoder *e = NULL;
        CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
        size_t named = 0; /* the identity covers the index and both shards */
        for (size_t i = 0; e->files[i]; i++)
            named += strncmp(e->files[i], "pytorch_model", 13) == 0;
        CHECK_INT(named, 3);
        imr_encoder_free(e);
        size_t len;
        char *bytes = test_read(keep(test_path(t.dir, two)), &len);
        for (size_t cut = 0; cut < len; cut += 1 + len / 60) {
            CHECK_OK(imr_file_write(test_path(t.dir, two), bytes, cut, &err));
            refused(t.dir, IMR_E_FORMAT, two);
        }
        free(bytes);
        CHECK_INT(remove(test_path(t.dir, two)), 0);
        refused(t.dir, IMR_E_NOT_FOUND, "the weights are missing (no pytorch_model-00002-of-00002");
        CHECK_CONTAINS(err.text, "fetch with: huggingface-cli download");
        put_bin(&t, two, 8, t.n - 8);
        refused(t.dir, IMR_E_NOT_FOUND, t.names[7]);
        CHECK_CONTAINS(err.text, "is in none of the 2 shards");
        tiny_done(&t);
    }
}
