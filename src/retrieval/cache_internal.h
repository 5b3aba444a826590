/*
 * retrieval/cache_internal.h - the steps the makers of a cache share.
 *
 * A maker (store_open.c, reference_cache.c, cache_make.c) fills ids, vectors, the encoder and, when
 * there is one, the dataset; imr_cache_finish does the rest.
 */
#ifndef IMR_RETRIEVAL_CACHE_INTERNAL_H
#define IMR_RETRIEVAL_CACHE_INTERNAL_H

#include "retrieval/cache.h"
#include "retrieval/ids.h"

imr_cache *imr_cache_new(const char *path, const char *layout); /* NULL: memory */
void imr_cache_free_ptr(imr_cache **c);

/* What a manifest of ours calls the strings of an identity. */
extern const char *const imr_encoder_keys[IMR_ENCODER_TEXTS];
/* Copies every string; NULL becomes "". */
imr_status imr_cache_set_encoder(imr_cache *c, const imr_encoder_identity *from,
                                 imr_error *err) IMR_NODISCARD;
/* What people should know about this cache; a second line is joined with "; ". */
void imr_cache_add_notice(imr_cache *c, const char *format, ...) IMR_PRINTF(2, 3);

/* Scattered vectors become a matrix of float32, all finite; their files are released. */
imr_status imr_cache_gather(imr_cache_rows *rows, const char *what, imr_error *err) IMR_NODISCARD;
/* IMR_E_NUMERIC names the row; looks at every row, or at `sample` of them spread evenly. */
imr_status imr_cache_check_finite(const imr_cache_rows *rows, const char *what, size_t sample,
                                  imr_error *err) IMR_NODISCARD;
/* queries NULL: the n behind those of the splits before; else copied. qrels is borrowed, `made`
 * taken. */
imr_status imr_cache_add_split(imr_cache *c, const char *name, const uint32_t *queries, size_t n,
                               const imr_qrels *qrels, imr_qrels *made,
                               imr_error *err) IMR_NODISCARD;
/* Places, query texts and, unless there are splits, those of the dataset. */
imr_status imr_cache_finish(imr_cache *c, imr_error *err) IMR_NODISCARD;

/* ---- encoding rows of a dataset ---- */
typedef struct imr_encode_job {
    const imr_dataset *dataset;
    bool queries;       /* else documents */
    const char *prefix; /* put before every text */
    size_t n;
    imr_encode_fn encode;
    void *user;
} imr_encode_job;

/* What the encoder is given for a row: prefix and text, appended. */
imr_status imr_encode_text(const imr_encode_job *job, size_t row, imr_buf *out,
                           imr_error *err) IMR_NODISCARD;
/* Is every value of rows [first, first+count) finite? IMR_E_NUMERIC names the text. */
imr_status imr_encode_check(const imr_encode_job *job, size_t first, size_t count, const float *out,
                            imr_error *err) IMR_NODISCARD;
/* Rows [first, first+count) -> out[count x n], checked. */
imr_status imr_encode_rows(const imr_encode_job *job, size_t first, size_t count, float *out,
                           imr_error *err) IMR_NODISCARD;

/* ---- the layouts ---- */
imr_status imr_store_open(imr_cache **out, const char *dir, const imr_json *manifest,
                          const imr_cache_options *options, imr_error *err) IMR_NODISCARD;
/* Has DIR a split with embeddings.pt? */
bool imr_reference_cache_here(const char *dir);
/* manifest: NULL when there is none. */
imr_status imr_reference_cache_open(imr_cache **out, const char *dir, const imr_json *manifest,
                                    const imr_cache_options *options, imr_error *err) IMR_NODISCARD;

#endif
