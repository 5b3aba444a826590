/*
 * encoder/encoder_kind.h - what a kind of encoder provides; for files of src/encoder only.
 *
 * encoder.c owns everything common (folder, tokeniser, prefixes, the parallel loop over texts); a
 * kind fills `ops`, `dim` and `rows` when it is opened and encodes one text at a time.
 */
#ifndef IMR_ENCODER_ENCODER_KIND_H
#define IMR_ENCODER_ENCODER_KIND_H

#include "encoder/encoder.h"

#define IMR_MAX_ENCODER_FILES 8u

/* What one thread needs between texts: {0} at first. */
typedef struct imr_encoder_scratch {
    imr_tokens tokens;
    double *sum; /* n */
} imr_encoder_scratch;

typedef struct imr_encoder_ops {
    const char *kind;
    /* One text to out [n]; *known as in imr_encoder_encode. Called from many threads. */
    imr_status (*encode)(const imr_encoder *e, const char *text, size_t len, float *out,
                         size_t *known, imr_encoder_scratch *s, imr_error *err);
} imr_encoder_ops;

struct imr_encoder {
    const imr_encoder_ops *ops;
    imr_folder folder;
    imr_tokenizer *tokenizer;
    char *query_prefix, *passage_prefix;
    size_t dim, max_tokens;             /* max_tokens 0: no maximum */
    float *rows;                        /* [V,n], the input token table */
    bool normalise;                     /* vectors are made unit length */
    char *files[IMR_MAX_ENCODER_FILES]; /* names below the folder, for the identity */
    size_t n_files;
};

/* Remembers "module/file" (module may be "") as one of the files of the identity. */
imr_status imr_encoder_add_file(imr_encoder *e, const char *module, const char *file,
                                imr_error *err) IMR_NODISCARD;

#endif
