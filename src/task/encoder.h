/*
 * task/encoder.h - a static encoder from a dataset's documents into a Model2Vec folder.
 *
 * What `encoder train`, `run` and `demo` share; the method is encoder/train_static.h, the text of a
 * document is imr_dataset_text (title, newline, text).
 */
#ifndef IMR_TASK_ENCODER_H
#define IMR_TASK_ENCODER_H

#include "encoder/train_static.h"
#include "retrieval/dataset.h"

typedef struct imr_encoder_trained {
    size_t words;   /* rows of the table */
    uint64_t total; /* occurrences of them in the corpus */
} imr_encoder_trained;

/* out may be NULL. Errors: imr_static_train's, imr_static_write's. */
imr_status imr_encoder_train(imr_encoder_trained *out, const char *folder,
                             const imr_dataset *dataset, const imr_static_train_options *options,
                             const imr_progress *progress, imr_error *err) IMR_NODISCARD;

#endif
