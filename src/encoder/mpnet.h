/*
 * encoder/mpnet.h - MPNet (Song et al. 2020): a BERT with other positions.
 *
 * No token types, positions from pad_token_id + 1, and a learned bias of the attention scores by
 * relative position that all layers share. For src/encoder only.
 */
#ifndef IMR_ENCODER_MPNET_H
#define IMR_ENCODER_MPNET_H

#include "encoder/transformer.h"

#define IMR_MPNET_BUCKETS 32u

extern const imr_transformer_family imr_mpnet_family;

/*
 * The bucket of a relative position r = key - query (Raffel et al. 2020, as MPNet uses it): half of
 * the 32 for each sign (r > 0 gets the upper 16); of them eight for |r| < 8, and eight that grow
 * with its logarithm up to |r| = 128, where the last one begins to hold all:
 *   8 + floor(8 ln(|r| / 8) / ln 16), at most 15
 */
size_t imr_mpnet_bucket(int64_t relative);

#endif
