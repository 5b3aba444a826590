#include "task/encoder.h"

#include "encoder/train_static.h"

typedef struct reader {
    const imr_dataset *dataset;
    imr_buf text; /* of the document handed out last */
} reader;

static imr_status document_text(void *user, size_t i, const char **text, size_t *len,
                                imr_error *err)
{
    reader *r = user;
    imr_buf_clear(&r->text);
    IMR_TRY(imr_dataset_text(r->dataset, i, &r->text, err));
    IMR_TRY(imr_buf_check(&r->text, err));
    *text = imr_buf_text(&r->text);
    *len = r->text.len;
    return IMR_OK;
}

imr_status imr_encoder_train(imr_encoder_trained *out, const char *folder,
                             const imr_dataset *dataset, const imr_static_train_options *options,
                             const imr_progress *progress, imr_error *err)
{
    reader r = {.dataset = dataset};
    const imr_text_source source = {dataset->documents.n, document_text, &r};
    imr_static_words words = {0};
    imr_status status = imr_static_train(&words, &source, options, progress, err);
    imr_buf_done(&r.text);
    IMR_TRY(status);
    status = imr_static_write(folder, words.stream.word, words.stream.words,
                              imr_matrix_view(&words.rows), true, err);
    if (status == IMR_OK && out)
        *out = (imr_encoder_trained){words.stream.words, words.stream.total};
    imr_static_words_done(&words);
    return status;
}
