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

static void reader_done(reader *r)
{
    imr_buf_done(&r->text);
}

imr_status imr_encoder_train(size_t *words, const char *folder, const imr_dataset *dataset,
                             const imr_static_train_options *options, const imr_progress *progress,
                             imr_error *err)
{
    IMR_CLEANUP(reader_done) reader r = {.dataset = dataset};
    IMR_CLEANUP(imr_static_words_done) imr_static_words made = {0};
    const imr_text_source source = {dataset->documents.n, document_text, &r};
    IMR_TRY(imr_static_train(&made, &source, options, progress, err));
    IMR_TRY(imr_static_write(folder, made.stream.word, made.stream.words,
                             imr_matrix_view(&made.rows), true, err));
    if (words)
        *words = made.stream.words;
    return IMR_OK;
}
