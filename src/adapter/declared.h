/*
 * adapter/declared.h - what an adapter's file says of itself, and whether its tensors agree.
 *
 * The tensors of `diagonal` and `mean` are the same, so the file's metadata decides:
 *
 *   checkpoint_format "imrnns-final-v1"                 mean    the authors' package 0.2
 *   model_config.form "diagonal", "mean" or "full"      that    what this program writes beside it
 *   checkpoint_format "imrnns-adapter-only-v1"          diagonal unless the tensors are full's
 *   anything else, no metadata at all                   diagonal or full, by the tensors
 *
 * safetensors hold texts only, nested names with a dot ("model_config.form").
 * A file that calls itself imrnns-final-v1 must be one, as the authors' package asks: a square
 * projector, hidden size 128, no dropout, model_config as the tensors, nothing missing, nothing
 * left over.
 */
#ifndef IMR_ADAPTER_DECLARED_H
#define IMR_ADAPTER_DECLARED_H

#include "adapter/weights.h"
#include "format/torch_pt.h"

#define IMR_FINAL_FORMAT "imrnns-final-v1"
#define IMR_FIRST_FORMAT "imrnns-adapter-only-v1"
#define IMR_FINAL_HIDDEN ((size_t)128)

typedef struct imr_declared {
    imr_form form;    /* AUTO: it does not say */
    bool final;       /* it calls itself imrnns-final-v1 */
    bool first;       /* it calls itself imrnns-adapter-only-v1 */
    char unknown[64]; /* it calls itself this, "" when it is known or absent */
} imr_declared;

/* Metadata as a JSON object. A .pt: the dictionary (NULL or no dictionary: *out is left alone);
 * safetensors: the pairs of the header of file. imr_free(*out). */
imr_status imr_declared_torch(char **out, const imr_pickle_value *metadata,
                              imr_error *err) IMR_NODISCARD;
imr_status imr_declared_safetensors(char **out, const uint8_t *file, const char *path,
                                    imr_error *err) IMR_NODISCARD;

/* metadata: such an object, or NULL. */
imr_status imr_declared_read(imr_declared *out, const char *metadata, imr_error *err) IMR_NODISCARD;

/* Adds to problems what keeps w from being the imrnns-final-v1 its metadata says it is. */
imr_status imr_declared_check_final(imr_problems *problems, const imr_weights *w,
                                    const char *metadata, imr_error *err) IMR_NODISCARD;

/* What a file of w says of itself: out[0] the format, out[1] model_config, whose entries are
 * config. Form mean is written as imrnns-final-v1 where it is one (m = n, h 128), and is called
 * "imrnn-mean-v1" where it is not, so that nobody's loader takes it for another form. */
enum { IMR_DECLARED_ENTRIES = 2, IMR_DECLARED_CONFIG = 5 };
void imr_declared_put(imr_torch_meta out[IMR_DECLARED_ENTRIES],
                      imr_torch_meta config[IMR_DECLARED_CONFIG], const imr_weights *w);

#endif
