/*
 * encoder/encoder.h - text to vectors: one face for every kind of encoder.
 *
 * An encoder is opened from a folder of files (encoder/folder.h), tokenises text and turns it into
 * vectors of n numbers. Kinds that run:
 *   "model2vec"         config.json with model_type model2vec (encoder/encoder_kind.h)
 *   "static-embedding"  modules.json with StaticEmbedding      (encoder/encoder_kind.h)
 *   "bert", "mpnet"     config.json with that model_type       (encoder/transformer.h)
 * Other kinds are refused by name.
 *
 * Text is encoded as it is given: prefixes ("query: ") are the caller's to put before it, the
 * encoder only knows which ones its model expects.
 * Precision: float32. Static: sums in double in the order of the tokens. A text has one vector
 * whatever the batch and the number of threads; after a Dense module within 1e-6, because the order
 * of sums in that product depends on its height. With IMR_BFLOAT16 the dense products of a
 * transformer's layers take rounded factors (math/packed.h): cosines with the float32 vectors are
 * 0.999 and more, not 1.
 * Threads: const after opening; many threads may encode.
 */
#pragma once

#include "base/progress.h"
#include "base/sha256.h"
#include "encoder/folder.h"
#include "math/kernels.h"
#include "math/matrix.h"
#include "text/tokenizer.h"

#define IMR_MAX_ENCODER_FILES 64u /* a transformer has about ten, and its shards */

typedef struct imr_encoder {
    const char *kind;         /* see above */
    imr_folder folder;        /* where it is, and the name it goes by */
    imr_tokenizer *tokenizer; /* its vocabulary has the V tokens of the table below */
    size_t dim;               /* n */
    char *prompt; /* what sentence-transformers' encode puts before every text, mostly "" */
    char *query_prefix, *passage_prefix; /* never NULL */
    size_t max_tokens;                   /* of a text that are used at most; 0: all */
    size_t max_chars;                    /* of a text that are looked at; 0: all */
    bool keep_end;                       /* of a text that is too long */
    bool drop_unknown;                   /* unknown tokens add nothing */
    bool normalise;                      /* a static encoder's vectors are made unit length */
    float *rows;                         /* [at least V,rows_dim], the input token table */
    size_t rows_dim;                     /* dim, or a transformer's hidden size */
    const imr_kernels *kernels;          /* that transformers compute with */
    imr_precision precision;             /* of their products */
    struct imr_transformer *transformer; /* NULL: static, a text is the mean of its tokens' rows */
    bool tokens_only;                    /* opened for its tokeniser: weights are not read */
    char *files[IMR_MAX_ENCODER_FILES];  /* names below the folder, for the identity */
    size_t n_files;
    /* Sentences about what the folder's files ask for and is not done here, or done otherwise by
     * other versions of sentence-transformers: to be told once. */
    imr_buf notice;
} imr_encoder;

typedef struct imr_encoder_options {
    imr_hub hub;                               /* where model ids are looked up */
    const char *query_prefix, *passage_prefix; /* NULL: the prompts of the folder, or those known
                                                  for the model */
    const imr_kernels *kernels;                /* of transformers; NULL: this CPU's best */
    imr_precision precision;                   /* IMR_BFLOAT16: transformers only */
    bool tokens_only; /* no weights are read and none need be there; only the tokeniser is of use */
} imr_encoder_options;

/* folder_or_name: a path, a model id, or minilm, e5, bge, mpnet. options NULL: paths only.
 * IMR_E_NOT_FOUND names a missing file and the command that fetches it; IMR_E_UNSUPPORTED names the
 * kind, and a static encoder when another precision is asked for; IMR_E_SHAPE when table and
 * vocabulary differ in size; IMR_E_NUMERIC names the token whose row is not finite. */
imr_status imr_encoder_open(imr_encoder **out, const char *folder_or_name,
                            const imr_encoder_options *options, imr_error *err);
void imr_encoder_free(imr_encoder *e); /* NULL is fine */
IMR_FREE_AT(imr_encoder, imr_encoder_free)

/* Identity: SHA-256 of the lines "<sha256 of file>  <file>\n" over the files that decide the
 * vectors, as `sha256sum FILES | sha256sum` prints it in the folder. With another precision than
 * float32 its name is one more line: its vectors are not the same. Reads the files. */
imr_status imr_encoder_sha256(const imr_encoder *e, char out[IMR_SHA256_HEX], imr_error *err);

typedef struct imr_token_count {
    size_t read;  /* tokens the encoder reads, */
    size_t total; /* and tokens the text has; special ones are counted in both */
    size_t known; /* of those read the ones it knows, without special ones: at 0 the vector says
                     nothing about the text (a static encoder gives the zero vector, or the
                     unknown token's) */
} imr_token_count;

/*
 * texts[i] has lens[i] bytes (any bytes); row i of out [count,n] becomes its vector. counts may be
 * NULL. Reports progress every 256 texts, transformers several times in each layer of a batch: a
 * call for one text of 256 tokens ends within some milliseconds after it was told to stop. On
 * failure and on IMR_E_CANCELLED rows of out are partly written; the error names the first text
 * that failed.
 */
imr_status imr_encoder_encode(const imr_encoder *e, const char *const *texts, const size_t *lens,
                              size_t count, float *out, imr_token_count *counts,
                              const imr_progress *progress, imr_error *err);

/*
 * Who wants to know what a transformer makes of each token while it encodes. For each text first
 * `read` from the calling thread, in the order of the texts, then `heard` once: one call at a time,
 * from any thread, in any order. A static encoder's tokens are its rows: it calls neither.
 */
typedef struct imr_encoder_listener {
    /* tokens: those read, spelled (imr_tokens_word); valid during the call. May be NULL. */
    imr_status (*read)(void *user, size_t text, const imr_tokens *tokens, imr_error *err);
    /* rows [tokens read, hidden]: the last layer's outputs, before pooling. */
    void (*heard)(void *user, size_t text, imr_view rows);
    void *user;
} imr_encoder_listener;

/* imr_encoder_encode with someone listening (NULL: no one). */
imr_status imr_encoder_encode_heard(const imr_encoder *e, const char *const *texts,
                                    const size_t *lens, size_t count, float *out,
                                    imr_token_count *counts, const imr_encoder_listener *listener,
                                    const imr_progress *progress, imr_error *err);

/* The tokens of a text that encoding reads, spelled (imr_tokens_word); overwrites out. */
imr_status imr_encoder_read_tokens(imr_tokens *out, const imr_encoder *e, const char *text,
                                   size_t len, imr_error *err);
/* What encoding would count, without encoding. */
imr_status imr_encoder_count_tokens(imr_token_count *out, const imr_encoder *e, const char *text,
                                    size_t len, imr_error *err);

/* All ids of a text with their byte spans and words (imr_tokens_word), not cut; special: with
 * [CLS], [SEP] where the tokeniser puts them. */
imr_status imr_encoder_tokenize(const imr_encoder *e, const char *text, size_t len, bool special,
                                imr_tokens *out, imr_error *err);

/*
 * The `encoded` token table: row i of out [count,n] becomes the vector of the text that consists of
 * the token ids[i] alone. The id goes straight to the model, the token's name is not tokenised:
 *   transformers   [CLS] id [SEP], as the tokeniser frames a text, then pooling and all modules
 *   static         the token's row (weights applied), of unit length where texts are; zeros for
 *                  Model2Vec's unknown token, which no text contains
 * No prefix. Progress, cancelling and precision as for texts; IMR_E_USAGE for an id that is not
 * below the token count, IMR_E_NUMERIC when a vector is not finite.
 */
imr_status imr_encoder_encode_tokens(const imr_encoder *e, const uint32_t *ids, size_t count,
                                     float *out, const imr_progress *progress, imr_error *err);

/* ---- the `input` token table ---- */

/* [V,n]: the vector each token id contributes to a text; row V-1 is the last id. For static
 * encoders adding the token moves the (unnormalised) sum along this row exactly. For transformers
 * these are the word embeddings, as wide as the hidden layers: n unless pooling is concatenated or
 * followed by Dense. */
imr_view imr_encoder_token_rows(const imr_encoder *e);
size_t imr_encoder_token_count(const imr_encoder *e); /* V */
/* Zero-terminated, as the vocabulary writes it ("##ing"); id < V. Borrowed. */
const char *imr_encoder_token_text(const imr_encoder *e, uint32_t id);
