/*
 * encoder/transformer.h - sentence encoders of the BERT family.
 *
 *   x0    = norm(word[id] + position[p] + type[0])
 *   x     = norm(x + attention(x) Wo' + bo)          attention: see below, on x Wqkv' + bqkv
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
 * longest first; the threads share the rows or columns of few texts (see below). A text's vector
 * does not depend on the texts beside it, except for a Dense module's product (1e-6 of a unit
 * vector).
 * Threads: const after opening; the working memory belongs to the call. For src/encoder only.
 */
#pragma once

#include "base/team.h"
#include "encoder/encoder_kind.h"
#include "format/tensors.h"
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

/* ---- pooling (encoder/pool.c) ---- */

/*
 * From the vectors of a text's tokens to one: sentence-transformers' Pooling.
 *
 *   cls                   the first token's vector
 *   max                   the largest value of each dimension
 *   mean                  sum / count
 *   mean_sqrt_len_tokens  sum / sqrt(count)
 *
 * Several modes stand one after the other. Old configurations switch them on one by one
 * (pooling_mode_cls_token, ..._max_tokens, ..._mean_tokens, ..._mean_sqrt_len_tokens, in this
 * order); new ones (5.4 and later) name them in pooling_mode, in the order of the list. Other modes
 * are refused by name. Special tokens count as tokens. Sums in double.
 */
typedef enum imr_pool_mode {
    IMR_POOL_CLS,
    IMR_POOL_MAX,
    IMR_POOL_MEAN,
    IMR_POOL_MEAN_SQRT
} imr_pool_mode;

#define IMR_MAX_POOL_MODES 4u

typedef struct imr_pool {
    imr_pool_mode modes[IMR_MAX_POOL_MODES];
    size_t n;
} imr_pool;

/* IMR_E_SHAPE when the configuration was written for vectors of another width. */
imr_status imr_pool_read(imr_pool *out, const imr_json *config, size_t hidden, imr_error *err);

/* What a token's vector is multiplied with in a mean of so many, of either kind. */
double imr_pool_weight(imr_pool_mode mode, size_t count);

/* out [p->n * hidden] from rows [count,hidden]; zeros when count is 0. */
void imr_pool_rows(float *out, const imr_pool *p, imr_view rows);

/* ---- what a transformer is ---- */

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

enum {
    IMR_QKV,  /* [3 hidden, hidden]: each head's queries, keys and values together */
    IMR_OUT,  /* [hidden, hidden] */
    IMR_UP,   /* [inner, hidden] */
    IMR_DOWN, /* [hidden, inner] */
    IMR_PRODUCTS
};

typedef struct imr_transformer_layer {
    imr_dense products[IMR_PRODUCTS];
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

/* The product of a Dense step: *v [rows, d->in] is replaced by [rows, d->out]; bias may be NULL. */
imr_status imr_transformer_dense(float **v, size_t rows, const imr_transformer_step *d,
                                 const float *bias, imr_error *err);

/* Fills e, whose folder is set. Without modules the vector is the mean of the tokens'. On failure
 * the caller frees e. */
imr_status imr_transformer_open(imr_encoder *e, const imr_modules *m, imr_error *err);

/* ---- weight files (encoder/transformer_weights.c) ---- */

/*
 * The weight files of a Hugging Face folder as one table of names. Looked for, in this order:
 *   model.safetensors
 *   model.safetensors.index.json     its shards
 *   pytorch_model.bin                a bare state dict
 *   pytorch_model.bin.index.json     its shards
 * F32, F16, BF16 (and F64) become float32. Old files name a norm's weight and bias gamma and beta.
 */
#define IMR_MAX_SHARDS        32u
#define IMR_MAX_WEIGHT_PREFIX 64u

typedef struct imr_checkpoint {
    imr_tensors shards[IMR_MAX_SHARDS];
    char *paths[IMR_MAX_SHARDS];
    size_t n;
    char prefix[IMR_MAX_WEIGHT_PREFIX]; /* put before every name asked for */
} imr_checkpoint;

void imr_checkpoint_done(imr_checkpoint *w); /* {0} is fine */

/* Opens the files of the module and remembers them as part of e's identity. IMR_E_NOT_FOUND names
 * the first file that is missing and the command that fetches it. */
imr_status imr_checkpoint_open(imr_checkpoint *w, imr_encoder *e, const char *module,
                               imr_error *err);

/* Sets the prefix to what stands before `name` ("bert.", "0.auto_model."). IMR_E_NOT_FOUND when no
 * tensor ends in it, IMR_E_FORMAT when two do. */
imr_status imr_checkpoint_find_prefix(imr_checkpoint *w, const char *name, imr_error *err);

/* Puts the tensor's values into a new array (64-byte aligned, the caller's): rows x cols; rows 0: a
 * vector of cols. Errors name file, tensor, what was found and expected: IMR_E_NOT_FOUND,
 * IMR_E_SHAPE, IMR_E_NUMERIC for the first value that is not finite. */
imr_status imr_checkpoint_read(float **out, const imr_checkpoint *w, const char *name, size_t rows,
                               size_t cols, imr_error *err);
/* Until this, what was read is in memory twice: as it lies in the file and as the caller has it. */
void imr_checkpoint_forget(const imr_checkpoint *w);

/* ---- attention (encoder/layer.c) ---- */

/*
 * Rows are the tokens of several sequences, one after the other without padding:
 * starts[s] <= row < starts[s+1] is sequence s. Precision: float32, as math/kernels.h has it; no
 * result depends on which other sequences stand beside. No state; one call is one thread's.
 */
typedef struct imr_attention {
    const imr_kernels *kernels;
    size_t width;          /* of the head */
    const float *qkv;      /* [rows, 3 width]: its queries, keys, values */
    size_t stride;         /* from row to row of qkv */
    const size_t *starts;  /* [sequences + 1] */
    const float *relative; /* [2 reach - 1] or NULL: added to the score of query i and key j at
                              reach - 1 + j - i */
    size_t reach;          /* at least the longest sequence */
} imr_attention;

/*
 * One head in the rows of one sequence of out [rows, width]:
 * softmax(Q K' / sqrt(width) + relative) V (Vaswani et al. 2017, 3.2), some queries at a time, so
 * that scores never leave the caches.
 */
void imr_layer_attend(float *out, size_t out_stride, const imr_attention *a, size_t sequence,
                      float *scratch);
/* Floats of scratch, aligned to 64 bytes, for sequences of up to `longest` rows. */
size_t imr_layer_scratch(const imr_kernels *k, size_t longest, size_t width);

/* ---- tokens through the layers (encoder/forward.c) ---- */

/*
 * One batch of sequences, packed into [tokens, hidden] without padding, passed through all layers
 * by a team of one thread or more. A team shares a batch in one of two ways:
 *   few rows    each thread makes some columns of every product, so that the weights, most of the
 *               time then, are read once
 *   many rows   each thread takes some rows through all products but the attention, some rows at a
 *               time, so that what they become stays in its second-level cache
 * A team of one thread makes a head's queries, keys and values when their turn comes, for the same
 * reason.
 */

/* The tokens of one text. */
typedef struct imr_sequence {
    const uint32_t *ids; /* [n] */
    size_t n;
    size_t text; /* for the caller */
} imr_sequence;

/* The working memory of a team. */
typedef struct imr_forward_room {
    float *x; /* [tokens, hidden] with a stride: the last layer's rows after imr_forward */
    size_t stride;
    size_t *starts; /* [sequences + 1]: first row of each in x */
    bool few;       /* rows: threads share columns */
    size_t heads;   /* whose queries, keys and values qkv holds at a time */
    /* within the same memory */
    float *context, *qkv, *inner, *scratch;
    size_t qkv_stride, inner_stride, scratch_each;
    uint32_t *pairs; /* a thread's rows rounded to bfloat16 */
    size_t pairs_each;
} imr_forward_room;

typedef struct imr_forward_pass {
    const imr_encoder *e;
    const imr_sequence *sequences;
    size_t count, tokens; /* of all sequences together */
    imr_forward_room *room;
    imr_team *team;
    atomic_bool *stop; /* set when the pass is to stop or has; what x holds then means nothing */
    /* Called by the team's first thread several times in each layer; false stops the pass. */
    bool (*watch)(void *user);
    void *user;
} imr_forward_pass;

/* For up to so many tokens, sequences and rows of the longest. */
imr_status imr_forward_room_init(imr_forward_room *room, const imr_encoder *e, size_t tokens,
                                 size_t sequences, size_t longest, size_t threads, imr_error *err);
void imr_forward_room_done(imr_forward_room *room); /* {0} is fine */

/* The part of thread `me` of a team of `threads`, at most as many as the room is for; all of them
 * call it with the same pass. When it returns in one, all rows are ready. */
void imr_forward(const imr_forward_pass *p, size_t me, size_t threads);

/* Multiplications of one token's dense products. */
size_t imr_forward_work(const imr_transformer_config *c);
