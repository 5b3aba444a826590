/*
 * encoder/transformer.h - sentence encoders of the BERT family.
 *
 *   x0    = norm(word[id] + position[p] + type[0])
 *   x     = norm(x + attention(x) Wo' + bo)          attention: encoder/layer.h, on x Wqkv' + bqkv
 *   x     = norm(x + gelu(x Wu' + bu) Wd' + bd)      for each layer (Devlin et al. 2018; post-norm)
 *   v     = steps(pool(x))                           Dense and Normalize, in the order of modules
 *
 * A family (encoder/bert.h, encoder/mpnet.h) says what the weights are called, where positions
 * begin and whether scores get a relative bias. Everything else is in the folder's files.
 *
 * Nothing is padded. Many texts are shared out to threads in groups of some hundred tokens, the
 * longest first; the threads share the rows or columns of few texts (encoder/forward.h). A text's
 * vector does not depend on the texts beside it, except for a Dense module's product (1e-6 of a
 * unit vector).
 * Threads: const after opening; the working memory belongs to the call. For src/encoder only.
 */
#ifndef IMR_ENCODER_TRANSFORMER_H
#define IMR_ENCODER_TRANSFORMER_H

#include "encoder/encoder_kind.h"
#include "encoder/pool.h"
#include "format/json.h"
#include "math/packed.h"

#define IMR_MAX_LAYERS               256u
#define IMR_MAX_TRANSFORMER_SEQUENCE 65536u

/* What an architecture calls its parts. Names of a layer follow "encoder.layer.<i>.". */
typedef struct imr_transformer_family {
    const char *model_type;   /* config.json; the kind */
    const char *architecture; /* what `architectures` begins with, where model_type is absent */
    const char *query, *key, *value, *out, *attention_norm;
    bool types;               /* has token types; type 0 is added to every token */
    bool positions_after_pad; /* positions begin at pad_token_id + 1 and pass over padding tokens */
    /* Bucket of a relative position (key minus query), below `buckets`; NULL: no relative bias. */
    size_t (*bucket)(int64_t relative);
    size_t buckets;
} imr_transformer_family;

typedef struct imr_transformer_config {
    size_t vocab, hidden, layers, heads, inner, positions, types;
    size_t pad, first_position;
    double eps;
} imr_transformer_config;

typedef struct imr_transformer_layer {
    imr_packed qkv;      /* [3 hidden, hidden]: each head's queries, keys and values together */
    imr_packed out;      /* [hidden, hidden] */
    imr_packed up, down; /* [inner, hidden], [hidden, inner] */
    float *qkv_bias, *out_bias, *up_bias, *down_bias;
    float *attention_gain, *attention_shift, *gain, *shift;
} imr_transformer_layer;

typedef enum imr_activation {
    IMR_ACTIVATION_IDENTITY,
    IMR_ACTIVATION_TANH,
    IMR_ACTIVATION_RELU,
    IMR_ACTIVATION_SIGMOID,
    IMR_ACTIVATION_COUNT
} imr_activation;

/* What follows pooling: w NULL is Normalize, else Dense. */
typedef struct imr_transformer_step {
    float *w, *bias; /* [out,in], [out] or NULL */
    size_t in, out;
    imr_activation activation;
} imr_transformer_step;

typedef struct imr_transformer {
    const imr_transformer_family *family;
    const imr_kernels *kernels;
    imr_precision precision; /* of the dense products of the layers */
    imr_transformer_config config;
    float *position, *type; /* [positions,hidden], [types,hidden] or NULL; words are e->rows */
    float *embedding_gain, *embedding_shift;
    imr_transformer_layer *layers;
    void *weights;   /* what the layers' products keep */
    float *relative; /* [heads, 2 max_tokens - 1] or NULL */
    imr_pool pool;
    imr_transformer_step steps[IMR_MAX_MODULES];
    size_t n_steps;
} imr_transformer;

void imr_transformer_free(imr_transformer *t); /* NULL is fine */

/* The family of a config.json, or IMR_E_UNSUPPORTED with the model type and what is supported. */
imr_status imr_transformer_family_of(const imr_transformer_family **out, const imr_json *config,
                                     imr_error *err) IMR_NODISCARD;
/* Fills e, whose folder is set. Without modules the vector is the mean of the tokens'. On failure
 * the caller frees e. */
imr_status imr_transformer_open(imr_encoder *e, const imr_modules *m, imr_error *err) IMR_NODISCARD;

#endif
