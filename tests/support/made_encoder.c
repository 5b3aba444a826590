/*
 * made-encoder DIR bert|mpnet LAYERS HIDDEN HEADS INNER [VOCAB]
 *
 * Writes a sentence-transformers folder with random weights (normal, sd 0.02; norms 1 and 0), mean
 * pooling and Normalize. VOCAB is a vocab.txt or tokenizer.json to take over; without it the
 * vocabulary is the letters and digits, alone and inside a word, so that any ASCII text has tokens.
 * The same arguments give the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "encoder/tokenizer_folder.h"
#include "format/safetensors.h"
#include "math/random.h"

enum { POSITIONS = 512, MOST_TENSORS = 16 * 48 + 8, NAME = 96 };

typedef struct maker {
    const char *dir;
    bool mpnet;
    size_t layers, hidden, heads, inner, vocab;
    imr_random random;
    imr_torch_item items[MOST_TENSORS];
    char names[MOST_TENSORS][NAME];
    size_t n;
} maker;

static imr_error err;

static void need(imr_status status)
{
    if (status == IMR_OK)
        return;
    fprintf(stderr, "made-encoder: %s\n", err.text);
    exit(1);
}

static void put(const maker *m, const char *name, const char *text, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", m->dir, name);
    need(imr_file_write(path, text, len, &err));
}

/* ---- vocabulary ---- */

static void made_up_vocabulary(const maker *m)
{
    static const char *const special[] = {"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n",
                                          "<s>\n<pad>\n</s>\n[UNK]\n<mask>\n"};
    imr_buf b = {0};
    imr_buf_str(&b, special[m->mpnet]);
    for (int inside = 0; inside < 2; inside++)
        for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789.,-"; *c; c++)
            imr_buf_printf(&b, "%s%c\n", inside ? "##" : "", *c);
    put(m, "vocab.txt", imr_buf_text(&b), b.len);
    imr_buf_done(&b);
}

static void take_vocabulary(maker *m, const char *path)
{
    imr_file f;
    imr_tokenizer *t = NULL;
    if (path) {
        const size_t len = strlen(path);
        const bool json = len > 5 && strcmp(path + len - 5, ".json") == 0;
        need(imr_file_map(&f, path, &err));
        put(m, json ? "tokenizer.json" : "vocab.txt", (const char *)f.data, f.len);
        imr_file_unmap(&f);
    } else {
        made_up_vocabulary(m);
    }
    need(imr_tokenizer_open(&t, NULL, m->dir, NULL, &err));
    m->vocab = t->spec.vocab.n;
    imr_tokenizer_free(t);
}

/* ---- weights ---- */

static void tensor(maker *m, const char *name, size_t rows, size_t cols, double sd, float mean)
{
    const size_t count = (rows ? rows : 1) * cols;
    float *v = imr_alloc(count, sizeof *v);
    if (!v || m->n == MOST_TENSORS)
        need(imr_fail_memory(&err));
    imr_random_fill_normal(&m->random, v, count, sd);
    for (size_t i = 0; i < count && mean != 0; i++)
        v[i] += mean;
    snprintf(m->names[m->n], NAME, "%s", name);
    m->items[m->n] = (imr_torch_item){.name = m->names[m->n],
                                      .data = v,
                                      .rank = rows ? 2 : 1,
                                      .shape = {rows ? rows : cols, rows ? cols : 0}};
    m->n++;
}

/* "<base>.weight" and ".bias": of a norm when rows is 0, else of a dense map. */
static void pair(maker *m, const char *base, size_t rows, size_t cols)
{
    char name[NAME];
    snprintf(name, sizeof name, "%.80s.weight", base);
    tensor(m, name, rows, cols, rows ? 0.02 : 0, rows ? 0 : 1);
    snprintf(name, sizeof name, "%.80s.bias", base);
    tensor(m, name, 0, rows ? rows : cols, 0, 0);
}

static void layer(maker *m, size_t index)
{
    static const char *const parts[2][5] = {
        {"attention.self.query", "attention.self.key", "attention.self.value",
         "attention.output.dense", "attention.output.LayerNorm"},
        {"attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
         "attention.LayerNorm"}};
    char base[NAME];
    for (size_t i = 0; i < 5; i++) {
        snprintf(base, sizeof base, "encoder.layer.%zu.%s", index, parts[m->mpnet][i]);
        pair(m, base, i < 4 ? m->hidden : 0, m->hidden);
    }
    snprintf(base, sizeof base, "encoder.layer.%zu.intermediate.dense", index);
    pair(m, base, m->inner, m->hidden);
    snprintf(base, sizeof base, "encoder.layer.%zu.output.dense", index);
    pair(m, base, m->hidden, m->inner);
    snprintf(base, sizeof base, "encoder.layer.%zu.output.LayerNorm", index);
    pair(m, base, 0, m->hidden);
}

static void weights(maker *m)
{
    char path[4096];
    const size_t positions = POSITIONS + (m->mpnet ? 2 : 0);
    imr_random_init(&m->random, 42);
    tensor(m, "embeddings.word_embeddings.weight", m->vocab, m->hidden, 0.02, 0);
    tensor(m, "embeddings.position_embeddings.weight", positions, m->hidden, 0.02, 0);
    if (m->mpnet)
        tensor(m, "encoder.relative_attention_bias.weight", 32, m->heads, 0.02, 0);
    else
        tensor(m, "embeddings.token_type_embeddings.weight", 2, m->hidden, 0.02, 0);
    pair(m, "embeddings.LayerNorm", 0, m->hidden);
    for (size_t i = 0; i < m->layers; i++)
        layer(m, i);
    snprintf(path, sizeof path, "%s/model.safetensors", m->dir);
    need(imr_safetensors_write(path, m->items, m->n, NULL, 0, &err));
    for (size_t i = 0; i < m->n; i++)
        imr_free((void *)(uintptr_t)m->items[i].data);
}

/* ---- descriptions ---- */

static void descriptions(const maker *m)
{
    static const char modules[] =
        "[{\"idx\": 0, \"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"},\n"
        " {\"idx\": 1, \"path\": \"1_Pooling\", \"type\": \"sentence_transformers.models.Pooling\"}"
        ",\n {\"idx\": 2, \"path\": \"2_Normalize\", \"type\": "
        "\"sentence_transformers.models.Normalize\"}]\n";
    static const char length[] = "{\"max_seq_length\": 256, \"do_lower_case\": false}\n";
    char path[4096];
    imr_buf b = {0};
    imr_buf_printf(&b,
                   "{\"model_type\": \"%s\", \"vocab_size\": %zu, \"hidden_size\": %zu,\n"
                   " \"num_hidden_layers\": %zu, \"num_attention_heads\": %zu,\n"
                   " \"intermediate_size\": %zu, \"max_position_embeddings\": %d,\n"
                   " \"layer_norm_eps\": 1e-12, \"hidden_act\": \"gelu\"}\n",
                   m->mpnet ? "mpnet" : "bert", m->vocab, m->hidden, m->layers, m->heads, m->inner,
                   POSITIONS + (m->mpnet ? 2 : 0));
    put(m, "config.json", imr_buf_text(&b), b.len);
    imr_buf_clear(&b);
    imr_buf_printf(&b, "{\"word_embedding_dimension\": %zu, \"pooling_mode_mean_tokens\": true}\n",
                   m->hidden);
    snprintf(path, sizeof path, "%s/1_Pooling", m->dir);
    need(imr_dir_make(path, &err));
    put(m, "1_Pooling/config.json", imr_buf_text(&b), b.len);
    put(m, "modules.json", modules, sizeof modules - 1);
    put(m, "sentence_bert_config.json", length, sizeof length - 1);
    imr_buf_done(&b);
}

int main(int argc, char **argv)
{
    static maker m;
    size_t *const sizes[] = {&m.layers, &m.hidden, &m.heads, &m.inner};
    bool good =
        (argc == 7 || argc == 8) && (strcmp(argv[2], "bert") == 0 || strcmp(argv[2], "mpnet") == 0);
    for (int i = 0; i < 4 && good; i++) {
        int64_t v = 0;
        good = imr_parse_int(argv[3 + i], strlen(argv[3 + i]), &v) && v >= 1 && v <= 8192;
        *sizes[i] = (size_t)v;
    }
    if (!good || m.layers > 48 || m.hidden % m.heads) {
        fprintf(stderr, "usage: made-encoder DIR bert|mpnet LAYERS HIDDEN HEADS INNER [VOCAB]\n");
        return 2;
    }
    m.dir = argv[1];
    m.mpnet = argv[2][0] == 'm';
    need(imr_dir_make(m.dir, &err));
    take_vocabulary(&m, argc == 8 ? argv[7] : NULL);
    weights(&m);
    descriptions(&m);
    return 0;
}
