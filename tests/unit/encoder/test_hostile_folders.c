/* Folders that lie, were cut short, or point elsewhere: one error each, and never a vector. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "encoder/encoder.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

enum { D = 12 };

static tiny small(bool mpnet)
{
    return tiny_new(mpnet, D, 3, 20, 10);
}

static void refused(const char *dir, imr_status status, const char *part)
{
    folder_refused(&err, dir, status, part);
}

static void opens(const char *dir)
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, dir, NULL, &err));
    imr_encoder_free(e);
}

/* ---- config.json ---- */

/* The tiny config with one value replaced. */
static void put_config(const tiny *t, const char *key, const char *value)
{
    static const char *const keys[][2] = {
        {"vocab_size", "24"},        {"hidden_size", "12"},
        {"num_hidden_layers", "2"},  {"num_attention_heads", "3"},
        {"intermediate_size", "20"}, {"max_position_embeddings", NULL},
        {"type_vocab_size", "2"},    {"layer_norm_eps", "1e-5"}};
    imr_buf b = {0};
    imr_buf_printf(&b, "{\"model_type\":\"%s\"", t->mpnet ? "mpnet" : "bert");
    for (size_t i = 0; i < IMR_LEN(keys); i++) {
        char positions[24];
        snprintf(positions, sizeof positions, "%zu", t->positions);
        imr_buf_printf(&b, ",\"%s\":%s", keys[i][0],
                       strcmp(keys[i][0], key) == 0 ? value
                       : keys[i][1]                 ? keys[i][1]
                                                    : positions);
    }
    imr_buf_char(&b, '}');
    put_file(t->dir, "config.json", imr_buf_text(&b));
    imr_buf_done(&b);
}

TEST("sizes in config.json that no model has are refused by name, before memory is asked for")
{
    static const char *const sizes[] = {"vocab_size",        "hidden_size",
                                        "num_hidden_layers", "num_attention_heads",
                                        "intermediate_size", "max_position_embeddings"};
    static const char *const values[] = {"0",          "-1",          "1.5",  "1e3000",
                                         "4294967296", "99999999999", "null", "\"\"",
                                         "true",       "[12]",        "{}"};
    for (int mpnet = 0; mpnet < 2; mpnet++) {
        tiny t = small(mpnet);
        put_config(&t, "", "");
        opens(t.dir);
        for (size_t i = 0; i < IMR_LEN(sizes); i++)
            for (size_t v = 0; v < IMR_LEN(values); v++) {
                put_config(&t, sizes[i], values[v]);
                imr_encoder *e = NULL;
                imr_mem_fail_after(-1);
                CHECK(imr_encoder_open(&e, t.dir, NULL, &err) != IMR_OK);
                CHECK_CONTAINS(err.text, "config.json");
                CHECK_CONTAINS(err.text, t.dir);
                if (strcmp(values[v], "1e3000") != 0) /* a number JSON readers cannot hold */
                    CHECK_CONTAINS(err.text, sizes[i]);
            }
        tiny_done(&t);
    }
}

TEST("sizes that are possible but not those of the weights are told with both")
{
    static const struct {
        const char *key, *value, *part;
        imr_status status;
    } rows[] = {
        {"vocab_size", "25", "by config.json it should be 25 x 12", IMR_E_SHAPE},
        {"vocab_size", "16777216", "by config.json it should be 16777216 x 12", IMR_E_SHAPE},
        {"hidden_size", "15", "by config.json it should be 24 x 15", IMR_E_SHAPE},
        {"hidden_size", "65535", "by config.json it should be 24 x 65535", IMR_E_SHAPE},
        {"hidden_size", "13", "cannot be divided into num_attention_heads 3", IMR_E_SHAPE},
        {"num_hidden_layers", "256", "encoder.layer.2.attention", IMR_E_NOT_FOUND},
        {"num_hidden_layers", "257", "num_hidden_layers", IMR_E_FORMAT},
        {"num_attention_heads", "24", "cannot be divided", IMR_E_SHAPE},
        {"intermediate_size", "21", "by config.json it should be 21 x 12", IMR_E_SHAPE},
        {"intermediate_size", "262144", "by config.json it should be 262144 x 12", IMR_E_SHAPE},
        {"max_position_embeddings", "65536", "by config.json it should be 65536 x 12", IMR_E_SHAPE},
        {"type_vocab_size", "65536", "by config.json it should be 65536 x 12", IMR_E_SHAPE},
        {"layer_norm_eps", "-1e-5", "layer_norm_eps is -1e-05, expected", IMR_E_FORMAT},
        {"layer_norm_eps", "1", "layer_norm_eps is 1, expected", IMR_E_FORMAT},
        {"layer_norm_eps", "NaN", "config.json", IMR_E_FORMAT},
        {"layer_norm_eps", "null", "layer_norm_eps is no number", IMR_E_FORMAT},
        {"layer_norm_eps", "\"1e-12\"", "layer_norm_eps is no number", IMR_E_FORMAT},
    };
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_config(&t, rows[i].key, rows[i].value);
        refused(t.dir, rows[i].status, rows[i].part);
    }
    put_config(&t, "num_attention_heads", "6"); /* another model, but a whole one */
    opens(t.dir);
    tiny_done(&t);
}

TEST("model types that are not supported are refused by name, and what is supported is said")
{
    static const char *const types[] = {
        "distilbert", "roberta", "xlm-roberta", "camembert",  "electra",       "deberta-v2",
        "albert",     "t5",      "mt5",         "modernbert", "nomic_bert",    "new",
        "qwen2",      "qwen3",   "mistral",     "llama",      "gemma3_text",   "xlnet",
        "bart",       "clip",    "BERT",        "bert2",      "megatron-bert", ""};
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(types); i++) {
        char json[200], part[100];
        snprintf(json, sizeof json, "{\"model_type\":\"%s\",\"architectures\":[\"BertModel\"]}",
                 types[i]);
        snprintf(part, sizeof part, "the model type \"%s\" is not supported; supported: bert",
                 types[i]);
        put_file(t.dir, "config.json", json);
        refused(t.dir, IMR_E_UNSUPPORTED, part);
        CHECK_CONTAINS(err.text, "mpnet, model2vec, and StaticEmbedding");
    }
    static const char *const modules[] = {
        "CLIPModel", "WordEmbeddings", "BoW",    "LSTM",
        "CNN",       "LayerNorm",      "Router", "SparseStaticEmbedding"};
    put_config(&t, "", "");
    for (size_t i = 0; i < IMR_LEN(modules); i++) {
        char json[200];
        snprintf(json, sizeof json,
                 "[{\"path\":\"\",\"type\":\"sentence_transformers.models.%s\"}]", modules[i]);
        put_file(t.dir, "modules.json", json);
        refused(t.dir, IMR_E_UNSUPPORTED, modules[i]);
        CHECK_CONTAINS(err.text, "supported: Transformer, Pooling");
    }
    tiny_done(&t);
}

/* ---- every file of the folder in turn ---- */

static const char *const needed[] = {"config.json", "modules.json", "1_Pooling/config.json",
                                     "tokenizer.json", "model.safetensors"};

static char *aside(const tiny *t, const char *file, size_t *len)
{
    return test_read(keep(test_path(t->dir, file)), len);
}

TEST("a file that is empty, cut short, no text or another's is named")
{
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(needed); i++) {
        size_t len;
        char *whole = aside(&t, needed[i], &len);
        const char *path = keep(test_path(t.dir, needed[i]));
        const size_t step = len < 400 ? 1 : len / 97;
        for (size_t cut = 0; cut < len; cut += step) {
            CHECK_OK(imr_file_write(path, whole, cut, &err));
            refused(t.dir, IMR_E_FORMAT, needed[i]);
        }
        static const char *const texts[] = {
            "",   "null", "7",      "\"x\"",      "[]",
            "{}", "[[]]", "{\"a\"", "\xff\xfe{}", "[{\"type\":null}]"};
        for (size_t k = 0; k < IMR_LEN(texts); k++) {
            CHECK_OK(imr_file_write(path, texts[k], strlen(texts[k]), &err));
            imr_encoder *e = NULL;
            /* Pooling without settings is mean pooling. */
            const bool fine = i == 2 && texts[k][0] == '{' && texts[k][1] == '}';
            imr_status status = imr_encoder_open(&e, t.dir, NULL, &err);
            if (fine != (status == IMR_OK))
                FAIL("%s as %s: %s", texts[k], needed[i], status == IMR_OK ? "opened" : err.text);
            if (!fine)
                CHECK_CONTAINS(err.text, needed[i]);
            imr_encoder_free(e);
        }
        CHECK_OK(imr_file_write(path, whole, len, &err));
        opens(t.dir);
        free(whole);
    }
    tiny_done(&t);
}

TEST("what is there but cannot be read is not taken for absent")
{
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(needed); i++) {
        size_t len;
        char *whole = aside(&t, needed[i], &len);
        const char *path = keep(test_path(t.dir, needed[i]));
        CHECK_INT(remove(path), 0);
        CHECK_INT(mkdir(path, 0777), 0);
        refused(t.dir, IMR_E_NOT_FOUND, needed[i]);
        CHECK_CONTAINS(err.text, "is a folder");
        CHECK_INT(rmdir(path), 0);
        CHECK_INT(symlink(path, path), 0); /* to itself */
        refused(t.dir, IMR_E_NOT_FOUND, needed[i]);
        CHECK_CONTAINS(err.text, "is a link to nothing");
        CHECK_INT(remove(path), 0);
        /* A blob of the Hugging Face cache that was not fetched, or was deleted. */
        CHECK_INT(symlink("../../blobs/0123", path), 0);
        refused(t.dir, IMR_E_NOT_FOUND, needed[i]);
        CHECK_CONTAINS(err.text, "is a link to nothing");
        CHECK_CONTAINS(err.text, "huggingface-cli download");
        CHECK_INT(remove(path), 0);
        CHECK_OK(imr_file_write(path, whole, len, &err));
        opens(t.dir);
        free(whole);
    }
    tiny_done(&t);
}

TEST("half a folder is not read as another kind of folder")
{
    tiny t = small(false);
    CHECK_INT(remove(test_path(t.dir, "modules.json")), 0);
    refused(t.dir, IMR_E_NOT_FOUND, "no modules.json"); /* its pooling is there */
    CHECK_CONTAINS(err.text, "huggingface-cli download");
    CHECK_INT(remove(test_path(t.dir, "1_Pooling/config.json")), 0);
    opens(t.dir); /* a plain transformers folder: mean pooling */
    put_file(t.dir, "config_sentence_transformers.json", "{}");
    refused(t.dir, IMR_E_NOT_FOUND, "no modules.json");
    tiny_done(&t);
}

/* ---- places ---- */

TEST("no description leads out of the folder")
{
    tiny t = small(false);
    static const char *const paths[] = {"../../etc", "..",     "a/../../b", "/etc",
                                        "/",         "1_P/..", "./../x",    NULL};
    char json[800], longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < IMR_LEN(paths); i++) {
        const char *path = paths[i] ? paths[i] : longest;
        for (int which = 0; which < 2; which++) {
            snprintf(json, sizeof json,
                     "[{\"path\":\"%s\",\"type\":\"Transformer\"},{\"path\":\"%s\",\"type\":"
                     "\"Pooling\"}]",
                     which ? "" : path, which ? path : "1_Pooling");
            put_file(t.dir, "modules.json", json);
            refused(t.dir, IMR_E_FORMAT, "leaves the folder");
            CHECK_CONTAINS(err.text, "modules.json");
        }
    }
    put_file(t.dir, "modules.json",
             "[{\"path\":\"\",\"type\":\"Transformer\"},{\"path\":\"1_Pooling\",\"type\":"
             "\"Pooling\"}]");
    CHECK_INT(remove(test_path(t.dir, "model.safetensors")), 0);
    static const char *const shards[] = {"../model.safetensors", "/etc/passwd", ".hidden", ""};
    for (size_t i = 0; i < IMR_LEN(shards); i++) {
        snprintf(json, sizeof json, "{\"weight_map\":{\"a\":\"%s\"}}", shards[i]);
        put_file(t.dir, "model.safetensors.index.json", json);
        refused(t.dir, IMR_E_FORMAT, "which is no file beside it");
    }
    tiny_done(&t);
}

TEST("a list of a hundred modules, and pooling that is all off, are refused")
{
    tiny t = small(false);
    imr_buf b = {0};
    imr_buf_str(&b, "[{\"path\":\"\",\"type\":\"Transformer\"},{\"path\":\"1_Pooling\",\"type\":"
                    "\"Pooling\"}");
    for (int i = 0; i < 100; i++)
        imr_buf_str(&b, ",{\"path\":\"2_Normalize\",\"type\":\"Normalize\"}");
    imr_buf_char(&b, ']');
    put_file(t.dir, "modules.json", imr_buf_text(&b));
    imr_buf_done(&b);
    refused(t.dir, IMR_E_LIMIT, "modules");
    tiny_modules(&t,
                 "{\"pooling_mode_cls_token\":false,\"pooling_mode_mean_tokens\":false,"
                 "\"pooling_mode_max_tokens\":false,\"pooling_mode_mean_sqrt_len_tokens\":false}",
                 "");
    refused(t.dir, IMR_E_FORMAT, "1_Pooling/config.json: no pooling is switched on");
    tiny_modules(&t, "{\"pooling_mode_mean_tokens\":\"yes\"}", "");
    refused(t.dir, IMR_E_FORMAT, "pooling_mode_mean_tokens is neither true nor false");
    tiny_done(&t);
}

/* ---- tokenizer.json ---- */

TEST("vocabularies that do not fit the model or themselves are refused")
{
    static const struct {
        const char *json, *part;
    } rows[] = {
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1},\"unk_token\":\"a\"}}", "vocab"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1.5},\"unk_token\":\"a\"}}", "vocab"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":4294967296}}}", "vocab"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":0}}}",
         "two tokens have the id 0"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":99999999}}}", ""},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":[]}}", "vocab"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[CLS]\":0,\"[SEP]\":1}}}", "lacks [UNK]"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "BPE"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]]}}", "Unigram"},
        {"{\"model\":null}", "model"},
    };
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_file(t.dir, "tokenizer.json", rows[i].json);
        imr_encoder *e = NULL;
        if (imr_encoder_open(&e, t.dir, NULL, &err) == IMR_OK)
            FAIL("opened: %s", rows[i].json);
        CHECK_CONTAINS(err.text, rows[i].part);
        CHECK_CONTAINS(err.text, t.dir);
    }
    /* Fewer tokens than rows: the rest have no name and stay unused, as with padded tables. */
    put_file(
        t.dir, "tokenizer.json",
        "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2}}}");
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
    CHECK_INT(imr_encoder_token_count(e), 3);
    CHECK_INT(imr_encoder_token_rows(e).rows, 3);
    imr_encoder_free(e);
    tiny_done(&t);
}
