/* task/import.c - a store whose vectors are looked up instead of computed. */
#include "task/import.h"

#include "task/cache.h"

/* Read from the old cache before its pages are given back. */
#define FORGET_BYTES ((size_t)16 << 20)
/* Between two looks at the progress: rows without a vector are encoded one by one. */
#define STEP_ROWS ((size_t)64)

typedef struct importer {
    imr_token_counter texts; /* its encoder: NULL, or for what the old cache lacks */
    const imr_cache *from;
    size_t next;   /* the old cache's document behind the last one taken */
    size_t unread; /* bytes taken since its files were last forgotten */
    imr_buf text;
} importer;

static void importer_done(importer *im)
{
    imr_buf_done(&im->text);
}

static imr_status encode_row(importer *im, bool query, size_t row, float *out, imr_error *err)
{
    IMR_TRY(imr_counter_text(&im->text, &im->texts, query, row, err));
    const char *text = imr_buf_text(&im->text);
    return imr_encoder_encode(im->texts.encoder, &text, &im->text.len, 1, out, NULL, NULL, err);
}

static imr_status take_row(importer *im, bool query, size_t row, float *out, imr_error *err)
{
    const char *id = query ? imr_ids_at(&im->texts.dataset->query_ids, row)
                           : imr_ids_at(&im->texts.dataset->documents, row);
    uint32_t at;
    if (!query && imr_ids_find_near(&im->from->documents.ids, id, (uint32_t)(im->next), &at)) {
        im->next = (size_t)at + 1;
        return imr_cache_read_rows(im->from, at, 1, out, err);
    }
    if (query && imr_ids_find(&im->from->queries.ids, id, &at))
        return imr_cache_read_query(im->from, at, out, err);
    if (im->texts.encoder)
        return encode_row(im, query, row, out, err);
    return imr_fail(err, IMR_E_NOT_FOUND,
                    "the cache %s has no vector for the %s '%s'; name its encoder with --encoder, "
                    "to encode what it lacks",
                    im->from->path, query ? "query" : "document", id);
}

/* An imr_store_rows_fn. */
static imr_status take_rows(void *user, bool queries, size_t first, size_t count, float *out,
                            imr_error *err)
{
    importer *im = user;
    const size_t dim = im->from->dim;
    const size_t rows = queries ? im->texts.dataset->query_ids.n : im->texts.dataset->documents.n;
    const char *what = queries ? "taking over queries" : "taking over documents";
    for (size_t i = 0; i < count; i++) {
        if (i % STEP_ROWS == STEP_ROWS - 1 &&
            !imr_progress_step(im->texts.progress, what, first + i, rows))
            return imr_fail(err, IMR_E_CANCELLED, "%s was cancelled", what);
        IMR_TRY(take_row(im, queries, first + i, out + i * dim, err));
    }
    im->unread += count * dim * sizeof *out;
    if (im->unread >= FORGET_BYTES) {
        imr_cache_forget(im->from);
        im->unread = 0;
    }
    return IMR_OK;
}

static size_t block_rows(size_t dim)
{
    size_t rows = IMR_IMPORT_BLOCK / (dim * sizeof(float));
    return rows > IMR_STORE_MAX_BLOCK ? IMR_STORE_MAX_BLOCK : rows;
}

imr_status imr_cache_import(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_cache *from, const imr_encoder *encoder, imr_dtype dtype,
                            bool overwrite, const imr_progress *progress, imr_error *err)
{
    imr_encoder_identity identity = from->encoder;
    IMR_CLEANUP(imr_encoder_names_done) imr_encoder_names names = {.path = NULL};
    if (encoder) {
        if (encoder->dim != from->dim)
            return imr_fail(err, IMR_E_SHAPE,
                            "the encoder %s makes %zu-dimensional vectors, the cache %s holds "
                            "%zu-dimensional ones",
                            encoder->folder.name, encoder->dim, from->path, from->dim);
        IMR_TRY(imr_encoder_names_init(&names, encoder, err));
        identity = names.identity;
    } else {
        identity.query_prefix = imr_known_prefix(identity.name, false);
        identity.passage_prefix = imr_known_prefix(identity.name, true);
    }
    IMR_CLEANUP(importer_done)
    importer im = {.texts = {dataset, encoder, &identity, progress}, .from = from};
    imr_store_plan plan = {.dataset = dataset,
                           .encoder = &identity,
                           .n = from->dim,
                           .dtype = dtype,
                           .block = block_rows(from->dim),
                           .overwrite = overwrite,
                           .rows = take_rows,
                           .count = encoder ? imr_count_tokens : NULL,
                           .counter = &im.texts};
    return imr_store_build(result, dir, &plan, NULL, &im, progress, err);
}
