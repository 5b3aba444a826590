#include "task/cache.h"

#include <stdlib.h>

/* The encoder reports and looks for a stop inside a block too: one of a large model takes seconds.
 */
typedef struct job {
    const imr_encoder *encoder;
    const imr_progress *up;
    imr_progress_info block; /* what the store said before the block under way */
} job;

static bool store_step(void *user, const imr_progress_info *info)
{
    job *j = user;
    j->block = *info;
    return !j->up || !j->up->fn || j->up->fn(j->up->user, info);
}

static bool encoder_step(void *user, const imr_progress_info *info)
{
    const job *j = user;
    return imr_progress_step(j->up, j->block.what, j->block.done + info->done, j->block.total);
}

static imr_status encode(void *user, const char *const *texts, const size_t *lens, size_t count,
                         float *out, imr_error *err)
{
    job *j = user;
    const imr_progress inner = {encoder_step, j};
    return imr_encoder_encode(j->encoder, texts, lens, count, out, NULL, &inner, err);
}

imr_status imr_cache_encode(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_encoder *encoder, imr_dtype dtype, bool overwrite,
                            const imr_progress *progress, imr_error *err)
{
    char sha256[IMR_SHA256_HEX];
    IMR_TRY(imr_encoder_sha256(encoder, sha256, err));
    /* The cache is opened from any folder. */
    char *real = realpath(imr_encoder_folder(encoder), NULL);
    const imr_encoder_identity identity = {
        .kind = imr_encoder_kind(encoder),
        .name = imr_encoder_name(encoder),
        .path = real ? real : imr_encoder_folder(encoder),
        .sha256 = sha256,
        .query_prefix = imr_encoder_query_prefix(encoder),
        .passage_prefix = imr_encoder_passage_prefix(encoder),
        .precision = imr_encoder_precision(encoder) == IMR_FLOAT32
                         ? ""
                         : imr_precision_name(imr_encoder_precision(encoder)),
    };
    const imr_store_plan plan = {
        .dataset = dataset,
        .encoder = &identity,
        .n = imr_encoder_dim(encoder),
        .dtype = dtype,
        .overwrite = overwrite,
    };
    job j = {.encoder = encoder, .up = progress, .block = {.what = "encoding"}};
    const imr_progress outer = {store_step, &j};
    imr_status status = imr_store_build(result, dir, &plan, encode, &j, &outer, err);
    free(real);
    return status;
}
