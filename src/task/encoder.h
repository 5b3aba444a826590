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

/* *words: rows of the table; may be NULL. Errors: imr_static_train's, imr_static_write's. */
imr_status imr_encoder_train(size_t *words, const char *folder, const imr_dataset *dataset,
                             const imr_static_train_options *options, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;

#endif
