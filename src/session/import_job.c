/* session/import_job.c - a store whose vectors are looked up instead of computed. */
#include "session/import_job.h"

#include <string.h>

/* Read from the old cache before its pages are given back. */
#define FORGET_BYTES ((size_t)32 << 20)

typedef struct importer {
    const imr_dataset *dataset;
    const imr_cache *from;
    const imr_encoder *encoder;
    const char *query_prefix, *passage_prefix;
    size_t at;     /* row: documents, then queries */
    size_t next;   /* the old cache's row behind the last one taken */
    size_t unread; /* bytes taken since its file was last forgotten */
    imr_buf text;
} importer;

static imr_status text_of_row(importer *im, imr_error *err)
{
    size_t documents = imr_dataset_count(im->dataset);
    imr_buf_clear(&im->text);
    if (im->at < documents) {
        imr_buf_str(&im->text, im->passage_prefix);
        IMR_TRY(imr_dataset_text(im->dataset, im->at, &im->text, err));
    } else {
        imr_buf_str(&im->text, im->query_prefix);
        imr_buf_str(&im->text, imr_dataset_query_text(im->dataset, im->at - documents));
    }
    return imr_buf_check(&im->text, err);
}

static imr_status take_row(importer *im, const char *text, size_t len, float *out, imr_error *err)
{
    size_t documents = imr_dataset_count(im->dataset);
    bool query = im->at >= documents;
    const char *what = query ? "query" : "document";
    const char *id = query ? imr_dataset_query_id(im->dataset, im->at - documents)
                           : imr_dataset_id(im->dataset, im->at);
    uint32_t row;
    if (!query && imr_cache_find_document_near(im->from, id, im->next, &row)) {
        im->next = (size_t)row + 1;
        return imr_cache_read_rows(im->from, row, 1, out, err);
    }
    if (query && imr_cache_find_query(im->from, id, &row)) {
        imr_view v = imr_cache_query_vectors(im->from);
        memcpy(out, imr_view_row(&v, row), v.cols * sizeof *out);
        return IMR_OK;
    }
    if (im->encoder)
        return imr_encoder_encode(im->encoder, &text, &len, 1, out, NULL, NULL, err);
    return imr_fail(err, IMR_E_NOT_FOUND,
                    "the cache %s has no vector for the %s '%s'; name its encoder with --encoder, "
                    "to encode what it lacks",
                    imr_cache_path(im->from), what, id);
}

/* An imr_encode_fn. Texts come in row order with finished blocks left out, so looking forward from
 * the last row finds each one. */
static imr_status look_up(void *user, const char *const *texts, const size_t *lens, size_t count,
                          float *out, imr_error *err)
{
    importer *im = user;
    size_t rows = imr_dataset_count(im->dataset) + imr_dataset_queries(im->dataset);
    for (size_t i = 0; i < count; i++, im->at++) {
        for (;; im->at++) {
            if (im->at == rows)
                return imr_fail(err, IMR_E_FORMAT, "the data set changed while it was read");
            IMR_TRY(text_of_row(im, err));
            if (im->text.len == lens[i] && memcmp(imr_buf_text(&im->text), texts[i], lens[i]) == 0)
                break;
        }
        IMR_TRY(take_row(im, texts[i], lens[i], out + i * imr_cache_dim(im->from), err));
    }
    im->unread += count * imr_cache_dim(im->from) * sizeof *out;
    if (im->unread > FORGET_BYTES) {
        imr_cache_forget(im->from);
        im->unread = 0;
    }
    return IMR_OK;
}

imr_status imr_cache_import(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_cache *from, const imr_encoder *encoder, imr_dtype dtype,
                            bool overwrite, const imr_progress *progress, imr_error *err)
{
    imr_encoder_identity identity = *imr_cache_encoder(from);
    char sha256[IMR_SHA256_HEX] = "";
    if (encoder) {
        if (imr_encoder_dim(encoder) != imr_cache_dim(from))
            return imr_fail(err, IMR_E_SHAPE,
                            "the encoder %s makes %zu-dimensional vectors, the cache %s holds "
                            "%zu-dimensional ones",
                            imr_encoder_name(encoder), imr_encoder_dim(encoder),
                            imr_cache_path(from), imr_cache_dim(from));
        IMR_TRY(imr_encoder_sha256(encoder, sha256, err));
        identity = (imr_encoder_identity){
            .kind = imr_encoder_kind(encoder),
            .name = imr_encoder_name(encoder),
            .path = imr_encoder_folder(encoder),
            .sha256 = sha256,
            .query_prefix = imr_encoder_query_prefix(encoder),
            .passage_prefix = imr_encoder_passage_prefix(encoder),
            .precision = imr_encoder_precision(encoder) == IMR_FLOAT32
                             ? ""
                             : imr_precision_name(imr_encoder_precision(encoder))};
    } else {
        identity.query_prefix = imr_known_query_prefix(identity.name);
        identity.passage_prefix = imr_known_passage_prefix(identity.name);
    }
    imr_store_plan plan = {.dataset = dataset,
                           .encoder = &identity,
                           .n = imr_cache_dim(from),
                           .dtype = dtype,
                           .overwrite = overwrite};
    importer im = {.dataset = dataset,
                   .from = from,
                   .encoder = encoder,
                   .query_prefix = identity.query_prefix,
                   .passage_prefix = identity.passage_prefix};
    imr_status status = imr_store_build(result, dir, &plan, look_up, &im, progress, err);
    imr_buf_done(&im.text);
    return status;
}
