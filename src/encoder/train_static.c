#include "encoder/train_static.h"

#include <math.h>

#include "base/limits.h"
#include "base/mem.h"
#include "encoder/ppmi.h"
#include "math/svd_sparse.h"

#define FREQUENCY_WEIGHT 1e-3
#define MAX_WINDOW       1000u
#define OVERSAMPLE       40
#define POWER_ROUNDS     4

void imr_static_words_done(imr_static_words *w)
{
    imr_word_stream_done(&w->stream);
    imr_matrix_done(&w->rows);
}

static imr_status check_options(const imr_static_train_options *o, imr_error *err)
{
    if (o->dim == 0 || o->dim > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_USAGE, "%zu dimensions asked for; 1 to %u are possible", o->dim,
                        IMR_MAX_DIM);
    if (o->window == 0 || o->window > MAX_WINDOW)
        return imr_fail(err, IMR_E_USAGE, "a window of %u words; 1 to %u are possible", o->window,
                        MAX_WINDOW);
    if (o->min_documents == 0)
        return imr_fail(err, IMR_E_USAGE, "a word cannot be in fewer than 1 document");
    return IMR_OK;
}

static imr_status check_words(const imr_word_stream *s, size_t documents,
                              const imr_static_train_options *o, imr_error *err)
{
    if (s->words == 0)
        return imr_fail(
            err, IMR_E_FORMAT,
            "none of the corpus's words is in %u or more of its %zu documents; a static "
            "encoder needs more text, or a smaller number of documents a word",
            o->min_documents, documents);
    if (o->dim > s->words)
        return imr_fail(err, IMR_E_SHAPE,
                        "%zu dimensions asked for, but the corpus has %zu words that are in %u or "
                        "more documents; at most %zu dimensions are possible",
                        o->dim, s->words, o->min_documents, s->words);
    return IMR_OK;
}

/* E_t = U_t sqrt(S) a/(a + p_t), in place of U. */
static void weigh_rows(imr_matrix *u, const float *s, const imr_word_stream *words)
{
    for (size_t t = 0; t < u->rows; t++) {
        double p = (double)words->count[t] / (double)words->total;
        double weight = FREQUENCY_WEIGHT / (FREQUENCY_WEIGHT + p);
        float *row = imr_matrix_row(u, t);
        for (size_t j = 0; j < u->cols; j++)
            row[j] = (float)(row[j] * sqrt((double)s[j]) * weight);
    }
}

imr_status imr_static_train(imr_static_words *out, const imr_text_source *documents,
                            const imr_static_train_options *options, const imr_progress *progress,
                            imr_error *err)
{
    IMR_TRY(check_options(options, err));
    IMR_CLEANUP(imr_static_words_done) imr_static_words w = {0};
    IMR_TRY(imr_word_stream_init(&w.stream, documents, options->min_documents, progress, err));
    IMR_TRY(check_words(&w.stream, documents->count, options, err));
    IMR_CLEANUP(imr_ppmi_done) imr_ppmi ppmi = {0};
    IMR_TRY(imr_ppmi_init(&ppmi, &w.stream, options->window, progress, err));
    imr_free(w.stream.id);
    w.stream.id = NULL;
    w.stream.length = 0;
    if (ppmi.start[w.stream.words] == 0)
        return imr_fail(
            err, IMR_E_FORMAT,
            "no two words of the corpus stand together more often than chance; a static "
            "encoder needs more text");
    imr_svd_sparse_options svd = {options->dim, OVERSAMPLE, POWER_ROUNDS, options->seed};
    IMR_CLEANUP(imr_svd_sparse_done) imr_svd_sparse factors = {0};
    IMR_TRY(imr_svd_sparse_init(&factors, &ppmi.matrix, &svd, progress, err));
    weigh_rows(&factors.u, factors.s, &w.stream);
    w.rows = factors.u;
    factors.u = (imr_matrix){0};
    *out = w;
    // Cleaned up at the end of the scope. NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores)
    w = (imr_static_words){0};
    return IMR_OK;
}
