/* Small encoder folders for tests, written with the engine's own writers. */
#ifndef TESTS_UNIT_ENCODER_FOLDERS_H
#define TESTS_UNIT_ENCODER_FOLDERS_H

#include "base/file.h"
#include "encoder/encoder.h"
#include "format/safetensors.h"
#include "tests/support/test.h"

/* A path that lasts: test_path's buffers are reused after eight calls. Sixteen at a time. */
static inline const char *keep(const char *path)
{
    static char kept[16][512];
    static size_t next;
    char *out = kept[next++ % 16];
    snprintf(out, sizeof kept[0], "%s", path);
    return out;
}

/* Opening fails with `status`; *err says where (the folder's path) and `part`, in one line. */
static inline void folder_refused(imr_error *err, const char *dir, imr_status status,
                                  const char *part)
{
    imr_encoder *e = NULL;
    imr_status s = imr_encoder_open(&e, dir, NULL, err);
    if (s != status)
        FAIL("status %d instead of %d (%s): %s", (int)s, (int)status, part,
             s == IMR_OK ? "opened" : err->text);
    CHECK_CONTAINS(err->text, part);
    CHECK_CONTAINS(err->text, dir);
    CHECK(strchr(err->text, '\n') == NULL);
    CHECK(e == NULL);
}

static inline void put_file(const char *dir, const char *name, const char *text)
{
    imr_error err;
    const char *path = test_path(dir, name);
    char *copy = strdup(path);
    char *slash = strrchr(copy, '/');
    *slash = '\0';
    CHECK_OK(imr_dir_make(copy, &err));
    free(copy);
    CHECK_OK(imr_file_write(path, text, strlen(text), &err));
}

static inline imr_torch_item item_2d(const char *name, const float *v, uint64_t rows, uint64_t cols)
{
    return (imr_torch_item){.name = name, .data = v, .rank = 2, .shape = {rows, cols}};
}

static inline void put_tensors(const char *dir, const imr_torch_item *items, size_t n)
{
    imr_error err;
    CHECK_OK(imr_dir_make(dir, &err));
    CHECK_OK(imr_safetensors_write(test_path(dir, "model.safetensors"), items, n, NULL, 0, &err));
}

/* Ids: 0 [UNK] 1 sun 2 moon 3 tide */
#define WORDS_JSON                                                                                 \
    "{\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\",\"special\":true,\"normalized\":false}],"  \
    "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"                    \
    "\"BertPreTokenizer\"},\"post_processor\":null,\"model\":{\"type\":\"WordLevel\",\"vocab\":{"  \
    "\"[UNK]\":0,\"sun\":1,\"moon\":2,\"tide\":3},\"unk_token\":\"[UNK]\"}}"

static const float words_table[8] = {9, 9, 3, 0, 0, 4, 1, 1};

/* A Model2Vec folder of the four words in two dimensions. */
static inline const char *put_model2vec(void)
{
    const char *dir = keep(test_path(test_tmpdir(), "words"));
    imr_torch_item table = item_2d("embeddings", words_table, 4, 2);
    put_tensors(dir, &table, 1);
    put_file(dir, "tokenizer.json", WORDS_JSON);
    put_file(dir, "config.json", "{\"model_type\":\"model2vec\",\"normalize\":true}");
    return dir;
}

#endif
