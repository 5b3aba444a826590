#include "base/half.h"
#include "base/mem.h"
#include "encoder/encoder_kind.h"
#include "encoder/transformer.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

enum { D = 12 };

static tiny small(bool mpnet)
{
    return tiny_new(mpnet, D, 3, 20, 10);
}

static imr_encoder *open_or_fail(const char *folder)
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    return e;
}

static const char text[] = "wa wb unheard wc";
static const uint32_t bert_ids[6] = {2, 4, 5, 1, 6, 3};

/* The vector of `text` through the folder as it stands. */
static void encode_text(const char *dir, float *out)
{
    imr_encoder *e = open_or_fail(dir);
    const char *texts[] = {text};
    size_t len = sizeof text - 1;
    CHECK_OK(imr_encoder_encode(e, texts, &len, 1, out, NULL, NULL, &err));
    imr_encoder_free(e);
}

static void refused(const char *dir, imr_status status, const char *part)
{
    folder_refused(&err, dir, status, part);
}

/* ---- pooling and what follows ---- */

/* What each mode makes of the twin's rows. */
static void pool_twin(const double *x, size_t n, const char *mode, float *out)
{
    for (size_t j = 0; j < D; j++) {
        double sum = 0, most = x[j];
        for (size_t i = 0; i < n; i++) {
            sum += x[i * D + j];
            most = fmax(most, x[i * D + j]);
        }
        out[j] = (float)(strcmp(mode, "cls") == 0    ? x[j]
                         : strcmp(mode, "max") == 0  ? most
                         : strcmp(mode, "mean") == 0 ? sum / (double)n
                                                     : sum / sqrt((double)n));
    }
}

TEST("every pooling and its concatenations, by old keys and new")
{
    static const struct {
        const char *config, *modes[4];
    } rows[] = {
        {"{\"pooling_mode_cls_token\":true}", {"cls"}},
        {"{\"pooling_mode_max_tokens\":true,\"word_embedding_dimension\":12}", {"max"}},
        {"{\"pooling_mode_mean_sqrt_len_tokens\":true}", {"root"}},
        {"{\"pooling_mode_cls_token\":false,\"pooling_mode_lasttoken\":false}", {"mean"}},
        {"{\"pooling_mode_mean_tokens\":true,\"pooling_mode_max_tokens\":true,"
         "\"pooling_mode_cls_token\":true,\"pooling_mode_mean_sqrt_len_tokens\":true}",
         {"cls", "max", "mean", "root"}},
        {"{\"embedding_dimension\":12,\"pooling_mode\":\"mean\",\"include_prompt\":true}",
         {"mean"}},
        {"{\"pooling_mode\":[\"mean\",\"cls\"],\"pooling_mode_max_tokens\":true}", {"mean", "cls"}},
        {"{\"pooling_mode\":[\"mean_sqrt_len_tokens\"]}", {"root"}},
    };
    tiny t = small(false);
    double *x = twin_forward(&t, bert_ids, 6);
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        tiny_modules(&t, rows[i].config, "");
        float found[4 * D], want[D];
        encode_text(t.dir, found);
        imr_encoder *e = open_or_fail(t.dir);
        size_t n = 0;
        for (; n < 4 && rows[i].modes[n]; n++) {
            pool_twin(x, 6, rows[i].modes[n], want);
            CHECK_ALL_NEAR(found + n * D, want, D, 5e-6);
        }
        CHECK_INT(e->dim, n * D);
        CHECK_INT(imr_encoder_token_rows(e).cols, D);
        imr_encoder_free(e);
    }
    free(x);
    tiny_done(&t);
}

TEST("poolings that are not supported or do not fit are refused by name")
{
    tiny t = small(false);
    static const struct {
        const char *config, *part;
        imr_status status;
    } rows[] = {
        {"{\"pooling_mode_lasttoken\":true}", "pooling_mode_lasttoken is not", IMR_E_UNSUPPORTED},
        {"{\"pooling_mode\":\"weightedmean\"}", "\"weightedmean\"", IMR_E_UNSUPPORTED},
        {"{\"pooling_mode\":[]}", "pooling_mode is neither", IMR_E_FORMAT},
        {"{\"pooling_mode\":[7]}", "1_Pooling/config.json", IMR_E_FORMAT},
        {"{\"pooling_mode\":[\"cls\",\"max\",\"mean\",\"cls\",\"max\"]}", "more than 4",
         IMR_E_LIMIT},
        {"{\"word_embedding_dimension\":13}", "13 dimensions, the transformer gives 12",
         IMR_E_SHAPE},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        tiny_modules(&t, rows[i].config, "");
        refused(t.dir, rows[i].status, rows[i].part);
    }
    CHECK_INT(remove(test_path(t.dir, "1_Pooling/config.json")), 0);
    refused(t.dir, IMR_E_NOT_FOUND, "1_Pooling/config.json");
    tiny_done(&t);
}

TEST("without modules.json the vector is the mean; old folders keep the transformer in a module")
{
    tiny t = small(false);
    float found[D], want[D];
    double *x = twin_forward(&t, bert_ids, 6);
    pool_twin(x, 6, "mean", want);
    CHECK_INT(remove(test_path(t.dir, "modules.json")), 0);
    CHECK_INT(remove(test_path(t.dir, "1_Pooling/config.json")), 0);
    encode_text(t.dir, found);
    CHECK_ALL_NEAR(found, want, D, 5e-6);
    const char *dir = t.dir;
    const char *outer = keep(test_tmpdir());
    char old[1024], new[1024];
    snprintf(old, sizeof old, "%s", dir);
    snprintf(new, sizeof new, "%s/0_Transformer", outer);
    CHECK_INT(rename(old, new), 0);
    t.dir = outer;
    put_file(outer, "modules.json",
             "[{\"path\":\"0_Transformer\",\"type\":\"sentence_transformers.models.Transformer\"},"
             "{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"},"
             "{\"path\":\"2_Normalize\",\"type\":\"sentence_transformers.models.Normalize\"}]");
    put_file(outer, "1_Pooling/config.json", "{}");
    encode_text(outer, found);
    double square = 0;
    for (size_t j = 0; j < D; j++)
        square += (double)want[j] * (double)want[j];
    for (size_t j = 0; j < D; j++)
        want[j] = (float)((double)want[j] / sqrt(square));
    CHECK_ALL_NEAR(found, want, D, 2e-6);
    imr_encoder *e = open_or_fail(outer);
    CHECK_STR(e->files[0], "0_Transformer/config.json");
    imr_encoder_free(e);
    free(x);
    tiny_done(&t);
}

static void put_dense(const tiny *t, const char *config, const float *w, const float *bias)
{
    const char *dir = keep(test_path(t->dir, "2_Dense"));
    imr_torch_item items[] = {item_2d("linear.weight", w, 3, D),
                              {.name = "linear.bias", .data = bias, .rank = 1, .shape = {3}}};
    put_tensors(dir, items, bias ? 2 : 1);
    put_file(dir, "config.json", config);
}

#define THREE       "{\"in_features\":12,\"out_features\":3"
#define DENSE_LAST  ",{\"path\":\"2_Dense\",\"type\":\"x.Dense\"}"
#define UNIT_BEFORE ",{\"path\":\"2_N\",\"type\":\"x.Normalize\"}"

TEST("Dense maps the pooled vector, with and without bias, before or after Normalize")
{
    tiny t = small(false);
    float w[3 * D], bias[3] = {0.5f, -0.25f, 0.125f}, mean[D], found[3], want[3];
    imr_random_fill_normal(&t.random, w, 3 * D, 0.5);
    double *x = twin_forward(&t, bert_ids, 6);
    pool_twin(x, 6, "mean", mean);
    static const struct {
        const char *config, *modules;
        char activation;
        bool bias, unit;
    } rows[] = {
        {THREE ",\"bias\":true,\"activation_function\":\"torch.nn.modules.linear.Identity\"}",
         DENSE_LAST, 'i', true, false},
        {THREE ",\"bias\":false,\"activation_function\":\"torch.nn.modules.activation.Tanh\"}",
         DENSE_LAST, 't', false, false},
        {THREE "}", UNIT_BEFORE DENSE_LAST, 't', true, true},
        {THREE ",\"activation_function\":\"torch.nn.modules.activation.ReLU\"}", DENSE_LAST, 'r',
         true, false},
        {THREE ",\"activation_function\":\"torch.nn.modules.activation.Sigmoid\"}", DENSE_LAST, 's',
         true, false},
    };
    double norm = 0;
    for (size_t j = 0; j < D; j++)
        norm += (double)mean[j] * (double)mean[j];
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_dense(&t, rows[i].config, w, rows[i].bias ? bias : NULL);
        tiny_modules(&t, "{}", rows[i].modules);
        encode_text(t.dir, found);
        for (size_t o = 0; o < 3; o++) {
            double sum = 0;
            for (size_t j = 0; j < D; j++)
                sum += (double)w[o * D + j] * (double)mean[j];
            sum = (rows[i].unit ? sum / sqrt(norm) : sum) + (rows[i].bias ? (double)bias[o] : 0);
            want[o] = (float)(rows[i].activation == 't'   ? tanh(sum)
                              : rows[i].activation == 'r' ? fmax(0, sum)
                              : rows[i].activation == 's' ? 1 / (1 + exp(-sum))
                                                          : sum);
        }
        CHECK_ALL_NEAR(found, want, 3, 1e-5);
    }
    free(x);
    tiny_done(&t);
}

TEST("Dense modules and orders that are not supported are refused by name")
{
    tiny t = small(false);
    float w[3 * D] = {0};
    static const struct {
        const char *config, *part;
        imr_status status;
    } rows[] = {
        {THREE ",\"activation_function\":\"torch.nn.modules.activation.Mish\"}", "activation.Mish",
         IMR_E_UNSUPPORTED},
        {"{\"in_features\":13,\"out_features\":3}", "in_features is 13, but", IMR_E_SHAPE},
        {"{\"in_features\":12,\"out_features\":4}", "`linear.weight` is 3 x 12", IMR_E_SHAPE},
        {"{\"in_features\":12}", "out_features", IMR_E_NOT_FOUND},
        {THREE ",\"bias\":true}", "`linear.bias` is missing", IMR_E_NOT_FOUND},
        {THREE ",\"module_input_name\":\"token_embeddings\"}", "token_embeddings",
         IMR_E_UNSUPPORTED},
    };
    tiny_modules(&t, "{}", DENSE_LAST);
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_dense(&t, rows[i].config, w, NULL);
        refused(t.dir, rows[i].status, rows[i].part);
    }
    tiny_modules(&t, "{}", ",{\"path\":\"2_LSTM\",\"type\":\"sentence_transformers.models.LSTM\"}");
    refused(t.dir, IMR_E_UNSUPPORTED, "sentence_transformers.models.LSTM");
    tiny_modules(&t, "{}", ",{\"path\":\"2\",\"type\":\"x.Pooling\"}");
    refused(t.dir, IMR_E_UNSUPPORTED, "after Pooling only Dense and Normalize");
    put_file(t.dir, "modules.json", "[{\"path\":\"\",\"type\":\"x.Transformer\"}]");
    refused(t.dir, IMR_E_UNSUPPORTED, "not followed by a Pooling");
    put_file(t.dir, "modules.json", "[{\"path\":\"\",\"type\":\"x.Pooling\"}]");
    refused(t.dir, IMR_E_UNSUPPORTED, "first module is neither");
    tiny_done(&t);
}

/* ---- weight files ---- */

TEST("names may have a prefix, and norms the names gamma and beta")
{
    static const char *const prefixes[] = {"bert.", "model.", "0.auto_model.", "a.b.c."};
    tiny t = small(false);
    float want[D], found[D];
    encode_text(t.dir, want);
    char names[TINY_ITEMS][160];
    for (size_t p = 0; p < IMR_LEN(prefixes); p++) {
        for (size_t i = 0; i < t.n; i++) {
            snprintf(names[i], sizeof names[i], "%s%s", prefixes[p], t.names[i]);
            char *norm = strstr(names[i], "LayerNorm.");
            if (p == 0 && norm)
                memcpy(norm + 10, norm[10] == 'w' ? "gamma" : "beta", norm[10] == 'w' ? 6 : 5);
            t.items[i].name = names[i];
        }
        put_tensors(t.dir, t.items, t.n);
        encode_text(t.dir, found);
        CHECK(memcmp(found, want, sizeof want) == 0);
    }
    t.items[1].name = "other.embeddings.word_embeddings.weight";
    put_tensors(t.dir, t.items, t.n);
    refused(t.dir, IMR_E_FORMAT, "are both word tables");
    t.items[1].name = names[1];
    t.items[0].name = "embeddings.words";
    put_tensors(t.dir, t.items, t.n);
    refused(t.dir, IMR_E_NOT_FOUND, "the tensor `embeddings.word_embeddings.weight` is missing");
    tiny_done(&t);
}

static void put_shard(const tiny *t, const char *file, size_t first, size_t count)
{
    CHECK_OK(
        imr_safetensors_write(test_path(t->dir, file), t->items + first, count, NULL, 0, &err));
}

TEST("sharded weights are one table; a shard that is missing or astray is named")
{
    tiny t = small(false);
    float want[D], found[D];
    encode_text(t.dir, want);
    CHECK_INT(remove(test_path(t.dir, "model.safetensors")), 0);
    put_shard(&t, "model-00001-of-00002.safetensors", 0, 9);
    put_shard(&t, "model-00002-of-00002.safetensors", 9, t.n - 9);
    const char *index = "model.safetensors.index.json";
    put_file(t.dir, index,
             "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"model-00002-of-00002."
             "safetensors\",\"b\":\"model-00001-of-00002.safetensors\",\"c\":\"model-00001-of-"
             "00002.safetensors\"}}");
    encode_text(t.dir, found);
    CHECK(memcmp(found, want, sizeof want) == 0);
    put_shard(&t, "model-00002-of-00002.safetensors", 10, t.n - 10);
    refused(t.dir, IMR_E_NOT_FOUND, "is in none of the 2 shards");
    CHECK_CONTAINS(err.text, t.names[9]);
    CHECK_INT(remove(test_path(t.dir, "model-00002-of-00002.safetensors")), 0);
    refused(t.dir, IMR_E_NOT_FOUND, "no model-00002-of-00002.safetensors");
    CHECK_CONTAINS(err.text, "huggingface-cli download");
    put_file(t.dir, index, "{\"weight_map\":{\"a\":\"../x.safetensors\"}}");
    refused(t.dir, IMR_E_FORMAT, "\"../x.safetensors\", which is no file beside it");
    put_file(t.dir, index, "{\"weight_map\":{}}");
    refused(t.dir, IMR_E_FORMAT, "weight_map is missing or empty");
    imr_buf many = {0};
    imr_buf_str(&many, "{\"weight_map\":{");
    for (int i = 0; i < 33; i++) {
        char file[32];
        snprintf(file, sizeof file, "%d.safetensors", i);
        put_shard(&t, file, 0, 1);
        imr_buf_printf(&many, "%s\"t%d\":\"%s\"", i ? "," : "", i, file);
    }
    imr_buf_str(&many, "}}");
    put_file(t.dir, index, imr_buf_text(&many));
    refused(t.dir, IMR_E_LIMIT, "more than 32 files");
    imr_buf_done(&many);
    tiny_done(&t);
}

/* The same tensors in 16 bits: what survives is rounded in the twin's arrays too. */
static void put_halves(tiny *t, bool brain)
{
    imr_buf header = {0}, data = {0}, file = {0};
    imr_buf_char(&header, '{');
    for (size_t i = 0; i < t->n; i++) {
        imr_torch_item *item = &t->items[i];
        size_t rows = (size_t)item->shape[0], cols = item->rank == 2 ? (size_t)item->shape[1] : 1;
        size_t first = data.len;
        for (size_t j = 0; j < rows * cols; j++) {
            uint32_t bits;
            memcpy(&bits, &t->data[i][j], sizeof bits);
            uint16_t half = brain ? (uint16_t)(bits >> 16) : imr_f32_to_f16(t->data[i][j]);
            t->data[i][j] = brain ? imr_bf16_to_f32(half) : imr_f16_to_f32(half);
            imr_buf_add(&data, &half, sizeof half);
        }
        imr_buf_printf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu", i ? "," : "",
                       item->name, brain ? "BF16" : "F16", rows);
        if (item->rank == 2)
            imr_buf_printf(&header, ",%zu", cols);
        imr_buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", first, data.len);
    }
    imr_buf_char(&header, '}');
    uint64_t n = header.len;
    imr_buf_add(&file, &n, sizeof n);
    imr_buf_add(&file, header.data, header.len);
    imr_buf_add(&file, data.data, data.len);
    CHECK_OK(imr_buf_check(&file, &err));
    CHECK_OK(imr_file_write(test_path(t->dir, "model.safetensors"), file.data, file.len, &err));
    imr_buf_done(&header);
    imr_buf_done(&data);
    imr_buf_done(&file);
}

TEST("weights in F16 and BF16 are taken by value")
{
    for (int brain = 0; brain < 2; brain++) {
        tiny t = small(false);
        float found[D], want[D];
        put_halves(&t, brain);
        double *x = twin_forward(&t, bert_ids, 6);
        pool_twin(x, 6, "mean", want);
        encode_text(t.dir, found);
        CHECK_ALL_NEAR(found, want, D, 5e-6);
        free(x);
        tiny_done(&t);
    }
}

TEST("each tensor that is missing, of another shape or not finite is named")
{
    for (int mpnet = 0; mpnet < 2; mpnet++) {
        tiny t = small(mpnet);
        char expect[160];
        for (size_t i = 0; i < t.n; i++) {
            imr_torch_item *item = &t.items[i], kept = *item;
            if (strstr(item->name, "layer.1.")) /* like layer 0 */
                continue;
            item->name = "gone";
            put_tensors(t.dir, t.items, t.n);
            snprintf(expect, sizeof expect, "the tensor `%s` is missing", kept.name);
            refused(t.dir, IMR_E_NOT_FOUND, expect);
            *item = kept;
            item->shape[0]--;
            put_tensors(t.dir, t.items, t.n);
            snprintf(expect, sizeof expect, "the tensor `%s` is %d", kept.name,
                     (int)item->shape[0]);
            refused(t.dir, IMR_E_SHAPE, expect);
            CHECK_CONTAINS(err.text, "by config.json it should be");
            *item = kept;
            size_t last = (size_t)(item->shape[0] * (item->rank == 2 ? item->shape[1] : 1)) - 1;
            float value = t.data[i][last];
            t.data[i][last] = i % 2 ? NAN : -INFINITY;
            put_tensors(t.dir, t.items, t.n);
            snprintf(expect, sizeof expect, "the tensor `%s` holds %s", kept.name,
                     i % 2 ? "nan" : "-inf");
            refused(t.dir, IMR_E_NUMERIC, expect);
            t.data[i][last] = value;
        }
        put_tensors(t.dir, t.items, t.n);
        imr_encoder_free(open_or_fail(t.dir));
        tiny_done(&t);
    }
}

TEST("weights cut short anywhere and files of another kind are refused")
{
    tiny t = small(false);
    size_t len;
    char *bytes = test_read(keep(test_path(t.dir, "model.safetensors")), &len);
    for (size_t cut = 0; cut < len; cut += 1 + len / 40) {
        CHECK_OK(imr_file_write(test_path(t.dir, "model.safetensors"), bytes, cut, &err));
        refused(t.dir, IMR_E_FORMAT, "model.safetensors");
    }
    CHECK_INT(remove(test_path(t.dir, "model.safetensors")), 0);
    CHECK_OK(imr_file_write(test_path(t.dir, "pytorch_model.bin"), bytes, len, &err));
    imr_encoder *e = NULL;
    CHECK(imr_encoder_open(&e, t.dir, NULL, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, "pytorch_model.bin");
    CHECK_INT(remove(test_path(t.dir, "pytorch_model.bin")), 0);
    refused(t.dir, IMR_E_NOT_FOUND, "the weights are missing (no model.safetensors)");
    free(bytes);
    tiny_done(&t);
}

/* ---- configurations ---- */

TEST("settings we do not compute and sizes that do not fit are refused with what was found")
{
    static const struct {
        const char *extra, *part;
        imr_status status;
    } rows[] = {
        {",\"hidden_act\":\"gelu_new\"", "hidden_act \"gelu_new\"", IMR_E_UNSUPPORTED},
        {",\"position_embedding_type\":\"relative_key\"", "relative_key", IMR_E_UNSUPPORTED},
        {",\"is_decoder\":true", "is_decoder", IMR_E_UNSUPPORTED},
        {",\"type_vocab_size\":3", "`embeddings.token_type_embeddings.weight` is 2 x 12",
         IMR_E_SHAPE},
        {",\"type_vocab_size\":0", "type_vocab_size", IMR_E_FORMAT},
    };
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        tiny_config(&t, rows[i].extra);
        refused(t.dir, rows[i].status, rows[i].part);
        CHECK_CONTAINS(err.text, rows[i].status == IMR_E_SHAPE ? "safetensors" : "config.json");
    }
    tiny u = t;
    u.heads = 5;
    tiny_config(&u, "");
    refused(t.dir, IMR_E_SHAPE, "hidden_size 12 cannot be divided into num_attention_heads 5");
    u = t;
    u.layers = 3;
    tiny_config(&u, "");
    refused(t.dir, IMR_E_NOT_FOUND, "encoder.layer.2.attention.self.query.weight` is missing");
    u = t;
    u.positions = 11;
    tiny_config(&u, "");
    refused(t.dir, IMR_E_SHAPE, "`embeddings.position_embeddings.weight` is 10 x 12");
    tiny_config(&t, "");
    imr_buf vocab = {0};
    imr_buf_str(&vocab, "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,"
                        "\"[SEP]\":2");
    for (int i = 3; i <= TINY_VOCAB; i++)
        imr_buf_printf(&vocab, ",\"t%d\":%d", i, i);
    imr_buf_str(&vocab, "}}}");
    put_file(t.dir, "tokenizer.json", imr_buf_text(&vocab));
    imr_buf_done(&vocab);
    refused(t.dir, IMR_E_SHAPE, "25 tokens, but the model has rows for 24");
    put_file(t.dir, "config.json", "{\"model_type\":\"bert\"}");
    refused(t.dir, IMR_E_NOT_FOUND, "vocab_size");
    tiny_done(&t);
    t = small(true);
    tiny_config(&t, ",\"relative_attention_num_buckets\":64");
    refused(t.dir, IMR_E_UNSUPPORTED, "relative_attention_num_buckets is 64");
    tiny_config(&t, ",\"pad_token_id\":11");
    refused(t.dir, IMR_E_SHAPE, "pad_token_id 11");
    tiny_done(&t);
}

TEST("the longest text: max_seq_length, else model_max_length, else the positions")
{
    static const struct {
        const char *sentence, *tokenizer;
        size_t longest;
    } rows[] = {
        {"{\"max_seq_length\":7}", "{\"model_max_length\":5}", 7},
        {"{\"max_seq_length\":null}", "{\"model_max_length\":5}", 5},
        {"{}", "{\"model_max_length\":1000000000000000019884624838656}", 10},
        {"{}", "{\"model_max_length\":512}", 10},
        {"{}", "{}", 10},
    };
    for (int mpnet = 0; mpnet < 2; mpnet++) {
        tiny t = small(mpnet);
        for (size_t i = 0; i < IMR_LEN(rows); i++) {
            put_file(t.dir, "sentence_bert_config.json", rows[i].sentence);
            put_file(t.dir, "tokenizer_config.json", rows[i].tokenizer);
            imr_encoder *e = open_or_fail(t.dir);
            CHECK_INT(e->max_tokens, rows[i].longest);
            imr_encoder_free(e);
        }
        put_file(t.dir, "sentence_bert_config.json", "{\"max_seq_length\":11}");
        refused(t.dir, IMR_E_SHAPE, "max_seq_length is 11, but config.json has positions for 10");
        put_file(t.dir, "sentence_bert_config.json", "{\"max_seq_length\":2}");
        refused(t.dir, IMR_E_SHAPE, "may have 2 tokens, which the 2 special ones");
        put_file(t.dir, "sentence_bert_config.json", "{\"max_seq_length\":\"long\"}");
        refused(t.dir, IMR_E_FORMAT, "sentence_bert_config.json");
        tiny_done(&t);
    }
}

TEST("every allocation of opening shards, a Dense module and a .bin may fail")
{
    tiny t = small(false);
    float w[3 * D] = {0};
    put_dense(&t, THREE ",\"bias\":false}", w, NULL);
    tiny_modules(&t, "{}", UNIT_BEFORE DENSE_LAST);
    CHECK_INT(remove(test_path(t.dir, "model.safetensors")), 0);
    put_shard(&t, "one.safetensors", 0, t.n);
    put_file(t.dir, "model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\"}}");
    /* What torch_write makes is no bare state dict: refused, after every allocation was tried. */
    const char *bin = keep(test_path(test_tmpdir(), "bin"));
    tiny_tokenizer(bin, false);
    CHECK_OK(imr_torch_write(test_path(bin, "pytorch_model.bin"), t.items, t.n, NULL, 0, &err));
    const char *dirs[] = {t.dir, bin};
    for (size_t d = 0; d < IMR_LEN(dirs); d++) {
        tiny at = t;
        at.dir = dirs[d];
        tiny_config(&at, "");
        imr_status s = IMR_E_MEMORY;
        for (long i = 0; s == IMR_E_MEMORY; i++) {
            imr_encoder *e = NULL;
            imr_mem_fail_after(i);
            s = imr_encoder_open(&e, dirs[d], NULL, &err);
            imr_mem_fail_after(-1);
            imr_encoder_free(e);
        }
        CHECK_INT(s, d == 0 ? IMR_OK : IMR_E_NOT_FOUND);
    }
    CHECK_CONTAINS(err.text, "pytorch_model.bin: the tensor `embeddings.word_embeddings.weight`");
    tiny_done(&t);
}
