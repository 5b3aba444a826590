/*
 * encoder/encoder_kind.h - what a kind of encoder provides; for files of src/encoder only.
 *
 * encoder.c owns everything common (folder, tokeniser, prefixes, the parallel loop over texts); a
 * kind fills `ops`, `kind`, `dim`, `rows_dim` and `rows` when it is opened, and encodes either one
 * text at a time or all texts of a call.
 */
#ifndef IMR_ENCODER_ENCODER_KIND_H
#define IMR_ENCODER_ENCODER_KIND_H

#include "encoder/encoder.h"
#include "encoder/tokenizer_folder.h"

#define IMR_MAX_ENCODER_FILES 64u /* a transformer has about ten, and its shards */

/* What one thread needs between texts: {0} at first. */
typedef struct imr_encoder_scratch {
    imr_tokens tokens;
    bool spell;  /* the tokens' words are wanted */
    double *sum; /* n */
} imr_encoder_scratch;

void imr_encoder_scratch_done(imr_encoder_scratch *s); /* {0} is fine */

typedef struct imr_encoder_ops {
    /* The tokens of a text that are read go to s->tokens; counts them. */
    imr_status (*read)(const imr_encoder *e, const char *text, size_t len, imr_token_count *count,
                       imr_encoder_scratch *s, imr_error *err);
    /* One text to out [n]. Called from many threads. */
    imr_status (*encode)(const imr_encoder *e, const char *text, size_t len, float *out,
                         imr_token_count *count, imr_encoder_scratch *s, imr_error *err);
    /* Instead of encode, for kinds that gain from many texts at once: all of
     * imr_encoder_encode_heard. */
    imr_status (*encode_many)(const imr_encoder *e, const char *const *texts, const size_t *lens,
                              size_t count, float *out, imr_token_count *counts,
                              const imr_encoder_listener *listener, const imr_progress *progress,
                              imr_error *err);
    /* Of kinds with encode_many: all of imr_encoder_encode_tokens. */
    imr_status (*encode_tokens)(const imr_encoder *e, const uint32_t *ids, size_t count, float *out,
                                const imr_progress *progress, imr_error *err);
} imr_encoder_ops;

struct imr_encoder {
    const imr_encoder_ops *ops;
    const char *kind; /* imr_encoder_kind */
    imr_folder folder;
    imr_tokenizer *tokenizer;
    char *prompt, *query_prefix, *passage_prefix;
    size_t dim, max_tokens;              /* max_tokens 0: no maximum */
    size_t max_chars;                    /* of a text that are looked at; 0: all */
    bool keep_end;                       /* of a text that is too long */
    bool drop_unknown;                   /* unknown tokens add nothing */
    float *rows;                         /* [at least V,rows_dim], the input token table */
    size_t rows_dim;                     /* dim, or a transformer's hidden size */
    const imr_kernels *kernels;          /* that transformers compute with */
    imr_precision precision;             /* of their products */
    struct imr_transformer *transformer; /* of those kinds, else NULL */
    bool tokens_only;                    /* opened for its tokeniser: weights are not read */
    bool normalise;                      /* vectors are made unit length */
    char *files[IMR_MAX_ENCODER_FILES];  /* names below the folder, for the identity */
    size_t n_files;
    imr_buf notice; /* encoder/settings.h */
};

/* Remembers "module/file" (module may be "") as one of the files of the identity. */
imr_status imr_encoder_add_file(imr_encoder *e, const char *module, const char *file,
                                imr_error *err) IMR_NODISCARD;
/* Opens the tokeniser of a module's folder ("" for the root) as transformers or static encoders
 * have it and adds its files; lower_first: encoder/tokenizer_folder.h. Errors: IMR_E_NOT_FOUND
 * names what is missing and how to get it; whatever is wrong with the file. */
imr_status imr_encoder_add_tokenizer(imr_tokenizer_facts *facts, imr_encoder *e, const char *module,
                                     bool lower_first, imr_error *err) IMR_NODISCARD;

#endif
