/*
 * encoder/static_write.h - writes a whole-word static encoder as a Model2Vec folder.
 *
 * Files: model.safetensors (`embeddings`, F32), tokenizer.json (BertNormalizer lower-casing and
 * stripping accents, BertPreTokenizer, WordLevel), modules.json (StaticEmbedding, Normalize: for
 * sentence-transformers) and, last, config.json, without which the folder is no encoder; so an
 * interrupted write is never taken for one. Python's model2vec, sentence-transformers and
 * tokenizers open it.
 *
 * Id 0 is [UNK] with a row of zeros: readers that keep unknown tokens then get the same unit vector
 * as those that leave them out.
 */
#ifndef IMR_ENCODER_STATIC_WRITE_H
#define IMR_ENCODER_STATIC_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "math/matrix.h"

/* rows [n_words, n]: row i belongs to words[i] (id i + 1). Words are zero-terminated UTF-8, all
 * different, not empty. The folder is made when it is missing; files in it of these names are
 * replaced. IMR_E_USAGE names a word that cannot be written, IMR_E_SHAPE when counts differ,
 * IMR_E_NUMERIC the row that is not finite. */
imr_status imr_static_write(const char *folder, const char *const *words, size_t n_words,
                            imr_view rows, bool normalise, imr_error *err) IMR_NODISCARD;

#endif
