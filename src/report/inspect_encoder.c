/* report/inspect_encoder.c - encoder folders. */
#include <string.h>

#include "encoder/encoder.h"
#include "math/nn.h"
#include "report/inspect_kinds.h"

static imr_status add_rows(imr_inspection *i, const imr_encoder *e, imr_error *err)
{
    imr_view rows = imr_encoder_token_rows(e);
    size_t zero = 0;
    for (size_t r = 0; r < rows.rows; r++)
        zero += imr_nn_norm(imr_view_row(&rows, r), rows.cols) == 0.0;
    return imr_inspection_int(i, "zero_rows", "tokens without vector", (int64_t)zero, err);
}

static imr_status add_encoder(imr_inspection *i, const imr_encoder *e, imr_error *err)
{
    IMR_TRY(imr_encoder_sha256(e, i->sha256, err));
    IMR_TRY(imr_inspection_string(i, "encoder_kind", "kind", e->kind, err));
    IMR_TRY(imr_inspection_string(i, "name", "name", e->folder.name, err));
    IMR_TRY(imr_inspection_string(i, "folder", "folder", e->folder.path, err));
    IMR_TRY(imr_inspection_int(i, "dim", "dimension n", (int64_t)e->dim, err));
    const bool pieces = e->tokenizer->spec.model == IMR_WORDPIECE;
    IMR_TRY(imr_inspection_string(i, "tokenizer", "tokeniser", pieces ? "WordPiece" : "WordLevel",
                                  err));
    IMR_TRY(imr_inspection_int(i, "vocabulary", "vocabulary", (int64_t)imr_encoder_token_count(e),
                               err));
    size_t most = e->max_tokens;
    IMR_TRY(imr_inspection_int(i, "max_tokens", most ? "longest text, tokens" : NULL, (int64_t)most,
                               err));
    if (*imr_buf_text(&e->notice))
        IMR_TRY(imr_inspection_problem(i, IMR_SEVERITY_WARNING, i->path, imr_buf_text(&e->notice),
                                       "", err));
    IMR_TRY(imr_inspection_string(i, "query_prefix", "query prefix", e->query_prefix, err));
    IMR_TRY(imr_inspection_string(i, "passage_prefix", "passage prefix", e->passage_prefix, err));
    return add_rows(i, e, err);
}

imr_status imr_inspect_encoder(imr_inspection *i, const imr_progress *progress, imr_error *err)
{
    (void)progress;
    imr_encoder *e;
    imr_error why;
    imr_status status = imr_encoder_open(&e, i->path, NULL, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    status = add_encoder(i, e, err);
    imr_encoder_free(e);
    return status;
}
