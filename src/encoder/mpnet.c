#include "encoder/mpnet.h"

#include <math.h>

size_t imr_mpnet_bucket(int64_t relative)
{
    enum { HALF = IMR_MPNET_BUCKETS / 2, EXACT = HALF / 2 };
    size_t side = relative > 0 ? HALF : 0;
    uint64_t distance = relative > 0 ? (uint64_t)relative : 0 - (uint64_t)relative;
    if (distance < EXACT)
        return side + (size_t)distance;
    /* In float32 as in the original: the steps at 16, 32, 64 are where it puts them. */
    float step = logf((float)distance / EXACT) / (float)log(128.0 / EXACT) * (HALF - EXACT);
    size_t bucket = EXACT + (size_t)step;
    return side + (bucket < HALF ? bucket : HALF - 1);
}

const imr_transformer_family imr_mpnet_family = {
    .model_type = "mpnet",
    .architecture = "MPNet",
    .query = "attention.attn.q",
    .key = "attention.attn.k",
    .value = "attention.attn.v",
    .out = "attention.attn.o",
    .attention_norm = "attention.LayerNorm",
    .positions_after_pad = true,
    .bucket = imr_mpnet_bucket,
    .buckets = IMR_MPNET_BUCKETS,
};
