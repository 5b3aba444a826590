/*
 * encoder/transformer.h - sentence encoders of the BERT family.
 *
 *   x0    = norm(word[id] + position[p] + type[0])
 *   x     = norm(x + attention(x) Wo' + bo)          attention: encoder/layer.h, on x Wqkv' + bqkv
 *   x     = norm(x + gelu(x Wu' + bu) Wd' + bd)      for each layer (Devlin et al. 2018; post-norm)
 *   v     = steps(pool(x))                           Dense and Normalize, in the order of modules
 *
 * A family says what the weights are called, where positions begin and whether scores get a
 * relative bias. Everything else is in the folder's files.
 *
 *   BERT   (Devlin et al. 2018) MiniLM, E5, BGE and GTE are BERTs of other weights
 *   MPNet  (Song et al. 2020) no token types, positions from pad_token_id + 1, and a learned bias
 *          of the attention scores by relative position that all layers share
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
    size_t buckets;           /* of relative positions (imr_mpnet_bucket); 0: no relative bias */
} imr_transformer_family;

#define IMR_MPNET_BUCKETS 32u

/*
 * The bucket of a relative position r = key - query (Raffel et al. 2020, as MPNet uses it): half of
 * the 32 for each sign (r > 0 gets the upper 16); of them eight for |r| < 8, and eight that grow
 * with its logarithm up to |r| = 128, where the last one begins to hold all:
 *   8 + floor(8 ln(|r| / 8) / ln 16), at most 15
 */
size_t imr_mpnet_bucket(int64_t relative);

typedef struct imr_transformer_config {
    size_t vocab, hidden, layers, heads, inner, positions, types;
    size_t pad, first_position;
    double eps;
} imr_transformer_config;

typedef struct imr_dense {
    imr_packed w; /* [out, in] */
    float *bias;  /* [out] */
} imr_dense;

typedef struct imr_layer_norm {
    float *gain, *shift; /* [hidden] */
} imr_layer_norm;

typedef struct imr_transformer_layer {
    imr_dense qkv;      /* [3 hidden, hidden]: each head's queries, keys and values together */
    imr_dense out;      /* [hidden, hidden] */
    imr_dense up, down; /* [inner, hidden], [hidden, inner] */
    imr_layer_norm attention_norm, norm;
} imr_transformer_layer;

/* What follows pooling: w NULL is Normalize, else Dense. */
typedef struct imr_transformer_step {
    float *w, *bias; /* [out,in], [out] or NULL */
    size_t in, out;
    void (*activate)(float *v, size_t n); /* NULL: not */
} imr_transformer_step;

typedef struct imr_transformer {
    const imr_transformer_family *family;
    imr_transformer_config config;
    float *position, *type; /* [positions,hidden], [types,hidden] or NULL; words are e->rows */
    imr_layer_norm embedding_norm;
    imr_transformer_layer *layers;
    void *weights;   /* what the layers' products keep */
    float *relative; /* [heads, 2 max_tokens - 1] or NULL */
    imr_pool pool;
    imr_transformer_step steps[IMR_MAX_MODULES];
    size_t n_steps;
} imr_transformer;

void imr_transformer_free(imr_transformer *t); /* NULL is fine */

/* Fills e, whose folder is set. Without modules the vector is the mean of the tokens'. On failure
 * the caller frees e. */
imr_status imr_transformer_open(imr_encoder *e, const imr_modules *m, imr_error *err) IMR_NODISCARD;

/* ---- configuration ---- */

/* Family, sizes and settings of config.json. Errors, without the file's name: IMR_E_UNSUPPORTED for
 * another model type, activation, positions or decoder settings, with what is supported;
 * IMR_E_SHAPE when heads do not divide the width. */
imr_status imr_transformer_config_read(imr_transformer *t, const imr_json *config,
                                       imr_error *err) IMR_NODISCARD;

/*
 * Sets e->max_tokens to the longest text in tokens, special ones included:
 * sentence_bert_config.json processing_kwargs max_length, else max_seq_length; else the smaller of
 * tokenizer_config.json model_max_length and the positions there are. Both files are in `module`.
 * IMR_E_SHAPE when it is more than there are positions. *lower: the text is to be lower-cased first
 * (do_lower_case). Other settings of the first file are refused or noted (imr_settings_note).
 */
imr_status imr_transformer_longest(bool *lower, imr_encoder *e, const char *module,
                                   imr_error *err) IMR_NODISCARD;

/* A JSON file of a module, remembered as part of the identity, and its path (NULL: not wanted);
 * IMR_E_NOT_FOUND with `what` is missing, or *out NULL when what is NULL. */
imr_status imr_transformer_json(imr_json **out, char **path, imr_encoder *e, const char *module,
                                const char *file, const char *what, imr_error *err) IMR_NODISCARD;

#endif
