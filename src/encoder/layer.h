/*
 * encoder/layer.h - the arithmetic of a transformer layer between its dense products.
 *
 * Rows are the tokens of several sequences, one after the other without padding:
 * starts[s] <= row < starts[s+1] is sequence s.
 *
 * Precision: float32; means and variances in double. exp and erf are polynomials that vectorise:
 * GELU within 1e-7 + 1.5e-7 |x| of the exact one (Abramowitz and Stegun 1964, 7.1.26), exp within
 * 2e-7 relative. No result depends on which other sequences stand beside.
 * Threads: rows and heads are shared out with OpenMP when there is enough work; no BLAS here.
 */
#ifndef IMR_ENCODER_LAYER_H
#define IMR_ENCODER_LAYER_H

#include <stddef.h>

/* v = gelu(v + bias), each row; gelu(x) = x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016).
 */
void imr_layer_gelu(float *v, size_t rows, size_t cols, const float *bias);

typedef struct imr_layer_norm {
    const float *gain, *shift; /* [cols] */
    double eps;                /* inside the root */
} imr_layer_norm;

/* x = norm(x + y + bias), each row (Ba, Kiros and Hinton 2016; biased variance). */
void imr_layer_add_norm(float *x, const float *y, const float *bias, size_t rows, size_t cols,
                        const imr_layer_norm *norm);
/* One row: out = norm(a + b + c); c may be NULL, out may be any of them. */
void imr_layer_norm_row(float *out, const float *a, const float *b, const float *c, size_t cols,
                        const imr_layer_norm *norm);

typedef struct imr_attention {
    size_t heads, width;   /* width of one head; hidden = heads * width */
    const float *qkv;      /* [rows, 3 hidden]: queries, keys, values before the bias */
    const float *bias;     /* [3 hidden] */
    const size_t *starts;  /* [sequences + 1] */
    size_t sequences;      /* each at most `longest` rows */
    size_t longest;        /* what the scratch was sized for */
    const float *relative; /* [heads, 2 reach - 1] or NULL: added to the score of query i and key j
                              at reach - 1 + j - i */
    size_t reach;          /* at least the longest sequence */
    float *scratch;        /* [imr_layer_threads(), imr_layer_scratch(longest, width)], aligned to
                              64 bytes */
} imr_attention;

/*
 * out [rows, hidden]: for each sequence and head softmax(Q K' / sqrt(width) + relative) V (Vaswani
 * et al. 2017, 3.2).
 */
void imr_layer_attention(float *out, const imr_attention *a);
size_t imr_layer_threads(void);                         /* most threads of one call */
size_t imr_layer_scratch(size_t longest, size_t width); /* floats per thread */

#endif
