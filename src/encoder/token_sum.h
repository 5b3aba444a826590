/*
 * encoder/token_sum.h - a text's vector as an exact sum over its tokens (method.md section 3b).
 *
 * With mean pooling a vector is a sum of token vectors, and what follows (a Dense module without an
 * activation, Normalize) is linear once the length of the sum is known:
 *
 *   x = sum_b row_b + extra
 *   transformer   row_b = h_b / count, or / sqrt(count), h_b the last layer's output; through the
 *                 Dense modules' weights, whose biases go to `extra`; over the length of the sum
 *   static        row_b = the token's weighted row / count, over the length of the sum; a token
 *                 that is left out (Model2Vec's unknown one) has a row of zeros
 *
 * CLS and max pooling and other activations have no such sum; imr_encoder_sum_problem says so.
 * Precision: the rows add up to the vector imr_encoder_encode gives within 1e-6 (in units of its
 * length where it is not of unit length).
 * Threads: no state.
 */
#pragma once

#include "encoder/encoder.h"

typedef struct imr_token_sum {
    imr_tokens tokens; /* those the encoder read, spelled; spans in the text as given (prefix
                          included) */
    size_t read_end;   /* byte offset where reading ended; the text's length when all was read */
    size_t n;
    float *rows;   /* [tokens.n, n] */
    float *extra;  /* [n], what no token carries: zeros unless a Dense module has a bias */
    float *vector; /* [n], and count: what imr_encoder_encode gives, bit by bit */
    imr_token_count count;
} imr_token_sum;

/* "", or the one sentence that says why this encoder's vectors are no sum over tokens. Static. */
const char *imr_encoder_sum_problem(const imr_encoder *e);

/* The text is encoded as it is given (no prefix is put before it). IMR_E_UNSUPPORTED with the
 * sentence above; else errors, progress and cancelling of imr_encoder_encode. */
imr_status imr_encoder_token_sum(imr_token_sum *out, const imr_encoder *e, const char *text,
                                 size_t len, const imr_progress *progress, imr_error *err);
void imr_token_sum_done(imr_token_sum *s); /* {0} is fine */

/* How wide the vectors are that pooling gets, one a token, when one pooling gives the sum, else 0;
 * and what such rows become on their way to the text's vector, but for biases and lengths: the
 * Dense modules' weights are applied to v [any, outputs], which is replaced by [any, n]. Of a
 * static encoder they are the tokens' rows. */
size_t imr_encoder_outputs(const imr_encoder *e);
imr_status imr_encoder_through_dense(imr_matrix *v, const imr_encoder *e, imr_error *err);
