#include "tests/bench/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/safetensors.h"
#include "math/random.h"
#include "retrieval/dataset.h"
#include "tests/bench/bench.h"
#include "tests/support/tokenizers.h"

enum { SPECIAL = 5, CLS = 2, SEP = 3, LETTERS = 4, TENSORS = 5 + 16 * MODEL_LAYERS };

static void word(char out[LETTERS + 1], size_t id)
{
    for (size_t i = 0; i < LETTERS; i++, id /= 26)
        out[i] = (char)('a' + id % 26);
    out[LETTERS] = '\0';
}

static void save(const char *folder, const char *name, imr_buf *text)
{
    imr_error err;
    char *path = imr_path_join(folder, name);
    bench_need(imr_buf_check(text, &err), &err);
    bench_need(imr_file_write(path, text->data, text->len, &err), &err);
    imr_free(path);
    imr_buf_clear(text);
}

/* ---- weights ---- */

typedef struct weights {
    imr_torch_item items[TENSORS];
    char names[TENSORS][64];
    imr_matrix values[TENSORS];
    size_t n;
} weights;

static void add(weights *w, const char *prefix, const char *name, size_t rows, size_t cols,
                float mean, float spread)
{
    const size_t i = w->n++;
    snprintf(w->names[i], sizeof w->names[i], "%s%s", prefix, name);
    w->values[i] = bench_normal(rows ? rows : 1, cols, (unsigned)(1000 + i));
    for (size_t k = 0; k < w->values[i].rows * cols; k++)
        w->values[i].v[k] = mean + spread * w->values[i].v[k];
    w->items[i] = (imr_torch_item){.name = w->names[i],
                                   .data = w->values[i].v,
                                   .rank = rows ? 2 : 1,
                                   .shape = {rows ? rows : cols, rows ? cols : 0}};
}

static void add_norm(weights *w, const char *prefix, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(w, full, ".weight", 0, MODEL_HIDDEN, 1, 0.1f);
    add(w, full, ".bias", 0, MODEL_HIDDEN, 0, 0.1f);
}

/* Spread so that what comes out of a product is as large as what goes in. */
static void add_dense(weights *w, const char *prefix, const char *name, size_t outs, size_t in)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(w, full, ".weight", outs, in, 0, 1 / sqrtf((float)in));
    add(w, full, ".bias", 0, outs, 0, 0.1f);
}

static void write_weights(const char *folder)
{
    imr_error err;
    weights *w = bench_alloc(1, sizeof *w);
    add(w, "embeddings.", "word_embeddings.weight", MODEL_VOCAB, MODEL_HIDDEN, 0, 1);
    add(w, "embeddings.", "position_embeddings.weight", MODEL_POSITIONS, MODEL_HIDDEN, 0, 0.3f);
    add(w, "embeddings.", "token_type_embeddings.weight", 2, MODEL_HIDDEN, 0, 0.3f);
    add_norm(w, "embeddings.", "LayerNorm");
    for (int i = 0; i < MODEL_LAYERS; i++) {
        char p[32];
        snprintf(p, sizeof p, "encoder.layer.%d.", i);
        add_dense(w, p, "attention.self.query", MODEL_HIDDEN, MODEL_HIDDEN);
        add_dense(w, p, "attention.self.key", MODEL_HIDDEN, MODEL_HIDDEN);
        add_dense(w, p, "attention.self.value", MODEL_HIDDEN, MODEL_HIDDEN);
        add_dense(w, p, "attention.output.dense", MODEL_HIDDEN, MODEL_HIDDEN);
        add_norm(w, p, "attention.output.LayerNorm");
        add_dense(w, p, "intermediate.dense", MODEL_INNER, MODEL_HIDDEN);
        add_dense(w, p, "output.dense", MODEL_HIDDEN, MODEL_INNER);
        add_norm(w, p, "output.LayerNorm");
    }
    char *path = imr_path_join(folder, "model.safetensors");
    bench_need(imr_safetensors_write(path, w->items, w->n, NULL, 0, &err), &err);
    imr_free(path);
    for (size_t i = 0; i < w->n; i++)
        imr_matrix_done(&w->values[i]);
    imr_free(w);
}

void bench_model_write(const char *folder)
{
    static const char *const special[SPECIAL] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    IMR_AUTOBUF imr_buf text = {0};
    imr_error err;
    char *pooling = imr_path_join(folder, "1_Pooling");
    bench_need(imr_dir_make(pooling, &err), &err);
    write_weights(folder);
    for (size_t i = 0; i < MODEL_VOCAB; i++) {
        char w[LETTERS + 1];
        word(w, i);
        imr_buf_printf(&text, "%s\n", i < SPECIAL ? special[i] : w);
    }
    save(folder, "vocab.txt", &text);
    imr_buf_printf(&text,
                   "{\"model_type\":\"bert\",\"vocab_size\":%d,\"hidden_size\":%d,"
                   "\"num_hidden_layers\":%d,\"num_attention_heads\":%d,\"intermediate_size\":%d,"
                   "\"max_position_embeddings\":%d,\"layer_norm_eps\":1e-12}",
                   MODEL_VOCAB, MODEL_HIDDEN, MODEL_LAYERS, MODEL_HEADS, MODEL_INNER,
                   MODEL_POSITIONS);
    save(folder, "config.json", &text);
    imr_buf_str(&text,
                "[{\"path\":\"\",\"type\":\"models.Transformer\"},{\"path\":\"1_Pooling\","
                "\"type\":\"models.Pooling\"},{\"path\":\"2\",\"type\":\"models.Normalize\"}]");
    save(folder, "modules.json", &text);
    imr_buf_str(&text, "{\"pooling_mode_mean_tokens\":true}");
    save(pooling, "config.json", &text);
    imr_free(pooling);
}

/* ---- texts ---- */

bench_texts bench_texts_new(const char *name, const size_t *tokens, size_t n, unsigned seed)
{
    imr_random random;
    bench_texts t = {.name = name, .n = n};
    t.text = bench_alloc(n, sizeof *t.text);
    t.len = bench_alloc(n, sizeof *t.len);
    t.starts = bench_alloc(n + 1, sizeof *t.starts);
    for (size_t i = 0; i < n; i++)
        t.starts[i + 1] = t.starts[i] + tokens[i];
    t.ids = bench_alloc(t.starts[n], sizeof *t.ids);
    imr_random_init(&random, seed);
    for (size_t i = 0; i < n; i++) {
        uint32_t *ids = t.ids + t.starts[i];
        t.text[i] = bench_alloc(tokens[i] * (LETTERS + 1), 1);
        t.longest = tokens[i] > t.longest ? tokens[i] : t.longest;
        ids[0] = CLS;
        ids[tokens[i] - 1] = SEP;
        for (size_t k = 1; k + 1 < tokens[i]; k++) {
            ids[k] = SPECIAL + (uint32_t)imr_random_below(&random, MODEL_VOCAB - SPECIAL);
            word(t.text[i] + t.len[i], ids[k]);
            t.len[i] += LETTERS + 1;
            t.text[i][t.len[i] - 1] = ' ';
        }
    }
    return t;
}

void bench_texts_done(bench_texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        imr_free(t->text[i]);
    imr_free(t->text);
    imr_free(t->len);
    imr_free(t->ids);
    imr_free(t->starts);
    *t = (bench_texts){0};
}

double bench_texts_flops(const bench_texts *t)
{
    const double h = MODEL_HIDDEN, inner = MODEL_INNER;
    double sum = 0;
    for (size_t i = 0; i < t->n; i++) {
        const double s = (double)(t->starts[i + 1] - t->starts[i]);
        sum += 2 * s * (4 * h * h + 2 * h * inner) + 4 * s * s * h;
    }
    return sum * MODEL_LAYERS;
}

/* ---- lengths ---- */

static int ascending(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Tokens of SciFact's documents by the vocabulary of MiniLM; false when either is not there. */
static bool real_lengths(size_t *out)
{
    imr_error err;
    imr_file file = {0};
    imr_tokenizer *tokenizer = NULL;
    imr_dataset *dataset = NULL;
    imr_tokens tokens = {0};
    IMR_AUTOBUF imr_buf text = {0};
    char *vocab = bench_shared("models/all-MiniLM-L6-v2-without-weights/vocab.txt");
    char *scifact = bench_shared("datasets/scifact");
    const bool found =
        vocab && scifact && imr_file_map(&file, vocab, NULL) == IMR_OK &&
        imr_dataset_open(&dataset, scifact, NULL, NULL) == IMR_OK &&
        dataset->documents.n == BENCH_DOCUMENTS &&
        tokenizer_from_vocab(&tokenizer, (const char *)file.data, file.len, NULL, NULL) == IMR_OK;
    for (size_t i = 0; found && i < BENCH_DOCUMENTS; i++) {
        const imr_encode_options options = {.special = true};
        imr_buf_clear(&text);
        bench_need(imr_dataset_text(dataset, i, &text, &err), &err);
        bench_need(imr_tokenizer_encode(tokenizer, text.data, text.len, &options, &tokens, &err),
                   &err);
        out[i] = tokens.n;
    }
    imr_tokens_done(&tokens);
    imr_tokenizer_free(tokenizer);
    imr_dataset_free(dataset);
    imr_file_unmap(&file);
    imr_free(vocab);
    imr_free(scifact);
    return found;
}

static void made_lengths(size_t *out)
{
    imr_random random;
    imr_random_init(&random, 20);
    for (size_t i = 0; i < BENCH_DOCUMENTS; i++)
        out[i] = 3 + (size_t)exp(5.743 + 0.399 * imr_random_normal(&random));
}

bool bench_scifact_lengths(size_t *out, size_t n, size_t batch, size_t most)
{
    imr_random random;
    size_t *all = bench_alloc(BENCH_DOCUMENTS, sizeof *all);
    uint32_t *order = bench_alloc(n, sizeof *order);
    const size_t runs = n / batch;
    const bool real = real_lengths(all);
    if (!real)
        made_lengths(all);
    qsort(all, BENCH_DOCUMENTS, sizeof *all, ascending);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    imr_random_init(&random, 21);
    imr_random_shuffle(&random, order, n);
    for (size_t i = 0; i < n; i++) {
        const size_t run = i / batch;
        const size_t first = (2 * run + 1) * (BENCH_DOCUMENTS - batch) / (2 * runs);
        const size_t tokens = all[first + i % batch];
        out[order[i]] = tokens < most ? tokens : most;
    }
    imr_free(all);
    imr_free(order);
    return real;
}
