/*
 * encoder/pool.h - from the vectors of a text's tokens to one: sentence-transformers' Pooling.
 *
 *   cls                   the first token's vector
 *   max                   the largest value of each dimension
 *   mean                  sum / count
 *   mean_sqrt_len_tokens  sum / sqrt(count)
 *
 * Several modes stand one after the other. Old configurations switch them on one by one
 * (pooling_mode_cls_token, ..._max_tokens, ..._mean_tokens, ..._mean_sqrt_len_tokens, in this
 * order); new ones (5.4 and later) name them in pooling_mode, in the order of the list. Other modes
 * are refused by name. Special tokens count as tokens. Sums in double.
 */
#ifndef IMR_ENCODER_POOL_H
#define IMR_ENCODER_POOL_H

#include "base/error.h"
#include "format/json.h"
#include "math/matrix.h"

typedef enum imr_pool_mode {
    IMR_POOL_CLS,
    IMR_POOL_MAX,
    IMR_POOL_MEAN,
    IMR_POOL_MEAN_SQRT
} imr_pool_mode;

#define IMR_MAX_POOL_MODES 4u

typedef struct imr_pool {
    imr_pool_mode modes[IMR_MAX_POOL_MODES];
    size_t n;
} imr_pool;

/* IMR_E_SHAPE when the configuration was written for vectors of another width. */
imr_status imr_pool_read(imr_pool *out, const imr_json *config, size_t hidden,
                         imr_error *err) IMR_NODISCARD;

/* What a token's vector is multiplied with in a mean of so many, of either kind. */
double imr_pool_weight(imr_pool_mode mode, size_t count);

/* out [p->n * hidden] from rows [count,hidden]; zeros when count is 0. */
void imr_pool_rows(float *out, const imr_pool *p, imr_view rows);

#endif
