/*
 * encoder/transformer_weights.h - the weight files of a Hugging Face folder as one table of names.
 *
 * Looked for, in this order:
 *   model.safetensors
 *   model.safetensors.index.json     its shards
 *   pytorch_model.bin                a bare state dict
 *   pytorch_model.bin.index.json     its shards
 * F32, F16, BF16 (and F64) become float32. Old files name a norm's weight and bias gamma and beta.
 * For src/encoder only.
 */
#ifndef IMR_ENCODER_TRANSFORMER_WEIGHTS_H
#define IMR_ENCODER_TRANSFORMER_WEIGHTS_H

#include "encoder/encoder_kind.h"
#include "format/tensors.h"

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
                               imr_error *err) IMR_NODISCARD;

/* Sets the prefix to what stands before `name` ("bert.", "0.auto_model."). IMR_E_NOT_FOUND when no
 * tensor ends in it, IMR_E_FORMAT when two do. */
imr_status imr_checkpoint_find_prefix(imr_checkpoint *w, const char *name,
                                      imr_error *err) IMR_NODISCARD;

/* Puts the tensor's values into a new array (64-byte aligned, the caller's): rows x cols; rows 0: a
 * vector of cols. Errors name file, tensor, what was found and expected: IMR_E_NOT_FOUND,
 * IMR_E_SHAPE, IMR_E_NUMERIC for the first value that is not finite. */
imr_status imr_checkpoint_read(float **out, const imr_checkpoint *w, const char *name, size_t rows,
                               size_t cols, imr_error *err) IMR_NODISCARD;
/* Until this, what was read is in memory twice: as it lies in the file and as the caller has it. */
void imr_checkpoint_forget(const imr_checkpoint *w);

#endif
