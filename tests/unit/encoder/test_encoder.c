#include "base/mem.h"
#include "encoder/encoder_kind.h"
#include "encoder/train_static.h"
#include "format/json.h"
#include "format/npy.h"
#include "tests/unit/encoder/folders.h"

static imr_error err;

static imr_encoder *open_or_fail(const char *folder)
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    return e;
}

/* The vector of one text in two dimensions, as a pair. */
static size_t encode2(const imr_encoder *e, const char *text, float out[2])
{
    size_t len = strlen(text);
    imr_token_count count;
    CHECK_OK(imr_encoder_encode(e, &text, &len, 1, out, &count, NULL, &err));
    return count.known;
}

static void same_as_oracle(const char *name)
{
    char part[128];
    snprintf(part, sizeof part, "oracle/encoders/%s", name);
    const char *folder = keep(test_shared(part));
    imr_encoder *e = open_or_fail(folder);
    imr_json *json = NULL;
    CHECK_OK(imr_json_open(&json, test_path(folder, "expected_texts.json"), &err));
    imr_npy expected = {0};
    CHECK_OK(imr_npy_open(&expected, test_path(folder, "expected.npy"), &err));
    const char *texts[64];
    size_t lens[64], n = 0;
    imr_token_count counts[64];
    for (const imr_json *t = imr_json_child(json); t && n < 64; t = imr_json_next(t)) {
        texts[n] = imr_json_string_or(t, "", "");
        lens[n] = strlen(texts[n]);
        n++;
    }
    CHECK_INT(expected.t.shape[0], n);
    CHECK_INT(expected.t.shape[1], e->dim);
    float found[64 * 12], want[64 * 12];
    CHECK_INT(e->dim, 12);
    CHECK_OK(imr_encoder_encode(e, texts, lens, n, found, counts, NULL, &err));
    CHECK_OK(imr_tensor_to_f32(&expected.t, want, &err));
    /* The oracle's StaticEmbedding is older than the releases that cut texts as its tokenizer.json
     * says (sentence-transformers 6.2): its three longest texts are whole. */
    const bool cut = strcmp(e->kind, "static-embedding") == 0;
    for (size_t i = 0; i < n; i++)
        if (!cut || counts[i].read == counts[i].total)
            CHECK_ALL_NEAR(found + i * 12, want + i * 12, 12, 1e-5);
    CHECK_INT(counts[1].known, 2); /* hello world */
    CHECK_INT(counts[2].known, 0); /* the empty text */
    CHECK_INT(counts[8].known, 0); /* one word of 101 letters */
    /* One at a time is the same to the last bit. */
    for (size_t i = 0; i < n; i++) {
        float one[12];
        CHECK_OK(imr_encoder_encode(e, texts + i, lens + i, 1, one, NULL, NULL, &err));
        CHECK(memcmp(one, found + i * 12, sizeof one) == 0);
    }
    imr_npy_done(&expected);
    imr_json_free(json);
    imr_encoder_free(e);
}

TEST("Model2Vec vectors equal the oracle's")
{
    same_as_oracle("static-model2vec");
}

TEST("StaticEmbedding vectors equal the oracle's")
{
    same_as_oracle("static-sentence-transformers");
}

TEST("a published folder without weights says so and names the command")
{
    const char *folder = keep(test_shared("models/all-MiniLM-L6-v2-without-weights"));
    imr_encoder *e = NULL;
    CHECK_INT(imr_encoder_open(&e, folder, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "the weights are missing (no model.safetensors)");
    CHECK_CONTAINS(err.text, "huggingface-cli download sentence-transformers/all-MiniLM-L6-v2");
    CHECK(e == NULL);
}

TEST("encoders of another kind are refused by name")
{
    imr_encoder *e = NULL;
    const char *dir = put_model2vec();
    put_file(dir, "config.json", "{\"model_type\":\"t5\",\"architectures\":[\"T5EncoderModel\"]}");
    CHECK_INT(imr_encoder_open(&e, dir, NULL, &err), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "model type \"t5\" is not supported; supported: bert");
    put_file(dir, "config.json", "{\"architectures\":[\"T5EncoderModel\"]}");
    CHECK_INT(imr_encoder_open(&e, dir, NULL, &err), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "\"T5EncoderModel\"");
    CHECK_INT(imr_encoder_open(&e, test_tmpdir(), NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "config.json or modules.json");
    CHECK(e == NULL);
}

TEST("a static encoder has one precision")
{
    const imr_encoder_options o = {.precision = IMR_BFLOAT16};
    imr_encoder *e = NULL;
    CHECK_INT(imr_encoder_open(&e, put_model2vec(), &o, &err), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "leave the precision at float32");
}

TEST("Model2Vec leaves unknown words out; a text without a known word gives zeros")
{
    imr_encoder *e = open_or_fail(put_model2vec());
    float v[2];
    CHECK_INT(encode2(e, "Sun, moon!", v), 2);
    CHECK_NEAR(v[0], 0.6, 1e-7);
    CHECK_NEAR(v[1], 0.8, 1e-7);
    CHECK_INT(encode2(e, "nothing here", v), 0);
    CHECK(v[0] == 0 && v[1] == 0);
    CHECK_INT(encode2(e, "", v), 0);
    CHECK(v[0] == 0 && v[1] == 0);
    CHECK_STR(e->kind, "model2vec");
    CHECK_STR(e->folder.name, "words");
    CHECK_INT(e->dim, 2);
    CHECK_INT(e->max_tokens, 512);
    CHECK_STR(e->query_prefix, "");
    imr_view rows = imr_encoder_token_rows(e);
    CHECK_INT(rows.rows, 4);
    CHECK_INT(imr_encoder_token_count(e), 4);
    CHECK(memcmp(rows.v, words_table, sizeof words_table) == 0);
    CHECK_STR(imr_encoder_token_text(e, 3), "tide");
    CHECK(e->tokenizer->flags[0] & IMR_TOKEN_UNKNOWN);
    imr_encoder_free(e);
}

/* What model2vec 0.10 gives. The median length of a token is 4 here. */
TEST("Model2Vec reads max_length tokens, the unknown ones counted, of as many times the median")
{
    const char *dir = put_model2vec();
    imr_encoder *e = open_or_fail(dir);
    char text[2800];
    float v[2];
    memset(text, ' ', sizeof text);
    for (size_t i = 0; i < 600; i++)
        memcpy(text + 4 * i, i >= 512 ? "moon " : "sun ", 4);
    text[2400] = '\0';
    CHECK_INT(encode2(e, text, v), 512);
    CHECK(v[0] == 1 && v[1] == 0);
    text[2] = 'x'; /* "sux", unknown: it is left out, but another does not move up */
    CHECK_INT(encode2(e, text, v), 511);
    CHECK(v[0] == 1 && v[1] == 0);
    memset(text, ' ', 2048);
    memcpy(text, "tide", 4);
    memcpy(text + 2048, "moon", 5);
    CHECK_INT(encode2(e, text, v), 1);
    CHECK_NEAR(v[0], sqrt(0.5), 1e-6);
    imr_encoder_free(e);

    static const struct {
        const char *config, *text;
        size_t known, most;
    } rows[] = {
        {"{\"model_type\":\"model2vec\",\"max_length\":2}", "sun moon tide", 2, 2},
        {"{\"model_type\":\"model2vec\",\"max_length\":null}", NULL, 512 + 88, 0},
        {"{\"max_length\":3}", "x sun moon tide", 2, 3}, /* fine-tuned: without model_type */
    };
    for (size_t i = 0; i < 600; i++)
        memcpy(text + 4 * i, "sun ", 4);
    text[2400] = '\0';
    put_file(dir, "modules.json", "[{\"path\":\".\",\"type\":\"x.StaticEmbedding\"}]");
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_file(dir, "config.json", rows[i].config);
        e = open_or_fail(dir);
        CHECK_STR(e->kind, "model2vec");
        CHECK_INT(e->max_tokens, rows[i].most);
        CHECK_INT(encode2(e, rows[i].text ? rows[i].text : text, v), rows[i].known);
        imr_encoder_free(e);
    }
    put_file(dir, "config.json", "{\"model_type\":\"model2vec\",\"max_length\":0}");
    folder_refused(&err, dir, IMR_E_FORMAT, "max_length");
}

TEST("a StaticEmbedding keeps the truncation of its tokenizer.json")
{
    const char *dir = put_model2vec();
    float v[2];
    CHECK_INT(remove(test_path(dir, "config.json")), 0);
    put_file(dir, "modules.json", "[{\"path\":\"\",\"type\":\"x.StaticEmbedding\"}]");
    static const char *const directions[] = {"Right", "Left"};
    for (size_t i = 0; i < 2; i++) {
        imr_buf b = {0};
        imr_buf_printf(&b,
                       "{\"truncation\":{\"direction\":\"%s\",\"max_length\":2,\"strategy\":"
                       "\"LongestFirst\",\"stride\":0},%s",
                       directions[i], &WORDS_JSON[1]);
        put_file(dir, "tokenizer.json", imr_buf_text(&b));
        imr_buf_done(&b);
        imr_encoder *e = open_or_fail(dir);
        CHECK_INT(encode2(e, "sun sun moon moon", v), 2);
        CHECK(v[i] == (i ? 4 : 3) && v[1 - i] == 0);
        imr_encoder_free(e);
    }
}

TEST("weights and mapping give each token its row")
{
    const char *dir = put_model2vec();
    static const float table[6] = {1, 0, 0, 1, 2, 2};
    static const float weights[4] = {1, 0.5f, 2, 1}, mapping[4] = {0, 2, 1, 2};
    imr_torch_item items[] = {item_2d("embeddings", table, 3, 2),
                              {.name = "weights", .data = weights, .rank = 1, .shape = {4}},
                              {.name = "mapping", .data = mapping, .rank = 1, .shape = {4}}};
    put_tensors(dir, items, 3);
    imr_encoder *e = open_or_fail(dir);
    static const float want[8] = {1, 0, 1, 1, 0, 2, 2, 2};
    CHECK_ALL_NEAR(imr_encoder_token_rows(e).v, want, 8, 0);
    imr_encoder_free(e);
    static const float astray[4] = {0, 3, 1, 2}, nan_map[4] = {0, NAN, 1, 2};
    imr_encoder *none = NULL;
    items[2].data = astray;
    put_tensors(dir, items, 3);
    CHECK_INT(imr_encoder_open(&none, dir, NULL, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "token 1 to row 3");
    items[2].data = nan_map;
    put_tensors(dir, items, 3);
    CHECK_INT(imr_encoder_open(&none, dir, NULL, &err), IMR_E_FORMAT);
    items[2].shape[0] = 3;
    put_tensors(dir, items, 3);
    CHECK_INT(imr_encoder_open(&none, dir, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "`mapping` is 3");
}

TEST("a token alone is its row, of unit length where texts are; Model2Vec's unknown token is none")
{
    imr_encoder *e = open_or_fail(put_model2vec());
    const uint32_t ids[] = {3, 0, 2};
    float v[6];
    CHECK_OK(imr_encoder_encode_tokens(e, ids, 3, v, NULL, &err));
    static const float unit[6] = {0.70710678f, 0.70710678f, 0, 0, 0, 1};
    CHECK_ALL_NEAR(v, unit, 6, 1e-7);
    const uint32_t astray = 4;
    CHECK_INT(imr_encoder_encode_tokens(e, &astray, 1, v, NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "no token 4, the vocabulary has 4");
    imr_encoder_free(e);
    const char *dir = put_model2vec();
    put_file(dir, "config.json", "{\"model_type\":\"model2vec\"}");
    e = open_or_fail(dir);
    CHECK_OK(imr_encoder_encode_tokens(e, ids, 3, v, NULL, &err));
    static const float plain[6] = {1, 1, 0, 0, 0, 4};
    CHECK_ALL_NEAR(v, plain, 6, 0);
    imr_encoder_free(e);
}

TEST("StaticEmbedding keeps unknown words and may be left unnormalised")
{
    const char *dir = keep(test_tmpdir());
    const char *module = keep(test_path(dir, "0_StaticEmbedding"));
    imr_torch_item table = item_2d("embedding.weight", words_table, 4, 2);
    put_tensors(module, &table, 1);
    put_file(module, "tokenizer.json", WORDS_JSON);
    put_file(dir, "modules.json",
             "[{\"path\":\"0_StaticEmbedding\",\"type\":\"sentence_transformers.models."
             "StaticEmbedding\"}]");
    imr_encoder *e = open_or_fail(dir);
    float v[2];
    CHECK_INT(encode2(e, "sun unheard", v), 1);
    CHECK(v[0] == 6 && v[1] == 4.5f);
    CHECK_STR(e->kind, "static-embedding");
    CHECK_STR(e->files[0], "modules.json");
    CHECK_STR(e->files[1], "0_StaticEmbedding/tokenizer.json");
    CHECK_STR(e->files[2], "0_StaticEmbedding/model.safetensors");
    CHECK(e->files[3] == NULL);
    imr_encoder_free(e);
    put_file(
        dir, "modules.json",
        "[{\"path\":\"0_StaticEmbedding\",\"type\":\"StaticEmbedding\"},{\"type\":\"Dense\"}]");
    e = NULL;
    CHECK_INT(imr_encoder_open(&e, dir, NULL, &err), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "Normalize");
}

TEST("folders that do not fit together are refused with what was found")
{
    static const float three[6] = {1, 2, 3, 4, 5, 6};
    static float bad[8] = {9, 9, 3, 0, 0, NAN, 1, 1};
    struct {
        const char *file, *text, *expect;
        imr_torch_item item;
        imr_status status;
    } rows[] = {
        {.item = item_2d("embeddings", three, 3, 2),
         .status = IMR_E_SHAPE,
         .expect = "3 rows, but the vocabulary has 4"},
        {.item = item_2d("embeddings", bad, 4, 2),
         .status = IMR_E_NUMERIC,
         .expect = "token 2 (\"moon\")"},
        {.item = item_2d("vectors", bad, 4, 2),
         .status = IMR_E_NOT_FOUND,
         .expect = "`embeddings`"},
        {.item = {.name = "embeddings", .data = bad, .rank = 1, .shape = {8}},
         .status = IMR_E_SHAPE,
         .expect = "tokens x dimensions"},
        {.file = "tokenizer.json",
         .text = "{\"model\":",
         .status = IMR_E_FORMAT,
         .expect = "tokenizer.json"},
        {.file = "config.json",
         .text = "{\"model_type\":\"model2vec\"",
         .status = IMR_E_FORMAT,
         .expect = "config.json"},
        {.file = "model.safetensors",
         .text = "short",
         .status = IMR_E_FORMAT,
         .expect = "model.safetensors"},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        const char *dir = put_model2vec();
        if (rows[i].file)
            put_file(dir, rows[i].file, rows[i].text);
        else
            put_tensors(dir, &rows[i].item, 1);
        imr_encoder *e = NULL;
        imr_status s = imr_encoder_open(&e, dir, NULL, &err);
        if (s != rows[i].status)
            FAIL("case %zu: status %d: %s", i, (int)s, err.text);
        CHECK_CONTAINS(err.text, rows[i].expect);
        CHECK(e == NULL);
    }
    static const char *const gone[] = {"model.safetensors", "tokenizer.json"};
    for (size_t i = 0; i < IMR_LEN(gone); i++) {
        const char *dir = put_model2vec();
        CHECK_INT(remove(test_path(dir, gone[i])), 0);
        imr_encoder *e = NULL;
        CHECK_INT(imr_encoder_open(&e, dir, NULL, &err), IMR_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, gone[i]);
        CHECK_CONTAINS(err.text, "huggingface-cli download");
    }
}

TEST("the identity is what sha256sum prints over the files, and changes with any of them")
{
    const char *dir = put_model2vec();
    imr_encoder *e = open_or_fail(dir);
    char first[IMR_SHA256_HEX], again[IMR_SHA256_HEX], one[IMR_SHA256_HEX];
    CHECK_OK(imr_encoder_sha256(e, first, &err));
    imr_buf lines = {0};
    for (size_t i = 0; e->files[i]; i++) {
        CHECK_OK(imr_sha256_file(test_path(dir, e->files[i]), one, &err));
        imr_buf_printf(&lines, "%s  %s\n", one, e->files[i]);
    }
    CHECK_OK(imr_sha256_memory(imr_buf_text(&lines), lines.len, again, &err));
    CHECK_STR(first, again);
    imr_buf_done(&lines);
    put_file(dir, "config.json", "{\"model_type\":\"model2vec\",\"normalize\":false}");
    CHECK_OK(imr_encoder_sha256(e, again, &err));
    CHECK(strcmp(first, again) != 0);
    CHECK_INT(remove(test_path(dir, "config.json")), 0);
    CHECK_INT(imr_encoder_sha256(e, again, &err), IMR_E_NOT_FOUND);
    imr_encoder_free(e);
}

static bool stop_at_300(void *user, const imr_progress_info *info)
{
    *(uint64_t *)user = info->done;
    return info->done < 300;
}

TEST("many texts: progress, cancelling, and the first failing text named")
{
    enum { N = 1000 };
    imr_encoder *e = open_or_fail(put_model2vec());
    const char *texts[N];
    size_t lens[N];
    imr_token_count counts[N];
    float *out = malloc(N * 2 * sizeof *out);
    CHECK(out != NULL);
    /* Short texts are encoded by one thread, these 300 bytes by all of them. */
    char moons[301], both[301];
    for (size_t i = 0; i < 300; i += 10) {
        memcpy(moons + i, "moon      ", 10);
        memcpy(both + i, "sun  tide ", 10);
    }
    moons[300] = both[300] = '\0';
    for (size_t i = 0; i < N; i++) {
        texts[i] = i % 2 ? moons : both;
        lens[i] = 300;
    }
    CHECK_OK(imr_encoder_encode(e, texts, lens, N, out, counts, NULL, &err));
    for (size_t i = 0; i < N; i++)
        CHECK(counts[i].known == (i % 2 ? 30 : 60) &&
              memcmp(out + 2 * i, out + 2 * (i % 2), 8) == 0);
    float one[2];
    CHECK_OK(imr_encoder_encode(e, texts, lens, 1, one, NULL, NULL, &err));
    CHECK(memcmp(one, out, sizeof one) == 0);
    uint64_t done = 0;
    imr_progress p = {stop_at_300, &done};
    CHECK_INT(imr_encoder_encode(e, texts, lens, N, out, counts, &p, &err), IMR_E_CANCELLED);
    CHECK(done >= 300 && done < N);
    lens[70] = lens[90] = IMR_MAX_TEXT_BYTES + 1;
    CHECK_INT(imr_encoder_encode(e, texts, lens, N, out, counts, NULL, &err), IMR_E_LIMIT);
    CHECK_CONTAINS(err.text, "text 70: ");
    free(out);
    imr_encoder_free(e);
}

TEST("tokens carry their spans for highlighting")
{
    imr_encoder *e = open_or_fail(put_model2vec());
    imr_tokens t = {0};
    CHECK_OK(imr_encoder_tokenize(e, "The S\xC3\xBAn and moon", 17, true, &t, &err));
    CHECK_INT(t.n, 4);
    CHECK(t.v[1].id == 1 && t.v[1].start == 4 && t.v[1].end == 8);
    CHECK(t.v[3].id == 2 && t.v[3].start == 13 && t.v[3].end == 17);
    imr_tokens_done(&t);
    imr_encoder_free(e);
}

TEST("a folder whose weights are missing still has its tokeniser, whichever allocation fails")
{
    const char *dir = put_model2vec();
    CHECK_INT(remove(test_path(dir, "model.safetensors")), 0);
    const imr_encoder_options o = {.tokens_only = true};
    imr_encoder *e = NULL;
    CHECK_INT(imr_encoder_open(&e, dir, NULL, &err), IMR_E_NOT_FOUND);
    imr_status s = IMR_E_MEMORY;
    for (long i = 0; s == IMR_E_MEMORY; i++) {
        CHECK(e == NULL);
        imr_mem_fail_after(i);
        s = imr_encoder_open(&e, dir, &o, &err);
        imr_mem_fail_after(-1);
    }
    CHECK_OK(s);
    imr_tokens tokens = {0};
    CHECK_OK(
        imr_tokenizer_encode(e->tokenizer, "sun moon", 8, &(imr_encode_options){0}, &tokens, &err));
    CHECK_INT(tokens.n, 2);
    CHECK_INT(tokens.v[0].id, 1);
    CHECK_INT(tokens.v[1].id, 2);
    imr_tokens_done(&tokens);
    imr_encoder_free(e);
    e = NULL;
    CHECK_INT(remove(test_path(dir, "tokenizer.json")), 0);
    CHECK_INT(imr_encoder_open(&e, dir, &o, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "the tokeniser is missing (no tokenizer.json)");
    put_file(dir, "config.json", "{\"model_type\":\"gpt2\"}");
    CHECK_INT(imr_encoder_open(&e, dir, &o, &err), IMR_E_UNSUPPORTED);
    CHECK(e == NULL);
}

TEST("every allocation of opening and encoding may fail")
{
    const char *dir = put_model2vec();
    const char *text = "sun moon";
    size_t len = 8;
    imr_status s = IMR_E_MEMORY;
    for (long i = 0; s != IMR_OK; i++) {
        imr_encoder *e = NULL;
        float v[2];
        imr_mem_fail_after(i);
        s = imr_encoder_open(&e, dir, NULL, &err);
        if (s == IMR_OK)
            s = imr_encoder_encode(e, &text, &len, 1, v, NULL, NULL, &err);
        imr_mem_fail_after(-1);
        if (s != IMR_OK)
            CHECK_INT(s, IMR_E_MEMORY);
        imr_encoder_free(e);
    }
}

TEST("a written folder opens again with the same rows, and files agree with Model2Vec")
{
    const char *dir = keep(test_path(test_tmpdir(), "made/by us"));
    static const char *const words[] = {"caf\xC3\xA9", "quote\"back\\slash", "moon"};
    static const float table[6] = {1, 2, -3, 4.5f, 0, 1e-7f};
    CHECK_OK(imr_static_write(dir, words, 3, imr_view_of(table, 3, 2), true, &err));
    imr_encoder *e = open_or_fail(dir);
    CHECK_INT(imr_encoder_token_count(e), 4);
    imr_view rows = imr_encoder_token_rows(e);
    CHECK(memcmp(imr_view_row(&rows, 1), table, sizeof table) == 0);
    CHECK(rows.v[0] == 0 && rows.v[1] == 0);
    CHECK_STR(imr_encoder_token_text(e, 0), "[UNK]");
    CHECK_STR(imr_encoder_token_text(e, 2), words[1]);
    float v[2], w[2];
    CHECK_INT(encode2(e, "MOON unheard", v), 1);
    CHECK_NEAR(v[1], 1, 1e-6);
    imr_encoder_free(e);
    /* sentence-transformers reads the same folder by modules.json and gets the same vectors. */
    CHECK_INT(remove(test_path(dir, "config.json")), 0);
    e = open_or_fail(dir);
    CHECK_STR(e->kind, "static-embedding");
    CHECK_INT(encode2(e, "MOON unheard", w), 1);
    CHECK_ALL_NEAR(v, w, 2, 1e-7);
    imr_encoder_free(e);
}

TEST("what cannot be written is refused before any file appears")
{
    const char *dir = keep(test_path(test_tmpdir(), "none"));
    static const float table[4] = {1, 2, 3, NAN};
    static const char *const twice[] = {"a", "a"}, *const empty[] = {"a", ""},
                             *const bytes[] = {"a", "\xFF"}, *const unknown[] = {"[UNK]"},
                             *const fine[] = {"a", "b"};
    imr_view one = imr_view_of(table, 2, 1), two = imr_view_of(table, 2, 2);
    CHECK_INT(imr_static_write(dir, twice, 2, one, true, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "are both \"a\"");
    CHECK_INT(imr_static_write(dir, empty, 2, one, true, &err), IMR_E_USAGE);
    CHECK_INT(imr_static_write(dir, bytes, 2, one, true, &err), IMR_E_USAGE);
    CHECK_INT(imr_static_write(dir, unknown, 1, imr_view_of(table, 1, 1), true, &err), IMR_E_USAGE);
    CHECK_INT(imr_static_write(dir, fine, 2, two, true, &err), IMR_E_NUMERIC);
    CHECK_INT(imr_static_write(dir, fine, 1, one, true, &err), IMR_E_SHAPE);
    CHECK_INT(imr_static_write(dir, fine, 0, imr_view_of(table, 0, 1), true, &err), IMR_E_SHAPE);
    CHECK(!imr_dir_exists(dir));
}
