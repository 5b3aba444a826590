/*
 * encoder/train_static.h - a static encoder from nothing but a corpus.
 *
 * Method (method.md section 6): count which words stand near each other (encoder/ppmi.h), take the
 * leading singular vectors of the resulting matrix, and give word t the row
 *
 *     E_t = U_t sqrt(S) * a / (a + p_t)         a = 1e-3, p_t = count of t / count of all words
 *
 * (the weight of Arora, Liang, Ma 2017: frequent words say little). A text is the mean of its
 * words' rows, brought to length 1. Words: encoder/word_stream.h.
 *
 * Deterministic: the same corpus, options and number of threads give the same bytes. The counts do
 * not depend on the number of threads at all; the decomposition does in the last bits where the
 * BLAS splits its sums differently.
 */
#ifndef IMR_ENCODER_TRAIN_STATIC_H
#define IMR_ENCODER_TRAIN_STATIC_H

#include "encoder/word_stream.h"
#include "math/matrix.h"

typedef struct imr_static_train_options {
    size_t dim;             /* n; at most the number of words kept */
    uint32_t window;        /* words to either side, 1 to 1000 */
    uint32_t min_documents; /* a rarer word is left out; at least 1 */
    uint64_t seed;          /* of the decomposition */
} imr_static_train_options;

#define IMR_STATIC_TRAIN_DEFAULTS ((imr_static_train_options){256, 8, 3, 0})

/* What training hands over: rows of words, the most frequent word first. */
typedef struct imr_static_words {
    imr_word_stream stream; /* words and counts; the row of ids has been freed */
    imr_matrix rows;        /* [stream.words, dim] */
} imr_static_words;

/*
 * Progress: "reading words", "counting neighbours", "decomposing". A cancelled training leaves
 * nothing.
 * Errors: IMR_E_USAGE (an option out of range); IMR_E_FORMAT (no word is in min_documents
 * documents, or no two words stand together more often than chance); IMR_E_SHAPE (dim above the
 * number of words, which the text names); what encoder/word_stream.h and the source report.
 */
imr_status imr_static_train(imr_static_words *out, const imr_text_source *documents,
                            const imr_static_train_options *options, const imr_progress *progress,
                            imr_error *err) IMR_NODISCARD;
void imr_static_words_done(imr_static_words *w); /* {0} is fine */

#endif
