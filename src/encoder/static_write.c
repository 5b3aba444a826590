#include "encoder/static_write.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "text/vocab.h"

static imr_status check(const char *const *words, size_t n_words, imr_view rows, imr_error *err)
{
    if (n_words == 0 || n_words != rows.rows || rows.cols == 0 || rows.cols > IMR_MAX_DIM)
        return imr_fail(
            err, IMR_E_SHAPE,
            "%zu words, but a table of %zu x %zu; a static encoder needs one row a word", n_words,
            rows.rows, rows.cols);
    size_t bad = imr_view_first_bad(rows);
    if (bad != rows.rows * rows.cols)
        return imr_fail(err, IMR_E_NUMERIC, "the row of \"%s\" holds a value that is not finite",
                        words[bad / rows.cols]);
    imr_vocab v IMR_CLEANUP(imr_vocab_done) = {0};
    imr_status status = imr_vocab_add(&v, "[UNK]", 5, 0, err);
    for (size_t i = 0; status == IMR_OK && i < n_words; i++)
        status = imr_vocab_add(&v, words[i], strlen(words[i]), (uint32_t)i + 1, err);
    if (status == IMR_OK)
        status = imr_vocab_finish(&v, err);
    if (status == IMR_OK || status == IMR_E_MEMORY)
        return status;
    imr_error_prefix(err, status, "cannot write this vocabulary");
    if (err)
        err->status = IMR_E_USAGE;
    return IMR_E_USAGE;
}

static void put_tokenizer(imr_buf *b, const char *const *words, size_t n_words)
{
    imr_buf_str(b, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
                   "  \"added_tokens\": [\n    {\"id\": 0, \"content\": \"[UNK]\", "
                   "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                   "\"normalized\": false, \"special\": true}\n  ],\n"
                   "  \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, "
                   "\"handle_chinese_chars\": true, \"strip_accents\": true, "
                   "\"lowercase\": true},\n"
                   "  \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},\n"
                   "  \"post_processor\": null,\n  \"decoder\": null,\n"
                   "  \"model\": {\n    \"type\": \"WordLevel\",\n    \"vocab\": {\n"
                   "      \"[UNK]\": 0");
    for (size_t i = 0; i < n_words; i++) {
        imr_buf_str(b, ",\n      ");
        imr_json_put_string(b, words[i]);
        imr_buf_str(b, ": ");
        imr_json_put_int(b, (int64_t)i + 1);
    }
    imr_buf_str(b, "\n    },\n    \"unk_token\": \"[UNK]\"\n  }\n}\n");
}

static imr_status write_text(const char *folder, const char *name, const imr_buf *b, imr_error *err)
{
    IMR_TRY(imr_buf_check(b, err));
    char *path IMR_AUTOFREE = imr_path_join(folder, name);
    if (!path)
        return imr_fail_memory(err);
    return imr_file_write(path, imr_buf_text(b), b->len, err);
}

static imr_status write_table(const char *folder, imr_view rows, imr_error *err)
{
    imr_matrix table IMR_CLEANUP(imr_matrix_done) = {0};
    IMR_TRY(imr_matrix_init(&table, rows.rows + 1, rows.cols, err));
    for (size_t i = 0; i < rows.rows; i++)
        memcpy(imr_matrix_row(&table, i + 1), imr_view_row(&rows, i), rows.cols * sizeof(float));
    imr_torch_item item = {.name = "embeddings",
                           .data = table.v,
                           .rank = 2,
                           .shape = {(uint64_t)table.rows, (uint64_t)table.cols}};
    char *path IMR_AUTOFREE = imr_path_join(folder, "model.safetensors");
    if (!path)
        return imr_fail_memory(err);
    return imr_safetensors_write(path, &item, 1, NULL, 0, err);
}

imr_status imr_static_write(const char *folder, const char *const *words, size_t n_words,
                            imr_view rows, bool normalise, imr_error *err)
{
    IMR_TRY(check(words, n_words, rows, err));
    IMR_TRY(imr_dir_make(folder, err));
    IMR_TRY(write_table(folder, rows, err));
    imr_buf b IMR_AUTOBUF = {0};
    put_tokenizer(&b, words, n_words);
    IMR_TRY(write_text(folder, "tokenizer.json", &b, err));
    imr_buf_clear(&b);
    imr_buf_str(&b, "[\n  {\"idx\": 0, \"name\": \"0\", \"path\": \".\", \"type\": "
                    "\"sentence_transformers.models.StaticEmbedding\"}");
    if (normalise)
        imr_buf_str(&b, ",\n  {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Normalize\", \"type\": "
                        "\"sentence_transformers.models.Normalize\"}");
    imr_buf_str(&b, "\n]\n");
    IMR_TRY(write_text(folder, "modules.json", &b, err));
    imr_buf_clear(&b);
    imr_buf_printf(&b,
                   "{\n  \"model_type\": \"model2vec\",\n  \"architectures\": [\"StaticModel\"],\n"
                   "  \"hidden_dim\": %zu,\n  \"seq_length\": 1000000,\n  \"normalize\": %s\n}\n",
                   rows.cols, normalise ? "true" : "false");
    return write_text(folder, "config.json", &b, err);
}
