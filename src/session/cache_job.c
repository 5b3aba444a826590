#include "session/cache_job.h"

#include <stdlib.h>

static imr_status encode(void *user, const char *const *texts, const size_t *lens, size_t count,
                         float *out, imr_error *err)
{
    return imr_encoder_encode(user, texts, lens, count, out, NULL, NULL, err);
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
    };
    const imr_store_plan plan = {
        .dataset = dataset,
        .encoder = &identity,
        .n = imr_encoder_dim(encoder),
        .dtype = dtype,
        .overwrite = overwrite,
    };
    /* The callback's user pointer is not const; the encoder it stands for stays so. */
    imr_status status =
        imr_store_build(result, dir, &plan, encode, (void *)(uintptr_t)encoder, progress, err);
    free(real);
    return status;
}
