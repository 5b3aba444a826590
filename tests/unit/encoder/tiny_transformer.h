/*
 * Random BERT and MPNet folders small enough for a test, and a twin that computes their vectors in
 * double from the same tensors: plain loops over one text, no code of the engine.
 */
#ifndef TESTS_UNIT_ENCODER_TINY_TRANSFORMER_H
#define TESTS_UNIT_ENCODER_TINY_TRANSFORMER_H

#include "math/random.h"
#include "tests/unit/encoder/folders.h"

enum { TINY_ITEMS = 80, TINY_VOCAB = 24, TINY_WIDEST = 512 };

typedef struct tiny {
    bool mpnet;
    size_t hidden, heads, layers, inner, positions, longest;
    imr_torch_item items[TINY_ITEMS];
    char *names[TINY_ITEMS];
    float *data[TINY_ITEMS];
    size_t n;
    imr_random random;
    const char *dir;
} tiny;

static inline void tiny_add(tiny *t, const char *name, size_t rows, size_t cols, double mean)
{
    CHECK(t->n < TINY_ITEMS);
    size_t count = (rows ? rows : 1) * cols;
    float *v = malloc(count * sizeof *v);
    CHECK(v != NULL);
    imr_random_fill_normal(&t->random, v, count, 0.3);
    for (size_t i = 0; i < count; i++)
        v[i] += (float)mean;
    t->names[t->n] = strdup(name);
    CHECK(t->names[t->n] != NULL);
    t->items[t->n] = (imr_torch_item){.name = t->names[t->n],
                                      .data = v,
                                      .rank = rows ? 2 : 1,
                                      .shape = {rows ? rows : cols, rows ? cols : 0}};
    t->data[t->n++] = v;
}

static inline void tiny_pair(tiny *t, const char *prefix, const char *name, size_t rows,
                             size_t cols)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    tiny_add(t, full, rows, cols, rows ? 0 : 1);
    snprintf(full, sizeof full, "%s%s.bias", prefix, name);
    tiny_add(t, full, 0, rows ? rows : cols, 0);
}

static inline void tiny_tensors(tiny *t)
{
    size_t h = t->hidden;
    tiny_add(t, "embeddings.word_embeddings.weight", TINY_VOCAB, h, 0);
    tiny_add(t, "embeddings.position_embeddings.weight", t->positions, h, 0);
    if (t->mpnet)
        tiny_add(t, "encoder.relative_attention_bias.weight", 32, t->heads, 0);
    else
        tiny_add(t, "embeddings.token_type_embeddings.weight", 2, h, 0);
    tiny_pair(t, "", "embeddings.LayerNorm", 0, h);
    static const char *const bert[] = {"attention.self.query", "attention.self.key",
                                       "attention.self.value", "attention.output.dense"};
    static const char *const mpnet[] = {"attention.attn.q", "attention.attn.k", "attention.attn.v",
                                        "attention.attn.o"};
    for (size_t l = 0; l < t->layers; l++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "encoder.layer.%zu.", l);
        for (size_t i = 0; i < 4; i++)
            tiny_pair(t, prefix, t->mpnet ? mpnet[i] : bert[i], h, h);
        tiny_pair(t, prefix, t->mpnet ? "attention.LayerNorm" : "attention.output.LayerNorm", 0, h);
        tiny_pair(t, prefix, "intermediate.dense", t->inner, h);
        tiny_pair(t, prefix, "output.dense", h, t->inner);
        tiny_pair(t, prefix, "output.LayerNorm", 0, h);
    }
}

/* Ids 0 to 3 special, then the words wa, wb, ... to id 23. */
static inline void tiny_tokenizer(const char *dir, bool mpnet)
{
    static const char *const special[2][4] = {{"[PAD]", "[UNK]", "[CLS]", "[SEP]"},
                                              {"<s>", "<pad>", "</s>", "[UNK]"}};
    imr_buf b = {0};
    imr_buf_str(&b, "{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"
                    "\"BertPreTokenizer\"},\"added_tokens\":[");
    for (int i = 0; i < 4; i++)
        imr_buf_printf(&b, "%s{\"id\":%d,\"content\":\"%s\",\"special\":true}", i ? "," : "", i,
                       special[mpnet][i]);
    imr_buf_printf(&b,
                   "],\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"\",%d],\"sep\":"
                   "[\"\",%d]},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"[UNK]\","
                   "\"vocab\":{",
                   mpnet ? 0 : 2, mpnet ? 2 : 3);
    for (int i = 0; i < 4; i++)
        imr_buf_printf(&b, "\"%s\":%d,", special[mpnet][i], i);
    for (int i = 4; i < TINY_VOCAB; i++)
        imr_buf_printf(&b, "\"w%c\":%d%s", 'a' + i - 4, i, i + 1 < TINY_VOCAB ? "," : "");
    imr_buf_str(&b, "}}}");
    put_file(dir, "tokenizer.json", imr_buf_text(&b));
    imr_buf_done(&b);
}

static inline void tiny_config(const tiny *t, const char *extra)
{
    imr_buf b = {0};
    imr_buf_printf(&b,
                   "{\"model_type\":\"%s\",\"vocab_size\":%d,\"hidden_size\":%zu,"
                   "\"num_hidden_layers\":%zu,\"num_attention_heads\":%zu,\"intermediate_size\":"
                   "%zu,\"max_position_embeddings\":%zu,\"layer_norm_eps\":1e-5%s}",
                   t->mpnet ? "mpnet" : "bert", TINY_VOCAB, t->hidden, t->layers, t->heads,
                   t->inner, t->positions, extra);
    put_file(t->dir, "config.json", imr_buf_text(&b));
    imr_buf_done(&b);
}

static inline void tiny_modules(const tiny *t, const char *pooling, const char *more)
{
    imr_buf b = {0};
    imr_buf_printf(&b,
                   "[{\"path\":\"\",\"type\":\"x.Transformer\"},{\"path\":\"1_Pooling\",\"type\":"
                   "\"x.Pooling\"}%s]",
                   more);
    put_file(t->dir, "modules.json", imr_buf_text(&b));
    put_file(t->dir, "1_Pooling/config.json", pooling);
    imr_buf_done(&b);
}

/* A folder with mean pooling and nothing after it. */
static inline tiny tiny_new(bool mpnet, size_t hidden, size_t heads, size_t inner, size_t longest)
{
    tiny t = {.mpnet = mpnet,
              .hidden = hidden,
              .heads = heads,
              .layers = 2,
              .inner = inner,
              .longest = longest,
              .positions = longest + (mpnet ? 2 : 0)};
    imr_random_init(&t.random, 7 + hidden);
    t.dir = keep(test_path(test_tmpdir(), "tiny"));
    tiny_tensors(&t);
    put_tensors(t.dir, t.items, t.n);
    tiny_tokenizer(t.dir, mpnet);
    tiny_config(&t, "");
    tiny_modules(&t, "{\"pooling_mode_mean_tokens\":true}", "");
    return t;
}

static inline void tiny_done(tiny *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->data[i]);
        free(t->names[i]);
    }
}

static inline float *tiny_at(const tiny *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->names[i], name) == 0)
            return t->data[i];
    FAIL("no tensor %s", name);
    return NULL;
}

static inline const float *tiny_of(const tiny *t, size_t layer, const char *name, const char *part)
{
    char full[96];
    snprintf(full, sizeof full, "encoder.layer.%zu.%s.%s", layer, name, part);
    return tiny_at(t, full);
}

/* ---- the twin ---- */

static inline void twin_dense(double *out, const double *x, size_t rows, size_t in, size_t outs,
                              const float *w, const float *bias)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t o = 0; o < outs; o++) {
            double sum = (double)bias[o];
            for (size_t k = 0; k < in; k++)
                sum += x[i * in + k] * (double)w[o * in + k];
            out[i * outs + o] = sum;
        }
}

static inline void twin_norm(double *x, size_t rows, size_t n, const float *gain,
                             const float *shift)
{
    for (size_t i = 0; i < rows; i++) {
        double mean = 0, var = 0;
        for (size_t j = 0; j < n; j++)
            mean += x[i * n + j] / (double)n;
        for (size_t j = 0; j < n; j++)
            var += (x[i * n + j] - mean) * (x[i * n + j] - mean) / (double)n;
        for (size_t j = 0; j < n; j++)
            x[i * n + j] =
                (x[i * n + j] - mean) / sqrt(var + 1e-5) * (double)gain[j] + (double)shift[j];
    }
}

/* MPNet's bucket of key - query, by searching for the interval rather than by formula: powers of
 * sqrt 2 from 8 to 90.5. */
static inline size_t twin_bucket(long relative)
{
    size_t side = relative > 0 ? 16 : 0;
    double distance = (double)labs(relative);
    if (distance < 8)
        return side + (size_t)distance;
    size_t step = 0;
    while (step < 7 && distance * (1 + 1e-9) >= 8 * pow(2, 0.5 * (double)(step + 1)))
        step++;
    return side + 8 + step;
}

static inline void twin_attention(const tiny *t, size_t layer, double *x, size_t n)
{
    size_t h = t->hidden, width = h / t->heads;
    const char *const names[2][4] = {
        {"attention.self.query", "attention.self.key", "attention.self.value",
         "attention.output.dense"},
        {"attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o"}};
    double *part[4];
    for (size_t i = 0; i < 4; i++)
        part[i] = calloc(n * h, sizeof(double));
    double *score = calloc(n, sizeof *score), *context = calloc(n * h, sizeof *context);
    for (size_t i = 0; i < 3; i++)
        twin_dense(part[i], x, n, h, h, tiny_of(t, layer, names[t->mpnet][i], "weight"),
                   tiny_of(t, layer, names[t->mpnet][i], "bias"));
    for (size_t head = 0; head < t->heads; head++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++) {
                double dot = 0;
                for (size_t k = head * width; k < (head + 1) * width; k++)
                    dot += part[0][i * h + k] * part[1][j * h + k];
                dot /= sqrt((double)width);
                if (t->mpnet)
                    dot += (double)tiny_at(t, "encoder.relative_attention_bias.weight")
                        [twin_bucket((long)j - (long)i) * t->heads + head];
                score[j] = exp(dot);
                sum += score[j];
            }
            for (size_t k = head * width; k < (head + 1) * width; k++)
                for (size_t j = 0; j < n; j++)
                    context[i * h + k] += score[j] / sum * part[2][j * h + k];
        }
    twin_dense(part[3], context, n, h, h, tiny_of(t, layer, names[t->mpnet][3], "weight"),
               tiny_of(t, layer, names[t->mpnet][3], "bias"));
    for (size_t i = 0; i < n * h; i++)
        x[i] += part[3][i];
    const char *norm = t->mpnet ? "attention.LayerNorm" : "attention.output.LayerNorm";
    twin_norm(x, n, h, tiny_of(t, layer, norm, "weight"), tiny_of(t, layer, norm, "bias"));
    for (size_t i = 0; i < 4; i++)
        free(part[i]);
    free(score);
    free(context);
}

/* The last hidden layer of one text, [n, hidden]; the caller's. */
static inline double *twin_forward(const tiny *t, const uint32_t *ids, size_t n)
{
    size_t h = t->hidden;
    double *x = calloc(n * h + 1, sizeof *x), *up = calloc(n * t->inner + 1, sizeof *up),
           *down = calloc(n * h + 1, sizeof *down);
    size_t place = t->mpnet ? 2 : 0;
    for (size_t i = 0; i < n; i++) {
        size_t p = t->mpnet && ids[i] == 1 ? 1 : place++;
        for (size_t j = 0; j < h; j++) {
            x[i * h + j] = (double)tiny_at(t, "embeddings.word_embeddings.weight")[ids[i] * h + j] +
                           (double)tiny_at(t, "embeddings.position_embeddings.weight")[p * h + j];
            if (!t->mpnet)
                x[i * h + j] += (double)tiny_at(t, "embeddings.token_type_embeddings.weight")[j];
        }
    }
    twin_norm(x, n, h, tiny_at(t, "embeddings.LayerNorm.weight"),
              tiny_at(t, "embeddings.LayerNorm.bias"));
    for (size_t l = 0; l < t->layers; l++) {
        twin_attention(t, l, x, n);
        twin_dense(up, x, n, h, t->inner, tiny_of(t, l, "intermediate.dense", "weight"),
                   tiny_of(t, l, "intermediate.dense", "bias"));
        for (size_t i = 0; i < n * t->inner; i++)
            up[i] = up[i] * 0.5 * (1 + erf(up[i] / sqrt(2)));
        twin_dense(down, up, n, t->inner, h, tiny_of(t, l, "output.dense", "weight"),
                   tiny_of(t, l, "output.dense", "bias"));
        for (size_t i = 0; i < n * h; i++)
            x[i] += down[i];
        twin_norm(x, n, h, tiny_of(t, l, "output.LayerNorm", "weight"),
                  tiny_of(t, l, "output.LayerNorm", "bias"));
    }
    free(up);
    free(down);
    return x;
}

#endif
